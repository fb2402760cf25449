"""What each mailbox was asked, under whichever customer's id: the memory of the rest period of a person.

Read before somebody is asked and written in the transaction that asks. Two wakers that hold two customers of one
mailbox take turns: on PostgreSQL by an advisory lock per mailbox, on SQLite because there is one writer.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.decision_table.model.rest_period import Asked
from workers.domain.mailbox_keys import asked_key
from workers.domain.policy import Policy
from workers.domain.records import AskedMailbox, Customer, SurveyRequest
from workers.domain.survey.request import COUNTED
from workers.domain.types import CustomerId, Ids
from workers.store import read
from workers.store import tables as t
from workers.store.engine import array_text, in_array
from workers.store.new_rows import insert
from workers.store.round_trips import fetch

A, R = t.asked_mailbox.c, t.survey_request.c
ASKED = sa.select(A.mailbox, A.customer, A.asked_at, A.request, A.template).where(in_array(A.mailbox, "keys"))
COUNTED_STEPS = sa.select(R.id, R.step).where(
    in_array(R.id, "keys"), in_array(R.customer, "owners"), t.one_of(R.state, COUNTED)
)
"""What became of the askings is another statement than the askings: the two tables do not lie by one column."""
LOCK = sa.text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT unnest(CAST(:keys AS bigint[])) AS key ORDER BY 1) AS ordered"
)
REMEMBERED_AT_ONCE = 2_000
"""Requests of a release before that are remembered in one transaction."""
DIGITS = 15
"""Hexadecimal digits of a hash that make a lock's number: 60 bits, so that two mailboxes hardly ever share one."""


def take_turn(connection: Connection, mailboxes: Collection[str]) -> None:
    """Wait until no other transaction asks one of these mailboxes, in an order in which nobody waits for ever."""
    if mailboxes and connection.dialect.name == "postgresql":
        numbers = sorted({int(mailbox[:DIGITS], 16) for mailbox in mailboxes})
        connection.execute(LOCK, {"keys": array_text(map(str, numbers))})


class Mailboxes:
    """The mailboxes of some customers and what each was asked, while the transaction lasts that asks them."""

    def __init__(
        self, connection: Connection, customers: Iterable[Customer], policy: Policy, *, lock: bool = True
    ) -> None:
        """Read what these customers' mailboxes were asked, in their turn with `lock`; shared ones are left out."""
        self._keys = {
            customer.id: asked_key(customer.email, policy.ids)
            for customer in customers
            if customer.email and not policy.shares(customer.email)
        }
        self._askings: dict[str, list[tuple[str, Asked]]] = defaultdict(list)
        mailboxes = set(self._keys.values())
        if lock:
            take_turn(connection, mailboxes)
        for chunk in read.chunks(mailboxes):
            askings = connection.execute(ASKED, {"keys": chunk}).all()
            steps = counted_steps(connection, {str(row.request): str(row.customer) for row in askings})
            for mailbox, customer, at, request, template in askings:
                if str(request) in steps:
                    self._askings[mailbox].append((customer, Asked(at, steps[str(request)], template)))

    def elsewhere(self, customer: str, *merged: str) -> tuple[Asked, ...]:
        """Return what a customer's mailbox was asked under other ids than their own."""
        own = {customer, *merged}
        askings = self._askings.get(self._keys.get(CustomerId(customer), ""), ())
        return tuple(asking for whose, asking in askings if whose not in own)

    def learn(self, requests: Iterable[SurveyRequest], askings: Iterable[AskedMailbox]) -> None:
        """Take in what is asked now, so that the next customer of the transaction rests as well."""
        steps = {request.id: request.step for request in requests}
        for row in askings:
            asked = Asked(row.asked_at, steps.get(row.request, ""), row.template)
            self._askings[row.mailbox].append((row.customer, asked))


def counted_steps(connection: Connection, owners: Mapping[str, str]) -> dict[str, str]:
    """Return the steps of those requests, given with whose they are, that count as asked."""
    steps: dict[str, str] = {}
    for chunk in read.chunks(owners):
        whose = sorted({owners[request] for request in chunk})
        found = fetch(connection, COUNTED_STEPS, {"keys": chunk, "owners": whose})
        steps |= {str(request): str(step) for request, step in found}
    return steps


def remember_askings(connection: Connection, ids: Ids, since: datetime, after: str) -> str | None:
    """Remember the mailboxes of requests that a release before made, some after a key; return the last one's, or None.

    Their customer's address of today stands for the one that was asked. Idempotent.
    """
    c = t.customer.c
    query = (
        sa.select(R.id, R.customer, R.template, R.asked_at, c.email)
        .join(t.customer, c.id == R.customer)
        .where(R.asked_at >= since, c.email.is_not(None), *([R.id > after] if after else []))
        .order_by(R.id)
        .limit(REMEMBERED_AT_ONCE)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    asked = [AskedMailbox(asked_key(row.email, ids), row.id, row.customer, row.template, row.asked_at) for row in rows]
    insert(connection, AskedMailbox, asked)
    return str(rows[-1].id)
