"""Suppressions: which mailboxes get no mail, why, whose they are, and lifting them with a reason that is kept.

Only hashes of addresses are stored, so whose a mailbox is follows from the customers of today. An erased person's
mailbox is never given back, and an opt-out of a person outlives the lifting of their mailbox.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workers.domain.customer.profile import take_up_held
from workers.domain.customer_case import UnitOfWork
from workers.domain.mailbox_keys import address_keys
from workers.domain.policy import Policy
from workers.domain.survey.planning import reassess
from workers.domain.types import Ids
from workers.errors import BadInput
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer import suppressions as stored
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.text.mail_addresses import one_address
from workers.usecases.delivery.mailbox_health import LIFT

ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One mailbox that gets no mail of a kind: its hash, why, since when, and the CRM's ids of its customers."""

    mailbox: str
    kind: str
    at: datetime
    detail: str
    customers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was lifted, and whose own opt-out stays."""

    kinds: tuple[str, ...]
    opted_out: tuple[str, ...]


class Suppressions:
    """Lists and lifts; every lifting is one transaction with its audit row."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    @property
    def _ids(self) -> Ids:
        return self._policy().ids

    def every(self, kind: str = "") -> list[Suppressed]:
        """Return every suppressed mailbox, of one kind where given, the newest first."""
        with self._store.reading() as connection:
            rows = stored.list_suppressions(connection, kind)
            owners = self._owners(connection, {row.address for row in rows})
        return [
            Suppressed(row.address, row.kind, row.at, row.detail, tuple(sorted(owners.get(row.address, ()))))
            for row in rows
        ]

    def _owners(self, connection: Connection, wanted: set[str]) -> dict[str, list[str]]:
        """Return the customers whose address hashes to one that is wanted."""
        owners: dict[str, list[str]] = {}
        if not wanted:
            return owners
        for crm_id, email in stored.crm_ids_with_addresses(connection):
            for key in wanted.intersection(address_keys(email, self._ids)):
                owners.setdefault(key, []).append(crm_id)
        return owners

    def lift(self, address: str, why: str, *, by: str) -> Lifted | None:
        """Give a mailbox back, whichever way its address is spelt; None when nothing suppresses it.

        What waited for it, questions and mails about an answer, is due again.
        Raises BadInput for what is no address, without a reason, and for the mailbox of an erased person.
        """
        meant, reason = one_address(address), why.strip()
        if meant is None:
            raise BadInput(f"{address[:100]!r} is not one mail address.")
        if not reason:
            raise BadInput("Say why with --why: the reason is kept in the audit log.")
        keys, now, policy = address_keys(meant, self._ids), self._now(), self._policy()
        with self._store.reading() as connection:
            theirs = self._customers(connection, set(keys))

        def work(connection: Connection) -> Lifted | None:
            kinds = sorted(set(stored.kinds_of(connection, keys)))
            if ERASED in kinds:
                raise BadInput("This mailbox belongs to a person who was erased at their wish. It stays without mail.")
            if not kinds:
                return None
            stored.delete_suppressions(connection, keys)
            record_act(connection, now, by, LIFT, keys[0], {"kinds": kinds, "why": reason})
            locked = [
                customer
                for customer in read.lock_customers(connection, theirs)
                if self._is(customer.email or "", set(keys))
            ]
            work = UnitOfWork(policy, now)
            for case in read.cases_of(connection, work, locked).values():  # what waited for the mailbox is due again
                reassess(case)
                take_up_held(case)
            apply(connection, work.hand_over(), now)
            return Lifted(tuple(kinds), self._still_opted_out(connection, keys))

        return self._store.write(work)

    def _customers(self, connection: Connection, wanted: set[str]) -> list[str]:
        """Return our keys of the customers whose mailbox it is."""
        return [key for key, email in stored.keys_with_addresses(connection) if self._is(email, wanted)]

    def _still_opted_out(self, connection: Connection, keys: list[str]) -> tuple[str, ...]:
        wanted, opted_out = set(keys), stored.opted_out_with_addresses(connection)
        return tuple(sorted(crm_id for crm_id, email in opted_out if crm_id and self._is(email, wanted)))

    def _is(self, email: str, wanted: set[str]) -> bool:
        return not wanted.isdisjoint(address_keys(email, self._ids))
