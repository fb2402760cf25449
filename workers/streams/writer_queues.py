"""Writer queues: which of a topic's fetches may be written at the same time; those of one partition never are.

Nothing here writes or reads: fetches go in, each writer gets its own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable

from faust.types import TP, EventT


class WriterQueues:
    """Deals a topic's fetches out to writers.

    A partition stays with its writer while anything of it is underway; one of which nothing is goes to the writer that
    has least to do.
    """

    def __init__(self, count: int) -> None:
        self._waiting: list[asyncio.Queue[EventT | None]] = [asyncio.Queue() for _ in range(count)]
        self._records = [0] * count
        self._writer_of: dict[TP, int] = {}
        self._underway: Counter[TP] = Counter()

    def put(self, fetch: EventT) -> None:
        """Give a fetch to its writer, behind what was given to it before."""
        place = fetch.message.tp
        writer = self._writer_of.setdefault(place, self._records.index(min(self._records)))
        self._underway[place] += 1
        self._records[writer] += len(fetch.value)
        self._waiting[writer].put_nowait(fetch)

    async def of(self, writer: int) -> AsyncIterator[EventT]:
        """Give the fetches of one writer as they come, until no more will."""
        while (fetch := await self._waiting[writer].get()) is not None:
            yield fetch

    def end(self) -> None:
        """Tell each writer that no more will come."""
        for waiting in self._waiting:
            waiting.put_nowait(None)

    def done(self, fetches: Iterable[EventT]) -> None:
        """Count fetches no longer: they were taken in, or let go."""
        for fetch in fetches:
            place = fetch.message.tp
            self._records[self._writer_of[place]] -= len(fetch.value)
            self._underway[place] -= 1
            if not self._underway[place]:
                del self._underway[place], self._writer_of[place]
