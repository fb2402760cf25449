"""Survey requests: a due touchpoint becomes a request with its mail and its message, or stays unasked with a reason.

The rest period is decided here, when the moment has come, and nowhere else. Nothing here sends.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from workers.calendar import add_wait, in_zone, parse_wait
from workers.decision_table.model.rest_period import Asked, Question, Resting, RestReason, resting
from workers.domain.customer_case import CustomerCase
from workers.domain.history import NOTHING, Why
from workers.domain.mail.survey_duties import hours_of
from workers.domain.mailbox_keys import asked_key, number_key
from workers.domain.outbound_messages import publish_request
from workers.domain.policy import Policy
from workers.domain.records import AskedMailbox, Dispatch, Journey, SmsDialogue, SurveyRequest, Touchpoint
from workers.domain.reporting.scales import facts_with, kept_as
from workers.domain.sms.dialogue import Message
from workers.domain.sms.messages import message_of
from workers.domain.survey import reminders
from workers.domain.survey.day_quotas import DayQuotas
from workers.domain.survey.planning import (
    assess,
    channel_of,
    duty_towards,
    is_occurrence,
    kind_asked,
    lawful_opening,
    note,
    number_of,
    put,
    too_late_from,
    unless_answered,
    unless_not_selected,
)
from workers.domain.survey.support_room import may_still_wait
from workers.domain.types import (
    MAIL,
    SMS,
    WEB,
    DialogueState,
    DispatchState,
    MailClass,
    Reason,
    RequestState,
    TouchpointState,
)
from workers.structs import replace

CLOSES_AFTER = parse_wait("P14D")
"""How long after sending an answer counts and may change (architecture, decision 12)."""
OF_MAILBOX = frozenset({"bounce", "dead"})
"""Kinds of suppression that speak of the mailbox and not of the person."""
COUNTED = (RequestState.OPEN, RequestState.ANSWERED, RequestState.CLOSED, RequestState.EXPIRED)
"""Requests that reached the person and so count against the rest period."""

from_now = lru_cache(1_024)(add_wait)
"""The ends of waits from the moment of a round, which is one for all its customers: each is computed once."""


def ask(
    case: CustomerCase, touchpoint: Touchpoint, *, support_busy: bool = False, quotas: DayQuotas | None = None
) -> None:
    """Ask what a woken touchpoint asks, put it back with a reason, skip or cancel it.

    While support has no room for more answers (`support_busy`), what may wait for it waits. What comes when its day's
    quota is full is left out.
    """
    busy = support_busy and may_still_wait(touchpoint, case.policy.plan.may_wait, case.now)
    if busy and touchpoint.reason == Reason.SUPPORT_BUSY:
        return
    stands, now = assess(case, unless_answered(case, touchpoint)), case.now
    if is_selected_now(stands, now):
        stands = unless_not_selected(case, stands)
        if stands.state == TouchpointState.HELD:
            stands = assess(case, stands)  # it was looked at, and waits for what is lacking alone
    if stands.state == TouchpointState.PLANNED and stands.wake_at <= now:
        stands = unless_suppressed(case, stands)
    if stands.state == TouchpointState.PLANNED and stands.wake_at <= now:
        stands = rested(case, stands)
    if stands.state == TouchpointState.PLANNED and stands.wake_at <= now:
        waits = Why(Reason.SUPPORT_BUSY)
        stands = put(stands, TouchpointState.PLANNED, waits, now) if busy else within_quota(case, stands, quotas)
    elif stands.state == TouchpointState.PLANNED and not stands.reason:
        stands = replace(stands, reason=Reason.SEND_WINDOW if has_hours(case, stands) else Reason.NOT_DUE)
    if stands is not touchpoint:
        case.change(stands)
        note(case, stands, touchpoint.state)


def is_selected_now(touchpoint: Touchpoint, now: datetime) -> bool:
    """Tell whether the moment has come to see whether the plan means this customer: before what they lack is told.

    A visit to a site is a moment of its own.
    """
    if touchpoint.state == TouchpointState.HELD:
        return touchpoint.due_at <= now and touchpoint.reason != Reason.AWAITS_VISIT
    return touchpoint.state == TouchpointState.PLANNED and touchpoint.wake_at <= now


def within_quota(case: CustomerCase, touchpoint: Touchpoint, quotas: DayQuotas | None) -> Touchpoint:
    """Return the touchpoint as asked, or left out because as many were asked today as may be."""
    if quotas is None or quotas.admit(case, touchpoint):
        return send_request(case, touchpoint)
    return put(touchpoint, TouchpointState.SKIPPED, quota_full(case, touchpoint), case.now)


def quota_full(case: CustomerCase, touchpoint: Touchpoint) -> Why:
    """Return that a touchpoint is left out because of its quota, and what that is."""
    return Why(Reason.QUOTA_FULL, str(case.policy.plan.quotas[touchpoint.step]))


def has_hours(case: CustomerCase, touchpoint: Touchpoint) -> bool:
    """Tell whether the operator or the law has hours for this question."""
    hours = hours_of(duty_towards(case), channel_of(case, touchpoint))
    return not (case.policy.window.always and hours.always)


def rested(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return the touchpoint as it is, deferred to the end of the rest period, or skipped because of it."""
    if touchpoint.if_resting == "exempt":
        return touchpoint
    rests = rest_of(case, question_of(touchpoint, case.policy))
    if rests is None:
        return touchpoint
    opens = lawful_opening(case, rests.until, channel_of(case, touchpoint))
    on_web = satisfied_on_web(case, rests)
    why = Why(Reason.ASKED_ON_WEB if on_web else Reason(rests.reason), dates_of(rests))
    if on_web or touchpoint.if_resting == "drop" or opens > touchpoint.give_up_at:
        return put(touchpoint, TouchpointState.SKIPPED, why, case.now)
    return put(touchpoint, TouchpointState.PLANNED, why, case.now, wake_at=opens)


