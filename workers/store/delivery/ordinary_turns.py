"""An ordinary turn of sending: mails were taken, and others leave of which nothing has changed.

The statements and their order are those of any turn, but none waits for what the one before says: on PostgreSQL all go
in one round trip. Whether the turn was an ordinary one is seen afterwards; else the caller rolls it back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Dispatch
from workers.domain.survey.reminders import REMINDER
from workers.store import tables
from workers.store.delivery import claim, departures
from workers.store.delivery.departures import LOCKED_VERSIONS, SURROUNDINGS, Surroundings, details_of, named_rows
from workers.store.delivery.mails_taken import RECORD, REQUESTS_REMINDED
from workers.store.delivery.sent_mails import RAISE, Counters, capped_of, counters_of
from workers.store.round_trips import Asked, Rows, ask, ask_for_texts

SOON = sa.func.clock_timestamp() + sa.cast(sa.bindparam("seconds", type_=sa.Interval()), sa.Interval())
MARK = departures.mark_statement(departures.rows_on_postgresql(), SOON).returning(tables.dispatch.c.id)
"""As departures.MARK, and the lease ends so many seconds from now, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Mails that were taken, each with the server's words; mails that leave, each with `recipient` and `message_id`;
    and the keyed addresses of these."""

    taken: Sequence[tuple[Dispatch, str]]
    leaving: Sequence[tuple[Dispatch, Mapping[str, str]]]
    address_keys: Collection[str]

    def requests(self, *, reminded: bool) -> set[str]:
        """Return the requests whose questions were taken, or those of whom a reminder was."""
        mails = [mail for mail, _ in self.taken if mail.action is None and (mail.template == REMINDER) == reminded]
        return {mail.request for mail in mails if mail.request}

    @property
    def owners(self) -> list[str]:
        """Return the customers of all its mails."""
        return sorted({dispatch.customer for dispatch, _ in (*self.taken, *self.leaving) if dispatch.customer})


@dataclass(frozen=True, slots=True)
class Times:
    """When a turn is taken, from when on a question that left is late, when the day began, and how long a lease is."""

    now: datetime
    since: datetime
    midnight: datetime
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was there while the customers were locked, and whether all was marked, recorded and counted."""

    customers: Mapping[str, str]
    around: Surroundings
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What the database said to the statements of a turn; `recorded` names what was, each as RECORD does."""

    versions: Rows
    around: Surroundings
    marked: Rows
    recorded: Rows


def take(connection: Connection, turn: Turn, times: Times) -> Outcome:
    """Lock customers, read what may have changed, mark what leaves and record what was taken."""
    counters = counters_of(connection, times.midnight)
    take_turn = take_on_postgresql if connection.dialect.name == "postgresql" else take_on_sqlite
    answers = take_turn(connection, turn, times, counters)
    is_marked = keys_of(answers.marked) == {mail.id for mail, _ in turn.leaving}
    return Outcome(
        {str(key): str(version) for key, version in answers.versions},
        answers.around,
        is_marked and recorded_of(turn, counters) <= {(kind, key) for kind, key in answers.recorded},
    )


def take_on_postgresql(connection: Connection, turn: Turn, times: Times, counters: Counters) -> Answers:
    """Take a turn in one round trip."""
    asked: list[Asked] = [
        (LOCKED_VERSIONS["postgresql"], {"keys": turn.owners}),
        (SURROUNDINGS["postgresql"], {"keys": list(turn.address_keys)}),
    ]
    if turn.leaving:
        asked.append((MARK, {**named_rows(turn.leaving), "seconds": timedelta(seconds=times.lease_seconds)}))
    if turn.taken:
        when = {"at": times.now, "since": times.since}
        asked.append((RECORD, {**named_rows(details_of(turn.taken)), **when, **counters._asdict()}))
    versions, around, *changed = ask_for_texts(connection, asked)
    return Answers(
        versions,
        departures.surroundings_of(around),
        marked=changed[0] if turn.leaving else (),
        recorded=changed[-1] if turn.taken else (),
    )


def recorded_of(turn: Turn, counters: Counters) -> set[tuple[str, str]]:
    """Return what the recording of an ordinary turn says: accepted, the question left or was reminded of, counted.

    The counter of all must be there; the day's begins with the first mail that it is about.
    """
    mails = [mail for mail, _ in turn.taken]
    raised = {*counters} if capped_of(mails) else {counters.sent} if mails else set()
    accepted = {("accepted", mail.id) for mail in mails}
    asked = {("asked", request) for request in turn.requests(reminded=False)}
    reminded = {("reminded", request) for request in turn.requests(reminded=True)}
    return accepted | asked | reminded | {("counted", name) for name in raised}


def take_on_sqlite(connection: Connection, turn: Turn, times: Times, counters: Counters) -> Answers:
    """Take a turn statement by statement, which costs no round trips there."""
    versions = ask(connection, LOCKED_VERSIONS["sqlite"], {"keys": turn.owners})
    around = departures.surroundings_of(ask(connection, SURROUNDINGS["sqlite"], {"keys": list(turn.address_keys)}))
    marked: Rows = ()
    if turn.leaving:
        until = claim.lease_end(around.database_now, times.lease_seconds)
        marked = ask(connection, departures.MARK["sqlite"], {**named_rows(turn.leaving), "until": until})
    recorded = record_on_sqlite(connection, turn, times, counters) if turn.taken else ()
    return Answers(versions, around, marked, recorded)


def record_on_sqlite(connection: Connection, turn: Turn, times: Times, counters: Counters) -> Rows:
    """Record what was taken, and return what RECORD gives on PostgreSQL."""
    mails, whose = [mail for mail, _ in turn.taken], {"owners": turn.owners}
    asked: dict[str, Asked] = {"accepted": (departures.ACCEPT["sqlite"], named_rows(details_of(turn.taken)))}
    if questions := turn.requests(reminded=False):
        asked["asked"] = (departures.REQUESTS_SENT, {**whose, "keys": sorted(questions)})
    if reminded := turn.requests(reminded=True):
        asked["reminded"] = (REQUESTS_REMINDED, {**whose, "keys": sorted(reminded)})
    asked["counted"] = (RAISE, {**counters._asdict(), "mails": len(mails), "capped": capped_of(mails)})
    when = {"at": times.now, "since": times.since}
    return [
        (kind, key)
        for kind, (statement, values) in asked.items()
        for key in keys_of(ask(connection, statement, {**values, **when}))
    ]


def keys_of(rows: Rows) -> set[str]:
    """Return the only column of some rows."""
    return {key for (key,) in rows}
