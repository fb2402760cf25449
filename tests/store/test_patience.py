"""No line to PostgreSQL is waited on for good: connecting, statements, locks, idle transactions, and silence."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from silence import SilentProxy

from workers.errors import NotNow
from workers.process.outages import DATABASE
from workers.store.engine import Store
from workers.store.patience import Patience

SHORT = Patience(connect=2, statement=0.3, lock=0.2, idle=0.3, silence=4)


@contextmanager
def store_of(url: str, patience: Patience = SHORT) -> Iterator[Store]:
    """Give a store with little patience."""
    store = Store(url, patience)
    try:
        yield store
    finally:
        store.close()


def sleep(connection: sa.Connection, seconds: float = 2) -> None:
    """Have the server take its time."""
    connection.execute(sa.text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


def test_a_statement_that_takes_too_long_is_not_now(postgres: str) -> None:
    """The server ends it; whoever asked is told to come again, and the connection is good for the next."""
    with store_of(postgres) as store:
        with pytest.raises(NotNow, match="it took too long"):
            store.write(sleep)
        assert [outage.part for outage in store.outages.current()] == [DATABASE]
        assert store.write(lambda connection: connection.execute(sa.text("SELECT 1")).scalar()) == 1


def test_a_migration_or_an_export_may_take_its_time(postgres: str) -> None:
    """What is long on purpose has no time-out, and the next work on its connection has one again."""
    with store_of(postgres) as store:
        store.write(lambda connection: sleep(connection, 0.5), patient=True)
        with store.reading(patient=True) as connection:
            sleep(connection, 0.5)
        assert store.outages.current() == []
        with pytest.raises(NotNow):
            store.write(sleep)


def test_a_lock_that_is_not_given_is_not_now(postgres: str) -> None:
    """A table that somebody keeps locked costs the time of one wait, never more, a migration's as well."""
    with store_of(postgres) as store, store_of(postgres, Patience()) as other:
        with other.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE held (n integer)"))
        with other.engine.begin() as holding:
            holding.execute(sa.text("LOCK TABLE held"))
            for patient in (False, True):
                with pytest.raises(NotNow, match="a lock was not had in time"):
                    store.write(lambda connection: connection.execute(sa.text("SELECT * FROM held")), patient=patient)


def test_a_transaction_that_does_nothing_is_ended(postgres: str) -> None:
    """A role that hangs in mid-transaction does not keep its locks from everybody else."""
    idle = threading.Event()

    def hang(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT 1"))
        idle.wait(0.6)
        connection.execute(sa.text("SELECT 1"))

    with store_of(postgres) as store, pytest.raises(NotNow):
        store.write(hang)


def test_a_server_that_neither_answers_nor_hangs_up_is_given_up(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped server, or a proxy that holds what it is given: whoever waits is told, and the next try is anew."""
    monkeypatch.setattr("workers.store.patience.GRACE_SECONDS", 0.2)
    with SilentProxy(postgres) as proxy, store_of(proxy.url) as store:
        assert store.write(lambda connection: connection.execute(sa.text("SELECT 1")).scalar()) == 1
        proxy.be_silent()
        with pytest.raises(NotNow, match="cannot be reached"):
            store.write(lambda connection: connection.execute(sa.text("SELECT 2")))
        with pytest.raises(NotNow, match="cannot be reached"):  # a new connection is not answered either
            store.database_now()
        proxy.speak_again()
        assert store.database_now()


def test_a_silent_line_is_ended_by_the_system_too() -> None:
    """The system probes an idle line and gives up one whose bytes nobody acknowledges, within the setting's time."""
    given = Patience(silence=20).arguments()
    assert given["keepalives"] == 1
    assert given["keepalives_idle"] + given["keepalives_interval"] * given["keepalives_count"] <= 20
    assert given["tcp_user_timeout"] == 20_000
    assert re.search(r"-c lock_timeout=10000\b", given["options"])


def test_a_pool_that_is_used_up_is_not_now(postgres: str) -> None:
    """When every connection hangs, the next who asks is told so, instead of an error of ours."""
    with store_of(postgres, Patience(lock=0.1)) as store:
        engine = sa.create_engine(postgres, pool_size=1, max_overflow=0, pool_timeout=0.1)
        store.engine.dispose()
        store.engine = engine
        with engine.connect(), pytest.raises(NotNow, match="every connection to it is in use"):
            store.database_now()


def test_a_port_that_takes_connections_and_says_nothing_is_not_now() -> None:
    """Connecting has an end as well."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, store_of("postgresql://x@127.0.0.1:0/x") as store:
        port = deaf.getsockname()[1]
        with store_of(f"postgresql://x@127.0.0.1:{port}/x") as unanswered, pytest.raises(NotNow):
            unanswered.database_now()
        assert store.outages.current() == []
