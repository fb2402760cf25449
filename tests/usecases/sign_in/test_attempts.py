"""Guesses are counted before they are looked at, for all processes together, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from teamparts import at_once

from workers.store import tables
from workers.store.engine import Store
from workers.usecases.operation.migrate import migrate
from workers.usecases.sign_in.attempts import LIMITS, Attempts, Guess

NETWORK = "192.0.2.0/24"


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Give the stores of two processes over one database."""
    url = f"sqlite:///{tmp_path / 'a.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    stores = Store(url), Store(url)
    migrate(stores[0])
    yield stores
    for store in stores:
        store.close()


def test_of_many_guesses_at_once_no_more_than_the_limit_are_looked_at(two: tuple[Store, Store]) -> None:
    """Thirty guesses from two processes: eight are looked at, whoever is first."""
    both = [Attempts(store) for store in two]
    ends = at_once(
        *[lambda attempts=attempts: attempts.reserve(Guess.PASSWORD, "Léa", NETWORK) for attempts in both * 15]
    )
    assert sum(end is not None for end in ends) == LIMITS[Guess.PASSWORD].pair
    assert both[0].is_over(Guess.PASSWORD, " léa ", NETWORK)


def test_a_right_guess_is_taken_back(two: tuple[Store, Store]) -> None:
    """A team signs in all day long behind one address."""
    attempts = Attempts(two[0])
    for _ in range(60):
        reserved = attempts.reserve(Guess.PASSWORD, "Léa", NETWORK)
        assert reserved is not None
        attempts.release(reserved)
    assert not attempts.is_over(Guess.PASSWORD, "Léa", NETWORK)


@pytest.mark.parametrize("guess", list(Guess))
def test_names_networks_and_kinds_have_limits_of_their_own(tmp_path: Path, guess: Guess) -> None:
    """Many names from one network, and one name from many networks, are slowed down; others are not."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(store)
    attempts, limit = Attempts(store), LIMITS[guess]
    looked = [attempts.reserve(guess, f"name {n}", NETWORK) for n in range(limit.network + 5)]
    assert sum(attempt is not None for attempt in looked) == limit.network
    looked = [attempts.reserve(guess, "Léa", f"198.51.{n}.0/24") for n in range(limit.name + 5)]
    assert sum(attempt is not None for attempt in looked) == limit.name
    other = next(kind for kind in Guess if kind != guess)
    assert not attempts.is_over(other, "Léa", NETWORK)
    assert not attempts.is_over(guess, "Max", "203.0.113.0/24")
    store.close()


def test_failures_are_forgotten_by_the_databases_time_and_cleared(tmp_path: Path) -> None:
    """After the time nothing is left, and the table does not grow."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(store)
    attempts = Attempts(store)
    while attempts.reserve(Guess.PASSWORD, "Léa", NETWORK) is not None:
        pass
    past = sa.update(tables.sign_in_attempt).values(at=datetime.now(UTC) - timedelta(minutes=16))
    store.write(lambda connection: connection.execute(past))
    assert attempts.reserve(Guess.PASSWORD, "Léa", NETWORK) is not None
    with store.reading() as connection:
        rows = connection.execute(sa.select(tables.sign_in_attempt)).all()
    assert len(rows) == 1
    assert "Léa" not in str(rows)
    store.close()
