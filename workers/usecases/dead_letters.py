"""Dead letters: what could not be accepted is listed, shown, taken in again, or discarded with a reason."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from workers.cloudevents import Refusal, Unreadable
from workers.cloudevents.scopes import read_scopes
from workers.domain.records import DeadLetter
from workers.domain.types import DeadLetterState, Ingress
from workers.errors import BadInput
from workers.store import read
from workers.store.engine import Store
from workers.store.ledger import SCOPES_HEADER, Incoming, Outcome
from workers.store.operation.dead_letter_queue import ListedLetter, list_letters, move_letter
from workers.store.sign_in.audit_log import record_act
from workers.structs import replace


@dataclass(slots=True)
class Replayed:
    """How many letters were taken in (or known already), and why the others are refused still."""

    taken: int = 0
    refusals: list[str] = field(default_factory=list)


Take = Callable[[Sequence[Incoming], Ingress], Sequence[Outcome]]
"""Takes messages in, as `Intake.take` does."""
Again = Callable[[DeadLetter], Incoming | None]
"""Reads the message of a truncated letter again where it came from; None when it is not there any more."""


def listed(letter: DeadLetter) -> ListedLetter:
    """Return a letter as lists show it."""
    return ListedLetter(
        letter.id,
        letter.reason,
        letter.fault,
        letter.bytes_sent,
        letter.truncated,
        letter.sha256,
        letter.door,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.state,
        letter.received_at,
        letter.source,
        letter.event_id,
        letter.subject,
        letter.file,
        letter.line,
        letter.column,
    )


def nowhere(letter: DeadLetter) -> Incoming | None:
    """Read nothing again."""
    return None


class DeadLetters:
    """Lists, shows, replays and discards what could not be taken in."""

    def __init__(self, store: Store, take: Take, now: Callable[[], datetime], read_again: Again = nowhere) -> None:
        self._store = store
        self._take = take
        self._now = now
        self._read_again = read_again

    def list(self, *, reason: str = "", state: str = DeadLetterState.OPEN) -> list[ListedLetter]:
        """Return letters without their bytes, oldest first; an empty state means every state."""
        with self._store.reading() as connection:
            return list_letters(connection, state=state, reason=reason)

    def show(self, ident: str) -> DeadLetter | None:
        """Return one letter with its bytes; None for an unknown id, or for a text that is none."""
        with self._store.reading() as connection:
            return read.by_key(connection, DeadLetter, ident) if read.is_id(ident) else None

    def replay(self, idents: Iterable[str], *, overrule: str = "") -> Replayed:
        """Take letters in again, one at a time, by their ids; idempotent.

        What a letter's key was not allowed to send stays refused, unless a person, named by `overrule`, takes it in all
        the same; that is audited.
        A letter that does not have the whole message, or one that could not be read, is read again where it came
        from, and refused with a sentence where that is not possible.
        """
        done = Replayed()
        for ident in idents:
            letter = self.show(ident)
            if letter is None or letter.state != DeadLetterState.OPEN:
                continue
            message = self._whole(letter)
            if overrule and message.scopes is not None:
                self._audit(letter, overrule)
                message = replace(message, scopes=None)
            outcome = self._take([message], Ingress(letter.door))[0]
            if outcome.rejected is not None:
                done.refusals.append(f"{letter.id}: {outcome.rejected.fault}")
                continue
            done.taken += 1
            self._move(letter.id, DeadLetterState.REPLAYED, "")
        return done

    def _audit(self, letter: DeadLetter, by: str) -> None:
        now, detail = self._now(), {"reason": letter.reason, "scopes": letter.headers[SCOPES_HEADER]}
        self._store.write(lambda connection: record_act(connection, now, by, "dead_letter.allow", letter.id, detail))

    def _whole(self, letter: DeadLetter) -> Incoming:
        """Return a letter as the message it was; of a truncated one whose whole is gone, as one that says so."""
        if is_row(letter):
            detail = "It is a row of a file, not an event. Correct the file, import it again, then discard this letter."
            return incoming(letter, whole_or_beginning(letter, detail))
        if letter.reason == Refusal.UNKNOWN_MESSAGE:
            detail = f"{letter.fault} It is no event that could be taken in."
            return incoming(letter, whole_or_beginning(letter, detail))
        if not letter.truncated and letter.reason != Refusal.UNREADABLE:
            return incoming(letter, letter.body)
        again = self._read_again(letter)
        if again is None:
            detail = (
                f"Only the first {len(letter.body):,} of {letter.bytes_sent:,} bytes were kept, and the whole is not "
                "to be had any more. Let the sender publish it again, smaller, then discard this letter."
                if letter.truncated
                else "It still cannot be read. Let the sender publish it again, then discard this letter."
            )
            return incoming(letter, whole_or_beginning(letter, detail))
        return again

    def discard(self, letter: DeadLetter | ListedLetter, note: str) -> None:
        """Discard an open letter with a reason; its row stays until retention ends. Raises BadInput."""
        if not note.strip():
            raise BadInput("Say why it is discarded: --reason TEXT.")
        if letter.state == DeadLetterState.OPEN:
            self._move(letter.id, DeadLetterState.DISCARDED, note.strip())

    def _move(self, ident: str, state: DeadLetterState, note: str) -> None:
        now = self._now()
        self._store.write(lambda connection: move_letter(connection, ident, state, note, now))


def is_row(letter: DeadLetter) -> bool:
    """Return whether a letter is a row of an imported file that never became an event."""
    return letter.door == Ingress.FILE and not letter.body.lstrip().startswith(b"{")


def whole_or_beginning(letter: DeadLetter, detail: str) -> Unreadable:
    """Return what there is of a letter as a body that is refused as before, for a reason that says what to do."""
    return Unreadable.beginning(letter.body, letter.bytes_sent, letter.sha256 or "", Refusal(letter.reason), detail)


def incoming(letter: DeadLetter, body: bytes) -> Incoming:
    """Return the message that a letter was kept from, with its door's headers and rights, but with these bytes."""
    headers: dict[str, str] | list[tuple[str, bytes]] = letter.headers
    content_type, scopes = None, None
    if letter.door == Ingress.KAFKA:
        headers = [(name, value.encode()) for name, value in letter.headers.items()]
    else:
        headers = {name: value for name, value in letter.headers.items() if name != SCOPES_HEADER}
        content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
        if SCOPES_HEADER in letter.headers:
            scopes = read_scopes(letter.headers[SCOPES_HEADER].split())
    return Incoming(body, headers, content_type, letter.topic, letter.partition, letter.offset, scopes)
