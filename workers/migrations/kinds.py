"""The column types of the revisions, as the two databases have them; fixed, whatever the tables' classes become.

A type that changes gets a new name here and a new revision; the old name stays for the revisions that used it.
"""

from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from workers.store import tables

KEY = sa.Uuid(as_uuid=False).with_variant(sa.String(36), "sqlite")
"""One of our derived ids."""
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
"""A JSON value."""
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A whole number; on SQLite the kind that may count by itself."""
INSTANT = sa.String(27).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
"""A moment in UTC."""

NAMES: tuple[tuple[TypeEngine[Any], str], ...] = (
    (tables.Key, "KEY"),
    (tables.Document, "DOCUMENT"),
    (tables.Number, "NUMBER"),
)


def named(what: str, thing: object, _context: object) -> str | Literal[False]:
    """Return how a revision writes a column's type, or False for what Alembic writes well by itself."""
    if what != "type":
        return False
    if isinstance(thing, tables.Instant):
        return "INSTANT"
    if isinstance(thing, tables.State):
        return f"sa.String({thing.impl_instance.length})"  # type: ignore[attr-defined]  # impl is a String
    return next((name for kind, name in NAMES if thing is kind), False)
