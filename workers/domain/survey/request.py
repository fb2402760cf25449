"""Survey requests: a due touchpoint becomes a request with its mail and its message, or stays unasked with a reason.

The rest period is decided here, when the moment has come, and nowhere else. Nothing here sends.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from workers.calendar import add_wait, in_zone, next_in_window, parse_wait
from workers.decision_table.model.rest_period import Asked, Question, Resting, RestReason, resting
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.mailbox_keys import address_key
from workers.domain.outbound_messages import tell_request
from workers.domain.policy import Policy
from workers.domain.records import AskedMailbox, Dispatch, Journey, SurveyRequest, Touchpoint
from workers.domain.survey.planning import assess, note, put, too_late_from, unless_answered, zone_of
from workers.domain.types import DispatchState, MailClass, Reason, RequestState, TouchpointState

CLOSES_AFTER = parse_wait("P14D")
"""How long after sending an answer counts and may change (architecture, decision 12)."""
OF_MAILBOX = frozenset({"bounce", "dead"})
"""Kinds of suppression that speak of the mailbox and not of the person."""
COUNTED = (RequestState.OPEN, RequestState.ANSWERED, RequestState.CLOSED, RequestState.EXPIRED)
"""Requests that reached the person and so count against the rest period."""


def ask(touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return what a woken touchpoint becomes: asked, put back with a reason, skipped or cancelled."""
    changes = ChangeSet()
    stands = assess(unless_answered(touchpoint, facts, policy, now), facts, policy, now)
    if stands.state == TouchpointState.PLANNED and stands.wake_at <= now:
        stands = unless_suppressed(rested(stands, facts, policy, now), facts, policy, now)
    if stands.state == TouchpointState.PLANNED and stands.wake_at <= now:
        stands = send_request(stands, facts, policy, now, changes)
    elif stands.state == TouchpointState.PLANNED and not stands.reason:
        stands = replace(stands, reason=Reason.NOT_DUE if policy.window.always else Reason.SEND_WINDOW)
    if stands is not touchpoint:
        changes.change(stands)
        note(stands, touchpoint.state, policy, changes)
    return changes


def rested(touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime) -> Touchpoint:
    """Return the touchpoint as it is, deferred to the end of the rest period, or skipped because of it."""
    if touchpoint.if_resting == "exempt":
        return touchpoint
    rests = rest_of(question_of(touchpoint, policy), facts, policy, now)
    if rests is None:
        return touchpoint
    opens = next_in_window(rests.until, policy.window, zone_of(facts.customer, policy), policy.holidays)
    detail = dates_of(rests)
    if touchpoint.if_resting == "drop" or opens > touchpoint.give_up_at:
        return put(touchpoint, TouchpointState.SKIPPED, Reason(rests.reason), detail, now)
    return put(touchpoint, TouchpointState.PLANNED, Reason(rests.reason), detail, now, wake_at=opens)


def question_of(touchpoint: Touchpoint, policy: Policy) -> Question:
    """Return what a touchpoint asks; its rest is that of the row in use, because a rest period protects the person."""
    step = policy.plan.step(touchpoint.rule)
    if step is None or step.touchpoint != touchpoint.step:
        step = policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    return Question(touchpoint.step, touchpoint.template, step.rest if step else None)


def rest_of(question: Question, facts: CustomerState, policy: Policy, now: datetime) -> Resting | None:
    """Return why and until when this person may not be asked this; None when they may be asked now.

    What was asked of the same mailbox under another customer's id counts as if this one had been asked.
    """
    zone = zone_of(facts.customer, policy)
    asked = [Asked(one.asked_at, one.step, one.template) for one in facts.all(SurveyRequest) if one.state in COUNTED]
    own = resting(question, asked, policy.rest, zone, now)
    if not facts.asked_elsewhere:
        return own
    both = resting(question, [*asked, *facts.asked_elsewhere], policy.rest, zone, now)
    if both is None or (own is not None and own.until == both.until):
        return own
    return replace(both, reason=RestReason.SAME_MAILBOX)


def dates_of(rests: Resting) -> str:
    """Return a rest as a reason's detail: until when, and the question that it counts from."""
    return f"{rests.until.isoformat()} {rests.since.isoformat()}"


