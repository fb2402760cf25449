"""Run past responses through two tables and say what would change: kinds of change, tickets and mails per day.

Plain values in; both tables decide through their compiled form. Must not read files or a database.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from workers.calendar.durations import Wait, add_wait
from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.model.table import Inputs, Outcome, OutcomeKind, Role, Table
from workers.decision_table.model.values import Scalar, show
from workers.errors import BadInput

_TICKET_ACTIONS = frozenset({"urgent_contact", "call_back", "reopen_ticket"})


@dataclass(frozen=True, slots=True)
class PastResponse:
    """One answer as it was decided: its id, the customer, when it came in, and the inputs of the follow-up table."""

    id: str
    customer: str
    received_at: datetime
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change: what was done, what would be done, and how often."""

    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Tickets and mails of one day (UTC, delayed ones on the day they fall due), under the old and the new table."""

    day: date
    old_tickets: int
    new_tickets: int
    old_mails: int
    new_mails: int

    @property
    def differs(self) -> bool:
        """Say whether the new table does more or less on this day than the old one."""
        return (self.old_tickets, self.old_mails) != (self.new_tickets, self.new_mails)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a new table would have done to past responses; `days` has every day with a ticket or a mail."""

    compared: int
    unchanged: int
    not_replayable: int
    reasons: Mapping[str, int]
    changes: tuple[Change, ...]
    new_tickets: tuple[str, ...]
    lost_tickets: tuple[str, ...]
    days: tuple[DayLoad, ...]

    @property
    def per_day(self) -> tuple[DayLoad, ...]:
        return tuple(day for day in self.days if day.differs)

    def as_json(self) -> dict[str, object]:
        """Return the backtest as `boucle rules backtest --format json` prints it."""
        return {
            "compared": self.compared,
            "unchanged": self.unchanged,
            "not_replayable": self.not_replayable,
            "not_replayable_reasons": [{"reason": why, "count": count} for why, count in self.reasons.items()],
            "changes": [{"from": change.before, "to": change.after, "count": change.count} for change in self.changes],
            "new_tickets": list(self.new_tickets),
            "lost_tickets": list(self.lost_tickets),
            "per_day": [
                {
                    "day": counts.day.isoformat(),
                    "old_tickets": counts.old_tickets,
                    "new_tickets": counts.new_tickets,
                    "old_mails": counts.old_mails,
                    "new_mails": counts.new_mails,
                }
                for counts in self.per_day
            ],
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """What one outcome means for people: a text that says it, whether a ticket opens, and when mails go out."""

    text: str
    ticket: bool
    mails: tuple[Wait, ...]


@dataclass(slots=True)
class _Tally:
    """Counts of one side: how often each effect began on each day or, for waits in hours, at each moment."""

    tickets: Counter[date] = field(default_factory=Counter)
    mails: Counter[date] = field(default_factory=Counter)
    begun: Counter[tuple[date, int]] = field(default_factory=Counter)


def effect_of(table: Table, outcome: Outcome) -> Effect:
    """Return what an outcome would do; outputs that are notes do nothing."""
    if outcome.kind is OutcomeKind.PARKED:
        return Effect("parked", False, ())
    notes = {column.name for column in table.outputs if column.role is Role.NOTE}
    rows = [{name: value for name, value in row.items() if name not in notes} for row in outcome.outputs]
    mails = tuple(wait for row in rows for wait in _mails(row))
    ticket = any(_opens_ticket(row) for row in rows)
    return Effect(" | ".join(_in_words(row) for row in rows) or "nothing", ticket, mails)


def _opens_ticket(row: Mapping[str, Scalar | None]) -> bool:
    return row.get("ticket due") is not None or any(value in _TICKET_ACTIONS for value in row.values())


def _mails(row: Mapping[str, Scalar | None]) -> list[Wait]:
    mails = []
    for name, value in row.items():
        base, _, number = name.rpartition(" ")
        if value is not None and (base == "template" or name == "template"):
            wait = row.get(f"wait {number}" if base else "wait")
            mails.append(wait if isinstance(wait, Wait) else Wait())
    return mails


def _in_words(row: Mapping[str, Scalar | None]) -> str:
    """Say what one row does: `thank_you thanks now; testimonial_request testimonial P10D; ticket due PT4H`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, value in row.items():
        if value is not None:
            _, _, number = name.rpartition(" ")
            text = "now" if value == Wait() else show(value)
            groups[number if number.isdecimal() else name].append(text if number.isdecimal() else f"{name} {text}")
    return "; ".join(" ".join(parts) for parts in groups.values())


def backtest(old: Compiled, new: Compiled, responses: Iterable[PastResponse]) -> Backtest:
    """Compare two follow-up tables on past responses.

    A response that either table refuses, or of which one asks what was not kept, is not replayable.
    """
    run = _Run()
    for response in responses:
        unkept = not_kept(response.inputs, old.table, new.table)
        if unkept:
            run.reasons[unkept] += 1
            continue
        try:
            pair = old.decide(response.inputs), new.decide(response.inputs)
        except BadInput as fault:
            run.reasons[str(fault)] += 1
            continue
        before = run.begin(0, old.table, pair[0], response)
        after = run.begin(1, new.table, pair[1], response)
        run.compare(before, after, response.id)
    return run.finish()


def not_kept(inputs: Inputs, *tables: Table) -> str:
    """Return why past inputs cannot be decided on by tables with these columns, empty when they can.

    What a decision was not told is not unknown to it: a table that asks for more would answer another question.
    """
    asked = {column.name: None for table in tables for column in table.inputs if not column.missing}
    lacking = [name for name in asked if name not in inputs]
    if not lacking:
        return ""
    return f"{', '.join(lacking)}: not kept with this answer; its table did not ask for it, or it was erased since."


@dataclass(slots=True)
class _Run:
    """What a backtest has counted so far. Outcomes are known by identity: a compiled table hands out few of them."""

    sides: tuple[_Tally, _Tally] = field(default_factory=lambda: (_Tally(), _Tally()))
    compared: int = 0
    kinds: Counter[tuple[int, int]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    effects: dict[int, Effect] = field(default_factory=dict)
    kept: list[Outcome] = field(default_factory=list)  # keeps the outcomes alive, so that no identity is used twice
    new_tickets: list[str] = field(default_factory=list)
    lost_tickets: list[str] = field(default_factory=list)

    def begin(self, side: int, table: Table, outcome: Outcome, response: PastResponse) -> int:
        number = id(outcome)
        if number not in self.effects:
            self.effects[number] = effect_of(table, outcome)
            self.kept.append(outcome)
        _begin(self.sides[side], response.received_at, self.effects[number], number)
        return number

    def compare(self, before: int, after: int, response_id: str) -> None:
        self.compared += 1
        old, new = self.effects[before], self.effects[after]
        if old.text != new.text:
            self.kinds[before, after] += 1
        if new.ticket and not old.ticket:
            self.new_tickets.append(response_id)
        elif old.ticket and not new.ticket:
            self.lost_tickets.append(response_id)

    def finish(self) -> Backtest:
        changes = _changes(self.kinds, self.effects)
        for side in self.sides:
            _finish(side, self.effects)
        return Backtest(
            compared=self.compared,
            unchanged=self.compared - sum(change.count for change in changes),
            not_replayable=self.reasons.total(),
            reasons=dict(self.reasons.most_common(10)),
            changes=changes,
            new_tickets=tuple(self.new_tickets),
            lost_tickets=tuple(self.lost_tickets),
            days=_per_day(*self.sides),
        )


def _changes(kinds: Counter[tuple[int, int]], effects: Mapping[int, Effect]) -> tuple[Change, ...]:
    texts: Counter[tuple[str, str]] = Counter()
    for (before, after), count in kinds.items():
        texts[effects[before].text, effects[after].text] += count
    return tuple(Change(before, after, count) for (before, after), count in texts.most_common())


def _begin(side: _Tally, at: datetime, effect: Effect, number: int) -> None:
    """Count an outcome: by day where its waits are whole days, so that many responses cost one computation."""
    if any(wait.seconds for wait in effect.mails):
        side.tickets[at.date()] += effect.ticket
        for wait in effect.mails:
            side.mails[_due_day(at, wait)] += 1
    else:
        side.begun[at.date(), number] += 1


def _finish(side: _Tally, effects: Mapping[int, Effect]) -> None:
    for (day, number), count in side.begun.items():
        effect = effects[number]
        if effect.ticket:
            side.tickets[day] += count
        for wait in effect.mails:
            side.mails[_due_day(datetime.combine(day, datetime.min.time(), UTC), wait)] += count


def _due_day(at: datetime, wait: Wait) -> date:
    return add_wait(at, wait, "UTC").date()


def _per_day(old: _Tally, new: _Tally) -> tuple[DayLoad, ...]:
    days = sorted({*old.tickets, *new.tickets, *old.mails, *new.mails})
    return tuple(DayLoad(day, old.tickets[day], new.tickets[day], old.mails[day], new.mails[day]) for day in days)
