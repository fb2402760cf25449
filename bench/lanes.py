"""One lane of the comparison, as a process of its own: consumes `--count` events and prints its rate as JSON.

    python -m bench.lanes ours|faust|hand|floor --kafka HOST:PORT --database URL --prefix P --count N

ours: our Faust worker with our agent, to the committed plan. faust: the same worker, whose agent does nothing but
noack_take and acknowledge. hand: bench/by_hand.py. floor: bench/floor.py behind aiokafka's getmany. The time runs from
the first event in hand to the last one done, so starting, joining the group and planning the shutdown are left out.

With `--of N` our lane is one of N streams: it says "ready" when it has its share of the partitions, reads nothing
before a line comes, and works until a second one does.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import psycopg
from faust.transport.drivers.aiokafka import Transport
from kafka import KafkaConsumer

from bench.by_hand import take
from bench.orders import NOW
from workers import app as wiring
from workers import settings as settings_module
from workers.adapters import kafka
from workers.adapters.clock import FixedClock
from workers.adapters.kafka import Topic
from workers.process.startup_heap import freeze_startup_heap
from workers.settings import Settings
from workers.store.ledger import Outcome
from workers.streams import WRITERS, Batching, Positions, make_app
from workers.streams.journey_events import add_journey_events
from workers.usecases.intake import Intake, ReadBatch

FAUST_BUFFER, FAUST_POLLED = 5120, 1023
"""With smaller ones Faust alone is slower, with larger ones it is not faster."""


class Meter:
    """Counts events and remembers when the first came and the last was done."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.count = count
        self.began = self.ended = 0.0
        self.cpu = 0.0
        self.lock = threading.Lock()
        self.from_to = [0.0, 0.0]
        """The same two moments by the clock that all processes share."""

    def came(self) -> None:
        """Note the first event."""
        if not self.began:
            self.began, self.cpu = time.perf_counter(), cpu_seconds()
            self.from_to[0] = time.time()

    def finished(self, count: int) -> None:
        """Note events that are done."""
        with self.lock:
            self.left -= count
            self.from_to[1] = time.time()
            if self.left <= 0 and not self.ended:
                self.ended = time.perf_counter()
                self.cpu = cpu_seconds() - self.cpu

    def result(self) -> dict[str, float]:
        """Return the rate and the processor time of this process for each event."""
        seconds = self.ended - self.began
        return {
            "events": self.count,
            "seconds": round(seconds, 3),
            "per_second": round(self.count / seconds, 1),
            "cpu_us_per_event": round(self.cpu / self.count * 1e6, 1),
        }


