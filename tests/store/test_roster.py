"""What a decision misses is fetched in its own transaction, and the decision is taken again from where it began."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection
from ticketparts import TUESDAY, customer, shipped

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.records import Stop
from workers.domain.types import Effect
from workers.store.engine import Store
from workers.store.ticket.roster import decide, next_agent
from workers.usecases.operation.migrate import migrate


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a migrated store."""
    made = Store(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(made)
    yield made
    made.close()


def opening(case: CustomerCase, name: str) -> tuple[int, str]:
    """Change something, then ask for a number and an owner, as opening a ticket does."""
    case.add(Stop(name, case.id, "ticket_opened", Effect.HOLD, "customer", name, TUESDAY, "boucle/1"))
    return case.work.allocator.number(), case.work.allocator.owner("")


def test_what_is_missed_is_fetched_and_nothing_is_done_twice(store: Store) -> None:
    """However often the step is taken again, its changes are there once, and numbers have no gaps."""

    def work(connection: Connection) -> list[tuple[int, str]]:
        case = CustomerCase(customer(), UnitOfWork(shipped(), TUESDAY))
        taken = [decide(connection, case.work, lambda n=n: opening(case, str(n))) for n in range(3)]  # type: ignore[misc]  # bound at once
        assert [row.key() for row in case.changes.rows_added()] == [("0",), ("1",), ("2",)]
        return taken

    assert store.write(work) == [(1, ""), (2, ""), (3, "")]
    assert store.write(work)[0] == (4, ""), "the counter went on from there"


def test_a_dry_run_hands_no_number_out(store: Store) -> None:
    """A number that nobody gets would be a gap."""

    def work(connection: Connection) -> tuple[int, str]:
        case = CustomerCase(customer(), UnitOfWork(shipped(), TUESDAY))
        return decide(connection, case.work, lambda: opening(case, "1"), dry=True)

    assert store.write(work) == (0, "")

    def real(connection: Connection) -> tuple[int, str]:
        case = CustomerCase(customer(), UnitOfWork(shipped(), TUESDAY))
        return decide(connection, case.work, lambda: opening(case, "1"))

    assert store.write(real) == (1, "")


def test_a_step_that_fails_takes_no_number_from_the_next(store: Store) -> None:
    """What was fetched for it is used by whoever comes next in the transaction."""

    def failing(case: CustomerCase) -> None:
        opening(case, "1")
        raise ValueError("no such thing")

    def work(connection: Connection) -> tuple[int, str]:
        case = CustomerCase(customer(), UnitOfWork(shipped(), TUESDAY))
        mark = case.checkpoint()
        with pytest.raises(ValueError, match="no such thing"):
            decide(connection, case.work, lambda: failing(case))
        case.roll_back(mark)
        return decide(connection, case.work, lambda: opening(case, "2"))

    assert store.write(work) == (1, "")


def test_nobody_is_next_where_nobody_is(store: Store) -> None:
    """And no turn is used up."""
    assert store.write(lambda connection: next_agent(connection, "Max", TUESDAY)) == ""
