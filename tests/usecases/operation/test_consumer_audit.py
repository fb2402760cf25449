"""What the consumer group passed over is taken in, and a stream that stands still is noticed."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import orjson
from embedded import Embedded
from fakelog import FakeLog
from hypothesis import given
from hypothesis import strategies as st

from workers import app
from workers import settings as settings_module
from workers.adapters import kafka
from workers.adapters.clock import FixedClock
from workers.domain.records import Inbox
from workers.store import positions, read
from workers.store.engine import Store
from workers.store.positions import Consumed, Range, merged, record_consumed
from workers.streams.guards import StreamGuards
from workers.streams.positions import Positions
from workers.usecases.operation.consumer_audit import Audited, ConsumerAudit, Lag, Watchdog, holes, lag_of
from workers.usecases.operation.migrate import migrate

NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1])))


def delivery(number: int) -> bytes:
    """Return one event."""
    subject = f"c{number}"
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "shop",
            "type": "boucle.journey.delivery.v1",
            "subject": subject,
            "time": NOW.isoformat(),
        }
    )


def installation(home: Path) -> app.Boucle:
    """Return an embedded installation at a fixed time."""
    settings = settings_module.read({"BOUCLE_HOME": str(home), "BOUCLE_SECRET": "test"})
    migrate(app.Boucle(settings).store)
    return app.start(settings, clock=FixedClock(NOW))


def accepted(store: Store) -> list[str]:
    """Return the ids of the events that were accepted."""
    with store.reading() as connection:
        return sorted((row.event_id for row in read.rows(connection, Inbox)), key=int)


def ranges(store: Store) -> dict[positions.Place, list[Range]]:
    """Return the consumed ranges."""
    with store.reading() as connection:
        return positions.ranges_of(connection, "cluster")


def test_what_was_passed_over_is_taken_in_once(tmp_path: Path) -> None:
    """A hole below the group's position is read back, the positions are whole after it, and no second time."""
    boucle = installation(tmp_path)
    log = FakeLog({n: delivery(n) for n in range(10)}, end=10, committed=8)
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 2, 3)]))
    audit = ConsumerAudit(boucle.store, boucle.intake, log)
    assert audit.audit() == Audited(holes=2, taken=6)
    assert log.reads == [(0, 1), (4, 7)]
    assert accepted(boucle.store) == ["0", "1", "4", "5", "6", "7"]
    assert ranges(boucle.store) == {("first", 0): [(0, 7)]}
    assert audit.audit() == Audited()


def test_what_the_stream_is_about_to_take_is_no_hole(tmp_path: Path) -> None:
    """Beyond what was consumed and acknowledged nothing is read: the stream is on its way."""
    boucle = installation(tmp_path)
    log = FakeLog({n: delivery(n) for n in range(10)}, end=10)
    assert ConsumerAudit(boucle.store, boucle.intake, log).audit() == Audited()
    assert log.reads == []


def test_a_hole_that_proves_empty_is_closed_as_empty(tmp_path: Path) -> None:
    """Offsets without a message (a transaction's marker, a compacted record) are read once and never again."""
    boucle = installation(tmp_path)
    log = FakeLog({0: delivery(0), 4: delivery(4)}, end=5, committed=5)
    audit = ConsumerAudit(boucle.store, boucle.intake, log)
    assert audit.audit() == Audited(holes=1, taken=2, empty=3)
    assert audit.audit() == Audited()
    assert ranges(boucle.store) == {("first", 0): [(0, 4)]}


def test_a_topic_made_again_does_not_look_consumed(tmp_path: Path) -> None:
    """The same name with another topic id has holes of its own."""
    boucle = installation(tmp_path)
    first = FakeLog({0: delivery(0)}, end=1, committed=1)
    second = FakeLog({0: delivery(7)}, topic_id="second", end=1, committed=1)
    ConsumerAudit(boucle.store, boucle.intake, first).audit()
    ConsumerAudit(boucle.store, boucle.intake, second).audit()
    assert accepted(boucle.store) == ["0", "7"]
    assert set(ranges(boucle.store)) == {("first", 0), ("second", 0)}


def test_what_the_log_deleted_is_told_and_closed(tmp_path: Path) -> None:
    """Messages that retention deleted before they were taken in are counted as gone, once."""
    boucle = installation(tmp_path)
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 0, 1)]))
    log = FakeLog({n: delivery(n) for n in range(6, 9)}, start=6, end=9, committed=9)
    audit = ConsumerAudit(boucle.store, boucle.intake, log)
    assert audit.audit() == Audited(holes=1, taken=3, gone=4)
    assert audit.audit() == Audited()


