"""Privacy: everything that is kept about a person, and forgetting them. Each act leaves an audit row.

The person is named by the CRM's id; somebody merged into another is the same person.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workers.domain.changeset import Forgetting
from workers.domain.customer.erasure import erase
from workers.domain.customer.profile import customer_id
from workers.domain.customer_case import UnitOfWork
from workers.domain.mailbox_keys import address_keys
from workers.domain.policy import Policy
from workers.domain.records import Customer
from workers.domain.types import Ids
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer import dead_letters, erasure, letter_searches, person_rows
from workers.store.engine import Store
from workers.store.sign_in.audit_log import list_acts, record_act
from workers.usecases.privacy.letter_search import LetterSearch

ACTS_AT_MOST = 1000


class Privacy:
    """Carries out what a person may ask of whoever keeps their data."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._letters = LetterSearch(store, policy, now)

    def export(self, crm_id: str, by: str) -> dict[str, Any] | None:
        """Return every row about a person by table, as JSON values, or None for somebody unknown or erased.

        Of somebody who was never accepted as a customer, the dead letters are all there is.
        """
        ids, now = self._policy().ids, self._now()
        with self._store.reading(patient=True) as connection:  # all letters are looked through: no writer waits for it
            person = find(connection, crm_id, ids)
            rows: dict[str, Any] = {}
            if person is None:
                rows = only_letters(connection, crm_id, ids)
            elif not person.erased_at:
                rows = everything(connection, person, ids)
        if rows or person is not None:
            key = customer_id(crm_id, ids) if person is None else person.id
            self._store.write(lambda connection: record_act(connection, now, by, "privacy.export", key))
        return {"customer": crm_id, "exported_at": now.isoformat(), **rows} if rows else None

    def erase(self, crm_id: str, by: str) -> bool:
        """Erase a person, and their letters before it returns; False when nothing names them. Safe to run again.

        Of somebody who was never accepted as a customer, the dead letters go; of somebody erased, the later ones. When
        this ends before its time, a role goes on with the letters.
        """
        policy, now = self._policy(), self._now()

        def work(connection: Connection) -> Customer | None:
            person = find(connection, crm_id, policy.ids)
            if person is not None and not person.erased_at:
                locked = read.lock_customers(connection, [person.id])
                unit = UnitOfWork(policy, now)
                erase(read.cases_of(connection, unit, locked)[person.id], by=by)
                apply(connection, unit.hand_over(), now)
            return person

        person = self._store.write(work)
        if person is not None:
            self._letters.search_for(person.id)
            if not person.erased_at:
                return True
        gone = self._letters.forget_at_once(unknown(crm_id, policy.ids))
        if gone:
            key, detail = customer_id(crm_id, policy.ids), {"dead_letters": gone}
            self._store.write(lambda connection: record_act(connection, now, by, "privacy.erase", key, detail))
        return bool(gone) or person is not None

    def searching_since(self, crm_id: str) -> datetime | None:
        """Return since when letters are still to be looked through for somebody who was erased, or None."""
        with self._store.reading() as connection:
            person = find(connection, crm_id, self._policy().ids)
            return letter_searches.waiting(connection, person.id)[1] if person else None


def find(connection: Connection, crm_id: str, ids: Ids) -> Customer | None:
    """Return the person whom the CRM calls so; the one that it was merged into, where it was."""
    return person_rows.find_customer(connection, crm_id, customer_id(crm_id, ids))


def unknown(crm_id: str, ids: Ids) -> dead_letters.Sought:
    """Return how to find somebody who is no customer here."""
    return dead_letters.Sought(dead_letters.person(ids, [crm_id]), (customer_id(crm_id, ids),))


def only_letters(connection: Connection, crm_id: str, ids: Ids) -> dict[str, Any]:
    """Return the dead letters that name somebody who is no customer here."""
    letters = [plain(letter) for letter in dead_letters.letters_of(connection, unknown(crm_id, ids))]
    return {"customers": [], "dead_letter": letters} if letters else {}


def everything(connection: Connection, person: Customer, ids: Ids) -> dict[str, Any]:
    """Return by table all that is kept of a person and of whoever was merged into them, as JSON values."""
    keys = [person.id, *erasure.merged_into(connection, person.id)]
    rows_by_table: dict[str, Any] = {
        name: list(map(plain, rows)) for name, rows in person_rows.rows_of_customers(connection, keys).items()
    }
    whom = dead_letters.sought(connection, Forgetting(person.id, "", "", "", ids), keys)
    rows_by_table["dead_letter"] = [plain(letter) for letter in dead_letters.letters_of(connection, whom)]
    crm_ids = [customer["crm_id"] for customer in rows_by_table["customers"] if customer["crm_id"]]
    rows_by_table["outbox"] = list(map(plain, person_rows.outbox_rows(connection, crm_ids)))
    addresses = [
        key
        for customer in rows_by_table["customers"]
        if customer["email"]
        for key in address_keys(customer["email"], ids)
    ]
    rows_by_table["suppression"] = list(map(plain, person_rows.suppression_rows(connection, addresses)))
    rows_by_table["audit"] = [
        plain(act) for key in keys for act in list_acts(connection, limit=ACTS_AT_MOST, subject=key)
    ]
    return rows_by_table


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON values: instants as ISO 8601, bytes as text."""
    return {name: plain_value(value) for name, value in row.items()}


def plain_value(value: object) -> object:
    """Return an instant as ISO 8601, bytes as text in which what is no UTF-8 is escaped, anything else unchanged."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value
