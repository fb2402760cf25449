"""The sender: lease, prepare, hand over, record, with a lane for each open connection.

`sending` is written just before the bytes leave and for no more than the free lanes, so that a kill costs at most as
many second copies as there are connections, and one slow scanner keeps one lane. Mails and webhooks are claimed apart,
so that neither waits for the other. What the other side said is kept while the lease lasts, whatever the database does.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.compose import Templates
from workers.domain.policy import Policy
from workers.domain.records import Dispatch
from workers.errors import NotNow
from workers.store.apply import next_number
from workers.store.connection import Connection
from workers.store.delivery import claim, mail_servers
from workers.store.delivery.claim import MAIL, WEBHOOK
from workers.store.delivery.webhook_targets import state_of
from workers.store.engine import Store, database_now
from workers.usecases.delivery import mail_server, webhook_retries
from workers.usecases.delivery.lanes import Lanes
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.preparation import Preparation
from workers.usecases.delivery.recording import End, Recording
from workers.usecases.delivery.send_controls import Sending, mails_sent_today, sending_now

log = logging.getLogger(__name__)
CLAIM_AT_MOST = 500
CLAIMED_PER_LANE = 8
"""More would only wait here, and a ticket's mail behind it."""
CLAIMS = "claim"
"""The counter that makes claims wait for each other where a day has a maximum."""


class MailSender(Protocol):
    """Hands one mail over; `server` names where to, for the state that is kept of it: empty where nothing is away."""

    @property
    def server(self) -> str:
        """Return the server's name; it holds no secret."""

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


class HookSender(Protocol):
    """Hands one webhook over; `target` names where it goes, for the state that is kept of each receiver."""

    @property
    def target(self) -> str:
        """Return the receiver's name; it holds no secret."""

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


