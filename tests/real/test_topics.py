"""Topics are made, checked and read from outside Faust, and Faust works on them."""

import asyncio
from collections import defaultdict
from pathlib import Path

import faust
import parts
import pytest
from kafka import KafkaConsumer

from workers.adapters import kafka as topics
from workers.adapters.kafka import Cluster, Record, Topic
from workers.errors import Misconfigured, NotNow

NOBODY = "127.0.0.1:9"  # the discard port: nothing listens there


def test_topics_are_made_once_with_twelve_partitions(kafka: str) -> None:
    """Making topics twice makes them once; the check names each missing one and then none."""
    prefix = parts.fresh_name("made") + "-"
    assert len(topics.check(kafka, prefix)) == 7
    assert all("boucle topics create" in fault for fault in topics.check(kafka, prefix))
    assert sorted(topics.create(kafka, prefix)) == sorted(topics.topic_names(prefix))
    assert topics.create(kafka, prefix) == []
    assert topics.check(kafka, prefix) == []
    described = topics.describe(kafka, topics.topic_names(prefix))
    assert {len(partitions) for partitions in described.values()} == {12}
    with topics.admin(kafka) as client:
        client.delete_topics(topics.topic_names(prefix))


def test_more_copies_than_brokers_are_refused(kafka: str) -> None:
    """A replication factor that the cluster cannot have is a fault of the settings, and makes nothing."""
    prefix = parts.fresh_name("copies") + "-"
    with pytest.raises(Misconfigured, match="fewer copies"):
        topics.create(kafka, prefix, replication=3)
    assert len(topics.check(kafka, prefix)) == 7


def test_a_topic_made_again_has_another_id(kafka: str, topic_prefix: str) -> None:
    """Ids tell a topic from its successor of the same name; the cluster's id stays."""
    name = topic_prefix + Topic.SCORES
    before, cluster = topics.topic_ids(kafka, [name]), topics.cluster_id(kafka)
    with topics.admin(kafka) as client:
        client.delete_topics([name])
    parts.poll(lambda: topics.topic_ids(kafka, [name]) == {}, 20, "the topic to go")
    assert topics.create(kafka, topic_prefix) == [name]
    assert topics.topic_ids(kafka, [name])[name] != before[name]
    assert topics.cluster_id(kafka) == cluster


def test_published_records_keep_their_key_together(kafka: str, topic_prefix: str) -> None:
    """Every record counts in the log's ends, and one customer's records share a partition."""
    name = topic_prefix + Topic.EVENTS
    records = [Record(name, f"customer-{n % 10}", str(n).encode(), (("ce_id", b"x"),)) for n in range(200)]
    assert topics.publish(kafka, records) == 200
    ends = topics.log_ends(kafka, [name])
    assert len(ends) == 12
    assert sum(ends.values()) == 200
    assert all(end % 20 == 0 for end in ends.values())
    assert set(topics.log_starts(kafka, [name]).values()) == {0}


def test_a_broker_that_is_away_is_not_now() -> None:
    """Reading from a broker that is away says which one and what to look at; the check lists it as a fault."""
    with pytest.raises(NotNow, match=r"127\.0\.0\.1:9.*BOUCLE_KAFKA_BOOTSTRAP"), topics.admin(NOBODY):
        pass
    [fault] = topics.check(NOBODY)
    assert "does not answer" in fault


def test_publishing_to_a_missing_topic_is_refused(kafka: str) -> None:
    """A topic that is not there is said at once, with the command that makes it."""
    with pytest.raises(Misconfigured, match="boucle topics create"):
        topics.publish(kafka, [Record(parts.fresh_name("none"), "k", b"v")])


def test_a_batch_that_is_not_taken_is_not_now(kafka: str, topic_prefix: str) -> None:
    """A message that the broker cannot take is said with what to do, and the next batch goes through."""
    publisher = topics.Publisher(kafka)
    name = topic_prefix + Topic.EVENTS
    with pytest.raises(NotNow, match="Publish again"):
        publisher.publish([Record(name, "k", bytes(2_000_000))])
    assert publisher.publish([Record(name, "k", b"v")]) == 1
    publisher.close()


