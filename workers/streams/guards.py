"""What guards a stream beside Faust: holes are closed, topics that change are noticed, a standstill ends the process.

Some consumers stop without a word, or never learn of a partition; so what was taken in is held against the log.
"""

import asyncio
import logging

import faust

from workers.adapters import kafka
from workers.process import stop_signal
from workers.process.rounds import attempt, wait_or_stop
from workers.process.watchdog import EXIT_STALLED
from workers.settings import Settings
from workers.store.engine import Store
from workers.streams.positions import Positions
from workers.usecases.operation.consumer_audit import ConsumerAudit, Hole, Watchdog, lag_of

log = logging.getLogger(__name__)
LOOKS_A_STALL = 4
LOOK_SECONDS = 10.0
"""At least so often are topics looked at: one that is made again is read within half a minute."""
OF_OTHERS = 2
"""How many times longer a partition that we were not given may stand still: another stream may be about to end."""
Place = tuple[str, int]


class StreamGuards:
    """The guards of one stream; `changed` is set when holes may have come about."""

    def __init__(
        self, store: Store, auditing: ConsumerAudit, log_of_topics: kafka.Log, positions: Positions, settings: Settings
    ) -> None:
        self._store = store
        self._auditing = auditing
        self._log = log_of_topics
        self._positions = positions
        self._settings = settings
        self._partitions: dict[str, int] = {}
        self._holes: frozenset[Hole] = frozenset()
        self._ours = Watchdog(settings.stall_seconds)
        self._all = Watchdog(settings.stall_seconds * OF_OTHERS)
        self.changed = asyncio.Event()

    async def audit(self) -> int:
        """Close the holes in what was consumed, and learn of topics that were made again; return how many holes."""
        self._positions.topic_ids = await asyncio.to_thread(self._log.topic_ids)
        return (await asyncio.to_thread(self._auditing.audit)).holes

    async def audit_now_and_then(self) -> None:
        """Audit after every rebalance and change of topics, and regularly."""
        while True:
            await wait_or_stop(self.changed, self._settings.audit_seconds)
            self.changed.clear()
            await attempt(self.audit, "audit")

    async def watch(self, app: faust.App) -> None:
        """End the process when messages wait and nobody takes them."""
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._settings.stall_seconds / LOOKS_A_STALL))
            if self._positions.waiting:
                self._ours.forget()
                self._all.forget()
            await attempt(lambda: self._look(app), "watch")

    async def _look(self, app: faust.App) -> int:
        await self._look_at_topics()
        lag = await asyncio.to_thread(lag_of, self._store, self._log)
        if self.passed_over(lag.holes):
            self.changed.set()
        waiting = lag.waiting
        given = {(place.topic, place.partition) for place in app.consumer.assignment()}
        stalled = self.stalled(waiting, given, asyncio.get_running_loop().time())
        if stalled and not self._positions.waiting:
            log.critical(
                "Messages wait in %s and none was taken for %s s: this process ends, so that it is started again.",
                ", ".join(f"{topic} {partition} from {waiting[topic, partition]}" for topic, partition in stalled),
                self._settings.stall_seconds,
                extra={"action": "stream.stalled"},
            )
            stop_signal.end_process(EXIT_STALLED)  # an orderly end would wait for what hangs
        return len(waiting)

    def stalled(self, waiting: dict[Place, int], given: set[Place], at: float) -> list[Place]:
        """Return the partitions whose messages nobody takes: ours after the time of a stall, any after twice that.

        The group may have left one to nobody; to look at what we were given alone would never show it.
        """
        ours = self._ours.look({place: offset for place, offset in waiting.items() if place in given}, at)
        return ours or self._all.look(waiting, at)

    def passed_over(self, holes: frozenset[Hole]) -> bool:
        """Return whether a hole stands that stood at the last look already: nobody is about to fill it.

        A line that broke may cost a message without a rebalance, which alone would have the log audited at once.
        """
        stands = bool(holes & self._holes)
        self._holes = holes
        return stands

    async def _look_at_topics(self) -> None:
        """Notice topics that were made again and partitions that were added, say so, and have them audited."""
        ids = await asyncio.to_thread(self._log.topic_ids)
        counts = await asyncio.to_thread(self._log.partitions)
        again = sorted(
            topic for topic, topic_id in ids.items() if self._positions.topic_ids.get(topic, topic_id) != topic_id
        )
        more = sorted(topic for topic, n in counts.items() if n > self._partitions.get(topic, n))
        for topic in again:
            log.warning(
                "%s was made again: its positions begin anew, and what was read is not forgotten.",
                topic,
                extra={"action": "stream.topics"},
            )
        for topic in more:
            log.warning(
                "%s has %d partitions now, it had %d: customers' events may change place, so their order may break.",
                topic,
                counts[topic],
                self._partitions[topic],
                extra={"action": "stream.topics"},
            )
        self._partitions = counts
        if again or more or set(ids) != set(self._positions.topic_ids):
            self._positions.topic_ids = ids
            self.changed.set()