class Delivery:
    """Hands over what is ready; any number may run side by side."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        templates: Templates,
        sending: Sending,
        mails: MailSender,
        hooks: HookSender | None,
        *,
        connections: int = 4,
        lease_seconds: float = 60.0,
        crm_url: str = "",
    ) -> None:
        target = hooks.target if hooks else ""
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending
        self._mails = mails
        self._hooks = hooks
        self._connections = connections
        self._lease = lease_seconds
        self._probes_until: datetime | None = None
        self._preparation = Preparation(store, policy, templates, sending, hook_target=target, crm_url=crm_url)
        self._recording = Recording(store, policy, sending, server=mails.server, hook_target=target)

    async def send_all(self, stop: asyncio.Event | None = None) -> int:
        """Hand over everything that is ready and return how many attempts it took."""
        return await self.send_webhooks(stop) + await self.send_mails(stop)

    async def send_mails(self, stop: asyncio.Event | None = None) -> int:
        """Hand over every mail that is ready, until a stop is asked for; return how many were claimed."""
        return await self._send_kind(MAIL, stop)

    async def send_webhooks(self, stop: asyncio.Event | None = None) -> int:
        """Hand over every webhook that is ready, until a stop is asked for; return how many were claimed."""
        return await self._send_kind(WEBHOOK, stop)

    async def send_some(self, limit: int = CLAIM_AT_MOST) -> int:
        """Claim some webhooks and mails and hand them over; return how many were claimed."""
        stop = asyncio.Event()
        return await self._round(WEBHOOK, limit, stop) + await self._round(MAIL, limit, stop)

    async def _send_kind(self, kind: str, stop: asyncio.Event | None) -> int:
        total, stop = 0, stop or asyncio.Event()
        while not stop.is_set() and (count := await self._round(kind, CLAIM_AT_MOST, stop)):
            total += count
        return total

    async def _round(self, kind: str, limit: int, stop: asyncio.Event) -> int:
        """Claim some of a kind and see each of them to its end, or given back; return how many were claimed."""
        claimed = await asyncio.to_thread(self._claim, kind, min(limit, CLAIMED_PER_LANE * self._connections))
        lanes = Lanes(self, claimed, self._connections, stop)
        keeping = asyncio.ensure_future(self._keep(lanes))
        try:
            await lanes.run()
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            if kind == MAIL and self._probes_until is not None:
                with suppress(NotNow):  # then nobody asks for PROBE_TAKES
                    await asyncio.to_thread(self._store.write, self._end_probe)
                self._probes_until = None
        return len(claimed)

    async def _keep(self, lanes: Lanes) -> None:
        """Prolong the leases of what has not ended at a third of their time, however slow the server is."""
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await asyncio.to_thread(self._renew, lanes.unended())
            except NotNow:  # the database may be back before the lease ends
                continue
            except Exception:  # nor may another fault end this: the mails that are on their way would leave again
                log.exception("leases cannot be prolonged", extra={"action": "dispatch.unrenewed"})

    def _claim(self, kind: str, limit: int) -> list[Dispatch]:
        now = self._now()

        with self._store.reading() as connection:
            if not claim.anything(connection, kind, now):
                return []

        def work(connection: Connection) -> list[Dispatch]:
            ended = claim.take_back(connection, kind, now)
            if ended:
                log.error(
                    "%s dispatches end as unknown: they may have arrived", ended, extra={"action": "dispatch.unknown"}
                )
            ready = self._webhooks_ready(connection, now) if kind == WEBHOOK else self._mails_ready(connection, now)
            return claim.lease(connection, ready, now, self._lease, limit)

        claimed = self._store.write(work)
        if kind == MAIL and not claimed:
            self._give_up(now)
        return claimed

    def _webhooks_ready(self, connection: Connection, now: datetime) -> claim.Ready:
        room = webhook_retries.may_leave(state_of(connection, self._hooks.target), now) if self._hooks else None
        return claim.Ready(False, 0, webhooks=room)

    def _mails_ready(self, connection: Connection, now: datetime) -> claim.Ready:
        state, left = sending_now(connection, self._sending), None
        if self._sending.per_day:
            next_number(connection, CLAIMS)  # two claims at once would each take what is left of the day
            left = max(0, self._sending.per_day - mails_sent_today(connection, now, self._policy().zone))
        room = self._room(connection) if state.on else 0
        return claim.Ready(room != 0, left, state.paused, webhooks=0, probe=room == 1)

    def _room(self, connection: Connection) -> int | None:
        """Return how many mails the server may be offered: all, none, or the one with which this sender probes it."""
        if not self._mails.server:
            return None
        server = mail_servers.state_of(connection, self._mails.server)
        room = mail_server.may_leave(server, database_now(connection))
        if room == 1:
            server = mail_servers.state_of(connection, self._mails.server, lock=True)
            room = mail_server.may_leave(server, database_now(connection))
            if room == 1:
                asking = mail_server.probing(server, database_now(connection))
                mail_servers.keep_state(connection, asking)
                self._probes_until = asking.probe_at
        return room

    def _end_probe(self, connection: Connection) -> None:
        """Let anybody ask the server again at once when the probe of this sender was none: nothing of it left.

        A probe that ended has set the next one's time itself, and is left alone.
        """
        server = mail_servers.state_of(connection, self._mails.server, lock=True)
        if server.failures and server.probe_at == self._probes_until:
            mail_servers.keep_state(connection, replace(server, probe_at=database_now(connection)))

    def _give_up(self, now: datetime) -> None:
        """End mails that have waited for their server for longer than mails of their class are kept."""
        if not self._mails.server:
            return
        with self._store.reading() as connection:
            server = mail_servers.state_of(connection, self._mails.server)
            if sending_now(connection, self._sending).clock_leapt:
                return
        if server.failures and self._recording.give_up_on_server(server, now):
            log.error("mails were given up: %s", server.sentence, extra={"action": "mailserver.gave_up"})

    def _renew(self, ours: Sequence[Dispatch]) -> None:
        self._store.write(lambda connection: claim.renew(connection, ours, self._lease))

    # What the lanes call

    @property
    def lease_seconds(self) -> float:
        """Return for how long a claim is ours without being renewed."""
        return self._lease

    async def wait_of_rate(self, count: int, kind: str) -> float:
        """Reserve places in the shared rate of mails, and return in how many seconds they come."""
        if kind == WEBHOOK or not self._sending.per_second:
            return 0.0
        rate = self._sending.per_second

        def work(connection: Connection) -> float:
            return claim.next_slot(connection, "mails", count, rate)

        return await asyncio.to_thread(self._store.write, work)

    async def prepare(self, group: Sequence[Dispatch]) -> list[OutgoingMessage]:
        """Fix the bytes of some dispatches and mark them as leaving."""
        return await asyncio.to_thread(self._preparation.prepare, group, self._now(), self._lease)

    async def set_aside(self, dispatch: Dispatch, error: Exception) -> None:
        """End one dispatch that breaks its own preparation."""
        await asyncio.to_thread(self._preparation.set_aside, dispatch, error, self._now())

    async def hand_over(self, parcel: OutgoingMessage) -> SendResult:
        """Hand one parcel over."""
        if parcel.dispatch.kind == WEBHOOK:
            if self._hooks is None:
                return SendResult(SendKind.NEVER, 0, "no webhook is set up any more")
            return await self._hooks.send(parcel.dispatch.id, parcel.raw)
        return await self._mails.send(parcel.sender, parcel.recipient, parcel.raw)

    async def record(self, ends: Sequence[End]) -> None:
        """Record how some handings over ended."""
        await asyncio.to_thread(self._recording.record, ends, self._now())

    async def record_plainly(self, end: End) -> None:
        """Record one end without its consequences."""
        await asyncio.to_thread(self._recording.record_plainly, end, self._now())

    async def give_back(self, group: Sequence[Dispatch]) -> None:
        """Give back what nothing of has left."""

        def work(connection: Connection) -> None:
            for one in sorted(group, key=lambda row: row.id):
                claim.give_back(connection, one)

        await asyncio.to_thread(self._store.write, work)
