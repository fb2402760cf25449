"""What a consumer group passed over on a real broker is taken in, and a stream that stands still ends itself."""

import pytest
import sqlalchemy as sa
from kafka.structs import OffsetAndMetadata, TopicPartition
from story import START, Message
from worlds import Apart

from workers.adapters import kafka
from workers.adapters.kafka import Topic
from workers.store import positions, tables
from workers.streams import group_of

EVENTS = 60


def deliveries(first: int, count: int) -> list[Message]:
    """Return deliveries of customers of their own."""
    return [
        Message(
            START,
            Topic.EVENTS,
            f"c{number}",
            (
                f'{{"specversion": "1.0", "id": "{number}", "source": "shop", "subject": "c{number}", '
                f'"type": "boucle.journey.delivery.v1", "time": "{START.isoformat()}"}}'
            ).encode(),
        )
        for number in range(first, first + count)
    ]


def accepted(world: Apart) -> int:
    """Return how many events were accepted."""
    with world.store.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.inbox)).scalar_one())


def commit_beyond(world: Apart) -> None:
    """Move the group to the end of every log, as a lost rebalance may."""
    names = kafka.topic_names(world.prefix, kafka.TOPICS_IN)
    ends = kafka.log_ends(world.kafka, names)
    offsets = {TopicPartition(topic, number): OffsetAndMetadata(end, "", -1) for (topic, number), end in ends.items()}
    with kafka.admin(world.kafka) as client:
        client.alter_group_offsets(group_of(world.parts.settings), offsets)


@pytest.fixture
def stream_settings() -> dict[str, str]:
    """Give a stream that ends itself after standing still for four seconds."""
    return {"session_seconds": "6", "audit_seconds": "1", "stall_seconds": "4"}


def test_offsets_that_the_group_skipped_are_taken_in_at_start(world: Apart) -> None:
    """Messages behind the group's position are read back from the log before anything else, each once."""
    world.send(deliveries(0, EVENTS))
    commit_beyond(world)
    world.start("stream")
    world.wait(world.is_taken, "the holes to be closed")
    assert accepted(world) == EVENTS
    world.send(deliveries(EVENTS, 5))
    world.wait(world.is_taken, "what came later")
    assert accepted(world) == EVENTS + 5


def test_a_hole_that_opens_while_the_stream_runs_is_closed(world: Apart) -> None:
    """Positions that were lost are audited again; the messages are known, so only the range changes."""
    world.start("stream")
    world.send(deliveries(0, EVENTS))
    world.wait(world.is_taken, "the messages")
    with world.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.consumed))
    world.send(deliveries(EVENTS, EVENTS))
    world.wait(world.is_taken, "the ranges to be whole again")
    assert accepted(world) == 2 * EVENTS


def test_a_topic_made_again_is_read_from_its_beginning(world: Apart) -> None:
    """The same name with another topic id does not look consumed, although its offsets were consumed before."""
    world.start("stream")
    world.send(deliveries(0, EVENTS))
    world.wait(world.is_taken, "the messages")
    world.stop("stream")
    name = world.prefix + Topic.EVENTS
    before = kafka.topic_ids(world.kafka, [name])[name]
    with kafka.admin(world.kafka) as client:
        client.delete_topics([name])
    world.wait(lambda: not kafka.describe(world.kafka, [name]), "the topic to be gone")
    kafka.create(world.kafka, world.prefix, replication=1)
    world.learn_topics()
    assert world.ids[name] != before
    world.send(deliveries(EVENTS, EVENTS))
    world.start("stream")
    world.wait(world.is_taken, "the messages of the new topic")
    assert accepted(world) == 2 * EVENTS
    with world.store.reading() as connection:
        ranges = positions.ranges_of(connection, kafka.cluster_id(world.kafka))
    assert {topic_id for topic_id, _ in ranges} == {before, world.ids[name]}


def test_a_stream_that_stands_still_ends_itself(world: Apart) -> None:
    """With messages waiting and none taken for the set time, the process logs why and exits with 70."""
    world.start("stream")
    world.send(deliveries(0, 1))
    world.wait(world.is_taken, "the stream to work")
    with world.store.engine.begin() as connection:
        connection.execute(sa.text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))
        world.send(deliveries(1, EVENTS))
        process = world.processes.pop("stream")
        assert process.wait(60) == 70
    log = (world.home / "stream.log").read_text()
    # The locked table holds the audit up as well, and whoever notices first says so.
    assert "none was taken" in log or "No step of audit" in log
    world.start("stream")
    world.wait(world.is_taken, "a new process to go on")
    assert accepted(world) == 1 + EVENTS