def unless_suppressed(touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime) -> Touchpoint:
    """Return the touchpoint cancelled when what the person said suppresses their address.

    A mailbox that takes nothing stops mail alone, and may be another tomorrow: the touchpoint is held until then.
    """
    if touchpoint.state != TouchpointState.PLANNED or not facts.suppressed:
        return touchpoint
    if facts.suppressed not in OF_MAILBOX:
        return put(touchpoint, TouchpointState.CANCELLED, Reason.SUPPRESSED, facts.suppressed, now)
    if policy.plan_of(touchpoint.plan_version).channel_of(touchpoint.rule) != "mail":
        return touchpoint
    wake = too_late_from(touchpoint)
    return put(touchpoint, TouchpointState.HELD, Reason.SUPPRESSED, facts.suppressed, now, wake_at=wake)


def send_request(
    touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime, changes: ChangeSet
) -> Touchpoint:
    """Add request, mail, reminder and message; return the touchpoint as asked."""
    journey = next(one for one in facts.all(Journey) if one.id == touchpoint.journey)
    request = request_for(touchpoint, journey, facts, policy, now)
    changes.add(request)
    if facts.customer.email:
        mailbox = address_key(facts.customer.email, policy.ids)
        changes.add(AskedMailbox(mailbox, request.id, facts.customer.id, request.template, request.asked_at))
    changes.change(
        replace(facts.customer, rest_until=add_wait(now, policy.rest.overall, zone_of(facts.customer, policy)))
    )
    if request.channel == "mail":
        for dispatch in mails_for(request, touchpoint, facts, policy, now):
            changes.add(dispatch)
    tell_request(request, facts, policy, changes)
    return put(replace(touchpoint, reason="", detail=""), TouchpointState.ASKED, "", "", now)


def request_for(
    touchpoint: Touchpoint, journey: Journey, facts: CustomerState, policy: Policy, now: datetime
) -> SurveyRequest:
    """Return the survey request of a touchpoint; its id follows from journey and step, so that it is sent once."""
    zone = zone_of(facts.customer, policy)
    return SurveyRequest(
        id=policy.ids.derive(
            touchpoint.due_at, "survey_request", journey.customer, journey.trigger, journey.reference, touchpoint.step
        ),
        journey=journey.id,
        step=touchpoint.step,
        customer=touchpoint.customer,
        trigger=touchpoint.trigger,
        reference=journey.reference,
        label=journey.label,
        details=journey.details,
        channel=policy.plan_of(touchpoint.plan_version).channel_of(touchpoint.rule),
        template=touchpoint.template,
        language=language_of(facts.customer.language, policy),
        anchor_at=touchpoint.anchor_at,
        asked_at=now,
        closes_at=add_wait(now, CLOSES_AFTER, zone),
        state=RequestState.OPEN,
        reason="",
        changed_at=now,
    )


def language_of(tag: str | None, policy: Policy) -> str:
    """Return the best language there is for a BCP 47 tag: itself, its parent (fr-CA: fr), else the brand's."""
    candidate = (tag or "").replace("_", "-").lower()
    while candidate:
        if candidate in policy.languages:
            return candidate
        candidate = candidate.rpartition("-")[0]
    return policy.language


def mails_for(
    request: SurveyRequest, touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime
) -> Iterator[Dispatch]:
    """Give the survey mail, and the one reminder where the plan has one."""
    mail = mail_of_request(request, request.template, now, facts, policy)
    yield mail
    if touchpoint.reminder:
        zone = zone_of(facts.customer, policy)
        later = next_in_window(
            add_wait(now, parse_wait(touchpoint.reminder), zone), policy.window, zone, policy.holidays
        )
        yield mail_of_request(request, "reminder", later, facts, policy)


def mail_of_request(
    request: SurveyRequest, template: str, not_before: datetime, facts: CustomerState, policy: Policy
) -> Dispatch:
    """Return one mail that belongs to a survey request; its id is the effect key."""
    return Dispatch(
        id=policy.ids.derive(request.asked_at, "mail", request.id, template),
        customer=request.customer,
        kind="mail",
        mail_class=MailClass.SURVEY,
        template=template,
        language=request.language,
        facts=facts_of_request(request, facts, policy),
        request=request.id,
        response=None,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=not_before,
        created_at=request.asked_at,
    )


def facts_of_request(request: SurveyRequest, facts: CustomerState, policy: Policy) -> dict[str, object]:
    """Return what a text about this request may name: subject, dates in the customer's zone, details."""
    zone = zone_of(facts.customer, policy)
    return {
        **request.details,
        "label": request.label,
        "reference": request.reference,
        "date": in_zone(request.anchor_at, zone).date().isoformat(),
        "asked_on": in_zone(request.asked_at, zone).date().isoformat(),
        "survey": request.template,
    }
