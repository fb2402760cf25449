"""Who has something due: customers by the partial indexes on what waits, found and locked in one. Changes nothing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.visitors import replacement_traverse

from workers.domain.records import Customer
from workers.domain.survey.support_room import LAST_DAYS
from workers.domain.types import (
    ActionState,
    CustomerId,
    DispatchState,
    Reason,
    RequestState,
    ResponseState,
    TextState,
    TicketState,
    TouchpointState,
)
from workers.store import tables
from workers.store.engine import in_array
from workers.store.round_trips import ask, fetch
from workers.store.row_reading import as_records

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)
Moment = datetime | sa.BindParameter[datetime]
WAITING = (ActionState.PLANNED, ActionState.HELD)
LEAVING = (DispatchState.READY, DispatchState.LEASED, DispatchState.SENDING)
TEXTS_WAITING = (TextState.READY, TextState.SENDING)
ANSWERABLE = (RequestState.OPEN, RequestState.ANSWERED)


Patience = tuple[tuple[str, timedelta], ...]
"""Touchpoints that may wait for support, by name, and for how long."""


def waits_for_support(patient: Patience) -> sa.ColumnElement[bool]:
    """Return the condition of touchpoints that wait for support and still may, as `may_still_wait` of the core has it.

    Who was not looked at while support is busy is looked at once: only then it is known that nothing else keeps them.
    """
    c = tables.touchpoint.c
    still = [sa.and_(c.step == step, c.due_at > waited(n)) for n, (step, _) in enumerate(patient)]
    return sa.and_(c.reason == Reason.SUPPORT_BUSY, c.give_up_at > ENDING, sa.or_(*still))


def touchpoints_due(now: Moment, *, may_ask: bool, paused: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition of touchpoints to look at: due, and either askable or past their `give up after`."""
    table = tables.touchpoint
    due = sa.and_(tables.one_of(table.c.state, PENDING), table.c.wake_at <= now)
    if not may_ask:
        return sa.and_(due, table.c.give_up_at < now)
    if paused:
        unpaused = sa.and_(*(table.c.step != step for step in paused))
        return sa.and_(due, sa.or_(unpaused, table.c.give_up_at < now))
    return due


def responses_due(now: Moment) -> sa.ColumnElement[bool]:
    """Return the condition of answers that have been still for the settling time."""
    table = tables.response
    return sa.and_(table.c.state == ResponseState.SETTLING, table.c.settles_at <= now)


def actions_due(now: Moment) -> sa.ColumnElement[bool]:
    """Return the condition of actions whose wait is over."""
    table = tables.action
    return sa.and_(tables.one_of(table.c.state, WAITING), table.c.due_at <= now)


def requests_due(now: Moment) -> sa.ColumnElement[bool]:
    """Return the condition of requests whose answer may no longer change."""
    table = tables.survey_request
    return sa.and_(
        tables.one_of(table.c.state, ANSWERABLE),
        table.c.closes_at <= now,
    )


def tickets_due(now: Moment, moment: Moment | None = None) -> sa.ColumnElement[bool]:
    """Return the condition of waiting tickets whose date has come, and of overdue ones that the lead was not told of.

    With `told`, also of those of which the lead was told then or before.
    """
    table = tables.ticket
    untold: sa.ColumnElement[bool] = table.c.escalated_at.is_(None)
    if moment is not None:
        untold = sa.or_(untold, table.c.escalated_at <= moment)
    waiting = sa.and_(table.c.state == TicketState.WAITING, table.c.waiting_until <= now)
    overdue = sa.and_(table.c.first_contact_at.is_(None), table.c.due_at <= now, untold)
    half_time = sa.and_(table.c.state == TicketState.OPEN, table.c.half_time_at <= now)
    return sa.and_(table.c.state != TicketState.DONE, sa.or_(waiting, overdue, half_time))


