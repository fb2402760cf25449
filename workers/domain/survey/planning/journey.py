"""A journey event gives its customer's case a journey and touchpoints with due times.

Due times come from the anchor, never from one another; of several candidates for one touchpoint the best one stands,
whatever their order. Nothing here asks anybody.
"""

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct, field

from workers.calendar import add_wait, in_zone
from workers.domain.compiled_tables.journey_plan import PlanStep
from workers.domain.customer_case import CustomerCase
from workers.domain.policy import Policy
from workers.domain.records import Customer, Journey, Touchpoint
from workers.domain.shadow import shadow
from workers.domain.survey.planning.eligibility import assess, follows_from_facts, is_undone, note
from workers.domain.survey.planning.occurrences import first_due
from workers.domain.types import TouchpointState


class JourneyEvent(Struct, frozen=True):
    """A journey or contrary event as planning sees it; `event` names it as source/id."""

    name: str
    at: datetime
    event: str
    reference: str = ""
    label: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    delivery_expected: bool | None = None
    months: int | None = None
    partial: bool = False


def plan(case: CustomerCase, journey_event: JourneyEvent) -> None:
    """Plan the journeys and touchpoints of an event; none if they are planned already."""
    asked = asked_of_plan(journey_event, case.customer, case.policy)
    steps = case.policy.plan.steps_for(*asked)
    for step in steps:
        journey = open_journey(case, journey_event, step.trigger, step_reference(step, journey_event))
        if step.anchor == "start" and is_undone(case, own_reference(journey_event), journey_event.at):
            continue  # `relationship` says where it hangs
        plan_step(case, journey_event, journey, step)
    if not any(step.trigger == journey_event.name for step in steps):
        open_journey(case, journey_event, journey_event.name, own_reference(journey_event))
    remember_first(case, journey_event)
    disagreement = case.policy.plan.disagreement(*asked)
    if disagreement:
        case.add(shadow(case, ("journey-plan", journey_event.event), disagreement, journey_event.at))


def references_of(journey_event: JourneyEvent, customer: Customer, policy: Policy) -> set[str]:
    """Return the references of the journeys that `plan` looks at for this event."""
    steps = rows_for(journey_event, customer, policy)
    return {own_reference(journey_event), *(step_reference(step, journey_event) for step in steps)}


def rows_for(journey_event: JourneyEvent, customer: Customer, policy: Policy) -> tuple[PlanStep, ...]:
    """Return the rows of the plan in use that apply to an event of a customer."""
    return policy.plan.steps_for(*asked_of_plan(journey_event, customer, policy))


def asked_of_plan(
    journey_event: JourneyEvent, customer: Customer, policy: Policy
) -> tuple[str, bool, bool | None, int | None, date | None]:
    """Return what the plan looks at: name, whether it is the first, the event's own data, and the day."""
    day = in_zone(journey_event.at, policy.zone).date() if policy.plan.dated else None
    return (
        journey_event.name,
        is_first(customer, journey_event),
        journey_event.delivery_expected,
        journey_event.months,
        day,
    )


def is_first(customer: Customer, journey_event: JourneyEvent) -> bool:
    """Tell whether no earlier event of this name is known."""
    first_at = customer.firsts.get(journey_event.name)
    return first_at is None or journey_event.at.isoformat() <= first_at


def remember_first(case: CustomerCase, journey_event: JourneyEvent) -> None:
    """Keep the instant of the customer's first event of each name."""
    firsts, at = case.customer.firsts, journey_event.at.isoformat()
    if firsts.get(journey_event.name, "~") > at:
        case.change(case.customer.but(firsts={**firsts, journey_event.name: at}))


def own_reference(journey_event: JourneyEvent) -> str:
    """Return what the event is about; an event that does not say stands for itself."""
    return journey_event.reference or journey_event.event


def step_reference(step: PlanStep, journey_event: JourneyEvent) -> str:
    """Return the reference that the step's `once per` makes part of the journey's key."""
    return "" if step.once_per == "customer" else own_reference(journey_event)


