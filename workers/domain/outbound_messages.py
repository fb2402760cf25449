"""Messages for other systems, made from rows: which topic, which key, which bytes. Nothing here publishes."""

from datetime import datetime
from typing import Any

from workers import cloudevents
from workers.domain.customer_case import CustomerCase
from workers.domain.policy import Policy
from workers.domain.records import Response, SurveyRequest, Testimonial, Ticket
from workers.domain.records.choices import codes_in
from workers.domain.reporting.scales import scale_of
from workers.domain.types import MAIL, SMS, WEB, Band, TestimonialState

SURVEY_REQUESTS, RESPONSES = "boucle.survey-requests", "boucle.responses"
TICKETS, TESTIMONIALS = "boucle.tickets", "boucle.testimonials"
OWN_CHANNELS = frozenset({MAIL, WEB})
"""Channels that never need a carrier: a mail that we send, a question that the customer sees on a site."""


def is_ours(channel: str, policy: Policy) -> bool:
    """Tell whether we carry a channel ourselves: what comes on it is still warm, and settles before it is routed."""
    return channel in OWN_CHANNELS or (channel == SMS and policy.texts)


def occasion(case: CustomerCase, at: datetime, *names: str) -> cloudevents.Occasion:
    """Return the envelope of a message about the customer; its id derives from the instant and what it tells."""
    return cloudevents.Occasion(case.ids.derive(at, *names), case.crm_id, at)


def publish_request(case: CustomerCase, request: SurveyRequest) -> None:
    """Publish that a question was asked; the signed link and the label only for a carrier, who has to send them."""
    carried = not is_ours(request.channel, case.policy)
    case.publish(
        SURVEY_REQUESTS,
        cloudevents.SurveyRequestCreated(
            request=request.id,
            channel=request.channel,
            trigger=request.trigger,
            touchpoint=request.step,
            reference=request.reference,
            label=request.label if carried else None,
            language=request.language,
            link=case.policy.links.answer_url(request.id) if carried else None,
            closes_at=request.closes_at,
            question=request.question,
        ).to_bytes(occasion(case, request.asked_at, "survey-request.created", request.id)),
    )


def publish_response(case: CustomerCase, response: Response) -> None:
    """Publish score, band and previous band of a settled response, and the codes of what was named as the reason.

    A score of another kind than NPS has no band, and a message of its own.
    """
    if response.question:
        message, name = rating_message(response), "rating.received"
    else:
        message, name = response_message(response), "response.received"
    about = occasion(case, response.answered_at, name, response.id, str(response.n))
    case.publish(RESPONSES, message.to_bytes(about))


def response_message(response: Response) -> cloudevents.OutboundMessage:
    """Return the message of an NPS score, with its bands."""
    return cloudevents.ResponseReceived(
        **said_of_answer(response),
        band=Band(response.band),
        previous_band=Band(response.previous_band) if response.previous_band else None,
    )


def rating_message(response: Response) -> cloudevents.OutboundMessage:
    """Return the message of a CSAT or CES score, with its scale."""
    scale = scale_of(response.question)
    return cloudevents.RatingReceived(
        **said_of_answer(response), question=scale.kind.value, lowest=scale.lowest, highest=scale.highest
    )


def said_of_answer(response: Response) -> dict[str, Any]:
    """Return what both messages about an answer say, as the fields of `cloudevents.outbound.AnswerDecided`."""
    return {
        "response": response.id,
        "request": response.request,
        "score": response.score,
        "trigger": response.trigger,
        "touchpoint": response.touchpoint,
        "reference": response.reference,
        "has_comment": bool(response.comment),
        "wants_contact": response.wants_contact,
        "revision": response.n,
        "drivers": codes_in(response.drivers),
    }


def ticket_message(ticket: Ticket, turn: str, crm_id: str, policy: Policy) -> bytes:
    """Return the message of one turn of a ticket; topic and webhook carry the same bytes."""
    return cloudevents.TicketChanged(
        change=turn,
        ticket=ticket.id,
        number=ticket.number,
        score=ticket.score,
        trigger=ticket.trigger,
        reference=ticket.reference,
        due_at=ticket.due_at,
        play=ticket.play,
        state=ticket.state,
        owner=ticket.owner,
        question=ticket.question,
    ).to_bytes(
        cloudevents.Occasion(
            policy.ids.derive(ticket.changed_at, "ticket", turn, ticket.id, str(ticket.version)),
            crm_id,
            ticket.changed_at,
        )
    )


def publish_ticket(case: CustomerCase, ticket: Ticket, turn: str) -> None:
    """Publish one turn of a ticket that other systems follow; notes and calls stay here."""
    if turn in cloudevents.CHANGES_OF_A_TICKET:
        case.publish(TICKETS, ticket_message(ticket, turn, case.crm_id, case.policy))


def publish_testimonial(case: CustomerCase, testimonial: Testimonial, mark: str) -> None:
    """Publish a consented testimonial, or that a withdrawn one must be taken down.

    `mark` tells two changes of mind within one instant apart.
    """
    said: cloudevents.OutboundMessage = cloudevents.TestimonialWithdrawn(testimonial=testimonial.id)
    if testimonial.state == TestimonialState.CONSENTED:
        said = cloudevents.TestimonialConsented(
            testimonial=testimonial.id,
            wording=testimonial.wording,
            shown_name=testimonial.shown_name,
            place=testimonial.place,
            scope=testimonial.scope,
            language=testimonial.language,
        )
    about = occasion(case, testimonial.changed_at, "testimonial", testimonial.state, testimonial.id, mark)
    case.publish(TESTIMONIALS, said.to_bytes(about))
