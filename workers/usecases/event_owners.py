"""Event owners: whose each request, ticket and score is that a batch of events names, by our key of the customer."""

from collections.abc import Sequence

from workers.cloudevents import Event
from workers.domain.changeset import Moving
from workers.domain.customer.profile import customer_id
from workers.domain.types import CustomerId, Ids
from workers.errors import BadInput
from workers.store import read
from workers.store.connection import Connection


class EventOwners:
    """Who the customers of a batch's events are; what the events change is learnt as it goes."""

    def __init__(self, connection: Connection, ids: Ids) -> None:
        self._connection = connection
        self._ids = ids
        self._requests: dict[str, CustomerId] = {}
        self._tickets: dict[str, CustomerId] = {}
        self._scores: dict[tuple[str, str], CustomerId] = {}
        self._ticket_events: set[tuple[str, str]] = set()
        self._keys: dict[str, CustomerId] = {}

    def find(self, events: Sequence[Event]) -> None:
        """Look up what these events name, in place of what was looked up before."""
        requests = {event.score.request for event in events if event.score and event.score.request}
        requests |= {event.report.request for event in events if event.report}
        tickets = {event.ticket.ticket for event in events if event.ticket}
        named = {self.key_of(event.crm_id) for event in events if (event.score or event.report) and event.crm_id}
        self._requests = read.owners_of_requests(self._connection, requests, named)
        self._tickets = read.owners_of_tickets(self._connection, tickets)
        self._scores = read.owners_of_scores(
            self._connection, [(event.source, event.id) for event in events if event.score]
        )
        self._ticket_events = read.known_ticket_events(
            self._connection, [(event.source, event.id) for event in events if event.ticket]
        )

    def of_requests_and_tickets(self) -> set[CustomerId]:
        """Return everybody whose request or ticket an event names."""
        return {*self._requests.values(), *self._tickets.values()}

    def key_of(self, crm_id: str) -> CustomerId:
        """Return our key for the CRM's id, derived once a batch."""
        key = self._keys.get(crm_id)
        if key is None:
            key = self._keys[crm_id] = customer_id(crm_id, self._ids)
        return key

    def customer_of(self, event: Event) -> CustomerId | None:
        """Return whom an event is about, by its request or ticket before the id it names; None when it says nothing."""
        if event.score and event.score.request in self._requests:
            return self._requests[event.score.request]
        if event.report and event.report.request in self._requests:
            return self._requests[event.report.request]
        if event.ticket and event.ticket.ticket in self._tickets:
            return self._tickets[event.ticket.ticket]
        return self.key_of(event.crm_id) if event.crm_id else None

    def is_about_somebody_else(self, event: Event) -> bool:
        """Tell whether an event answers another customer's question than the one it names."""
        if event.score is None and event.report is None and event.ticket is None:
            return False
        return self.customer_of(event) != self.key_of(event.crm_id)

    def is_in_ticket(self, event: Event) -> bool:
        """Tell whether a ticket's history has the event already, though the inbox has forgotten it."""
        return (event.source, event.id) in self._ticket_events

    def refuse_foreign_score(self, event: Event, customer: CustomerId) -> None:
        """Raise BadInput for a score whose source and id are another customer's score."""
        if self._scores.get((event.source, event.id), customer) != customer:
            raise BadInput(
                f"The score {event.id} of {event.source} is another customer's already. "
                "Give each answer an id of its own, and send this one again."
            )

    def keep_score(self, event: Event, customer: CustomerId) -> None:
        """Keep whose another tool's score is from now on; nothing for other events."""
        if event.score and not event.score.request:
            self._scores[event.source, event.id] = customer

    def hand_on(self, moving: Moving) -> None:
        """Let what is said of a request or ticket of a merged customer go to the other one."""
        for owners in (self._requests, self._tickets):
            owners.update({key: CustomerId(moving.into) for key, owner in owners.items() if owner == moving.customer})
