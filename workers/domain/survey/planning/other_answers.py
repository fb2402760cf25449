"""Answers that came another way: who has said elsewhere what a question asks is not asked it again.

A function of the set of facts, for whole customers alone (with their responses): whichever of score, journey event and
merge is told first. Idempotent.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.calendar import add_wait
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import PENDING, CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Journey, Response, SurveyRequest, Touchpoint
from workers.domain.survey.planning.eligibility import assess, note, put, zone_of
from workers.domain.survey.planning.stop import withdraw
from workers.domain.types import MailClass, Reason, RequestState, TouchpointState

AT_LEAST = timedelta(days=7)
"""How long before a question an answer to it counts where the plan has no rest period, or a shorter one."""
ANYTHING = "other"
"""The trigger of a score that names none."""


def follow_answers(facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the touchpoints and requests that are answered elsewhere, and those that turn out not to be."""
    changes = ChangeSet()
    answers = from_elsewhere(facts)
    if not answers or facts.customer.erased_at or facts.customer.merged_into:
        return changes
    for touchpoint in sorted(facts.all(Touchpoint), key=Touchpoint.key):
        followed = follow(touchpoint, answers, facts, policy, now)
        if followed is not touchpoint:
            changes.change(followed)
            note(followed, touchpoint.state, policy, changes)
    for request in facts.all(SurveyRequest):
        if request.state == RequestState.OPEN and not request.reason:
            journey = facts.get(Journey, request.journey)
            if journey and first_answer(answers, journey, request.trigger, request.asked_at, facts, policy):
                call_back(request, now, changes)
    return changes


def from_elsewhere(facts: CustomerState) -> list[Response]:
    """Return the answers that came another way than to one of our questions."""
    return [row for row in facts.all(Response) if row.request is None]


def unless_answered(touchpoint: Touchpoint, facts: CustomerState, policy: Policy, now: datetime) -> Touchpoint:
    """Return a touchpoint as it is, or cancelled because the customer has answered another way."""
    return follow(touchpoint, from_elsewhere(facts), facts, policy, now)


def follow(
    touchpoint: Touchpoint, answers: list[Response], facts: CustomerState, policy: Policy, now: datetime
) -> Touchpoint:
    """Return a touchpoint as the answers leave it: cancelled, planned again, or as it is."""
    satisfied = touchpoint.state == TouchpointState.CANCELLED and touchpoint.reason == Reason.ANSWERED
    journey = facts.get(Journey, touchpoint.journey)
    if journey is None or not (satisfied or touchpoint.state in PENDING):
        return touchpoint
    answer = first_answer(answers, journey, touchpoint.trigger, touchpoint.due_at, facts, policy)
    if answer is not None:
        detail = answer.answered_at.isoformat()
        return put(touchpoint, TouchpointState.CANCELLED, Reason.ANSWERED, detail, now)
    if not satisfied:
        return touchpoint
    waiting = replace(touchpoint, state=TouchpointState.PLANNED, reason="", detail="", wake_at=touchpoint.due_at)
    return replace(assess(waiting, facts, policy, now), changed_at=now)


def first_answer(
    answers: list[Response], journey: Journey, trigger: str, asked_for: datetime, facts: CustomerState, policy: Policy
) -> Response | None:
    """Return the first answer to what is asked about a journey at some instant, or None.

    One counts until a rest period after it: six weeks later the same purchase may be asked about again.
    """
    zone = zone_of(facts.customer, policy)
    fitting = [
        row
        for row in answers
        if is_about(row, journey, trigger)
        and asked_for <= max(add_wait(row.answered_at, policy.rest.overall, zone), row.answered_at + AT_LEAST)
    ]
    return min(fitting, key=lambda row: (row.answered_at, row.id), default=None)


def is_about(answer: Response, journey: Journey, trigger: str) -> bool:
    """Tell whether an answer is about what a question of a journey asks.

    A question about the customer needs its own trigger. Of one about a purchase the reference says it: a score that
    names the event, or no trigger at all, means the same purchase.
    """
    if not journey.reference:
        return answer.trigger == trigger
    return answer.reference == journey.reference and answer.trigger in (trigger, journey.began, ANYTHING)


def call_back(request: SurveyRequest, now: datetime, changes: ChangeSet) -> None:
    """Cancel what has not left of a question that is answered; where it has left, its link goes on taking an answer."""
    changes.cancel("request", request.id, Reason.ANSWERED, MailClass.SURVEY)
    changes.change(replace(request, reason=Reason.ANSWERED, changed_at=now))
    withdraw(request, Reason.ANSWERED, now, changes)
