"""Our own messages as CloudEvents JSON: ids and facts, no personal data but what a customer consented to publish.

The same values give the same bytes (sorted keys), so that a message published twice is one event to its readers.
"""

from datetime import UTC, datetime

import orjson

SOURCE = "boucle"


def _message(type_: str, event_id: str, crm_id: str, at: datetime, data: dict[str, object]) -> bytes:
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": type_,
        "time": _text(at),
        "datacontenttype": "application/json",
        "data": data,
    }
    if crm_id:  # an erased customer has none
        envelope["subject"] = crm_id
    return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)


def _text(at: datetime) -> str:
    """Return the instant in UTC as RFC 3339; a naive time is a mistake of the caller."""
    if at.tzinfo is None:
        raise ValueError("an instant must have a time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def request_created(
    event_id: str,
    crm_id: str,
    at: datetime,
    *,
    request: str,
    channel: str,
    trigger: str,
    touchpoint: str,
    reference: str,
    label: str | None,
    language: str,
    link: str | None,
    closes_at: datetime,
) -> bytes:
    """Return the message that a survey request exists; label and link for a carrier only."""
    data: dict[str, object] = {
        "request": request,
        "channel": channel,
        "trigger": trigger,
        "touchpoint": touchpoint,
        "reference": reference,
        "language": language,
        "closes_at": _text(closes_at),
    }
    data |= {name: text for name, text in (("label", label), ("link", link)) if text is not None}
    return _message("boucle.survey-request.created.v1", event_id, crm_id, at, data)


def response_received(
    event_id: str,
    crm_id: str,
    at: datetime,
    *,
    response: str,
    request: str | None,
    score: int,
    band: str,
    previous_band: str | None,
    trigger: str,
    touchpoint: str,
    reference: str,
    has_comment: bool,
    wants_contact: bool,
    revision: int,
) -> bytes:
    """Return the message that an answer was decided on, for boucle.responses; the comment itself stays here."""
    data: dict[str, object] = {
        "response": response,
        "request": request,
        "score": score,
        "band": band,
        "previous_band": previous_band,
        "trigger": trigger,
        "touchpoint": touchpoint,
        "reference": reference,
        "has_comment": has_comment,
        "wants_contact": wants_contact,
        "revision": revision,
    }
    return _message("boucle.response.received.v1", event_id, crm_id, at, data)


def ticket_changed(
    event_id: str,
    crm_id: str,
    at: datetime,
    *,
    change: str,
    ticket: str,
    number: int,
    score: int,
    trigger: str,
    reference: str,
    due_at: datetime,
    play: str,
    state: str,
    owner: str,
) -> bytes:
    """Return the message that a ticket was opened, claimed, set to waiting, done or reopened, for boucle.tickets.

    Raises ValueError for another change: that is a fault of ours.
    """
    if change not in ("opened", "claimed", "waiting", "done", "reopened"):
        raise ValueError(f"{change!r} is no change of a ticket that is published")
    data: dict[str, object] = {
        "ticket": ticket,
        "number": number,
        "score": score,
        "trigger": trigger,
        "reference": reference,
        "due_at": _text(due_at),
        "play": play,
        "state": state,
        "owner": owner,
    }
    return _message(f"boucle.ticket.{change}.v1", event_id, crm_id, at, data)


def testimonial_consented(
    event_id: str,
    crm_id: str,
    at: datetime,
    *,
    testimonial: str,
    wording: str,
    shown_name: str,
    place: str,
    scope: str,
    language: str,
) -> bytes:
    """Return the message that a testimonial may be published, for boucle.testimonials."""
    data: dict[str, object] = {
        "testimonial": testimonial,
        "wording": wording,
        "shown_name": shown_name,
        "place": place,
        "scope": scope,
        "language": language,
    }
    return _message("boucle.testimonial.consented.v1", event_id, crm_id, at, data)


def testimonial_withdrawn(event_id: str, crm_id: str, at: datetime, *, testimonial: str) -> bytes:
    """Return the message that a testimonial must be taken down, for boucle.testimonials."""
    return _message("boucle.testimonial.withdrawn.v1", event_id, crm_id, at, {"testimonial": testimonial})
