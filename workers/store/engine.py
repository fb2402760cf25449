"""What differs between SQLite and PostgreSQL when a connection is made, and how a failed transaction is judged.

Every writing transaction on SQLite is `BEGIN IMMEDIATE`: a deferred one loses updates or fails as locked.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Engine, RootTransaction
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.functions import FunctionElement

from workers.errors import KeyTaken, NotNow
from workers.process.outages import DATABASE, Outages
from workers.process.pulse import beat
from workers.store.patience import Patience, be_impatient, be_patient, connect_patiently, see_that_it_lives
from workers.text.masking import without_values

T = TypeVar("T")
POOL, OVERFLOW = 32, 24
"""Connections to PostgreSQL that one process opens at most, and how many of them it closes when they are idle."""
TRIES = 12
"""How often a transaction that met another writer is run again before it is given up."""
LONGEST_PAUSE_SECONDS = 0.5
"""Before the last try; before the others half of the next one's, each by chance a part of it."""
RETRYABLE_STATES = frozenset({"40001", "40P01"})
"""SQLSTATE serialization_failure and deadlock_detected."""
KEY_TAKEN = "23505"
"""SQLSTATE unique_violation; SQLite says UNIQUE, also of a primary key."""
LOOKS = 3
"""How often in a row the same key may be there: a second look sees what another writer wrote, and decides anew."""
READS = "reads"
"""What a connection is marked with while a transaction begins that only reads."""
FAULTS_OF_DATA = frozenset({"22", "23", "42", "0A", "21"})
"""SQLSTATE classes in which the statement or its values are at fault: data, integrity, syntax and names. Whatever else
the database says (locks, resources, disk, shutdown, read-only, its own errors) is about it, and passes."""
SQLITE_FAULTS = ("no such", "syntax error", "near ", "has no column", "already exists", "too many", "incomplete input")
"""How SQLite's operational errors begin that are about the statement; all others are about the file or the machine."""
WORDS_FOR = (
    (("55P03",), ("database is locked", "table is locked", "busy"), "a lock was not had in time"),
    (("53100",), ("disk is full",), "its disk is full"),
    (("25006",), ("readonly",), "it is read-only"),
    (("53",), ("too many clients", "too many connections", "connection slots"), "it has no resources left"),
    (("57014",), ("interrupted",), "it took too long"),
    (("57",), ("is starting up", "is shutting down", "is not yet accepting"), "it is stopping or starting"),
    (("40",), (), "other writers were in the way"),
    ((), ("file is not a database",), "its file is not a database"),
    (("58", "XX"), ("i/o error", "malformed"), "it has a fault of its own"),
    (("42501",), (), "a right is missing"),
    (("42",), ("no such table", "no such column", "has no column"), "its tables are not those of this release"),
)
"""What is said to the outside for states of the database, or for its texts where it gives no state (SQLite, and a
server that lets nobody in); its own words stand in the log alone. Texts hold names and numbers: no state is looked for
in them."""
UNREACHABLE = "it cannot be reached"
REFUSES = "it refuses what is asked of it"
NOT_LET_IN = ("08", "25P03", "25P04", "28", "3D")
"""SQLSTATE of connections that broke, were ended, or were not let in; whoever gives another one can be reached."""


def connect(url: str, patience: Patience = Patience()) -> Engine:  # noqa: B008  # frozen
    """Return an engine for `sqlite:///FILE` or `postgresql://...`; opens no connection yet."""
    options: dict[str, Any] = {"hide_parameters": True, "json_serializer": to_json, "json_deserializer": orjson.loads}
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": patience.file_lock}, **options)

        def set_up(connection: Any, _record: object) -> None:
            set_up_sqlite(connection, patience.file_lock)

        sa.event.listen(engine, "connect", set_up)
        vars(engine.dialect)["do_begin"] = begin_sqlite  # no event: with one, each statement asks for listeners
        return engine
    engine = sa.create_engine(
        url,
        pool_size=POOL - OVERFLOW,
        max_overflow=OVERFLOW,
        pool_timeout=patience.lock,
        connect_args=patience.arguments(),
        **options,
    )

    def do_connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        return connect_patiently(patience, arguments, named)

    def checkin(driven: Any, record: Any) -> None:
        be_impatient(driven, patience, record.info)

    def checkout(driven: Any, record: Any, _lent: Any) -> None:
        see_that_it_lives(engine.dialect, driven, record.info)

    sa.event.listen(engine, "do_connect", do_connect)
    sa.event.listen(engine, "checkin", checkin)
    sa.event.listen(engine, "checkout", checkout)
    return engine


