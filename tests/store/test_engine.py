"""The engine: instants, concurrent writers, and the judgement of failed transactions, on both databases."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from workers.errors import KeyTaken, NotNow
from workers.store import tables
from workers.store.engine import LOOKS, Store, away, in_array, is_away, is_collision
from workers.store.patience import ASKED_AFTER_SECONDS, BACK_AT, see_that_it_lives

WRITERS, ROUNDS = 3, 30
KATHMANDU = timezone(timedelta(hours=5, minutes=45))
MOMENT = datetime(2026, 10, 25, 2, 30, 0, 123456, tzinfo=KATHMANDU)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store on each engine."""
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path / 'a.db'}")
    else:
        made = Store(request.getfixturevalue("postgres"))
    with made.engine.begin() as connection:
        tables.metadata.create_all(connection, tables=[tables.clock, tables.counter])
    yield made
    made.close()


def put_clock(connection: Connection, at: object) -> None:
    """Store an instant."""
    connection.execute(sa.insert(tables.clock).values(name="business", at=at))


def read_clock(store: Store) -> datetime:
    """Return the stored instant."""
    with store.reading() as connection:
        moment: datetime = connection.execute(sa.select(tables.clock.c.at)).scalar_one()
        return moment


def test_an_instant_is_the_same_moment_on_both_engines(store: Store) -> None:
    """An instant of any zone comes back as the same moment in UTC, to the microsecond."""
    store.write(lambda connection: put_clock(connection, MOMENT))
    assert read_clock(store) == MOMENT
    assert read_clock(store).tzinfo is UTC


def test_a_naive_time_is_refused(store: Store) -> None:
    """A time without a zone is no instant: nothing is stored, and the message says why."""
    with pytest.raises(sa.exc.StatementError, match="has no time zone"):
        store.write(lambda connection: put_clock(connection, datetime(2026, 3, 3)))  # noqa: DTZ001  # that is the point


def test_instants_sort_in_the_order_of_time(store: Store) -> None:
    """The database orders and compares instants as time does, whatever zone they came in."""
    moments = [MOMENT, MOMENT + timedelta(microseconds=1), (MOMENT - timedelta(hours=1)).astimezone(UTC)]

    def work(connection: Connection) -> None:
        rows = [{"name": str(n), "at": at} for n, at in enumerate(moments)]
        connection.execute(sa.insert(tables.clock), rows)

    store.write(work)
    with store.reading() as connection:
        c = tables.clock.c
        assert list(connection.execute(sa.select(c.at).order_by(c.at)).scalars()) == sorted(moments)
        assert connection.execute(sa.select(c.name).where(c.at < MOMENT)).scalars().all() == ["2"]


def test_no_other_kind_of_time_is_used_anywhere() -> None:
    """Only `Instant` stores moments: no other module names a column type that would take naive times."""
    root = Path(tables.__file__).parents[2]
    allowed = {root / "store" / "tables" / "columns.py", root / "migrations" / "kinds.py"}
    banned = re.compile(r"\b(sa|sqlalchemy|types)\.(DateTime|TIMESTAMP|DATETIME|Date|Time)\b")
    guilty = [path for path in root.rglob("*.py") if path not in allowed and banned.search(path.read_text())]
    assert guilty == []


AWKWARD = [
    "",
    " ",
    ",",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    "NULL",
    "null",
    "'",
    "é\u200b",
    "a\nb\tc",
    "%s %(x)s",
    "$1::text",
]


@given(st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_characters="\0", codec="utf-8")))))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_list_of_any_texts_finds_those_texts_and_no_others(store: Store, texts: list[str]) -> None:
    """Whatever ids a sender gives its events, a list of them is one parameter that means just them."""
    stored = [*AWKWARD, *texts]
    rows = sa.union_all(*(sa.select(sa.literal(text, sa.Text()).label("text")) for text in stored)).subquery()
    query = sa.select(rows.c.text).where(in_array(rows.c.text, "texts"))
    with store.reading() as connection:
        assert set(connection.execute(query, {"texts": texts}).scalars()) == set(texts)


