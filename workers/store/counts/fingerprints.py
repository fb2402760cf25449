"""The fingerprint of a table's comparable rows: the sum of one hash for each row, so that their order means nothing.

The database writes each row as one text, the same on both engines, and PostgreSQL adds the hashes up by itself; nothing
is held in memory. Which rows, and what is left out of them, stands in compared_rows.py.
"""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import invariants
from workers.store import tables as t

SEPARATOR, NOTHING = "\x1f", "\x1d"
"""Between the values of a row, and for no value: control characters, which no text of ours holds."""
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
"""PostgreSQL's words for what tables.INSTANT_TEXT writes."""
AT_ONCE = 10_000  # rows fetched in one go


def fingerprint(connection: Connection, rows: sa.Select[Any]) -> tuple[str, int]:
    """Return the fingerprint of a statement's rows, whatever their order and the database, and their number."""
    line = line_of(rows, connection.dialect.name)
    if connection.dialect.name == "postgresql":
        total, count = connection.execute(sa.select(sa.func.sum(mark_of(line)), sa.func.count())).one()
        return invariants.as_fingerprint(int(total or 0)), int(count)
    add_functions(connection)
    return invariants.fingerprint(connection.execution_options(yield_per=AT_ONCE).execute(sa.select(line)).scalars())


def mark_of(line: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """Return PostgreSQL's expression of invariants.mark: the first eight bytes of SHA-256, as a signed number."""
    digest = sa.func.sha256(sa.func.convert_to(line, "UTF8"))
    bits = sa.literal("x") + sa.func.encode(sa.func.substr(digest, 1, 8), "hex")
    return sa.cast(sa.cast(bits, BIT64), sa.BigInteger())


class Bit64(sa.types.UserDefinedType[Any]):
    """PostgreSQL's `bit(64)`, which SQLAlchemy does not know; it casts to a signed number."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "bit(64)"


BIT64 = Bit64()


def line_of(rows: sa.Select[Any], dialect: str) -> sa.ColumnElement[str]:
    """Return the text of a row: its values in the order of their names."""
    source = rows.subquery()
    ticket = ticket_names()
    parts: list[sa.ColumnElement[Any]] = []
    for name in sorted(source.c.keys()):
        text: sa.ColumnElement[Any] = text_of(name, source.c[name], dialect)
        if name == "reference":
            names = sa.select(ticket.c.name).where(ticket.c.key == text).scalar_subquery()
            text = sa.func.coalesce(names, text)
        parts.append(sa.func.coalesce(text, "" if name in invariants.HIDDEN else NOTHING))
    line: sa.ColumnElement[str] = parts[0]
    for part in parts[1:]:
        line = line + sa.literal(SEPARATOR, sa.String()) + part
    return line


def ticket_names() -> sa.CTE:
    """Return what each ticket is about by its id as text, for surveys and journeys whose reference is a ticket."""
    c = t.ticket.c
    about = sa.case((c.trigger == "recovery", ""), else_=c.reference)
    name = sa.literal("ticket about ", sa.String()) + c.trigger + " " + about
    return sa.select(sa.cast(c.id, sa.Text()).label("key"), name.label("name")).cte("ticket_names")


def text_of(name: str, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Return a column as text, the same on both databases; raises TypeError for a kind that has none yet."""
    kind = column.type
    if isinstance(kind, t.Instant):
        if dialect != "postgresql":
            return sa.type_coerce(column, sa.String())
        return sa.func.to_char(sa.func.timezone("UTC", column), INSTANT)
    if isinstance(kind, sa.Boolean):
        return sa.case((column.is_(True), "yes"), (column.is_(False), "no"))
    if isinstance(kind, sa.JSON):
        if dialect != "postgresql":
            return sa.func.boucle_document(sa.type_coerce(column, sa.String()))
        return sa.cast(column.op("-")(sa.literal(invariants.LEFT_OUT_OF_INPUTS, sa.Text())), sa.Text())
    if isinstance(kind, sa.Integer):
        return sa.cast(column, sa.Text())
    if isinstance(kind, sa.String | sa.Text):
        return sa.type_coerce(column, sa.String())
    raise TypeError(f"{name}: no text is known for {kind!r} that both databases write alike")


def add_functions(connection: Connection) -> None:
    """Teach SQLite to write a document as PostgreSQL does."""
    driven: Any = connection.connection.dbapi_connection
    driven.create_function("boucle_document", 1, document, deterministic=True)


def document(text: str | None) -> str | None:
    """Return a JSON object as PostgreSQL's jsonb writes it: shorter names first, without what is left out."""
    if text is None:
        return None
    values = json.loads(text)
    values.pop(invariants.LEFT_OUT_OF_INPUTS, None)
    ordered = sorted(values, key=lambda name: (len(name.encode()), name.encode()))
    return json.dumps({name: values[name] for name in ordered}, ensure_ascii=False)
