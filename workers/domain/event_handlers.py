"""Event handlers: what one accepted event changes for its customer, whatever kind of event it is.

The one place where a kind of event is matched with the step of the core that handles it. Nothing here reads the store.
"""

from workers.cloudevents import Event, Kind
from workers.domain.customer.erasure import erase
from workers.domain.customer.merge import merge_customers
from workers.domain.customer.profile import REASSESSED_FOR, learn, opt_out
from workers.domain.customer_case import CustomerCase
from workers.domain.followup.decision import route, route_again
from workers.domain.policy import Policy
from workers.domain.records import Customer, Response, SurveyRequest
from workers.domain.reporting.scales import check_score, kept_as, kind_of, scale_of
from workers.domain.survey.planning import (
    JourneyEvent,
    follow_answers,
    follow_recurrence,
    follow_start,
    has_undone,
    plan,
    references_of,
    rows_for,
    stop,
)
from workers.domain.survey.response import (
    ANSWERABLE,
    Answer,
    OutsideScore,
    answer_request,
    changed_answer,
    find_anchors,
    response_to,
    take_score,
)
from workers.domain.ticket.helpdesk import take_update
from workers.domain.types import RequestState, ResponseState
from workers.errors import BadInput
from workers.structs import replace


def take_event(case: CustomerCase, event: Event, into: CustomerCase | None = None) -> None:
    """Change everything that one accepted event changes; `into` is the case of a customer it merges into.

    Raises BadInput when its data cannot be taken (the event becomes a dead letter), and Missing: the caller rolls back.
    """
    if case.customer.erased_at:
        if event.name == "merged" and into is not None:
            erase(into)  # the wish to be forgotten is the person's, under either id
        return
    whole = event.kind != Kind.JOURNEY or may_recur(event, case.customer, case.policy)
    learn(case, event.customer, event.occurred_at, event.source)
    if event.kind == Kind.JOURNEY:
        journey_event = journey_event_of(event)
        plan(case, journey_event)
        stop(case, journey_event)
        follow_start(case)
        anchor_scores(case)
    elif event.kind == Kind.CONTRARY:
        stop(case, journey_event_of(event))
        follow_start(case)
    elif event.kind == Kind.CUSTOMER:
        take_customer_event(case, event, into)
    elif event.kind == Kind.SCORE:
        take_score_event(case, event)
        route_settled(case)
    elif event.kind == Kind.TICKET and event.ticket:
        take_update(case, event)
    elif event.kind == Kind.CARRIER and event.report:
        take_carrier_report(case, event)
    follow_answers(case)
    if whole:
        follow_recurrence(case)


def take_customer_event(case: CustomerCase, event: Event, into: CustomerCase | None) -> None:
    """Change what a customer event says other than fields."""
    if event.name == "opted_out":
        opt_out(case, how="crm")
        stop(case, journey_event_of(event))
    elif event.name == "erased":
        erase(case)
    elif event.name == "merged" and into is not None:
        merge_customers(case, into)
        if into.customer.erased_at:
            erase(case)  # the person asked to be forgotten under the other id


def route_settled(case: CustomerCase) -> None:
    """Decide on responses that are settled now: a score from elsewhere has no settling time."""
    for response in case.all(Response):
        if response.state == ResponseState.SETTLING and response.settles_at <= case.now:
            route(case, response)


def anchor_scores(case: CustomerCase) -> None:
    """Take what a journey says of scores that came before it, and their next decisions where another row answers."""
    for response in find_anchors(case):
        route_again(case, response)


def references_wanted(event: Event, customer: Customer, policy: Policy) -> set[str] | None:
    """Return the references of the journeys that a journey event may touch; None when it may touch any of them.

    It may touch any when it changes where or when the customer is reached, or begins or ends a hold.
    """
    if customer.merged_into or event.name in policy.stopping:
        return None
    if has_undone(customer, policy):
        return None  # where the relationship starts depends on every journey
    if any(event.customer.get(name, getattr(customer, name)) != getattr(customer, name) for name in REASSESSED_FOR):
        return None
    return references_of(journey_event_of(event), customer, policy)


def may_recur(event: Event, customer: Customer, policy: Policy) -> bool:
    """Tell whether a journey event may plan or move what comes round: its customer is needed whole, then."""
    if not policy.plan.recurring:
        return False
    if references_wanted(event, customer, policy) is None:
        return True
    return any(step.every is not None for step in rows_for(journey_event_of(event), customer, policy))


def journey_event_of(event: Event) -> JourneyEvent:
    """Return a journey or contrary event as planning sees it."""
    return JourneyEvent(
        name=event.name,
        at=event.occurred_at,
        event=f"{event.source}/{event.id}",
        reference=event.reference,
        label=event.label,
        details=event.details,
        delivery_expected=event.delivery_expected,
        months=event.months,
        partial=event.partial,
    )


def take_score_event(case: CustomerCase, event: Event) -> None:
    """Keep the response that a score event brings; raises BadInput for a request that takes no answer."""
    score = event.score
    if score is None:
        raise BadInput("A score event needs a score.")
    answer = Answer(
        score=score.score,
        comment=score.comment,
        wants_contact=score.wants_contact,
        at=score.answered_at,
        phone=score.phone,
        channel=score.channel or "event",
        agent=score.agent,
        drivers=None if score.drivers is None else tuple(str(code) for code in score.drivers),
        competitor=score.competitor,
    )
    if score.request:
        answer_by_id(case, score.request, answer, score.question)
        return
    outside_score = OutsideScore(
        source=event.source,
        external_id=event.id,
        answer=answer,
        trigger=score.trigger,
        asked_at=score.asked_at or score.answered_at,
        reference=event.reference,
        label=event.label,
        question=kept_as(kind_of(score.question)),
    )
    take_score(case, outside_score)


def answer_by_id(case: CustomerCase, request_id: str, answer: Answer, question: str) -> None:
    """Take an answer to a request that its carrier names; raises BadInput for one that takes none.

    `question` is what it says that it answers, empty where it does not say.
    """
    request = case.get(SurveyRequest, request_id)
    if request is None:
        raise BadInput(
            f"No survey request {request_id} is known for this customer. "
            "Send the id that stood in boucle.survey-requests."
        )
    scale = scale_of(request.question)
    if question and scale_of(question) is not scale:
        raise BadInput(
            f"Survey request {request_id} asks {scale.kind}, and this is an answer to {question}. Send question "
            f"{scale.kind}, or none, with a score from {scale.lowest} to {scale.highest}."
        )
    check_score(request.question, answer.score)
    earlier = response_to(case, request.id)
    if earlier is not None and changed_answer(earlier, answer, case.policy, case.now) is earlier:
        return  # told again after the inbox forgot it, or overtaken by a later answer
    if earlier is not None and request.state not in ANSWERABLE:
        raise BadInput(f"Survey request {request_id} is {request.state}: its answer no longer changes.")
    answer_request(case, request, answer)


def take_carrier_report(case: CustomerCase, event: Event) -> None:
    """Change the request as its carrier reports it: sent, or failed and so undeliverable. Raises BadInput."""
    request = case.get(SurveyRequest, event.report.request) if event.report else None
    if event.report is None or request is None:
        raise BadInput("No such survey request is known for this customer.")
    if event.report.sent:
        case.change(replace(request, sent_at=request.sent_at or event.occurred_at, changed_at=case.now))
    elif request.state == RequestState.OPEN:
        reason = f"carrier_failed: {event.report.detail}"
        case.change(replace(request, state=RequestState.UNDELIVERABLE, reason=reason, changed_at=case.now))
