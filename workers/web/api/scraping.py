"""Scraping: what /metrics gives must be cheap, however often it is asked and whatever is away.

The broker is asked in a thread of its own, and nobody waits for it longer than a monitor does. Counts over whole tables
are kept for a multiple of the time that counting took, so that they never cost more than a small share of the database.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Generic, TypeVar

from workers.errors import BoucleError
from workers.usecases.operation.backlog import Backlog, Place

Counted = TypeVar("Counted")
log = logging.getLogger(__name__)
WAIT_SECONDS = 1.5
FRESH_SECONDS = 10.0
KEPT_TIMES = 20
"""Counts are kept for so many times as long as counting took: at most a twentieth of the time goes into it."""
QUICK_SECONDS = 0.25
"""What takes less is counted at each scrape: whoever looks right after an act sees it."""


class Lag:
    """What waits in the broker, looked at when somebody asks and at most every few seconds."""

    def __init__(self, look: Backlog | None, *, wait: float = WAIT_SECONDS, fresh: float = FRESH_SECONDS) -> None:
        self._look = look
        self._wait = wait
        self._fresh = fresh
        self._asked_at = 0.0
        self._answer: Future[Mapping[Place, int]] | None = None

    async def current(self) -> Mapping[Place, int]:
        """Return the records that wait in each partition; nothing without a broker, or while it does not answer."""
        if self._look is None:
            return {}
        answer = self._answer
        if answer is None or (answer.done() and time.monotonic() - self._asked_at >= self._fresh):
            answer = self._answer = self._ask(self._look)
        await asyncio.wait([asyncio.wrap_future(answer)], timeout=self._wait)
        return answer.result() if answer.done() else {}

    def _ask(self, look: Backlog) -> Future[Mapping[Place, int]]:
        answer: Future[Mapping[Place, int]] = Future()
        self._asked_at = time.monotonic()

        def work() -> None:
            try:
                answer.set_result(look())
            except BoucleError:  # that the broker is away is told by boucle_part_away_seconds
                answer.set_result({})
            except Exception as error:  # a thread's edge: nobody waits for what it raises
                log.warning("the lag could not be read: %s", type(error).__name__, extra={"action": "metrics.lag"})
                answer.set_result({})

        threading.Thread(target=work, name="lag", daemon=True).start()
        return answer


class Kept(Generic[Counted]):
    """One count that is not made again at once; for the threads of one web role."""

    def __init__(self, times: float = KEPT_TIMES, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._clock = clock
        self._until = 0.0
        self._counted: Counted | None = None
        self._lock = threading.Lock()

    def get(self, count: Callable[[], Counted]) -> Counted:
        """Return what was counted, or count anew when it is too old; what `count` raises passes, and is not kept."""
        with self._lock:
            began = self._clock()
            if self._counted is None or began >= self._until:
                self._counted = count()
                ended = self._clock()
                took = ended - began
                self._until = ended + (self._times * took if took >= QUICK_SECONDS else 0.0)
            return self._counted
