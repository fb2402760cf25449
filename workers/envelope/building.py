"""One valid envelope to one Event: who, what, when, and what a survey or an agent needs to show.

It trusts the schema for types and reads times itself; it returns None where a time or the customer does not hold,
and `faults` then says why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from workers.envelope import instants
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
_PLACED = frozenset({"reference", "label", "occurred_at", "merged_into"})
_PROFILE = ("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote")
# Times of the data that may not lie in the future, and those that may.
_PAST = ("occurred_at", "answered_at", "asked_at", "at")
_OPEN = ("until",)
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
    try:
        last = instants.latest(now)
        time = _instant(envelope.get("time"), last)
        occurred = _instant(data.get("occurred_at"), last) or time
        kind = route.kind
        score = _score(data, occurred or time, last) if kind is Kind.SCORE else None
        update = _ticket(data, route.name, occurred or time, last) if kind is Kind.TICKET else None
    except _BadTime:
        return None
    if score is not None:
        occurred = score.answered_at
    if update is not None:
        occurred = update.at
    subject = cast("str", envelope.get("subject") or "")
    crm_id = subject or cast("str", given["id"] if given else "")
    if occurred is None or (given is not None and given["id"] != crm_id):
        return None
    return Event(
        cast("str", envelope["source"]),
        cast("str", envelope["id"]),
        type_,
        kind,
        route.name,
        crm_id,
        time or occurred,
        occurred,
        digest,
        _customer(given) if given is not None else CustomerData(),
        cast("str", data.get("reference") or ""),
        cast("str", data.get("label") or ""),
        _details(data) if kind is Kind.JOURNEY or kind is Kind.SCORE else {},
        cast("bool | None", data.get("delivery_expected")),
        int(cast("int", data["months"])) if data.get("months") is not None else None,
        cast("str", data.get("merged_into") or ""),
        score,
        update,
        _report(data, route.name) if kind is Kind.CARRIER else None,
    )


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


def _details(data: Data) -> dict[str, str]:
    """Return the other short texts of the data, such as product, agent, feature, url."""
    found = {
        name: value
        for name, value in data.items()
        if type(value) is str and value and name not in _PLACED and len(value) <= _DETAIL_LENGTH and len(name) <= 60
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
    return cast("str", data.get(name) or "")


def faults(envelope: Data, now: datetime) -> list[Fault]:
    """Say every time that does not hold, and whether subject and customer id disagree."""
    found = []
    data = envelope.get("data")
    data = data if isinstance(data, dict) else _NOTHING
    named = [("time", "/time", envelope)] + [(name, f"/data/{name}", data) for name in (*_PAST, *_OPEN)]
    for name, pointer, values in named:
        if values.get(name) is not None:
            wrong = instants.fault(values[name], pointer, now, may_be_future=name in _OPEN)
            if wrong is not None:
                found.append(wrong)
    if not any(values.get(name) is not None for name, _, values in named if name not in ("asked_at", *_OPEN)):
        detail = "The event has no time. Add `time` or `data.occurred_at`: when it happened, RFC 3339 with offset."
        found.append(Fault("/time", detail, Refusal.BAD_TIME))
    subject, customer = envelope.get("subject"), node(data, "customer", "id")
    if isinstance(subject, str) and isinstance(customer, str) and subject and customer and subject != customer:
        detail = f"Found {describe(customer)}, but `subject` is {describe(subject)}. Send the same customer id in both."
        found.append(Fault("/data/customer/id", detail))
    return found
