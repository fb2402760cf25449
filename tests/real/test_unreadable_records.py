"""Records on a real broker that no client library reads: each is a dead letter, and the others are taken."""

import hashlib
import os
import subprocess

import orjson
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
from peakmemory import peak_of
from story import START
from worlds import BOUCLE, Apart

from workers.adapters import kafka
from workers.adapters.kafka import Topic, options
from workers.domain.records import DeadLetter, Inbox
from workers.errors import Conflict
from workers.store import read
from workers.store.sign_in.audit_log import list_acts
from workers.streams import group_of

LARGE = 60_000_000


def delivery(number: int) -> bytes:
    """Return one good event."""
    event = {"specversion": "1.0", "id": str(number), "source": "shop", "subject": f"c{number}"}
    return orjson.dumps({**event, "type": "boucle.journey.delivery.v1", "time": START.isoformat()})


class Named(str):
    """The name of a header, of which the client encodes other bytes than UTF-8 would."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def publish(world: Apart, records: list[tuple[bytes, list[tuple[str, bytes]]]], **more: object) -> str:
    """Publish records to one partition, as many in one batch as there are, and return the topic."""
    topic = world.prefix + Topic.EVENTS
    producer = KafkaProducer(**options(world.kafka), linger_ms=500, max_request_size=LARGE * 2, **more)
    for value, headers in records:
        producer.send(topic, value=value, headers=headers, partition=3)
    producer.flush()
    producer.close()
    world.ends[world.ids[topic], 3] += len(records)
    return topic


def run(world: Apart, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one verb of the command in the installation."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOUCLE_")}
    return subprocess.run(
        [*BOUCLE, *arguments],
        env=environment | world.environment,
        cwd=world.home,
        capture_output=True,
        text=True,
        timeout=60,
    )


def pass_over(world: Apart, topic: str) -> None:
    """Move the group behind everything, as a lost rebalance may, so that the audit has to read the log."""
    ends = kafka.log_ends(world.kafka, [topic])
    offsets = {TopicPartition(topic, number): OffsetAndMetadata(end, "", -1) for (topic, number), end in ends.items()}
    with kafka.admin(world.kafka) as client:
        client.alter_group_offsets(group_of(world.parts.settings), offsets)


def letters(world: Apart) -> list[DeadLetter]:
    """Return the dead letters, in the order of their offsets."""
    with world.store.reading() as connection:
        return sorted(read.rows(connection, DeadLetter), key=lambda dead_letter: dead_letter.offset or 0)


def accepted(world: Apart) -> set[str]:
    """Return the ids of the events that were accepted."""
    with world.store.reading() as connection:
        return {inbox.event_id for inbox in read.rows(connection, Inbox)}


@pytest.mark.parametrize("passed_over", [False, True], ids=["by the stream", "by the audit"])
def test_a_header_name_that_is_not_utf8_costs_one_dead_letter(world: Apart, passed_over: bool) -> None:
    """The five good events behind it in the same batch are taken, by the stream and by the audit alike."""
    name = Named("bad")
    topic = publish(world, [(b"{}", [(name, b"x")]), *((delivery(n), []) for n in range(5))])
    if passed_over:
        pass_over(world, topic)
    world.start("stream")
    world.wait(world.is_taken, "the good events")
    assert accepted(world) == {str(n) for n in range(5)}
    (letter,) = letters(world)
    assert (letter.topic, letter.partition, letter.offset) == (topic, 3, 0)
    assert (letter.reason, letter.body) == ("wrong_encoding", b"{}")
    assert world.processes["stream"].poll() is None


def test_a_value_of_1100_byte_order_marks_costs_one_dead_letter(world: Apart) -> None:
    """The five good events behind it are taken, and the role goes on."""
    publish(world, [(b"\xef\xbb\xbf" * 1_100 + b"{}", []), *((delivery(n), []) for n in range(5))])
    world.start("stream")
    world.wait(world.is_taken, "the good events")
    assert accepted(world) == {str(n) for n in range(5)}
    assert len(letters(world)) == 1


def test_a_giant_record_is_kept_by_its_beginning(world: Apart) -> None:
    """60 MB in 60 kB: prefix, size and SHA-256 are kept, within 300 MB of memory, and what follows it is taken."""
    large = b"a" * LARGE
    publish(world, [(large, [])], compression_type="gzip")
    publish(world, [(delivery(n), []) for n in range(5)], compression_type="gzip")
    world.start("stream")
    world.wait(world.is_taken, "the good events")
    assert accepted(world) == {str(n) for n in range(5)}
    (letter,) = letters(world)
    assert (letter.size, letter.sha256) == (LARGE, hashlib.sha256(large).hexdigest())
    assert (letter.truncated, letter.reason) == (True, "too_large")
    peak = peak_of(world.processes["stream"].pid)
    assert peak is None or peak < 300


def test_an_operator_skips_a_record(world: Apart) -> None:
    """The record is a dead letter with its bytes, the audit log says why, and the stream goes on behind it."""
    topic = publish(world, [(delivery(n), []) for n in range(3)])
    done = run(world, "stream", "skip", topic, "3", "1", "--why", "it stops the stream")
    assert done.returncode == 0, done.stderr
    world.start("stream")
    world.wait(world.is_taken, "the others")
    assert accepted(world) == {"0", "2"}
    (letter,) = letters(world)
    assert (letter.offset, letter.reason, letter.body) == (1, "skipped", delivery(1))
    assert "it stops the stream" in letter.fault
    with world.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["act"], act["subject"], act["detail"]["why"]) == ("stream.skip", f"{topic}/3@1", "it stops the stream")
    log_of_topics = kafka.Log(world.kafka, [topic], group_of(world.parts.settings))
    with pytest.raises(Conflict, match="Stop it"):
        log_of_topics.move_on(topic, 3, 99)
