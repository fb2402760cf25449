"""Tells of touchpoints and survey requests: what was asked, what is planned, what was not asked and why."""

from datetime import datetime, timedelta

from workers.calendar import next_in_window
from workers.decision_table.model.rest_period import Resting, RestReason
from workers.domain.explain.view import Entry, View, iso
from workers.domain.explain.words import sentence
from workers.domain.mail.question_wording import wording_of
from workers.domain.mail.survey_duties import hours_of
from workers.domain.records import Journey, Stop, SurveyRequest, Touchpoint
from workers.domain.reporting import RECOVERY
from workers.domain.reporting.scales import kind_of
from workers.domain.survey.planning import (
    channel_of,
    duty_towards,
    hold_ended,
    holding,
    in_scope,
    is_occurrence,
    not_selected,
    occurrence_of,
    with_inputs,
)
from workers.domain.survey.request import COUNTED, question_of, rest_of, satisfied_on_web
from workers.domain.survey.support_room import asked_at_latest
from workers.domain.survey.web_ask import AGAIN, PUT_OFF, SHOWN, back_from
from workers.domain.types import WEB, Effect, Reason, RequestState, TouchpointState

PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)
UNTIL_TOLD = (Reason.NO_ADDRESS, Reason.NO_NUMBER, Reason.NEEDS_CONSENT, Reason.NEEDS_NOTICE)
"""What holds a question until somebody tells something, and nobody knows when."""
A_MOMENT = timedelta(microseconds=1)
RESTING = (Reason.RESTING, Reason.YEARLY_MAXIMUM, Reason.SAME_MAILBOX)


def touchpoint_entry(touchpoint: Touchpoint, view: View) -> Entry:
    """Return one planned moment to ask; `at` is when it came into its state."""
    return {
        "id": f"{touchpoint.journey}/{touchpoint.step}",
        "at": iso(touchpoint.changed_at),
        "state": touchpoint.state.value,
        "reason": why_touchpoint(touchpoint, view),
        "code": code_of(touchpoint, view),
        "trigger": touchpoint.trigger,
        "touchpoint": touchpoint.step,
        "reference": view.private(reference_of(touchpoint, view)),
        "rule": touchpoint.rule,
        "asks": view.policy.plan_of(touchpoint.plan_version).kind_of(touchpoint.rule).value,
        "due_at": iso(touchpoint.due_at),
        "wake_at": iso(touchpoint.wake_at),
        "expected_at": iso(expected_at(touchpoint, view)),
        "give_up_at": iso(touchpoint.give_up_at),
        "occurrence": occurrence_of(view.case(), touchpoint),
        "inputs": dict(sorted(touchpoint.inputs.items())) if touchpoint.inputs else None,
    }


def journey_of(touchpoint: Touchpoint, view: View) -> Journey | None:
    """Return the journey of a touchpoint, or None when it is not in the story."""
    return next((journey for journey in view.story.journeys if journey.id == touchpoint.journey), None)


def reference_of(touchpoint: Touchpoint, view: View) -> str:
    """Return what a touchpoint is about; nothing where it is about the customer."""
    journey = journey_of(touchpoint, view)
    if journey is None or not journey.reference or is_occurrence(journey):
        return ""  # about the customer, not about one purchase
    return about(journey.label, journey.reference, view)


def about(label: str, reference: str, view: View) -> str:
    """Return what something is about: its label, else a ticket's number, else the reference."""
    tickets = {ticket.id: view.words.say("about-ticket", number=ticket.number) for ticket in view.story.tickets}
    return label or tickets.get(reference, reference)


def why_touchpoint(touchpoint: Touchpoint, view: View) -> str:
    """Return the full sentence that says where a touchpoint stands, and why it was not asked."""
    if touchpoint.state == TouchpointState.ASKED:
        return view.words.say("asked", at=view.words.moment(touchpoint.changed_at))
    if touchpoint.state == TouchpointState.PLANNED:
        return view.words.say("planned", why=view.words.together(planned(touchpoint, view)))
    held = touchpoint.state == TouchpointState.HELD
    why = unmeant(touchpoint, view) if held else ""
    if why:
        why = view.words.say("as-things-stand", why=why)
    else:
        why = view.words.clause(touchpoint.reason, places(touchpoint, view), over=not held)
    if held:
        why = view.words.say("gives-up", why=why, day=view.words.day(touchpoint.give_up_at))
    return view.words.why(view.words.lead(touchpoint.state), why)


def unmeant(touchpoint: Touchpoint, view: View) -> str:
    """Return that the plan means other customers as things stand, as a clause; empty where it means this one."""
    other = not_selected(view.case(), with_inputs(view.case(), touchpoint))
    return view.words.clause(other.reason, {"detail": other.detail}) if other.reason else ""


