"""Importing: events of a file are shown as a plan first, then taken in by the batch like from any door."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from workers.changes import Changes
from workers.duetime import in_zone
from workers.envelope import Event, Rejected
from workers.imports import ImportRow
from workers.intake import Intake
from workers.records import Touchpoint
from workers.store.ledger import Incoming, Taken
from workers.words import Door, TouchpointState

BATCH = 500
CONFIRM_ABOVE = 1000
"""Mails above which an import needs a second word."""


@dataclass(slots=True)
class Preview:
    """What an import would plan: mails by day, and what would be skipped, held or cancelled, by reason."""

    rows: int = 0
    events: int = 0
    rejected: int = 0
    planned: int = 0
    per_day: Counter[str] = field(default_factory=Counter)
    not_sent: Counter[str] = field(default_factory=Counter)

    def count(self, changes: Changes, zone: str) -> None:
        """Count the touchpoints of one event's changes."""
        for row in changes.rows():
            if not isinstance(row, Touchpoint):
                continue
            if row.state == TouchpointState.PLANNED:
                self.planned += 1
                self.per_day[in_zone(row.wake_at, zone).date().isoformat()] += 1
            else:
                self.not_sent[f"{row.state}: {row.reason}"] += 1

    def as_dict(self) -> dict[str, object]:
        """Return the preview as one JSON value."""
        return {
            "rows": self.rows,
            "events": self.events,
            "rejected": self.rejected,
            "planned": self.planned,
            "per_day": dict(sorted(self.per_day.items())),
            "not_sent": dict(sorted(self.not_sent.items())),
        }

    def as_text(self) -> str:
        """Return the preview for a terminal."""
        lines = [f"{self.rows} rows, {self.events} events, {self.rejected} refused", f"{self.planned} surveys planned"]
        busiest = sorted(self.per_day.items())
        lines += [f"  {day}  {count} mails" for day, count in busiest[:31]]
        if len(busiest) > 31:
            lines.append(f"  and {len(busiest) - 31} later days, {sum(count for _, count in busiest[31:])} mails")
        lines += [f"  {reason}: {count}" for reason, count in sorted(self.not_sent.items())]
        return "\n".join(lines)


@dataclass(slots=True)
class Imported:
    """What became of a file."""

    rows: int = 0
    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    dead_letters: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts as one JSON value."""
        return {
            "rows": self.rows,
            "events": self.events,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "dead_letters": self.dead_letters,
        }


def messages(rows: Iterable[ImportRow]) -> Iterator[tuple[int, Incoming, Rejected | None]]:
    """Give each message of each row: an event as bytes, or the row itself with why it is none."""
    for row in rows:
        if row.rejected is not None:
            yield row.line, Incoming(row.raw), row.rejected
        for body in row.events:
            yield row.line, Incoming(body, {}, "application/cloudevents+json"), None


def preview(rows: Iterable[ImportRow], intake: Intake, zone: str) -> Preview:
    """Return what the rows would plan; stores nothing."""
    found = Preview()
    lines: set[int] = set()

    def counted() -> Iterator[Incoming]:
        for line, message, rejected in messages(rows):
            lines.add(line)
            found.events += rejected is None
            found.rejected += rejected is not None
            if rejected is None:
                yield message

    for event, changes in intake.dry_run(counted()):
        found.rejected += isinstance(event, Rejected)
        found.count(changes, zone)
    found.rows = len(lines)
    return found


def take_in(rows: Iterable[ImportRow], intake: Intake, tell: Callable[[int], None]) -> Imported:
    """Take every row in, batch by batch; `tell` hears how many events are done. Idempotent."""
    found = Imported()
    batch: list[Incoming] = []
    refusals: list[Rejected | None] = []
    last_line = 0

    def flush() -> None:
        for outcome in intake.take(batch, Door.FILE, refused=refusals):
            found.accepted += outcome.taken == Taken.ACCEPTED
            found.duplicates += outcome.taken == Taken.DUPLICATE
            found.dead_letters += outcome.taken == Taken.REJECTED
        tell(len(batch))
        batch.clear()
        refusals.clear()

    for line, message, rejected in messages(rows):
        found.rows += line != last_line
        last_line = line
        found.events += rejected is None
        batch.append(message)
        refusals.append(rejected)
        if len(batch) >= BATCH:
            flush()
    if batch:
        flush()
    return found


def plan_of(events: Iterable[Incoming], intake: Intake) -> list[dict[str, object]]:
    """Return what each event would plan, or why it is refused; stores nothing."""
    return [planned(event, changes) for event, changes in intake.dry_run(events)]


def planned(event: Event | Rejected, changes: Changes) -> dict[str, object]:
    """Return one event's touchpoints with due time, state and reason."""
    touchpoints = [
        {
            "touchpoint": row.step,
            "trigger": row.trigger,
            "due_at": row.due_at.isoformat(),
            "state": str(row.state),
            "reason": str(row.reason),
        }
        for row in changes.rows()
        if isinstance(row, Touchpoint)
    ]
    found: dict[str, object] = {"event": event.id, "touchpoints": touchpoints}
    if isinstance(event, Rejected):
        found["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in event.faults]
    elif event.left_out:
        found["left_out"] = left_out(event)
    return found


def left_out(event: Event) -> list[dict[str, str]]:
    """Return what an accepted event goes without, each field with its place and why."""
    return [{"pointer": each.pointer, "detail": each.detail} for each in event.left_out]