def to_json(value: object) -> str:
    """Return compact JSON; keys sorted, so that equal values are equal text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def set_up_sqlite(connection: Any, seconds: float) -> None:
    """Set one SQLite connection up: our own BEGIN, WAL, foreign keys, waiting instead of failing."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={round(seconds * 1000)}",
        "foreign_keys=ON",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_sqlite(connection: PoolProxiedConnection) -> None:
    """Begin at once as a writer, unless the store said that it only reads."""
    cursor = connection.cursor()
    cursor.execute("BEGIN" if connection.info.get(READS) else "BEGIN IMMEDIATE")
    cursor.close()


def begin_reading(connection: Connection) -> RootTransaction:
    """Begin what only reads: on SQLite without the right to write, which one connection has at a time."""
    info = connection.connection.info
    info[READS] = True
    try:
        return connection.begin()
    finally:
        del info[READS]


class ArrayText(sa.types.UserDefinedType[str]):
    """PostgreSQL's array of a type, sent as its text; the driver would ask a pattern about each of its values."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, kind: sa.types.TypeEngine[Any]) -> None:
        self.kind = kind

    def get_col_spec(self, **more: Any) -> str:
        return self.kind.compile(dialect=postgresql.dialect()) + "[]"  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy


class ListOf(sa.types.TypeDecorator[list[str]]):
    """A list of keys or texts as one parameter: an array on PostgreSQL, a JSON text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: sa.types.TypeEngine[Any]) -> None:
        self.kind = kind
        super().__init__()

    def load_dialect_impl(self, dialect: sa.engine.Dialect) -> sa.types.TypeEngine[Any]:
        return ArrayText(self.kind) if dialect.name == "postgresql" else sa.Text()

    def process_bind_param(self, value: Any, dialect: sa.engine.Dialect) -> Any:
        return array_text(value) if dialect.name == "postgresql" else orjson.dumps(list(value)).decode()


def array_text(values: Iterable[str]) -> str:
    """Return texts as PostgreSQL writes an array of them."""
    texts = list(values)
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * len(texts) - 2:
        joined = '","'.join([text.replace("\\", "\\\\").replace('"', '\\"') for text in texts])
    return '{"' + joined + '"}' if texts else "{}"


class in_array(FunctionElement[bool]):  # noqa: N801  # reads like the function it renders as
    """Tell whether a column is in a list that is one parameter: the statement stays the same however long the list.

    An IN list is rendered, split and parsed anew for every batch, which cost a sixth of the intake.
    """

    inherit_cache = True
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[Any], parameter: str) -> None:
        super().__init__(column, sa.bindparam(parameter, type_=ListOf(column.type)))

    def self_group(self, against: Any = None) -> "in_array":
        """Stay as it is in a condition: written as `... = 1`, as SQLite is told of booleans, no index would be used."""
        return self


@compiles(in_array, "postgresql")
def in_array_on_postgresql(element: in_array, compiler: Any, **more: Any) -> str:
    """Render the test against an array."""
    column, values = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(in_array, "sqlite")
def in_array_on_sqlite(element: in_array, compiler: Any, **more: Any) -> str:
    """Render the test against a JSON text."""
    column, values = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


