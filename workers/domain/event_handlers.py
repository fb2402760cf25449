"""Effects: what one accepted event changes for its customer, whatever kind of event it is.

The one place where a kind of event is matched with the step of the core that handles it. Nothing here reads the store.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from workers.cloudevents import Event, Kind
from workers.domain.changeset import ChangeSet
from workers.domain.customer.erasure import erase
from workers.domain.customer.merge import merge_customers
from workers.domain.customer.profile import learn, opt_out
from workers.domain.customer_state import CustomerState
from workers.domain.followup.decision import route, route_again
from workers.domain.policy import Policy
from workers.domain.records import Customer, Response, SurveyRequest
from workers.domain.survey.planning import (
    JourneyEvent,
    follow_answers,
    follow_start,
    has_undone,
    plan,
    references_of,
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
from workers.domain.ticket import TicketAllocator
from workers.domain.ticket.helpdesk import take_update
from workers.domain.types import RequestState, ResponseState
from workers.errors import BadInput


def effects(
    event: Event, facts: CustomerState, into: CustomerState | None, policy: Policy, now: datetime, desk: TicketAllocator
) -> ChangeSet:
    """Return everything that one accepted event changes; `into` has the facts of a customer it merges into.

    Raises BadInput when its data cannot be taken: the event becomes a dead letter.
    """
    changes = ChangeSet()
    if facts.customer.erased_at:
        if event.name == "merged" and into is not None:
            changes.merge(erase(into, policy, now))  # the wish to be forgotten is the person's, under either id
        return changes
    scratch = facts.copy()
    step(scratch, changes, learn(event.customer, event.occurred_at, scratch, policy, now))
    for more in by_kind(event, scratch, into, policy, now, desk):
        step(scratch, changes, more)
    step(scratch, changes, follow_answers(scratch, policy, now))
    return changes


def by_kind(
    event: Event, facts: CustomerState, into: CustomerState | None, policy: Policy, now: datetime, desk: TicketAllocator
) -> Iterable[ChangeSet]:
    """Give the changes of an event, kind by kind."""
    if event.kind == Kind.JOURNEY:
        yield plan(happening_of(event), facts, policy, now)
        yield stop(happening_of(event), facts, policy, now)
        yield follow_start(facts, policy, now)
        yield from anchored(facts, policy, now, desk)
    elif event.kind == Kind.CONTRARY:
        yield stop(happening_of(event), facts, policy, now)
        yield follow_start(facts, policy, now)
    elif event.kind == Kind.CUSTOMER:
        yield from customer_event(event, facts, into, policy, now)
    elif event.kind == Kind.SCORE:
        yield score_changes(event, facts, policy, now)
        yield from route_settled(facts, policy, now, desk)
    elif event.kind == Kind.TICKET and event.ticket:
        yield take_update(event, facts, policy, now)
    elif event.kind == Kind.CARRIER and event.report:
        yield carrier(event, facts, now)


def customer_event(
    event: Event, facts: CustomerState, into: CustomerState | None, policy: Policy, now: datetime
) -> Iterable[ChangeSet]:
    """Give the changes of a customer event other than its fields."""
    if event.name == "opted_out":
        yield opt_out(facts, policy, now, how="crm")
        yield stop(happening_of(event), facts, policy, now)
    elif event.name == "erased":
        yield erase(facts, policy, now)
    elif event.name == "merged" and into is not None:
        yield merge_customers(facts, into, policy, now)
        if into.customer.erased_at:
            yield erase(facts, policy, now)  # the person asked to be forgotten under the other id


def route_settled(facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> Iterable[ChangeSet]:
    """Give the decisions of responses that are settled now: a score from elsewhere has no settling time."""
    for response in list(facts.all(Response)):
        if response.state == ResponseState.SETTLING and response.settles_at <= now:
            yield route(response, facts, policy, now, desk)


def anchored(facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> Iterable[ChangeSet]:
    """Give what a journey says of scores that came before it, and their next decisions where another row answers."""
    found = find_anchors(facts)
    if not found:
        return
    yield found
    for row in found.rows():
        if isinstance(row, Response):
            yield route_again(row, facts, policy, now, desk)


def step(facts: CustomerState, changes: ChangeSet, more: ChangeSet) -> None:
    """Take more changes on top, and let the facts see them."""
    facts.absorb(more)
    changes.merge(more)


def references_wanted(event: Event, customer: Customer, policy: Policy) -> set[str] | None:
    """Return the references of the journeys that a journey event may touch; None when it may touch any of them.

    It may touch any when it changes where or when the customer is reached, or begins or ends a hold.
    """
    if customer.merged_into or any(event.name in rule.events or event.name in rule.until for rule in policy.contrary):
        return None
    if has_undone(customer, policy):
        return None  # where the relationship starts depends on every journey
    if event.customer.get("email", customer.email) != customer.email:
        return None
    if event.customer.get("time_zone", customer.time_zone) != customer.time_zone:
        return None
    return references_of(happening_of(event), customer, policy)


def happening_of(event: Event) -> JourneyEvent:
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


def score_changes(event: Event, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the response that a score event brings; raises BadInput for a request that takes no answer."""
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
    )
    if score.request:
        request = facts.get(SurveyRequest, score.request)
        if request is None:
            raise BadInput(
                f"No survey request {score.request} is known for this customer. "
                "Send the id that stood in boucle.survey-requests."
            )
        known = response_to(request.id, facts)
        if known is not None and changed_answer(known, answer, policy, now) is known:
            return ChangeSet()  # told again after the inbox forgot it, or overtaken by a later answer
        if known is not None and request.state not in ANSWERABLE:
            raise BadInput(f"Survey request {score.request} is {request.state}: its answer no longer changes.")
        return answer_request(request, answer, facts, policy, now)
    return take_score(
        OutsideScore(
            source=event.source,
            external_id=event.id,
            answer=answer,
            trigger=score.trigger,
            asked_at=score.asked_at or score.answered_at,
            reference=event.reference,
            label=event.label,
        ),
        facts,
        policy,
        now,
    )


def carrier(event: Event, facts: CustomerState, now: datetime) -> ChangeSet:
    """Return the request as its carrier reports it: sent, or failed and so undeliverable."""
    changes = ChangeSet()
    request = facts.get(SurveyRequest, event.report.request) if event.report else None
    if event.report is None or request is None:
        raise BadInput("No such survey request is known for this customer.")
    if event.report.sent:
        changes.change(replace(request, sent_at=request.sent_at or event.occurred_at, changed_at=now))
    elif request.state == RequestState.OPEN:
        changes.change(
            replace(
                request,
                state=RequestState.UNDELIVERABLE,
                reason=f"carrier_failed: {event.report.detail}",
                changed_at=now,
            )
        )
    return changes
