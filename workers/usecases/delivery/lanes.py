"""Lanes: dispatches are claimed and written a group at a time, and go out over so many connections at once.

A turn records what ended and marks what leaves next on the lanes that are free again; the next group is claimed and
written while this one is handed over. Whatever fails for one dispatch is that one's own end; when the database is away
what the other side said is kept and tried again, and what was not begun is given back.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch
from workers.errors import NotNow
from workers.usecases.delivery.claiming import Claiming
from workers.usecases.delivery.handing_over import Carriers
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.pace import Pace
from workers.usecases.delivery.preparation import Preparation
from workers.usecases.delivery.recording import End, Recording
from workers.usecases.delivery.turns import Turns

log = logging.getLogger(__name__)
GRACE_SECONDS = 3.0
"""How long what is on its way may still end by itself once a stop was asked for, and then a database may come back."""
LINGER_SECONDS = 0.005
"""How long an end waits for others, so that ends that come together are recorded together."""
AHEAD_SECONDS, GROUP_AT_MOST = 0.2, 100
"""A group is what leaves in so long, at most so many: what is claimed together costs less, and a ticket's mail waits
behind it."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 1.0
"""Between two tries to reach a database that is away; short: who is first after its return records or copies."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a dispatch goes through, and for how long a claim is ours without being renewed."""

    claiming: Claiming
    preparation: Preparation
    turns: Turns
    recording: Recording
    carriers: Carriers
    now: Callable[[], datetime]
    lease_seconds: float


