"""Reading the log beside the consumer group: where it starts and ends, what the group acknowledged, single stretches.

Has no group of its own, so it moves nobody's position.
"""

from collections.abc import Iterator, Sequence

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, NoError
from kafka.structs import OffsetAndMetadata

from workers.adapters.kafka.connection import ANSWER_SECONDS, Address, options, reach
from workers.adapters.kafka.partition_log import Extent, LogRecord, Stretch
from workers.adapters.kafka.topics import admin, cluster_id, describe, log_ends, log_starts, topic_ids
from workers.errors import Conflict, NotNow

POLL_MS = 500
READ_SECONDS = 60.0


class Log:
    """The logs of some topics, as one consumer group uses them."""

    def __init__(self, address: Address, names: Sequence[str], group: str) -> None:
        self.address = address
        self.names = list(names)
        self.group = group

    def cluster(self) -> str:
        return cluster_id(self.address)

    def topic_ids(self) -> dict[str, str]:
        """Return the cluster's own id of each topic; a topic that was made again has another one."""
        return topic_ids(self.address, self.names)

    def partitions(self) -> dict[str, int]:
        """Return how many partitions each topic has that exists; raises NotNow when Kafka is away."""
        return {topic: len(parts) for topic, parts in describe(self.address, self.names).items()}

    def stretches(self) -> list[Stretch]:
        """Return every partition's bounds; raises NotNow when Kafka is away."""
        ids = topic_ids(self.address, self.names)
        names = [name for name in self.names if name in ids]
        ends, starts, wanted = log_ends(self.address, names), log_starts(self.address, names), self.committed()
        return [
            Stretch(topic, ids[topic], partition, starts[topic, partition], end, wanted.get((topic, partition), 0))
            for (topic, partition), end in sorted(ends.items())
        ]

    def extents(self) -> tuple[str, list[Extent]]:
        """Return the cluster's own id, and what every partition has, by one connection.

        A topic that does not exist has none. Raises NotNow when Kafka is away.
        """
        with admin(self.address) as client:
            cluster = str(client.describe_cluster()["cluster_id"])
            names = sorted(set(self.names) & set(client.list_topics()))
            if not names:
                return cluster, []
            topics = client.describe_topics(names)
            ids = {str(row["name"]): str(row["topic_id"]) for row in topics}
            places = [
                TopicPartition(row["name"], part["partition_index"]) for row in topics for part in row["partitions"]
            ]
            ends = client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            starts = client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        return cluster, [
            Extent(at.topic, ids[at.topic], at.partition, int(starts[at].offset), int(ends[at].offset))
            for at in sorted(places)
        ]

    def committed(self) -> dict[tuple[str, int], int]:
        """Return the next offset that the group wants of each partition it ever acknowledged."""
        with admin(self.address) as client:
            offsets = client.list_group_offsets(self.group).get(self.group, {})
        return {(place.topic, place.partition): int(stored.offset) for place, stored in offsets.items()}

    def move_on(self, topic: str, partition: int, offset: int) -> None:
        """Let the group go on at `offset` at the earliest; a position behind it stays.

        Raises Conflict while a consumer of the group runs, because the broker then keeps the position for it, and
        NotNow when Kafka does not answer.
        """
        if self.committed().get((topic, partition), 0) >= offset:
            return
        place = TopicPartition(topic, partition)
        try:
            with admin(self.address) as client:
                answers = client.alter_group_offsets(self.group, {place: OffsetAndMetadata(offset, "", -1)})
        except KafkaError as fault:
            raise NotNow(f"Kafka did not move the group {self.group}: {fault}. Try again.") from fault
        if any(answer is not NoError for answer in answers.values()):
            raise Conflict(f"A stream of the group {self.group} runs. Stop it, skip the record, and start it again.")

    def read(self, topic: str, partition: int, first: int, last: int) -> Iterator[LogRecord]:
        """Give what the log has from `first` to `last`, both included; nothing where it has nothing.

        Ends when the reader has passed `last`, so that what is not given is proved absent. Raises NotNow when Kafka
        does not answer.
        """
        settings = options(self.address, "boucle-audit")
        reach(settings["bootstrap_servers"], ANSWER_SECONDS)
        place = TopicPartition(topic, partition)
        consumer = None
        try:
            consumer = KafkaConsumer(
                **settings, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=500
            )
            consumer.assign([place])
            consumer.seek(place, first)
            yield from self._until(consumer, place, last)
        except KafkaError as fault:
            raise NotNow(f"Kafka did not give {topic}/{partition} back: {fault}. It is read again later.") from fault
        finally:
            if consumer is not None:
                consumer.close()

    def _until(self, consumer: KafkaConsumer, place: TopicPartition, last: int) -> Iterator[LogRecord]:
        silent = 0.0
        while consumer.position(place) <= last:
            records = consumer.poll(timeout_ms=POLL_MS).get(place, [])
            silent = 0.0 if records else silent + POLL_MS / 1000
            if silent > READ_SECONDS:
                raise NotNow(
                    f"{place.topic}/{place.partition} gave nothing up to offset {last}. It is read again later."
                )
            for record in records:
                if record.offset <= last:
                    yield log_record(record)


def log_record(record: object) -> LogRecord:
    """Return a record of kafka-python in our own form."""
    headers = tuple((str(name), value or b"") for name, value in record.headers)  # type: ignore[attr-defined]  # untyped library
    value = b"" if record.value is None else record.value  # type: ignore[attr-defined]  # as above; an Unreadable may be empty
    return LogRecord(record.topic, record.partition, record.offset, value, headers)  # type: ignore[attr-defined]  # as above
