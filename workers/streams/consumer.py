"""Stream: the Faust worker. Thin and total: raw bytes in, a batch to the intake, acknowledged only after the commit.

No Faust tables, no Faust web server, no exactly_once, concurrency 1 (pitfalls). What an event means is decided in the
intake; nothing here looks inside.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import faust
from aiokafka.errors import KafkaConnectionError
from faust.types import EventT

from workers.domain.types import Ingress
from workers.errors import NotNow
from workers.settings import Settings
from workers.store.ledger import Incoming, as_bytes
from workers.store.positions import Consumed, merged
from workers.usecases.intake import Intake

log = logging.getLogger(__name__)
GROUP = "boucle"
BUFFER = 1024
"""Events a stream keeps in memory; Faust's own default is four times that."""
RETRY_SECONDS = 2.0
HEARTBEATS_A_SESSION = 6
METADATA_SECONDS = 10
"""How old what a consumer knows of its topics may be; with the libraries' five minutes, partitions that were added and
a topic that was made again stayed unread for as long."""


def group_of(settings: Settings) -> str:
    """Return the name of the consumer group of this installation."""
    return f"{settings.topic_prefix}{GROUP}"


def make_app(settings: Settings, credentials: object = None) -> faust.App:
    """Return a Faust app that only consumes: no tables, no web server, no topics of its own."""
    servers = ";".join(f"kafka://{one.strip()}" for one in settings.kafka_bootstrap.split(","))
    return faust.App(
        group_of(settings),
        broker=servers,
        broker_credentials=credentials,
        store="memory://",
        datadir=str(settings.home / "faust"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=1,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=BUFFER,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_max_poll_records=BUFFER,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / HEARTBEATS_A_SESSION,
        broker_rebalance_timeout=settings.session_seconds,
        stream_wait_empty=False,
        consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
        processing_guarantee="at_least_once",
    )


def add_agent(
    app: faust.App,
    topics: Sequence[str],
    intake: Intake,
    positions: "Positions",
    *,
    batch_size: int,
    batch_wait: float,
) -> None:
    """Register the one agent: a batch of raw events, taken in, then acknowledged event by event.

    One batch is written while Faust collects the next; never two at a time.
    """
    channel = app.topic(*topics, key_serializer="raw", value_serializer="raw")

    async def take(stream: Any) -> AsyncIterator[None]:
        writing: asyncio.Task[None] | None = None
        async for events in stream.noack_take(batch_size, within=batch_wait):
            if writing is not None:
                await writing
            writing = asyncio.ensure_future(take_and_acknowledge(app, list(events), intake, positions))
            yield None

    app.agent(channel, concurrency=1, name="intake")(take)


async def start_app(app: faust.App) -> None:
    """Start the app; raises NotNow when the broker has gone since it was asked for its topics."""
    try:
        await app.start()
    except KafkaConnectionError as error:
        raise NotNow(f"Kafka went away while the stream began: {error}. Start it again.") from error


def freeze_startup_heap() -> None:
    """Leave what a started process holds for good out of garbage collection, and collect less often.

    A batch makes some ten thousand objects that die with it, and each full collection went through templates, tables
    and statements again: a tenth of the intake's time (bench/).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def take_and_acknowledge(
    app: faust.App, events: Sequence[EventT], intake: Intake, positions: "Positions"
) -> None:
    """Take one batch in and acknowledge it; what the intake itself cannot handle ends the app, and so the process."""
    try:
        await take_batch(events, intake, positions)
    except Exception as error:  # the agent's edge: nothing is acknowledged, so nothing is lost
        places = ", ".join(places_of(event.message for event in events))
        log.exception("the batch could not be taken in: %s", places, extra={"action": "stream.failed"})
        await app.crash(error)
        raise
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


async def take_batch(events: Sequence[EventT], intake: Intake, positions: "Positions") -> None:
    """Hand one batch to the intake in a thread; while the database is away the batch is kept and tried again."""
    batch = [incoming(event) for event in events]
    consumed = positions.of(batch)
    while True:
        try:
            await asyncio.to_thread(intake.take, batch, Ingress.KAFKA, consumed)
        except NotNow as error:
            positions.waiting = True
            log.debug("%s", error, extra={"action": "stream.wait"})  # told once, by the store (outages.py)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            positions.waiting = False
            return


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


class Positions:
    """Turns the offsets of a batch into consumed ranges, keyed by cluster and topic id so that a recreated topic
    does not look consumed. `waiting` tells that the database is away, which is no standstill."""

    def __init__(self, cluster: str, topic_ids: Mapping[str, str]) -> None:
        self._cluster = cluster
        self.topic_ids = topic_ids
        self.waiting = False

    def of(self, batch: Sequence[Incoming]) -> list[Consumed]:
        """Return the ranges that a batch covers, one per run of offsets without a hole."""
        places: dict[tuple[str, int], list[int]] = {}
        for one in batch:
            if one.topic is not None and one.partition is not None and one.offset is not None:
                places.setdefault((one.topic, one.partition), []).append(one.offset)
        return [
            Consumed(self._cluster, self.topic_ids.get(topic, topic), partition, first, last)
            for (topic, partition), offsets in sorted(places.items())
            for first, last in merged((offset, offset) for offset in offsets)
        ]
