"""The rows of API keys, and the counts of what was sent with them. Keys are kept as SHA-256 hashes only.

Nothing here judges a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

TABLE = tables.api_key
COUNTED = "api_key:"
"""Beginning of the counters of requests by outcome."""
USE_NOTED_EVERY = timedelta(minutes=1)
LIMITED, REVOKED = "limited", "revoked"
"""What the column `scope` holds for a role of 0.1.0, which reads only that one, so that it refuses these keys."""
BEFORE_SCOPES = {"events": "all", "all": "all"}
"""What a key of 0.1.0 may send, by its column `scope`."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as it is kept; `scopes` are names with a space between."""

    hash: str
    name: str
    scopes: str
    owner: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def id(self) -> str:
        """Return the beginning of the hash, by which a key can be named; it opens nothing."""
        return self.hash[:8]


def list_keys(connection: Connection) -> list[KeyRow]:
    """Return every key, oldest first."""
    rows = connection.execute(sa.select(TABLE).order_by(TABLE.c.created_at, TABLE.c.hash))
    return [
        KeyRow(
            row.hash,
            row.name,
            BEFORE_SCOPES.get(row.scope, "") if row.scopes is None else row.scopes,
            row.owner or "",
            row.created_at,
            row.expires_at,
            row.revoked_at,
            row.last_used_at,
        )
        for row in rows
    ]


def add_key(connection: Connection, key: KeyRow) -> None:
    """Keep a new key by its hash; a role of 0.1.0 refuses one that is limited, as it cannot read its limits."""
    unlimited = key.scopes == "all" and key.expires_at is None
    values = {
        "hash": key.hash,
        "name": key.name,
        "scope": "all" if unlimited else LIMITED,
        "scopes": key.scopes,
        "owner": key.owner,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }
    connection.execute(sa.insert(TABLE).values(**values))


def revoke_key(connection: Connection, hash: str, at: datetime) -> None:
    """Take what a key opened away; its row stays, so that whoever sends it is told why it is refused."""
    connection.execute(sa.update(TABLE).where(TABLE.c.hash == hash).values(revoked_at=at, scope=REVOKED))


def note_use(connection: Connection, hash: str, at: datetime) -> bool:
    """Keep when a key was last used, once a minute at most whoever asks; say whether it was written."""
    old = sa.or_(TABLE.c.last_used_at.is_(None), TABLE.c.last_used_at <= at - USE_NOTED_EVERY)
    changed = connection.execute(sa.update(TABLE).where(TABLE.c.hash == hash, old).values(last_used_at=at))
    return changed.rowcount == 1


def count_requests(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to the counts of requests by outcome, which never fall."""
    table = tables.counter
    for outcome, n in sorted(counts.items()):
        this = table.c.name == f"{COUNTED}{outcome}"
        changed = connection.execute(sa.update(table).where(this).values(value=table.c.value + n))
        if not changed.rowcount:
            connection.execute(sa.insert(table).values(name=f"{COUNTED}{outcome}", value=n))


def counted_requests(connection: Connection) -> dict[str, int]:
    """Return the counts of requests by outcome."""
    table = tables.counter
    query = sa.select(table.c.name, table.c.value).where(table.c.name.startswith(COUNTED, autoescape=True))
    return {str(name).removeprefix(COUNTED): int(n) for name, n in connection.execute(query.order_by(table.c.name))}
