"""A candidate for a table in use, tried: it is checked and, where it can be read, held against what happened.

Values in, values out, so that it can run in a process of its own: nothing of it is stored and nothing becomes live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from workers.decision_table import Against, Fault, KnownNames, Table, Unreadable, check, compile_table
from workers.decision_table.checks.checker import by_weight
from workers.decision_table.files.as_written import Written, written
from workers.decision_table.files.side_files import Contrary
from workers.decision_table.trials.backtest import Backtest, PastResponse, backtest
from workers.decision_table.trials.candidate import Brought, broken_copy, read_candidate
from workers.decision_table.trials.cases import Case, parse_cases
from workers.decision_table.trials.past_files import read_events, read_responses
from workers.decision_table.trials.replay import PastEvent, PlanBacktest, backtest_plan, is_plan
from workers.decision_table.trials.rest_clashes import rest_clashes
from workers.domain.followup.table_contract import NOTHING, PLACES, fitting
from workers.errors import BadInput


@dataclass(frozen=True, slots=True)
class Past:
    """What a candidate is held against: responses or events, those stored or a file of them."""

    responses: Sequence[PastResponse] = ()
    events: Sequence[PastEvent] = ()
    file: Brought | None = None
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What a candidate is judged by beside itself: names, former versions, the day, cases, contrary events."""

    known_names: KnownNames | None
    earlier: Sequence[Table]
    today: date
    contrary: Sequence[Contrary] = ()
    cases: bytes = b""
    cases_fault: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One trial: the table in use, its place, what somebody brings, and at most how many rules are tried."""

    live: Table
    place: str
    rows: Brought | None
    definition: Brought | None
    decision: str
    broken: bool
    past: Past
    around: Around
    most_rules: int


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


def carry_out(order: Order) -> Trial:
    """Read a candidate, check it, and hold it against stored or uploaded responses or events. Changes nothing."""
    rows = broken_copy(order.live) if order.broken else order.rows
    definition = None if order.broken else order.definition
    try:
        candidate = read_candidate(order.live, rows, definition.data if definition else None, order.decision or None)
    except Unreadable as fault:
        return Trial(unreadable=str(fault))
    if len(candidate.rules) + len(candidate.damaged) > order.most_rules:
        return Trial(unreadable=f"The file has more than {order.most_rules} rules: `boucle rules check` reads it.")
    past, past_fault = _past(order)
    cases, cases_fault = _cases(order.around, candidate)
    faults = judged(candidate, order.place, order.around, cases, [response.inputs for response in past.responses])
    effect, plan_effect, effect_fault = _effects(order, candidate, past) if not past_fault else (None, None, "")
    return Trial(
        candidate=candidate,
        file=(rows or definition or Brought("", b"")).name,
        sheet=written(candidate, faults, order.live),
        faults=faults,
        cases_fault=cases_fault,
        past_fault=past_fault or effect_fault,
        responses=past.responses,
        events=len(past.events),
        uploaded=order.past.file is not None and not past_fault,
        listed={response.id: response for response in past.responses},
        effect=effect,
        plan_effect=plan_effect,
    )


def judged(
    table: Table, place: str, around: Around, cases: Sequence[Case], past: Sequence[Mapping[str, object]]
) -> list[Fault]:
    """Return every fault of a table that is in use in a place, or may come into use there, by their weight."""
    against = Against(
        known_names=around.known_names,
        responses=past or None,  # type: ignore[arg-type]  # inputs as they were decided on
        cases=cases,
        earlier=around.earlier,
        today=around.today,
        fit=fitting(PLACES.get(place), around.known_names.inputs if around.known_names else NOTHING),
    )
    faults = check(table, against)
    return sorted([*faults, *rest_clashes(table)], key=by_weight)


def _cases(around: Around, candidate: Table) -> tuple[tuple[Case, ...], str]:
    """Return the cases to run, or why they cannot be read with this table."""
    if around.cases_fault:
        return (), around.cases_fault
    try:
        return parse_cases(candidate, around.cases), ""
    except BadInput as fault:
        return (), str(fault)


def _past(order: Order) -> tuple[Past, str]:
    """Return what the candidate is held against, from its start on, or why that cannot be read."""
    past, start = order.past, order.past.start
    responses, events = past.responses, past.events
    try:
        if past.file is not None and is_plan(order.live):
            events = read_events(past.file.data, file=past.file.name)
        elif past.file is not None:
            responses = read_responses(order.live, past.file.data, file=past.file.name)
    except BadInput as fault:
        return Past(), str(fault)
    return Past(
        [row for row in responses if not start or row.received_at >= start],
        [row for row in events if not start or row.at >= start],
    ), ""


def _effects(order: Order, candidate: Table, past: Past) -> tuple[Backtest | None, PlanBacktest | None, str]:
    """Return what the candidate would have changed, or why that cannot be said.

    Nothing while a cell of it cannot be read, or a date in the past leaves the calendar with a wait.
    """
    if candidate.faults:
        return None, None, ""
    old, new = compile_table(order.live), compile_table(candidate)
    try:
        if is_plan(order.live):
            return None, backtest_plan(old, new, past.events, tuple(order.around.contrary)), ""
        return backtest(old, new, past.responses), None, ""
    except BadInput as fault:
        return None, None, str(fault)
