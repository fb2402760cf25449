"""The run of an import: events of a file are shown as a plan first, then taken in by the batch like from any door.

What the plan says of a row is what the real run does with it: both ask the same steps.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

from workers.calendar import in_zone
from workers.cloudevents import Event, Rejected
from workers.domain.changeset import ChangeSet
from workers.domain.records import Touchpoint
from workers.domain.types import Ingress, TouchpointState
from workers.store.ledger import Incoming, InFile, Outcome, Refused, Taken
from workers.usecases.csv_import import ImportRow
from workers.usecases.intake import Intake
from workers.usecases.rehearsal import Rehearsal

BATCH = 500
CONFIRM_ABOVE = 1000
"""Mails above which an import needs a second word, however late they leave."""
LISTED_AT_MOST = 10_000
"""Refusals that a plan lists; the others are counted."""
SHOWN = 20
"""Refusals that a terminal shows."""
STRUCTURED = "application/cloudevents+json"


@dataclass(slots=True)
class Preview:
    """What an import would do: rows, events, what is refused and why, mails by day, and what would not be sent."""

    rows: int = 0
    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list)
    left_out: list[Refused] = field(default_factory=list)
    planned: int = 0
    due_at_once: int = 0
    per_day: Counter[str] = field(default_factory=Counter)
    not_sent: Counter[str] = field(default_factory=Counter)

    def count(self, message: Incoming, outcome: Outcome) -> None:
        """Count what becomes of one message, and list what is refused or left out, up to `LISTED_AT_MOST` of each."""
        self.accepted += outcome.taken == Taken.ACCEPTED
        self.duplicates += outcome.taken == Taken.DUPLICATE
        self.refused += outcome.taken == Taken.REJECTED
        place = message.place
        if place is None:
            return
        if outcome.rejected is not None and len(self.refusals) < LISTED_AT_MOST:
            self.refusals.append(place.refused(outcome.rejected))
        elif outcome.taken == Taken.ACCEPTED and outcome.event is not None:
            self.left_out += fields_left_out(place, outcome.event)[: LISTED_AT_MOST - len(self.left_out)]

    def count_mails(self, changes: ChangeSet, zone: str, now: datetime) -> None:
        """Count the touchpoints of one event's changes; what is due by `now` leaves at once."""
        for row in changes.rows():
            if not isinstance(row, Touchpoint):
                continue
            if row.state == TouchpointState.PLANNED:
                self.planned += 1
                self.due_at_once += row.wake_at <= now
                self.per_day[in_zone(row.wake_at, zone).date().isoformat()] += 1
            else:
                self.not_sent[f"{row.state}: {row.reason}"] += 1

    def as_dict(self) -> dict[str, object]:
        """Return the preview as one JSON value; `rejected` is what version 0.1.0 called `refused`."""
        return {
            "rows": self.rows,
            "events": self.events,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": self.refused,
            "rejected": self.refused,
            "refusals": [asdict(each) for each in self.refusals],
            "refusals_not_listed": self.refused - len(self.refusals),
            "left_out": [asdict(each) for each in self.left_out],
            "planned": self.planned,
            "due_at_once": self.due_at_once,
            "per_day": dict(sorted(self.per_day.items())),
            "not_sent": dict(sorted(self.not_sent.items())),
        }

    def as_text(self) -> str:
        """Return the preview for a terminal."""
        counts = f"{self.accepted} accepted, {self.duplicates} known already, {self.refused} refused"
        lines = [f"{self.rows} rows, {self.events} events: {counts}"]
        lines += [f"  {each.sentence}" for each in self.refusals[:SHOWN]]
        if self.refused > SHOWN:
            lines.append(f"  and {self.refused - SHOWN} more refusals; --format json lists them")
        if self.left_out:
            lines.append(f"{len(self.left_out)} fields left out, the events count without them")
            lines += [f"  {each.sentence}" for each in self.left_out[:SHOWN]]
        lines.append(f"{self.planned} surveys planned, {self.due_at_once} of them due at once")
        busiest = sorted(self.per_day.items())
        lines += [f"  {day}  {mails(count)}" for day, count in busiest[:31]]
        if len(busiest) > 31:
            lines.append(f"  and {len(busiest) - 31} later days, {sum(count for _, count in busiest[31:])} mails")
        lines += [f"  {reason}: {count}" for reason, count in sorted(self.not_sent.items())]
        return "\n".join(lines)

    @property
    def question(self) -> str:
        """Return what must be asked before the file is taken in; empty where nothing leaves at once."""
        if self.due_at_once:
            later = self.planned - self.due_at_once
            return f"{mails(self.due_at_once)} would leave at once" + (f", {later} later." if later else ".")
        return f"{mails(self.planned)} would be planned." if self.planned > CONFIRM_ABOVE else ""


