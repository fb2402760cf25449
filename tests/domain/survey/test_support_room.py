"""The room that support has: a function of figures, by the team's own hours; and how long a question waits for it."""

from datetime import UTC, datetime, timedelta

import pytest
from eventparts import DAY, Person, an_event
from hypothesis import given
from hypothesis import strategies as st
from ticketparts import shipped

from workers.calendar import Calendar, WorkingHours, parse_shifts
from workers.domain.survey.support_room import (
    LAST_DAYS,
    Past,
    SupportRoom,
    asked_at_latest,
    calls_left,
    may_still_wait,
    working_day,
)
from workers.domain.types import Reason

TEAM = Calendar.of("Europe/Paris", "mon-fri 09:00-18:00")
FRIDAY_NOON = datetime(2026, 3, 6, 12, 30, tzinfo=UTC)  # 13:30 in Paris: half of the day is left
counts = st.integers(0, 10_000)


def room(calls: int, to_call: int = 0, unanswered: int = 0, past: Past | None = None) -> SupportRoom:
    """Return a room until Friday evening."""
    return SupportRoom(calls, to_call, unanswered, past or Past(), FRIDAY_NOON)


@pytest.mark.parametrize(
    ("support", "free", "expected", "questions"),
    [
        (room(9), 9, 0, 100),  # of a hundred asked nine are assumed to need a call, before there is a past
        (room(9, to_call=4), 5, 0, 55),
        (room(9, unanswered=60), 9, 6, 40),
        (room(9, unanswered=100), 9, 9, 0),
        (room(9, to_call=12), 0, 0, 0),
        (room(9, past=Past(900, 300, 141)), 9, 0, 60),  # 150 of 1,000
        (room(9, past=Past(900, 300, 0)), 9, 0, 1_000),
    ],
)
def test_the_room_is_what_the_free_calls_are_enough_for(
    support: SupportRoom, free: int, expected: int, questions: int
) -> None:
    """Questions times the share that needs a call, those without an answer included, never go beyond the free calls."""
    assert (support.free_calls, support.expected_calls, support.questions) == (free, expected, questions)


@pytest.mark.parametrize(
    ("questions", "a_day", "days"), [(0, 4, 0), (1, 4, 1), (44, 4, 1), (45, 4, 2), (1_000, 4, 23), (1, 0, None)]
)
def test_days_for_the_answers_to_a_wave_are_whole_ones(questions: int, a_day: int, days: int | None) -> None:
    """Nine calls of a hundred questions; never too few, and none can be said where nobody calls."""
    assert SupportRoom(0, 0, 0, Past(), FRIDAY_NOON, a_day).days_for(questions) == days


@given(counts, counts, counts, counts, counts, counts)
def test_no_figures_give_a_room_that_support_could_not_call(
    calls: int, to_call: int, unanswered: int, asked: int, answered: int, unhappy: int
) -> None:
    """And one question more would be too many, unless more wait for an answer than there is room for anyway."""
    answered = min(answered, asked)
    support = room(calls, to_call, unanswered, Past(asked, answered, min(unhappy, answered)))
    share = (min(unhappy, answered) + 9) / (asked + 100)
    if support.questions:
        assert (support.questions + unanswered) * share <= support.free_calls + 1e-6
    assert (support.questions + 1 + unanswered) * share > support.free_calls - 1e-6


@pytest.mark.parametrize(
    ("now", "calls", "begins"),
    [
        (FRIDAY_NOON, 8, "2026-03-05T17:00"),  # half of 16
        (datetime(2026, 3, 6, 3, tzinfo=UTC), 16, "2026-03-05T17:00"),
        (datetime(2026, 3, 6, 17, tzinfo=UTC), 16, "2026-03-06T17:00"),  # closed: Monday's calls
        (datetime(2026, 3, 8, 12, tzinfo=UTC), 16, "2026-03-06T17:00"),
        (datetime(2026, 3, 9, 16, 30, tzinfo=UTC), 0, "2026-03-06T17:00"),  # half an hour is left
    ],
)
def test_calls_are_those_of_the_working_day_under_way_or_the_next(now: datetime, calls: int, begins: str) -> None:
    """Two agents with eight calls a day; who is asked at a weekend is called on Monday."""
    day = working_day(TEAM, now)
    assert calls_left(2, 8, day) == calls
    assert day.begins.astimezone(UTC).isoformat(timespec="minutes")[:16] == begins


def test_half_a_working_day_has_half_the_calls() -> None:
    """Measured by the longest day of the week; a break counts for nothing."""
    shifts = parse_shifts("08:00-12:00, 14:00-18:00")
    team = Calendar("Europe/Paris", WorkingHours(dict.fromkeys(range(4), shifts) | {4: shifts[:1]}))
    assert calls_left(1, 10, working_day(team, datetime(2026, 3, 3, 12, tzinfo=UTC))) == 5  # in the break
    assert calls_left(1, 10, working_day(team, datetime(2026, 3, 6, 6, tzinfo=UTC))) == 5  # a Friday


def test_a_question_waits_no_longer_than_it_may() -> None:
    """From when it was due, never into its last days, and not at all once a person sends it now."""
    person = Person()
    person.hear(an_event("delivery", reference="o"))
    question = person.touchpoint("delivery-now")
    week = {"delivery-now": timedelta(days=5)}
    assert asked_at_latest(question, week) == question.due_at + 5 * DAY
    assert asked_at_latest(question, {"delivery-now": 30 * DAY}) == question.give_up_at - LAST_DAYS
    assert asked_at_latest(question, {}) is None
    assert asked_at_latest(question.but(reason=Reason.OPERATOR), week) is None
    assert may_still_wait(question, week, question.due_at + 5 * DAY - timedelta(seconds=1))
    assert not may_still_wait(question, week, question.due_at + 5 * DAY)
    assert not may_still_wait(question, week, question.due_at - timedelta(seconds=1))


def test_a_plan_without_the_column_lets_nothing_wait() -> None:
    """As shipped: no row of it waits for support."""
    assert dict(shipped().plan.may_wait) == {}
    assert shipped().calls_a_day == 0
