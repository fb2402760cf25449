"""The questions that hang on the start of the relationship, when what started it was undone.

They hang on the first purchase that stands; without any they are cancelled. A function of the set of facts: a refund
that is told before its purchase, or a second purchase told before the first, gives the same.
"""

from workers.calendar import in_zone
from workers.domain.compiled_tables.journey_plan import PlanStep
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.history import Why
from workers.domain.policy import Policy
from workers.domain.records import Customer, Journey, Touchpoint
from workers.domain.survey.planning.eligibility import assess, follows_from_facts, note, put, undoing
from workers.domain.survey.planning.journey import JourneyEvent, candidate_for, replaces
from workers.domain.survey.planning.occurrences import is_occurrence
from workers.domain.types import Reason, TouchpointState


def has_undone(customer: Customer, policy: Policy) -> bool:
    """Tell whether anything of this customer was ever undone: only then do all of their journeys count at once."""
    return not policy.undoing.isdisjoint(customer.firsts)


def follow_start(case: CustomerCase) -> None:
    """Move the touchpoints that hang on the start to the first start that stands, or cancel them without one."""
    if not has_undone(case.customer, case.policy):
        return
    for step, start in starts(case).values():
        journey = case.journey(step.trigger, "")
        if journey is None:
            continue
        wanted = planned_by(case, start, candidate_for(case, event_that_began(start), journey, step))
        planned = case.get(Touchpoint, journey.id, step.touchpoint)
        if planned is None:
            case.add(wanted)
            note(case, wanted, "")
        elif moves(case, wanted, planned):
            case.change(wanted)
            note(case, wanted, planned.state)


def starts(case: CustomerCase) -> dict[tuple[str, str], tuple[PlanStep, Journey]]:
    """Return for each touchpoint that hangs on a start its row and its start: the earliest that stands, else the first.

    Of each kind of start one counts, as in the plan's column `first`.
    """
    first: dict[tuple[bool, str], Journey] = {}
    policy = case.policy
    for journey in sorted(case.all(Journey), key=lambda journey: (journey.anchor_at, journey.event)):
        if journey.reference and not is_occurrence(journey):
            first.setdefault((undoing(case, journey) is not None, journey.trigger), journey)
    start_by_touchpoint: dict[tuple[str, str], tuple[PlanStep, Journey]] = {}
    for _, start in sorted(first.items(), key=lambda each: (each[0][0], each[1].anchor_at, each[1].event)):
        day = in_zone(start.anchor_at, policy.zone).date() if policy.plan.dated else None
        for step in policy.plan.steps_for(start.trigger, True, start.delivery_expected, start.months, day):
            if step.anchor == "start" and step.once_per == "customer":
                start_by_touchpoint.setdefault((step.trigger, step.touchpoint), (step, start))
    return start_by_touchpoint


def event_that_began(start: Journey) -> JourneyEvent:
    """Return the event that began a journey as planning sees it."""
    return JourneyEvent(start.trigger, start.anchor_at, start.event, start.reference, start.label, start.details)


def planned_by(case: CustomerCase, start: Journey, candidate: Touchpoint) -> Touchpoint:
    """Return a touchpoint as its start plans it, cancelled where that was undone and it is not too late anyway."""
    stop = undoing(case, start)
    wanted = assess(case, candidate)
    if stop is None or wanted.state not in PENDING:
        return wanted
    return put(wanted, TouchpointState.CANCELLED, Why(Reason.STOPPED, stop.cause), case.now)


def moves(case: CustomerCase, wanted: Touchpoint, planned: Touchpoint) -> bool:
    """Tell whether a touchpoint changes: it hangs on another start, or its start was undone, or now stands."""
    if not case.policy.plan.hangs_on_start(planned.rule):
        return replaces(case, wanted, planned)
    if not follows_from_facts(planned):
        return False
    same = (wanted.anchor_at, wanted.rule) == (planned.anchor_at, planned.rule)
    if same and wanted.state == TouchpointState.SKIPPED:
        return False  # what was cancelled in its time is not too late by a replay
    cancelled = TouchpointState.CANCELLED in (wanted.state, planned.state)
    undone = cancelled and (wanted.state, wanted.reason, wanted.detail) != (
        planned.state,
        planned.reason,
        planned.detail,
    )
    return undone or not same
