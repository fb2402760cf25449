"""Consumed positions: ranges per (cluster, topic id, partition), both ends included; read, extended, merged.

One number would hide holes, and a recreated topic would look consumed. Ranges are written with a batch's effects.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.store import tables

Place = tuple[str, int]
"""Topic id and partition."""
Range = tuple[int, int]
"""First and last offset, both consumed."""


@dataclass(frozen=True, slots=True)
class Consumed:
    """Positions of one partition that a batch covers, both ends included."""

    cluster: str
    topic_id: str
    partition: int
    first: int
    last: int


def record_consumed(connection: Connection, ranges: Sequence[Consumed]) -> None:
    """Keep the consumed positions; a range that comes again is known already, or grows."""
    if ranges:
        values = [
            {"cluster": r.cluster, "topic_id": r.topic_id, "partition": r.partition, "first": r.first, "last": r.last}
            for r in sorted(ranges, key=lambda r: (r.cluster, r.topic_id, r.partition, r.first))
        ]
        connection.execute(EXTEND[connection.dialect.name], values)


def extend_postgresql() -> sa.Insert:
    """Return PostgreSQL's statement that adds a range or lets a known one grow."""
    insert = postgresql.insert(tables.consumed)
    longer = sa.func.greatest(tables.consumed.c.last, insert.excluded.last)
    return insert.on_conflict_do_update(index_elements=tables.consumed.primary_key.columns, set_={"last": longer})


def extend_sqlite() -> sa.Insert:
    """Return SQLite's statement that adds a range or lets a known one grow."""
    insert = sqlite.insert(tables.consumed)
    longer = sa.func.max(tables.consumed.c.last, insert.excluded.last)
    return insert.on_conflict_do_update(index_elements=tables.consumed.primary_key.columns, set_={"last": longer})


EXTEND = {"postgresql": extend_postgresql(), "sqlite": extend_sqlite()}


def ranges_of(connection: Connection, cluster: str) -> dict[Place, list[Range]]:
    """Return the consumed ranges of a cluster as they stand, in the order of their first offsets."""
    c = tables.consumed.c
    query = sa.select(c.topic_id, c.partition, c.first, c.last).where(c.cluster == cluster).order_by(c.first)
    ranges: dict[Place, list[Range]] = {}
    for topic_id, partition, first, last in connection.execute(query):
        ranges.setdefault((topic_id, partition), []).append((first, last))
    return ranges


def next_offset(ranges: Iterable[Range]) -> int:
    """Return the offset behind the last range; 0 without any, and holes before it say nothing."""
    return max((last + 1 for _, last in ranges), default=0)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the same positions in as few ranges as there can be."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def merge(connection: Connection, cluster: str) -> int:
    """Put ranges that touch together in the table and return how many rows that saves. Idempotent."""
    saved = 0
    c = tables.consumed.c
    for (topic_id, partition), ranges in ranges_of(connection, cluster).items():
        whole = merged(ranges)
        if len(whole) == len(ranges):
            continue
        record_consumed(connection, [Consumed(cluster, topic_id, partition, *part) for part in whole])
        kept = {first for first, _ in whole}
        gone = [first for first, _ in ranges if first not in kept]
        here = sa.and_(c.cluster == cluster, c.topic_id == topic_id, c.partition == partition)
        for start in range(0, len(gone), 500):
            connection.execute(sa.delete(tables.consumed).where(here, c.first.in_(gone[start : start + 500])))
        saved += len(gone)
    return saved


def count_consumed(connection: Connection) -> int:
    """Return how many records were consumed, of all partitions together."""
    c = tables.consumed.c
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(c.last - c.first + 1), 0))).scalar_one())