def question_of(touchpoint: Touchpoint, policy: Policy) -> Question:
    """Return what a touchpoint asks; its rest is that of the row in use, because a rest period protects the person."""
    step = policy.plan.step(touchpoint.rule)
    if step is None or step.touchpoint != touchpoint.step:
        step = policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    return Question(touchpoint.step, touchpoint.template, step.rest if step else None)


def rest_of(case: CustomerCase, question: Question) -> Resting | None:
    """Return why and until when this person may not be asked this; None when they may be asked now.

    What was asked of the same mailbox under another customer's id counts as if this one had been asked.
    """
    rest, zone, now = case.policy.rest, case.zone, case.now
    counted = [request for request in case.all(SurveyRequest) if request.state in COUNTED]
    asked = [Asked(request.asked_at, request.step, request.template) for request in counted]
    own = resting(question, asked, rest, zone, now)
    if not case.asked_elsewhere:
        return own
    both = resting(question, [*asked, *case.asked_elsewhere], rest, zone, now)
    if both is None or (own is not None and own.until == both.until):
        return own
    return replace(both, reason=RestReason.SAME_MAILBOX)


def satisfied_on_web(case: CustomerCase, rests: Resting) -> bool:
    """Tell whether a rest counts from a question on a site: what comes due within it was asked there already."""
    return rests.reason == RestReason.RESTING and any(
        request.channel == WEB and request.asked_at == rests.since for request in case.all(SurveyRequest)
    )


def dates_of(rests: Resting) -> str:
    """Return a rest as a reason's detail: until when, and the question that it counts from."""
    return f"{rests.until.isoformat()} {rests.since.isoformat()}"


