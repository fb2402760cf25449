"""The caseload: the cases that a batch of events is about, and which of them an event changes."""

from collections.abc import Sequence

from workers.cloudevents import Event
from workers.domain.customer.profile import new_customer
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.types import CustomerId
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.usecases.case_reader import CaseReader
from workers.usecases.event_owners import EventOwners


class Caseload:
    """The cases of one transaction by our key; `owners` says whose each request, ticket and score is."""

    def __init__(self, connection: Connection, work: UnitOfWork, *, lock: bool = True) -> None:
        self._work = work
        self.owners = EventOwners(connection, work.policy.ids)
        self._reader = CaseReader(connection, work, self.owners, lock=lock)
        self._cases: dict[CustomerId, CustomerCase] = {}
        self._new: set[CustomerId] = set()

    def load(self, events: Sequence[Event]) -> None:
        """Lock and read the customers of these events; the unknown ones are new. What is loaded before stays."""
        cases, unknown = self._reader.read(events, self._cases.keys())
        self._cases |= cases
        for key, crm_id in unknown.items():
            self._cases[key] = CustomerCase(new_customer(crm_id, self._work.policy.ids, self._work.now), self._work)
            self._new.add(key)

    def case_for(self, event: Event) -> CustomerCase:
        """Return the case of the customer an event is about; raises BadInput when there is none.

        What is said of a merged customer goes to the other one, who has all rows of both. So does a second merge: who
        is one person with two others makes one of all three.
        """
        key = self.owners.customer_of(event)
        if key is None or key not in self._cases:
            raise BadInput("This event names no customer, request or ticket that is known here. Send the subject.")
        return self.merged(self._cases[key])

    def into(self, event: Event) -> CustomerCase | None:
        """Return the case of the customer into whom an event merges another, where that one went since; else None.

        Merged into each other, they are one person already.
        """
        return self.merged(self._cases[self.owners.key_of(event.merged_into)]) if event.merged_into else None

    def begin(self, case: CustomerCase) -> None:
        """Add the customer of a case of whom nothing was known."""
        if case.id in self._new:
            case.add(case.customer)

    def accept(self, event: Event, *cases: CustomerCase) -> None:
        """Keep that an event was taken in: its customers are known from now on, and whose its score is."""
        self._new.difference_update(case.id for case in cases)
        self.owners.keep_score(event, cases[0].id)

    def merged(self, case: CustomerCase) -> CustomerCase:
        """Return the case of the customer into whom this one was merged, maybe over others; else this one."""
        while case.customer.merged_into and case.customer.merged_into in self._cases:
            case = self._cases[case.customer.merged_into]
        return case
