"""Where a touchpoint stands: planned, held, too late or cancelled, as the facts of its customer give it now.

What is pending is a function of the set of facts, not of their order. The rest period is decided in `survey.request`.
"""

from datetime import datetime, timedelta

from workers.calendar import SendWindow, add_wait, is_opening, next_in_window, spread_over
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.history import NOTHING, Subject, Why, history
from workers.domain.mail.survey_duties import LOOKED_AT_AGAIN, SurveyDuty, duty_of, hours_of, unmet
from workers.domain.policy import ContraryRule, Policy
from workers.domain.records import Customer, Journey, Stop, Touchpoint
from workers.domain.sms.phone_numbers import international
from workers.domain.survey.planning.occurrences import first_due, occurrence_of
from workers.domain.survey.planning.sampling import PARTS, is_drawn, lot_of, share_asked
from workers.domain.types import MAIL, SMS, WEB, Effect, QuestionKind, Reason, TouchpointState
from workers.structs import replace

PUT_OFF = (Reason.RESTING, Reason.YEARLY_MAXIMUM, Reason.SAME_MAILBOX, Reason.BOUNCED)
SKIPPED_BY_FACTS = (Reason.TOO_LATE, Reason.NOT_SAMPLED)
CANCELLED_BY_FACTS = (Reason.STOPPED, Reason.OPTED_OUT, Reason.ERASED, Reason.MERGED, Reason.ANSWERED)

WINDOWS_TRIED = 60
"""Openings of the send window that are held against the lawful hours, one after the other."""
SITE_RULE = "site:"
"""Begins the rule of a touchpoint that a visit planned, and no row; the id of the site follows."""


def follows_from_facts(touchpoint: Touchpoint) -> bool:
    """Tell whether a state is what the facts give, and not what asking, a rest period or an operator made of it."""
    if touchpoint.state == TouchpointState.CANCELLED:
        return touchpoint.reason in CANCELLED_BY_FACTS
    if touchpoint.state == TouchpointState.SKIPPED:
        return touchpoint.reason in SKIPPED_BY_FACTS
    return touchpoint.state in PENDING


def zone_of(customer: Customer, policy: Policy) -> str:
    """Return the customer's IANA zone, else the brand's."""
    return customer.time_zone or policy.zone


