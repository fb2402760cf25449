"""Planning: a journey event and the facts of its customer give a journey, touchpoints with due times, and stops.

Due times come from the anchor, never from one another. What is pending is a function of the set of events, not of
their order: an earlier start moves what hangs on it, a stop that came first still stops. Nothing here asks anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from workers.changes import Changes
from workers.duetime import add_wait, next_in_window
from workers.facts import PENDING, Facts
from workers.policy import PlanStep, Policy
from workers.records import Customer, History, Journey, Stop, SurveyRequest, Touchpoint
from workers.words import CustomerId, Effect, MailClass, Reason, RequestState, TouchpointState

PUT_OFF = (Reason.RESTING, Reason.YEARLY_MAXIMUM, Reason.BOUNCED)
CANCELLED_BY_FACTS = (Reason.STOPPED, Reason.OPTED_OUT, Reason.ERASED, Reason.MERGED)


@dataclass(frozen=True, slots=True)
class Happening:
    """A journey or contrary event as planning sees it; `event` names it as source/id."""

    name: str
    at: datetime
    event: str
    reference: str = ""
    label: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    delivery_expected: bool | None = None
    months: int | None = None


def plan(happening: Happening, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the journeys and touchpoints that this event plans; none if they are planned already."""
    changes = Changes()
    working = Facts(facts.customer, facts.all(Journey))
    steps = policy.plan.steps_for(
        happening.name, is_first(facts.customer, happening), happening.delivery_expected, happening.months
    )
    for step in steps:
        journey = open_journey(step.trigger, step_reference(step, happening), happening, working, policy, changes)
        working.put(journey)
        plan_step(step, journey, happening, facts, policy, now, changes)
    if not any(step.trigger == happening.name for step in steps):
        open_journey(happening.name, own_reference(happening), happening, working, policy, changes)
    remember_first(happening, facts.customer, changes)
    return changes


def is_first(customer: Customer, happening: Happening) -> bool:
    """Tell whether no earlier event of this name is known."""
    known = customer.firsts.get(happening.name)
    return known is None or happening.at.isoformat() <= known


def remember_first(happening: Happening, customer: Customer, changes: Changes) -> None:
    """Keep the instant of the customer's first event of each name."""
    if customer.firsts.get(happening.name, "~") > happening.at.isoformat():
        changes.change(replace(customer, firsts={**customer.firsts, happening.name: happening.at.isoformat()}))


def own_reference(happening: Happening) -> str:
    """Return what the event is about; an event that does not say stands for itself."""
    return happening.reference or happening.event


def step_reference(step: PlanStep, happening: Happening) -> str:
    """Return the reference that the step's `once per` makes part of the journey's key."""
    return "" if step.once_per == "customer" else own_reference(happening)


def open_journey(
    trigger: str, reference: str, happening: Happening, facts: Facts, policy: Policy, changes: Changes
) -> Journey:
    """Return the journey with this natural key: the known one, told by the earliest event that belongs to it."""
    customer = facts.customer.id
    known = facts.journey(trigger, reference)
    if known is None:
        journey = Journey(
            id=policy.ids.derive(happening.at, "journey", customer, trigger, reference),
            customer=customer,
            trigger=trigger,
            reference=reference,
            label=happening.label,
            details=dict(happening.details),
            anchor_at=happening.at,
            event=happening.event,
            state="open",
            plan_version=policy.plan.version,
        )
        changes.add(journey)
        return journey
    if (happening.at, happening.event) < (known.anchor_at, known.event):
        known = replace(
            known,
            anchor_at=happening.at,
            event=happening.event,
            label=happening.label,
            details=dict(happening.details),
        )
        changes.change(known)
    return known


def plan_step(
    step: PlanStep,
    journey: Journey,
    happening: Happening,
    facts: Facts,
    policy: Policy,
    now: datetime,
    changes: Changes,
) -> None:
    """Plan one touchpoint of a journey, or let the better of two candidates for it stand."""
    candidate = assess(candidate_for(step, journey, happening, facts, policy, now), facts, policy, now)
    known = facts.get(Touchpoint, journey.id, step.touchpoint)
    if known is None:
        changes.add(candidate)
        note(candidate, "", policy, changes)
    elif replaces(candidate, known, policy, now):
        changes.change(candidate)
        note(candidate, known.state, policy, changes)


