"""Handing over: who carries a mail or a webhook to the other side, as one port for the lanes."""

from typing import Protocol

from workers.domain.delivery_result import SendKind, SendResult
from workers.store.delivery.claim import WEBHOOK
from workers.usecases.delivery.outgoing import OutgoingMessage


class MailSender(Protocol):
    """Hands one mail over; `server` names where to, for the state that is kept of it: empty where nothing is away."""

    @property
    def server(self) -> str:
        """Return the server's name; it holds no secret."""

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""


class HookSender(Protocol):
    """Hands one webhook over; `target` names where it goes, for the state that is kept of each receiver."""

    @property
    def target(self) -> str:
        """Return the receiver's name; it holds no secret."""

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""


class Carriers:
    """Hands parcels over, each by its kind."""

    def __init__(self, mails: MailSender, hooks: HookSender | None) -> None:
        self._mails = mails
        self._hooks = hooks

    async def hand_over(self, parcel: OutgoingMessage) -> SendResult:
        """Hand one parcel over and return how it ended."""
        if parcel.dispatch.kind != WEBHOOK:
            return await self._mails.send(parcel.sender, parcel.recipient, parcel.raw)
        if self._hooks is None:
            return SendResult(SendKind.NEVER, 0, "no webhook is set up any more")
        return await self._hooks.send(parcel.dispatch.id, parcel.raw)

    async def close(self) -> None:
        """Close what both keep open."""
        await self._mails.close()
        if self._hooks is not None:
            await self._hooks.close()