def due_kinds(now: datetime) -> Iterator[tuple[str, sa.ColumnElement[Any], sa.ColumnElement[bool]]]:
    """Give each kind of work with the instant from which it is due, and which rows are due and not done.

    Dispatches come twice, because two indexes have them: those that wait, and those that a sender has in hand. Held and
    paused work counts too: it is what an operator looks for. What waits for support does not: it has a figure of its
    own, and waits for days as it should.
    """
    d = tables.dispatch.c
    ready = sa.and_(tables.one_of(d.state, LEAVING[:1]), d.not_before <= now)
    on_its_way = sa.and_(tables.one_of(d.state, LEAVING[1:]), d.not_before <= now)
    unpaced = tables.touchpoint.c.reason != Reason.SUPPORT_BUSY
    due = sa.and_(touchpoints_due(now, may_ask=True, paused=()), unpaced)
    yield "touchpoints", tables.touchpoint.c.wake_at, due
    yield "responses", tables.response.c.settles_at, responses_due(now)
    yield "survey_requests", tables.survey_request.c.closes_at, requests_due(now)
    yield "actions", tables.action.c.due_at, actions_due(now)
    yield "dispatches", d.not_before, ready
    yield "dispatches", d.not_before, on_its_way
    k = tables.ticket.c
    yield "tickets", sa.func.coalesce(k.waiting_until, k.half_time_at, k.due_at), tickets_due(now)
    yield "waves", tables.wave.c.at, sa.and_(tables.wave.c.done_at.is_(None), tables.wave.c.at <= now)


def count_due(connection: Connection, now: datetime) -> Iterator[tuple[str, int, datetime | None]]:
    """Give how much of each kind is due and not done, and the instant of the first; a kind may come twice."""
    for kind, at, is_due in due_kinds(now):
        n, first = connection.execute(sa.select(sa.func.count(), sa.func.min(at)).where(is_due)).one()
        yield kind, int(n), first


def count_due_mails(connection: Connection, now: datetime) -> int:
    """Return how many mails are due and have not left."""
    d = tables.dispatch.c
    conditions = (d.kind == "mail", d.state.in_(LEAVING), d.not_before <= now)
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(tables.dispatch).where(*conditions)).scalar_one()
    )


NOW = sa.bindparam("now", type_=tables.Instant())
TOLD = sa.bindparam("told", type_=tables.Instant())
ENDING = sa.bindparam("ending", type_=tables.Instant())
SINCE = sa.bindparam("since", type_=tables.Instant())
LIMIT = sa.bindparam("limit", type_=sa.Integer(), literal_execute=True)
"""Written into the statement: a planner that does not know how few are wanted sorts all of them."""
ONE: sa.ColumnElement[int] = sa.literal_column("1", sa.Integer())
LEFT_ALONE = "left_alone"
CUSTOMER_COLUMNS = len(Customer.names())