class Store:
    """The SQL store: transactions, retried when another writer was in the way."""

    def __init__(self, url: str, patience: Patience = Patience()) -> None:  # noqa: B008  # frozen
        self.url = url
        self.engine = connect(url, patience)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.outages = Outages()

    @property
    def address(self) -> str:
        """Where the database is, without its password."""
        return self.engine.url.render_as_string()

    @property
    def dialect(self) -> str:
        """What the database is: `sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self, *, patient: bool = False) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads.

        Raises NotNow when the database is away, and SQLAlchemy's DBAPIError for what else is wrong with a statement.
        `patient` is for what may take long on purpose: its statements have no time-out.
        """
        try:
            with self.engine.connect() as connection, begin_reading(connection):
                if not self.sqlite:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    if patient:
                        be_patient(connection)
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            if is_away(error):
                raise self.waits_for(error) from error
            raise
        finally:
            beat()
        self.outages.clear(DATABASE)

    def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        """Run `work` in one writing transaction and commit; `work` runs again if another writer was in the way.

        `work` must be repeatable: it reads what it needs inside. Raises NotNow when the database is away or other
        writers were in the way `TRIES` times, KeyTaken when a second look does not explain why a key is there, and what
        else is wrong with the rows as it is (SQLAlchemy's DBAPIError). `patient` as above.
        """
        taken, looks = "", 0
        for left in reversed(range(TRIES)):
            try:
                with self.engine.begin() as connection:
                    if patient and not self.sqlite:
                        be_patient(connection)
                    done = work(connection)
                self.outages.clear(DATABASE)
                return done
            except (DBAPIError, PoolTimeout) as error:
                if is_away(error):
                    raise self.waits_for(error) from error
                if not is_collision(error):
                    raise
                if not left and not isinstance(error, IntegrityError):
                    raise self.waits_for(error) from error
                said = str(getattr(error, "orig", error))  # PostgreSQL names the key as well
                taken, looks = (taken, looks + 1) if said == taken else (said, 1)
                if isinstance(error, IntegrityError) and (looks >= LOOKS or not left):
                    raise KeyTaken(
                        f"A row with the same key was there already: {without_values(first_line(error))}"
                    ) from error
            finally:
                beat()
            time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS / 2**left))  # so that two do not meet again at once
        raise KeyTaken("unreachable")

    def waits_for(self, error: DBAPIError | PoolTimeout) -> NotNow:
        """Note that the database is away, and return what to say of it; its own words stand in the log, once."""
        self.outages.note(DATABASE, why_away(error), without_values(first_line(error)))
        return away(error)

    def database_now(self) -> datetime:
        """Return the database's own time, in which leases are counted."""
        with self.reading() as connection:
            return database_now(connection)

    def forgo_durability(self) -> None:
        """Keep what is written over the end of a process, not over a power cut: for what can be made again, as a demo.

        On SQLite alone, for connections from now on.
        """
        if self.sqlite:
            sa.event.listen(self.engine, "connect", do_not_sync)
            self.engine.dispose()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def do_not_sync(connection: Any, _record: object) -> None:
    """Have SQLite hand what it writes to the machine, and not wait for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


def see_one_snapshot(connection: Connection) -> None:
    """Have every statement of a writing transaction see the same rows; before its first one that reads or writes.

    SQLite, with one writer at a time, does so anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


CLOCK = sa.text("SELECT clock_timestamp()")
CLOCK_ON_SQLITE = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')"


def database_now(connection: Connection) -> datetime:
    """Return the database's own time: lease time never comes from a role's clock."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(CLOCK).scalar_one()
        return moment.astimezone(UTC)
    text = connection.exec_driver_sql(CLOCK_ON_SQLITE).scalar_one()
    return datetime.fromisoformat(text + "+00:00")


def away(error: DBAPIError | PoolTimeout) -> NotNow:
    """Return what to say when the database cannot take anything now, in words of ours."""
    return NotNow(f"The database does not answer as it should: {why_away(error)}; nothing is lost, it is tried again.")


def why_away(error: DBAPIError | PoolTimeout) -> str:
    """Return in words of ours what keeps the database from working."""
    if isinstance(error, PoolTimeout):
        return "every connection to it is in use"
    state, text = str(getattr(error.orig, "sqlstate", None) or ""), str(error.orig).lower()
    for states, texts, words in WORDS_FOR:
        if state.startswith(states) if state else any(sign in text for sign in texts):
            return words
    return REFUSES if state and not state.startswith(NOT_LET_IN) else UNREACHABLE


def is_away(error: DBAPIError | PoolTimeout) -> bool:
    """Tell whether the database or its machine is at fault, and not what was asked of it: then everything waits.

    Turned round on purpose: only what is known to be about the statement and its values is not away.
    """
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state)[:2] not in FAULTS_OF_DATA and state not in RETRYABLE_STATES
    if type(error.orig).__module__ != "sqlite3":
        return isinstance(error, OperationalError)
    if isinstance(error, OperationalError):
        return not any(sign in str(error.orig).lower() for sign in SQLITE_FAULTS)
    return type(error.orig).__name__ in ("DatabaseError", "InternalError")  # a file that is damaged, or no database


def is_about_values(error: DBAPIError) -> bool:
    """Tell whether the values that were to be stored are at fault: only that is an event's own affair."""
    state = getattr(error.orig, "sqlstate", None)
    return str(state)[:2] in {"21", "22", "23"} if state else isinstance(error, (DataError, IntegrityError))


def is_collision(error: DBAPIError | PoolTimeout) -> bool:
    """Tell whether another writer may have been in the way: a deadlock, or the same new key written twice.

    Another fault of integrity (a value that is missing, or names nothing) is nobody's but the row's.
    """
    if isinstance(error, PoolTimeout):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(error, IntegrityError):
        return state == KEY_TAKEN or (state is None and "UNIQUE" in str(error.orig))
    return state in RETRYABLE_STATES


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the statement and its values."""
    text = str(getattr(error, "orig", None) or error)
    return text.splitlines()[0] if text else type(error).__name__
