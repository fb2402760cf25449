"""Keys of large tables are built beside the work: resumable, and nobody waits behind them."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
import sqlalchemy as sa
from make_dump import load_postgresql

from workers.domain.records import Customer
from workers.errors import NotNow
from workers.store import read, tables
from workers.store.engine import Store
from workers.store.operation import giving_way, keys
from workers.usecases.operation import migrate, status


@pytest.fixture
def store(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Give a database of 0.1.0 with this release's columns and still the old keys."""
    load_postgresql(postgres)
    with closing(Store(postgres)) as opened:
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "build_keys", lambda store: [])
            migrate.migrate(opened)
        yield opened


def left(store: Store) -> list[str]:
    """Return the names of the keys that are still the old ones, and of what was left half built."""
    with store.reading() as connection:
        half = [name for name in keys.indexes_in(connection) if name.endswith("_next")]
        return [key.name for key in keys.keys_left(connection)] + half


def test_the_keys_of_0_1_0_become_those_of_this_release(store: Store) -> None:
    """Beside the work, as of a large table: every row stays, the sums hold, and a second run has nothing to do."""
    assert len(left(store)) == len({key.name for key in keys.wanted_keys()} & set(left(store))) > 20
    with store.reading() as connection:
        before = {name: count(connection, name) for name in tables.metadata.tables}
    assert set(keys.build_keys(store, at_once=0)) >= {"dispatch_pkey", "touchpoint_pkey", "ticket_number"}
    assert left(store) == []
    assert keys.build_keys(store) == []
    with store.reading() as connection:
        assert {name: count(connection, name) for name in before} == before
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []
        columns = {column["name"]: column for column in sa.inspect(connection).get_columns("dispatch")}
    assert not columns["customer"]["nullable"]


def count(connection: sa.Connection, name: str) -> int:
    """Return how many rows a table has."""
    return int(connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one())


def test_a_build_that_was_stopped_goes_on_where_it_was(store: Store) -> None:
    """Some keys in place, one built and not put in place, one half built: the next run ends it."""
    wanted = {key.name: key for key in keys.wanted_keys()}
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        keys.build_key(connection, wanted["touchpoint_pkey"], 0)
        connection.exec_driver_sql(wanted["dispatch_pkey"].build())
        half = wanted["response_pkey"]
        connection.exec_driver_sql(half.build())
        connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", (half.next,)
        )
    assert {"touchpoint_pkey"}.isdisjoint(left(store))
    assert {"dispatch_pkey_next", "response_pkey_next"} <= set(left(store))
    keys.build_keys(store, at_once=0)
    assert left(store) == []


def test_what_is_looked_up_is_the_same_on_either_keys(store: Store) -> None:
    """A role of this release may start before the keys are built, and goes on after."""
    with store.reading() as connection:
        before = {kind.__name__: read.rows(connection, kind) for kind in tables.WRITE_ORDER}
    keys.build_keys(store, at_once=0)
    with store.reading() as connection:
        assert {kind.__name__: read.rows(connection, kind) for kind in tables.WRITE_ORDER} == before


def test_nobody_waits_behind_a_key_that_cannot_be_put_in_place(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long reading keeps the lock from it, the exchange gives up again and again, and others go on writing."""
    monkeypatch.setattr(giving_way, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(keys, "PAUSE_SECONDS", 0.2)
    tried = threading.Event()
    exchange = keys.exchange

    def trying(connection: sa.Connection, statements: list[str]) -> None:
        tried.set()
        exchange(connection, statements)

    monkeypatch.setattr(keys, "exchange", trying)
    building = threading.Thread(target=keys.build_keys, args=(store, 0), daemon=True)
    with store.engine.connect() as reader:
        reader.execute(sa.select(tables.customer.c.id)).all()
        reader.execute(sa.select(tables.dispatch.c.id)).all()  # an open transaction with a lock on both
        building.start()
        assert tried.wait(60)
        began = time.monotonic()
        for n in range(20):
            store.write(partial(rename, name=f"name {n}"))
        spent = time.monotonic() - began
        assert building.is_alive()
        assert "customer_crm_id" in left(store)
    building.join(60)
    assert not building.is_alive()
    assert left(store) == []
    assert spent < 30  # twenty times a wait that ends; without the time-out the first would wait for the reader


def rename(connection: sa.Connection, name: str) -> None:
    """Write to a table whose key is being exchanged."""
    connection.execute(sa.update(tables.customer).values(name=name))


def test_two_do_not_build_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for its turn, and says so when it does not come."""
    monkeypatch.setattr(keys, "TRIES", 2)
    monkeypatch.setattr(keys, "PAUSE_SECONDS", 0.01)
    with store.engine.connect() as other:
        other.execute(sa.select(sa.func.pg_advisory_xact_lock(keys.BUILDING)))
        with pytest.raises(NotNow, match="Somebody else builds the keys"):
            keys.build_keys(store)
    keys.build_keys(store)
    assert left(store) == []
    assert store.write(lambda connection: len(read.rows(connection, Customer))) > 0
