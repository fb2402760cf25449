"""What is said between us and a carrier of SMS: how a handing over ended, what became of it, what came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workers.domain.delivery_result import SendKind
from workers.domain.types import TextState


@dataclass(frozen=True, slots=True)
class TextResult:
    """How one handing over ended: ACCEPTED with the carrier's own id, or what the carrier said."""

    kind: SendKind
    id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class TextReport:
    """What a carrier says became of a message: SENT, DELIVERED or FAILED, and why."""

    id: str
    state: TextState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InboundText:
    """A reply as a carrier tells it: its own id of it, the number in E.164 that it came from, and the words."""

    id: str
    number: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A request of a carrier: `url` as it was called in public, `values` its form or query, `body` as it came."""

    url: str
    headers: Mapping[str, str]
    values: Mapping[str, str]
    body: bytes


class Unproven(Exception):
    """A request that does not come from the carrier, or not in this form."""
