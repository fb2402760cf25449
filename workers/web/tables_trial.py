"""Try a candidate for a table in use: it is checked and, where it can be read, held against what happened.

Nothing of it is stored and nothing becomes live: the answer to the form is the page with what was found.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from workers.reviewing import day_start
from workers.ruletable import Column, Fault, Kind, Table, Unreadable, Value, compile_table
from workers.ruletable.backtesting import Backtest, DayLoad, PastResponse, backtest
from workers.ruletable.records import read_events, read_responses
from workers.ruletable.replaying import Fate, PastEvent, PlanBacktest, backtest_plan
from workers.ruletable.sidefiles import Contrary
from workers.ruletable.trying import Brought, broken_copy, read_candidate
from workers.ruletable.values import show
from workers.ruletable.written import Written, written
from workers.web import charts
from workers.web.context import Web
from workers.web.tables_shown import InUse, cases_of, faults_of
from workers.words import BadInput

MOST_RULES = 500
"""Rows of a candidate that are checked while somebody waits; the command checks more."""
USUAL_PAST = timedelta(days=365)
DAYS_DRAWN, WEEKS_DRAWN = 31, 60
LONGEST_DRAWN = timedelta(days=3660)
MOST_PERIODS = 120
MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody brings to be tried: files by the name of their field, and what was chosen beside them."""

    files: Mapping[str, Brought]
    since: str = ""
    decision: str = ""
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A day, week or month of a backtest: tickets and mails, before and after."""

    first: date
    old_tickets: int
    new_tickets: int
    old_mails: int
    new_mails: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A response whose ticket comes or goes: who, when, and on what the tables decide."""

    id: str
    customer: str
    at: datetime
    inputs: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found: why the candidate cannot be read, or its faults and what it would have changed."""

    unreadable: str = ""
    candidate: Table | None = None
    file: str = ""
    sheet: Written | None = None
    faults: Sequence[Fault] = ()
    cases_fault: str = ""
    past_fault: str = ""
    responses: Sequence[PastResponse] = ()
    effect: Backtest | None = None
    plan_effect: PlanBacktest | None = None
    events: int = 0
    since: str = ""
    uploaded: bool = False
    listed: Mapping[str, PastResponse] = field(default_factory=dict)


def try_out(web: Web, one: InUse, wish: Wish) -> Trial:
    """Read a candidate, check it, and hold it against stored or uploaded responses or events. Changes nothing."""
    rows = broken_copy(one.table) if wish.broken else wish.files.get("rules")
    definition = wish.files.get("definition")
    try:
        candidate = read_candidate(
            one.table, rows, definition.data if definition and not wish.broken else None, wish.decision or None
        )
    except Unreadable as fault:
        return Trial(unreadable=str(fault), since=wish.since)
    if len(candidate.rules) + len(candidate.damaged) > MOST_RULES:
        return Trial(unreadable=f"The file has more than {MOST_RULES} rules: `boucle rules check` reads it.")
    start = day_start(wish.since, web.policy().zone)
    name = (rows or definition or Brought("", b"")).name
    found = _Past.of(web, one, wish.files.get("past"), start)
    own = wish.files.get("cases")
    cases, cases_fault = cases_of(web, one, candidate, own.data if own else None)
    faults = faults_of(web, one, candidate, cases, [past.inputs for past in found.responses])
    effect, plan_effect, past_fault = _effects(web, one, candidate, found)
    return Trial(
        candidate=candidate,
        file=name,
        sheet=written(candidate, faults, one.table),
        faults=faults,
        cases_fault=cases_fault,
        past_fault=past_fault,
        since=wish.since,
        responses=found.responses,
        events=len(found.events),
        uploaded=found.uploaded,
        listed={past.id: past for past in found.responses},
        effect=effect,
        plan_effect=plan_effect,
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """What a candidate is held against: responses or events, stored or uploaded."""

    responses: Sequence[PastResponse] = ()
    events: Sequence[PastEvent] = ()
    uploaded: bool = False
    fault: str = ""

    @classmethod
    def of(cls, web: Web, one: InUse, file: Brought | None, start: datetime | None) -> "_Past":
        try:
            if one.is_plan:
                events = read_events(file.data, file=file.name) if file else list(web.rules.events(start))
                return cls(events=[past for past in events if not start or past.at >= start], uploaded=bool(file))
            responses = (
                read_responses(one.table, file.data, file=file.name) if file else list(web.rules.responses(start))
            )
        except BadInput as fault:
            return cls(fault=str(fault))
        return cls([past for past in responses if not start or past.received_at >= start], uploaded=bool(file))


def _effects(web: Web, one: InUse, candidate: Table, past: _Past) -> tuple[Backtest | None, PlanBacktest | None, str]:
    """Return what the candidate would have changed, or why that cannot be said.

    Nothing while a cell of it cannot be read, or a date in the past leaves the calendar with a wait.
    """
    if candidate.faults or past.fault:
        return None, None, past.fault
    old, new = compile_table(one.table), compile_table(candidate)
    try:
        if one.is_plan:
            return None, backtest_plan(old, new, past.events, contrary_of(web)), ""
        return backtest(old, new, past.responses), None, ""
    except BadInput as fault:
        return None, None, str(fault)


def contrary_of(web: Web) -> tuple[Contrary, ...]:
    """Return the events that speak against asking, as they are in use."""
    return tuple(
        Contrary(rule.events, rule.effect, rule.scope, rule.until, rule.until_wait) for rule in web.policy().contrary
    )


def listed(trial: Trial, ids: Sequence[str]) -> list[Listed]:
    """Return the first of some responses, with what the tables decide on."""
    columns = trial.candidate.inputs if trial.candidate else ()
    found = []
    for id in ids[:MOST_LISTED]:
        past = trial.listed[id]
        said = ", ".join(f"{one.name} {_in_words(one, past.inputs.get(one.name))}" for one in columns)
        found.append(Listed(id, past.customer, past.received_at, said))
    return found


def _in_words(column: Column, value: Value) -> str:
    """Return an input for a line of a list: durations in days, to a tenth."""
    if column.kind is Kind.DURATION and isinstance(value, timedelta | int | float):
        days = value / timedelta(days=1) if isinstance(value, timedelta) else value
        return f"{days:.1f}".removesuffix(".0") + "d"
    return show(value, column.kind)


def periods(days: Sequence[DayLoad]) -> tuple[str, list[Period]]:
    """Return the loads by day, by week (from Monday) or by month, whichever gives a readable chart."""
    if not days:
        return "day", []
    length = (days[-1].day - days[0].day).days + 1
    kind = "day" if length <= DAYS_DRAWN else "week" if length <= 7 * WEEKS_DRAWN else "month"
    sums: dict[date, list[int]] = {first: [0, 0, 0, 0] for first in _firsts(kind, [load.day for load in days])}
    for load in days:
        kept = sums.get(_first(kind, load.day), [0, 0, 0, 0])
        for place, n in enumerate((load.old_tickets, load.new_tickets, load.old_mails, load.new_mails)):
            kept[place] += n
    return kind, [Period(first, *counts) for first, counts in sums.items()]


def _first(kind: str, day: date) -> date:
    if kind == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if kind == "week" else day


def _firsts(kind: str, days: Sequence[date]) -> list[date]:
    """Return the first day of every period between the first and the last of some days, in order.

    Where that is a very long time, only of those that a day falls in, and of the latest: a slip in a year must not
    make a page of months.
    """
    first, last = min(days), max(days)
    if (last - first).days > LONGEST_DRAWN.days:
        return sorted({_first(kind, day) for day in days})[-MOST_PERIODS:]
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return list(dict.fromkeys(_first(kind, day) for day in every))


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of one touchpoint, before and after, in the order of `Fate`."""

    touchpoint: str
    counts: tuple[tuple[int, int], ...]


