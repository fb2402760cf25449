"""One valid envelope to one Event: who, what, when, and what a survey or an agent needs to show.

It trusts the schema for types and reads times itself; it returns None where a time or the customer does not hold,
and `faults` then says why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from workers.envelope import instants
from workers.envelope.emitting import SOURCE
from workers.envelope.events import (
    CarrierReport,
    CustomerData,
    Event,
    Fault,
    Kind,
    Refusal,
    ScoreData,
    TicketChange,
    TicketUpdate,
)
from workers.envelope.reading import describe
from workers.envelope.shapes import Route, node

Data = Mapping[str, object]

# Fields that have a place of their own in Event and are not shown again as details.
_PLACED = frozenset({"reference", "label", "occurred_at"})
_PLACED_OF_SCORES = _PLACED | {"answered_at", "asked_at", "comment", "trigger", "request", "channel", "agent", "phone"}
_PROFILE = ("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote")
# Which fields of the data are times, by kind; the first two say when it happened. Only `until` may lie ahead.
_TIMES = {Kind.SCORE: ("occurred_at", "answered_at", "asked_at"), Kind.TICKET: ("occurred_at", "at", "until")}
# A detail is a short text to show beside the label; longer ones are documents and stay out.
_DETAIL_LENGTH = 500
_DETAILS = 40
_NOTHING: dict[str, object] = {}


class _BadTime(Exception):  # a local signal: some time does not hold, so the slow path must say which
    """A time in the event does not hold."""


def build(envelope: Data, route: Route, type_: str, digest: str, now: datetime) -> Event | None:
    """Return the event, or None if one of its times or its customer does not hold."""
    data = cast("Data", envelope.get("data", _NOTHING))
    given = cast("Data | None", data.get("customer"))
    subject = cast("str", envelope.get("subject") or "")
    crm_id = subject or cast("str", given["id"] if given else "")
    if (given is not None and given["id"] != crm_id) or _is_echo(envelope, route.kind):
        return None
    try:
        time, occurred, said = _times_and_said(envelope, data, route, instants.latest(now))
    except _BadTime:
        return None
    return Event(
        cast("str", envelope["source"]),
        cast("str", envelope["id"]),
        type_,
        route.kind,
        route.name,
        crm_id,
        time,
        occurred,
        digest,
        _customer(given) if given is not None else CustomerData(),
        _text(data, "reference"),
        _text(data, "label"),
        _details(data, route.kind),
        expected if isinstance(expected := data.get("delivery_expected"), bool) else None,
        int(cast("int", data["months"])) if route.name == "milestone" else None,
        _text(data, "merged_into"),
        said if isinstance(said, ScoreData) else None,
        said if isinstance(said, TicketUpdate) else None,
        _report(data, route.name) if route.kind is Kind.CARRIER else None,
    )


def _times_and_said(
    envelope: Data, data: Data, route: Route, last: datetime
) -> tuple[datetime, datetime, ScoreData | TicketUpdate | None]:
    """Return when it was published, when it happened, and what a score or a ticket update says; else _BadTime."""
    time = _instant(envelope.get("time"), last)
    occurred = _instant(data.get("occurred_at"), last) or time
    said: ScoreData | TicketUpdate | None = None
    if route.kind is Kind.SCORE:
        said = _score(data, occurred, last)
        occurred = said.answered_at
    elif route.kind is Kind.TICKET:
        said = _ticket(data, route.name, occurred, last)
        occurred = said.at
    if occurred is None:
        raise _BadTime
    return time or occurred, occurred, said


def _instant(value: object, last: datetime) -> datetime | None:
    """Return the instant, None if there is none; raise _BadTime if it does not hold."""
    if value is None:
        return None
    at = instants.parse(value)
    if at is None or at < instants.EARLIEST or at > last:
        raise _BadTime
    return at


def _customer(given: Data) -> CustomerData:
    """Return the fields that are present; an empty text clears like null, and fr_FR is fr-FR."""
    found = {name: given[name] if given[name] != "" else None for name in _PROFILE if name in given}
    language = found.get("language")
    if language is not None:
        found["language"] = str(language).replace("_", "-")
    return cast("CustomerData", found)


def _details(data: Data, kind: Kind) -> dict[str, str]:
    """Return the other short texts of the data, such as product, agent, feature, url."""
    if kind is not Kind.JOURNEY and kind is not Kind.SCORE:
        return {}
    placed = _PLACED if kind is Kind.JOURNEY else _PLACED_OF_SCORES
    found = {
        name: value
        for name, value in data.items()
        if type(value) is str and value and name not in placed and len(value) <= _DETAIL_LENGTH and len(name) <= 60
    }
    return found if len(found) <= _DETAILS else dict(list(found.items())[:_DETAILS])


def _score(data: Data, default: datetime | None, last: datetime) -> ScoreData:
    answered = _instant(data.get("answered_at"), last) or default
    if answered is None:
        raise _BadTime
    return ScoreData(
        score=int(cast("int", data["score"])),  # JSON 9.0 is the number 9, and some serialisers write it so
        answered_at=answered,
        asked_at=_instant(data.get("asked_at"), last),
        comment=_text(data, "comment"),
        trigger=_text(data, "trigger"),
        request=_text(data, "request"),
        wants_contact=bool(data.get("wants_contact")),
        channel=_text(data, "channel"),
        agent=_text(data, "agent"),
        phone=_text(data, "phone"),
    )


def _ticket(data: Data, name: str, default: datetime | None, last: datetime) -> TicketUpdate:
    at = _instant(data.get("at"), last) or default
    until = data.get("until")
    if at is None or (until is not None and instants.parse(until) is None):
        raise _BadTime
    return TicketUpdate(
        ticket=_number_or_id(data["ticket"]),
        kind=TicketChange(name),
        at=at,
        by=_text(data, "by"),
        text=_text(data, "text"),
        to=_text(data, "to"),
        until=instants.parse(until),
        root_cause=_text(data, "root_cause"),
        outcome=_text(data, "outcome"),
        sentence=_text(data, "sentence"),
    )


def _number_or_id(value: object) -> str:
    return value if isinstance(value, str) else str(int(cast("int", value)))


def _report(data: Data, name: str) -> CarrierReport:
    return CarrierReport(_text(data, "request"), name == "sent", _text(data, "detail"))


def _text(data: Data, name: str) -> str:
    """Return a text, or none where a type does not know the field and somebody put something else there."""
    value = data.get(name)
    return value if type(value) is str else ""


def faults(envelope: Data, kind: Kind, now: datetime) -> list[Fault]:
    """Say what the schema cannot: times that do not hold, ids of the customer that disagree, our own messages."""
    data = envelope.get("data")
    data = data if isinstance(data, dict) else _NOTHING
    found = _time_faults(envelope, data, kind, now)
    subject, customer = envelope.get("subject"), node(data, "customer", "id")
    if isinstance(subject, str) and isinstance(customer, str) and subject and customer and subject != customer:
        detail = f"Found {describe(customer)}, but `subject` is {describe(subject)}. Send the same customer id in both."
        found.append(Fault("/data/customer/id", detail))
    if _is_echo(envelope, kind):
        detail = "This is our own message about a ticket. Send what the helpdesk did, under the helpdesk's own source."
        found.append(Fault("/source", detail))
    return found


def _time_faults(envelope: Data, data: Data, kind: Kind, now: datetime) -> list[Fault]:
    names = _TIMES.get(kind, ("occurred_at",))
    named = [("/time", envelope.get("time"))] + [(f"/data/{name}", data.get(name)) for name in names]
    found = []
    for pointer, value in named:
        if value is not None:
            wrong = instants.fault(value, pointer, now, may_be_future=pointer == "/data/until")
            if wrong is not None:
                found.append(wrong)
    if all(value is None for _, value in named[:3]):
        detail = "The event has no time. Add `time` or `data.occurred_at`: when it happened, RFC 3339 with offset."
        found.append(Fault("/time", detail, Refusal.BAD_TIME))
    return found


def _is_echo(envelope: Data, kind: Kind) -> bool:
    """Return whether it is our own message: a topic wired back to itself must not run in circles."""
    return kind is Kind.TICKET and envelope.get("source") == SOURCE
