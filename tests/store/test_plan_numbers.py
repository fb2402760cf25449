"""Rows name the version of their plan by a short number; those of a release before get theirs beside the work."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey
from make_dump import load, load_postgresql

from workers.domain.records import Journey, Touchpoint
from workers.store import plan_numbers, read
from workers.store import tables as t
from workers.store.controls import read_controls
from workers.store.customer.person_rows import rows_of_customers
from workers.store.engine import Store
from workers.store.operation import long_versions
from workers.store.rules import past
from workers.usecases.operation import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Give a database of 0.1.0 with this release's columns, whose rows were not gone through yet."""
    if request.param == "sqlite":
        load(tmp_path / "old.db")
        url = f"sqlite:///{tmp_path / 'old.db'}"
    else:
        url = str(request.getfixturevalue("postgres"))
        load_postgresql(url)
    with closing(Store(url)) as opened:
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "shorten_versions", lambda store: 0)
            migrate.migrate(opened)
        yield opened


def versions_said(connection: sa.Connection) -> set[str]:
    """Return what journeys and touchpoints say of the plan that began them."""
    journeys = {row.plan_version for row in read.rows(connection, Journey)}
    return journeys | {row.plan_version for row in read.rows(connection, Touchpoint)}


def versions_meant(connection: sa.Connection) -> list[str]:
    """Return the version of each touchpoint, in full, in the order of the touchpoints' keys."""
    p = t.touchpoint.c
    query = sa.select(plan_numbers.in_full(p.plan_version)).order_by(p.journey, p.step)
    return list(connection.execute(query).scalars())


def test_rows_of_0_1_0_get_their_numbers_batch_by_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between batches it goes on there, means the same at each moment, and ends; a second run does nothing."""
    monkeypatch.setattr(long_versions, "PAGES", 1)
    monkeypatch.setattr(long_versions, "ROWS", 3)
    with store.reading() as connection:
        meant, rows = versions_meant(connection), len(read.rows(connection, Journey))
        long = {version for version in versions_said(connection) if len(version) == 64}
        assert long
    changed = batches = 0
    while (some := store.write(long_versions.shorten_some)) is not None:
        changed, batches = changed + some, batches + 1
        with store.reading() as connection:
            assert versions_meant(connection) == meant
    with store.reading() as connection:
        numbers = plan_numbers.by_digits(connection)
        assert versions_said(connection) <= set(numbers)
        assert long <= set(numbers.values())
        assert long_versions.LEFT_AT not in read_controls(connection)
    assert changed == len(meant) + rows
    assert batches >= 2
    assert long_versions.shorten_versions(store) == 0


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_row_that_somebody_holds_is_passed_over_and_stays_right(store: Store) -> None:
    """Nobody is waited for: what a role has in hand keeps its 64 digits, which are read as before."""
    with store.reading() as connection:
        meant = versions_meant(connection)
        held = read.rows(connection, Touchpoint)[0]
    p = t.touchpoint.c
    mine = sa.and_(p.journey == held.journey, p.step == held.step)
    with store.engine.begin() as role:
        role.execute(sa.select(p.step).where(mine).with_for_update())
        assert long_versions.shorten_versions(store) > 0
    with store.reading() as connection:
        assert versions_meant(connection) == meant
        assert [row.plan_version for row in read.rows(connection, Touchpoint, mine)] == [held.plan_version]


def test_a_person_is_given_the_version_in_full(store: Store) -> None:
    """What is exported of somebody says 64 digits, as it always has, before and after."""
    with store.reading() as connection:
        keys = sorted({row.customer for row in read.rows(connection, Touchpoint)})
        before = rows_of_customers(connection, keys)
    long_versions.shorten_versions(store)
    with store.reading() as connection:
        assert rows_of_customers(connection, keys) == before
    assert {len(row["plan_version"]) for row in before["touchpoint"]} == {64}


def test_a_new_row_bears_a_number_from_the_first_on(tmp_path: Path) -> None:
    """The number is given when the plan is taken over; what looks back finds the version behind it."""
    boucle = Embedded(tmp_path, START)
    boucle.take(journey("delivery", "ann", reference="o-1"))
    plan = boucle.parts.policy().plan
    assert {row.plan_version for row in boucle.rows(Touchpoint)} == {plan.written_as}
    assert len(plan.written_as) < 4
    with boucle.parts.store.reading() as connection:
        assert plan_numbers.by_digits(connection)[plan.written_as] == plan.version
        assert set(versions_meant(connection)) == {plan.version}
        assert {point.version for point in past.later_touchpoints(connection, None)} <= {plan.version}


def test_two_that_take_over_plans_at_once_give_different_numbers(postgres: str) -> None:
    """The second looks again: no number stands for two versions, and no version has two."""
    with closing(Store(postgres)) as store:
        migrate.migrate(store)
        with store.engine.begin() as other:
            plan_numbers.give(other, "a" * 64)
        for _ in range(2):
            store.write(lambda connection: plan_numbers.give(connection, "b" * 64))
            store.write(lambda connection: plan_numbers.give(connection, "a" * 64))
        with store.reading() as connection:
            assert plan_numbers.by_digits(connection) == {"1": "a" * 64, "2": "b" * 64}
