"""Try a candidate for a table in use, in a process of its own, and count what was found for the page.

Nothing of it is stored and nothing becomes live: the answer to the form is the page with what was found.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from workers.decision_table import Column, Kind, Value
from workers.decision_table.model.values import show
from workers.decision_table.trials.backtest import Backtest, DayLoad
from workers.decision_table.trials.candidate import Brought
from workers.decision_table.trials.replay import Fate, PlanBacktest
from workers.domain.followup.table_trial import Order, Past, Trial, carry_out
from workers.process.child_process import Budget, Crashed, OverBudget, run_apart
from workers.usecases.report.sections import day_start
from workers.web.http.requests.context import Web
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.report import charts
from workers.web.staff.tables.view import InUse, around

log = logging.getLogger(__name__)
BUDGET = Budget(seconds=30, megabytes=1_200)
"""What one trial may take: 500 rules and 100,000 past responses take some 5 s and 300 MB."""
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


def order_of(web: Web, use: InUse, wish: Wish) -> Order:
    """Return what a trial needs to run by itself: what is brought, what is known, and what happened."""
    start = day_start(wish.since, web.policy().zone)
    past, own = wish.files.get("past"), wish.files.get("cases")
    stored = Past(file=past, start=start)
    if past is None and use.is_plan:
        stored = replace(stored, events=list(web.rules.events(start)))
    elif past is None:
        stored = replace(stored, responses=list(web.rules.responses(start)))
    return Order(
        live=use.table,
        place=use.place,
        rows=wish.files.get("rules"),
        definition=wish.files.get("definition"),
        decision=wish.decision,
        broken=wish.broken,
        past=stored,
        around=around(web, use, own.data if own else None),
        most_rules=MOST_RULES,
    )


async def try_apart(web: Web, use: InUse, wish: Wish) -> Trial:
    """Try a candidate in a process of its own; what ends without an answer is told like a file that cannot be read."""
    order = await run_in_threadpool(order_of, web, use, wish)
    try:
        trial = await run_apart(carry_out, order, BUDGET)
    except OverBudget as fault:
        trial = Trial(unreadable=f"{fault} `boucle rules check` and `boucle rules backtest` have no such limit.")
    except Crashed as fault:
        log.error("a trial ended without an answer: %s", fault, extra={"action": "tables.trial-failed"})
        trial = Trial(unreadable="The file cannot be tried: reading it failed. The log says where.")
    return replace(trial, since=wish.since)


def listed(trial: Trial, ids: Sequence[str]) -> list[Listed]:
    """Return the first of some responses, with what the tables decide on."""
    columns = trial.candidate.inputs if trial.candidate else ()
    lines = []
    for id in ids[:MOST_LISTED]:
        past = trial.listed[id]
        inputs = trial.candidate.filled(past.inputs) if trial.candidate else past.inputs
        said = ", ".join(f"{column.name} {_in_words(column, inputs.get(column.name))}" for column in columns)
        lines.append(Listed(id, past.customer, past.received_at, said))
    return lines


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
    counts_by_period = {first: [0, 0] for first in _firsts(kind, list(sums))}
    for week, counted in sums.items():
        kept = counts_by_period.get(_first(kind, week), [0, 0])
        for side, n in enumerate(counted):
            kept[side] += n
    return kind, [(first, old, new) for first, (old, new) in counts_by_period.items()]


def spread(effect: PlanBacktest) -> list[tuple[int, int, int]]:
    """Return how many customers get how many questions, before and after."""
    old, new = effect.old.mails_per_customer(), effect.new.mails_per_customer()
    return [(mails, old[mails], new[mails]) for mails in range(max({*old, *new}, default=-1) + 1)]


def shares(effect: Backtest) -> list[tuple[str, str, int, str]]:
    """Return each kind of change with its count and how long its bar is, the most frequent first."""
    most = max((change.count for change in effect.changes), default=1)
    return [
        (change.before, change.after, change.count, charts.percent(change.count / most)) for change in effect.changes
    ]
