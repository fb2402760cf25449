"""Fetches from a real broker: transactions leave gaps in the log, and large records come compressed to little."""

import orjson
from kafka import KafkaProducer
from parts import fresh_name, poll
from peakmemory import peak_of
from story import START
from worlds import Apart

from workers.adapters import kafka
from workers.adapters.kafka import Topic, options
from workers.domain.records import Inbox
from workers.store import read
from workers.streams import group_of

PARTITION = 5
LARGE, MANY = 190_000, 1_500
MEGABYTES = 400


def delivery(number: int | str, **more: object) -> bytes:
    """Return one good event."""
    event = {"specversion": "1.0", "id": str(number), "source": "shop", "subject": f"c{number}", **more}
    return orjson.dumps({**event, "type": "boucle.journey.delivery.v1", "time": START.isoformat()})


def accepted(world: Apart) -> set[str]:
    """Return the ids of the events that were accepted."""
    with world.store.reading() as connection:
        return {inbox.event_id for inbox in read.rows(connection, Inbox)}


def committed(world: Apart, topic: str) -> int:
    """Return the next offset that the group wants of the partition."""
    log = kafka.Log(world.kafka, [topic], group_of(world.parts.settings))
    return log.committed().get((topic, PARTITION), 0)


def test_what_transactions_leave_in_a_log_is_passed(world: Apart) -> None:
    """Their markers have offsets and no records: what stands before and behind them is taken in and acknowledged."""
    topic = world.prefix + Topic.EVENTS
    producer = KafkaProducer(**options(world.kafka), transactional_id=fresh_name("test"))
    producer.init_transactions()
    world.start("stream")
    last = -1
    for number in range(5):
        producer.begin_transaction()
        sent = [producer.send(topic, delivery(f"{number}-{n}"), partition=PARTITION) for n in range(3)]
        producer.commit_transaction()
        last = max(promise.get(30).offset for promise in sent)
    producer.close()
    assert last == 5 * 3 + 4 - 1, "three records and a marker for each transaction"
    world.ends[world.ids[topic], PARTITION] = last + 1
    world.wait(world.is_taken, "the events")
    assert accepted(world) == {f"{number}-{n}" for number in range(5) for n in range(3)}
    poll(lambda: committed(world, topic) == last + 1, 30, "the position to be behind the last record")


def test_large_records_of_one_fetch_are_not_in_memory_together(world: Apart) -> None:
    """285 MB of events in a few hundred kilobytes are taken in within 400 MB of memory, and what follows them too."""
    topic = world.prefix + Topic.EVENTS
    producer = KafkaProducer(
        **options(world.kafka), compression_type="gzip", batch_size=40 * LARGE, linger_ms=500, max_request_size=10**8
    )
    large = delivery("large", data={"label": "a" * LARGE})
    for _ in range(MANY):
        producer.send(topic, large, partition=PARTITION)
    producer.send(topic, delivery("last"), partition=PARTITION)
    producer.flush()
    producer.close()
    world.ends[world.ids[topic], PARTITION] = kafka.log_ends(world.kafka, [topic])[topic, PARTITION]
    world.start("stream")
    world.wait(world.is_taken, "the events")
    assert "last" in accepted(world)
    peak = peak_of(world.processes["stream"].pid)
    assert peak is None or peak < MEGABYTES
