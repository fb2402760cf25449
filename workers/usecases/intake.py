"""Intake: a batch of events from any door is accepted, recognised as a duplicate, or kept as a dead letter.

One transaction per batch: inbox rows, effects, outbox rows and consumed positions commit together, so a batch that
comes again changes nothing. An event that fails is rolled back alone and becomes a dead letter; a batch that cannot be
written is taken event by event.
"""

import difflib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from workers.cloudevents import Codec, Event, Fault, Kind, Refusal, Rejected
from workers.cloudevents.scopes import gate_of
from workers.domain.changeset import ChangeSet, Moving
from workers.domain.customer.profile import customer_id, new_customer
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.event_handlers import references_wanted, take_event
from workers.domain.policy import Policy
from workers.domain.records import Customer, DeadLetter, Inbox
from workers.domain.types import CustomerId, Ingress
from workers.errors import BadInput, NotNow
from workers.store import ledger, read
from workers.store.apply import apply
from workers.store.connection import Connection, DBAPIError
from workers.store.engine import Store, is_about_values
from workers.store.ledger import Incoming, Outcome, Taken
from workers.store.positions import Consumed, record_consumed
from workers.store.roster import decide
from workers.store.rules import waves

log = logging.getLogger(__name__)
T = TypeVar("T")
DRY_RUN_CHUNK = 500
ERROR_LENGTH = 300
"""Characters of an error's own words in a dead letter: a database's repeat the whole event."""
PLANNING_ONLY = frozenset({Kind.JOURNEY})