def candidate_for(
    step: PlanStep, journey: Journey, happening: Happening, facts: Facts, policy: Policy, now: datetime
) -> Touchpoint:
    """Return the touchpoint as this event alone would plan it."""
    zone = zone_of(facts.customer, policy)
    due = add_wait(happening.at, step.due, zone)
    return Touchpoint(
        journey=journey.id,
        step=step.touchpoint,
        customer=facts.customer.id,
        trigger=step.trigger,
        reference="" if step.once_per == "customer" else happening.reference,
        rule=step.rule,
        plan_version=policy.plan.version,
        template=step.template,
        anchor_at=happening.at,
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


def replaces(candidate: Touchpoint, known: Touchpoint, policy: Policy, now: datetime) -> bool:
    """Tell whether a second event for the same touchpoint plans it better; never once it was asked or rested away.

    The known one is judged as of the moment it was planned, so that events told again much later change nothing; only
    what happened after it was given up asks afresh.
    """
    if not follows_from_facts(known):
        return False
    afresh = candidate.anchor_at > known.give_up_at and now <= candidate.give_up_at
    if afresh and not policy.plan.hangs_on_start(candidate.rule):
        return True
    return rank(candidate, policy, now) < rank(known, policy, known.planned_at)


def rank(touchpoint: Touchpoint, policy: Policy, now: datetime) -> tuple[int, datetime, str]:
    """Return what orders the candidates for one touchpoint, the best first.

    A total order, so that the one which stands does not depend on the order of arrival: 1. the earliest due of those
    that an event names and that can still be asked, 2. those that are computed, of the earliest start, 3. the rest.
    """
    if policy.plan.hangs_on_start(touchpoint.rule):
        return 1, touchpoint.anchor_at, touchpoint.rule
    return 2 if now > touchpoint.give_up_at else 0, touchpoint.due_at, touchpoint.rule


def follows_from_facts(touchpoint: Touchpoint) -> bool:
    """Tell whether a state is what the facts give, and not what asking, a rest period or an operator made of it."""
    if touchpoint.state == TouchpointState.CANCELLED:
        return touchpoint.reason in CANCELLED_BY_FACTS
    too_late = touchpoint.state == TouchpointState.SKIPPED and touchpoint.reason == Reason.TOO_LATE
    return too_late or touchpoint.state in PENDING


def zone_of(customer: Customer, policy: Policy) -> str:
    """Return the customer's IANA zone, else the brand's."""
    return customer.time_zone or policy.zone


def assess(touchpoint: Touchpoint, facts: Facts, policy: Policy, now: datetime) -> Touchpoint:
    """Return a touchpoint in the state that the facts give it now, and when to look at it again.

    Too late comes first: what nobody can be asked any more is not cancelled, whichever of both was told first.
    """
    customer = facts.customer
    if now > touchpoint.give_up_at and touchpoint.state != TouchpointState.CANCELLED:
        return given_up(touchpoint, now)
    reason, detail = cancelling(touchpoint, facts)
    if reason:
        return put(touchpoint, TouchpointState.CANCELLED, reason, detail, now)
    if touchpoint.state == TouchpointState.CANCELLED:
        return touchpoint
    if not customer.email and policy.plan.channel_of(touchpoint.rule) == "mail":
        return put(touchpoint, TouchpointState.HELD, Reason.NO_ADDRESS, "", now, wake_at=too_late_from(touchpoint))
    cause, until = holding(touchpoint, facts, policy)
    if cause and (until is None or until > now):
        wake = min(until, too_late_from(touchpoint)) if until else too_late_from(touchpoint)
        return put(touchpoint, TouchpointState.HELD, Reason.HOLD, cause, now, wake_at=wake)
    wake = touchpoint.wake_at if touchpoint.state == TouchpointState.PLANNED else max(touchpoint.due_at, now)
    opens = opening(wake, facts, policy, now)
    if touchpoint.state == TouchpointState.PLANNED and opens == touchpoint.wake_at:
        return touchpoint
    return put(touchpoint, TouchpointState.PLANNED, "", "", now, wake_at=opens)


def given_up(touchpoint: Touchpoint, now: datetime) -> Touchpoint:
    """Return a touchpoint that is too late, with what held it until then."""
    if touchpoint.state == TouchpointState.SKIPPED:
        return touchpoint
    detail = touchpoint.reason if touchpoint.state == TouchpointState.HELD else ""
    return put(touchpoint, TouchpointState.SKIPPED, Reason.TOO_LATE, detail, now)


def opening(wake: datetime, facts: Facts, policy: Policy, now: datetime) -> datetime:
    """Return the first moment from `wake` on in the send window; one that has passed counts only while it is open."""
    zone = zone_of(facts.customer, policy)
    opens = next_in_window(wake, policy.window, zone, policy.holidays)
    if opens >= now:
        return opens
    again = next_in_window(now, policy.window, zone, policy.holidays)
    return opens if again == now else again


def too_late_from(touchpoint: Touchpoint) -> datetime:
    """Return the first instant at which the touchpoint is given up; at `give_up_at` itself it may still be asked."""
    return touchpoint.give_up_at + timedelta(microseconds=1)


def cancelling(touchpoint: Touchpoint, facts: Facts) -> tuple[str, str]:
    """Return why the touchpoint must not be asked at all, or empty."""
    customer = facts.customer
    if customer.erased_at:
        return Reason.ERASED, ""
    if customer.merged_into:
        return Reason.MERGED, ""
    if customer.opted_out_at:
        return Reason.OPTED_OUT, ""
    stops = [one for one in facts.all(Stop) if one.effect == Effect.CANCEL and in_scope(one, touchpoint)]
    first = min(stops, key=lambda one: (one.from_at, one.cause), default=None)
    return (Reason.STOPPED, first.cause) if first else ("", "")


def in_scope(stop: Stop, touchpoint: Touchpoint) -> bool:
    """Tell whether a stop touches this touchpoint: the whole customer, or one reference."""
    return stop.scope == "customer" or (bool(stop.reference) and stop.reference == touchpoint.reference)


def holding(touchpoint: Touchpoint, facts: Facts, policy: Policy) -> tuple[str, datetime | None]:
    """Return the cause of the longest hold on the touchpoint and its end (None: not known yet)."""
    holds = [one for one in facts.all(Stop) if one.effect == Effect.HOLD and in_scope(one, touchpoint)]
    holds.sort(key=lambda one: (one.from_at, one.cause))
    found: tuple[str, datetime | None] = ("", None)
    for hold in holds:
        until = hold_ends(hold, facts, policy)
        if until is None:
            return hold.cause, None
        if found[1] is None or until > found[1]:
            found = (hold.cause, until)
    return found


def hold_ends(hold: Stop, facts: Facts, policy: Policy) -> datetime | None:
    """Return when a hold ends: the first ending event after it, plus the wait of the contrary table."""
    rule = policy.contrary_rule(hold.cause)
    if rule is None:
        return hold.from_at
    ends = [
        stop.from_at
        for stop in facts.all(Stop)
        if stop.effect == Effect.END and stop.cause in rule.until and stop.from_at >= hold.from_at
    ]
    return add_wait(min(ends), rule.until_wait, zone_of(facts.customer, policy)) if ends else None


def put(
    touchpoint: Touchpoint,
    state: TouchpointState,
    reason: str,
    detail: str,
    now: datetime,
    *,
    wake_at: datetime | None = None,
) -> Touchpoint:
    """Return the touchpoint in a new state, with the reason."""
    wake = wake_at or touchpoint.wake_at
    same = (touchpoint.state, touchpoint.reason, touchpoint.detail, touchpoint.wake_at) == (state, reason, detail, wake)
    if same:
        return touchpoint
    return replace(touchpoint, state=state, reason=reason, detail=detail, wake_at=wake, changed_at=now)


def note(touchpoint: Touchpoint, before: str, policy: Policy, changes: Changes) -> None:
    """Keep in the history why a touchpoint is held, skipped, cancelled or deferred."""
    if touchpoint.reason and (before != touchpoint.state or touchpoint.state == TouchpointState.PLANNED):
        changes.add(
            history(
                touchpoint.customer,
                "touchpoint",
                f"{touchpoint.journey}/{touchpoint.step}",
                touchpoint.state,
                touchpoint.reason,
                touchpoint.detail,
                touchpoint.changed_at,
                policy,
            )
        )


def history(
    customer: CustomerId,
    subject: str,
    subject_id: str,
    state: str,
    reason: str,
    detail: str,
    at: datetime,
    policy: Policy,
) -> History:
    """Return one line of history, keyed so that it is written once."""
    key = policy.ids.derive(at, "history", customer, subject, subject_id, state, reason, detail)
    return History(customer, key, at, subject, subject_id, state, reason, detail)


def reassess(facts: Facts, policy: Policy, now: datetime, *, zone_changed: bool = False) -> Changes:
    """Return the touchpoints whose state or time changes because a fact about the customer changed.

    Those that facts cancelled, or that were too late, are looked at too: what a customer's touchpoints are is a
    function of the set of events, and the second of two reasons may be the one that counts.
    """
    changes = Changes()
    waiting = [one for one in facts.all(Touchpoint) if follows_from_facts(one)]
    for known in sorted(waiting, key=Touchpoint.key):
        touchpoint = recompute(known, facts, policy) if zone_changed else known
        touchpoint = assess(touchpoint, facts, policy, now)
        if touchpoint is not known:
            changes.change(touchpoint)
            note(touchpoint, known.state, policy, changes)
    return changes


def recompute(touchpoint: Touchpoint, facts: Facts, policy: Policy) -> Touchpoint:
    """Return the touchpoint with its due times in the customer's new zone."""
    step = policy.plan.step(touchpoint.rule)
    if step is None:
        return touchpoint
    zone = zone_of(facts.customer, policy)
    due = add_wait(touchpoint.anchor_at, step.due, zone)
    later = max(due, touchpoint.wake_at) if touchpoint.reason in PUT_OFF else due
    return replace(touchpoint, due_at=due, wake_at=later, give_up_at=add_wait(due, step.give_up_after, zone))


def stop(happening: Happening, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the stop facts of a contrary event and what they cancel, hold or let go."""
    changes = Changes()
    for row in stops_of(happening, facts, policy):
        if facts.get(Stop, row.id) is None:
            changes.add(row)
    if not changes:
        return changes
    known = Facts(facts.customer, [*facts.all(Stop), *facts.all(Touchpoint), *facts.all(SurveyRequest)])
    known.absorb(changes)
    changes.merge(reassess(known, policy, now))
    for stopped in [row for row in changes.rows_added() if isinstance(row, Stop) and row.effect == Effect.CANCEL]:
        call_back_mails(stopped, known, now, changes)
    return changes


def stops_of(happening: Happening, facts: Facts, policy: Policy) -> list[Stop]:
    """Return the facts that the contrary table makes of an event."""
    customer = facts.customer.id
    found = []
    for rule in policy.contrary:
        if happening.name in rule.events:
            effect, scope = Effect(rule.effect), rule.scope
        elif happening.name in rule.until:
            effect, scope = Effect.END, "customer"
        else:
            continue
        key = policy.ids.derive(
            happening.at, "stop", customer, happening.name, effect, scope, happening.reference, happening.at.isoformat()
        )
        found.append(
            Stop(key, customer, happening.name, effect, scope, happening.reference, happening.at, happening.event)
        )
    return found


def call_back_mails(stopped: Stop, facts: Facts, now: datetime, changes: Changes) -> None:
    """Cancel the survey mails that have not left for what is stopped; service mails go on."""
    reason = f"{Reason.STOPPED}: {stopped.cause}"
    if stopped.scope == "customer":
        for mail_class in (MailClass.SURVEY, MailClass.PROMOTION):
            changes.cancel("customer", stopped.customer, reason, mail_class)
    for request in list(facts.all(SurveyRequest)):
        if stopped.scope == "customer" or (stopped.reference and request.reference == stopped.reference):
            changes.cancel("request", request.id, reason, MailClass.SURVEY)
            withdraw(request, reason, now, changes)


def withdraw(request: SurveyRequest, reason: str, now: datetime, changes: Changes) -> None:
    """Take a question back that has not left yet: it counts neither as asked nor against the rest period."""
    if request.state == RequestState.OPEN and request.channel == "mail" and request.sent_at is None:
        changes.change(replace(request, state=RequestState.WITHDRAWN, reason=reason, changed_at=now))
