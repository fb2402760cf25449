"""Positions: which ranges of the log a batch covers."""

from collections.abc import Mapping, Sequence

from faust.types import EventT

from workers.store.ledger import Incoming
from workers.store.positions import Consumed, merged


class Positions:
    """Turns the offsets of a batch into consumed ranges, keyed by cluster and topic id so that a recreated topic
    does not look consumed. `waiting` has the first fetch of each batch that waits for the database, which is no
    standstill."""

    def __init__(self, cluster: str, topic_ids: Mapping[str, str]) -> None:
        self._cluster = cluster
        self.topic_ids = topic_ids
        self.waiting: set[EventT] = set()

    def of(self, batch: Sequence[Incoming]) -> list[Consumed]:
        """Return the ranges that a batch covers, one per run of offsets without a hole."""
        places: dict[tuple[str, int], list[int]] = {}
        for incoming in batch:
            if incoming.topic is not None and incoming.partition is not None and incoming.offset is not None:
                places.setdefault((incoming.topic, incoming.partition), []).append(incoming.offset)
        return [
            Consumed(self._cluster, self.topic_ids.get(topic, topic), partition, first, last)
            for (topic, partition), offsets in sorted(places.items())
            for first, last in merged((offset, offset) for offset in offsets)
        ]
