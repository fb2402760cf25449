"""A log in memory under Faust's consumer: what aiokafka's fetcher does for it, without a broker.

Faust's own code and ours run as they are; only the client library is replaced, and behaves like it: what was given is
passed, a seek makes it be given again, a revoked partition gives nothing, offsets may have gaps.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import faust
from faust.types import TP

from workers import settings as settings_module
from workers.streams import make_app
from workers.streams.fetches import FetchConsumer, Fetched, FetchThread


def record(place: TP, offset: int, value: bytes = b"{}") -> Any:
    """Return a record as aiokafka gives it."""
    return SimpleNamespace(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        value=value,
        headers=(),
        timestamp=0,
        timestamp_type=0,
    )


class LogThread(FetchThread):
    """Stands in for the thread that asks the broker; has the log, how far it was read, and what was committed."""

    def __init__(self, consumer: FetchConsumer) -> None:
        self.consumer = consumer
        self.log: dict[TP, list[Any]] = {}
        self.at: dict[TP, int] = {}
        self.committed: dict[TP, int] = {}
        self.assigned: set[TP] = set()
        self.asked: list[int] = []
        self.before_giving: Callable[[], None] = lambda: None
        self._closed = False
        self._fetcher = self
        self._subscriptions = self

    def append(self, place: TP, offsets: Iterable[int], value: bytes = b"{}") -> None:
        """Publish records at these offsets."""
        self.log.setdefault(place, []).extend(record(place, offset, value) for offset in offsets)

    @contextmanager
    def fetch_context(self) -> Iterator[None]:
        """Be in a fetch."""
        yield

    async def fetched_records(
        self, partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> dict[TP, list[Any]]:
        """Give what is behind the position, partition by partition, and pass it."""
        assert partitions, "to aiokafka no partition means every partition"
        assert max_records
        self.asked.append(max_records)
        fetched: dict[TP, list[Any]] = {}
        for place in sorted(partitions & self.assigned):
            rest = [record for record in self.log.get(place, ()) if record.offset >= self.at.get(place, 0)]
            if given := rest[: max_records - sum(map(len, fetched.values()))]:
                fetched[place] = given
                self.at[place] = given[-1].offset + 1
        self.before_giving()
        return fetched

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:
        """Fetch, as the thread does by its queue."""
        most = self.consumer.app.conf.broker_max_poll_records
        return cast(
            Mapping[TP, list[Any]],
            await self._fetch_records(self, active_partitions or set(), timeout, max_records=most),
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Read every partition again from where it was committed."""
        fetched = {place: self.committed.get(place, 0) for place in self.assigned}
        self.at |= fetched
        return {place: self.committed.get(place, -1) for place in fetched}

    def seek(self, partition: TP, offset: int) -> None:
        """Read a partition from an offset."""
        self.at[partition] = offset

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Keep positions."""
        self.committed |= offsets
        return True

    def assignment(self) -> set[TP]:
        """Return which partitions this member has."""
        return set(self.assigned)

    def highwater(self, tp: TP) -> int:
        """Return the offset behind the last record."""
        return int(self.log[tp][-1].offset) + 1


class Reading:
    """A consumer over a log in memory, and the fetches that it handed on and that were not acknowledged."""

    def __init__(self, home: Path, batch_size: int) -> None:
        self.app: faust.App = make_app(
            settings_module.read(
                {
                    "BOUCLE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
                    "BOUCLE_HOME": str(home),
                    "BOUCLE_BATCH_SIZE": str(batch_size),
                }
            )
        )
        self.consumer = cast(FetchConsumer, self.app.consumer)
        self.consumer._thread.thread_loop.close()
        self.thread = LogThread(self.consumer)
        self.consumer._thread = self.thread
        self.given: list[Fetched] = []

    async def assign(self, *places: TP) -> None:
        """Get partitions, as after a rebalance: Faust lets the flow go on and begins where was committed."""
        self.thread.assigned = set(places)
        self.app.consumer_generation_id += 1
        self.consumer.resume_partitions(places)
        self.app.flow_control.resume()
        self.consumer.resume_flow()
        await self.consumer.perform_seek()

    async def revoke(self) -> None:
        """Lose every partition, as a rebalance begins."""
        await self.consumer.on_partitions_revoked(self.thread.assignment())
        self.thread.assigned = set()

    async def fetch(self) -> list[Fetched]:
        """Let Faust fetch once, and return what it hands on."""
        fetches = []
        async with asyncio.timeout(10):
            async for place, fetched in self.consumer.getmany(timeout=0.01):
                assert fetched.tp == place
                read = self.consumer._read_offset[place]
                assert read is None or fetched.offset >= read, "Faust would drop it"
                self.consumer._read_offset[place] = fetched.offset  # as Faust does once it is handed on
                fetches.append(fetched)
        self.given += fetches
        return fetches

    async def acknowledge(self, *fetches: Fetched) -> dict[TP, int]:
        """Acknowledge fetches as a processor does, let Faust commit, and return what is committed."""
        for fetch in fetches:
            fetch.incref()
            fetch.ack(self.consumer)
        await self.consumer.commit()
        return dict(self.thread.committed)


def offsets_of(fetched: Fetched) -> list[int]:
    """Return the offsets of a fetch's records."""
    return [record.offset for record in fetched.value]
