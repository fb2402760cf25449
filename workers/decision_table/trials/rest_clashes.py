"""Rows of a journey plan that rest each other away: questions that no customer could ever be asked, though planned.

Computed by playing the plan's own steps for somebody to whom nothing else happens; whatever is lost then, is lost to
the plan itself. Pure, and bounded: some sixty days of a year stand for all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product

from workers.calendar.durations import Wait, add_wait
from workers.decision_table.decisions.compiled import Compiled, compile_table
from workers.decision_table.files.side_files import WaveDate
from workers.decision_table.model.cells import split_list
from workers.decision_table.model.table import Fault, Severity, Table
from workers.decision_table.trials.replay import Fate, PastEvent, Step, is_plan, replay
from workers.errors import BadInput

CODE = "W803"
DAYS = (1, 2, 15, 28, 29, 30, 31)
"""Days of a month on which something may begin: where months differ in length, its ends do."""
A_YEAR = [
    day
    for month, number in product(range(1, 13), DAYS)
    if (day := date(2026, month, 1) + timedelta(number - 1)).month == month
]
"""Before a February of 28 days, which makes the shortest quarter."""
MORNING = time(9)
MOST_STORIES = 60
"""Events with other inputs that are played; a plan with more of them is played in part."""
MOST_STEPS = 8_000
"""Touchpoints that are played in all, so that a plan of thousands of rows costs a second at most."""
LOST = (Fate.DROPPED, Fate.TOO_LATE)
EXPECTED = ("yes", "no", None)
PHASE_DAYS = 5
"""Between waves, somebody is due every so many days."""
UNLIMITED = 1_000_000
"""Questions: between waves only the rest periods are looked at, for the maximum is there to be reached."""
ADVICE = "Give its row a rest of its own (column rest), let it defer and give up later, or shorten the rest period."


def rest_clashes(table: Table, waves: Sequence[WaveDate] = (), today: date = date.min) -> list[Fault]:
    """Return a warning for each row that the plan's own rest periods keep from being asked.

    1. Among the rows that one event plans, and along the milestones that a CRM tells one after another. 2. With
    `waves`: days too close for the rest of the wave's row, from `today` on, and rows that waves leave no day to.
    """
    if table.faults or table.rest is None or not is_plan(table):
        return []
    compiled = compile_table(table)
    try:
        unlimited = compile_table(replace(table, rest=replace(table.rest, at_most=UNLIMITED)))
        return [*of_rows(compiled), *of_dates(compiled, waves, today), *between_waves(unlimited, waves)]
    except BadInput:  # a wait that leaves the calendar is told where it stands
        return []


def of_rows(compiled: Compiled) -> Iterator[Fault]:
    """Give a fault for each touchpoint that other rows for the same event, or the milestone before, rest away."""
    lost: dict[str, list[tuple[date, Step]]] = {}
    left = MOST_STEPS
    for what, first in unlike(compiled):
        for day in A_YEAR if len(first) > 1 else ():
            left -= len(first)
            for step in replay(compiled, beginning(what, day)).steps if left > 0 else ():
                if step.fate in LOST:
                    lost.setdefault(step.touchpoint, []).append((day, step))
    for touchpoint, losses in sorted(lost.items()):
        days = [day for day, _ in losses]
        always = len(set(days)) == len(A_YEAR)
        who = "is never asked" if always else f"is not asked of who begins on {days[0].day} {days[0]:%B}, say"
        yield fault(
            compiled.table,
            touchpoint,
            f"{touchpoint} {who}: a question that this plan asks before it makes the customer rest for too long. "
            f"{ADVICE}",
        )


What = tuple[tuple[str, str | None, int | None], ...]
"""What happens to one person: event, whether a delivery is expected, months (of milestones: since the start)."""


def stories(table: Table) -> list[What]:
    """Return what may happen to one person alone: each event that the plan knows, and the milestones in their order."""
    alone: list[What] = [
        ((event, expected, None),)
        for event, expected in product(named(table, "event"), EXPECTED)
        if event not in ("milestone", "wave")
    ]
    months = sorted({int(text) for text in named(table, "months") if text.isdecimal() and len(text) < 4})
    chain: What = tuple(("milestone", None, number) for number in months)
    return [*alone[:MOST_STORIES], *([chain] if chain else [])]


def unlike(compiled: Compiled) -> Iterator[tuple[What, tuple[Step, ...]]]:
    """Give what may happen to one person with the steps that it plans; of those that plan the same, the first."""
    seen: set[tuple[object, ...]] = set()
    for what in stories(compiled.table):
        steps = replay(compiled, beginning(what, A_YEAR[0])).steps
        alike = tuple((step.touchpoint, step.template, step.due_at) for step in steps)
        if steps and alike not in seen:
            seen.add(alike)
            yield what, steps


def named(table: Table, name: str) -> list[str]:
    """Return the values that a column lists, and those that its rows name one by one."""
    values: dict[str, None] = {}
    for number, column in enumerate(table.inputs):
        if column.name == name:
            values |= dict.fromkeys(column.values)
            for rule in table.rules:
                parts = split_list(rule.cells[number].text)
                values |= dict.fromkeys(part for part in parts if part.isidentifier() or part.isdecimal())
    return list(values)


def beginning(what: What, day: date) -> list[PastEvent]:
    """Play what happens to somebody who begins on a day: its events, at nine in the morning UTC."""
    start = datetime.combine(day, MORNING, UTC)
    return [
        PastEvent(f"e{n}", "c", event, on(start, months or 0), f"r{n}", expected, months)
        for n, (event, expected, months) in enumerate(what)
    ]


def on(start: datetime, months: int) -> datetime:
    """Return the same day some months later."""
    return add_wait(start, Wait(months=months), "UTC")


def of_dates(compiled: Compiled, waves: Sequence[WaveDate], today: date) -> Iterator[Fault]:
    """Give a fault for each day of the list that nobody could be asked on, because of the wave before."""
    events = wave_events(waves)
    before = {later.reference: (later.at - earlier.at).days for earlier, later in pairwise(events)}
    for step in replay(compiled, events).steps:
        if step.fate in LOST and step.reference in before and step.due_at.date() >= today:
            yield fault(
                compiled.table,
                step.touchpoint,
                f"{step.touchpoint}: the wave of {step.reference} asks nobody who was asked in the waves before it: "
                f"{before[step.reference]} days after the last one they still rest. Move the day, or shorten the rest.",
            )


def wave_events(waves: Sequence[WaveDate]) -> list[PastEvent]:
    """Return the days of the list as what happens to one customer."""
    return [
        PastEvent(f"w{n}", "c", "wave", datetime.combine(wave.day, MORNING, UTC), wave.day.isoformat())
        for n, wave in enumerate(waves)
    ]


def between_waves(compiled: Compiled, waves: Sequence[WaveDate]) -> Iterator[Fault]:
    """Give a fault for each row that is due between waves and that none of its days escapes the waves' rest."""
    days = [wave.day for wave in waves]
    if len(days) < 3:
        return
    reported: set[str] = set()
    left = MOST_STEPS
    for what, first in unlike(compiled):
        ahead = {step.touchpoint: step.due_at.date() - A_YEAR[0] for step in first}
        for touchpoint in sorted(ahead.keys() - reported) if len(what) == 1 else ():
            left -= len(first) * len(days)
            if left <= 0 or not always_lost(compiled, what, touchpoint, ahead[touchpoint], waves):
                continue
            reported.add(touchpoint)
            yield fault(
                compiled.table,
                touchpoint,
                f"{touchpoint} is never asked between the waves of {days[0]} and {days[-1]}: they come so often that "
                f"the customer rests all the time. {ADVICE}",
            )


def always_lost(compiled: Compiled, what: What, touchpoint: str, ahead: timedelta, waves: Sequence[WaveDate]) -> bool:
    """Tell whether a touchpoint is asked of nobody for whom it comes due between the first wave and the last."""
    first, last = waves[0].day, waves[-1].day
    was_due = False
    for number in range(1, (last - first).days, PHASE_DAYS):
        events = [*beginning(what, first + timedelta(number) - ahead), *wave_events(waves)]
        for step in replay(compiled, events).steps:
            between = step.touchpoint == touchpoint and first < step.due_at.date() < last
            was_due = was_due or between
            if between and step.fate not in LOST:
                return False
    return was_due


def fault(table: Table, touchpoint: str, message: str) -> Fault:
    """Write the warning W803 about a touchpoint, pointing at all its rows."""
    rules = [rule for rule in table.rules if rule.outputs.get("touchpoint") == touchpoint]
    return Fault(
        CODE,
        Severity.WARNING,
        message,
        rules=tuple(rule.id for rule in rules),
        rows=tuple(rule.row for rule in rules),
        columns=("rest",),
    )
