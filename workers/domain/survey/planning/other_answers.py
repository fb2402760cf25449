"""Answers that came another way: who has said elsewhere what a question asks is not asked it again.

A CSAT answer says nothing of an NPS question, and the other way round.

A function of the set of facts, for whole customers alone (with their responses): whichever of score, journey event and
merge is told first. Idempotent.
"""

from datetime import datetime, timedelta

from workers.calendar import add_wait
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.history import Why
from workers.domain.records import Journey, Response, SurveyRequest, Touchpoint
from workers.domain.reporting.scales import kept_as
from workers.domain.survey.planning.eligibility import assess, kind_asked, note, put
from workers.domain.survey.planning.occurrences import is_occurrence
from workers.domain.survey.planning.stop import withdraw
from workers.domain.types import MailClass, Reason, RequestState, TouchpointState
from workers.structs import replace

AT_LEAST = timedelta(days=7)
"""How long before a question an answer to it counts where the plan has no rest period, or a shorter one."""
ANYTHING = "other"
"""The trigger of a score that names none."""


def follow_answers(case: CustomerCase) -> None:
    """Cancel the touchpoints and requests that are answered elsewhere; plan again those that turn out not to be."""
    answers = from_elsewhere(case)
    if not answers or case.customer.erased_at or case.customer.merged_into:
        return
    for touchpoint in sorted(case.all(Touchpoint), key=Touchpoint.key):
        followed = follow(case, touchpoint, answers)
        if followed is not touchpoint:
            case.change(followed)
            note(case, followed, touchpoint.state)
    for request in case.all(SurveyRequest):
        if request.state == RequestState.OPEN and not request.reason:
            journey = case.get(Journey, request.journey)
            about = about_journey(answers, journey, request.trigger, request.question) if journey else []
            if first_answer(case, about, request.asked_at):
                call_back(case, request)


def from_elsewhere(case: CustomerCase) -> list[Response]:
    """Return the answers that came another way than to one of our questions.

    What was answered at a place is none: nobody was asked there, so no question is spared by it.
    """
    return [row for row in case.all(Response) if row.request is None and row.place is None]


def unless_answered(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint as it is, or cancelled because the customer has answered another way."""
    return follow(case, touchpoint, from_elsewhere(case))


def follow(case: CustomerCase, touchpoint: Touchpoint, answers: list[Response]) -> Touchpoint:
    """Return a touchpoint as the answers leave it: cancelled, planned again, or as it is."""
    satisfied = touchpoint.state == TouchpointState.CANCELLED and touchpoint.reason == Reason.ANSWERED
    if not answers and not satisfied:
        return touchpoint
    journey = case.get(Journey, touchpoint.journey)
    if journey is None or not (satisfied or touchpoint.state in PENDING):
        return touchpoint
    about = about_journey(answers, journey, touchpoint.trigger, kept_as(kind_asked(case, touchpoint)))
    answer = first_answer(case, about, touchpoint.due_at)
    if answer is not None:
        why = Why(Reason.ANSWERED, answer.answered_at.isoformat())
        return put(touchpoint, TouchpointState.CANCELLED, why, case.now)
    if not satisfied:
        return touchpoint
    waiting = replace(touchpoint, state=TouchpointState.PLANNED, reason="", detail="", wake_at=touchpoint.due_at)
    return replace(assess(case, waiting), changed_at=case.now)


def first_answer(case: CustomerCase, answers: list[Response], asked_for: datetime) -> Response | None:
    """Return the first of the answers to a question that counts for asking it at some instant, or None.

    One counts until a rest period after it: six weeks later the same purchase may be asked about again.
    """
    rest, zone = case.policy.rest.overall, case.zone
    fitting = [
        row for row in answers if asked_for <= max(add_wait(row.answered_at, rest, zone), row.answered_at + AT_LEAST)
    ]
    return min(fitting, key=lambda row: (row.answered_at, row.id), default=None)


def about_journey(answers: list[Response], journey: Journey, trigger: str, question: str | None) -> list[Response]:
    """Return the answers to the same kind of question, about what a question of a journey asks."""
    return [row for row in answers if row.question == question and is_about(row, journey, trigger)]


def is_about(answer: Response, journey: Journey, trigger: str) -> bool:
    """Tell whether an answer is about what a question of a journey asks.

    A question about the customer needs its own trigger. Of one about a purchase the reference says it: a score that
    names the event, or no trigger at all, means the same purchase.
    """
    if not journey.reference or is_occurrence(journey):
        return answer.trigger == trigger
    return answer.reference == journey.reference and answer.trigger in (trigger, journey.began, ANYTHING)


def call_back(case: CustomerCase, request: SurveyRequest) -> None:
    """Cancel what has not left of a question that is answered; where it has left, its link goes on taking an answer."""
    case.cancel("request", request.id, Reason.ANSWERED, MailClass.SURVEY)
    case.change(replace(request, reason=Reason.ANSWERED, changed_at=case.now))
    withdraw(case, request, Reason.ANSWERED)
