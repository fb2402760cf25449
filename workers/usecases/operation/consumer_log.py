"""The log that a consumer group reads, seen from beside the group: what positions are held against."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from workers.adapters.kafka.partition_log import Extent, LogRecord, Stretch


class ConsumerLog(Protocol):
    """Kafka's topics, or one of a test; every method but `cluster` raises NotNow when it cannot be reached."""

    def cluster(self) -> str:
        """Return the cluster's own id."""

    def extents(self) -> tuple[str, Sequence[Extent]]:
        """Return the cluster's own id, and what every partition has, by one connection."""

    def stretches(self) -> Sequence[Stretch]:
        """Return what every partition has, and how far the group is."""

    def read(self, topic: str, partition: int, first: int, last: int) -> Iterable[LogRecord]:
        """Give what the log has between two offsets, both included, and end when `last` is passed."""

    def move_on(self, topic: str, partition: int, offset: int) -> None:
        """Let the group go on at `offset` at the earliest; raises Conflict while a stream runs."""
