"""An ordinary turn of sending: questions were taken, and mails leave of which nothing has changed.

The statements and their order are those of any turn, but none waits for what the one before says: on PostgreSQL all go
in one round trip. Whether the turn was an ordinary one is seen afterwards; else the caller rolls it back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Dispatch
from workers.store import tables
from workers.store.delivery import claim, departures, sent_mails
from workers.store.delivery.departures import LOCKED_VERSIONS, SURROUNDINGS, Surroundings, named_rows
from workers.store.delivery.questions_taken import RECORD, capped_of
from workers.store.delivery.round_trips import Asked, Rows, ask, ask_at_once
from workers.store.delivery.send_counts import day_of

SOON = sa.func.clock_timestamp() + sa.bindparam("seconds", type_=sa.Interval())
MARK = departures.mark_statement(departures.rows_on_postgresql(), SOON).returning(tables.dispatch.c.id)
"""As departures.MARK, and the lease ends so many seconds from now, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Questions that were taken, each with the server's words; mails that leave, each with `recipient` and
    `message_id`; and the keyed addresses of these."""

    taken: Sequence[tuple[Dispatch, str]]
    leaving: Sequence[tuple[Dispatch, Mapping[str, str]]]
    address_keys: Collection[str]

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


def take(connection: Connection, turn: Turn, times: Times) -> Outcome:
    """Lock customers, read what may have changed, mark what leaves and record what was taken."""
    return (take_on_postgresql if connection.dialect.name == "postgresql" else take_on_sqlite)(connection, turn, times)


def take_on_postgresql(connection: Connection, turn: Turn, times: Times) -> Outcome:
    """Take a turn in one round trip."""
    asked: list[Asked] = [
        (LOCKED_VERSIONS["postgresql"], {"keys": turn.owners}),
        (SURROUNDINGS["postgresql"], {"keys": list(turn.address_keys)}),
    ]
    if turn.leaving:
        asked.append((MARK, {**named_rows(turn.leaving), "seconds": timedelta(seconds=times.lease_seconds)}))
    if turn.taken:
        told = named_rows([(mail, {"detail": text}) for mail, text in turn.taken])
        when = {"at": times.now, "since": times.since, "day": day_of(times.midnight)}
        asked.append((RECORD, {**told, **when}))
    versions, around, *changed = ask_at_once(connection, asked)
    marked = {key for (key,) in changed[0]} if turn.leaving else set()
    recorded = {(kind, key) for kind, key in changed[-1]} if turn.taken else set()
    return Outcome(
        {str(key): str(version) for key, version in versions},
        departures.surroundings_of(around),
        marked == leaving_of(turn) and recorded == (recorded_of(turn, times) if turn.taken else set()),
    )


def recorded_of(turn: Turn, times: Times) -> set[tuple[str, str]]:
    """Return what the recording of an ordinary turn says: accepted, the question left, and counted, of each."""
    mails = [mail for mail, _ in turn.taken]
    counted = {("counted", sent_mails.SENT), ("counted", day_of(times.midnight))}
    asked = {("asked", mail.request) for mail in mails if mail.request}
    return {("accepted", mail.id) for mail in mails} | asked | counted


def leaving_of(turn: Turn) -> set[str]:
    """Return the ids of what leaves."""
    return {mail.id for mail, _ in turn.leaving}


def take_on_sqlite(connection: Connection, turn: Turn, times: Times) -> Outcome:
    """Take a turn statement by statement, which costs no round trips there."""

    def keys_of(rows: Rows) -> set[str]:
        return {key for (key,) in rows}

    versions = ask(connection, LOCKED_VERSIONS["sqlite"], {"keys": turn.owners})
    around = departures.surroundings_of(ask(connection, SURROUNDINGS["sqlite"], {"keys": list(turn.address_keys)}))
    is_whole = True
    if turn.leaving:
        until = claim.lease_end(around.database_now, times.lease_seconds)
        marked = ask(connection, departures.MARK["sqlite"], {**named_rows(turn.leaving), "until": until})
        is_whole = keys_of(marked) == leaving_of(turn)
    if turn.taken and is_whole:
        mails, at = [mail for mail, _ in turn.taken], times.now
        told = named_rows([(mail, {"detail": text}) for mail, text in turn.taken])
        accepted = ask(connection, departures.ACCEPT["sqlite"], {**told, "at": at})
        requests = sorted({mail.request for mail in mails if mail.request})
        named = {"keys": requests, "owners": turn.owners, "at": at, "since": times.since}
        asked = ask(connection, departures.REQUESTS_SENT, named)
        counted = {"day": day_of(times.midnight), "mails": len(mails), "capped": capped_of(mails)}
        raised = ask(connection, sent_mails.RAISE, counted)
        is_whole = keys_of(accepted) == {mail.id for mail in mails} and keys_of(asked) == set(requests)
        is_whole = is_whole and keys_of(raised) == {sent_mails.SENT, day_of(times.midnight)}
    return Outcome({str(key): str(version) for key, version in versions}, around, is_whole)
