"""Numbers of tickets and turns are handed out once each, and who takes one waits for nobody."""

from collections.abc import Iterator

import parts
import pytest
import sqlalchemy as sa

from workers.store import tables
from workers.store.engine import Store
from workers.store.ticket.numbers import TICKETS, TURNS, hand_out
from workers.usecases.operation.migrate import migrate

AS_BEFORE = sa.update(tables.counter).where(tables.counter.c.name == TICKETS)
AS_BEFORE = AS_BEFORE.values(value=tables.counter.c.value + 1)
"""How the release before took a number."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give an empty migrated database of each kind."""
    with parts.migrated(request, tmp_path_factory.mktemp("numbers")) as made:
        yield made


def test_numbers_and_turns_begin_at_one_and_go_on(store: Store) -> None:
    """Each of the two by itself."""
    numbers = [store.write(lambda connection: hand_out(connection, TICKETS)) for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert store.write(lambda connection: hand_out(connection, TURNS)) == 1


def test_who_takes_a_number_does_not_wait_for_who_took_one_before(postgres: str) -> None:
    """The second one has its number and is done while the first one's transaction is open."""
    store = Store(postgres)
    migrate(store)
    with store.engine.begin() as first:
        before = hand_out(first, TICKETS), hand_out(first, TURNS)
        after = store.write(lambda connection: (hand_out(connection, TICKETS), hand_out(connection, TURNS)))
    assert (before, after) == ((1, 1), (2, 2))
    store.close()


def test_a_release_before_takes_its_numbers_beside_and_none_comes_twice(postgres: str) -> None:
    """It counts in its table while roles of both run; which of them took a number, nobody can tell."""
    store = Store(postgres)
    migrate(store)

    def take_as_before(connection: sa.Connection) -> int:
        return int(connection.execute(AS_BEFORE.returning(tables.counter.c.value)).scalar_one())

    takers = (take_as_before, lambda connection: hand_out(connection, TICKETS)) * 3
    assert [store.write(taker) for taker in takers] == [1, 2, 3, 4, 5, 6]
    store.close()