def first_waiting(table: sa.Table, when: str, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query for the customers of due rows, the longest wait first; built once, run often."""
    at = table.c[when]
    return (
        sa.select(tables.customer, at)
        .join_from(table, tables.customer, tables.customer.c.id == table.c.customer)
        .where(condition, at >= SINCE, sa.not_(in_array(table.c.customer, LEFT_ALONE)))
        .order_by(at)
        .limit(LIMIT)
    )


@lru_cache(16)
def locking(query: sa.Select[Any]) -> sa.Select[Any]:
    """Return a query for customers that locks them as it finds them, and passes over whom somebody else has locked.

    So several wakers find different customers, and none waits for another. SQLite, with one writer at a time, leaves
    the locking out.
    """
    return query.with_for_update(of=tables.customer, skip_locked=True)


RESPONSES = first_waiting(tables.response, "settles_at", responses_due(NOW))
ALWAYS = (
    RESPONSES,
    first_waiting(tables.action, "due_at", actions_due(NOW)),
    first_waiting(tables.ticket, "due_at", tickets_due(NOW, TOLD)),
    first_waiting(tables.survey_request, "closes_at", requests_due(NOW)),
)
GIVEN_UP = first_waiting(tables.touchpoint, "wake_at", touchpoints_due(NOW, may_ask=False, paused=()))
STAYS = ALWAYS[2]
"""Tickets stay where they are in their index when they were woken: how far it was read says nothing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: which kinds of work, until when it is due, and of whom not."""

    now: datetime
    may_ask: bool = True
    paused: frozenset[str] = frozenset()
    answers_only: bool = False
    told: datetime = LONG_AGO
    """The lead is told again of tickets of which they were told then or before."""
    but: frozenset[CustomerId] = frozenset()
    patient: Patience = ()
    """What may wait for support, while that has no room."""

    def queries(self) -> tuple[sa.Select[Any], ...]:
        """Return what finds the customers, what somebody waits for first."""
        if self.answers_only:
            return (RESPONSES,)
        if not self.may_ask:
            return (*ALWAYS, GIVEN_UP)
        return (*ALWAYS, askable(self.paused, self.patient))


@lru_cache(16)
def askable(paused: frozenset[str], patient: Patience) -> sa.Select[Any]:
    """Return what finds the customers of touchpoints that are neither paused nor wait for support."""
    due = touchpoints_due(NOW, may_ask=True, paused=sorted(paused))
    if patient:
        due = sa.and_(due, sa.not_(waits_for_support(patient)))
    return first_waiting(tables.touchpoint, "wake_at", due)


def waited(n: int) -> sa.BindParameter[datetime]:
    """Return the parameter that says since when the n-th of the touchpoints that may wait has waited too long."""
    return sa.bindparam(f"waited_{n}", type_=tables.Instant())


class DueCustomers:
    """Finds and locks customers with something due, and remembers how far each kind of work has been read.

    What was woken leaves dead entries at the front of its index, which stay while anybody looks at an old snapshot; a
    search from the beginning would walk over all of them each time. So the next one begins at the last instant found.
    What becomes due before that instant is not lost: when nothing more is found, everything is looked through once
    from the beginning, and `begin_anew` does the same in between.
    """

    def __init__(self) -> None:
        self._read_to: dict[sa.Select[Any], datetime] = {}

    def begin_anew(self) -> None:
        """Look from the beginning again."""
        self._read_to.clear()

    def lock(self, connection: Connection, wanted: Wanted, limit: int) -> list[Customer]:
        """Lock customers with something due whom nobody else holds and return them, who waits longest first."""
        due = self._lock_behind(connection, wanted, limit)
        if not due and self._read_to:
            self.begin_anew()
            due = self._lock_behind(connection, wanted, limit)
        return due

    def _lock_behind(self, connection: Connection, wanted: Wanted, limit: int) -> list[Customer]:
        """Lock customers with something due behind what was read so far."""
        due: dict[str, Customer] = {}
        for query in which_find(connection, wanted, self._read_to):
            if len(due) >= limit:
                break
            since = self._read_to.get(query, BEGINNING)
            values = {**values_of(wanted), "since": since, "limit": limit - len(due)}
            found = lock_found(connection, query, values)
            for customer, _ in found:
                due.setdefault(customer.id, customer)
            if found and query is not STAYS:
                self._read_to[query] = found[-1][1]
        return list(due.values())


def lock_found(
    connection: Connection, query: sa.Select[Any], values: Mapping[str, object]
) -> list[tuple[Customer, datetime]]:
    """Lock the customers whom a query finds, and return each with the instant since when they wait."""
    if connection.dialect.name != "sqlite":
        rows = connection.execute(locking(query), values)
        return [(Customer(*row[:CUSTOMER_COLUMNS]), row[CUSTOMER_COLUMNS]) for row in rows]
    rows_found = ask(connection, counting_by_parameter(query), values)
    customers = as_records(Customer, [row[:CUSTOMER_COLUMNS] for row in rows_found], is_sqlite=True)
    since = (datetime.fromisoformat(row[CUSTOMER_COLUMNS]) for row in rows_found)
    return list(zip(customers, since, strict=True))


@lru_cache(16)
def counting_by_parameter(query: sa.Select[Any]) -> sa.Select[Any]:
    """Return a query for SQLite, whose planner does not mind how many rows are wanted: one text for any number."""
    return query.limit(sa.bindparam("limit", type_=sa.Integer()))


def anything_due(connection: Connection, wanted: Wanted) -> bool:
    """Tell whether somebody has something due; locks nobody."""
    return bool(which_find(connection, wanted, {}))


def which_find(
    connection: Connection, wanted: Wanted, read_to: Mapping[sa.Select[Any], datetime]
) -> list[sa.Select[Any]]:
    """Return the queries that would find somebody behind where each was read to; mostly few do, and one asks."""
    queries = wanted.queries()
    since = {since_of(n): read_to.get(query, BEGINNING) for n, query in enumerate(queries)}
    (there,) = fetch(connection, looking(queries), {**values_of(wanted), **since})
    return [query for query, first in zip(queries, there, strict=True) if first is not None]


@lru_cache(16)
def looking(queries: tuple[sa.Select[Any], ...]) -> sa.Select[Any]:
    """Return what says of each query whether it would find anybody: the first row of each in its order, or nothing."""
    firsts: list[Any] = [first_of(query, since_of(n)).label(f"first_{n}") for n, query in enumerate(queries)]
    return sa.select(*firsts)


def first_of(query: sa.Select[Any], since: str) -> sa.ScalarSelect[int]:
    """Return a finding query as one that says 1 for its first row, with a parameter of its own for where it begins."""

    def renamed(element: Any, **_: object) -> sa.BindParameter[datetime] | None:
        return sa.bindparam(since, type_=tables.Instant()) if element is SINCE else None

    own: Any = replacement_traverse(query, {}, renamed)
    first: sa.ScalarSelect[int] = own.with_only_columns(ONE).limit(ONE).scalar_subquery()
    return first


def since_of(number: int) -> str:
    """Return the name of the parameter that says from where on a query looks."""
    return f"since_{number}"


def values_of(wanted: Wanted) -> dict[str, object]:
    """Return the values of the parameters that all finding queries have."""
    fixed = {"now": wanted.now, "told": wanted.told, "ending": wanted.now + LAST_DAYS}
    fixed |= {f"waited_{n}": wanted.now - wait for n, (_, wait) in enumerate(wanted.patient)}
    return {**fixed, LEFT_ALONE: sorted(wanted.but)}


def soonest(column: sa.ColumnElement[datetime], condition: sa.ColumnElement[bool]) -> sa.Select[datetime]:
    """Return the query for the earliest instant among waiting rows."""
    return sa.select(sa.func.min(column)).where(condition)


OPEN_TICKET = tables.ticket.c.state != TicketState.DONE
SOONEST = sa.union_all(
    soonest(tables.wave.c.at, tables.wave.c.done_at.is_(None)),
    soonest(tables.response.c.settles_at, tables.response.c.state == ResponseState.SETTLING),
    soonest(tables.action.c.due_at, tables.one_of(tables.action.c.state, WAITING)),
    soonest(tables.touchpoint.c.wake_at, tables.one_of(tables.touchpoint.c.state, PENDING)),
    soonest(
        tables.survey_request.c.closes_at,
        tables.one_of(tables.survey_request.c.state, ANSWERABLE),
    ),
    soonest(tables.ticket.c.waiting_until, tables.ticket.c.state == TicketState.WAITING),
    soonest(tables.ticket.c.due_at, sa.and_(OPEN_TICKET, tables.ticket.c.escalated_at.is_(None))),
    soonest(tables.ticket.c.half_time_at, OPEN_TICKET),
    soonest(tables.dispatch.c.not_before, tables.dispatch.c.state == DispatchState.READY),
    soonest(tables.sms_message.c.not_before, tables.one_of(tables.sms_message.c.state, TEXTS_WAITING)),
)


def next_due(connection: Connection) -> datetime | None:
    """Return when something comes due next, maybe in the past; None when nothing waits."""
    if connection.dialect.name == "sqlite":
        text = min((each for (each,) in ask(connection, SOONEST, {}) if each is not None), default=None)
        return datetime.fromisoformat(text) if text else None
    instants = connection.execute(SOONEST).scalars()
    return min((instant for instant in instants if instant is not None), default=None)