class Intake:
    """Takes events in; one instance per role."""

    def __init__(self, store: Store, codec: Codec, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._codec = codec
        self._policy = policy
        self._now = now

    def take(
        self,
        batch: Sequence[Incoming],
        door: Ingress,
        consumed: Sequence[Consumed] = (),
        *,
        refused: Sequence[Rejected | None] = (),
    ) -> list[Outcome]:
        """Take a batch in and return one outcome per message, in order. Idempotent.

        `refused` has, for messages that the door itself could not read, why. Raises NotNow when the database is away:
        the caller keeps the batch and tries again.
        """
        now = self._now()
        parsed = [self._parse(one, now) for one in batch]
        for place, why in enumerate(refused):
            parsed[place] = why or parsed[place]
        try:
            return self._store.write(lambda connection: self._take(connection, batch, parsed, door, consumed, now))
        except NotNow:
            raise
        except Exception:  # whatever one event breaks must not stop the others
            log.exception("batch failed, taking it event by event", extra={"action": "intake.split"})
            return self._one_by_one(batch, parsed, door, consumed, now)

    def _one_by_one(
        self,
        batch: Sequence[Incoming],
        parsed: Sequence[Event | Rejected],
        door: Ingress,
        consumed: Sequence[Consumed],
        now: datetime,
    ) -> list[Outcome]:
        """Take each message in a transaction of its own; what fails becomes a dead letter. Positions come last."""
        outcomes: list[Outcome] = []
        for message, event in zip(batch, parsed, strict=True):
            try:
                outcomes += self._store.write(
                    lambda connection, m=message, e=event: self._take(connection, [m], [e], door, (), now)  # type: ignore[misc]  # bound at once
                )
            except NotNow:
                raise
            except Exception as error:  # kept as a dead letter with its bytes
                if not is_its_own(error):
                    raise self._waits_for(error) from error
                log.exception("event failed", extra={"action": "intake.failed"})
                broken = failed_here(event, error)
                outcomes += self._store.write(
                    lambda connection, m=message, b=broken: self._take(connection, [m], [b], door, (), now)  # type: ignore[misc]  # bound at once
                )
        self._store.write(lambda connection: record_consumed(connection, consumed))
        return outcomes

    def _waits_for(self, error: Exception) -> NotNow:
        """Return why a batch waits that the machine or the database cannot take; who looks at the status sees it."""
        if isinstance(error, DBAPIError):
            return self._store.waits_for(error)
        log.warning("%s", type(error).__name__, extra={"action": "intake.wait"})
        return NotNow("This machine has no room left to work in; nothing is lost, it is tried again.")

    def dry_run(self, messages: Iterable[Incoming]) -> Iterator[tuple[Event | Rejected, ChangeSet]]:
        """Give what each message would change, one after the other; stores nothing."""
        now = self._now()
        with self._store.reading() as connection:
            work = Batch(connection, self._policy(), now, self._codec.journeys, lock=False)
            for chunk in batched(messages, DRY_RUN_CHUNK):
                parsed = [self._parse(one, now) for one in chunk]
                work.load([one for one in parsed if isinstance(one, Event)])
                for event in parsed:
                    yield work.tried(event)

    def _parse(self, message: Incoming, now: datetime) -> Event | Rejected:
        gate = gate_of(message.scopes)
        return self._codec.parse(message.body, message.headers, now, content_type=message.content_type, gate=gate)

    def _take(
        self,
        connection: Connection,
        batch: Sequence[Incoming],
        parsed: Sequence[Event | Rejected],
        door: Ingress,
        consumed: Sequence[Consumed],
        now: datetime,
    ) -> list[Outcome]:
        """Do one batch inside a transaction: 1. known events, 2. facts, 3. effects, 4. write, 5. positions."""
        known = ledger.inbox_digests(connection, [one for one in parsed if isinstance(one, Event)])
        work = Batch(connection, self._policy(), now, self._codec.journeys)
        fresh = [one for one in parsed if isinstance(one, Event) and (one.source, one.id) not in known]
        work.load(fresh)
        outcomes: list[Outcome] = []
        for message, event in zip(batch, parsed, strict=True):
            outcomes.append(self._one(work, known, message, event, door, now))
        letters = ledger.store_dead_letters(connection, work.dead_letters)
        outcomes = [ledger.counted_again(one, letters) for one in outcomes]
        work.write()
        for wave in work.waves:
            waves.announce(connection, wave.reference, wave.occurred_at)
        ledger.record_received(connection, outcomes, door, now)
        record_consumed(connection, consumed)
        return outcomes

    def _one(
        self,
        work: "Batch",
        known: dict[tuple[str, str], str],
        message: Incoming,
        event: Event | Rejected,
        door: Ingress,
        now: datetime,
    ) -> Outcome:
        """Take one message in, given what the batch knows so far."""
        if isinstance(event, Rejected):
            return work.reject(message, event, door)
        digest = known.get((event.source, event.id))
        if digest == event.digest:
            return Outcome(Taken.DUPLICATE, event)
        if digest is not None:
            return work.reject(message, conflicting(event), door, event)
        try:
            work.handle(event, door)
        except BadInput as error:
            return work.reject(message, refusal_of(event, str(error)), door, event)
        except Exception as error:  # kept as a dead letter with its bytes; the others of the batch never notice
            if isinstance(error, DBAPIError | NotNow) or not is_its_own(error):
                raise
            log.exception("event failed", extra={"action": "intake.failed"})
            return work.reject(message, failed_here(event, error), door, event)
        known[(event.source, event.id)] = event.digest
        return Outcome(Taken.ACCEPTED, event)


def addressed_anew(customers: Iterable[Customer], events: Mapping[CustomerId, Sequence[Event]]) -> list[CustomerId]:
    """Return the customers of whom some of the events tell another address: a mail may have waited for it."""
    return [
        one.id
        for one in customers
        if any(event.customer.get("email", one.email) != one.email for event in events.get(one.id, ()))
    ]


def is_its_own(error: Exception) -> bool:
    """Tell whether an event that failed alone is at fault itself, and not the machine or the database."""
    if isinstance(error, DBAPIError):
        return is_about_values(error)
    return not isinstance(error, (OSError, MemoryError))


def in_our_words(error: Exception) -> str:
    """Return what may be told of an error: a database's own words may hold statements and values."""
    return type(error).__name__ if isinstance(error, DBAPIError) else f"{type(error).__name__}: {error}"[:ERROR_LENGTH]


def refusal_of(event: Event, detail: str) -> Rejected:
    """Return the refusal of a readable event whose data cannot be taken."""
    return Rejected(Refusal.SCHEMA, (Fault("/data", detail),), event.source, event.id, event.crm_id)


def failed_here(event: Event | Rejected, error: Exception) -> Rejected:
    """Return the refusal of an event that broke something here: no fault of its sender's."""
    fault = Fault("", f"Taking this event in failed here ({in_our_words(error)}). Tell the operator, then replay it.")
    if isinstance(event, Rejected):
        return Rejected(Refusal.SCHEMA, (fault,), event.source, event.id)
    return Rejected(Refusal.SCHEMA, (fault,), event.source, event.id, event.crm_id)


def batched(messages: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream of messages into lists."""
    waiting = iter(messages)
    while chunk := list(islice(waiting, size)):
        yield chunk


def conflicting(event: Event) -> Rejected:
    """Return the refusal of an event whose source and id are known with other content."""
    detail = (
        f"An event with source {event.source} and id {event.id} was accepted before with other content. "
        "Give the corrected event a new id."
    )
    fault = Fault("/id", detail, Refusal.CONFLICTING_DUPLICATE)
    return Rejected(Refusal.CONFLICTING_DUPLICATE, (fault,), event.source, event.id, event.crm_id)


def inbox_row(event: Event, customer: CustomerId | None, door: Ingress, now: datetime) -> Inbox:
    """Return the row that remembers an accepted event."""
    left_out = {each.pointer: each.done for each in event.left_out} or None
    return Inbox(event.source, event.id, customer, event.type, event.digest, door, event.occurred_at, now, left_out)


class Batch:
    """The working set of one transaction: the cases of its customers and the changes so far."""

    def __init__(
        self, connection: Connection, policy: Policy, now: datetime, journeys: frozenset[str], *, lock: bool = True
    ) -> None:
        self.connection = connection
        self.policy = policy
        self.now = now
        self._triggers = journeys | policy.triggers
        self.lock = lock
        self._work = UnitOfWork(policy, now)
        self.dead_letters: list[DeadLetter] = []
        self.waves: list[Event] = []
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
            if event.kind not in PLANNING_ONLY or not self.lock:
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
        deep |= read.scored_elsewhere(self.connection, [one.id for one in customers if one.id not in deep])
        deep |= read.with_held_mails(self.connection, addressed_anew(customers, planned))
        self._load_planned([one for one in customers if one.id not in deep], planned)
        whole = [one for one in customers if one.id in deep]
        self._cases |= read.cases_of(self.connection, self._work, whole)
        self._find_suppressed([one for one in whole if one.email])
        for key, crm_id in wanted.items():
            if key not in self._cases:
                self._cases[key] = CustomerCase(new_customer(crm_id, self.policy.ids, self.now), self._work)
                self._new.add(key)

    def _moved_to(self, events: Sequence[Event], customers: Sequence[Customer]) -> set[CustomerId]:
        """Return who has the rows now of customers that were merged into others, maybe while we waited for them."""
        moved_to = {one.merged_into for one in customers if one.merged_into}
        if moved_to:
            self._find_owners(events)
        return {*moved_to, *self._requests.values(), *self._tickets.values()} if moved_to else set()

    def _load_planned(self, customers: Sequence[Customer], planned: Mapping[CustomerId, Sequence[Event]]) -> None:
        """Read what planning may look at: of most customers only the journeys that the events belong to."""
        some: dict[CustomerId, Customer] = {}
        references: set[str] = set()
        for one in customers:
            wanted = [references_wanted(event, one, self.policy) for event in planned.get(one.id, ())]
            if wanted and None not in wanted:
                some[one.id] = one
                references.update(*(each for each in wanted if each))
        every = [one for one in customers if one.id not in some]
        self._cases |= read.cases_of(self.connection, self._work, every, read.FOR_PLANNING)
        self._cases |= read.cases_about(self.connection, self._work, some.values(), references)

    def _find_suppressed(self, customers: Sequence[Customer]) -> None:
        """Tell the cases of customers whose answers may lead to mails whether their address is suppressed."""
        addresses = {one.id: one.email or "" for one in customers}
        suppressed = read.suppressed_addresses(self.connection, set(addresses.values()), self.policy.ids)
        for key, address in addresses.items():
            self._cases[key].suppressed = suppressed.get(address, "")

    def _customers(self, ids: Iterable[CustomerId]) -> list[Customer]:
        """Return customers by key, locked unless nothing is stored."""
        if self.lock:
            return read.lock_customers(self.connection, ids)
        return read.with_ids(self.connection, Customer, ids)

    def _find_owners(self, events: Sequence[Event]) -> None:
        """Find whose request or ticket an event means when it does not name the customer."""
        requests = {event.score.request for event in events if event.score and event.score.request}
        requests |= {event.report.request for event in events if event.report}
        tickets = {event.ticket.ticket for event in events if event.ticket}
        self._requests = read.owners_of_requests(self.connection, requests)
        self._tickets = read.owners_of_tickets(self.connection, tickets)
        self._scored = read.owners_of_scores(self.connection, [(one.source, one.id) for one in events if one.score])
        self._told = read.known_ticket_events(self.connection, [(one.source, one.id) for one in events if one.ticket])

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
            known = self._keys[crm_id] = customer_id(crm_id, self.policy.ids)
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

    def write(self) -> None:
        """Write what was changed so far; one transaction may do so several times."""
        apply(self.connection, self._work.hand_over(), self.now)

    def reject(self, message: Incoming, why: Rejected, door: Ingress, event: Event | None = None) -> Outcome:
        """Keep a message that cannot be accepted, with bytes, place and reason."""
        letter = ledger.dead_letter(message, why, door, self.policy.ids, self.now)
        self.dead_letters.append(letter)
        return Outcome(Taken.REJECTED, event, why, letter.id)

    def handle(self, event: Event, door: Ingress | None = None) -> None:
        """Change everything that one accepted event changes, and remember it by its `door`; all of it or nothing.

        Whatever is raised is rolled back, and harms no other event; BadInput is for data that cannot be taken. A merge
        is written at once: the rows that it moves may be changed again under their new customer.
        """
        self._work.settle()
        mark = self._work.checkpoint()
        try:
            self._change(event)
        except Exception:
            self._work.roll_back(mark)
            raise
        if door is not None:
            self._work.add(inbox_row(event, self.owner_of(event), door, self.now))
        if moved := self._work.changes.moved[mark.moved :]:
            for moving in moved:
                self._hand_on(moving)
            if self.lock:
                self.write()

    def _hand_on(self, moving: Moving) -> None:
        """Let what is said of a request or ticket of a merged customer go to the other one."""
        for owners in (self._requests, self._tickets):
            owners.update({key: CustomerId(moving.into) for key, owner in owners.items() if owner == moving.customer})

    def _change(self, event: Event) -> None:
        """Change everything that one event changes."""
        if event.kind == Kind.JOURNEY and event.name == "wave" and not event.crm_id:
            self.waves.append(event)  # waking goes through the customers
            return
        case = self.case_for(event)
        if (event.source, event.id) in self._told:
            return  # the inbox has forgotten it, the ticket has not
        self._refuse_score(event, case.id)
        into = None
        if event.merged_into:  # to where the other one went; merged into each other, they are one person already
            into = self._merged(self._cases[self._key(event.merged_into)])
        if event.customer and self.customer_of(event) != self._key(event.crm_id):
            event = replace(event, customer={})  # it answers somebody else's question: their profile is not theirs
        decide(self.connection, self._work, partial(self._decide, case, event, into), dry=not self.lock)
        self._new -= {case.id} if into is None else {case.id, into.id}

    def _decide(self, case: CustomerCase, event: Event, into: CustomerCase | None) -> None:
        """Take the event in, and its customers where nothing was known of them."""
        for each in (case, into):
            if each is not None and each.id in self._new:
                each.add(each.customer)
        take_event(case, event, into)

    def _refuse_score(self, event: Event, customer: CustomerId) -> None:
        """Raise BadInput for a score of another question, and for one whose id is another customer's score."""
        if event.score is None or event.score.request:
            return
        trigger = event.score.trigger
        if trigger and trigger not in self._triggers:
            near = difflib.get_close_matches(trigger[:100], self._triggers, n=1, cutoff=0.75)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise BadInput(
                f'Nothing is known of the trigger "{trigger[:100]}".{guess} Only answers from 0 to 10 to "how likely '
                'are you to recommend us" are scores here, not those of other questions (CSAT, CES). Send one of '
                f"{', '.join(sorted(self._triggers))}, or none."
            )
        owner = self._scored.get((event.source, event.id), customer)
        if owner != customer:
            raise BadInput(
                f"The score {event.id} of {event.source} is another customer's already. "
                "Give each answer an id of its own, and send this one again."
            )
        self._scored[event.source, event.id] = customer

    def tried(self, event: Event | Rejected) -> tuple[Event | Rejected, ChangeSet]:
        """Return what one event would change, and let the following ones see it."""
        if isinstance(event, Rejected):
            return event, ChangeSet()
        try:
            self.handle(event)
        except BadInput as error:
            return refusal_of(event, str(error)), ChangeSet()
        return event, self._work.hand_over()
