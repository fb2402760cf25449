"""Intake: a batch of events from any door is accepted, recognised as a duplicate, or kept as a dead letter.

One transaction per batch: inbox rows, effects, outbox rows and consumed positions commit together, so a batch that
comes again changes nothing. An event that fails is rolled back alone and becomes a dead letter; a batch that cannot be
written is taken event by event.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from workers.cloudevents import Codec, Event, Kind, Rejected
from workers.cloudevents.scopes import gate_of
from workers.domain.attributes import take_declared
from workers.domain.changeset import ChangeSet
from workers.domain.customer_case import Checkpoint, CustomerCase, UnitOfWork
from workers.domain.drivers import take_drivers
from workers.domain.event_handlers import take_event
from workers.domain.policy import Policy
from workers.domain.records import DeadLetter, Inbox
from workers.domain.types import CustomerId, Ingress
from workers.errors import BadInput, NotNow
from workers.store import ledger
from workers.store.apply import apply
from workers.store.connection import Connection, DBAPIError
from workers.store.engine import Store
from workers.store.ledger import Incoming, Outcome, Taken
from workers.store.positions import Consumed, record_consumed
from workers.store.survey import waves
from workers.store.ticket.roster import decide
from workers.structs import replace
from workers.usecases.caseload import Caseload
from workers.usecases.refused_events import conflicting, failed_here, is_its_own, refusal_of, refuse_trigger

log = logging.getLogger(__name__)
T = TypeVar("T")
DRY_RUN_CHUNK = 500


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Messages and what each of them says, in their order: an event, or why it is none. Nothing is stored of it."""

    messages: Sequence[Incoming]
    events: Sequence[Event | Rejected]

    @classmethod
    def joined(cls, parts: Iterable["ReadBatch"]) -> "ReadBatch":
        """Return several as one batch, in their order."""
        messages: list[Incoming] = []
        events: list[Event | Rejected] = []
        for part in parts:
            messages += part.messages
            events += part.events
        return cls(messages, events)


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
        """Read a batch and take it in: `read` and `take_read` in one. Idempotent; raises NotNow like `take_read`."""
        return self.take_read(self.read(batch, refused=refused), door, consumed)

    def read(self, batch: Sequence[Incoming], *, refused: Sequence[Rejected | None] = ()) -> ReadBatch:
        """Return what each message says. Needs no database, so that it may go on while another batch is written.

        `refused` has, for messages that the door itself could not read, why.
        """
        now = self._now()
        events = [self._parse(message, now) for message in batch]
        for place, why in enumerate(refused):
            events[place] = why or events[place]
        return ReadBatch(batch, events)

    def take_read(self, batch: ReadBatch, door: Ingress, consumed: Sequence[Consumed] = ()) -> list[Outcome]:
        """Take in what was read and return one outcome per message, in order. Idempotent.

        Raises NotNow when the database is away: the caller keeps the batch and tries again.
        """
        now = self._now()
        try:
            return self._store.write(
                lambda connection: self._take(connection, batch.messages, batch.events, door, consumed, now)
            )
        except NotNow:
            raise
        except Exception:  # whatever one event breaks must not stop the others
            log.exception("batch failed, taking it event by event", extra={"action": "intake.split"})
            return self._one_by_one(batch.messages, batch.events, door, consumed, now)

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
                parsed = [self._parse(message, now) for message in chunk]
                work.load([event for event in parsed if isinstance(event, Event)])
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
        """Do one batch inside a transaction: 1. known events, 2. cases, 3. what changes, 4. write, 5. positions."""
        digests = ledger.inbox_digests(connection, [event for event in parsed if isinstance(event, Event)])
        work = Batch(connection, self._policy(), now, self._codec.journeys)
        fresh = [event for event in parsed if isinstance(event, Event) and (event.source, event.id) not in digests]
        work.load(fresh)
        outcomes: list[Outcome] = []
        for message, event in zip(batch, parsed, strict=True):
            outcomes.append(self._one(work, digests, message, event, door, now))
        letters = ledger.store_dead_letters(connection, work.dead_letters)
        outcomes = [ledger.counted_again(outcome, letters) for outcome in outcomes]
        work.write()
        for wave in work.waves:
            waves.announce(connection, wave.reference, wave.occurred_at)
        ledger.record_received(connection, outcomes, door, now)
        record_consumed(connection, consumed)
        return outcomes

    def _one(
        self,
        work: "Batch",
        digests: dict[tuple[str, str], str],
        message: Incoming,
        event: Event | Rejected,
        door: Ingress,
        now: datetime,
    ) -> Outcome:
        """Take one message in, given what the batch knows so far."""
        if isinstance(event, Rejected):
            return work.reject(message, event, door)
        digest = digests.get((event.source, event.id))
        if digest == event.digest:
            return Outcome(Taken.DUPLICATE, event)
        if digest is not None:
            return work.reject(message, conflicting(event), door, event)
        event = work.declared(event)
        try:
            work.handle(event, door)
        except BadInput as error:
            return work.reject(message, refusal_of(event, str(error)), door, event)
        except Exception as error:  # kept as a dead letter with its bytes; the others of the batch never notice
            if isinstance(error, DBAPIError | NotNow) or not is_its_own(error):
                raise
            log.exception("event failed", extra={"action": "intake.failed"})
            return work.reject(message, failed_here(event, error), door, event)
        digests[(event.source, event.id)] = event.digest
        return Outcome(Taken.ACCEPTED, event)