def assess(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint in the state that the facts give it now, and when to look at it again.

    Too late comes first: what nobody can be asked any more is not cancelled, whichever of both was told first.
    """
    now = case.now
    if now > touchpoint.give_up_at and touchpoint.state != TouchpointState.CANCELLED:
        return given_up(touchpoint, now)
    why = cancelling(case, touchpoint)
    if why.reason:
        return put(touchpoint, TouchpointState.CANCELLED, why, now)
    if touchpoint.state == TouchpointState.CANCELLED:
        return touchpoint
    if not is_drawn(case, touchpoint):
        share = f"{share_asked(case, touchpoint)} %"
        return put(touchpoint, TouchpointState.SKIPPED, Why(Reason.NOT_SAMPLED, share), now)
    channel = channel_of(case, touchpoint)
    unreachable = unless_reachable(case, channel)
    if unreachable.reason:
        return held(case, touchpoint, unreachable, too_late_from(touchpoint))
    lacking = unmet(case.customer, duty_towards(case), channel)
    if lacking is not None:
        return held(case, touchpoint, Why(lacking, case.customer.country or ""), look_again(touchpoint, now))
    cause, until = holding(case, touchpoint)
    if cause and (until is None or until > now):
        wake = min(until, too_late_from(touchpoint)) if until else too_late_from(touchpoint)
        return held(case, touchpoint, Why(Reason.HOLD, cause), wake)
    if channel == WEB:
        return awaiting_visit(case, touchpoint)
    wake = touchpoint.wake_at if touchpoint.state == TouchpointState.PLANNED else max(touchpoint.due_at, now)
    opens = opening(case, touchpoint, wake, channel)
    if touchpoint.state == TouchpointState.PLANNED and opens == touchpoint.wake_at:
        return touchpoint
    return put(touchpoint, TouchpointState.PLANNED, NOTHING, now, wake_at=opens)


def held(case: CustomerCase, touchpoint: Touchpoint, why: Why, wake: datetime) -> Touchpoint:
    """Return a touchpoint held until `wake`; where its plan asks who the customer is, it is looked at when it is due.

    What the row does not mean for them is skipped then, and does not wait for what nobody needs.
    """
    if touchpoint.inputs is None and case.policy.plan_of(touchpoint.plan_version).about:
        wake = min(wake, max(touchpoint.due_at, case.now))
    return put(touchpoint, TouchpointState.HELD, why, case.now, wake_at=wake)


def channel_of(case: CustomerCase, touchpoint: Touchpoint) -> str:
    """Return the channel on which a touchpoint is asked now: that of its row in the version that planned it.

    What a visit to a site planned has no row; its rule names the site.
    """
    if touchpoint.rule.startswith(SITE_RULE):
        return WEB
    plan = case.policy.plan_of(touchpoint.plan_version)
    channel = plan.channel_of(touchpoint.rule)
    if channel != WEB:
        return channel
    mails = mails_from(case, touchpoint)
    return WEB if mails is None or mails > case.now else MAIL


def kind_asked(case: CustomerCase, touchpoint: Touchpoint) -> QuestionKind:
    """Return what a touchpoint's question measures, as its row says in the version that planned it."""
    return case.policy.plan_of(touchpoint.plan_version).kind_of(touchpoint.rule)


def mails_from(case: CustomerCase, touchpoint: Touchpoint) -> datetime | None:
    """Return from when on a touchpoint that is asked on a site first goes by mail; None where it has one way alone."""
    wait = case.policy.plan_of(touchpoint.plan_version).mail_after(touchpoint.rule)
    return None if wait is None else add_wait(touchpoint.due_at, wait, case.zone)


def awaiting_visit(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint held until the customer's next visit: to its mail, where it has one, else to its end."""
    mails, ends = mails_from(case, touchpoint), too_late_from(touchpoint)
    wake = ends if mails is None else min(mails, ends)
    return put(touchpoint, TouchpointState.HELD, Why(Reason.AWAITS_VISIT), case.now, wake_at=wake)


def unless_reachable(case: CustomerCase, channel: str) -> Why:
    """Return what is not known of the customer without which nothing reaches them on a channel; empty where it is."""
    if channel == MAIL and not case.customer.email:
        return Why(Reason.NO_ADDRESS)
    if channel == SMS and case.policy.texts and not number_of(case):
        return Why(Reason.NO_NUMBER)
    return NOTHING


def number_of(case: CustomerCase) -> str | None:
    """Return the customer's telephone number in E.164; None where there is none that could exist."""
    return international(case.customer.phone or "", case.policy.numbers_country)


def given_up(touchpoint: Touchpoint, now: datetime) -> Touchpoint:
    """Return a touchpoint that is too late, with what held it until then."""
    if touchpoint.state == TouchpointState.SKIPPED:
        return touchpoint
    detail = touchpoint.reason if touchpoint.state == TouchpointState.HELD else ""
    return put(touchpoint, TouchpointState.SKIPPED, Why(Reason.TOO_LATE, detail), now)


def opening(case: CustomerCase, touchpoint: Touchpoint, wake: datetime, channel: str) -> datetime:
    """Return the first moment from `wake` on in the send window; one that has passed counts only while it is open."""
    if case.policy.window.always and hours_of(duty_towards(case), channel).always:
        return wake
    opens = next_opening(case, touchpoint, wake, channel)
    if opens >= case.now:
        return opens
    again = next_opening(case, touchpoint, case.now, channel)
    return opens if again == case.now else again


def next_opening(case: CustomerCase, touchpoint: Touchpoint, moment: datetime, channel: str) -> datetime:
    """Return the first moment from an instant on at which a question may leave on a channel.

    A window that spreads, and a quota of the day, give each question its own moment of what many wait for, by hash:
    always the same one.
    """
    window, zone, holidays = case.policy.window, case.zone, case.policy.holidays
    opens = lawful_opening(case, moment, channel)
    spreads = window.spread or touchpoint.step in case.policy.plan.quotas
    if not spreads or not waited_for_by_many(case, touchpoint, opens):
        return opens
    drawn = lot_of(case, "spread", touchpoint.step) / PARTS
    spread = lawful_opening(case, spread_over(opens, window, zone, holidays, drawn), channel)
    return spread if spread <= touchpoint.give_up_at else opens


def waited_for_by_many(case: CustomerCase, touchpoint: Touchpoint, opens: datetime) -> bool:
    """Tell whether others are due at the same instant: at an opening of the window, and when a wave begins."""
    if opens == touchpoint.due_at:
        step = case.policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
        if step is not None and step.once_per == "wave":
            return True
    return is_opening(opens, case.policy.window, case.zone, case.policy.holidays)


def duty_towards(case: CustomerCase) -> SurveyDuty | None:
    """Return what the law where the customer lives asks for before they are asked."""
    return duty_of(case.customer, case.policy.duties, case.policy.country)


def look_again(touchpoint: Touchpoint, now: datetime) -> datetime:
    """Return when to look again at what a duty holds: every day from when it is due, as the duties may be edited."""
    days = max(0, (now - touchpoint.due_at) // LOOKED_AT_AGAIN + 1)
    return min(touchpoint.due_at + days * LOOKED_AT_AGAIN, too_late_from(touchpoint))


def lawful_opening(case: CustomerCase, moment: datetime, channel: str) -> datetime:
    """Return the first moment from an instant on at which a channel may be used where the customer is."""
    return opening_within(case.policy, case.zone, hours_of(duty_towards(case), channel), moment)


def opening_within(policy: Policy, zone: str, hours: SendWindow, moment: datetime) -> datetime:
    """Return the first moment from an instant on in the send window and in a channel's lawful hours, where both meet.

    By the clock where the customer is. Of hours that never meet the window, the law's count.
    """
    opens = next_in_window(moment, policy.window, zone, policy.holidays)
    if hours.always:
        return opens
    for _ in range(WINDOWS_TRIED):
        lawful = next_in_window(opens, hours, zone)
        if lawful == opens:
            break
        opens = next_in_window(lawful, policy.window, zone, policy.holidays)
    return next_in_window(opens, hours, zone)


def too_late_from(touchpoint: Touchpoint) -> datetime:
    """Return the first instant at which the touchpoint is given up; at `give_up_at` itself it may still be asked."""
    return touchpoint.give_up_at + timedelta(microseconds=1)


def cancelling(case: CustomerCase, touchpoint: Touchpoint) -> Why:
    """Return why the touchpoint must not be asked at all, or empty."""
    customer = case.customer
    if customer.erased_at:
        return Why(Reason.ERASED)
    if customer.merged_into:
        return Why(Reason.MERGED)
    if customer.opted_out_at:
        return Why(Reason.OPTED_OUT)
    if not (stops := case.all(Stop)):
        return NOTHING
    in_force = [stop for stop in stops if stop.effect == Effect.CANCEL and in_scope(stop, touchpoint)]
    first = min(in_force, key=lambda stop: (stop.from_at, stop.cause), default=None)
    return Why(Reason.STOPPED, first.cause) if first else NOTHING


def in_scope(stop: Stop, touchpoint: Touchpoint) -> bool:
    """Tell whether a stop touches this touchpoint: the whole customer, or what it is about."""
    return stop.scope == "customer" or about(stop, touchpoint.reference, touchpoint.anchor_at)


def about(stop: Stop, reference: str, begun_at: datetime) -> bool:
    """Tell whether a stop is about a reference; a cancellation that names none is about all that began before it."""
    if stop.reference:
        return stop.reference == reference
    return stop.effect == Effect.CANCEL and bool(reference) and begun_at <= stop.from_at


def undoing(case: CustomerCase, journey: Journey) -> Stop | None:
    """Return what undid a journey: the first cancellation that is about its reference and not about the customer."""
    stops = [stop for stop in cancellations(case) if about(stop, journey.reference, journey.anchor_at)]
    return min(stops, key=lambda stop: (stop.from_at, stop.cause), default=None)


def is_undone(case: CustomerCase, reference: str, begun_at: datetime) -> bool:
    """Tell whether something was undone, whichever of both was told first."""
    return bool(case.all(Stop)) and any(about(stop, reference, begun_at) for stop in cancellations(case))


def cancellations(case: CustomerCase) -> list[Stop]:
    """Return what cancels a reference, and not all that is planned for the customer."""
    return [stop for stop in case.all(Stop) if stop.effect == Effect.CANCEL and stop.scope != "customer"]


def holding(case: CustomerCase, touchpoint: Touchpoint) -> tuple[str, datetime | None]:
    """Return the cause of the longest hold on the touchpoint and its end (None: not known yet)."""
    longest: tuple[str, datetime | None] = ("", None)
    if not (stops := case.all(Stop)):
        return longest
    holds = [stop for stop in stops if stop.effect == Effect.HOLD and in_scope(stop, touchpoint)]
    holds.sort(key=lambda hold: (hold.from_at, hold.cause))
    for hold in holds:
        until = hold_ends(case, hold)
        if until is None:
            return hold.cause, None
        if longest[1] is None or until > longest[1]:
            longest = (hold.cause, until)
    return longest


def hold_ends(case: CustomerCase, hold: Stop) -> datetime | None:
    """Return when a hold ends: its own end (see `endings`) plus the contrary table's wait, or its limit; else None."""
    rule = case.policy.contrary_rule(hold.cause)
    if rule is None:
        return hold.from_at
    end = endings(case, rule).get(hold.id)
    ends = [add_wait(end, rule.until_wait, case.zone)] if end else []
    if rule.at_most is not None:
        ends.append(add_wait(hold.from_at, rule.at_most, case.zone))
    return min(ends, default=None)


def hold_ended(case: CustomerCase, hold: Stop) -> bool:
    """Tell whether an event has ended a hold; one that lasts may still have a limit (`hold_ends`)."""
    rule = case.policy.contrary_rule(hold.cause)
    return rule is None or hold.id in endings(case, rule)


def endings(case: CustomerCase, rule: ContraryRule) -> dict[str, datetime]:
    """Return when each ended hold of a contrary rule was ended, by the hold's id.

    An end that names a hold's reference ends that hold and no other. One whose reference is unknown ends the last hold
    that has none; one without a reference ends the last that is still open.
    """
    stops = sorted(case.all(Stop), key=lambda stop: (stop.from_at, stop.id))
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
    touchpoint: Touchpoint, state: TouchpointState, why: Why, now: datetime, *, wake_at: datetime | None = None
) -> Touchpoint:
    """Return the touchpoint in a new state, with the reason; the very same one where nothing changes."""
    wake = wake_at or touchpoint.wake_at
    before = (touchpoint.state, touchpoint.reason, touchpoint.detail, touchpoint.wake_at)
    if before == (state, *why, wake):
        return touchpoint
    return touchpoint.but(state=state, reason=why.reason, detail=why.detail, wake_at=wake, changed_at=now)


def note(case: CustomerCase, touchpoint: Touchpoint, before: str) -> None:
    """Keep in the history why a touchpoint is held, skipped, cancelled or deferred."""
    if touchpoint.reason and (before != touchpoint.state or touchpoint.state == TouchpointState.PLANNED):
        subject = Subject(touchpoint.customer, "touchpoint", f"{touchpoint.journey}/{touchpoint.step}")
        why = Why(touchpoint.reason, touchpoint.detail)
        case.add(history(subject, touchpoint.state, why, touchpoint.changed_at, case.ids))


def reassess(case: CustomerCase, *, zone_changed: bool = False) -> None:
    """Change the touchpoints whose state or time is another one because a fact about the customer changed.

    Those that facts cancelled, or that were too late, are looked at too: what a customer's touchpoints are is a
    function of the set of events, and the second of two reasons may be the one that counts.
    """
    waiting = [touchpoint for touchpoint in case.all(Touchpoint) if follows_from_facts(touchpoint)]
    for before in sorted(waiting, key=Touchpoint.key):
        touchpoint = assess(case, recompute(case, before) if zone_changed else before)
        if touchpoint is not before:
            case.change(touchpoint)
            note(case, touchpoint, before.state)


def recompute(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return the touchpoint with its due times in the customer's new zone."""
    step = case.policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    if step is None or occurrence_of(case, touchpoint) > 1:
        return touchpoint  # `recurrence` says when it comes round
    due = first_due(case, step, touchpoint.anchor_at)
    later = max(due, touchpoint.wake_at) if touchpoint.reason in PUT_OFF else due
    if touchpoint.reason == Reason.SUPPORT_BUSY:
        touchpoint = replace(touchpoint, reason="")
    return replace(touchpoint, due_at=due, wake_at=later, give_up_at=add_wait(due, step.give_up_after, case.zone))