def open_journey(case: CustomerCase, journey_event: JourneyEvent, trigger: str, reference: str) -> Journey:
    """Return the journey with this natural key: the known one, told by the earliest event that belongs to it."""
    journey = case.journey(trigger, reference)
    if journey is None:
        journey = Journey(
            id=case.ids.derive(journey_event.at, "journey", case.id, trigger, reference),
            customer=case.id,
            trigger=trigger,
            reference=reference,
            label=journey_event.label,
            details=dict(journey_event.details),
            anchor_at=journey_event.at,
            event=journey_event.event,
            state="open",
            plan_version=case.policy.plan.written_as,
            began=journey_event.name,
            delivery_expected=journey_event.delivery_expected,
            months=journey_event.months,
        )
        case.add(journey)
    elif (journey_event.at, journey_event.event) < (journey.anchor_at, journey.event):
        journey = journey.but(
            anchor_at=journey_event.at,
            event=journey_event.event,
            label=journey_event.label,
            details=dict(journey_event.details),
            began=journey_event.name,
            delivery_expected=journey_event.delivery_expected,
            months=journey_event.months,
        )
        case.change(journey)
    return journey


def plan_step(case: CustomerCase, journey_event: JourneyEvent, journey: Journey, step: PlanStep) -> None:
    """Plan one touchpoint of a journey, or let the better of two candidates for it stand."""
    candidate = assess(case, candidate_for(case, journey_event, journey, step))
    planned = case.get(Touchpoint, journey.id, step.touchpoint)
    if planned is None:
        case.add(candidate)
        note(case, candidate, "")
    elif replaces(case, candidate, planned):
        case.change(candidate)
        note(case, candidate, planned.state)


def candidate_for(case: CustomerCase, journey_event: JourneyEvent, journey: Journey, step: PlanStep) -> Touchpoint:
    """Return the touchpoint as this event alone would plan it."""
    due, now, zone = first_due(case, step, journey_event.at), case.now, case.zone
    return Touchpoint(
        journey=journey.id,
        step=step.touchpoint,
        customer=case.id,
        trigger=step.trigger,
        reference="" if step.once_per == "customer" else journey_event.reference,
        rule=step.rule,
        plan_version=case.policy.plan.written_as,
        template=step.template,
        anchor_at=journey_event.at,
        due_at=due,
        wake_at=due,
        give_up_at=add_wait(due, step.give_up_after, zone),
        if_resting=step.if_resting,
        reminder=step.reminder,
        state=TouchpointState.PLANNED,
        reason="",
        detail="",
        changed_at=now,
        planned_at=now,
    )


def replaces(case: CustomerCase, candidate: Touchpoint, planned: Touchpoint) -> bool:
    """Tell whether a second event for the same touchpoint plans it better; never once it was asked or rested away.

    What is planned is judged as of the moment it was planned, so that events told again much later change nothing; only
    what happened after it was given up asks afresh.
    """
    if not follows_from_facts(planned):
        return False
    afresh = candidate.anchor_at > planned.give_up_at and case.now <= candidate.give_up_at
    if afresh and not case.policy.plan.goes_by_earliest(candidate.rule):
        return True
    return rank(candidate, case.policy, case.now) < rank(planned, case.policy, planned.planned_at)


def rank(touchpoint: Touchpoint, policy: Policy, now: datetime) -> tuple[int, datetime, str]:
    """Return what orders the candidates for one touchpoint, the best first.

    A total order, so that the one which stands does not depend on the order of arrival: 1. the earliest due of those
    that an event names and that can still be asked, 2. those that are computed, of the earliest start, 3. the rest.
    """
    if policy.plan_of(touchpoint.plan_version).goes_by_earliest(touchpoint.rule):
        return 1, touchpoint.anchor_at, touchpoint.rule
    return 2 if now > touchpoint.give_up_at else 0, touchpoint.due_at, touchpoint.rule
