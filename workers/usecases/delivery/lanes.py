"""Lanes: claimed dispatches go out over so many connections at once, each to its own end.

A lane is free again once its end is recorded. Whatever fails for one dispatch is that one's own end; when the database
is away what the other side said is kept and tried again, and what was not begun is given back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch
from workers.errors import NotNow
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.recording import End

log = logging.getLogger(__name__)
GRACE_SECONDS = 3.0
"""How long what is on its way may still end by itself once a stop was asked for, and then a database may come back."""
LINGER_SECONDS = 0.01
"""How long an end waits for others, so that ends that come together are recorded together."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 1.0
"""Between two tries to reach a database that is away; short: who is first after its return records or copies."""


class Sender(Protocol):
    """What lanes need of a sender; each raises NotNow when the database is away."""

    @property
    def lease_seconds(self) -> float:
        """Return for how long a claim is ours without being renewed."""

    async def wait_of_rate(self, count: int, kind: str) -> float:
        """Reserve places in the shared rate, and return in how many seconds they come."""

    async def prepare(self, group: Sequence[Dispatch]) -> list[OutgoingMessage]:
        """Fix the bytes of some dispatches and mark them as leaving."""

    async def set_aside(self, dispatch: Dispatch, error: Exception) -> None:
        """End one dispatch that breaks its own preparation."""

    async def hand_over(self, parcel: OutgoingMessage) -> SendResult:
        """Hand one parcel over."""

    async def record(self, ends: Sequence[End]) -> None:
        """Record how some handings over ended."""

    async def record_plainly(self, end: End) -> None:
        """Record one end without its consequences."""

    async def give_back(self, group: Sequence[Dispatch]) -> None:
        """Give back what nothing of has left."""


