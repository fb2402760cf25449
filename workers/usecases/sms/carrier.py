"""The port to whoever carries SMS: hands one over, and reads what it reports and what customers reply."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told


class TextCarrier(Protocol):
    """Sends SMS. `name` stands in messages, in the address that the carrier calls, and in the log."""

    @property
    def name(self) -> str:
        """Return the carrier's name; it holds no secret."""

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Hand one text to a number in E.164; never raises."""

    def read(self, told: Told, now: datetime) -> Sequence[TextReport | InboundText]:
        """Return what a request says, nothing where it says nothing to us; raises Unproven."""

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""
