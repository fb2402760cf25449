"""Our own messages as CloudEvents JSON: ids and facts, no personal data but what a customer consented to publish.

The same values give the same bytes (sorted keys), so that a message published twice is one event to its readers.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar

import orjson

SOURCE = "boucle"


CHANGES_OF_A_TICKET = frozenset({"opened", "claimed", "waiting", "done", "reopened"})
"""What is published of a ticket; its other turns stay here."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """The envelope of one message: its id, which derives from what it tells, the customer ("" once erased), when."""

    event_id: str
    crm_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What all messages have in common: the fields are the data, `TYPE` is the event's; see `schemas/out/`."""

    TYPE: ClassVar[str]
    LEFT_OUT_IF_NONE: ClassVar[frozenset[str]] = frozenset()

    def to_bytes(self, occasion: Occasion) -> bytes:
        """Return the CloudEvent; raises ValueError for an instant without a zone, a mistake of the caller."""
        envelope: dict[str, object] = {
            "specversion": "1.0",
            "id": occasion.event_id,
            "source": SOURCE,
            "type": self.type_,
            "time": _text(occasion.at),
            "datacontenttype": "application/json",
            "data": self._data(),
        }
        if occasion.crm_id:
            envelope["subject"] = occasion.crm_id
        return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)

    @property
    def type_(self) -> str:
        """The CloudEvents type."""
        return self.TYPE

    def _data(self) -> dict[str, object]:
        values = ((name, getattr(self, name)) for name in _names_of(type(self)))
        return {
            name: _text(value) if isinstance(value, datetime) else value
            for name, value in values
            if value is not None or name not in self.LEFT_OUT_IF_NONE
        }


_NAMES: dict[type[OutboundMessage], tuple[str, ...]] = {}


def _names_of(kind: type[OutboundMessage]) -> tuple[str, ...]:
    """Return the names of a message's fields, in their order; looked at once for each kind."""
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(kind))
    return names


@lru_cache(1_024)  # of a round all messages tell of few instants
def _text(at: datetime) -> str:
    """Return the instant in UTC as RFC 3339; a naive time is a mistake of the caller."""
    if at.tzinfo is None:
        raise ValueError("an instant must have a time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRequestCreated(OutboundMessage):
    """A survey request exists, for boucle.survey-requests; label and link for a carrier only."""

    TYPE: ClassVar[str] = "boucle.survey-request.created.v1"
    LEFT_OUT_IF_NONE: ClassVar[frozenset[str]] = frozenset({"label", "link", "question"})

    request: str
    channel: str
    trigger: str
    touchpoint: str
    reference: str
    label: str | None
    language: str
    link: str | None
    closes_at: datetime
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDecided(OutboundMessage):
    """What is said of every answer that was decided on, for boucle.responses; the comment itself stays here."""

    response: str
    request: str | None
    score: int
    trigger: str
    touchpoint: str
    reference: str
    has_comment: bool
    wants_contact: bool
    revision: int
    drivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseReceived(AnswerDecided):
    """An answer to an NPS question was decided on."""

    TYPE: ClassVar[str] = "boucle.response.received.v1"

    band: str
    previous_band: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingReceived(AnswerDecided):
    """An answer to a CSAT or CES question was decided on.

    A type of its own: who counts the scores of `boucle.response.received.v1` never counts one of these.
    """

    TYPE: ClassVar[str] = "boucle.rating.received.v1"

    question: str
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChanged(OutboundMessage):
    """A ticket was opened, claimed, set to waiting, done or reopened, for boucle.tickets.

    Raises ValueError for another change: that is a fault of ours.
    """

    LEFT_OUT_IF_NONE: ClassVar[frozenset[str]] = frozenset({"question"})

    change: str
    ticket: str
    number: int
    score: int
    trigger: str
    reference: str
    due_at: datetime
    play: str
    state: str
    owner: str
    question: str | None = None

    def __post_init__(self) -> None:
        """See that the change is one that is published."""
        if self.change not in CHANGES_OF_A_TICKET:
            raise ValueError(f"{self.change!r} is no change of a ticket that is published")

    @property
    def type_(self) -> str:
        """The CloudEvents type, which names the change."""
        return f"boucle.ticket.{self.change}.v1"

    def _data(self) -> dict[str, object]:
        data = OutboundMessage._data(self)
        del data["change"]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class TestimonialConsented(OutboundMessage):
    """A testimonial may be published, for boucle.testimonials."""

    TYPE: ClassVar[str] = "boucle.testimonial.consented.v1"

    testimonial: str
    wording: str
    shown_name: str
    place: str
    scope: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestimonialWithdrawn(OutboundMessage):
    """A testimonial must be taken down, for boucle.testimonials."""

    TYPE: ClassVar[str] = "boucle.testimonial.withdrawn.v1"

    testimonial: str
