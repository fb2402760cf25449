"""What each mailbox was asked, under whichever customer's id: the memory of the rest period of a person.

Read before somebody is asked and written in the transaction that asks. Two wakers that hold two customers of one
mailbox take turns: on PostgreSQL by an advisory lock per mailbox, on SQLite because there is one writer.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.decision_table.model.rest_period import Asked
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import AskedMailbox, Customer, SurveyRequest
from workers.domain.survey.request import COUNTED
from workers.domain.types import CustomerId, Ids
from workers.store import read
from workers.store import tables as t
from workers.store.engine import in_array
from workers.store.new_rows import insert

A, R = t.asked_mailbox.c, t.survey_request.c
ASKED = (
    sa.select(A.mailbox, A.customer, A.asked_at, R.step, A.template)
    .join(t.survey_request, sa.and_(R.id == A.request, R.customer == A.customer))
    .where(in_array(A.mailbox, "keys"), t.one_of(R.state, COUNTED))
)
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
        connection.execute(LOCK, {"keys": sorted({int(mailbox[:DIGITS], 16) for mailbox in mailboxes})})


class Mailboxes:
    """The mailboxes of some customers and what each was asked, while the transaction lasts that asks them."""

    def __init__(
        self, connection: Connection, customers: Iterable[Customer], policy: Policy, *, lock: bool = True
    ) -> None:
        """Read what these customers' mailboxes were asked, in their turn with `lock`; shared ones are left out."""
        self._keys = {
            customer.id: address_key(customer.email, policy.ids)
            for customer in customers
            if customer.email and not policy.shares(customer.email)
        }
        self._askings: dict[str, list[tuple[str, Asked]]] = defaultdict(list)
        mailboxes = set(self._keys.values())
        if lock:
            take_turn(connection, mailboxes)
        for chunk in read.chunks(mailboxes):
            for mailbox, customer, at, step, template in connection.execute(ASKED, {"keys": chunk}):
                self._askings[mailbox].append((customer, Asked(at, step, template)))

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
    asked = [
        AskedMailbox(address_key(row.email, ids), row.id, row.customer, row.template, row.asked_at) for row in rows
    ]
    insert(connection, AskedMailbox, asked)
    return str(rows[-1].id)
