"""One valid envelope to one Event: who, what, when, and what a survey or an agent needs to show.

It trusts the schema for types and reads times itself; it returns None where a time or the customer does not hold,
and `faults` then says why.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, cast

from workers.cloudevents import instants
from workers.cloudevents.events import (
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
from workers.cloudevents.locale_names import country_code, language_tag, zone_name
from workers.cloudevents.outbound import SOURCE
from workers.cloudevents.reader import describe
from workers.cloudevents.shapes import Route, node
from workers.text.mail_addresses import one_address
from workers.text.plain_text import name_of_somebody

Data = Mapping[str, object]

# Fields that have a place of their own in Event and are not shown again as details.
_PLACED = frozenset({"reference", "label", "occurred_at"})
_PLACED_OF_SCORES = (
    _PLACED
    | {"answered_at", "asked_at", "comment", "trigger", "request", "channel", "agent", "phone"}
    | {"competitor", "drivers"}
)
_PROFILE = (
    *("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote", "attributes"),
    *("country", "survey_notice_given", "survey_consent"),
)
# Which fields of the data are times, by kind; the first two say when it happened. Only `until` may lie ahead.
_TIMES = {Kind.SCORE: ("occurred_at", "answered_at", "asked_at"), Kind.TICKET: ("occurred_at", "at", "until")}
# A detail is a short text to show beside the label; longer ones are documents and stay out.
_DETAIL_LENGTH = 500
_DETAILS = 40
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NOTHING: dict[str, object] = {}
_NOBODY = CustomerData()
_READ: Mapping[str, Callable[[str], str | None]] = {
    "email": one_address,
    "name": name_of_somebody,
    "language": language_tag,
    "country": country_code,
}
"""What reads a field of the customer that is more than a text; a time zone needs to know the zones as well."""
_EXPECTED = {
    "email": "one mail address, such as marie@example.org",
    "language": "a language tag (BCP 47), such as fr or fr-CA, or its name in English or in the language itself",
    "country": "a country (ISO 3166 alpha-2), such as DE, or its name in English",
    "time_zone": "an IANA time zone, such as Europe/Paris, or the name of one in Windows or Rails",
}


class _BadTime(Exception):  # a local signal: some time does not hold, so the slow path must say which
    """A time in the event does not hold."""


class Arrival(NamedTuple):
    """How an event came: the moment, and what is taken for granted there.

    `zones`: the IANA names known, None to take any. `arrived`: when an event without a time happened, if it may be one.
    """

    now: datetime
    zones: frozenset[str] | None = None
    arrived: datetime | None = None


def build(envelope: Data, route: Route, type_: str, digest: str, arrival: Arrival) -> Event | None:
    """Return the event, or None if one of its times or its customer does not hold."""
    now, zones, arrived = arrival
    data = cast("Data", envelope.get("data", _NOTHING))
    given = cast("Data | None", data.get("customer"))
    subject = cast("str", envelope.get("subject") or "")
    crm_id = subject or cast("str", given["id"] if given else "")
    if crm_id.isspace() or (given is not None and given["id"] != crm_id) or _is_echo(envelope, route.kind):
        return None
    customer, wrong = _customer(given, zones) if given is not None else (_NOBODY, _NOTHING)
    if wrong:
        return None
    try:
        time, occurred, said = _times_and_said(envelope, data, route, instants.latest(now), arrived)
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
        customer,
        _text(data, "reference"),
        _text(data, "label"),
        _details(data, route.kind),
        expected if isinstance(expected := data.get("delivery_expected"), bool) else None,
        int(cast("int", data["months"])) if route.name == "milestone" else None,
        _text(data, "merged_into"),
        said if isinstance(said, ScoreData) else None,
        said if isinstance(said, TicketUpdate) else None,
        _report(data, route.name) if route.kind is Kind.CARRIER else None,
        data.get("partial") is True,
    )


def _times_and_said(
    envelope: Data, data: Data, route: Route, last: datetime, arrived: datetime | None
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
    occurred = occurred or arrived
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


def _customer(given: Data, zones: frozenset[str] | None) -> tuple[CustomerData, Mapping[str, object]]:
    """Return the fields that are present, and those that are no address, language or zone.

    An empty text clears like null; an address is taken out of what stands around it, French (France) is fr-FR, and
    Romance Standard Time is Europe/Paris.
    """
    profile: dict[str, object] = {}
    wrong: dict[str, object] = {}
    for name in _PROFILE:
        if name not in given:
            continue
        value = given[name]
        if type(value) is str and value:
            read = _read(name, value, zones)
            if read is None:
                wrong[name] = value
            value = read
        profile[name] = None if value == "" else value
    return cast("CustomerData", profile), wrong


def _read(name: str, text: str, zones: frozenset[str] | None) -> str | None:
    """Return what a field of the customer says, None where it says nothing that can be used."""
    if name == "time_zone":
        return zone_name(text, zones) if zones is not None else text
    read = _READ.get(name)
    return read(text) if read is not None else text


def _details(data: Data, kind: Kind) -> dict[str, str]:
    """Return the other short texts of the data, such as product, agent, feature, url."""
    if kind is not Kind.JOURNEY and kind is not Kind.SCORE:
        return {}
    placed = _PLACED if kind is Kind.JOURNEY else _PLACED_OF_SCORES
    details = {
        name: value
        for name, value in data.items()
        if type(value) is str and value and name not in placed and len(value) <= _DETAIL_LENGTH and len(name) <= 60
    }
    return details if len(details) <= _DETAILS else dict(list(details.items())[:_DETAILS])


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
        drivers=_drivers(data.get("drivers")),
        competitor=_text(data, "competitor") if data.get("competitor") is not None else None,
        question=_text(data, "question"),
    )


def _drivers(given: object) -> tuple[object, ...] | None:
    """Return the listed codes, whatever stands there; a text is a list with commas, as a column of a file has it."""
    if isinstance(given, str):
        return tuple(code for code in re.split(r"[,;|\s]+", given) if code)
    return tuple(given) if isinstance(given, list) else None


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


def faults(envelope: Data, kind: Kind, now: datetime, *, zones: frozenset[str] | None = None) -> list[Fault]:
    """Say what the schema cannot: times that do not hold, ids of the customer that disagree, our own messages.

    And what of the customer is no mail address, language or time zone.
    """
    data = envelope.get("data")
    data = data if isinstance(data, dict) else _NOTHING
    faults_found = [*_time_faults(envelope, data, kind, now), *_customer_faults(data.get("customer"), zones)]
    subject, customer = envelope.get("subject"), node(data, "customer", "id")
    faults_found += _id_faults(subject, customer)
    if _is_echo(envelope, kind):
        detail = "This is our own message about a ticket. Send what the helpdesk did, under the helpdesk's own source."
        faults_found.append(Fault("/source", detail))
    return faults_found


def _id_faults(subject: object, given: object) -> list[Fault]:
    """Say which of the two places of the customer's id says nobody, and whether they say two customers."""
    faults_of_ids = [
        Fault(at, f"Found {describe(value)}. Expected the CRM's customer id, as text. It must not be empty.")
        for at, value in (("/subject", subject), ("/data/customer/id", given))
        if isinstance(value, str) and value.isspace() and not _CONTROLS.search(value)  # of these the schema speaks
    ]
    if not (isinstance(subject, str) and isinstance(given, str) and subject.strip() and given.strip()):
        return faults_of_ids
    if subject.strip() != given.strip():
        detail = f"Found {describe(given)}, but `subject` is {describe(subject)}. Send the same customer id in both."
        faults_of_ids.append(Fault("/data/customer/id", detail))
    elif subject != given:
        detail = f"Found {describe(subject)}, but `data.customer.id` is {describe(given)}. Send the same in both."
        faults_of_ids.append(Fault("/subject", detail))
    return faults_of_ids


