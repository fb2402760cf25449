"""Replay stored journey events through a journey plan: touchpoints per week, mails per customer, what is lost.

A simulation on plain values, in UTC and without send windows, so that it compares plans and does not predict the
minute. Every touchpoint is judged in the order of due times, as waking would do. Must not read a database.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from workers.calendar.durations import Wait, add_wait
from workers.decision_table.decisions.compiled import Compiled, compile_table
from workers.decision_table.files.side_files import Contrary
from workers.decision_table.model.journey_events import OF_EVENTS, STARTS
from workers.decision_table.model.rest_period import NO_REST, Asked, Question, Rest, resting
from workers.decision_table.model.table import OutcomeKind, RestPeriod, Table, only, takes_every_value
from workers.decision_table.model.values import Scalar
from workers.errors import BadInput

_UTC = "UTC"
_A_DAY = "at most a day"
_ASKS_MORE = "asks more than events say"
"""Marks the outputs of a row that asks about the customer."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One stored event: what happened to whom, about what, and when; the last three are inputs of the plan."""

    id: str
    customer: str
    event: str
    at: datetime
    reference: str = ""
    delivery_expected: str | None = None
    months: int | None = None


class Fate(StrEnum):
    """What becomes of a planned touchpoint."""

    ASKED = "asked"
    DEFERRED = "deferred"
    DROPPED = "dropped"
    TOO_LATE = "too late"
    STOPPED = "stopped"
    QUOTA_FULL = "quota full"


@dataclass(frozen=True, slots=True)
class Step:
    """One touchpoint of the replay; `asked_at` is set when it went out, as planned or later."""

    customer: str
    touchpoint: str
    template: str
    due_at: datetime
    give_up_at: datetime
    if_resting: str
    reference: str
    rest: Wait | None = None
    fate: Fate = Fate.ASKED
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a plan would have done: the steps with their fate, and how many events could not be replayed."""

    steps: tuple[Step, ...]
    not_replayable: int

    def per_week(self) -> dict[str, Counter[str]]:
        """Return, for each ISO week, how many questions of each touchpoint go out."""
        weeks: dict[str, Counter[str]] = defaultdict(Counter)
        for step in self.steps:
            if step.asked_at is not None:
                year, week, _ = step.asked_at.isocalendar()
                weeks[f"{year}-W{week:02}"][step.touchpoint] += 1
        return dict(sorted(weeks.items()))

    def fates(self) -> dict[str, Counter[str]]:
        """Return, for each touchpoint, how many steps met each fate."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for step in self.steps:
            counts[step.touchpoint][step.fate.value] += 1
        return dict(sorted(counts.items()))

    def mails_per_customer(self) -> Counter[int]:
        """Return how many customers get how many questions (reminders not counted)."""
        asked = Counter(step.customer for step in self.steps if step.asked_at is not None)
        everybody = {step.customer for step in self.steps}
        return Counter(asked[customer] for customer in everybody)


def replay(compiled: Compiled, events: Iterable[PastEvent], contrary: Sequence[Contrary] = ()) -> Replay:
    """Replay events through a journey plan with its rest period, and stops from contrary events."""
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    steps, not_replayable = _planned(_of_events(compiled), ordered)
    stops = _stops(ordered, contrary)
    by_customer: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_customer[step.customer].append(step)
    judged = [
        judged_step
        for customer, own in by_customer.items()
        for judged_step in _judge(own, compiled.table.rest, stops.get(customer, []))
    ]
    within = _within_quotas(judged, _quotas(compiled.table))
    return Replay(tuple(sorted(within, key=lambda step: (step.due_at, step.customer))), not_replayable)


def _of_events(compiled: Compiled) -> Compiled:
    """Return a plan by what events say; a row that asks for more is marked.

    What was known of a customer when a question came due is not kept with events: whether such a row asks cannot be
    said.
    """
    table = compiled.table
    about = [place for place, column in enumerate(table.inputs) if column.name not in OF_EVENTS]
    if not about:
        return compiled
    asking = {
        rule.id
        for rule in table.rules
        if not all(takes_every_value(table.inputs[place], rule.cells[place]) for place in about)
    }
    by_events = only(table, OF_EVENTS)
    marked = (
        replace(rule, outputs={**rule.outputs, _ASKS_MORE: True}) if rule.id in asking else rule
        for rule in by_events.rules
    )
    return compile_table(replace(by_events, rules=tuple(marked)))