class Lanes:
    """Sees claimed dispatches to their ends."""

    def __init__(self, sender: Sender, claimed: Sequence[Dispatch], lanes: int, stop: asyncio.Event) -> None:
        self._sender = sender
        self._lanes = lanes
        self._stop = stop
        self._left = list(claimed)
        self._away: dict[asyncio.Task[SendResult | None], OutgoingMessage] = {}
        self._ours = {one.id: one for one in claimed}
        self._failed: NotNow | None = None
        self._begins_at: float | None = None
        self._reserved = 0

    def unended(self) -> list[Dispatch]:
        """Return what is still ours: waiting, on its way, or ended and not recorded."""
        return list(self._ours.values())

    async def run(self) -> None:
        """See everything to its end, or give it back; raises NotNow, after that, when the database was away."""
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while self._left or self._away:
                if self._stop.is_set():
                    await self._end_now()
                elif not await self._begin():
                    await self._collect(stopping)
        finally:
            stopping.cancel()
            for task in self._away:
                task.cancel()
        if self._failed is not None:
            raise self._failed

    async def _begin(self) -> bool:
        """Let some more leave when a lane is free and the rate allows it; False when there is nothing to begin."""
        free = self._lanes - len(self._away)
        if not self._left or free <= 0:
            return False
        loop = asyncio.get_running_loop()
        try:
            if self._begins_at is None:
                self._reserved = min(free, len(self._left))
                self._begins_at = loop.time() + await self._sender.wait_of_rate(self._reserved, self._left[0].kind)
            if self._begins_at > loop.time():
                return False
            group, self._left = self._left[: self._reserved], self._left[self._reserved :]
            self._begins_at = None
            began = loop.time()
            parcels = await self._prepare(group)
        except NotNow as error:
            await self._give_up(error)
            return True
        leaving = {parcel.dispatch.id for parcel in parcels}
        self._forget(one for one in group if one.id not in leaving)
        for parcel in parcels:
            self._away[asyncio.ensure_future(self._leave(parcel, began))] = parcel
        return True

    async def _leave(self, parcel: OutgoingMessage, began: float) -> SendResult | None:
        """Hand one parcel over; None when this process stood still for so long that others may have sent it."""
        if asyncio.get_running_loop().time() - began >= self._sender.lease_seconds:
            return None
        return await self._sender.hand_over(parcel)

    async def _prepare(self, group: Sequence[Dispatch]) -> list[OutgoingMessage]:
        """Prepare a group; when one breaks it, each by itself."""
        try:
            return await self._sender.prepare(group)
        except NotNow:
            self._left = [*group, *self._left]  # marked or not: nothing of them has left
            raise
        except Exception as error:
            if len(group) == 1:
                await self._set_aside(group[0], error)
                return []
        parcels: list[OutgoingMessage] = []
        for number, one in enumerate(group):
            try:
                parcels += await self._prepare([one])
            except NotNow as error:
                self._left = [*group[number + 1 :], *self._left]
                await self._give_up(error)
                break
        return parcels

    async def _set_aside(self, dispatch: Dispatch, error: Exception) -> None:
        log.error("a dispatch broke", exc_info=error, extra={"action": "dispatch.failed", "dispatch": dispatch.id})
        try:
            await self._sender.set_aside(dispatch, error)
        except NotNow:
            self._left = [dispatch, *self._left]
            raise
        except Exception:  # it comes back when its lease ends
            log.exception("a dispatch cannot be ended", extra={"action": "dispatch.failed", "dispatch": dispatch.id})

    async def _collect(self, stopping: asyncio.Task[Any]) -> None:
        """Wait until something ends, the rate lets the next ones leave, or a stop is asked for; record what ended."""
        loop = asyncio.get_running_loop()
        pause = None if self._begins_at is None or not self._left else max(0.0, self._begins_at - loop.time())
        waited: list[asyncio.Task[Any]] = [*self._away, stopping]
        done, _ = await asyncio.wait(waited, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        if done - {stopping} and len(self._away) > len(done):
            await asyncio.wait([*self._away], timeout=LINGER_SECONDS)
        await self._record([task for task in self._away if task.done()])

    async def _record(self, tasks: Sequence["asyncio.Task[SendResult | None]"]) -> None:
        """Record how some ended; what breaks one of them is its own. What has not left after all is given back."""
        ended = [(self._away[task], end_of(task)) for task in tasks]
        ends = [(parcel, result) for parcel, result in ended if result is not None]
        if ends:
            await self._record_ends(ends)
        for task in tasks:
            self._away.pop(task)
        self._forget(parcel.dispatch for parcel, _ in ends)
        unleft = [parcel.dispatch for parcel, result in ended if result is None]
        self._left = [*unleft, *self._left]
        if unleft or any(result.everyone for _, result in ends):
            await self._return()

    async def _record_ends(self, ends: Sequence[End]) -> None:
        try:
            await self._insist(lambda: self._sender.record(ends))
        except NotNow as error:
            self._failed = error
            log.error(
                "how %s dispatches ended cannot be recorded, they may leave again: %s",
                len(ends),
                error,
                extra={"action": "dispatch.unrecorded"},
            )
        except Exception:
            log.exception("recording failed, taking it one by one", extra={"action": "dispatch.split"})
            for end in ends:
                await self._record_alone(end)

    async def _record_alone(self, end: End) -> None:
        """Record one end by itself; what its consequences break does not hide that it left."""
        for record in (lambda: self._sender.record([end]), lambda: self._sender.record_plainly(end)):
            try:
                await self._insist(record)
            except NotNow as error:
                self._failed = error
                return
            except Exception:
                log.exception(
                    "an end cannot be recorded", extra={"action": "dispatch.failed", "dispatch": end[0].dispatch.id}
                )
            else:
                return

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work, again and again while the database is away and the lease lasts; then raise NotNow."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._sender.lease_seconds, FIRST_PAUSE_SECONDS
        hurried = False
        while True:
            try:
                return await work()
            except NotNow:
                if self._stop.is_set() and not hurried:
                    hurried, until = True, min(until, loop.time() + GRACE_SECONDS)
                if loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def _give_up(self, error: NotNow) -> None:
        """Begin nothing more, because the database is away; what was not begun is given back once it answers."""
        self._failed = error
        await self._return()

    async def _return(self) -> None:
        """Give back what was not begun, as if it had not been claimed."""
        unbegun, self._left, self._begins_at = self._left, [], None
        if not unbegun:
            return
        try:
            await self._insist(lambda: self._sender.give_back(unbegun))
        except NotNow as error:
            self._failed = error  # its lease ends by itself
        except Exception:
            log.exception("what was not begun cannot be given back", extra={"action": "dispatch.failed"})
        self._forget(unbegun)

    async def _end_now(self) -> None:
        """Obey a stop: nothing more begins, and what is on its way has a few seconds to end by itself."""
        await self._return()
        if self._away:
            _, slow = await asyncio.wait([*self._away], timeout=GRACE_SECONDS)
            for task in slow:
                task.cancel()
            if slow:
                await asyncio.wait(slow)
            await self._record(list(self._away))

    def _forget(self, ended: Iterable[Dispatch]) -> None:
        for one in ended:
            self._ours.pop(one.id, None)


def end_of(task: "asyncio.Task[SendResult | None]") -> SendResult | None:
    """Return how a handing over ended, also one that was broken off, or whose port broke its promise not to raise."""
    if task.cancelled():
        return SendResult(SendKind.UNKNOWN, 0, "this sender was stopped while it was leaving")
    error = task.exception()
    if error is None:
        return task.result()
    if not isinstance(error, Exception):
        raise error
    log.error("handing over failed in a new way", exc_info=error, extra={"action": "dispatch.failed"})
    return SendResult(SendKind.UNKNOWN, 0, f"handing it over failed here: {type(error).__name__}")
