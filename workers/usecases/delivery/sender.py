"""The sender: what roles run. Lease and write a group, then turn by turn mark, hand over and record, a lane for each
open connection.

`sending` is written just before the bytes leave and for no more than the free lanes, so that a kill costs at most as
many second copies as there are connections, and one slow scanner keeps one lane. Mails and webhooks are claimed apart,
so that neither waits for the other. What the other side said is kept while the lease lasts, whatever the database does.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from workers.domain.mail.compose import Templates
from workers.domain.policy import Policy
from workers.errors import NotNow
from workers.store.delivery.claim import MAIL, WEBHOOK
from workers.store.engine import Store
from workers.usecases.delivery.claiming import Claiming
from workers.usecases.delivery.handing_over import Carriers, HookSender, MailSender
from workers.usecases.delivery.lanes import Lanes, Steps
from workers.usecases.delivery.pace import Pace
from workers.usecases.delivery.preparation import Preparation
from workers.usecases.delivery.recording import Recording
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.delivery.turns import Turns
from workers.usecases.delivery.writing import Writing

log = logging.getLogger(__name__)
GROUP = 50
"""What is leased and written together, or as many as there are lanes; more would only wait here, and a ticket's mail
behind it."""


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
        writing = Writing(policy, templates, sending, hook_target=target, crm_url=crm_url)
        preparation = Preparation(store, policy, sending, writing)
        recording = Recording(store, policy, sending, server=mails.server, hook_target=target)
        self._sending = sending
        self._connections = connections
        self.steps = Steps(
            claiming=Claiming(store, policy, now, sending, recording, lease_seconds),
            preparation=preparation,
            turns=Turns(store, now, preparation, recording, lease_seconds),
            recording=recording,
            carriers=Carriers(mails, hooks),
            now=now,
            lease_seconds=lease_seconds,
        )

    async def send_all(self, stop: asyncio.Event | None = None) -> int:
        """Hand over everything that is ready and return how many attempts it took."""
        return await self.send_webhooks(stop) + await self.send_mails(stop)

    async def send_mails(self, stop: asyncio.Event | None = None) -> int:
        """Hand over every mail that is ready, until a stop is asked for; return how many were claimed."""
        return await self._send_kind(MAIL, stop)

    async def send_webhooks(self, stop: asyncio.Event | None = None) -> int:
        """Hand over every webhook that is ready, until a stop is asked for; return how many were claimed."""
        return await self._send_kind(WEBHOOK, stop)

    async def send_some(self, kinds: Sequence[str] = (WEBHOOK, MAIL)) -> int:
        """Claim a group of each kind and hand it over; return how many were claimed."""
        stop = asyncio.Event()
        return sum([await self._run(kind, stop, one_group=True) for kind in kinds])

    async def close(self) -> None:
        """Close what the carriers keep open; nothing is handed over afterwards."""
        await self.steps.carriers.close()

    async def _send_kind(self, kind: str, stop: asyncio.Event | None) -> int:
        total, stop = 0, stop or asyncio.Event()
        while not stop.is_set() and (count := await self._run(kind, stop)):
            total += count
        return total

    async def _run(self, kind: str, stop: asyncio.Event, *, one_group: bool = False) -> int:
        """Claim dispatches of a kind and see each of them to its end, or given back; return how many were claimed."""
        claiming = self.steps.claiming
        pace = Pace(self._sending.per_second if kind == MAIL else 0, claiming.reserve)
        group = max(GROUP, self._connections)
        lanes = Lanes(self.steps, kind, stop, lanes=self._connections, group=group, pace=pace)
        keeping = asyncio.ensure_future(self._keep(lanes))
        try:
            return await lanes.run(one_group=one_group)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            if kind == MAIL:
                await asyncio.to_thread(claiming.end_probe)

    async def _keep(self, lanes: Lanes) -> None:
        """Prolong the leases of what has not ended at a third of their time, however slow the server is."""
        while True:
            await asyncio.sleep(self.steps.lease_seconds / 3)
            try:
                await asyncio.to_thread(self.steps.claiming.renew, lanes.unended())
            except NotNow:  # the database may be back before the lease ends
                continue
            except Exception:  # nor may another fault end this: the mails that are on their way would leave again
                log.exception("leases cannot be prolonged", extra={"action": "dispatch.unrenewed"})