def cpu_seconds() -> float:
    """Return the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Measured(Intake):
    """The intake, with a meter on it."""

    meter: Meter
    may_begin: threading.Event

    def read(self, *args: Any, **kwargs: Any) -> ReadBatch:
        """Read a batch, in a thread; the first begins the time."""
        self.may_begin.wait()
        self.meter.came()
        return super().read(*args, **kwargs)

    def take_read(self, *args: Any, **kwargs: Any) -> list[Outcome]:
        """Take a batch in, and count it."""
        outcomes = super().take_read(*args, **kwargs)
        self.meter.finished(len(outcomes))
        return outcomes


async def ours(settings: Settings, names: Sequence[str], meter: Meter, streams: int = 0) -> None:
    """Run our worker with our agent; as one of several streams it begins and ends when it is told to."""
    parts = wiring.start(settings, clock=FixedClock(NOW))
    intake = Measured(parts.store, parts.files.codec, parts.policies.current, parts.now)
    intake.meter, intake.may_begin = meter, threading.Event()
    kafka.read_by_record(settings.max_event_bytes)
    app = make_app(settings)
    positions = Positions("bench", kafka.topic_ids(settings.kafka_bootstrap, names))
    add_journey_events(
        app, settings.topic_prefix, intake, positions, Batching(settings.batch_size, settings.batch_wait, WRITERS)
    )
    if streams:
        await run_with_others(app, streams, intake.may_begin)
    else:
        intake.may_begin.set()
        await run_until_done(app, meter)
    parts.store.close()


async def faust(settings: Settings, names: Sequence[str], meter: Meter) -> None:
    """Run a worker as Faust comes, event by event, with an agent that only acknowledges."""
    app = make_app(settings)
    app.transport = Transport(app.transport.url, app)
    app.conf.stream_buffer_maxsize, app.conf.broker_max_poll_records = FAUST_BUFFER, FAUST_POLLED
    channel = app.topic(*names, key_serializer="raw", value_serializer="raw")

    async def nothing(stream: Any) -> AsyncIterator[None]:
        async for events in stream.noack_take(settings.batch_size, within=settings.batch_wait):
            meter.came()
            for event in events:
                event.ack()
            meter.finished(len(events))
            yield None

    app.agent(channel, concurrency=1, name="nothing")(nothing)
    await run_until_done(app, meter)


async def run_until_done(app: Any, meter: Meter) -> None:
    """Start a Faust app and stop it when every event is done."""
    freeze_startup_heap()
    await app.start()
    while not meter.ended:
        await asyncio.sleep(0.02)
    await app.stop()


async def run_with_others(app: Any, streams: int, may_begin: threading.Event) -> None:
    """Start a Faust app, say so when it has no more than its share, and stop it when the second line has come."""
    freeze_startup_heap()
    await app.start()
    while not 0 < len(app.consumer.assignment()) <= -(-kafka.PARTITIONS // streams):
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    may_begin.set()
    await asyncio.to_thread(sys.stdin.readline)
    await app.stop()


def hand(settings: Settings, names: Sequence[str], meter: Meter) -> None:
    """Run the loop written by hand."""
    consumer = KafkaConsumer(
        *names,
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=f"{settings.topic_prefix}hand",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    with psycopg.connect(settings.database, autocommit=True) as connection:
        while meter.left > 0:
            for records in consumer.poll(timeout_ms=500).values():
                meter.came()
                for record in records:
                    take(connection, record.value, NOW)
                    meter.finished(1)
                    if meter.left <= 0:
                        break
            consumer.commit()
    consumer.close()


async def floor(settings: Settings, names: Sequence[str], meter: Meter) -> None:
    """Run what is the least for the same rows: fetches as aiokafka gives them, written while the next one comes."""
    from aiokafka import AIOKafkaConsumer

    from bench.floor import BATCH, Floor

    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=f"{settings.topic_prefix}floor",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    with psycopg.connect(settings.database, autocommit=True) as connection:
        least = Floor(NOW, plan_in_use(settings))
        writing, positions = asyncio.create_task(asyncio.sleep(0)), {}
        while meter.left > 0:
            fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH)
            bodies = [record.value for records in fetched.values() for record in records]
            if bodies:
                meter.came()
            await writing
            if positions:
                await consumer.commit(positions)
            positions = {place: records[-1].offset + 1 for place, records in fetched.items()}
            if bodies:
                writing = asyncio.create_task(asyncio.to_thread(write_least, least, connection, bodies, meter))
    await consumer.stop()


def write_least(least: Any, connection: psycopg.Connection, bodies: Sequence[bytes], meter: Meter) -> None:
    """Write one batch, in a thread, and count it."""
    least.take(connection, bodies)
    meter.finished(len(bodies))


def plan_in_use(settings: Settings) -> str:
    """Return how ours would name the journey plan in each row."""
    parts = wiring.start(settings, clock=FixedClock(NOW))
    try:
        return parts.policies.current().plan.written_as
    finally:
        parts.store.close()


def main() -> None:
    """Run one lane and print what it measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lane", choices=("ours", "faust", "hand", "floor"))
    for name in ("kafka", "database", "prefix", "home"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--of", type=int, default=0, help="ours: one of so many streams that begin and end together")
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE of a setting")
    arguments = parser.parse_args()
    environment = {
        "BOUCLE_KAFKA_BOOTSTRAP": arguments.kafka,
        "BOUCLE_DATABASE_URL": arguments.database,
        "BOUCLE_TOPIC_PREFIX": arguments.prefix,
        "BOUCLE_HOME": arguments.home,
        "BOUCLE_SECRET": "bench",
        **dict(f"BOUCLE_{one}".split("=", 1) for one in arguments.set),
    }
    settings = settings_module.read(environment)
    names = [f"{settings.topic_prefix}{Topic.EVENTS}"]
    meter = Meter(arguments.count)
    lane: Callable[..., Any] = {"ours": ours, "faust": faust, "hand": hand, "floor": floor}[arguments.lane]
    ran = lane(settings, names, meter, arguments.of) if arguments.of else lane(settings, names, meter)
    if asyncio.iscoroutine(ran):
        asyncio.run(ran)
    json.dump(meter.from_to if arguments.of else meter.result(), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # Faust's threads take seconds to end


if __name__ == "__main__":
    main()
