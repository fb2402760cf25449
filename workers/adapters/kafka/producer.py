"""Publishing to Kafka: batches in order, acknowledged; for the command line and for the relay of the outbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kafka import KafkaProducer
from kafka.errors import KafkaError

from workers.adapters.kafka.connection import ANSWER_SECONDS, Address, options, reach
from workers.adapters.kafka.topics import describe
from workers.errors import Misconfigured, NotNow

PUBLISH_SECONDS = 120.0
STRUCTURED = ("content-type", b"application/cloudevents+json; charset=UTF-8")
"""The header that tells a consumer the value is a whole CloudEvent (Kafka protocol binding 1.0, structured mode)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message to publish; `partition` only where a test or a replay must place it."""

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Publisher:
    """Publish batches over one connection, in the order given, acknowledged by all in-sync copies."""

    def __init__(
        self, address: Address, client: str = "boucle-publish", patience_seconds: float = ANSWER_SECONDS
    ) -> None:
        """Connect; raise NotNow when Kafka does not answer in time."""
        self.address = address
        self.existing_topics: set[str] = set()
        settings = options(address, client)
        reach(settings["bootstrap_servers"], patience_seconds)
        waiting = {"linger_ms": 20, "max_block_ms": 15_000, "bootstrap_timeout_ms": int(patience_seconds * 1000)}
        try:
            self.producer = KafkaProducer(**settings, **waiting)
        except KafkaError as fault:
            raise NotNow(
                f"Kafka does not answer: {fault}. Check BOUCLE_KAFKA_BOOTSTRAP, then publish again."
            ) from fault

    def publish(self, records: Iterable[Record], seconds: float = PUBLISH_SECONDS) -> int:
        """Publish records, wait until the cluster has all of them, and return how many.

        Raises Misconfigured for a topic that does not exist, and NotNow when a record could not be written: some
        before it may have been, and publishing all again does no harm, because a repeated event is recognised by its
        source and id.
        """
        promises = []
        try:
            for record in records:
                self.expect(record.topic)
                key, headers = record.key.encode(), list(record.headers)
                promises.append(
                    self.producer.send(record.topic, record.value, key=key, headers=headers, partition=record.partition)
                )
            self.producer.flush(timeout=seconds)
            for promise in promises:
                promise.get(timeout=seconds)
        except KafkaError as fault:
            raise NotNow(f"Kafka did not take every message: {fault}. Publish again; repeats do no harm.") from fault
        return len(promises)

    def expect(self, name: str) -> None:
        """Refuse a topic that does not exist at once; the producer would ask for it until its time is up.

        Raises Misconfigured, with the command that makes it.
        """
        if name not in self.existing_topics:
            if not describe(self.address, [name]):
                raise Misconfigured([f"Topic {name} is missing: run `boucle topics create`."])
            self.existing_topics.add(name)

    def close(self) -> None:
        """Disconnect; what was not acknowledged by then is not known to be written."""
        self.producer.close(timeout=5)


class TopicOutlet:
    """Where the relay hands the outbox over: Kafka, under the installation's prefix. Connects when first used."""

    def __init__(self, address: Address, prefix: str = "", patience_seconds: float = ANSWER_SECONDS) -> None:
        self.address = address
        self.prefix = prefix
        self.patience_seconds = patience_seconds
        self.publisher: Publisher | None = None

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Hand over (topic, key, value) in order and return when the cluster has all; raise NotNow when it is away."""
        if self.publisher is None:
            self.publisher = Publisher(self.address, "boucle-relay", self.patience_seconds)
        try:
            self.publisher.publish(
                Record(self.prefix + topic, key, value, (STRUCTURED,)) for topic, key, value in messages
            )
        except NotNow:
            self.close()  # a new connection forgets what the old one still had in hand, so the order stays
            raise

    def close(self) -> None:
        """Disconnect; the next `publish` connects again."""
        if self.publisher is not None:
            self.publisher.close()
            self.publisher = None


def publish(address: Address, records: Iterable[Record], seconds: float = PUBLISH_SECONDS) -> int:
    """Publish records over a connection of their own; see Publisher.publish."""
    publisher = Publisher(address)
    try:
        return publisher.publish(records, seconds)
    finally:
        publisher.close()