def mails(count: int) -> str:
    """Return a number of mails in words."""
    return f"{count} mail" if count == 1 else f"{count} mails"


def fields_left_out(place: InFile, event: Event) -> list[Refused]:
    """Return what an accepted event goes without, by the cells of its row."""
    refusals = []
    for each in event.left_out:
        column, value, advice = place.cell_of(each.pointer)
        refusals.append(Refused(place.line, column, value, each.done, advice or each.detail))
    return refusals


@dataclass(slots=True)
class Imported:
    """What became of a file: rows are lines of it, events what they made, and each event is one of the other three."""

    rows: int = 0
    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    dead_letters: int = 0

    def as_dict(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "events": self.events,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "dead_letters": self.dead_letters,
        }


def messages(row: ImportRow, file: str) -> Iterator[tuple[Incoming, Rejected | None]]:
    """Give each message of a row: an event as bytes, or the row itself with why it is none."""
    if row.rejected is not None:
        yield Incoming(row.raw, place=InFile(file, row.line, lambda _: (row.column, row.value, ""))), row.rejected
    for body, filled in zip(row.events, row.filled, strict=True):
        yield Incoming(body, {}, STRUCTURED, place=InFile(file, row.line, filled.cell_of)), None


def preview(rows: Iterable[ImportRow], file: str, rehearsal: Rehearsal, zone: str) -> Preview:
    """Return what the rows would do, in the order of the file; stores nothing."""
    shown, now = Preview(), rehearsal.now()

    def counted() -> Iterator[tuple[Incoming, Rejected | None]]:
        for row in rows:
            shown.rows += 1
            shown.events += len(row.events)
            yield from messages(row, file)

    for message, outcome, changes in rehearsal.outcomes(counted()):
        shown.count(message, outcome)
        shown.count_mails(changes, zone, now)
    return shown


def take_in(rows: Iterable[ImportRow], file: str, intake: Intake, tell: Callable[[int], None]) -> Imported:
    """Take every row in, batch by batch; `tell` hears how many events are done. Idempotent."""
    imported = Imported()
    batch: list[Incoming] = []
    refusals: list[Rejected | None] = []

    def flush() -> None:
        for outcome in intake.take(batch, Ingress.FILE, refused=refusals):
            imported.accepted += outcome.taken == Taken.ACCEPTED
            imported.duplicates += outcome.taken == Taken.DUPLICATE
            imported.dead_letters += outcome.taken == Taken.REJECTED
        tell(len(batch))
        batch.clear()
        refusals.clear()

    for row in rows:
        imported.rows += 1
        imported.events += len(row.events)
        for message, rejected in messages(row, file):
            batch.append(message)
            refusals.append(rejected)
        if len(batch) >= BATCH:
            flush()
    if batch:
        flush()
    return imported


def plan_of(events: Iterable[Incoming], intake: Intake) -> list[dict[str, object]]:
    """Return what each event would plan, or why it is refused; stores nothing."""
    return [planned(event, changes) for event, changes in intake.dry_run(events)]


def planned(event: Event | Rejected, changes: ChangeSet) -> dict[str, object]:
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
    plan: dict[str, object] = {"event": event.id, "touchpoints": touchpoints}
    if isinstance(event, Rejected):
        plan["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in event.faults]
    elif event.left_out:
        plan["left_out"] = left_out(event)
    return plan


def left_out(event: Event) -> list[dict[str, str]]:
    """Return what an accepted event goes without, each field with its place and why."""
    return [{"pointer": each.pointer, "detail": each.detail} for each in event.left_out]