def test_an_old_log_that_begins_late_is_no_loss(tmp_path: Path) -> None:
    """Where the log begins above 0 on first sight, nothing is missed."""
    boucle = installation(tmp_path)
    log = FakeLog({6: delivery(6)}, start=6, end=7, committed=7)
    assert ConsumerAudit(boucle.store, boucle.intake, log).audit() == Audited(holes=1, taken=1)


@given(RANGES, st.integers(0, 20), st.integers(0, 60))
def test_holes_are_exactly_what_no_range_covers(ranges: list[Range], start: int, end: int) -> None:
    """Merging keeps every position, and holes are the rest."""
    covered = {at for first, last in ranges for at in range(first, last + 1)}
    whole = merged(ranges)
    assert {at for first, last in whole for at in range(first, last + 1)} == covered
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(whole))
    uncovered = {at for first, last in holes(ranges, start, end) for at in range(first, last + 1)}
    assert uncovered == set(range(start, end)) - covered


def test_merging_saves_rows_and_loses_none(tmp_path: Path) -> None:
    """Many small ranges become one; a range that comes again, longer, grows."""
    boucle = installation(tmp_path)
    for first, last in ((0, 4), (5, 9), (20, 24), (0, 12), (25, 25)):
        place = Consumed("cluster", "first", 3, first, last)
        boucle.store.write(lambda c, consumed=place: record_consumed(c, [consumed]))  # type: ignore[misc]  # bound at once
    assert boucle.store.write(lambda c: positions.merge(c, "cluster")) == 2
    assert ranges(boucle.store) == {("first", 3): [(0, 12), (20, 25)]}
    assert boucle.store.write(lambda c: positions.merge(c, "cluster")) == 0


def test_a_partition_that_stands_still_is_noticed(tmp_path: Path) -> None:
    """Only a position that does not move for the whole time, with messages waiting, is a standstill."""
    watchdog = Watchdog(10)
    assert watchdog.look({("e", 0): 5, ("e", 1): 7}, 0) == []
    assert watchdog.look({("e", 0): 5, ("e", 1): 8}, 9) == []
    assert watchdog.look({("e", 0): 5, ("e", 1): 8}, 11) == [("e", 0)]
    assert watchdog.look({("e", 1): 8}, 12) == []
    assert watchdog.look({("e", 0): 5, ("e", 1): 8}, 20) == [("e", 1)]
    watchdog.forget()
    assert watchdog.look({("e", 0): 5, ("e", 1): 8}, 40) == []


def test_a_stream_is_behind_where_its_log_goes_on(tmp_path: Path) -> None:
    """The position of a partition counts as behind until it reaches the end of the log."""
    boucle = installation(tmp_path)
    log = FakeLog(end=9)
    assert lag_of(boucle.store, log).waiting == {("boucle.events", 0): 0}
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 0, 8)]))
    assert lag_of(boucle.store, log) == Lag({}, frozenset())


def test_a_hole_that_stands_is_audited_at_once(install: Callable[..., Embedded]) -> None:
    """What the stream passed over is closed when two looks in a row saw it: one look may see what is underway."""
    boucle = install()
    guards = guards_of(boucle)
    log = FakeLog(end=9)
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 0, 4)]))
    assert not guards.passed_over(lag_of(boucle.store, log).holes)
    assert not guards.passed_over(lag_of(boucle.store, log).holes)
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 7, 8)]))
    assert lag_of(boucle.store, log).holes == {("boucle.events", 0, (5, 6))}
    assert not guards.passed_over(lag_of(boucle.store, log).holes)
    assert guards.passed_over(lag_of(boucle.store, log).holes)
    boucle.store.write(lambda c: record_consumed(c, [Consumed("cluster", "first", 0, 5, 6)]))
    assert not guards.passed_over(lag_of(boucle.store, log).holes)


def test_a_partition_that_the_group_left_to_nobody_is_told_too(install: Callable[..., Embedded]) -> None:
    """Ours after the time of a stall, any other after twice that; the ones that move are no standstill."""
    boucle = install(stall_seconds="60")
    guards = guards_of(boucle)
    ours, left = ("boucle.events", 0), ("boucle.events", 12)
    assert guards.stalled({ours: 5, left: 0}, {ours}, 0) == []
    assert guards.stalled({ours: 6, left: 0}, {ours}, 60) == []
    assert guards.stalled({ours: 7, left: 0}, {ours}, 119) == []
    assert guards.stalled({ours: 8, left: 0}, {ours}, 120) == [left]
    assert guards.stalled({ours: 8, left: 1}, {ours}, 180) == [ours]


def guards_of(boucle: Embedded) -> StreamGuards:
    """Return the guards of a stream that has read nothing."""
    log = kafka.Log("127.0.0.1:1", ["boucle.events"], "boucle")
    audit = ConsumerAudit(boucle.store, boucle.parts.intake, log)
    return StreamGuards(boucle.store, audit, log, Positions("cluster", {}), boucle.parts.settings)
