"""The caseload: the cases that a batch of events is about, found, locked and read; decides and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence

from workers.cloudevents import Event, Kind
from workers.domain.changeset import Moving
from workers.domain.customer.profile import customer_id, new_customer
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.event_handlers import references_wanted
from workers.domain.records import Customer
from workers.domain.types import CustomerId
from workers.errors import BadInput
from workers.store import read
from workers.store.connection import Connection

PLANNING_ONLY = frozenset({Kind.JOURNEY})


class Caseload:
    """The cases of one transaction by our key, and whose each request, ticket and score is."""

    def __init__(self, connection: Connection, work: UnitOfWork, *, lock: bool = True) -> None:
        self._connection = connection
        self._work = work
        self._lock = lock
        self._cases: dict[CustomerId, CustomerCase] = {}
        self._new: set[CustomerId] = set()
        self._requests: dict[str, CustomerId] = {}
        self._tickets: dict[str, CustomerId] = {}
        self._scored: dict[tuple[str, str], CustomerId] = {}
        self._told: set[tuple[str, str]] = set()
        self._keys: dict[str, CustomerId] = {}

    def load(self, events: Sequence[Event]) -> None:
        """Lock and read the customers of these events; the unknown ones are new."""
        self._find_owners(events)
        wanted: dict[CustomerId, str] = {}
        deep: set[CustomerId] = set()
        planned: dict[CustomerId, list[Event]] = {}
        for event in events:
            key = self.customer_of(event)
            if key is None:
                continue
            wanted.setdefault(key, event.crm_id)
            if event.merged_into:
                wanted.setdefault(self._key(event.merged_into), event.merged_into)
                deep.add(self._key(event.merged_into))
            if event.kind not in PLANNING_ONLY or not self._lock:
                deep.add(key)
            else:
                planned.setdefault(key, []).append(event)
        wanted = {key: crm_id for key, crm_id in wanted.items() if key not in self._cases}
        customers = self._customers(wanted)
        found = {*wanted, *self._cases}
        while merged_into := self._moved_to(events, customers) - found:
            customers += self._customers(merged_into)
            found |= merged_into
            deep |= merged_into
        deep |= read.scored_elsewhere(
            self._connection, [customer.id for customer in customers if customer.id not in deep]
        )
        deep |= read.with_held_mails(self._connection, addressed_anew(customers, planned))
        self._load_planned([customer for customer in customers if customer.id not in deep], planned)
        whole = [customer for customer in customers if customer.id in deep]
        self._cases |= read.cases_of(self._connection, self._work, whole)
        self._find_suppressed([one for one in whole if one.email])
        for key, crm_id in wanted.items():
            if key not in self._cases:
                self._cases[key] = CustomerCase(new_customer(crm_id, self._work.policy.ids, self._work.now), self._work)
                self._new.add(key)

    def _moved_to(self, events: Sequence[Event], customers: Sequence[Customer]) -> set[CustomerId]:
        """Return who has the rows now of customers that were merged into others, maybe while we waited for them."""
        moved_to = {customer.merged_into for customer in customers if customer.merged_into}
        if moved_to:
            self._find_owners(events)
        return {*moved_to, *self._requests.values(), *self._tickets.values()} if moved_to else set()

    def _load_planned(self, customers: Sequence[Customer], planned: Mapping[CustomerId, Sequence[Event]]) -> None:
        """Read what planning may look at: of most customers only the journeys that the events belong to."""
        some: dict[CustomerId, Customer] = {}
        references: set[str] = set()
        for customer in customers:
            wanted = [references_wanted(event, customer, self._work.policy) for event in planned.get(customer.id, ())]
            if wanted and None not in wanted:
                some[customer.id] = customer
                references.update(*(each for each in wanted if each))
        every = [customer for customer in customers if customer.id not in some]
        self._cases |= read.cases_of(self._connection, self._work, every, read.FOR_PLANNING)
        self._cases |= read.cases_about(self._connection, self._work, some.values(), references)

    def _find_suppressed(self, customers: Sequence[Customer]) -> None:
        """Tell the cases of customers whose answers may lead to mails whether their address is suppressed."""
        addresses = {customer.id: customer.email or "" for customer in customers}
        suppressed = read.suppressed_addresses(self._connection, set(addresses.values()), self._work.policy.ids)
        for key, address in addresses.items():
            self._cases[key].suppressed = suppressed.get(address, "")

    def _customers(self, ids: Iterable[CustomerId]) -> list[Customer]:
        """Return customers by key, locked unless nothing is stored."""
        if self._lock:
            return read.lock_customers(self._connection, ids)
        return read.with_ids(self._connection, Customer, ids)

    def _find_owners(self, events: Sequence[Event]) -> None:
        """Find whose request or ticket an event means when it does not name the customer."""
        requests = {event.score.request for event in events if event.score and event.score.request}
        requests |= {event.report.request for event in events if event.report}
        tickets = {event.ticket.ticket for event in events if event.ticket}
        named = {self._key(event.crm_id) for event in events if (event.score or event.report) and event.crm_id}
        self._requests = read.owners_of_requests(self._connection, requests, named)
        self._tickets = read.owners_of_tickets(self._connection, tickets)
        self._scored = read.owners_of_scores(
            self._connection, [(event.source, event.id) for event in events if event.score]
        )
        self._told = read.known_ticket_events(
            self._connection, [(event.source, event.id) for event in events if event.ticket]
        )

    def customer_of(self, event: Event) -> CustomerId | None:
        """Return our key of the customer an event is about, or None when it cannot be known."""
        if event.score and event.score.request in self._requests:
            return self._requests[event.score.request]
        if event.report and event.report.request in self._requests:
            return self._requests[event.report.request]
        if event.ticket and event.ticket.ticket in self._tickets:
            return self._tickets[event.ticket.ticket]
        return self._key(event.crm_id) if event.crm_id else None

    def owner_of(self, event: Event) -> CustomerId | None:
        """Return our key of the person an event is about: who was merged into another is that other one."""
        key = self.customer_of(event)
        return self._merged(self._cases[key]).id if key in self._cases else key

    def _key(self, crm_id: str) -> CustomerId:
        """Return our key for the CRM's id, derived once a batch."""
        known = self._keys.get(crm_id)
        if known is None:
            known = self._keys[crm_id] = customer_id(crm_id, self._work.policy.ids)
        return known

    def case_for(self, event: Event) -> CustomerCase:
        """Return the case of the customer an event is about; raises BadInput when there is none.

        What is said of a merged customer goes to the other one, who has all rows of both. So does a second merge: who
        is one person with two others makes one of all three.
        """
        key = self.customer_of(event)
        if key is None or key not in self._cases:
            raise BadInput("This event names no customer, request or ticket that is known here. Send the subject.")
        return self._merged(self._cases[key])

    def _merged(self, case: CustomerCase) -> CustomerCase:
        """Return the case of the customer into whom this one was merged, maybe over others; else this one."""
        while case.customer.merged_into and case.customer.merged_into in self._cases:
            case = self._cases[case.customer.merged_into]
        return case

    def into(self, event: Event) -> CustomerCase | None:
        """Return the case of the customer into whom an event merges another, where that one went since; else None.

        Merged into each other, they are one person already.
        """
        return self._merged(self._cases[self._key(event.merged_into)]) if event.merged_into else None

    def is_about_somebody_else(self, event: Event) -> bool:
        """Tell whether an event answers another customer's question than the one it names."""
        return self.customer_of(event) != self._key(event.crm_id)

    def was_told(self, event: Event) -> bool:
        """Tell whether a ticket knows the event, though the inbox has forgotten it."""
        return (event.source, event.id) in self._told

    def refuse_foreign_score(self, event: Event, case: CustomerCase) -> None:
        """Raise BadInput for a score whose source and id are another customer's score."""
        if self._scored.get((event.source, event.id), case.id) != case.id:
            raise BadInput(
                f"The score {event.id} of {event.source} is another customer's already. "
                "Give each answer an id of its own, and send this one again."
            )

    def begin(self, case: CustomerCase) -> None:
        """Add the customer of a case of whom nothing was known."""
        if case.id in self._new:
            case.add(case.customer)

    def accept(self, event: Event, *cases: CustomerCase) -> None:
        """Keep that an event was taken in: its customers are known from now on, and whose its score is."""
        self._new.difference_update(case.id for case in cases)
        if event.score and not event.score.request:
            self._scored[event.source, event.id] = cases[0].id

    def hand_on(self, moving: Moving) -> None:
        """Let what is said of a request or ticket of a merged customer go to the other one."""
        for owners in (self._requests, self._tickets):
            owners.update({key: CustomerId(moving.into) for key, owner in owners.items() if owner == moving.customer})


def addressed_anew(customers: Iterable[Customer], events: Mapping[CustomerId, Sequence[Event]]) -> list[CustomerId]:
    """Return the customers of whom some of the events tell another address: a mail may have waited for it."""
    return [
        customer.id
        for customer in customers
        if any(event.customer.get("email", customer.email) != customer.email for event in events.get(customer.id, ()))
    ]
