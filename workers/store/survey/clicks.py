"""Clicks on the links of a question: kept as evidence, never taken for an answer. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Click
from workers.store import tables
from workers.store.round_trips import fetch
from workers.store.row_reading import read_records

CLICK = tables.click.c
OF_A_QUESTION = (CLICK.request == sa.bindparam("request"), CLICK.customer == sa.bindparam("customer"))
LATEST = sa.select(tables.click).where(*OF_A_QUESTION).order_by(CLICK.at.desc(), CLICK.id).limit(sa.bindparam("most"))
BY_A_PERSON = sa.select(CLICK.id).where(*OF_A_QUESTION, CLICK.signal == "").limit(1)
"""Built once: building a statement costs more than running it."""


def latest_clicks(connection: Connection, request: str, customer: str, most: int) -> list[Click]:
    """Return the last clicks on the links of a question, the newest first."""
    return read_records(connection, Click, LATEST, {"request": request, "customer": customer, "most": most})


def opened_by_a_person(connection: Connection, request: str, customer: str | None) -> bool:
    """Tell whether the link of a customer's question was opened by what does not look like a machine."""
    return bool(fetch(connection, BY_A_PERSON, {"request": request, "customer": customer}))
