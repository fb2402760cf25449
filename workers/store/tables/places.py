"""Answers at places."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import table

place_answer = table(
    records.PlaceAnswer,
    sa.Index("place_answer_customer", "customer"),
    sa.Index("place_answer_place", "place", "at"),
    sa.Index("place_answer_claim", "claim_key"),
)
