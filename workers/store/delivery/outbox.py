"""The outbox: the first messages that wait, deleted once the broker has them, and for how long the oldest waited."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import database_now

FIRST = sa.select(sa.func.min(tables.outbox.c.id)).scalar_subquery()
OLDEST = sa.select(tables.outbox.c.at).where(tables.outbox.c.id == FIRST)


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits to be published; its id is the order in which it was put there."""

    id: int
    topic: str
    key: str
    value: bytes


def first_messages(connection: Connection, most: int, shares: Collection[int] = (), of: int = 1) -> list[Message]:
    """Return the messages that wait, the first ones first; with `shares` those whose key falls into one of them.

    Messages of one key fall into one share. Cutting into shares is PostgreSQL's alone.
    """
    c = tables.outbox.c
    query = sa.select(c.id, c.topic, c.key, c.value).order_by(c.id).limit(most)
    if of > 1 and len(shares) < of:
        query = query.where(share_of(c.key, of).in_(sorted(shares)))
    return [Message(int(id), str(topic), str(key), bytes(value)) for id, topic, key, value in connection.execute(query)]


def share_of(key: sa.ColumnElement[str], of: int) -> sa.ColumnElement[int]:
    """Return the share of a key: the first byte of its SHA-256, the same on every server."""
    digest = sa.func.sha256(sa.func.convert_to(key, "UTF8"))
    return sa.func.mod(sa.func.get_byte(digest, 0, type_=sa.Integer()), of, type_=sa.Integer())


def delete_messages(connection: Connection, ids: Collection[int]) -> None:
    """Delete messages that the broker has."""
    connection.execute(sa.delete(tables.outbox).where(tables.outbox.c.id.in_(ids)))


def count_messages(connection: Connection) -> int:
    """Return how many messages wait."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(tables.outbox)).scalar_one())


def outbox_age(connection: Connection) -> float:
    """Return for how many seconds of the database's clock the first message has waited.

    0 when none does, or when a release that kept no time left it.
    """
    since = connection.execute(OLDEST).scalar()
    return max(0.0, (database_now(connection) - since).total_seconds()) if since else 0.0
