"""Backlog: how many records of each partition were not taken in yet, by the log's end and the positions we keep.

The consumer group's own offsets say less: they move when a record is handed out, ours with what it did. Also true while
no stream runs, which is when somebody wants to know.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from workers.store import positions
from workers.store.engine import Store

Place = tuple[str, int]
"""Topic and partition."""
Backlog = Callable[[], Mapping[Place, int]]
"""Counts the records that wait in each partition; raises NotNow when Kafka or the database is away."""


class Extent(Protocol):
    """One partition's log: the first offset kept, and the one that comes next."""

    @property
    def topic(self) -> str: ...
    @property
    def topic_id(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Log(Protocol):
    """The log that is read."""

    def extents(self) -> tuple[str, Sequence[Extent]]:
        """Return the cluster's own id, and every partition's extent; raises NotNow when the log cannot be reached."""


def count_waiting(store: Store, log: Log) -> dict[Place, int]:
    """Count the records behind the last one that was taken in, or all that are kept where none was.

    Records before it that were passed over are holes, which the audit closes (consumer_audit.py).
    """
    cluster, extents = log.extents()
    with store.reading() as connection:
        ranges = positions.ranges_of(connection, cluster)
    waiting = {}
    for extent in extents:
        taken = positions.next_offset(ranges.get((extent.topic_id, extent.partition), []))
        waiting[extent.topic, extent.partition] = max(0, extent.end - max(extent.start, taken))
    return waiting
