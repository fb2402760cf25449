"""Batches: what all processors of topics do. Fetches in, batches to the intake, acknowledged only after the commit.

What an event means is decided in the intake; nothing here looks inside. A batch that fails is kept and tried again,
by its own topic alone: nothing is acknowledged, so nothing is lost, and the other topics go on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faust.types import EventT

from workers.domain.types import Ingress
from workers.errors import NotNow
from workers.store.ledger import Incoming, as_bytes
from workers.streams.positions import Positions
from workers.streams.writer_queues import WriterQueues
from workers.usecases.intake import Intake, ReadBatch

log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
"""How long a batch waits for the database before it is tried again."""
LONGEST_RETRY_SECONDS = 60.0
"""The pauses of a batch that breaks something double up to this; a standstill ends the process (guards.py)."""
FINISH_SECONDS = 2.0
"""How long a stop waits for a batch that is being written; longer, and it comes again after the start."""
WRITERS = 2
"""Batches of one topic that are written at a time where the database lets several write: while one waits for it, or for
its disk, another is planned. A third would wait for the interpreter."""
Reading = asyncio.Future[list[ReadBatch]]
"""The fetches of a batch as they are being read, each by itself."""
RAW = {"key_serializer": "raw", "value_serializer": "raw"}


@dataclass(frozen=True, slots=True)
class Batching:
    """How records become batches: at most so many, after at most so many seconds, by so many writers."""

    size: int
    seconds: float
    writers: int = 1


async def process_batches(
    stream: Any, intake: Intake, positions: Positions, batching: Batching
) -> AsyncIterator[EventT]:
    """Take a topic's fetches in, batch by batch, each acknowledged after its commit.

    As many batches are written at a time as there are writers, never two of one partition. A stop waits a little for
    those that are written, so that they are acknowledged too.
    """
    queues = WriterQueues(batching.writers)
    writers = [
        asyncio.ensure_future(write_batches(queues, writer, intake, positions, batching))
        for writer in range(batching.writers)
    ]
    try:
        async for fetch in stream.noack().events():
            queues.put(fetch)
            for broken in (writer for writer in writers if writer.done()):
                broken.result()
            yield fetch
        queues.end()
        await asyncio.gather(*writers)
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.wait(writers)


async def write_batches(
    queues: WriterQueues, writer: int, intake: Intake, positions: Positions, batching: Batching
) -> None:
    """Write a writer's batches, one after the other; one is collected and read while the one before it is written."""
    writing: asyncio.Task[None] | None = None
    try:
        async for fetches in collect_batches(queues.of(writer), batching):
            reading = read_ahead(fetches, intake)
            if writing is not None:
                await asyncio.shield(writing)
            writing = asyncio.ensure_future(take_and_acknowledge(fetches, reading, intake, positions))

            def ended(_: object, batch: Sequence[EventT] = fetches) -> None:
                queues.done(batch)

            writing.add_done_callback(ended)
    finally:
        if writing is not None:
            await asyncio.wait({writing}, timeout=FINISH_SECONDS)
            writing.cancel()


async def collect_batches(fetches: AsyncIterator[EventT], batching: Batching) -> AsyncIterator[Sequence[EventT]]:
    """Put fetches together, as many as come in time, to batches of at most so many records.

    A fetch is never divided: one that has more records than a batch is a batch by itself.
    """
    loop = asyncio.get_running_loop()
    coming = asyncio.ensure_future(anext(fetches, None))
    try:
        while (fetch := await coming) is not None:
            batch, records = [fetch], len(fetch.value)
            coming = asyncio.ensure_future(anext(fetches, None))
            until = loop.time() + batching.seconds
            while records < batching.size:
                await asyncio.wait({coming}, timeout=until - loop.time())
                fetch = coming.result() if coming.done() else None
                if fetch is None or records + len(fetch.value) > batching.size:
                    break
                batch.append(fetch)
                records += len(fetch.value)
                coming = asyncio.ensure_future(anext(fetches, None))
            yield batch
    finally:
        coming.cancel()


def read_ahead(fetches: Sequence[EventT], intake: Intake) -> Reading:
    """Begin to read fetches in a thread, each by itself: some of a batch may be revoked before it is written."""
    return asyncio.ensure_future(asyncio.to_thread(lambda: [intake.read(messages_of(fetch)) for fetch in fetches]))


async def take_and_acknowledge(
    fetches: Sequence[EventT], reading: Reading, intake: Intake, positions: Positions
) -> None:
    """Take one batch in and acknowledge it; what the intake itself cannot handle is told, read and tried again.

    While the database is away the batch is kept. What was revoked meanwhile is let go: another stream has it.
    """
    pause = RETRY_SECONDS
    try:
        while ours := [fetch for fetch in fetches if not fetch.message.void]:
            try:
                read = zip(fetches, await reading, strict=True)
                await take_batch([part for fetch, part in read if fetch in ours], intake, positions)
            except NotNow as error:
                positions.waiting.add(fetches[0])
                log.debug("%s", error, extra={"action": "stream.wait"})  # told once, by the store (process/outages.py)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # the processor's edge
                positions.waiting.discard(fetches[0])
                places = ", ".join(places_of(record for fetch in ours for record in fetch.value))
                log.exception("the batch could not be taken in: %s", places, extra={"action": "stream.failed"})
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)
                reading = read_ahead(fetches, intake)
            else:
                for fetch in ours:
                    fetch.ack()
                return
    finally:
        positions.waiting.discard(fetches[0])


def places_of(records: Iterable[Any]) -> list[str]:
    """Return where records stand, as `boucle stream skip` wants it, from the first to the last of each partition."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for record in records:
        offsets.setdefault((record.topic, record.partition), []).append(record.offset)
    return [
        f"{topic} {partition} {min(partition_offsets)} to {max(partition_offsets)}"
        for (topic, partition), partition_offsets in sorted(offsets.items())
    ]


async def take_batch(parts: Sequence[ReadBatch], intake: Intake, positions: Positions) -> None:
    """Hand one batch to the intake in a thread; raises NotNow while the database is away."""
    batch = ReadBatch.joined(parts)
    await asyncio.to_thread(intake.take_read, batch, Ingress.KAFKA, positions.of(batch.messages))


def messages_of(fetch: EventT) -> Sequence[Incoming]:
    """Return the records of a fetch as they came."""
    return [incoming(record) for record in fetch.value]


def incoming(record: Any) -> Incoming:
    """Turn a record of aiokafka into a message as the intake takes it."""
    return Incoming(
        body=as_bytes(record.value),
        headers=[(name, as_bytes(value)) for name, value in record.headers],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
