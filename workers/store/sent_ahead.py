"""Statements that PostgreSQL is sent and that nobody waits for yet: the next one is made while it carries the last out.

A fault of one is raised where it is waited for: at a COPY, which does not go that way, and at the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import psycopg

AHEAD = "sent ahead"
"""Under this name a connection keeps what it was sent ahead, while that is allowed."""


@contextmanager
def sent_ahead(connection: Connection) -> Iterator[None]:
    """Let what `run` and `wait` of this module are given within the block go ahead; at its end all is carried out.

    Nothing else may be asked of the connection meanwhile. On SQLite, which carries out at once, it is nothing.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    kept = connection.connection.info
    with ExitStack() as waiting:  # what breaks off in the block ends the pipeline without hiding why
        kept[AHEAD] = waiting
        try:
            yield
            wait(connection)
        finally:
            del kept[AHEAD]


def driver_of(connection: Connection) -> "psycopg.Connection[Any]":
    """Return the driver's own connection to PostgreSQL."""
    return connection.connection.dbapi_connection  # type: ignore[return-value]  # our only driver


def run(connection: Connection, statement: str, values: Sequence[str], *, prepare: bool | None = None) -> None:
    """Run a statement of PostgreSQL that gives no rows; within `sent_ahead` without waiting for it.

    `prepare` False plans it for its values each time, None when it is new: after some times it goes by a plan for any.
    SQLAlchemy's events are told of it.
    """
    import psycopg  # loads libpq, which a run on SQLite need not

    raw = driver_of(connection)
    waiting = connection.connection.info.get(AHEAD)
    try:
        if waiting is not None and raw.pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF:
            waiting.enter_context(raw.pipeline())
        cursor = raw.cursor()
        tell("before_cursor_execute", connection, cursor, statement, values)
        cursor.execute(statement.encode(), values, prepare=prepare)
        tell("after_cursor_execute", connection, cursor, statement, values)
    except psycopg.Error as error:
        raise as_raised(connection, statement, error, psycopg.Error) from error


def wait(connection: Connection) -> None:
    """Wait until all that was sent ahead is carried out; raises what was wrong with it."""
    waiting = connection.connection.info.get(AHEAD)
    if waiting is None:
        return
    import psycopg  # loads libpq, which a run on SQLite need not

    try:
        waiting.close()
    except psycopg.Error as error:
        raise as_raised(connection, "a statement sent ahead", error, psycopg.Error) from error


def as_raised(connection: Connection, statement: str, error: Exception, base: type[Exception]) -> DBAPIError:
    """Return a driver's error as SQLAlchemy raises it; `base` is the class of all that the driver raises."""
    broken = bool(getattr(connection.connection.dbapi_connection, "broken", False))
    if broken:
        connection.invalidate(error)
    raised = DBAPIError.instance(
        statement, (), error, base, hide_parameters=True, connection_invalidated=broken, dialect=connection.dialect
    )
    assert isinstance(raised, DBAPIError)
    return raised


def tell(event: str, connection: Connection, cursor: Any, text: str, parameters: Any) -> None:
    """Tell whoever listens to the statements of a database of one."""
    for listener in getattr(connection.dispatch, event):
        listener(connection, cursor, text, parameters, None, False)
