"""Who was told that something is done, with their scores before and after. Reads only."""

from dataclasses import fields, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import RECOVERY, Filters, InformedCustomer
from workers.domain.types import DispatchState
from workers.store import tables as t
from workers.store.report import figures as stored


def count_told(connection: Connection, filters: Filters) -> dict[InformedCustomer, int]:
    """Count whoever was told that something is done by the score before and that of the next answer.

    The period is that of the announcement, not of the question: an announcement belongs to the time it was made in.
    """
    o, r, d = t.told.c, t.response.c, t.dispatch.c
    later = t.response.alias("later")
    words_only = replace(filters, since=None, until=None)
    of_nps = sa.and_(later.c.trigger != RECOVERY, later.c.question.is_(None))
    after = sa.and_(later.c.customer == o.customer, of_nps, later.c.first_answered_at > o.at)
    source = (
        stored.answers_of(words_only)
        .join(t.told, o.response == r.id)
        .outerjoin(t.dispatch, d.id == o.dispatch)
        .outerjoin(later, after)
    )
    columns: dict[str, stored.Column] = {
        "initiative": o.initiative,
        "score": r.score,
        "sent": sa.func.coalesce(sa.type_coerce(d.state, sa.String()) == str(DispatchState.ACCEPTED), sa.false()),
        "score_after": later.c.score,
        "place": sa.func.row_number().over(
            partition_by=(o.initiative, o.customer, r.id), order_by=(later.c.first_answered_at, later.c.id)
        ),
    }
    informed = sa.select(*(column.label(name) for name, column in columns.items())).select_from(source)
    in_turn = informed.where(*stored.of_answers(words_only), *stored.within(o.at, filters)).subquery()
    by = [in_turn.c[field.name] for field in fields(InformedCustomer)]
    query = sa.select(*by, sa.func.count()).where(in_turn.c.place == 1).group_by(*by)
    return {InformedCustomer(*customers): int(n) for *customers, n in connection.execute(query)}
