"""Rehearsal: what taking messages in would do, each with its outcome and changes, duplicates and conflicts included.

It goes through the same steps as intake.py and stores nothing, so that a dry run tells what the real run does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from workers.cloudevents import Codec, Event, Rejected
from workers.domain.changeset import ChangeSet
from workers.domain.policy import Policy
from workers.store import ledger
from workers.store.engine import Store
from workers.store.ledger import Incoming, Outcome, Taken
from workers.usecases.intake import DRY_RUN_CHUNK, Batch, batched
from workers.usecases.refused_events import conflicting

Told = tuple[Incoming, Rejected | None]
"""A message, and why its door could not read it, if so."""


class Rehearsal:
    """Tries messages on what is stored, one after the other, each seeing those before it."""

    def __init__(self, store: Store, codec: Codec, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._codec = codec
        self._policy = policy
        self.now = now

    def outcomes(self, messages: Iterable[Told]) -> Iterator[tuple[Incoming, Outcome, ChangeSet]]:
        """Give each message's outcome, in order, and what it would change."""
        now = self.now()
        seen: dict[tuple[str, str], str] = {}
        with self._store.reading() as connection:
            work = Batch(connection, self._policy(), now, self._codec.journeys, lock=False)
            for chunk in batched(messages, DRY_RUN_CHUNK):
                parsed = [self._parse(message, refused, now) for message, refused in chunk]
                events = [event for event in parsed if isinstance(event, Event)]
                seen = ledger.inbox_digests(connection, events) | seen
                work.load(fresh(events, seen))
                for (message, _), event in zip(chunk, parsed, strict=True):
                    outcome, changes = tried(work, seen, event)
                    yield message, outcome, changes

    def _parse(self, message: Incoming, refused: Rejected | None, now: datetime) -> Event | Rejected:
        if refused is not None:
            return refused
        return self._codec.parse(message.body, message.headers, now, content_type=message.content_type)


def fresh(events: Sequence[Event], seen: dict[tuple[str, str], str]) -> list[Event]:
    """Return the events whose source and id were not seen before."""
    return [event for event in events if (event.source, event.id) not in seen]


def tried(work: Batch, seen: dict[tuple[str, str], str], event: Event | Rejected) -> tuple[Outcome, ChangeSet]:
    """Return what becomes of one message, given what is known so far."""
    if isinstance(event, Rejected):
        return Outcome(Taken.REJECTED, None, event), ChangeSet()
    digest = seen.get((event.source, event.id))
    if digest == event.digest:
        return Outcome(Taken.DUPLICATE, event), ChangeSet()
    if digest is not None:
        return Outcome(Taken.REJECTED, event, conflicting(event)), ChangeSet()
    result, changes = work.tried(event)
    if isinstance(result, Rejected):
        return Outcome(Taken.REJECTED, event, result), changes
    seen[event.source, event.id] = event.digest
    return Outcome(Taken.ACCEPTED, result), changes
