"""Backlog: how many records of each partition were not taken in yet, by the log's end and the positions we keep.

The consumer group's own offsets say less: they move when a record is handed out, ours with what it did. Also true while
no stream runs, which is when somebody wants to know.
"""

from collections.abc import Callable, Mapping

from workers.store import positions
from workers.store.engine import Store
from workers.usecases.operation.consumer_log import ConsumerLog

Place = tuple[str, int]
"""Topic and partition."""
Backlog = Callable[[], Mapping[Place, int]]
"""Counts the records that wait in each partition; raises NotNow when Kafka or the database is away."""


def count_waiting(store: Store, log: ConsumerLog) -> dict[Place, int]:
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
