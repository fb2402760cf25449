"""The three questions that explain answers: what of this customer, what of this answer, what of this event.

The shape is fixed for scripts: every entry has id, at, state and reason, and the page shows the same.
"""

from collections.abc import Sequence
from datetime import datetime

from workers.domain.attributes import values_of
from workers.domain.customer.profile import PROOFS, proof_of
from workers.domain.explain.events import did, event_entry, history_entry, letter_entry
from workers.domain.explain.followup import (
    action_entry,
    decision_entry,
    mail_entry,
    response_entry,
    testimonial_entry,
    ticket_entry,
)
from workers.domain.explain.next_ask import next_ask, rests_until
from workers.domain.explain.story import Story
from workers.domain.explain.survey import request_entry, stop_entry, touchpoint_entry
from workers.domain.explain.texts import dialogue_entry, reply_entry, text_entry
from workers.domain.explain.view import Entry, View, iso
from workers.domain.policy import Policy
from workers.domain.records import Customer, DeadLetter
from workers.domain.types import CustomerId


def explain_customer(view: View) -> Entry:
    """Return everything that happened to a customer, is planned, or was not sent and why, in the view's language."""
    story = view.story
    return {
        **heading(view),
        "events": [event_entry(event, view) for event in story.events]
        + [letter_entry(letter, view) for letter in story.dead_letters],
        "stops": [stop_entry(stop, view) for stop in story.stops],
        "touchpoints": [touchpoint_entry(touchpoint, view) for touchpoint in story.touchpoints],
        "survey_requests": [request_entry(request, view) for request in story.requests],
        "responses": [response_entry(response, view) for response in story.responses],
        "decisions": [decision_entry(decision, view) for decision in story.decisions],
        "actions": [action_entry(action, view) for action in story.actions],
        "tickets": [ticket_entry(ticket, view) for ticket in story.tickets],
        "mails": [mail_entry(dispatch, view) for dispatch in story.dispatches],
        "sms": [dialogue_entry(dialogue, view) for dialogue in story.dialogues]
        + [text_entry(message, view) for message in story.texts]
        + [reply_entry(reply, view) for reply in story.text_replies],
        "testimonials": [testimonial_entry(testimonial, view) for testimonial in story.testimonials],
        "history": [history_entry(line, view) for line in story.history],
        "next_ask": next_ask(view),
    }


def heading(view: View) -> Entry:
    """Return who the customer is, as of now; nothing personal once they were erased."""
    return {"customer": customer_entry(view), "as_of": iso(view.now), "zone": view.policy.zone}


def customer_entry(view: View) -> Entry:
    """Return the customer's profile and state; of an erased one the day and nothing else."""
    customer = view.story.customer
    if customer.erased_at:
        reason = view.words.say("customer.erased", day=view.words.day(customer.erased_at))
        return {"id": "erased", "at": iso(customer.erased_at), "state": "erased", "reason": reason}
    state, reason = "active", view.words.say("customer.known", day=view.words.day(customer.created_at))
    if customer.opted_out_at:
        state, reason = "opted_out", view.words.say("customer.opted-out", day=view.words.day(customer.opted_out_at))
    if view.story.asked_as in view.story.merged_from:
        one_person = view.words.say("customer.merged", former=view.story.asked_as, id=customer.crm_id)
        reason = f"{one_person} {reason}"
    return {
        "id": customer.crm_id,
        "merged_from": list(view.story.merged_from),
        "at": iso(customer.created_at),
        "state": state,
        "reason": reason,
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "language": customer.language,
        "time_zone": customer.time_zone,
        "segment": customer.segment,
        "attributes": values_of(customer, view.policy.attributes, view.now),
        "owner": customer.owner,
        "may_promote": customer.may_promote,
        "country": customer.country,
        **{name: proof(customer, name) for name in PROOFS},
        "rest_until": iso(rests_until(view)),
    }


def proof(customer: Customer, name: str) -> Entry | None:
    """Return what was told of a right: whether it holds, since when, and by whom it was told; None: nothing."""
    value = getattr(customer, name)
    if value is None:
        return None
    told = customer.changed_at
    return {"value": value, "at": told.get(name), "from": told.get(proof_of(name), "")}