def places(touchpoint: Touchpoint, view: View) -> dict[str, str]:
    """Return what a touchpoint's reason may name; empty what is not known."""
    until, asked = rest_dates(touchpoint.detail, touchpoint.changed_at, view)
    answered = until if touchpoint.reason == Reason.ANSWERED else None
    held, until_then = holding(view.case(), touchpoint)
    wakes = until_then or touchpoint.give_up_at if touchpoint.reason == Reason.HOLD else touchpoint.wake_at
    ends = wakes < touchpoint.give_up_at
    before = kept_by(touchpoint, view) if touchpoint.reason == Reason.TOO_LATE else ""
    return {
        "detail": "" if until or before else touchpoint.detail,
        "until": view.words.day(until) if until else "",
        "asked": view.words.day(asked) if asked else "",
        "due": view.words.moment(touchpoint.due_at),
        "hold": view.words.held_by(touchpoint.detail, ended=held == touchpoint.detail and over(touchpoint, held, view)),
        "wake": view.words.moment(wakes) if ends else "",
        "due_on": view.words.day(touchpoint.due_at),
        "gives_up": view.words.day(touchpoint.give_up_at),
        "before": before,
        "elsewhere": view.words.day(answered) if answered else "",
    }


def code_of(touchpoint: Touchpoint, view: View) -> str:
    """Return the reason code of a touchpoint as things are now; empty where it is asked, or will be at the next look.

    What a planned one was put off for may be over, and sending may be stopped: neither is written into the row.
    """
    if touchpoint.state == TouchpointState.HELD and unmeant(touchpoint, view):
        return Reason.NOT_SELECTED
    if touchpoint.state != TouchpointState.PLANNED:
        return touchpoint.reason
    if max(touchpoint.due_at, touchpoint.wake_at) > view.now:
        return waiting_for(touchpoint, view)
    if view.sending.pauses(touchpoint.step):
        return Reason.PAUSED
    if view.sending.state != "on":
        return Reason.SENDING_HELD
    if view.outlook.day_is_full:
        return Reason.DAILY_MAXIMUM
    return Reason.SUPPORT_BUSY if view.waits_for_support(touchpoint) else ""


def waiting_for(touchpoint: Touchpoint, view: View) -> Reason:
    """Return what a touchpoint waits for that is not due now: the end of a rest, the send window, or its time."""
    if touchpoint.wake_at > view.now and touchpoint.reason in (*RESTING, Reason.BOUNCED):
        return Reason(touchpoint.reason)
    if touchpoint.wake_at > view.now and waits_for_window(touchpoint, view):
        return Reason.SEND_WINDOW
    return Reason.NOT_DUE


def waits_for_window(touchpoint: Touchpoint, view: View) -> bool:
    """Tell whether the send window put a touchpoint off: it wakes just as the window opens, and not when it is due."""
    window, holidays = view.policy.window, view.policy.holidays
    if window.always or touchpoint.wake_at == touchpoint.due_at:
        return False
    return next_in_window(touchpoint.wake_at - A_MOMENT, window, view.zone, holidays) == touchpoint.wake_at


def lawful_hours(touchpoint: Touchpoint, view: View) -> str:
    """Return the hours of the law that put a touchpoint off, as the file has them; empty where they did not."""
    case = view.case()
    hours = hours_of(duty_towards(case), channel_of(case, touchpoint))
    if hours.always or touchpoint.wake_at <= touchpoint.due_at:
        return ""
    put_off = next_in_window(touchpoint.wake_at - A_MOMENT, hours, view.zone) == touchpoint.wake_at
    return hours.text() if put_off else ""


def over(touchpoint: Touchpoint, cause: str, view: View) -> bool:
    """Tell whether every hold of a cause on a touchpoint was ended by an event, and only its last days are left."""
    case = view.case()
    holds = [stop for stop in view.story.stops if stop.effect == Effect.HOLD and stop.cause == cause]
    return all(hold_ended(case, stop) for stop in holds if in_scope(stop, touchpoint))


def kept_by(touchpoint: Touchpoint, view: View) -> str:
    """Return what kept a touchpoint until it was too late, as a clause, or empty."""
    if touchpoint.detail != Reason.HOLD:
        return view.words.clause(touchpoint.detail, over=True) if touchpoint.detail else ""
    holds = [
        stop
        for stop in view.story.stops
        if stop.effect == Effect.HOLD and stop.from_at <= touchpoint.give_up_at and in_scope(stop, touchpoint)
    ]
    last = max(holds, key=lambda hold: hold.from_at, default=None)
    return view.words.cause(last.cause if last else "")


