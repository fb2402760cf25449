"""What an event says once it has been read: plain frozen values, or why it was refused.

Nothing here reads bytes, knows a schema or decides what an event leads to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from workers.structs import Struct, field


class Kind(StrEnum):
    """What sort of event it is: which use of it the intake makes."""

    JOURNEY = "journey"
    CONTRARY = "contrary"
    CUSTOMER = "customer"
    SCORE = "score"
    TICKET = "ticket"
    CARRIER = "carrier"


class Refusal(StrEnum):
    """Why an event was refused: the stable code by which dead letters are grouped."""

    NOT_JSON = "not_json"
    NOT_CLOUDEVENT = "not_cloudevent"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_CUSTOMER = "missing_customer"
    BAD_TIME = "bad_time"
    FUTURE = "future"
    BAD_SCORE = "bad_score"
    TOO_LARGE = "too_large"
    WRONG_ENCODING = "wrong_encoding"
    SCHEMA = "schema"
    BAD_ROW = "bad_row"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    UNREADABLE = "unreadable"
    FORBIDDEN = "forbidden"
    SKIPPED = "skipped"
    UNKNOWN_MESSAGE = "unknown_message"


class TicketChange(StrEnum):
    """What a helpdesk did to a ticket, in the words of its event's `data.change`."""

    CLAIMED = "claimed"
    NOTE = "note"
    ATTEMPT = "attempt"
    WAITING = "waiting"
    HANDED_OVER = "handed_over"
    DONE = "done"
    REOPENED = "reopened"


class CustomerData(TypedDict, total=False):
    """The fields of a customer that the event brought; None means that the CRM cleared the field."""

    email: str | None
    name: str | None
    phone: str | None
    language: str | None
    time_zone: str | None
    segment: str | None
    owner: str | None
    may_promote: bool | None
    country: str | None
    survey_notice_given: bool | None
    survey_consent: bool | None
    attributes: Mapping[str, str | int | float | bool | None] | None


@dataclass(frozen=True, slots=True)
class ScoreData:
    """A score from another tool or channel; `request` is set when it answers one of our survey requests."""

    score: int
    answered_at: datetime
    asked_at: datetime | None = None
    comment: str = ""
    trigger: str = ""
    request: str = ""
    wants_contact: bool = False
    channel: str = ""
    agent: str = ""
    phone: str = ""
    drivers: tuple[object, ...] | None = None
    """Codes of what the customer named as the reason; None says nothing of them, and what was said before stays."""
    competitor: str | None = None
    question: str = ""
    """What was asked: nps, csat or ces; empty where the event does not say."""


@dataclass(frozen=True, slots=True)
class TicketUpdate:
    """One change of a ticket, told by a helpdesk; `ticket` is our number (as text) or our id."""

    ticket: str
    kind: TicketChange
    at: datetime
    by: str = ""
    text: str = ""
    to: str = ""
    until: datetime | None = None
    root_cause: str = ""
    outcome: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class CarrierReport:
    """What the carrier of another channel says of one survey request: sent, or failed and why."""

    request: str
    sent: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An optional field of an accepted event that was wrong: a JSON pointer, what is wrong, and what was done.

    `done` has no value of the event, so that it may be kept: left out, taken as text, cut to 20,000 characters.
    """

    pointer: str
    detail: str
    done: str


class Event(Struct, frozen=True):
    """One accepted event. Instants are UTC; `digest` is the same for a structured and a binary copy.

    `crm_id` is empty only for ticket updates, carrier reports, scores that name a request, and a wave for everybody.
    """

    source: str
    id: str
    type: str
    kind: Kind
    name: str
    crm_id: str
    time: datetime
    occurred_at: datetime
    digest: str
    customer: CustomerData = field(default_factory=lambda: CustomerData())
    reference: str = ""
    label: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    delivery_expected: bool | None = None
    months: int | None = None
    merged_into: str = ""
    score: ScoreData | None = None
    ticket: TicketUpdate | None = None
    report: CarrierReport | None = None
    partial: bool = False
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: a JSON pointer into the event in structured form, and what to do about it."""

    pointer: str
    detail: str
    reason: Refusal = Refusal.SCHEMA


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot be accepted: the code that counts first, every fault, and who sent what where known."""

    reason: Refusal
    faults: tuple[Fault, ...]
    source: str | None = None
    id: str | None = None
    subject: str | None = None

    @property
    def fault(self) -> str:
        """Return all faults as one text, for a dead letter."""
        return " ".join(f"{each.pointer}: {each.detail}" if each.pointer else each.detail for each in self.faults)


_WEIGHT = {reason: at for at, reason in enumerate(Refusal)}
_FIRST = (
    Refusal.NOT_CLOUDEVENT,
    Refusal.UNKNOWN_TYPE,
    Refusal.MISSING_CUSTOMER,
    Refusal.BAD_SCORE,
    Refusal.BAD_TIME,
    Refusal.FUTURE,
)
_WEIGHT.update({reason: at - len(_FIRST) for at, reason in enumerate(_FIRST)})


def refuse(
    faults: list[Fault], *, source: str | None = None, event_id: str | None = None, subject: str | None = None
) -> Rejected:
    """Make the refusal out of its faults; the gravest one gives the code, so that grouping does not depend on order."""
    reason = min((each.reason for each in faults), key=_WEIGHT.__getitem__, default=Refusal.SCHEMA)
    return Rejected(reason, tuple(faults), source, event_id, subject)
