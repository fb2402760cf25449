"""Reads what is planned: how much on which day, what is held or was left out and why, and whom a choice touches.

Reads only. Days are counted by the instants of their midnights, one short query each over the index of what waits.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Action, Customer, Touchpoint
from workers.domain.types import ActionState, CustomerId, DispatchState, TouchpointState
from workers.store import read, tables
from workers.store.counts import running_counts

PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)
WAITING = (ActionState.PLANNED, ActionState.HELD)
LEFT_OUT = (TouchpointState.SKIPPED, TouchpointState.CANCELLED)
TOUCHPOINT, ACTION, MAIL = "touchpoint", "action", "mail"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose: touchpoints of a step or actions of a name, of some days, or of one person."""

    kind: str
    name: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    key: str = ""

    def condition(self) -> sa.ColumnElement[bool]:
        """Return the condition of the rows that are chosen and still wait."""
        table = tables.touchpoint if self.kind == TOUCHPOINT else tables.action
        when = table.c.wake_at if self.kind == TOUCHPOINT else table.c.due_at
        name = table.c.step if self.kind == TOUCHPOINT else table.c.name
        tests: list[sa.ColumnElement[bool]] = [
            tables.one_of(table.c.state, PENDING if self.kind == TOUCHPOINT else WAITING)
        ]
        if self.name:
            tests.append(name == self.name)
        if self.begins is not None:
            tests.append(when >= self.begins)
        if self.ends is not None:
            tests += [when < self.ends, table.c.state == TouchpointState.PLANNED]
        if self.key:
            tests.append((table.c.journey if self.kind == TOUCHPOINT else table.c.id) == self.key)
        return sa.and_(*tests)

    @property
    def table(self) -> sa.Table:
        return tables.touchpoint if self.kind == TOUCHPOINT else tables.action


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows a choice has, and of how many people."""

    rows: int
    people: int


def planned_of(state: sa.ColumnElement[StrEnum], waiting: Sequence[StrEnum]) -> sa.ColumnElement[bool]:
    """Return the condition of what is planned, in the words of the index of all that waits, which it is read by."""
    return sa.and_(tables.one_of(state, waiting), tables.one_of(state, waiting[:1]))


def per_day(connection: Connection, midnights: Sequence[datetime]) -> Iterator[list[tuple[str, str, int]]]:
    """Give for each day what is planned, as kind, name and count; the first day has what is due already as well."""
    touchpoint, action, mail = tables.touchpoint, tables.action, tables.dispatch
    planned = (
        (TOUCHPOINT, touchpoint.c.step, touchpoint.c.wake_at, planned_of(touchpoint.c.state, PENDING)),
        (ACTION, action.c.name, action.c.due_at, planned_of(action.c.state, WAITING)),
        (MAIL, mail.c.template, mail.c.not_before, tables.one_of(mail.c.state, [DispatchState.READY])),
    )
    for n, (begins, ends) in enumerate(itertools.pairwise(midnights)):
        counts: list[tuple[str, str, int]] = []
        for kind, name, when, waits in planned:
            since = sa.true() if n == 0 else when >= begins
            query = sa.select(name, sa.func.count()).where(waits, since, when < ends).group_by(name).order_by(name)
            counts += [(kind, str(label), int(count)) for label, count in connection.execute(query)]
        yield counts


def steps(connection: Connection) -> list[str]:
    """Return every touchpoint that somebody still waits for, by name."""
    counts = running_counts.cells(connection, ["touchpoints"])
    return sorted({step for (_, step, state, _), n in counts.items() if state in PENDING and n > 0})


HELD = tables.one_of(tables.touchpoint.c.state, [TouchpointState.HELD])
HELD_SHOWN = 50_000
"""Held touchpoints up to which each detail of a reason is counted; of more, the reasons are."""


def held(connection: Connection) -> list[tuple[str, str, str, int]]:
    """Return what is held now: step, reason, detail and count; details only where not very many are held."""
    kept = {
        (step, reason): n
        for (_, step, state, reason), n in running_counts.cells(connection, ["touchpoints"]).items()
        if state == TouchpointState.HELD
    }
    if sum(kept.values()) > HELD_SHOWN:
        return [(step, reason, "", n) for (step, reason), n in sorted(kept.items())]
    c = tables.touchpoint.c
    query = sa.select(c.step, c.reason, c.detail, sa.func.count()).where(HELD)
    grouped = query.group_by(c.step, c.reason, c.detail).order_by(c.step, c.reason, c.detail)
    return [
        (str(step), str(reason), str(detail), int(count)) for step, reason, detail, count in connection.execute(grouped)
    ]


def left_out(connection: Connection, since: datetime) -> list[tuple[str, str, str, int]]:
    """Return what was skipped or cancelled since an instant: step, state, reason and count."""
    c = tables.touchpoint.c
    query = sa.select(c.step, c.state, c.reason, sa.func.count())
    query = query.where(tables.one_of(c.state, LEFT_OUT), c.changed_at >= since)
    grouped = query.group_by(c.step, c.state, c.reason).order_by(c.step, c.state, c.reason)
    return [
        (str(step), str(state), str(reason), int(count)) for step, state, reason, count in connection.execute(grouped)
    ]


def count(connection: Connection, chosen: Chosen) -> Counted:
    """Return how many rows a choice has, and of how many people."""
    table = chosen.table
    query = sa.select(sa.func.count(), sa.func.count(table.c.customer.distinct())).where(chosen.condition())
    rows, people = connection.execute(query).one()
    return Counted(int(rows), int(people))


def customers_of(connection: Connection, chosen: Chosen, after: str, limit: int) -> list[CustomerId]:
    """Return some of the people whom a choice touches, in key order, after the last one done."""
    table = chosen.table
    query = sa.select(table.c.customer).distinct().where(chosen.condition()).order_by(table.c.customer).limit(limit)
    if after:
        query = query.where(table.c.customer > after)
    return [CustomerId(str(row)) for row in connection.execute(query).scalars()]


def rows_of(connection: Connection, chosen: Chosen, customers: Sequence[str]) -> Sequence[Touchpoint | Action]:
    """Return those of the chosen rows that some people have."""
    theirs = (chosen.condition(), chosen.table.c.customer.in_(customers))
    if chosen.kind == TOUCHPOINT:
        return read.rows(connection, Touchpoint, *theirs)
    return read.rows(connection, Action, *theirs)


def people(connection: Connection, chosen: Chosen, limit: int) -> list[tuple[Touchpoint | Action, Customer]]:
    """Return some of the chosen rows with their customers, the one due first on top."""
    table, customer = chosen.table, tables.customer
    when = table.c.wake_at if chosen.kind == TOUCHPOINT else table.c.due_at
    kind: type[Touchpoint] | type[Action] = Touchpoint if chosen.kind == TOUCHPOINT else Action
    width = len(table.columns)
    query = sa.select(table, customer).join(customer, customer.c.id == table.c.customer)
    rows = connection.execute(query.where(chosen.condition()).order_by(when, table.c.customer).limit(limit))
    return [(kind(*row[:width]), Customer(*row[width:])) for row in rows]
