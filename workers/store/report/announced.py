"""Who was told that something is done, with their scores before and after. Reads only."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import reporting as figures
from workers.domain.reporting import Filters, InformedCustomer
from workers.domain.types import DispatchState
from workers.store import read
from workers.store import tables as t
from workers.store.report import figures as stored


def list_told(connection: Connection, filters: Filters) -> list[InformedCustomer]:
    """Return everybody who was told that something is done, with the score before and the next one after.

    The period is that of the announcement, not of the question: an announcement belongs to the time it was made in.
    """
    o, r, d = t.told.c, t.response.c, t.dispatch.c
    words_only = replace(filters, since=None, until=None)
    source = stored.ANSWERS.join(t.told, o.response == r.id).outerjoin(t.dispatch, d.id == o.dispatch)
    sent = sa.type_coerce(d.state, sa.String()) == str(DispatchState.ACCEPTED)
    query = sa.select(o.initiative, o.customer, o.at, r.score, sent).select_from(source)
    query = query.where(*stored.of_answers(words_only), *stored.within(o.at, filters)).order_by(
        o.initiative, o.customer
    )
    rows = connection.execute(query).all()
    later = answers_after(connection, {str(row.customer) for row in rows})
    return [
        InformedCustomer(
            int(key), score, bool(left), next((s for at, s in later.get(str(who), ()) if at > since), None)
        )
        for key, who, since, score, left in rows
    ]


def answers_after(connection: Connection, customers: set[str]) -> dict[str, list[tuple[datetime, int]]]:
    """Return each customer's answers in order of time, recovery left out."""
    r = t.response.c
    scores: dict[str, list[tuple[datetime, int]]] = {}
    for chunk in read.chunks(customers):
        query = sa.select(r.customer, r.first_answered_at, r.score).where(
            r.customer.in_(chunk), r.trigger != figures.RECOVERY
        )
        for who, at, score in connection.execute(query.order_by(r.first_answered_at, r.id)):
            scores.setdefault(str(who), []).append((at, score))
    return scores
