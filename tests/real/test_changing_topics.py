"""A topic that changes under a running stream is read within half a minute, and the log says so: real Kafka."""

import time

import pytest
import sqlalchemy as sa
from kafka import KafkaProducer
from parts import poll
from story import START, Message
from worlds import Apart

from workers.adapters import kafka as topics
from workers.adapters.kafka import Topic
from workers.store import tables

WITHIN = 30.0
PARTITIONS = 14


def delivery(number: str) -> bytes:
    """Return an event."""
    return (
        f'{{"specversion": "1.0", "id": "{number}", "source": "shop", "subject": "{number}", '
        f'"type": "boucle.journey.delivery.v1", "time": "{START.isoformat()}", '
        f'"data": {{"reference": "{number}"}}}}'
    ).encode()


@pytest.fixture
def stream_settings() -> dict[str, str]:
    """Give the streams of any installation."""
    return {"session_seconds": "6"}


def test_new_partitions_and_a_topic_made_again_are_read_within_half_a_minute(
    world: Apart, kafka: str, topic_prefix: str
) -> None:
    """What stands in a new partition, and in a topic that was deleted and made again, is taken by the same stream."""
    stream = world.start("stream")
    world.send([Message(START, Topic.EVENTS, str(n), delivery(f"before-{n}")) for n in range(40)])
    world.wait(world.is_taken, "the first events to be taken in")
    name = f"{topic_prefix}{Topic.EVENTS}"

    with topics.admin(kafka) as client:
        client.create_partitions({name: PARTITIONS})
    producer = KafkaProducer(bootstrap_servers=kafka)
    producer.partitions_for(name)
    until = time.monotonic() + WITHIN
    poll(lambda: len(topics.describe(kafka, [name])[name]) == PARTITIONS, 10, "the partitions")
    producer.close()
    producer = KafkaProducer(bootstrap_servers=kafka)
    producer.send(name, delivery("in-a-new-one"), partition=PARTITIONS - 1).get(20)
    poll(lambda: "in-a-new-one" in taken(world), until - time.monotonic(), "the new partition to be read")

    with topics.admin(kafka) as client:
        client.delete_topics([name])
    poll(lambda: name not in topics.describe(kafka, [name]), 20, "the topic to be gone")
    topics.create(kafka, topic_prefix, replication=1)
    until = time.monotonic() + WITHIN
    producer.close()
    producer = KafkaProducer(bootstrap_servers=kafka)
    again = [f"again-{n}" for n in range(40)]
    for n, event in enumerate(again):
        producer.send(name, delivery(event), partition=n % 12).get(20)
    producer.close()
    poll(lambda: set(again) <= taken(world), until - time.monotonic(), "the new topic to be read")
    assert stream.poll() is None, "the stream was started again for it"


def taken(world: Apart) -> set[str]:
    """Return the ids of the events that were accepted so far."""
    with world.store.reading() as connection:
        return set(connection.execute(sa.select(tables.inbox.c.event_id)).scalars())