def count_up(connection: Connection, pause: threading.Barrier | None = None) -> None:
    """Read a counter, then write it one higher: what loses updates where writers do not wait for each other."""
    value = connection.execute(sa.select(tables.counter.c.value)).scalar_one()
    connection.execute(sa.update(tables.counter).values(value=value + 1))


def start_counter(store: Store) -> None:
    """Put the counter at zero."""
    store.write(lambda connection: connection.execute(sa.insert(tables.counter).values(name="n", value=0)))


def counted(store: Store) -> int:
    """Return the counter."""
    with store.reading() as connection:
        return int(connection.execute(sa.select(tables.counter.c.value)).scalar_one())


def together(work: Any) -> None:
    """Run the work in several threads at once and pass on what fails."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(ROUNDS):
                work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_no_update_is_lost_on_sqlite(tmp_path: Path) -> None:
    """Three writers that read, think and write 90 times leave 90: each begins as a writer and waits for the others."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection, tables=[tables.counter])
    start_counter(store)
    together(lambda: store.write(count_up))
    assert counted(store) == WRITERS * ROUNDS
    store.close()


def test_a_reader_does_not_wait_for_a_writer_on_sqlite(tmp_path: Path) -> None:
    """While one transaction writes, readers see the state before it."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection, tables=[tables.counter])
    start_counter(store)
    with store.engine.begin() as writing:
        count_up(writing)
        assert counted(store) == 0
    assert counted(store) == 1
    store.close()


def test_a_serialization_failure_is_run_again(postgres: str) -> None:
    """On PostgreSQL a transaction that met another writer runs again by itself: 90 updates leave 90."""
    store = Store(postgres)
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection, tables=[tables.counter])
    start_counter(store)

    def strict(connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count_up(connection)

    together(lambda: store.write(strict))
    assert counted(store) == WRITERS * ROUNDS
    store.close()


def test_a_deadlock_is_run_again(postgres: str) -> None:
    """Two transactions that lock the same two rows in opposite orders both come to their end."""
    store = Store(postgres)
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection, tables=[tables.counter])
        connection.execute(sa.insert(tables.counter), [{"name": name, "value": 0} for name in "ab"])
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def add(connection: Connection, name: str) -> None:
        c = tables.counter.c
        connection.execute(sa.update(tables.counter).where(c.name == name).values(value=c.value + 1))

    def crossing(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
            add(connection, first)
            if tries.count(first) == 1:
                both_hold_one.wait(timeout=10)
            add(connection, second)

        store.write(work)

    threads = [threading.Thread(target=crossing, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        values = connection.execute(sa.select(tables.counter.c.value)).scalars().all()
    assert values == [2, 2]
    assert len(tries) >= 3  # who was chosen may meet the other once more
    store.close()


def test_a_key_that_a_second_look_does_not_explain_is_no_collision(store: Store) -> None:
    """Work that meets the same key each time ends after a few looks, and blames no other writer."""
    looks = 0

    def twice(connection: Connection) -> None:
        nonlocal looks
        looks += 1
        for _ in range(2):
            connection.execute(sa.insert(tables.counter).values(name="n", value=1))

    with pytest.raises(KeyTaken, match="was there already"):
        store.write(twice)
    assert looks == LOOKS
    with store.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.counter)).scalar() == 0


def test_another_fault_of_a_row_is_not_tried_again(store: Store) -> None:
    """A value that is missing stays missing however often one looks."""
    looks = 0

    def without_a_value(connection: Connection) -> None:
        nonlocal looks
        looks += 1
        connection.execute(sa.text("INSERT INTO counter (name) VALUES ('n')"))

    with pytest.raises(IntegrityError):
        store.write(without_a_value)
    assert looks == 1


def failure(store: Store, statement: str) -> DBAPIError:
    """Return how a statement fails."""
    with pytest.raises(DBAPIError) as caught, store.engine.begin() as connection:
        connection.execute(sa.text(statement))
    return caught.value


def test_a_fault_of_ours_is_neither_away_nor_a_collision(store: Store) -> None:
    """A wrong statement is not waited for and not tried again: it is raised as what it is."""
    error = failure(store, "SELECT nothing FROM nowhere")
    assert not is_away(error)
    assert not is_collision(error)
    with pytest.raises(DBAPIError):
        store.write(lambda connection: connection.execute(sa.text("SELECT nothing FROM nowhere")))


def test_the_same_key_twice_is_a_collision(store: Store) -> None:
    """A key that is there already is another writer's work, not a database that is away."""
    start_counter(store)
    error = failure(store, "INSERT INTO counter (name, value) VALUES ('n', 1)")
    assert isinstance(error, IntegrityError)
    assert is_collision(error)
    assert not is_away(error)


