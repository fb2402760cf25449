"""Waves: the moments at which everybody is asked, and how far each has come through the customers.

The customers are cut into shares by the first digit of their keys, which are hashes, so that several wakers work on one
wave. In each share a wave goes through the customers in the order of their keys; its cursor is the last one it came to.
Plans nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.domain.types import CustomerId, Reason, TouchpointState
from workers.store import tables

TABLE, SHARE = tables.wave, tables.wave_share
SHARES = 16
"""Into how many shares the customers are cut: as many wakers at most work on one wave."""
NOW = sa.bindparam("now", type_=tables.Instant())
IS_DUE = sa.and_(TABLE.c.done_at.is_(None), TABLE.c.at <= NOW)
OF_WAVE = SHARE.c.wave == TABLE.c.id
LEFT = sa.exists().where(OF_WAVE, SHARE.c.done_at.is_(None))
DIVIDED = sa.exists().where(OF_WAVE)
BEGUN = sa.or_(TABLE.c.cursor != "", DIVIDED)
"""By the cursor a wave is known that a release before began."""
ANY_DUE = sa.select(TABLE.c.id).where(IS_DUE).limit(1)
UNDIVIDED = sa.select(TABLE.c.id, TABLE.c.cursor).where(IS_DUE, sa.not_(DIVIDED))
ENDED = sa.update(TABLE).where(IS_DUE, DIVIDED, sa.not_(LEFT)).values(done_at=NOW)
FREE = (
    sa.select(TABLE.c.id, TABLE.c.at, SHARE.c.share, SHARE.c.cursor)
    .join_from(SHARE, TABLE, OF_WAVE)
    .where(IS_DUE, SHARE.c.done_at.is_(None))
    .order_by(TABLE.c.at, TABLE.c.id, SHARE.c.share)
    .limit(1)
    .with_for_update(of=SHARE, skip_locked=True)
)
NEXT_FREE = FREE.where(TABLE.c.id == sa.bindparam("wave"), SHARE.c.share > sa.bindparam("behind"))
NAMED = tables.customer.c.anonymous.is_not(sa.true())
"""A wave asks nobody of whom we know nothing but an answer at a place."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave; `begun` when it has come to anybody."""

    id: str
    at: datetime
    begun: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a wave that is due; `cursor` is the last customer it came to there, before it the smallest key."""

    wave: str
    at: datetime
    number: int
    cursor: str


def keys_of(share: int) -> tuple[str, str]:
    """Return the smallest and the largest key that a customer of a share may have."""
    digit = f"{share:x}"
    return f"{digit}0000000-0000-0000-0000-000000000000", f"{digit}fffffff-ffff-ffff-ffff-ffffffffffff"


def announce(connection: Connection, wave: str, at: datetime) -> None:
    """Remember that everybody is to be asked; told again, the earlier instant counts until the wave has begun."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(TABLE).values(id=wave, at=at, cursor="").on_conflict_do_nothing())
    begun = sa.or_(BEGUN, TABLE.c.done_at.is_not(None))
    connection.execute(sa.update(TABLE).where(TABLE.c.id == wave, TABLE.c.at > at, sa.not_(begun)).values(at=at))


def announced_among(connection: Connection, waves: Collection[str]) -> set[str]:
    """Return those of these waves that were announced before, by an event or from the list."""
    if not waves:
        return set()
    return set(connection.execute(sa.select(TABLE.c.id).where(TABLE.c.id.in_(list(waves)))).scalars())


def since(connection: Connection, instant: datetime) -> list[tuple[Wave, bool]]:
    """Return the waves that begin at an instant or later, or are not over, with whether each came to everybody."""
    recent = sa.or_(TABLE.c.at >= instant, TABLE.c.done_at.is_(None))
    query = sa.select(TABLE.c.id, TABLE.c.at, BEGUN, TABLE.c.done_at).where(recent).order_by(TABLE.c.at, TABLE.c.id)
    return [(Wave(id, at, bool(has_begun)), done is not None) for id, at, has_begun, done in connection.execute(query)]


def any_due(connection: Connection, now: datetime) -> bool:
    """Tell, without a lock, whether a wave is due that has not come to everybody."""
    return connection.execute(ANY_DUE, {"now": now}).first() is not None


def divide(connection: Connection, now: datetime) -> None:
    """Cut the customers into shares for each wave that is due and was not divided yet. Idempotent.

    A wave that a release before began goes on behind its cursor. Its own transaction: who divides the same wave waits.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for wave, cursor in connection.execute(UNDIVIDED, {"now": now}).all():
        rows = []
        for share in range(SHARES):
            first, last = keys_of(share)
            done_at = now if cursor >= last else None
            rows.append({"wave": wave, "share": share, "cursor": max(cursor, first), "done_at": done_at})
        connection.execute(insert(SHARE).on_conflict_do_nothing(), rows)


def undivided(connection: Connection, now: datetime) -> bool:
    """Tell, without a lock, whether a wave is due that was not divided yet."""
    return connection.execute(UNDIVIDED.limit(1), {"now": now}).first() is not None


def take(connection: Connection, now: datetime, behind: Share | None = None) -> Share | None:
    """Lock a share of the oldest due wave that nobody else is working on; `behind` another one, of its wave."""
    if behind is None:
        row = connection.execute(FREE, {"now": now}).first()
    else:
        named = {"now": now, "wave": behind.wave, "behind": behind.number}
        row = connection.execute(NEXT_FREE, named).first()
    return Share(row.id, row.at, row.share, row.cursor) if row else None


def following(connection: Connection, share: Share, limit: int) -> list[CustomerId]:
    """Return the next customers of a share, by key; fewer than `limit` are the last ones."""
    return people(connection, share.cursor, limit, tables.customer.c.id <= keys_of(share.number)[1])


def people(connection: Connection, behind: str, limit: int, *conditions: sa.ColumnElement[bool]) -> list[CustomerId]:
    """Return the next customers behind a key, or from the first one, that a wave would come to."""
    customer = tables.customer
    query = sa.select(customer.c.id).where(NAMED, *conditions).order_by(customer.c.id).limit(limit)
    if behind:
        query = query.where(customer.c.id > behind)
    return [CustomerId(key) for key in connection.execute(query).scalars()]


def advance(connection: Connection, share: Share, cursor: str, done_at: datetime | None) -> None:
    """Keep how far a wave has come in a share, and when it came to everybody there."""
    whose = (SHARE.c.wave == share.wave, SHARE.c.share == share.number)
    connection.execute(sa.update(SHARE).where(*whose).values(cursor=cursor, done_at=done_at))


def end(connection: Connection, now: datetime) -> None:
    """Keep that waves whose every share is done have come to everybody.

    Of two that do the last shares at once neither sees the other's: whoever looks next ends the wave.
    """
    connection.execute(ENDED, {"now": now})


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
