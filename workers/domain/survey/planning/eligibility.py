"""Where a touchpoint stands: planned, held, too late or cancelled, as the facts of its customer give it now.

What is pending is a function of the set of facts, not of their order. The rest period is decided in `survey.request`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.calendar import add_wait, next_in_window
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import PENDING, CustomerState
from workers.domain.policy import ContraryRule, Policy
from workers.domain.records import Customer, History, Journey, Stop, Touchpoint
from workers.domain.types import CustomerId, Effect, Reason, TouchpointState

PUT_OFF = (Reason.RESTING, Reason.YEARLY_MAXIMUM, Reason.SAME_MAILBOX, Reason.BOUNCED)
CANCELLED_BY_FACTS = (Reason.STOPPED, Reason.OPTED_OUT, Reason.ERASED, Reason.MERGED, Reason.ANSWERED)


def follows_from_facts(touchpoint: Touchpoint) -> bool:
    """Tell whether a state is what the facts give, and not what asking, a rest period or an operator made of it."""
    if touchpoint.state == TouchpointState.CANCELLED:
        return touchpoint.reason in CANCELLED_BY_FACTS
    too_late = touchpoint.state == TouchpointState.SKIPPED and touchpoint.reason == Reason.TOO_LATE
    return too_late or touchpoint.state in PENDING


def zone_of(customer: Customer, policy: Policy) -> str:
    """Return the customer's IANA zone, else the brand's."""
    return customer.time_zone or policy.zone


def assess(touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime) -> Touchpoint:
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
    if not customer.email and policy.plan_of(touchpoint.plan_version).channel_of(touchpoint.rule) == "mail":
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


def opening(wake: datetime, facts: CustomerState, policy: Policy, now: datetime) -> datetime:
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


def cancelling(touchpoint: Touchpoint, facts: CustomerState) -> tuple[str, str]:
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
    """Tell whether a stop touches this touchpoint: the whole customer, or what it is about."""
    return stop.scope == "customer" or about(stop, touchpoint.reference, touchpoint.anchor_at)


def about(stop: Stop, reference: str, begun_at: datetime) -> bool:
    """Tell whether a stop is about a reference; a cancellation that names none is about all that began before it."""
    if stop.reference:
        return stop.reference == reference
    return stop.effect == Effect.CANCEL and bool(reference) and begun_at <= stop.from_at


def undoing(journey: Journey, facts: CustomerState) -> Stop | None:
    """Return what undid a journey: the first cancellation that is about its reference and not about the customer."""
    stops = [one for one in cancellations(facts) if about(one, journey.reference, journey.anchor_at)]
    return min(stops, key=lambda one: (one.from_at, one.cause), default=None)


def is_undone(reference: str, begun_at: datetime, facts: CustomerState) -> bool:
    """Tell whether something was undone, whichever of both was told first."""
    return any(about(one, reference, begun_at) for one in cancellations(facts))


def cancellations(facts: CustomerState) -> list[Stop]:
    """Return what cancels a reference, and not all that is planned for the customer."""
    return [one for one in facts.all(Stop) if one.effect == Effect.CANCEL and one.scope != "customer"]


def holding(touchpoint: Touchpoint, facts: CustomerState, policy: Policy) -> tuple[str, datetime | None]:
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


def hold_ends(hold: Stop, facts: CustomerState, policy: Policy) -> datetime | None:
    """Return when a hold ends: its own end (see `endings`) plus the contrary table's wait, or its limit; else None."""
    rule = policy.contrary_rule(hold.cause)
    if rule is None:
        return hold.from_at
    zone = zone_of(facts.customer, policy)
    end = endings(rule, facts).get(hold.id)
    ends = [add_wait(end, rule.until_wait, zone)] if end else []
    if rule.at_most is not None:
        ends.append(add_wait(hold.from_at, rule.at_most, zone))
    return min(ends, default=None)


def hold_ended(hold: Stop, facts: CustomerState, policy: Policy) -> bool:
    """Tell whether an event has ended a hold; one that lasts may still have a limit (`hold_ends`)."""
    rule = policy.contrary_rule(hold.cause)
    return rule is None or hold.id in endings(rule, facts)


def endings(rule: ContraryRule, facts: CustomerState) -> dict[str, datetime]:
    """Return when each ended hold of a contrary rule was ended, by the hold's id.

    An end that names a hold's reference ends that hold and no other. One whose reference is unknown ends the last hold
    that has none; one without a reference ends the last that is still open.
    """
    stops = sorted(facts.all(Stop), key=lambda stop: (stop.from_at, stop.id))
    holds = [stop for stop in stops if stop.effect == Effect.HOLD and stop.cause in rule.events]
    named = {hold.reference for hold in holds if hold.reference}
    ended: dict[str, datetime] = {}
    for end in stops:
        if end.effect != Effect.END or end.cause not in rule.until:
            continue
        lasting = [hold for hold in holds if hold.from_at <= end.from_at and hold.id not in ended]
        if end.reference in named:
            meant = [hold for hold in lasting if hold.reference == end.reference]
        else:
            meant = [hold for hold in lasting if not (end.reference and hold.reference)][-1:]
        ended |= {hold.id: end.from_at for hold in meant}
    return ended


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


def note(touchpoint: Touchpoint, before: str, policy: Policy, changes: ChangeSet) -> None:
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


def reassess(facts: CustomerState, policy: Policy, now: datetime, *, zone_changed: bool = False) -> ChangeSet:
    """Return the touchpoints whose state or time changes because a fact about the customer changed.

    Those that facts cancelled, or that were too late, are looked at too: what a customer's touchpoints are is a
    function of the set of events, and the second of two reasons may be the one that counts.
    """
    changes = ChangeSet()
    waiting = [one for one in facts.all(Touchpoint) if follows_from_facts(one)]
    for known in sorted(waiting, key=Touchpoint.key):
        touchpoint = recompute(known, facts, policy) if zone_changed else known
        touchpoint = assess(touchpoint, facts, policy, now)
        if touchpoint is not known:
            changes.change(touchpoint)
            note(touchpoint, known.state, policy, changes)
    return changes


def recompute(touchpoint: Touchpoint, facts: CustomerState, policy: Policy) -> Touchpoint:
    """Return the touchpoint with its due times in the customer's new zone."""
    step = policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    if step is None:
        return touchpoint
    zone = zone_of(facts.customer, policy)
    due = add_wait(touchpoint.anchor_at, step.due, zone)
    later = max(due, touchpoint.wake_at) if touchpoint.reason in PUT_OFF else due
    return replace(touchpoint, due_at=due, wake_at=later, give_up_at=add_wait(due, step.give_up_after, zone))