def planned(touchpoint: Touchpoint, view: View) -> list[str]:
    """Return why a planned touchpoint is not asked yet, as clauses; the first one always says something."""
    clauses: list[str] = []
    waits = max(touchpoint.due_at, touchpoint.wake_at) > view.now
    reason = waiting_for(touchpoint, view) if waits else ""
    if reason in RESTING:
        clauses.append(view.words.say("asked-then", why=view.words.clause(reason, places(touchpoint, view))))
    elif reason == Reason.SEND_WINDOW:
        clauses.append(view.words.clause(reason, {"opens": view.words.moment(touchpoint.wake_at)}))
    elif reason == Reason.BOUNCED:
        clauses.append(view.words.say("put-off", at=view.words.moment(touchpoint.wake_at)))
    elif reason and (hours := lawful_hours(touchpoint, view)):
        opens = view.words.moment(touchpoint.wake_at)
        clauses.append(view.words.say("lawful-hours", opens=opens, hours=hours))
    elif reason:
        clauses.append(
            view.words.clause(reason, {"due": view.words.moment(max(touchpoint.due_at, touchpoint.wake_at))})
        )
        clauses += rests_longer(touchpoint, view)
    else:
        clauses.append(view.words.say("due-since", at=view.words.moment(touchpoint.wake_at)))
    number = occurrence_of(view.case(), touchpoint)
    if number > 1:
        clauses.append(view.words.say("comes-round", number=str(number)))
    quota = view.policy.plan.quotas.get(touchpoint.step)
    if quota is not None:
        clauses.append(view.words.say("a-day", quota=str(quota)))
    stalled = view.stalled(touchpoint.step) or support_busy(touchpoint, view)
    if why := unmeant(touchpoint, view):
        clauses.append(view.words.say("as-things-stand", why=why))
    elif not stalled and touchpoint.wake_at <= view.now:
        stalled = [view.words.say("next-look")]
    return clauses + stalled


def support_busy(touchpoint: Touchpoint, view: View) -> list[str]:
    """Return that a question that is due waits for support, by what figures and until when; empty where it does not."""
    room = view.outlook.support
    if room is None or touchpoint.wake_at > view.now or not view.waits_for_support(touchpoint):
        return []
    latest = asked_at_latest(touchpoint, view.policy.plan.may_wait) or touchpoint.give_up_at
    figures = {"calls": str(room.free_calls), "expected": str(room.expected_calls)}
    moments = {"until": view.words.moment(room.until), "latest": view.words.moment(latest)}
    return [view.words.clause(Reason.SUPPORT_BUSY, {**figures, **moments})]


def rests_longer(touchpoint: Touchpoint, view: View) -> list[str]:
    """Return what the rest period will do to a touchpoint that comes due inside it."""
    if touchpoint.if_resting == "exempt":
        return []
    rests = rest_of(view.case(touchpoint.due_at), question_of(touchpoint, view.policy))
    if rests is None:
        return []
    then = "drops" if is_dropped(touchpoint, rests, view) else "waits"
    who = "mailbox" if rests.reason == RestReason.SAME_MAILBOX else "customer"
    return [view.words.say(f"{then}-{who}", until=view.words.day(rests.until))]


def is_dropped(touchpoint: Touchpoint, rests: Resting, view: View) -> bool:
    """Tell whether a rest drops a touchpoint that comes due within it, and does not put it off."""
    if touchpoint.if_resting == "drop" or rests.until > touchpoint.give_up_at:
        return True
    return satisfied_on_web(view.case(), rests)


def expected_at(touchpoint: Touchpoint, view: View) -> datetime | None:
    """Return when a pending touchpoint is asked at the earliest, with what rests before it; None where it will not be.

    Its due time alone is no promise: the rest period may move it, or drop it, and nobody knows when an address comes.
    """
    if touchpoint.state not in PENDING or touchpoint.wake_at > touchpoint.give_up_at:
        return None
    if touchpoint.reason in UNTIL_TOLD or unmeant(touchpoint, view):
        return None
    earliest = max(touchpoint.due_at, touchpoint.wake_at)
    if touchpoint.reason == Reason.HOLD:
        cause, until = holding(view.case(), touchpoint)
        if cause and (until is None or until > touchpoint.give_up_at):
            return None
        earliest = max(earliest, until or earliest)
    if touchpoint.if_resting != "exempt":
        rests = rest_of(view.case(earliest), question_of(touchpoint, view.policy))
        if rests is not None:
            if is_dropped(touchpoint, rests, view):
                return None
            earliest = rests.until
    return next_in_window(earliest, view.policy.window, view.zone, view.policy.holidays)


def asked_before(at: datetime, view: View) -> datetime | None:
    """Return when the customer was last asked before an instant, by a question that counts."""
    return max(
        (request.asked_at for request in view.story.requests if request.state in COUNTED and request.asked_at < at),
        default=None,
    )


