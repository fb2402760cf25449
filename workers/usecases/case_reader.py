"""Case reader: how much of each customer a batch of events needs to know, locked and read; decides and writes nothing.

Most events only plan, and most of what a customer ever did is nothing to them: those are read in part.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workers.cloudevents import Event, Kind
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.event_handlers import may_recur, references_wanted
from workers.domain.records import Customer
from workers.domain.types import CustomerId
from workers.store import read
from workers.store.connection import Connection
from workers.usecases.event_owners import EventOwners

PLANNING_ONLY = frozenset({Kind.JOURNEY})
Cases = dict[CustomerId, CustomerCase]


@dataclass(slots=True)
class Need:
    """Whom a batch names by the CRM's id, who of them is needed whole, and what only plans for the others."""

    crm_ids: dict[CustomerId, str] = field(default_factory=dict)
    whole: set[CustomerId] = field(default_factory=set)
    planned: dict[CustomerId, list[Event]] = field(default_factory=dict)


def need_of(events: Sequence[Event], owners: EventOwners, *, in_part: bool) -> Need:
    """Return what events need to know by what they say; unless `in_part`, everybody is needed whole.

    Who is merged is needed whole, with the one into whom they are.
    """
    need = Need()
    for event in events:
        key = owners.customer_of(event)
        if key is None:
            continue
        need.crm_ids.setdefault(key, event.crm_id)
        if event.merged_into:
            into = owners.key_of(event.merged_into)
            need.crm_ids.setdefault(into, event.merged_into)
            need.whole.add(into)
        if event.kind in PLANNING_ONLY and in_part:
            need.planned.setdefault(key, []).append(event)
        else:
            need.whole.add(key)
    return need


class CaseReader:
    """Reads cases for one transaction; `lock` keeps others from their customers meanwhile."""

    def __init__(self, connection: Connection, work: UnitOfWork, owners: EventOwners, *, lock: bool) -> None:
        self._connection = connection
        self._work = work
        self._owners = owners
        self._lock = lock

    def read(self, events: Sequence[Event], held: Collection[CustomerId]) -> tuple[Cases, dict[CustomerId, str]]:
        """Return the cases of those whom events name and who are not `held` already, and the CRM's ids of the unknown.

        1. Who is named. 2. Their profiles, and those they were merged into. 3. Who is needed whole. 4. Their rows.
        """
        self._owners.find(events)
        need = need_of(events, self._owners, in_part=self._lock)
        crm_ids = {key: crm_id for key, crm_id in need.crm_ids.items() if key not in held}
        customers = self._customers(crm_ids)
        customers += self._merged_into(events, customers, {*crm_ids, *held}, need)
        self._widen(need, customers)
        cases = self._read_in_part([row for row in customers if row.id not in need.whole], need.planned)
        cases |= self._read_whole([row for row in customers if row.id in need.whole])
        return cases, {key: crm_id for key, crm_id in crm_ids.items() if key not in cases}

    def _customers(self, ids: Iterable[CustomerId]) -> list[Customer]:
        """Return customers by key, locked unless nothing is stored."""
        if self._lock:
            return read.lock_customers(self._connection, ids)
        return read.with_ids(self._connection, Customer, ids)

    def _merged_into(
        self, events: Sequence[Event], customers: Sequence[Customer], read_before: set[CustomerId], need: Need
    ) -> list[Customer]:
        """Return who has the rows now of customers that were merged, maybe over others; they are needed whole."""
        followed: list[Customer] = []
        while unread := self._moved_to(events, [*customers, *followed]) - read_before:
            followed += self._customers(unread)
            read_before |= unread
            need.whole |= unread
        return followed

    def _moved_to(self, events: Sequence[Event], customers: Sequence[Customer]) -> set[CustomerId]:
        """Return who has the rows now of customers that were merged into others, maybe while we waited for them."""
        merged_into = {customer.merged_into for customer in customers if customer.merged_into}
        if not merged_into:
            return set()
        self._owners.find(events)
        return merged_into | self._owners.of_requests_and_tickets()

    def _widen(self, need: Need, customers: Sequence[Customer]) -> None:
        """Need also those whole of whom the store knows what planning would not see.

        That is another tool's score, which a journey may say the touchpoint of, and a mail held back for want of the
        address that an event brings; or who was asked what comes round, and when.
        """
        need.whole |= read.scored_elsewhere(
            self._connection, [customer.id for customer in customers if customer.id not in need.whole]
        )
        need.whole |= read.with_held_mails(self._connection, addressed_anew(customers, need.planned))
        policy = self._work.policy
        need.whole |= {
            customer.id
            for customer in customers
            if any(may_recur(event, customer, policy) for event in need.planned.get(customer.id, ()))
        }

    def _read_in_part(self, customers: Sequence[Customer], planned: Mapping[CustomerId, Sequence[Event]]) -> Cases:
        """Read what planning may look at: of most customers only the journeys that the events belong to."""
        by_reference: list[Customer] = []
        references: set[str] = set()
        for customer in customers:
            wanted = [references_wanted(event, customer, self._work.policy) for event in planned.get(customer.id, ())]
            if wanted and None not in wanted:
                by_reference.append(customer)
                references.update(*(each for each in wanted if each))
        some = {customer.id for customer in by_reference}
        every = [customer for customer in customers if customer.id not in some]
        cases = read.cases_of(self._connection, self._work, every, read.FOR_PLANNING)
        return cases | read.cases_about(self._connection, self._work, by_reference, references)

    def _read_whole(self, customers: Sequence[Customer]) -> Cases:
        """Read every row of these customers, and whether their address is suppressed: an answer may lead to mails."""
        cases = read.cases_of(self._connection, self._work, customers)
        addresses = {customer.id: customer.email for customer in customers if customer.email}
        suppressed = read.suppressed_addresses(self._connection, set(addresses.values()), self._work.policy.ids)
        for key, address in addresses.items():
            cases[key].suppressed = suppressed.get(address, "")
        return cases


def addressed_anew(customers: Iterable[Customer], events: Mapping[CustomerId, Sequence[Event]]) -> list[CustomerId]:
    """Return the customers of whom some of the events tell another address: a mail may have waited for it."""
    return [
        customer.id
        for customer in customers
        if any(event.customer.get("email", customer.email) != customer.email for event in events.get(customer.id, ()))
    ]
