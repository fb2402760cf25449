"""Statements straight to the driver: on PostgreSQL several in one round trip, on SQLite one after the other.

SQLAlchemy writes them, once, and says what its parameters become; its events are told of each, and errors are its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.expression import ClauseElement

from workers.store.sent_ahead import as_raised, driver_of, tell

Rows = Sequence[Sequence[Any]]
Asked = tuple[ClauseElement, Mapping[str, object]]
"""A statement with its values by name."""
GENERIC_PLANS = "SET LOCAL plan_cache_mode = force_generic_plan"
"""Plans made once for each connection: PostgreSQL thinks those for the values at hand cheaper, and planning them anew
takes longer than running them."""


PLANNED = "planned"
"""Where a connection keeps the names of the statements that were planned on it."""
_NAMED = re.compile(r"%\((\w+)\)s|%%")


@dataclass(frozen=True, slots=True)
class Written:
    """A statement as the driver takes it, with what becomes of each of its values.

    `numbered`: the same as libpq takes it, with the names of the values in their order.
    """

    text: str
    numbered: bytes
    numbers: Sequence[str]
    places: tuple[str, ...] | None
    values: Mapping[str, object]
    processors: Mapping[str, Callable[[Any], Any]]

    def parameters(self, values: Mapping[str, object]) -> Any:
        """Return values as the driver takes them: by name, or in the order of their places."""
        named = {**self.values, **values}
        processors = self.processors
        sent = {name: processors[name](value) if name in processors else value for name, value in named.items()}
        return sent if self.places is None else tuple(sent[name] for name in self.places)


@lru_cache(256)
def written(statement: ClauseElement, dialect: Dialect) -> Written:
    """Return a statement as the driver of a database takes it; each is written once."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    assert not compiled.post_compile_params, "a list of values in a statement, whose length the text would have to know"
    processors = {}
    for bind, name in compiled.bind_names.items():
        if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None:
            processors[name] = processor
    fixed = {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required}
    places = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return Written(str(compiled), *numbered(str(compiled)), places, fixed, processors)


def numbered(text: str) -> tuple[bytes, Sequence[str]]:
    """Return a statement with numbers instead of the names of its parameters, and these in their order."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}" if match[1] else "%"

    return _NAMED.sub(number, text).encode(), tuple(names)


def ask_at_once(connection: Connection, asked: Sequence[Asked]) -> list[Rows]:
    """Send PostgreSQL some statements together and return the rows of each; they run one after the other.

    Each sees what was committed before it began, as if it had been sent by itself.
    """
    import psycopg  # loads libpq, which a run on SQLite need not

    raw = driver_of(connection)
    cursors, rows = [], list[Rows]()
    try:
        with raw.pipeline():
            for statement, values in asked:
                sent = written(statement, connection.dialect)
                parameters, cursor = sent.parameters(values), raw.cursor()
                tell("before_cursor_execute", connection, cursor, sent.text, parameters)
                cursor.execute(sent.text.encode(), parameters, prepare=True)
                cursors.append((cursor, sent.text, parameters))
            for cursor, text, parameters in cursors:  # within the pipeline: rows are read while the next are looked for
                rows.append(cursor.fetchall())
                tell("after_cursor_execute", connection, cursor, text, parameters)
                cursor.close()
    except psycopg.Error as error:
        raise as_raised(connection, cursors[-1][1] if cursors else "BEGIN", error, psycopg.Error) from error
    return rows


def ask_for_texts(connection: Connection, asked: Sequence[Asked]) -> list[Rows]:
    """Send PostgreSQL some statements together and return the rows of each, as texts; they run one after the other.

    As `ask_at_once`, and straight over libpq, by plans that are made once for each connection.
    """
    import psycopg  # loads libpq, which a run on SQLite need not

    from workers.store.conversations import Said, as_text, converse

    raw = driver_of(connection)
    said: list[Said] = [(GENERIC_PLANS.encode(), ())]
    told: list[tuple[str, Any]] = []
    try:
        for statement, values in asked:
            sent = written(statement, connection.dialect)
            parameters = sent.parameters(values)
            told.append((sent.text, parameters))
            tell("before_cursor_execute", connection, None, *told[-1])
            said.append((sent.numbered, [as_text(parameters[name]) for name in sent.numbers]))
        rows = converse(raw, said, connection.connection.info.setdefault(PLANNED, {}))
    except psycopg.Error as error:
        raise as_raised(connection, told[-1][0], error, psycopg.Error) from error
    for text, parameters in told:
        tell("after_cursor_execute", connection, None, text, parameters)
    return rows[1:]


def ask_each(connection: Connection, asked: Sequence[Asked]) -> Sequence[Rows]:
    """Return the rows of each of some statements: in one round trip on PostgreSQL, which plans them as it likes."""
    if connection.dialect.name == "sqlite":
        return [ask(connection, *each) for each in asked]
    return ask_at_once(connection, asked)


def ask(connection: Connection, statement: ClauseElement, values: Mapping[str, object]) -> Rows:
    """Run one statement on SQLite and return its rows."""
    import sqlite3

    sent = written(statement, connection.dialect)
    parameters = sent.parameters(values)
    raw: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]  # our only driver
    cursor = raw.cursor()
    try:
        tell("before_cursor_execute", connection, cursor, sent.text, parameters)
        cursor.execute(sent.text, parameters)
        rows = cursor.fetchall()
        tell("after_cursor_execute", connection, cursor, sent.text, parameters)
    except sqlite3.Error as error:
        raise as_raised(connection, sent.text, error, sqlite3.Error) from error
    finally:
        cursor.close()
    return rows


def fetch(connection: Connection, statement: ClauseElement, values: Mapping[str, object]) -> Rows:
    """Return the rows of a statement that gives texts and numbers alone: straight from the driver on SQLite, where it
    runs in less time than SQLAlchemy needs to prepare it."""
    if connection.dialect.name == "sqlite":
        return ask(connection, statement, values)
    assert isinstance(statement, sa.Select)
    return connection.execute(statement, values).all()


def run_straight(connection: Connection, statement: sa.Update, values: Mapping[str, object]) -> None:
    """Run a statement that gives no rows, straight by the driver on SQLite, as `fetch` does."""
    if connection.dialect.name == "sqlite":
        ask(connection, statement, values)
    else:
        connection.execute(statement, values)
