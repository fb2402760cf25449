"""Running counts: they follow every writer, may be folded at any time, and are found wrong and mended."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from counted import lively_store

from workers.domain.types import TouchpointState
from workers.store import tables as t
from workers.store.counts import running_counts as counts
from workers.store.engine import Store
from workers.store.rules import past
from workers.usecases.operation.recount import fold_counts, rebuild_counts


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give the store of a scenario in which every kind of outcome comes up, on each database."""
    yield from lively_store(request, tmp_path_factory.mktemp("counts"))


def kept(store: Store) -> dict[counts.Cell, int]:
    """Return the kept counts."""
    with store.reading() as connection:
        return counts.cells(connection, counts.GROUPS)


def counted(store: Store) -> dict[counts.Cell, int]:
    """Return what a full count says."""
    with store.reading() as connection:
        return counts.count_everything(connection)


def test_the_counts_follow_every_writer(store: Store) -> None:
    """After a lively month each kept count is what the rows say, by step, state and reason."""
    assert kept(store) == counted(store)
    assert {group for group, *_ in kept(store)} == set(counts.GROUPS)


def test_rows_changed_by_hand_are_counted(store: Store) -> None:
    """Whoever inserts, moves on or deletes rows, in one statement or many, the counts agree."""
    c = t.touchpoint.c
    with store.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.update(t.touchpoint).where(c.state == TouchpointState.ASKED).values(reason="by hand"))
        connection.execute(sa.delete(t.touchpoint).where(c.state == TouchpointState.SKIPPED))
        connection.execute(sa.delete(t.inbox))
        connection.execute(sa.update(t.response).values(score=7))
        assert counts.cells(connection, counts.GROUPS) == counts.count_everything(connection)
        transaction.rollback()
    assert kept(store) == counted(store)


def test_what_is_undone_is_not_counted(store: Store) -> None:
    """A transaction that is rolled back leaves no trace in the counts."""
    before = kept(store)
    with store.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.delete(t.ticket))
        transaction.rollback()
    assert kept(store) == before


def test_folding_changes_no_count_and_leaves_nothing_over(store: Store) -> None:
    """Changes are added up, and what is read stays the same; a second time there is nothing to do."""
    before = kept(store)
    folded = fold_counts(store)
    assert folded > 0 or store.sqlite
    assert kept(store) == before
    assert fold_counts(store) == 0


def test_a_wrong_count_is_found_and_mended(store: Store) -> None:
    """Counting anew says what was wrong and by how much, and the books agree again."""
    fold_counts(store)
    cell = next(cell for cell in kept(store) if cell[0] == "touchpoints")
    k = t.running_count.c
    here = sa.and_(*(k[name] == word for name, word in zip(("grouped", "step", "state", "reason"), cell, strict=True)))
    with store.engine.begin() as connection:
        connection.execute(sa.update(t.running_count).where(here).values(n=k.n + 3))
    with store.reading() as connection:
        right, all_rows = counts.agreement(counts.cells(connection, counts.GROUPS), counts.count_everything(connection))
    assert right < all_rows
    assert rebuild_counts(store) == {cell: 3}
    assert rebuild_counts(store) == {}
    assert kept(store) == counted(store)


def test_a_count_of_what_is_not_there_is_found() -> None:
    """Kept counts of rows that nobody has are as wrong as missing ones."""
    cell, other = ("touchpoints", "a", "asked", ""), ("touchpoints", "b", "asked", "")
    assert counts.agreement({cell: 2}, {cell: 2}) == (2, 2)
    assert counts.agreement({cell: 2, other: 1}, {cell: 2}) == (2, 3)
    assert counts.agreement({}, {cell: 2}) == (0, 2)
    assert counts.agreement({cell: 3}, {cell: 2}) == (0, 2)
    assert counts.agreement({cell: 1, other: 2}, {cell: 2, other: 1}) == (0, 3)


def test_a_sample_of_answers_is_spread_over_their_time(store: Store) -> None:
    """A sample has at most as many answers as asked for, old and new ones among them; with room it is all there are."""
    with store.reading() as connection:
        whole = list(past.decisions(connection, None))
        assert past.sampled_decisions(connection, 1_000) == whole
        some = past.sampled_decisions(connection, past.SLICES)
    times = [decision.answered_at for decision in whole]
    assert len(some) <= past.SLICES or len(whole) <= past.SLICES
    assert (some[0].answered_at, some[-1].answered_at) == (min(times), max(times))