def rest_dates(detail: str, at: datetime, view: View) -> tuple[datetime | None, datetime | None]:
    """Return until when a rest lasts and the question that it counts from, as the decision wrote both down.

    A row of 0.1.0 has the first date alone: then the last question before is the nearest that can be said.
    """
    first, _, second = detail.partition(" ")
    until = instant(first)
    return until, instant(second) or asked_before(at, view)


def instant(text: str) -> datetime | None:
    """Return the instant that a reason's detail carries, or None when it carries something else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def request_entry(request: SurveyRequest, view: View) -> Entry:
    """Return one question as sent; `clicks` counts machines too, which open links before people do."""
    return {
        "id": request.id,
        "at": iso(request.asked_at),
        "state": request.state.value,
        "reason": why_request(request, view),
        "code": request.reason.partition(":")[0],
        "trigger": request.trigger,
        "touchpoint": request.step,
        "reference": view.private(about(request.label, request.reference, view) if request.reference else ""),
        "channel": request.channel,
        "template": request.template,
        "language": request.language,
        "wording": wording_of(request),
        "question": question_asked(request, view),
        "asks": kind_of(request.question).value,
        "sent_at": iso(request.sent_at),
        "closes_at": iso(request.closes_at),
        "clicks": clicks_of(request, view),
    }


def question_asked(request: SurveyRequest, view: View) -> str:
    """Return the text of the question as it was asked, without the company's name; empty where it is not kept."""
    wording = view.story.wordings.get(wording_of(request))
    if wording is None:
        return ""
    return wording.texts["question.today"] if request.trigger == RECOVERY else wording.question


def clicks_of(request: SurveyRequest, view: View) -> int:
    """Return how often the link of a request was opened, by a person or a machine."""
    return sum(click.request == request.id for click in view.story.clicks)


def why_request(request: SurveyRequest, view: View) -> str:
    """Return the sentence that says where a survey request stands."""
    closes = view.words.moment(request.closes_at)
    if request.reason == Reason.ANSWERED and request.state in (RequestState.OPEN, RequestState.EXPIRED):
        return view.words.say(f"answered-elsewhere.{request.state.value}", closes=closes)
    if request.state == RequestState.OPEN and request.channel == WEB:
        return why_on_site(request, closes, view)
    if request.state == RequestState.OPEN:
        clicks = clicks_of(request, view)
        return view.words.say("waits-for-answer", closes=closes, times=times(clicks, view) if clicks else "")
    if request.state == RequestState.ANSWERED:
        return view.words.say("answered", closes=closes)
    if request.state == RequestState.CLOSED:
        return view.words.say("closed", at=view.words.moment(request.changed_at))
    if request.reason == Reason.CLOSED_BY_VISITOR:
        return view.words.say("closed-by-visitor", at=view.words.moment(request.changed_at))
    if request.state == RequestState.EXPIRED:
        return view.words.say("expired", closes=closes)
    return view.words.why(view.words.lead(request.state), view.words.clause(request.reason, over=True))


def why_on_site(request: SurveyRequest, closes: str, view: View) -> str:
    """Return the sentence of a question that is open on a site: it stands there, or comes back."""
    details = request.details
    if AGAIN in details or (SHOWN in details and PUT_OFF not in details):
        return view.words.say("waits-on-site", closes=closes)
    if PUT_OFF not in details:
        return view.words.say("unseen-on-site", closes=closes)
    at, zone = datetime.fromisoformat(details[PUT_OFF]), view.case().zone
    back = view.words.moment(back_from(details[PUT_OFF], zone))
    return view.words.say("put-off-on-site", at=view.words.moment(at), back=back, closes=closes)


def times(n: int, view: View) -> str:
    """Return how often, in words: once, twice, 3 times."""
    return view.words.say({1: "once", 2: "twice"}.get(n, "times"), number=n)


def stop_entry(stop: Stop, view: View) -> Entry:
    """Return one contrary fact; what it is about is left out once the person was erased."""
    return {
        "id": stop.id,
        "at": iso(stop.from_at),
        "state": stop.effect.value,
        "reason": why_stop(stop, view),
        "cause": stop.cause,
        "scope": stop.scope,
        "reference": view.private(stop.reference),
    }


def why_stop(stop: Stop, view: View) -> str:
    """Return what a contrary event does, as a sentence."""
    what, why = view.words.lead(stop.effect), view.words.clause(Reason.STOPPED, {"detail": stop.cause})
    if stop.effect == Effect.END or stop.scope == "customer" or not view.private(stop.reference):
        return view.words.why(what, why)
    return sentence(view.words.say("stop.for", what=what, reference=stop.reference, why=why))
