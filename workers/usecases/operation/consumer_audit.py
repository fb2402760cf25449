"""Consumer audit: what the consumer group passed over is found in the log and taken in; a standstill is told.

Faust may acknowledge what nobody took (a rebalance, a lost commit, a moved group). So the consumed ranges in the
database are held against the log; a hole goes through the same intake as anything else, and one that proves empty is
closed as empty. Never moves the group's own position.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from workers.adapters.kafka.partition_log import LogRecord, Stretch
from workers.domain.types import Ingress
from workers.store import positions
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.store.positions import Consumed, Range, merged, next_offset
from workers.usecases.intake import Intake
from workers.usecases.operation.consumer_log import ConsumerLog

log = logging.getLogger(__name__)
AT_ONCE = 500
"""Messages of a hole taken into one transaction."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found: holes, the messages in them, offsets that proved empty, offsets whose messages are gone."""

    holes: int = 0
    taken: int = 0
    empty: int = 0
    gone: int = 0

    def plus(self, other: "Audited") -> "Audited":
        return Audited(
            self.holes + other.holes, self.taken + other.taken, self.empty + other.empty, self.gone + other.gone
        )


class ConsumerAudit:
    """Closes the holes between what the log has and what was taken in."""

    def __init__(self, store: Store, intake: Intake, log_of_topics: ConsumerLog) -> None:
        self._store = store
        self._intake = intake
        self._log = log_of_topics

    def audit(self) -> Audited:
        """Take every hole in, then merge ranges; idempotent, and harmless beside other audits and a running stream.

        Raises NotNow when the log or the database is away: the next audit finds the same holes.
        """
        cluster = self._log.cluster()
        with self._store.reading() as connection:
            ranges_by_partition = positions.ranges_of(connection, cluster)
        audited = Audited()
        for stretch in self._log.stretches():
            ranges = ranges_by_partition.get((stretch.topic_id, stretch.partition), [])
            for hole in holes(ranges, stretch.start, reached(stretch, ranges)):
                audited = audited.plus(self._close(cluster, stretch, hole))
            audited = audited.plus(self._lost(cluster, stretch, ranges))
        saved = self._store.write(lambda connection: positions.merge(connection, cluster))
        if audited != Audited():
            log.warning("%s", audited, extra={"action": "audit.holes"})
        log.info("%d ranges merged", saved, extra={"action": "audit"})
        return audited

    def _close(self, cluster: str, stretch: Stretch, hole: Range) -> Audited:
        """Take what the log has in a hole, piece by piece, each with the positions it covers."""
        first, last = hole
        taken = 0
        for piece in pieces(self._log.read(stretch.topic, stretch.partition, first, last)):
            until = piece[-1].offset
            self._take(cluster, stretch, piece, (first, until))
            taken += len(piece)
            first = until + 1
        if first <= last:
            self._take(cluster, stretch, [], (first, last))
        return Audited(holes=1, taken=taken, empty=hole[1] - hole[0] + 1 - taken)

    def _take(self, cluster: str, stretch: Stretch, piece: Sequence[LogRecord], covered: Range) -> None:
        batch = [
            Incoming(record.value, record.headers, None, stretch.topic, stretch.partition, record.offset)
            for record in piece
        ]
        place = Consumed(cluster, stretch.topic_id, stretch.partition, *covered)
        self._intake.take(batch, Ingress.KAFKA, [place])

    def _lost(self, cluster: str, stretch: Stretch, ranges: Sequence[Range]) -> Audited:
        """Close holes whose messages the log has deleted already, and say so: nobody can bring them back from here."""
        begun = min((first for first, _ in ranges), default=stretch.start)
        gone = holes(ranges, begun, min(stretch.start, reached(stretch, ranges)))
        for first, last in gone:
            log.error(
                "Offsets %d to %d of %s/%d were deleted from the log before they were taken in. "
                "Publish them again: what is known already does no harm.",
                first,
                last,
                stretch.topic,
                stretch.partition,
                extra={"action": "audit.gone"},
            )
            self._take(cluster, stretch, [], (first, last))
        return Audited(gone=sum(last - first + 1 for first, last in gone))


def reached(stretch: Stretch, ranges: Sequence[Range]) -> int:
    """Return the offset up to which everything should have been taken in; beyond it the stream is on its way."""
    return min(max(stretch.committed, next_offset(ranges)), stretch.end)


def holes(ranges: Sequence[Range], start: int, end: int) -> list[Range]:
    """Return the runs of positions from `start` up to but not including `end` that no range covers."""
    uncovered: list[Range] = []
    at = start
    for first, last in merged(ranges):
        if first > at and at < end:
            uncovered.append((at, min(first, end) - 1))
        at = max(at, last + 1)
    if at < end:
        uncovered.append((at, end - 1))
    return uncovered


class Watchdog:
    """Notices partitions that have messages waiting and whose position does not move."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall = stall_seconds
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}

    def look(self, waiting: Mapping[tuple[str, int], int], at: float) -> list[tuple[str, int]]:
        """Return the (topic, partition) that stand still for too long.

        `waiting` has the position of each that is behind its log, `at` is seconds of a clock that only goes forward.
        """
        self._moved = {
            place: self._moved[place] if self._moved.get(place, (-1, 0.0))[0] == position else (position, at)
            for place, position in waiting.items()
        }
        return [place for place, (_, since) in self._moved.items() if at - since >= self._stall]

    def forget(self) -> None:
        """Start anew, after a time in which nothing could move."""
        self._moved.clear()


Hole = tuple[str, int, Range]
"""Topic, partition, and the first and last offset that nobody took."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What was not taken in: partitions that are behind, with their position, and holes that were passed over."""

    waiting: dict[tuple[str, int], int]
    holes: frozenset[Hole]


def lag_of(store: Store, log_of_topics: ConsumerLog) -> Lag:
    """Return the position of every (topic, partition) whose log goes on beyond what was taken in, and all holes.

    A hole may be one that somebody is about to fill; one that is seen again later is not. Raises NotNow like an audit.
    """
    cluster = log_of_topics.cluster()
    stretches = log_of_topics.stretches()
    with store.reading() as connection:
        ranges_by_partition = positions.ranges_of(connection, cluster)
    waiting, passed_over = {}, set()
    for stretch in stretches:
        ranges = ranges_by_partition.get((stretch.topic_id, stretch.partition), [])
        position = next_offset(ranges) or stretch.start
        if position < stretch.end:
            waiting[stretch.topic, stretch.partition] = position
        for hole in holes(ranges, stretch.start, reached(stretch, ranges)):
            passed_over.add((stretch.topic, stretch.partition, hole))
    return Lag(waiting, frozenset(passed_over))


def pieces(messages: Iterable[LogRecord]) -> Iterator[list[LogRecord]]:
    """Cut what the log gives into batches."""
    waiting = iter(messages)
    while piece := list(islice(waiting, AT_ONCE)):
        yield piece
