"""Figures: periods, lines over time, the loop, movements and announcements, from counts alone."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain import reporting
from workers.domain.reporting import AnswerCell, AskedCell, Case, Cube, InformedCustomer, Movement, Step, nps
from workers.domain.reporting.periods import MOST_PERIODS, cut

AT = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 70), max_size=24)


@given(COUNTS)
def test_periods_are_disjoint_and_leave_nothing_out(counts: list[int]) -> None:
    """Every answer is in exactly one period: they follow each other from the first month with one to the last."""
    runs = cut(counts)
    assert sum(sum(counts[first:behind]) for first, behind in runs) == sum(counts)
    assert all(before[1] == after[0] for before, after in pairwise(runs))


@given(COUNTS)
def test_each_period_has_thirty_answers_where_there_are_as_many(counts: list[int]) -> None:
    """A period below 30 stands alone: only when all months together have fewer."""
    runs = cut(counts)
    assert len(runs) <= MOST_PERIODS
    assert all(sum(counts[first:behind]) >= 30 for first, behind in runs) or len(runs) == 1


def greedy(counts: list[int]) -> int:
    """Return how many periods of 30 there can be: the first one ends as soon as it may, and so on."""
    runs, n = 0, 0
    for count in counts:
        n += count
        if n >= 30:
            runs, n = runs + 1, 0
    return runs


@given(COUNTS)
def test_there_are_as_many_periods_as_there_can_be(counts: list[int]) -> None:
    """No other way of cutting gives more periods, up to what a phone can show."""
    assert len(cut(counts)) == min(MOST_PERIODS, max(greedy(counts), bool(sum(counts))))


@given(COUNTS, st.sets(st.integers(0, 24)))
def test_no_period_reaches_across_a_note(counts: list[int], walls: set[int]) -> None:
    """Wherever notes stand, a period ends before each or begins at it or behind, and no answer is lost or doubled."""
    runs = cut(counts, walls)
    assert not [(first, behind, wall) for first, behind in runs for wall in walls if first < wall < behind]
    assert sum(sum(counts[first:behind]) for first, behind in runs) == sum(counts)
    assert all(before[1] <= after[0] for before, after in pairwise(runs))


def test_a_step_at_a_note_is_dated_and_any_other_is_not() -> None:
    """The period that a note begins says so; a step between pooled months does not, as its date is uncertain."""
    stretches = ("2025-10", "2025-11", "2025-11-17", "2025-12")
    cube = Cube((*cells("2025-10", 25, 5), *cells("2025-11-17", 5, 25), *cells("2025-12", 25, 5)), ())
    [chart] = reporting.over_time(cube, stretches, {2})
    assert [(period.first, period.behind, period.at_note, period.changed) for period in chart.lanes[0].periods] == [
        (0, 1, False, False),
        (2, 3, True, True),
        (3, 4, False, True),
    ]


def test_too_few_answers_make_no_step() -> None:
    """Four answers behind a note have no score, so there is no step to them."""
    cube = Cube((*cells("2025-10", 30, 0), *cells("2025-11", 0, 4)), ())
    [chart] = reporting.over_time(cube, MONTHS, {1})
    assert [period.change for period in chart.lanes[0].periods] == [None, None]


def cells(month: str, promoters: int, detractors: int, segment: str = "north") -> list[AnswerCell]:
    """Return the answers of a month: nines and twos."""
    made = [(9, promoters), (2, detractors)]
    return [AnswerCell("delivery", "delivery-now", segment, month, score, "mail", n, n, 0, 0) for score, n in made if n]


MONTHS = ("2025-10", "2025-11", "2025-12")


def test_a_step_is_a_change_only_by_the_test() -> None:
    """From +60 to -60 with thirty answers each is a change by nps.change_test; from +60 to +47 is none."""
    cube = Cube((*cells("2025-10", 24, 6), *cells("2025-11", 22, 8), *cells("2025-12", 6, 24)), ())
    [chart] = reporting.over_time(cube, MONTHS)
    first, second, third = chart.lanes[0].periods
    assert first.change is None
    assert second.change == nps.change_test(nps.Counts(24, 0, 6), nps.Counts(22, 0, 8))
    assert (second.changed, third.changed) == (False, True)


def test_only_segments_that_changed_are_drawn_beside_everybody() -> None:
    """The line of a segment in which nothing changed stays in the table."""
    north = [*cells("2025-10", 25, 5), *cells("2025-12", 5, 25)]
    south = [*cells("2025-10", 25, 5, "south"), *cells("2025-12", 25, 5, "south")]
    [chart] = reporting.over_time(Cube((*north, *south), ()), MONTHS)
    assert [lane.segment for lane in chart.lanes] == ["", "north", "south"]
    assert [lane.segment for lane in chart.shown] == ["", "north"]


def test_touchpoints_stand_apart_and_in_the_order_of_time() -> None:
    """Transactional before relationship, right after before weeks later, three months before twelve."""
    names = [("milestone", "milestone-12m"), ("delivery", "delivery-6w"), ("milestone", "milestone-3m")]
    asked = tuple(AskedCell(trigger, step, "none", "2025-10", 1, 0) for trigger, step in names)
    touchpoints = reporting.touchpoints(Cube(tuple(cells("2025-10", 1, 0)), asked))
    assert [touchpoint.touchpoint for touchpoint in touchpoints] == [
        "delivery-now",
        "delivery-6w",
        "milestone-3m",
        "milestone-12m",
    ]
    assert [touchpoint.relationship for touchpoint in touchpoints] == [False, False, True, True]


def test_below_five_there_is_no_score() -> None:
    """Four answers give counts and no NPS, five give a flagged one, thirty one without a flag."""
    sizes = {n: reporting.Reading.of(reporting.Figures(promoters=n)) for n in (4, 5, 29, 30)}
    assert (sizes[4].nps, sizes[4].low, sizes[4].flag) == (None, None, "counts only")
    assert [(reading.nps, reading.flag) for reading in (sizes[5], sizes[29], sizes[30])] == [
        (100, "small"),
        (100, "small"),
        (100, ""),
    ]


def case(score: int, hours: float | None, again: int | None, *, due: float = 4, done: bool = True) -> Case:
    """Return a detractor contacted after some hours, and the score when asked again."""
    in_time = hours is not None and hours <= due
    return Case(score, True, "solved", in_time, hours is not None, done, again is not None, again)


def test_the_loop_counts_each_step_of_all_detractors() -> None:
    """In time, done, answered again, moved up; who was late, is silent or stayed stands beside."""
    cases = [case(3, 1, 9), case(6, 5, 6), case(2, 2, None), case(0, None, None, done=False)]
    waits = [(AT, AT + timedelta(hours=hours)) for hours in (1, 5, 2)]
    loop = reporting.loop(Counter(cases), waits, lambda lengths: [(end - start) / 2 for start, end in lengths])
    steps = {step: n for step, n in loop.steps.items() if n}
    assert steps == {
        Step.DETRACTORS: 4, Step.TICKET: 4, Step.IN_TIME: 2, Step.DONE: 3, Step.ANSWERED: 2, Step.MOVED_UP: 1,
        Step.LATE: 2, Step.NOT_ASKED: 1, Step.SAME: 1,
    }  # fmt: skip
    assert (loop.timed, loop.wall, loop.working) == (3, timedelta(hours=2), timedelta(hours=1))


def test_a_rise_within_a_band_is_no_rise() -> None:
    """From 2 to 6 is still a detractor; from 6 to 7 is won back."""
    assert [reporting.is_at(case(low, 1, high), Step.MOVED_UP) for low, high in ((2, 6), (6, 7))] == [False, True]


def test_about_to_leave_is_a_detractor_or_who_fell() -> None:
    """A first answer of 3 counts, a promoter who is a passive now counts, a passive who stays does not."""
    moved = Movement(
        {("", "detractor"): 1, ("promoter", "passive"): 2, ("passive", "passive"): 4, ("detractor", "passive"): 8}
    )
    assert moved.leaving == 3


def test_before_and_after_are_of_the_same_persons() -> None:
    """Who was told but has not answered since is in neither bar."""
    rows = [
        InformedCustomer(1, 3, True, 9),
        InformedCustomer(1, 7, True, 7),
        InformedCustomer(1, 2, True, None),
        InformedCustomer(2, 8, False, None),
    ]
    announced = reporting.announced(Counter(rows))
    first = announced[1]
    assert (first.customers_told, first.sent, first.answered, first.moved_up) == (3, 3, 2, 1)
    assert (first.before, first.after) == (nps.Counts(0, 1, 1), nps.Counts(1, 1, 0))
    assert (announced[2].sent, announced[2].answered) == (0, 0)


@pytest.mark.parametrize(("trigger", "stage"), [("purchase", "acquisition"), ("wave", "loyalty"), ("phone", "other")])
def test_each_trigger_has_its_stage(trigger: str, stage: str) -> None:
    """The stages are those of the field; another tool's trigger has none."""
    assert reporting.stage_of(trigger) == stage