def _planned(compiled: Compiled, events: Sequence[PastEvent]) -> tuple[list[Step], int]:
    steps: list[Step] = []
    seen: set[tuple[str, str, str]] = set()
    before: set[tuple[str, str]] = set()
    starts: dict[str, datetime] = {}
    refused = 0
    for event in events:
        if event.event in STARTS:
            starts.setdefault(event.customer, event.at)
        first = (event.customer, event.event) not in before
        before.add((event.customer, event.event))
        try:
            rows = _rows(compiled, event, first)
        except BadInput:
            refused += 1
            continue
        for row in rows:
            key = _once_key(row, event)
            if key not in seen:
                seen.add(key)
                steps.append(_step(row, event, starts.get(event.customer, event.at)))
    return steps, refused


def _rows(compiled: Compiled, event: PastEvent, first: bool) -> Sequence[Mapping[str, Scalar | None]]:
    given = {
        "event": event.event,
        "first": "yes" if first else "no",
        "delivery_expected": event.delivery_expected,
        "months": event.months,
    }
    outcome = compiled.decide({column.name: given.get(column.name) for column in compiled.table.inputs})
    if any(_ASKS_MORE in row for row in outcome.outputs):
        raise BadInput("Whether a row that asks about the customer would have asked is not known of past events.")
    return () if outcome.kind is OutcomeKind.PARKED else outcome.outputs


def _once_key(row: Mapping[str, Scalar | None], event: PastEvent) -> tuple[str, str, str]:
    per = row.get("once per")
    about = "" if per == "customer" else event.reference or event.id
    return str(row.get("touchpoint")), event.customer, about


def _step(row: Mapping[str, Scalar | None], event: PastEvent, start: datetime) -> Step:
    anchor = start if row.get("anchor") == "start" else event.at
    due = add_wait(anchor, _wait(row, "due"), _UTC)
    return Step(
        customer=event.customer,
        touchpoint=str(row.get("touchpoint")),
        template=str(row.get("template")),
        due_at=due,
        give_up_at=add_wait(due, _wait(row, "give up after"), _UTC),
        if_resting=str(row.get("if resting") or "drop"),
        reference=event.reference,
        rest=_own_rest(row),
    )


def _own_rest(row: Mapping[str, Scalar | None]) -> Wait | None:
    value = row.get("rest")
    return value if isinstance(value, Wait) else None


def _wait(row: Mapping[str, Scalar | None], name: str) -> Wait:
    value = row.get(name)
    return value if isinstance(value, Wait) else Wait()


@dataclass(frozen=True, slots=True)
class _Stop:
    """From when to when nothing is asked of a customer, or about one reference; no end is for ever."""

    since: datetime
    until: datetime | None
    reference: str | None
    cancels: bool


def _stops(events: Sequence[PastEvent], contrary: Sequence[Contrary]) -> dict[str, list[_Stop]]:
    stops_of: dict[str, list[_Stop]] = defaultdict(list)
    for event in events:
        for rule in contrary:
            if event.event in rule.events:
                about = event.reference if rule.scope == "reference" else None
                until = None if rule.effect == "cancel" else _end(events, event, rule)
                stops_of[event.customer].append(_Stop(event.at, until, about, rule.effect == "cancel"))
    return stops_of


def _end(events: Sequence[PastEvent], stop: PastEvent, rule: Contrary) -> datetime | None:
    for event in events:
        if event.customer == stop.customer and event.event in rule.until and event.at >= stop.at:
            return add_wait(event.at, rule.wait, _UTC)
    return None


def _judge(steps: Sequence[Step], rest: RestPeriod | None, stops: Sequence[_Stop]) -> list[Step]:
    """Decide one customer's touchpoints in the order of their due times; deferred ones come up again later."""
    waiting = sorted(((step.due_at, number, step) for number, step in enumerate(steps)), key=lambda waiter: waiter[:2])
    asked: list[Asked] = []
    judged: list[Step] = []
    while waiting:
        at, number, step = waiting.pop(0)
        stop = next((holding for holding in stops if _holds(holding, step, at)), None)
        free_at = _rested(step, at, asked, rest)
        if at > step.give_up_at:
            judged.append(_with(step, Fate.TOO_LATE, None))
        elif stop is not None and (stop.cancels or stop.until is None):
            judged.append(_with(step, Fate.STOPPED, None))
        elif stop is not None and stop.until is not None:
            _put_back(waiting, (stop.until, number, step))
        elif free_at > at and step.if_resting == "drop":
            judged.append(_with(step, Fate.DROPPED, None))
        elif free_at > at:
            _put_back(waiting, (free_at, number, step))
        else:
            asked.append(Asked(at, step.touchpoint, step.template))
            judged.append(_with(step, Fate.ASKED if at == step.due_at else Fate.DEFERRED, at))
    return judged


