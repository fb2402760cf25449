"""Records of any shape on a real broker: the stream role takes or keeps every one, and no partition stands still."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer
from peakmemory import peak_of
from story import START
from worlds import Apart

from workers.adapters import kafka
from workers.adapters.kafka import Topic, options
from workers.domain.records import DeadLetter, Inbox
from workers.store import read

sys.path.append(str(Path(__file__).parents[1] / "fuzz"))
from campaign import SEED, SHARE
from event_inputs import SUBJECTS, make_message

RECORDS = 100_000
PARTITIONS = 12
LARGEST = 20_000_000
MOST_UNPACKED = 1_000_000
"""A broker takes no larger record where nothing packs it; a client none over LARGEST in any case."""
SECONDS_A_RECORD = 0.05
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
KEYS = (b"", b"\x00", b"\xff\xfe", b"k" * 10_000)
STAMPS = (None, 0, 1, 1_000_000_000_000, 1_772_000_000_000)
"""Milliseconds: none, long ago, not so long ago; a broker refuses what lies ahead by itself."""


class Named(str):
    """The name of a header, of which the client encodes other bytes than UTF-8 would."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@pytest.fixture
def stream_settings() -> dict[str, str]:
    """Give a stream that is busy for long."""
    return {"session_seconds": "10", "audit_seconds": "5"}


def records(draw: Random, count: int) -> list[dict[str, Any]]:
    """Return records of every kind, as both client libraries take them."""
    drawn = []
    for _ in range(count):
        message = make_message(draw)
        drawn.append(
            {
                "value": None if draw.random() < 0.01 else message.body,
                "key": draw.choice((*KEYS, *(subject.encode() for subject in SUBJECTS))),
                "headers": [(name, value or b"") for name, value in message.headers if name.isprintable()],
                "partition": draw.randrange(PARTITIONS),
                "timestamp_ms": draw.choice(STAMPS[:1] * 9 + STAMPS),
            }
        )
    return drawn


def publish(world: Apart, count: int) -> None:
    """Publish values, keys, headers and timestamps of every kind, in batches that are packed in every way."""
    topic, draw = world.prefix + Topic.EVENTS, Random(f"{SEED}/records")
    for codec in CODECS:
        largest = LARGEST * 3 // 4 if codec else MOST_UNPACKED
        made = [record for record in records(draw, count // len(CODECS)) if len(record["value"] or b"") < largest]
        if codec in (None, "gzip"):
            by_kafka_python(world, topic, codec, [with_a_bad_name(draw, made_record) for made_record in made])
        else:
            asyncio.run(by_aiokafka(world, topic, codec, made))
    for partition, end in enumerate(ends_of(world, topic)):
        world.ends[world.ids[topic], partition] = end


def with_a_bad_name(draw: Random, record: dict[str, Any]) -> dict[str, Any]:
    """Return a record, rarely with a header whose name is not UTF-8."""
    return {**record, "headers": [(Named("bad"), b"x")]} if draw.random() < 0.01 else record


def by_kafka_python(world: Apart, topic: str, codec: str | None, made: list[dict[str, Any]]) -> None:
    """Publish with the client that brings gzip alone."""
    producer = KafkaProducer(**options(world.kafka), compression_type=codec, linger_ms=50, max_request_size=LARGEST)
    promises = [producer.send(topic, **record) for record in made]
    producer.flush()
    for promise in promises:
        promise.get(60)
    producer.close()


async def by_aiokafka(world: Apart, topic: str, codec: str, made: list[dict[str, Any]]) -> None:
    """Publish with the client that packs in every way."""
    producer = AIOKafkaProducer(
        bootstrap_servers=world.kafka, compression_type=codec, linger_ms=50, max_request_size=LARGEST
    )
    await producer.start()
    for promise in [await producer.send(topic, **record) for record in made]:
        await promise
    await producer.stop()


def ends_of(world: Apart, topic: str) -> list[int]:
    """Return where the log of each partition ends."""
    ends = kafka.log_ends(world.kafka, [topic])
    return [ends[topic, partition] for partition in range(PARTITIONS)]


def good_behind(world: Apart) -> set[str]:
    """Publish one good event behind everything in each partition, and return their ids."""
    topic, ids = world.prefix + Topic.EVENTS, set()
    producer = KafkaProducer(**options(world.kafka))
    for partition in range(PARTITIONS):
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": f"behind-{partition}",
            "type": "boucle.journey.delivery.v1",
        }
        event |= {"source": "shop", "subject": f"behind{partition}", "time": START.isoformat(), "data": {}}
        ids.add(str(event["id"]))
        producer.send(topic, value=orjson.dumps(event), partition=partition).get(30)
    producer.close()
    for partition, end in enumerate(ends_of(world, topic)):
        world.ends[world.ids[topic], partition] = end
    return ids


@pytest.mark.timeout(14_400)
def test_records_of_any_shape_leave_no_partition_behind(world: Apart) -> None:
    """Every partition is taken to its end by a role that goes on within bounded memory, the good events behind too."""
    world.set_clock(START + timedelta(days=400))
    count = max(400, round(RECORDS * SHARE * SHARE))
    publish(world, count)
    ids = good_behind(world)
    world.start("stream")
    world.wait(world.is_taken, "all records", 120 + count * SECONDS_A_RECORD)
    with world.store.reading() as connection:
        taken = {inbox.event_id for inbox in read.rows(connection, Inbox)}
        letters = read.rows(connection, DeadLetter)
    assert ids <= taken
    assert letters
    assert not [letter.fault for letter in letters if "failed here" in letter.fault]
    held = round(peak_of(world.processes["stream"].pid) or 0)
    assert held < 600, f"the stream held {held} MB"
    print(f"\nrecords: {count:,} with seed {SEED}: {len(taken):,} taken, {len(letters):,} letters; it held {held} MB")
    assert world.stop("stream") == 0
    log = (world.home / "stream.log").read_text(encoding="utf-8")
    assert "intake.split" not in log, "a batch could not be taken as one"