class Lanes:
    """Sees dispatches of one kind to their ends: `group` at a time or more, over `lanes`; or one group alone."""

    def __init__(self, steps: Steps, kind: str, stop: asyncio.Event, *, lanes: int, group: int, pace: Pace) -> None:
        self._steps = steps
        self._kind = kind
        self._stop = stop
        self._lanes = lanes
        self._group = group
        self._pace = pace
        self._queue: list[OutgoingMessage] = []
        self._away: dict[asyncio.Task[SendResult | None], OutgoingMessage] = {}
        self._ours: dict[str, Dispatch] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._claimed_at = -math.inf
        self._size = group
        self._more = True
        self._failed: Exception | None = None
        self.claimed = 0

    def unended(self) -> list[Dispatch]:
        """Return what is still ours: waiting, on its way, or ended and not recorded."""
        return list(self._ours.values())

    async def run(self, *, one_group: bool = False) -> int:
        """See what there is to its end, or give it back; return how many were claimed.

        Raises, after that, what kept it from going on: NotNow when the database was away.
        """
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while not self._stop.is_set():
                await self._fetch(one_group)
                if not self._queue and not self._away and self._fetching is None:
                    break
                if not await self._turn():
                    await self._wait(stopping)
            await self._end_now()
        finally:
            stopping.cancel()
            for task in self._away:
                task.cancel()
        if self._failed is not None:
            raise self._failed
        return self.claimed

    async def _fetch(self, one_group: bool) -> None:
        """Begin to claim and write the next group when half of the last one has left; take over one that is ready."""
        if self._fetching is not None and self._fetching.done():
            task, self._fetching = self._fetching, None
            if (error := task.exception()) is not None:
                if not isinstance(error, Exception):
                    raise error
                await self._give_up(error, [])
        if self._more and self._fetching is None and len(self._queue) <= self._size // 2:
            self._more = not one_group
            self._fetching = asyncio.ensure_future(self._claim_and_prepare())
            if not self._queue and not self._away:
                await asyncio.wait([self._fetching])

    async def _claim_and_prepare(self) -> None:
        self._size = self._next_size()
        claimed = await asyncio.to_thread(self._steps.claiming.lease, self._kind, self._size)
        self.claimed += len(claimed)
        self._ours |= {dispatch.id: dispatch for dispatch in claimed}
        if not claimed or self._steps.claiming.is_probing:
            self._more = False
        if claimed:
            parcels = await self._prepare(claimed)  # first: others take from the queue meanwhile
            self._queue += parcels

    def _next_size(self) -> int:
        """Return how many are claimed next: as many as leave soon, at the pace of the last group."""
        now = asyncio.get_running_loop().time()
        passed, self._claimed_at = now - self._claimed_at, now
        soon = self._size * AHEAD_SECONDS / passed if passed else 0
        return max(self._group, min(int(soon), GROUP_AT_MOST))

    async def _prepare(self, group: Sequence[Dispatch]) -> list[OutgoingMessage]:
        """Have a group written; when it breaks, each by itself."""
        try:
            parcels = await asyncio.to_thread(self._steps.preparation.prepare, group, self._steps.now())
        except NotNow as error:
            await self._give_up(error, group)
            return []
        except Exception as error:
            if len(group) == 1:
                await self._set_aside(group[0], error)
                return []
            apart: list[OutgoingMessage] = []
            for number, dispatch in enumerate(group):
                if self._failed is not None:
                    await self._return(group[number:])
                    break
                apart += await self._prepare([dispatch])
            return apart
        written = {parcel.dispatch.id for parcel in parcels}
        self._forget(dispatch for dispatch in group if dispatch.id not in written)
        return parcels

    async def _turn(self) -> bool:
        """Record what ended and let the next ones leave on the free lanes; False when there is nothing of either."""
        done = [task for task in self._away if task.done()]
        try:
            room = await self._room(self._lanes - len(self._away) + len(done))
        except NotNow as error:
            await self._give_up(error, [])
            room = 0
        if not done and not room:
            return False
        ended = [(self._away[task], end_of(task)) for task in done]
        ends = [(parcel, result) for parcel, result in ended if result is not None]
        unleft = [parcel.dispatch for parcel, result in ended if result is None]
        is_over = bool(unleft) or any(result.everyone for _, result in ends)
        parcels: list[OutgoingMessage] = []
        if not is_over:
            parcels, self._queue = self._queue[:room], self._queue[room:]
            self._pace.use(len(parcels))
        began = asyncio.get_running_loop().time()
        leaving = await self._take_turn(ends, parcels)
        for task in done:
            self._away.pop(task)
        self._forget(parcel.dispatch for parcel, _ in ends)
        gone = {parcel.dispatch.id for parcel in leaving}
        self._forget(parcel.dispatch for parcel in parcels if parcel.dispatch.id not in gone)
        for parcel in leaving:
            self._away[asyncio.ensure_future(self._leave(parcel, began))] = parcel
        if is_over:
            await self._return(unleft)
        return True

    async def _room(self, free: int) -> int:
        """Return how many may begin now, by the lanes and the rate."""
        wanted = min(free, len(self._queue))
        return await self._pace.places(wanted, len(self._queue)) if wanted > 0 else 0

    async def _leave(self, parcel: OutgoingMessage, began: float) -> SendResult | None:
        """Hand one parcel over; None when this process stood still for so long that others may have sent it."""
        if asyncio.get_running_loop().time() - began >= self._steps.lease_seconds:
            return None
        return await self._steps.carriers.hand_over(parcel)

    async def _take_turn(self, ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        """Take a turn; what fails in it is taken apart: first the ends, which are known, then what was to leave."""
        try:
            return await asyncio.to_thread(self._steps.turns.take, ends, parcels)
        except NotNow as error:
            if not ends:
                await self._give_up(error, [parcel.dispatch for parcel in parcels])
                return []
        except Exception as error:
            if not ends and len(parcels) == 1:
                await self._set_aside(parcels[0].dispatch, error)
                return []
            log.exception("a turn failed, taking it apart", extra={"action": "dispatch.split"})
        if ends:
            await self._record_ends(ends)
            return await self._take_turn([], parcels) if parcels else []
        leaving: list[OutgoingMessage] = []
        for number, parcel in enumerate(parcels):
            if self._failed is not None:
                await self._return([unbegun.dispatch for unbegun in parcels[number:]])
                break
            leaving += await self._take_turn([], [parcel])
        return leaving

    async def _set_aside(self, dispatch: Dispatch, error: Exception) -> None:
        log.error("a dispatch broke", exc_info=error, extra={"action": "dispatch.failed", "dispatch": dispatch.id})
        try:
            await asyncio.to_thread(self._steps.preparation.set_aside, dispatch, error, self._steps.now())
        except NotNow as away:
            await self._give_up(away, [dispatch])
        except Exception:  # it comes back when its lease ends
            log.exception("a dispatch cannot be ended", extra={"action": "dispatch.failed", "dispatch": dispatch.id})
        self._forget([dispatch])

    async def _wait(self, stopping: asyncio.Task[Any]) -> None:
        """Wait until something ends or is written, the rate lets the next one leave, or a stop is asked for."""
        waited: list[asyncio.Task[Any]] = [*self._away, stopping]
        if self._fetching is not None:
            waited.append(self._fetching)
        pause = self._pace.pause() if self._queue and len(self._away) < self._lanes else None
        await asyncio.wait(waited, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        ended = sum(task.done() for task in self._away)
        if 0 < ended < len(self._away):
            await asyncio.wait([*self._away], timeout=LINGER_SECONDS)

    async def _record_ends(self, ends: Sequence[End]) -> None:
        try:
            await self._insist(lambda: self._steps.turns.take(ends, []))
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
        for record in (
            lambda: self._steps.turns.take([end], []),
            lambda: self._steps.recording.record_plainly(end, self._steps.now()),
        ):
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

    async def _insist(self, work: Callable[[], object]) -> None:
        """Do some work, again and again while the database is away and the lease lasts; then raise NotNow."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._steps.lease_seconds, FIRST_PAUSE_SECONDS
        hurried = False
        while True:
            try:
                await asyncio.to_thread(work)
                return
            except NotNow:
                if self._stop.is_set() and not hurried:
                    hurried, until = True, min(until, loop.time() + GRACE_SECONDS)
                if loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def _give_up(self, error: Exception, group: Sequence[Dispatch]) -> None:
        """Begin nothing more, because the database is away; what was not begun is given back once it answers."""
        self._failed = error
        await self._return(group)

    async def _return(self, group: Sequence[Dispatch]) -> None:
        """Begin nothing more, and give back what was not begun, as if it had not been claimed."""
        self._more = False
        unbegun, self._queue = [*group, *(parcel.dispatch for parcel in self._queue)], []
        if not unbegun:
            return
        try:
            await self._insist(lambda: self._steps.claiming.give_back(unbegun))
        except NotNow as error:
            self._failed = error  # its lease ends by itself
        except Exception:
            log.exception("what was not begun cannot be given back", extra={"action": "dispatch.failed"})
        self._forget(unbegun)

    async def _end_now(self) -> None:
        """Obey a stop: nothing more begins, and what is on its way has a few seconds to end by itself."""
        self._more = False
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
            self._fetching = None
        await self._return([])
        if self._away:
            _, slow = await asyncio.wait([*self._away], timeout=GRACE_SECONDS)
            for task in slow:
                task.cancel()
            if slow:
                await asyncio.wait(slow)
            await self._turn()

    def _forget(self, ended: Iterable[Dispatch]) -> None:
        for dispatch in ended:
            self._ours.pop(dispatch.id, None)


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