def _quotas(table: Table) -> dict[str, int]:
    """Return of how many customers each touchpoint is asked on a day; one by groups cannot be said from events."""
    cells = [(str(rule.outputs.get("touchpoint")), rule.outputs.get(_A_DAY)) for rule in table.rules]
    return {
        touchpoint: int(cell) for touchpoint, cell in cells if isinstance(cell, int | str) and str(cell).isdecimal()
    }


def _within_quotas(steps: list[Step], quotas: Mapping[str, int]) -> list[Step]:
    """Return the steps with those left out that come when their touchpoint's quota of the day is full.

    They were judged before, so that one that is left out here still counts for the rest of its customer.
    """
    asked: Counter[tuple[str, date]] = Counter()
    full: set[int] = set()
    for number, step in sorted(enumerate(steps), key=lambda pair: (pair[1].asked_at or pair[1].due_at, pair[0])):
        if step.asked_at is None or step.touchpoint not in quotas:
            continue
        day = step.touchpoint, step.asked_at.date()
        asked[day] += 1
        if asked[day] > quotas[step.touchpoint]:
            full.add(number)
    return [_with(step, Fate.QUOTA_FULL, None) if number in full else step for number, step in enumerate(steps)]


def _holds(stop: _Stop, step: Step, at: datetime) -> bool:
    if stop.reference is not None and stop.reference != step.reference:
        return False
    return stop.since <= at and (stop.until is None or at < stop.until)


def _put_back(waiting: list[tuple[datetime, int, Step]], waiter: tuple[datetime, int, Step]) -> None:
    waiting.append(waiter)
    waiting.sort(key=lambda entry: entry[:2])


def rest_in_use(rest: RestPeriod | None) -> Rest:
    """Return a table's rest period as asking uses it."""
    return Rest(rest.all_surveys, rest.same_template, rest.at_most, rest.within) if rest else NO_REST


def _rested(step: Step, at: datetime, asked: Sequence[Asked], rest: RestPeriod | None) -> datetime:
    """Return from when the person may be asked again; `at` itself when they may be asked now."""
    if step.if_resting == "exempt":
        return at
    rests = resting(Question(step.touchpoint, step.template, step.rest), asked, rest_in_use(rest), _UTC, at)
    return rests.until if rests else at


def _with(step: Step, fate: Fate, asked_at: datetime | None) -> Step:
    return replace(step, fate=fate, asked_at=asked_at)


@dataclass(frozen=True, slots=True)
class PlanBacktest:
    """Two plans on the same events."""

    old: Replay
    new: Replay

    @property
    def empty(self) -> bool:
        """Say whether both plans do the same."""
        return self.old == self.new

    def as_json(self) -> dict[str, object]:
        """Return the differences as `boucle rules backtest --format json` prints them for a journey plan."""
        spread = self.old.mails_per_customer(), self.new.mails_per_customer()
        return {
            "compared": len(self.new.steps),
            "not_replayable": self.new.not_replayable,
            "changes": _differences(self.old.fates(), self.new.fates(), "touchpoint"),
            "per_week": _differences(self.old.per_week(), self.new.per_week(), "week"),
            "mails_per_customer": [
                {"mails": mails, "old": spread[0][mails], "new": spread[1][mails]}
                for mails in sorted({*spread[0], *spread[1]})
                if not self.empty
            ],
        }


def _differences(old: Mapping[str, Counter[str]], new: Mapping[str, Counter[str]], key: str) -> list[dict[str, object]]:
    nothing: Counter[str] = Counter()
    return [
        {key: name, "old": dict(old.get(name, nothing)), "new": dict(new.get(name, nothing))}
        for name in sorted({*old, *new})
        if old.get(name, nothing) != new.get(name, nothing)
    ]


def backtest_plan(
    old: Compiled, new: Compiled, events: Sequence[PastEvent], contrary: Sequence[Contrary] = ()
) -> PlanBacktest:
    """Compare two journey plans on stored events."""
    return PlanBacktest(replay(old, events, contrary), replay(new, events, contrary))


def is_plan(table: Table) -> bool:
    """Say whether a table is a journey plan: it has touchpoints among its outputs."""
    return any(column.name == "touchpoint" for column in table.outputs)