def test_the_outlet_keeps_the_order_of_the_outbox(kafka: str, topic_prefix: str) -> None:
    """What the relay hands over lands under the prefix, in order, as structured CloudEvents."""
    outlet = topics.TopicOutlet(kafka, topic_prefix)
    outlet.publish([("boucle.tickets", "c1", str(n).encode()) for n in range(50)])
    outlet.close()
    outlet.publish([("boucle.tickets", "c1", b"50")])
    outlet.close()
    consumer = KafkaConsumer(topic_prefix + Topic.TICKETS, bootstrap_servers=kafka, auto_offset_reset="earliest")
    records = [next(consumer) for _ in range(51)]
    consumer.close()
    assert [int(record.value) for record in records] == list(range(51))
    assert {tuple(record.headers) for record in records} == {(topics.STRUCTURED,)}


def test_an_outlet_without_a_broker_is_not_now() -> None:
    """The relay is told to wait when Kafka is away, again and again, and nothing is taken as published."""
    outlet = topics.TopicOutlet(NOBODY)
    with pytest.raises(NotNow, match="BOUCLE_KAFKA_BOOTSTRAP"):
        outlet.publish([("boucle.tickets", "c1", b"{}")])


@pytest.mark.parametrize(
    ("cluster", "protocol", "faults"),
    [
        (Cluster("127.0.0.1:9092,localhost:9093,[::1]:9094"), "PLAINTEXT", 0),
        (Cluster("kafka.example:9092"), "PLAINTEXT", 1),
        (Cluster("127.0.0.1:9092,10.0.0.7:9092"), "PLAINTEXT", 1),
        (Cluster("kafka.example:9092", allow_plaintext=True), "PLAINTEXT", 0),
        (Cluster("kafka.example:9093", tls=True), "SSL", 0),
        (Cluster("kafka.example:9093", user="boucle", password="secret"), "SASL_SSL", 0),
        (Cluster("kafka.example:9093", user="boucle"), "SASL_SSL", 1),
    ],
)
def test_plain_text_stays_on_this_machine(cluster: Cluster, protocol: str, faults: int) -> None:
    """Off loopback the connection is encrypted unless the operator says so; a user needs a password."""
    assert cluster.protocol == protocol
    assert len(cluster.faults()) == faults
    if faults:
        with pytest.raises(Misconfigured):
            topics.options(cluster)


def test_faust_gets_the_same_connection() -> None:
    """The stream role encrypts and proves itself exactly where the other clients do."""
    assert topics.credentials(Cluster("127.0.0.1:9092")) is None
    encrypted = topics.credentials(Cluster("kafka.example:9093", tls=True))
    proven = topics.credentials(Cluster("kafka.example:9093", user="boucle", password="secret"))
    assert isinstance(encrypted, faust.SSLCredentials)
    assert isinstance(proven, faust.SASLCredentials)
    assert (proven.protocol.value, proven.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    with pytest.raises(Misconfigured):
        topics.credentials(Cluster("kafka.example:9092"))


def test_a_password_is_never_shown() -> None:
    """What is logged of a connection holds no secret."""
    assert "secret" not in repr(Cluster("kafka.example:9093", user="boucle", password="secret"))


def test_faust_takes_batches_and_acks_after_the_work(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """A Faust worker on raw bytes gets every message once; after its acks a second worker gets none."""
    name = topic_prefix + Topic.EVENTS
    topics.publish(kafka, [Record(name, f"c{n % 7}", str(n).encode()) for n in range(300)])
    first = asyncio.run(drain(kafka, tmp_path / topic_prefix, name, wanted=300))
    assert sorted(int(value) for values in first.values() for value in values) == list(range(300))
    topics.publish(kafka, [Record(name, "c1", b"last")])
    assert asyncio.run(drain(kafka, tmp_path / topic_prefix, name, wanted=1)) == {b"c1": [b"last"]}


async def drain(kafka: str, folder: Path, name: str, *, wanted: int) -> dict[bytes, list[bytes]]:
    """Run a Faust worker, its group named like its folder, until it has acknowledged `wanted` messages."""
    app = faust.App(
        folder.name,
        datadir=folder,
        broker=f"kafka://{kafka}",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=256,
    )
    taken: dict[bytes, list[bytes]] = defaultdict(list)
    full = asyncio.Event()

    async def take(stream: faust.StreamT) -> None:
        async for events in stream.noack_take(50, within=0.05):
            for event in events:
                taken[event.key].append(event.value)
                event.ack()
            if sum(map(len, taken.values())) >= wanted:
                full.set()

    app.agent(app.topic(name, key_type=bytes, value_type=bytes))(take)
    await app.start()
    try:
        await asyncio.wait_for(full.wait(), timeout=60)
    finally:
        await app.stop()
    return dict(taken)