def batched(messages: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream of messages into lists."""
    waiting = iter(messages)
    while chunk := list(islice(waiting, size)):
        yield chunk


def inbox_row(event: Event, customer: CustomerId | None, door: Ingress, now: datetime) -> Inbox:
    """Return the row by which an event is known again: the same source and id with the same digest changes nothing."""
    left_out = {each.pointer: each.done for each in event.left_out} if event.left_out else None
    return Inbox(event.source, event.id, customer, event.type, event.digest, door, event.occurred_at, now, left_out)


class Batch:
    """The working set of one transaction: its caseload, the changes so far, and what was refused."""

    def __init__(
        self, connection: Connection, policy: Policy, now: datetime, journeys: frozenset[str], *, lock: bool = True
    ) -> None:
        self.connection = connection
        self.lock = lock
        self.dead_letters: list[DeadLetter] = []
        self.waves: list[Event] = []
        self._triggers = journeys | policy.triggers
        self._work = UnitOfWork(policy, now)
        self._caseload = Caseload(connection, self._work, lock=lock)

    def load(self, events: Sequence[Event]) -> None:
        """Lock and read the customers of these events; the unknown ones are new."""
        self._caseload.load(events)

    def write(self) -> None:
        """Write what was changed so far; one transaction may do so several times."""
        apply(self.connection, self._work.hand_over(), self._work.now)

    def reject(self, message: Incoming, why: Rejected, door: Ingress, event: Event | None = None) -> Outcome:
        """Keep a message that cannot be accepted, with bytes, place and reason."""
        letter = ledger.dead_letter(message, why, door, self._work.policy.ids, self._work.now)
        self.dead_letters.append(letter)
        return Outcome(Taken.REJECTED, event, why, letter.id)

    def declared(self, event: Event) -> Event:
        """Return an event with the attributes and drivers that the operator declares; of the others it says why not."""
        policy = self._work.policy
        return take_drivers(take_declared(event, policy.attributes), policy.drivers)

    def handle(self, event: Event, door: Ingress | None = None) -> None:
        """Change everything that one accepted event changes, and remember it by its `door`; all of it or nothing.

        Whatever is raised is rolled back, and harms no other event; BadInput is for data that cannot be taken. A merge
        is written at once: the rows that it moves may be changed again under their new customer.
        """
        self._work.settle()
        mark = self._work.checkpoint()
        try:
            case = self._change(event, mark)
        except Exception:
            self._work.roll_back(mark)
            raise
        if door is not None:
            customer = self._caseload.merged(case).id if case else None
            self._work.add(inbox_row(event, customer, door, self._work.now))
        if moved := self._work.changes.moved[mark.moved :]:
            for moving in moved:
                self._caseload.owners.hand_on(moving)
            if self.lock:
                self.write()

    def _change(self, event: Event, mark: Checkpoint) -> CustomerCase | None:
        """Change everything that one event changes, from a checkpoint on; return whose case it is, or None."""
        if event.kind == Kind.JOURNEY and event.name == "wave" and not event.crm_id:
            self.waves.append(event)  # waking goes through the customers
            return None
        owners, case = self._caseload.owners, self._caseload.case_for(event)
        if owners.is_in_ticket(event):
            return case
        if event.score and not event.score.request:
            refuse_trigger(event.score.trigger, self._triggers)
            owners.refuse_foreign_score(event, case.id)
        into = self._caseload.into(event)
        if event.customer and owners.is_about_somebody_else(event):
            event = replace(event, customer={})  # their profile is not that of who is asked
        cases = [case] if into is None else [case, into]
        decide(self.connection, self._work, partial(self._decide, cases, event), dry=not self.lock, mark=mark)
        self._caseload.accept(event, *cases)
        return case

    def _decide(self, cases: Sequence[CustomerCase], event: Event) -> None:
        """Take the event in, and its customers where nothing was known of them."""
        for case in cases:
            self._caseload.begin(case)
        take_event(cases[0], event, *cases[1:])

    def tried(self, event: Event | Rejected) -> tuple[Event | Rejected, ChangeSet]:
        """Return what one event would change, and let the following ones see it."""
        if isinstance(event, Rejected):
            return event, ChangeSet()
        event = self.declared(event)
        try:
            self.handle(event)
        except BadInput as error:
            return refusal_of(event, str(error)), ChangeSet()
        return event, self._work.hand_over()