def unless_suppressed(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return the touchpoint cancelled when what the person said suppresses their address.

    A mailbox that takes nothing stops mail alone, and may be another tomorrow: the touchpoint is held until then.
    """
    if touchpoint.state != TouchpointState.PLANNED or not case.suppressed:
        return touchpoint
    why = Why(Reason.SUPPRESSED, case.suppressed)
    if case.suppressed not in OF_MAILBOX:
        return put(touchpoint, TouchpointState.CANCELLED, why, case.now)
    if channel_of(case, touchpoint) != MAIL:
        return touchpoint
    return put(touchpoint, TouchpointState.HELD, why, case.now, wake_at=too_late_from(touchpoint))


def send_request(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Add request, mail, reminders and message; return the touchpoint as asked."""
    journey = case.get(Journey, touchpoint.journey)
    assert journey is not None  # it was planned in one
    request = request_for(case, touchpoint, journey)
    case.add(request)
    who = case.customer
    if who.email:
        mailbox = asked_key(who.email, case.ids)
        case.add(AskedMailbox(mailbox, request.id, who.id, request.template, request.asked_at))
    case.change(who.but(rest_until=from_now(case.now, case.policy.rest.overall, case.zone)))
    if request.channel == MAIL:
        for dispatch in mails_for(case, request, touchpoint):
            case.add(dispatch)
    elif request.channel == SMS and case.policy.texts:
        begin_dialogue(case, request)
    publish_request(case, request)
    return put(touchpoint, TouchpointState.ASKED, NOTHING, case.now)


def begin_dialogue(case: CustomerCase, request: SurveyRequest) -> None:
    """Add the dialogue in which a request is asked by SMS, and its first message."""
    number = number_of(case) or ""
    dialogue = SmsDialogue(
        id=request.id,
        customer=request.customer,
        number=number_key(number, case.ids),
        state=DialogueState.ASKED,
        said="",
        helped=False,
        asked_at=request.asked_at,
        said_at=request.asked_at,
        changed_at=case.now,
    )
    case.add(dialogue)
    case.add(message_of(case.ids, dialogue, Message.QUESTION, request.language, case.now))


def request_for(case: CustomerCase, touchpoint: Touchpoint, journey: Journey) -> SurveyRequest:
    """Return the survey request of a touchpoint; its id follows from journey and step, so that it is sent once."""
    channel, language = channel_of(case, touchpoint), language_of(case.customer.language, case.policy)
    kind = kind_asked(case, touchpoint)
    return SurveyRequest(
        id=case.ids.derive(
            touchpoint.due_at, "survey_request", journey.customer, journey.trigger, journey.reference, touchpoint.step
        ),
        journey=journey.id,
        step=touchpoint.step,
        customer=touchpoint.customer,
        trigger=touchpoint.trigger,
        reference="" if is_occurrence(journey) else journey.reference,
        label=journey.label,
        details=journey.details,
        channel=channel,
        template=touchpoint.template,
        language=language,
        anchor_at=touchpoint.anchor_at,
        asked_at=case.now,
        closes_at=from_now(case.now, CLOSES_AFTER, case.zone),
        state=RequestState.OPEN,
        reason="",
        changed_at=case.now,
        sent_at=case.now if channel == WEB else None,
        wording=case.policy.wording(language, kind),
        question=kept_as(kind),
    )


def language_of(tag: str | None, policy: Policy) -> str:
    """Return the best language there is for a BCP 47 tag: itself, its parent (fr-CA: fr), else the brand's."""
    candidate = (tag or "").replace("_", "-").lower()
    while candidate:
        if candidate in policy.languages:
            return candidate
        candidate = candidate.rpartition("-")[0]
    return policy.language


def mails_for(case: CustomerCase, request: SurveyRequest, touchpoint: Touchpoint) -> Iterator[Dispatch]:
    """Give the survey mail, and the reminders that the plan has."""
    first = mail_of_request(case, request, request.template, case.now)
    yield first
    waits = reminders.waits_of(touchpoint.reminder)
    for number, wait in enumerate(waits, start=1):
        later = from_now(case.now, wait, case.zone)
        opens = lawful_opening(case, later, MAIL)
        key = case.ids.derive(request.asked_at, "mail", request.id, reminders.key_of(number))
        facts = {**first.facts, reminders.WHICH: number, reminders.MORE: number < len(waits)}
        yield first.but(id=key, template=reminders.REMINDER, facts=facts, not_before=opens)


def mail_of_request(case: CustomerCase, request: SurveyRequest, template: str, not_before: datetime) -> Dispatch:
    """Return one mail that belongs to a survey request; its id is the effect key."""
    return Dispatch(
        id=case.ids.derive(request.asked_at, "mail", request.id, template),
        customer=request.customer,
        kind="mail",
        mail_class=MailClass.SURVEY,
        template=template,
        language=request.language,
        facts=facts_of_request(case, request),
        request=request.id,
        response=None,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=not_before,
        created_at=request.asked_at,
    )


def facts_of_request(case: CustomerCase, request: SurveyRequest) -> dict[str, object]:
    """Return what a text about this request may name: subject, dates in the customer's zone, details."""
    return {
        **facts_with(request.details, request.question),
        "label": request.label,
        "reference": request.reference,
        "date": day_in_zone(request.anchor_at, case.zone),
        "asked_on": day_in_zone(request.asked_at, case.zone),
        "survey": request.template,
    }


@lru_cache(4_096)
def day_in_zone(at: datetime, zone: str) -> str:
    """Return the day of an instant in a zone (ISO 8601)."""
    return in_zone(at, zone).date().isoformat()