class Said(Exception):
    """What a driver raises, with the state that a PostgreSQL server gives."""

    def __init__(self, state: str) -> None:
        self.sqlstate = state
        super().__init__(f"server says {state}: INSERT INTO customer VALUES ('ana@example.org')")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("55P03", "a lock was not had in time"),
        ("53100", "its disk is full"),
        ("53300", "no resources left"),
        ("57014", "it took too long"),
        ("57P01", "stopping or starting"),
        ("58030", "a fault of its own"),
        ("XX000", "a fault of its own"),
        ("XX001", "a fault of its own"),
        ("25006", "read-only"),
        ("25P03", "cannot be reached"),
        ("08006", "cannot be reached"),
        ("28P01", "cannot be reached"),
        ("3D000", "cannot be reached"),
        ("54001", "refuses what is asked"),
        ("P0001", "refuses what is asked"),
    ],
)
def test_whatever_the_database_says_of_itself_is_not_now(state: str, words: str) -> None:
    """Locks, resources, disk, shutdown, read-only, its own errors: all wait, and its own words are told to nobody."""
    error = DBAPIError("INSERT", {"email": "ana@example.org"}, Said(state))
    assert is_away(error)
    sentence = str(away(error))
    assert words in sentence
    assert "example.org" not in sentence
    assert "INSERT" not in sentence


@pytest.mark.parametrize("state", ["22001", "22P05", "23505", "23502", "21000", "42P01", "40001", "40P01"])
def test_what_is_about_a_statement_is_not_waited_for(state: str) -> None:
    """Values, names and collisions are no reason to wait for the database."""
    assert not is_away(DBAPIError("INSERT", {}, Said(state)))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("OperationalError", "database or disk is full"),
        ("OperationalError", "attempt to write a readonly database"),
        ("OperationalError", "disk I/O error"),
        ("OperationalError", "database is locked"),
        ("OperationalError", "unable to open database file"),
        ("DatabaseError", "database disk image is malformed"),
        ("DatabaseError", "file is not a database"),
        ("InternalError", "unable to read what was written"),
    ],
)
def test_whatever_sqlite_says_of_its_file_is_not_now(kind: str, text: str) -> None:
    """A full disk, a file that is read-only, damaged or held: all wait."""
    original = getattr(sqlite3, kind)(text)
    error = (sa.exc.OperationalError if kind == "OperationalError" else sa.exc.DatabaseError)("INSERT", {}, original)
    assert is_away(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('connection to server at "10.57.53.40", port 5842 failed: Connection refused', "cannot be reached"),
        ('connection to server at "db-full-locked.example" failed: timeout expired', "cannot be reached"),
        ("FATAL:  sorry, too many clients already", "no resources left"),
        ("FATAL:  remaining connection slots are reserved for non-replication superuser", "no resources left"),
        ("FATAL:  the database system is starting up", "stopping or starting"),
        ("FATAL:  the database system is shutting down", "stopping or starting"),
    ],
)
def test_why_nobody_is_let_in_is_read_from_words_and_not_from_numbers(text: str, words: str) -> None:
    """A driver gives no state before there is a connection; an address or a port is none."""
    error = sa.exc.OperationalError("", {}, psycopg.OperationalError(text))
    assert is_away(error)
    assert words in str(away(error))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("database or disk is full", "its disk is full"),
        ("attempt to write a readonly database", "read-only"),
        ("disk I/O error", "a fault of its own"),
        ("database is locked", "a lock was not had"),
        ("database table is locked: customer", "a lock was not had"),
        ("database disk image is malformed", "a fault of its own"),
        ("no such table: customer_53100", "not those of this release"),
    ],
)
def test_a_file_is_told_by_what_is_wrong_with_it(text: str, words: str) -> None:
    """An operator reads which of them it is."""
    assert words in str(away(sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError(text))))