def _customer_faults(customer: object, zones: frozenset[str] | None) -> list[Fault]:
    _, wrong = _customer(customer, zones) if isinstance(customer, dict) else (_NOBODY, _NOTHING)
    return [
        Fault(f"/data/customer/{name}", f"Found {describe(value)}. Expected {_EXPECTED[name]}.")
        for name, value in wrong.items()
    ]


def dates(envelope: Data, now: datetime) -> list[Fault]:
    """Say what is wrong with the times that any event may have, also one of a type that nobody knows."""
    data = envelope.get("data")
    return _each_time([("/time", envelope.get("time")), ("/data/occurred_at", node(data, "occurred_at"))], now)


def _time_faults(envelope: Data, data: Data, kind: Kind, now: datetime) -> list[Fault]:
    names = _TIMES.get(kind, ("occurred_at",))
    named = [("/time", envelope.get("time"))] + [(f"/data/{name}", data.get(name)) for name in names]
    faults_of_times = _each_time(named, now)
    if all(value is None for _, value in named[:3]):
        detail = "The event has no time. Add `time` or `data.occurred_at`: when it happened, RFC 3339 with offset."
        faults_of_times.append(Fault("/time", detail, Refusal.BAD_TIME))
    return faults_of_times


def _each_time(named: list[tuple[str, object]], now: datetime) -> list[Fault]:
    wrong = (
        instants.fault(value, pointer, now, may_be_future=pointer == "/data/until")
        for pointer, value in named
        if value is not None
    )
    return [fault for fault in wrong if fault is not None]


def _is_echo(envelope: Data, kind: Kind) -> bool:
    """Return whether it is our own message: a topic wired back to itself must not run in circles."""
    return kind is Kind.TICKET and envelope.get("source") == SOURCE
