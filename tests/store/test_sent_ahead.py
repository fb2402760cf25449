"""Statements that are sent ahead: what is wrong with one is told, and the connection is good for the next work."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from workers.store import bulk, tables
from workers.store.engine import Store
from workers.store.sent_ahead import run, sent_ahead
from workers.usecases.operation.migrate import migrate

KEEP = "INSERT INTO control (name, value, at, by) VALUES (%s, %s, now(), 'boucle')"
NAMES = ("name", "value", "at", "by")


@pytest.fixture
def store(postgres: str) -> Iterator[Store]:
    """Give a migrated store on PostgreSQL."""
    made = Store(postgres)
    migrate(made)
    yield made
    made.close()


def kept(store: Store) -> set[str]:
    """Return the names of the controls that begin with a letter of these tests."""
    query = sa.select(tables.control.c.name).where(tables.control.c.name.like("test %"))
    with store.reading() as connection:
        return set(connection.execute(query).scalars())


def test_what_is_sent_ahead_is_carried_out_in_order(store: Store) -> None:
    """Statements before and after a COPY are all there when the block has ended."""

    def work(connection: sa.Connection) -> None:
        with sent_ahead(connection):
            run(connection, KEEP, ("test a", "1"))
            bulk.copy_lines(connection, "control", NAMES, ["test b\t2\t2026-03-02T09:00:00+00:00\tboucle"])
            run(connection, "UPDATE control SET name = %s WHERE name = %s", ("test c", "test b"), prepare=False)
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.control)).scalar_one() >= 2

    store.write(work)
    assert kept(store) == {"test a", "test c"}


@pytest.mark.parametrize("copies", [False, True])
def test_a_fault_is_told_where_it_is_waited_for(store: Store, copies: bool) -> None:
    """As SQLAlchemy tells it, at the end or at a COPY; nothing of the transaction stays, and the next one works."""
    store.write(lambda connection: run(connection, KEEP, ("test a", "1")))

    def collides(connection: sa.Connection) -> None:
        with sent_ahead(connection):
            run(connection, KEEP, ("test b", "1"))
            run(connection, KEEP, ("test a", "2"))
            run(connection, KEEP, ("test c", "1"))
            if copies:
                bulk.copy_lines(connection, "control", NAMES, ["test d\t2\t2026-03-02T09:00:00+00:00\tboucle"])
                pytest.fail("the COPY came behind a fault")

    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        collides(connection)
    assert kept(store) == {"test a"}
    store.write(lambda connection: run(connection, KEEP, ("test e", "1")))
    assert kept(store) == {"test a", "test e"}


def test_what_breaks_off_in_the_block_is_what_is_told(store: Store) -> None:
    """A fault of a statement that was sent before does not hide it; the connection is good for the next transaction."""

    def breaks(connection: sa.Connection) -> None:
        with sent_ahead(connection):
            run(connection, "SELECT %s::integer", ("no number",))
            raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, DataError)), store.engine.begin() as connection:
        breaks(connection)
    store.write(lambda connection: run(connection, KEEP, ("test a", "1")))
    assert kept(store) == {"test a"}
