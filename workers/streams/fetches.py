"""Fetches: Faust's consumer for Kafka, which hands on all that one fetch gave of a partition as one event.

Faust hands each record on by itself, with four tasks and a turn of the event loop for it: as much time as all planning
(bench/). What of Faust is replaced here, and nothing else: what an event of a stream is, how far ahead of the
processors is read, and which position may be committed. How a topic is paused, what a rebalance does and when is
committed stays Faust's own. tests/streams/test_fetches.py holds what is relied on, so that an upgrade is noticed.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from faust.types.tuples import ConsumerMessage

STEP = 16
"""Records read at once: what they inflate to is known only then, and each may be as large as an event may be."""
FETCH_BYTES = 2_000_000
"""A fetch ends when it has so many bytes of values, or the records that were asked for."""
AHEAD_BYTES = 4_000_000
"""Bytes of values of one topic that are handed on and not acknowledged; no more of it is fetched beyond."""
AHEAD_FETCHES = 6
"""The same for records, in full fetches: of two writers each writes one and collects one, and two wait so that no
writer does."""
LOOK_AGAIN_SECONDS = 0.05
"""While a topic is full, the others are asked for so long, because it may have room again before they have records."""


class Fetched(ConsumerMessage):  # type: ignore[misc]  # Faust is skipped
    """What one fetch gave of one partition, in the order of the log: `value` has aiokafka's records, at least one.

    Its offset is that of the last record. `void` once the partition was revoked or is read anew from another position:
    what was not taken in yet comes again, here or elsewhere, and to acknowledge it does nothing.
    """

    def __init__(self, place: TP, records: Sequence[Any], generation: int) -> None:
        last = records[-1]
        super().__init__(
            place.topic,
            place.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            headers=None,
            key=None,
            value=records,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=bytes_of(records),
            tp=place,
            generation_id=generation,
        )
        self.void = False


def bytes_of(records: Iterable[Any]) -> int:
    """Sum up the sizes of the records' values, without keys and headers."""
    return sum(len(record.value) for record in records if record.value is not None)


class FetchThread(AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is skipped
    """Reads from the broker, no more at once than FETCH_BYTES and a step."""

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> dict[TP, list[Any]]:
        fetched: dict[TP, list[Any]] = defaultdict(list)
        wanted, room = max_records or STEP, FETCH_BYTES
        while wanted > 0 and room > 0:
            patience = 0 if fetched else timeout
            step = await super()._fetch_records(
                consumer, active_partitions, timeout=patience, max_records=min(STEP, wanted)
            )
            if not step:
                break
            for place, records in step.items():
                fetched[place] += records
                wanted -= len(records)
                room -= bytes_of(records)
        return dict(fetched)


class FetchConsumer(Consumer):  # type: ignore[misc]  # Faust is skipped
    """Hands on fetches, each an event; acknowledged in whatever order, a position moves behind those that are done.

    A topic that is not taken in fills its own room and is fetched no further; the others go on.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._ahead_records = AHEAD_FETCHES * self.app.conf.broker_max_poll_records
        self._underway: dict[TP, deque[Fetched]] = defaultdict(deque)
        self._records: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._readings = 0
        self._freed = asyncio.Event()

    def _new_consumer_thread(self) -> FetchThread:
        return FetchThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Fetched]]:
        """Fetch of the topics that have room, and give one Fetched for each partition.

        What was read across a rebalance or a seek may belong before it or behind: reading begins anew at what was
        acknowledged, because a position that moved behind such records would pass over others.
        """
        wanted = active_partitions or set()
        active = {place for place in wanted if self._has_room(place.topic)}
        if not active:  # to the client library no partition means every partition
            await self._wait_for_room(timeout)
            return {}
        readings = self._readings
        patience = timeout if active == wanted else min(timeout, LOOK_AGAIN_SECONDS)
        fetched = await super()._getmany(active, patience)
        if fetched and readings != self._readings:
            await self._read_again()
            return {}
        generation = self.app.consumer_generation_id
        return {place: [Fetched(TP(*place), records, generation)] for place, records in fetched.items()}

    def _to_message(self, tp: TP, record: Fetched) -> Fetched:
        """Remember a fetch as underway, right before Faust hands it on.

        One that begins before what was read is of a log that began anew: it is read like any other.
        """
        place = record.tp
        read = self._read_offset[place]
        if read is not None and record.value[0].offset < read:
            self._read_offset[place] = self._committed_offset[place] = None
        self._underway[place].append(record)
        self._records[place.topic] += len(record.value)
        self._bytes[place.topic] += record.serialized_value_size
        return record

    def _has_room(self, topic: str) -> bool:
        return self._records[topic] < self._ahead_records and self._bytes[topic] < AHEAD_BYTES

    def _ended(self, fetch: Fetched) -> None:
        """Count a fetch no longer: it was acknowledged, or let go."""
        self._records[fetch.topic] -= len(fetch.value)
        self._bytes[fetch.topic] -= fetch.serialized_value_size
        self._freed.set()

    async def _wait_for_room(self, seconds: float) -> None:
        self._freed.clear()
        await self.wait_first(self._freed.wait(), self.suspend_flow.wait(), timeout=seconds)

    def ack(self, message: Fetched) -> bool:
        """Let the position move behind this fetch, once those before it are done; say whether it moved."""
        message.acked = True
        self._unacked_messages.discard(message)
        underway = self._underway[message.tp]
        position = None
        while underway and underway[0].acked:
            done = underway.popleft()
            position = done.offset + 1
            self._n_acked += len(done.value)
            self._ended(done)
        if position is not None:
            self._acked[message.tp] = [position]
        return position is not None

    def _new_offset(self, tp: TP) -> int | None:
        """Return the position behind all that was acknowledged, gaps in the log included."""
        acknowledged: list[int] = self._acked[tp]
        return acknowledged[-1] if acknowledged else None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: a fetch is acknowledged with the gaps in it."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of what is underway of partitions that are another's now."""
        self._begin_anew(revoked)
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Begin every partition at what was acknowledged."""
        self._begin_anew(list(self._underway))
        await super().perform_seek()

    async def seek(self, partition: TP, offset: int) -> None:
        """Begin one partition at an offset."""
        self._begin_anew([partition])
        await super().seek(partition, offset)

    async def _read_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception:  # whatever it is: a rebalance that goes on will seek by itself
            if not self.app.rebalancing:
                raise

    def _begin_anew(self, places: Iterable[TP]) -> None:
        self._readings += 1
        for place in places:
            for fetch in self._underway.pop(place, ()):
                fetch.void = True
                self._ended(fetch)


class FetchTransport(Transport):  # type: ignore[misc]  # Faust is skipped
    """Kafka for Faust, by FetchConsumer."""

    Consumer = FetchConsumer


def hand_on_fetches(app: faust.App) -> None:
    """Let the app's streams get fetches for events; called before its first agent is made."""
    app.transport = FetchTransport(app.transport.url, app)