def test_writers_in_the_way_for_too_long_are_waited_for(store: Store) -> None:
    """A deadlock at every try is no fault of the work: it waits, like any other trouble of the database."""

    def deadlock(connection: Connection) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, Said("40P01"))

    with pytest.raises(NotNow, match="other writers were in the way"):
        store.write(deadlock)


def test_a_server_that_is_not_there_is_waited_for() -> None:
    """A closed port is 'not now', for readers and writers, and the message holds no password."""
    store = Store("postgresql+psycopg://boucle:topsecret@127.0.0.1:1/boucle")
    for attempt in (lambda: store.database_now(), lambda: store.write(count_up)):
        with pytest.raises(NotNow, match="The database does not answer") as caught:
            attempt()
        assert "topsecret" not in str(caught.value)
    store.close()


def test_a_connection_that_ended_in_the_pool_is_replaced(postgres: str) -> None:
    """After the server ended what lay idle, the next transaction is as any other: nobody meets the dead connection."""
    keeping, ending = Store(postgres), Store(postgres)
    with closing(keeping), closing(ending):
        with keeping.reading() as connection:
            mine = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with ending.reading() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": mine})
        with keeping.reading() as connection:
            assert connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != mine


@pytest.mark.parametrize("idle_seconds", [0.0, ASKED_AFTER_SECONDS])
def test_a_connection_is_asked_whether_it_lives_only_after_a_while(postgres: str, idle_seconds: float) -> None:
    """A transaction that follows another one costs no round trip; one after a while finds a line cut in silence."""
    store, asked = Store(postgres), list[object]()
    dialect = store.engine.dialect

    class Counting:
        loaded_dbapi = dialect.loaded_dbapi

        def do_ping(self, driven: Any) -> bool:
            asked.append(driven)
            return dialect.do_ping(driven)

    with closing(store), store.engine.connect() as connection:
        driven = connection.connection.dbapi_connection
        see_that_it_lives(Counting(), driven, {BACK_AT: monotonic() - idle_seconds})  # type: ignore[arg-type]  # as much of a dialect as it takes
    assert asked == ([driven] if idle_seconds else [])


def test_a_lost_connection_is_waited_for(postgres: str) -> None:
    """A server that ends our connection in mid-work is 'not now'; the next piece of work has a fresh connection."""
    store, other = Store(postgres), Store(postgres)

    def cut(connection: Connection) -> None:
        mine = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with other.engine.connect() as ending:
            ending.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        connection.execute(sa.text("SELECT 1"))

    with pytest.raises(NotNow):
        store.write(cut)
    assert store.write(lambda connection: connection.execute(sa.text("SELECT 1")).scalar()) == 1
    store.close()
    other.close()


def test_a_database_file_that_stays_locked_is_waited_for(tmp_path: Path) -> None:
    """A SQLite file that somebody holds for too long is 'not now', not a fault."""
    store, other = Store(f"sqlite:///{tmp_path / 'a.db'}"), Store(f"sqlite:///{tmp_path / 'a.db'}")

    def impatient(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=20")

    sa.event.listen(store.engine, "connect", impatient)
    with other.engine.begin() as holding:
        tables.metadata.create_all(holding, tables=[tables.counter])
        with pytest.raises(NotNow):
            store.write(lambda connection: None)
    store.close()
    other.close()


def test_lease_time_is_the_databases_own(store: Store) -> None:
    """The database's time is an instant in UTC and goes on."""
    first, second = store.database_now(), store.database_now()
    assert first.tzinfo is UTC
    assert second >= first