def explain_response(view: View, response: str) -> Entry | None:
    """Return one answer, its question, the rule that fired and all that followed; None when it is not in the story."""
    story = view.story
    answer = next((row for row in story.responses if row.id == response), None)
    if answer is None:
        return None
    actions = [action for action in story.actions if action.response == response]
    wanted = {action.ticket for action in actions} | {
        ticket.id for ticket in story.tickets if ticket.response == response
    }
    ids = {response, *(action.id for action in actions)}
    requests = [row for row in story.requests if row.id == answer.request]
    asked = {(request.journey, request.step) for request in requests}
    return {
        **heading(view),
        "response": response_entry(answer, view),
        "touchpoints": [
            touchpoint_entry(touchpoint, view) for touchpoint in story.touchpoints if touchpoint.key() in asked
        ],
        "survey_requests": [request_entry(request, view) for request in requests],
        "decisions": [decision_entry(decision, view) for decision in story.decisions if decision.response == response],
        "actions": [action_entry(action, view) for action in actions],
        "tickets": [ticket_entry(ticket, view) for ticket in story.tickets if ticket.id in wanted],
        "mails": [
            mail_entry(dispatch, view)
            for dispatch in story.dispatches
            if dispatch.response == response or (answer.request and dispatch.request == answer.request)
        ],
        "testimonials": [
            testimonial_entry(testimonial, view)
            for testimonial in story.testimonials
            if testimonial.response == response
        ],
        "history": [history_entry(row, view) for row in story.history if row.subject_id in ids],
    }


def explain_event(view: View, source: str, event: str, letters: Sequence[DeadLetter] = ()) -> Entry | None:
    """Return one accepted event and all that came of it; None when the story does not know it.

    `letters` are dead letters of the same id, such as a second event that reused it.
    """
    story = view.story
    name = f"{source}/{event}"
    accepted = [row for row in story.events if (row.source, row.event_id) == (source, event)]
    if not accepted and not did(source, event, view):
        return None
    journeys = {journey.id for journey in story.journeys if journey.event == name}
    answers = {
        response.id for response in story.responses if (response.source, response.external_id) == (source, event)
    }
    return {
        **heading(view),
        "event": event_entry(accepted[0], view) if accepted else forgotten(source, event, view),
        "stops": [stop_entry(stop, view) for stop in story.stops if stop.event == name],
        "touchpoints": [
            touchpoint_entry(touchpoint, view) for touchpoint in story.touchpoints if touchpoint.journey in journeys
        ],
        "survey_requests": [request_entry(request, view) for request in story.requests if request.journey in journeys],
        "responses": [response_entry(response, view) for response in story.responses if response.id in answers],
        "decisions": [decision_entry(decision, view) for decision in story.decisions if decision.response in answers],
        "actions": [action_entry(action, view) for action in story.actions if action.response in answers],
        "dead_letters": [letter_entry(letter, view) for letter in letters],
    }


def forgotten(source: str, event: str, view: View) -> Entry:
    """Return an event that the inbox no longer remembers, by what it left behind."""
    reason = view.words.say("event.forgotten", what=view.words.together(did(source, event, view)))
    return {"id": event, "at": None, "state": "accepted", "reason": reason, "source": source}


def explain_unowned(
    events: Sequence[tuple[str, str]], letters: Sequence[DeadLetter], now: datetime, policy: Policy
) -> Entry | None:
    """Return an event that belongs to no customer: a wave, or one that was never accepted; None when there is none.

    `events` are (source, id) of accepted ones.
    """
    # Without a customer there is no zone that would count: the brand's does.
    view = View(Story(customer=Customer(CustomerId(""), None, now)), now, policy)
    reason = view.words.say("event.of-nobody")
    accepted: list[Entry] = [
        {"id": event, "at": None, "state": "accepted", "reason": reason, "source": source} for source, event in events
    ]
    refused = [letter_entry(letter, view) for letter in letters]
    if not accepted and not refused:
        return None
    return {
        "customer": None,
        "as_of": iso(now),
        "zone": policy.zone,
        "event": (accepted or refused[-1:])[0],
        "dead_letters": refused,
    }