def fates(effect: PlanBacktest) -> list[Fates]:
    """Return what becomes of each touchpoint under both plans."""
    old, new = effect.old.fates(), effect.new.fates()
    nothing: Counter[str] = Counter()
    return [
        Fates(name, tuple((old.get(name, nothing)[fate], new.get(name, nothing)[fate]) for fate in Fate))
        for name in sorted({*old, *new})
    ]


def questions(effect: PlanBacktest) -> tuple[str, list[tuple[date, int, int]]]:
    """Return how many questions go out in each week, or month where the weeks are many, before and after."""
    sums: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for side, weeks in enumerate((effect.old.per_week(), effect.new.per_week())):
        for name, counts in weeks.items():
            year, _, number = name.partition("-W")
            sums[date.fromisocalendar(int(year), int(number), 1)][side] += counts.total()
    if not sums:
        return "week", []
    kind = "week" if (max(sums) - min(sums)).days <= 7 * WEEKS_DRAWN else "month"
    found = {first: [0, 0] for first in _firsts(kind, list(sums))}
    for week, counted in sums.items():
        kept = found.get(_first(kind, week), [0, 0])
        for side, n in enumerate(counted):
            kept[side] += n
    return kind, [(first, old, new) for first, (old, new) in found.items()]


def spread(effect: PlanBacktest) -> list[tuple[int, int, int]]:
    """Return how many customers get how many questions, before and after."""
    old, new = effect.old.mails_per_customer(), effect.new.mails_per_customer()
    return [(mails, old[mails], new[mails]) for mails in range(max({*old, *new}, default=-1) + 1)]


def shares(effect: Backtest) -> list[tuple[str, str, int, str]]:
    """Return each kind of change with its count and how long its bar is, the most frequent first."""
    most = max((change.count for change in effect.changes), default=1)
    return [(one.before, one.after, one.count, charts.percent(one.count / most)) for one in effect.changes]
