"""A consumer group's log without a broker, of one partition: it refuses what a real one refuses. Holds no test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workers.adapters.kafka.partition_log import Extent, LogRecord, Stretch
from workers.errors import Conflict
from workers.store.positions import Range


@dataclass(slots=True)
class FakeLog:
    """A log of one partition; `broken` offsets cannot even be read raw, and while `running` nobody moves the group."""

    messages: dict[int, bytes] = field(default_factory=dict)
    topic: str = "boucle.events"
    topic_id: str = "first"
    partition: int = 0
    start: int = 0
    end: int = 0
    committed: int = 0
    broken: frozenset[int] = frozenset()
    running: bool = False
    reads: list[Range] = field(default_factory=list)
    """What was read, as the first and the last offset of each reading."""
    moved: list[int] = field(default_factory=list)
    """To where the group was moved."""

    @classmethod
    def of(cls, *messages: bytes, broken: frozenset[int] = frozenset(), running: bool = False) -> "FakeLog":
        """Return a log that has these messages from offset 0 on, of which the group has taken none."""
        return cls(dict(enumerate(messages)), end=len(messages), broken=broken, running=running)

    def cluster(self) -> str:
        """Return the cluster's id."""
        return "cluster"

    def extents(self) -> tuple[str, Sequence[Extent]]:
        """Return the cluster's id, and the one partition's extent."""
        return self.cluster(), [Extent(self.topic, self.topic_id, self.partition, self.start, self.end)]

    def stretches(self) -> Sequence[Stretch]:
        """Return the one partition's stretch."""
        return [Stretch(self.topic, self.topic_id, self.partition, self.start, self.end, self.committed)]

    def read(self, topic: str, partition: int, first: int, last: int) -> Iterator[LogRecord]:
        """Give what there is."""
        self.reads.append((first, last))
        for offset in range(first, last + 1):
            if offset in self.broken:
                raise ValueError("the library cannot decode it")
            if offset in self.messages:
                yield LogRecord(topic, partition, offset, self.messages[offset])

    def move_on(self, topic: str, partition: int, offset: int) -> None:
        """Move the group, unless somebody consumes."""
        if self.running:
            raise Conflict("A stream runs.")
        self.moved.append(offset)
        self.committed = max(self.committed, offset)
