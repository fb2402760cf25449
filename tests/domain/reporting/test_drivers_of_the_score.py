"""What drivers contribute adds up to the NPS, whatever was answered, and is called a step only when it is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.drivers import NONE
from workers.domain.records.choices import joined
from workers.domain.reporting import nps
from workers.domain.reporting.drivers import (
    PARTS,
    Contribution,
    DriverCell,
    contributions,
    counted,
    is_mixed,
    matrix,
)
from workers.domain.reporting.nps import Counts
from workers.domain.types import Band

CODES = ("delivery", "price", "product", "service", "other")
CELLS = st.lists(
    st.builds(
        DriverCell,
        trigger=st.just("delivery"),
        touchpoint=st.sampled_from(["delivery-now", "delivery-6w"]),
        segment=st.sampled_from(["gold", "none"]),
        drivers=st.lists(st.sampled_from(CODES), max_size=3, unique=True).map(joined),
        band=st.sampled_from([band.value for band in Band]),
        n=st.integers(1, 50),
    ),
    max_size=30,
)


def cell(drivers: str, band: str, n: int = 1, segment: str = "none") -> DriverCell:
    """Return a cell about one delivery."""
    return DriverCell("delivery", "delivery-now", segment, drivers, band, n)


@given(CELLS)
def test_contributions_add_up_to_the_score(cells: list[DriverCell]) -> None:
    """In sixths to the last one, of all answers and of every group."""
    counts = counted(cells)
    drivers = contributions(cells)
    assert sum(driver.parts for driver in drivers) == PARTS * (counts.promoters - counts.detractors)
    if counts.n:
        score = nps.nps(counts)
        assert score is not None
        assert sum(driver.points or 0.0 for driver in drivers) == pytest.approx(score, abs=1e-9)
    for column in matrix(cells, lambda each: each.segment):
        assert sum(each.parts for each in column.drivers.values()) == PARTS * (
            column.counts.promoters - column.counts.detractors
        )
    for driver in drivers:
        assert driver.interval.low <= (driver.points or 0.0) * driver.total / (driver.total + 3) <= driver.interval.high


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_without_any_reason_the_interval_is_that_of_the_score(promoters: int, passives: int, detractors: int) -> None:
    """One line of its own has the whole score, so it has its interval too."""
    cells = [cell("", band.value, n) for band, n in zip(Band, (promoters, passives, detractors), strict=True) if n]
    counts = counted(cells)
    for driver in contributions(cells):
        assert driver.code == NONE
        wald = nps.adjusted_wald(counts)
        assert (driver.interval.low, driver.interval.high) == pytest.approx((wald.low, wald.high))


def test_an_answer_is_shared_by_the_drivers_it_names() -> None:
    """By hand: two detractors name one and two drivers, a promoter three, a passive none."""
    cells = [
        cell("delivery", "detractor"),
        cell("delivery price", "detractor"),
        cell("delivery price service", "promoter"),
        cell("", "passive"),
    ]
    found = {driver.code: (driver.counts, driver.parts) for driver in contributions(cells)}
    assert found == {
        "delivery": (Counts(1, 0, 2), -6 - 3 + 2),
        "price": (Counts(1, 0, 1), -3 + 2),
        "service": (Counts(1, 0, 0), 2),
        NONE: (Counts(0, 1, 0), 0),
    }
    assert [driver.code for driver in contributions(cells)] == ["delivery", "price", "service", NONE]


def some(code: str, detractors: int, total: int = 200) -> Contribution:
    """Return what a driver contributes that so many detractors of `total` answers name."""
    cells = [cell(code, "detractor", detractors), cell("", "promoter", total - detractors)]
    return next(driver for driver in contributions(cells) if driver.code == code)


def test_a_step_is_told_only_when_the_intervals_part() -> None:
    """Twice as many may be chance, six times as many is none; thirty answers are needed on both sides."""
    assert some("delivery", 20).parted_from(some("delivery", 12)) is None
    assert some("delivery", 60).parted_from(some("delivery", 10)) == pytest.approx(-25.0)
    assert some("delivery", 20, 25).parted_from(some("delivery", 1, 200)) is None
    assert some("delivery", 60).parted_from(None) is None


def test_several_questions_are_a_mixture() -> None:
    """Two touchpoints in one group have no common score."""
    other = DriverCell("purchase", "purchase-now", "none", "price", "passive", 1)
    assert not is_mixed([cell("", "passive"), cell("price", "promoter")])
    assert is_mixed([cell("", "passive"), other])
    assert [column.mixed for column in matrix([cell("", "passive"), other], lambda each: each.segment)] == [True]
