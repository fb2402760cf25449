"""Waves: the moments at which everybody is asked, and how far each has come through the customers.

A wave goes through the customers in the order of their keys; its cursor is the last one it came to. Plans nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.domain.types import CustomerId, Reason, TouchpointState
from workers.store import tables

TABLE = tables.wave
DUE = sa.and_(TABLE.c.done_at.is_(None), TABLE.c.at <= sa.bindparam("now", type_=tables.Instant()))
OLDEST = sa.select(TABLE.c.id, TABLE.c.at, TABLE.c.cursor).where(DUE).order_by(TABLE.c.at, TABLE.c.id).limit(1)
NAMED = tables.customer.c.anonymous.is_not(sa.true())
"""A wave asks nobody of whom we know nothing but an answer at a place."""
OLDEST_FREE = OLDEST.with_for_update(skip_locked=True)


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave that is due; `cursor` is the last customer it came to, empty at its beginning."""

    id: str
    at: datetime
    cursor: str


def announce(connection: Connection, wave: str, at: datetime) -> None:
    """Remember that everybody is to be asked; told again, the earlier instant counts until the wave has begun."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(TABLE).values(id=wave, at=at, cursor="").on_conflict_do_nothing())
    begun = sa.or_(TABLE.c.cursor != "", TABLE.c.done_at.is_not(None))
    connection.execute(sa.update(TABLE).where(TABLE.c.id == wave, TABLE.c.at > at, sa.not_(begun)).values(at=at))


def announced_among(connection: Connection, waves: Collection[str]) -> set[str]:
    """Return those of these waves that were announced before, by an event or from the list."""
    if not waves:
        return set()
    return set(connection.execute(sa.select(TABLE.c.id).where(TABLE.c.id.in_(list(waves)))).scalars())


def since(connection: Connection, instant: datetime) -> list[tuple[Wave, bool]]:
    """Return the waves that begin at an instant or later, or are not over, with whether each came to everybody."""
    recent = sa.or_(TABLE.c.at >= instant, TABLE.c.done_at.is_(None))
    rows = connection.execute(sa.select(TABLE).where(recent).order_by(TABLE.c.at, TABLE.c.id))
    return [(Wave(row.id, row.at, row.cursor), row.done_at is not None) for row in rows]


def any_due(connection: Connection, now: datetime) -> bool:
    """Tell, without a lock, whether a wave is due that has not come to everybody."""
    return connection.execute(OLDEST, {"now": now}).first() is not None


def take(connection: Connection, now: datetime) -> Wave | None:
    """Lock the oldest due wave that nobody else is working on; None when there is none."""
    row = connection.execute(OLDEST_FREE, {"now": now}).first()
    return Wave(row.id, row.at, row.cursor) if row else None


def following(connection: Connection, wave: Wave, limit: int) -> list[CustomerId]:
    """Return the next customers that a wave comes to, by key; fewer than `limit` are the last ones."""
    customer = tables.customer
    query = sa.select(customer.c.id).where(NAMED).order_by(customer.c.id).limit(limit)
    if wave.cursor:
        query = query.where(customer.c.id > wave.cursor)
    return [CustomerId(key) for key in connection.execute(query).scalars()]


def advance(connection: Connection, wave: Wave, cursor: str, done_at: datetime | None) -> None:
    """Keep how far a wave has come, and when it came to everybody."""
    connection.execute(sa.update(TABLE).where(TABLE.c.id == wave.id).values(cursor=cursor, done_at=done_at))


def count_people(connection: Connection) -> int:
    """Return how many customers there are: nobody who was erased or merged into another."""
    c = tables.customer.c
    query = sa.select(sa.func.count()).where(c.erased_at.is_(None), c.merged_into.is_(None), NAMED)
    return int(connection.execute(query).scalar_one())


def became_of(
    connection: Connection, wave: str, *, undated: Collection[Reason]
) -> Iterator[tuple[TouchpointState, str, str, int]]:
    """Give (state, reason, detail, how many) of the touchpoints of a wave; of what was too late, what had held it.

    The detail of a reason in `undated` is left out: it is a date, which each person has of their own.
    """
    p, j = tables.touchpoint.c, tables.journey.c
    words = ", ".join(f"'{reason.value}'" for reason in undated)
    # Written out, because a parameter each time would not be one expression to group by.
    is_dated: sa.ColumnElement[bool] = sa.literal_column(f"touchpoint.reason IN ({words})")
    cause = sa.case((is_dated, sa.literal_column("''")), else_=p.detail)
    query = (
        sa.select(p.state, p.reason, cause, sa.func.count())
        .join_from(tables.touchpoint, tables.journey, j.id == p.journey)
        .where(j.began == "wave", j.reference == wave)
        .group_by(p.state, p.reason, cause)
    )
    for state, reason, detail, count in connection.execute(query):
        yield state, str(reason), str(detail), int(count)
