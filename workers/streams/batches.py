"""Batches: what all processors of topics do. Raw bytes in, a batch to the intake, acknowledged only after the commit.

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
from workers.usecases.intake import Intake

log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
"""How long a batch waits for the database before it is tried again."""
LONGEST_RETRY_SECONDS = 60.0
"""The pauses of a batch that breaks something double up to this; a standstill ends the process (guards.py)."""
RAW = {"key_serializer": "raw", "value_serializer": "raw"}


@dataclass(frozen=True, slots=True)
class Batching:
    """How events become batches: at most so many, after at most so many seconds."""

    size: int
    seconds: float


async def process_batches(
    stream: Any, intake: Intake, positions: Positions, batching: Batching
) -> AsyncIterator[Sequence[EventT]]:
    """Take a topic's events in, batch by batch, each acknowledged after its commit.

    One batch is written while Faust collects the next; never two of a topic at a time.
    """
    writing: asyncio.Task[None] | None = None
    async for events in stream.noack_take(batching.size, within=batching.seconds):
        if writing is not None:
            await writing
        writing = asyncio.ensure_future(take_and_acknowledge(list(events), intake, positions))
        yield events


async def take_and_acknowledge(events: Sequence[EventT], intake: Intake, positions: Positions) -> None:
    """Take one batch in and acknowledge it; what the intake itself cannot handle is told and tried again."""
    pause = RETRY_SECONDS
    while True:
        try:
            await take_batch(events, intake, positions)
        except Exception:  # the processor's edge
            places = ", ".join(places_of(event.message for event in events))
            log.exception("the batch could not be taken in: %s", places, extra={"action": "stream.failed"})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRY_SECONDS)
        else:
            break
    for event in events:
        event.ack()


def places_of(messages: Iterable[Any]) -> list[str]:
    """Return where messages stand, as `boucle stream skip` wants it, from the first to the last of each partition."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for one in messages:
        offsets.setdefault((one.topic, one.partition), []).append(one.offset)
    return [
        f"{topic} {partition} {min(found)} to {max(found)}" for (topic, partition), found in sorted(offsets.items())
    ]


async def take_batch(events: Sequence[EventT], intake: Intake, positions: Positions) -> None:
    """Hand one batch to the intake in a thread; while the database is away the batch is kept and tried again."""
    batch = [incoming(event) for event in events]
    consumed = positions.of(batch)
    topics = {one.topic for one in batch if one.topic is not None}
    try:
        while True:
            try:
                await asyncio.to_thread(intake.take, batch, Ingress.KAFKA, consumed)
            except NotNow as error:
                positions.waiting |= topics
                log.debug("%s", error, extra={"action": "stream.wait"})  # told once, by the store (process/outages.py)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return
    finally:
        positions.waiting -= topics


def incoming(event: EventT) -> Incoming:
    """Return one Kafka record as it came."""
    message = event.message
    headers = message.headers
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or ())
    return Incoming(
        body=as_bytes(message.value),
        headers=[(name, as_bytes(value)) for name, value in pairs],
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
    )
