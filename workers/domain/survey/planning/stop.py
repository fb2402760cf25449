"""Contrary events: they become stop facts, and what they cancel, hold or let go follows from those.

A fact that came before what it stops still stops it. Service mails are never called back.
"""

from workers.domain.customer_case import CustomerCase
from workers.domain.mail.survey_duties import unmet
from workers.domain.records import Stop, SurveyRequest
from workers.domain.survey.planning.eligibility import about, duty_towards, hold_ends, reassess
from workers.domain.survey.planning.journey import JourneyEvent, remember_first
from workers.domain.types import MAIL, Effect, MailClass, Reason, RequestState
from workers.structs import replace


def stop(case: CustomerCase, journey_event: JourneyEvent) -> None:
    """Keep the stop facts of a contrary event; cancel, hold or let go what follows from them."""
    rows = stops_of(case, journey_event)
    kept = {identity_of(row) for row in case.all(Stop)} if rows else set()
    fresh = [row for row in rows if identity_of(row) not in kept]
    if not fresh:
        return
    for row in fresh:
        case.add(row)
    cancelling = [row for row in fresh if row.effect == Effect.CANCEL]
    if cancelling:
        remember_first(case, journey_event)
    reassess(case)
    for stopped in cancelling:
        call_back_mails(case, stopped)
    for held in fresh:
        if held.effect == Effect.HOLD:
            call_back_reminders(case, held)


def identity_of(stop: Stop) -> tuple[object, ...]:
    """Return what makes a stop the same one, whoever of two merged customers it was told of."""
    return stop.cause, stop.effect, stop.scope, stop.reference, stop.from_at


def stops_of(case: CustomerCase, journey_event: JourneyEvent) -> list[Stop]:
    """Return the facts that the contrary table makes of an event."""
    stops: list[Stop] = []
    if journey_event.name not in case.policy.stopping:
        return stops
    for rule in case.policy.contrary:
        if journey_event.partial and rule.effect == Effect.CANCEL and rule.scope == "reference":
            continue  # what stays bought is asked about
        if journey_event.name in rule.events:
            effect, scope = Effect(rule.effect), rule.scope
        elif journey_event.name in rule.until:
            effect, scope = Effect.END, "customer"
        else:
            continue
        said_of = (case.id, journey_event.name, effect, scope, journey_event.reference)
        key = case.ids.derive(journey_event.at, "stop", *said_of, journey_event.at.isoformat())
        stops.append(Stop(key, *said_of, journey_event.at, journey_event.event))
    return stops


def call_back_mails(case: CustomerCase, stopped: Stop) -> None:
    """Cancel the survey mails that have not left for what is stopped; service mails go on."""
    reason = f"{Reason.STOPPED}: {stopped.cause}"
    if stopped.scope == "customer":
        for mail_class in (MailClass.SURVEY, MailClass.PROMOTION):
            case.cancel("customer", stopped.customer, reason, mail_class)
    for request in case.all(SurveyRequest):
        if stopped.scope == "customer" or about(stopped, request.reference, request.anchor_at):
            case.cancel("request", request.id, reason, MailClass.SURVEY)
            withdraw(case, request, reason)


def call_back_reminders(case: CustomerCase, held: Stop) -> None:
    """Cancel the reminders of questions that have left: who has complained, or waits for our call, is not reminded.

    For good, and not until the hold ends: by then the question is old. One that was over when it was told cancels none.
    """
    ends = hold_ends(case, held)
    if ends is not None and ends <= case.now:
        return
    for request in case.all(SurveyRequest):
        touched = held.scope == "customer" or about(held, request.reference, request.anchor_at)
        if touched and request.state == RequestState.OPEN and request.sent_at is not None:
            case.cancel("request", request.id, f"{Reason.STOPPED}: {held.cause}", MailClass.SURVEY)


def withdraw(case: CustomerCase, request: SurveyRequest, reason: str) -> None:
    """Take a question back that has not left yet: it counts neither as asked nor against the rest period."""
    if request.state == RequestState.OPEN and request.channel == MAIL and request.sent_at is None:
        case.change(replace(request, state=RequestState.WITHDRAWN, reason=reason, changed_at=case.now))


def call_back_unlawful(case: CustomerCase) -> None:
    """Take back the questions that have not left, and reminders, which the law does not allow any more.

    Consent that was withdrawn, or another country: what has left already stands, and still takes an answer.
    """
    duty = duty_towards(case)
    for request in case.all(SurveyRequest):
        reason = unmet(case.customer, duty, request.channel)
        if reason is not None and request.state == RequestState.OPEN:
            case.cancel("request", request.id, reason, MailClass.SURVEY)
            withdraw(case, request, reason)
