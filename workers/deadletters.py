"""Dead letters: what could not be accepted is listed, shown, taken in again, or discarded with a reason."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.intake import Intake
from workers.records import DeadLetter
from workers.store import read, tables
from workers.store.engine import Store
from workers.store.ledger import Incoming, Taken
from workers.words import BadInput, DeadLetterState, Door

TABLE = tables.dead_letter
LISTED_AT_MOST = 10_000


class DeadLetters:
    """The letters of one installation."""

    def __init__(self, store: Store, intake: Intake, now: Callable[[], datetime]) -> None:
        self._store = store
        self._intake = intake
        self._now = now

    def list(self, *, reason: str = "", state: str = DeadLetterState.OPEN) -> list[DeadLetter]:
        """Return letters, oldest first; an empty state means every state."""
        conditions = [TABLE.c.state == state] if state else []
        if reason:
            conditions.append(TABLE.c.reason == reason)
        with self._store.reading() as connection:
            query = sa.select(TABLE).where(*conditions).order_by(TABLE.c.received_at, TABLE.c.id)
            return [DeadLetter(*row) for row in connection.execute(query.limit(LISTED_AT_MOST))]

    def show(self, ident: str) -> DeadLetter | None:
        """Return one letter with its bytes, or None."""
        with self._store.reading() as connection:
            return read.one(connection, DeadLetter, ident) if read.is_id(ident) else None

    def replay(self, letters: Sequence[DeadLetter]) -> tuple[int, int]:
        """Take letters in again; return how many were taken (or known already) and how many are refused still."""
        taken = refused = 0
        for letter in letters:
            if letter.state != DeadLetterState.OPEN:
                continue
            outcome = self._intake.take([incoming(letter)], Door(letter.door))[0]
            if outcome.taken == Taken.REJECTED:
                refused += 1
                continue
            taken += 1
            self._move(letter, DeadLetterState.REPLAYED, "")
        return taken, refused

    def discard(self, letter: DeadLetter, note: str) -> None:
        """Discard an open letter with a reason; its row stays until retention ends."""
        if not note.strip():
            raise BadInput("Say why it is discarded: --reason TEXT.")
        if letter.state == DeadLetterState.OPEN:
            self._move(letter, DeadLetterState.DISCARDED, note.strip())

    def _move(self, letter: DeadLetter, state: DeadLetterState, note: str) -> None:
        now = self._now()

        def work(connection: Connection) -> None:
            connection.execute(
                sa.update(TABLE).where(TABLE.c.id == letter.id).values(state=state, note=note, changed_at=now)
            )

        self._store.write(work)


def incoming(letter: DeadLetter) -> Incoming:
    """Return a letter as the message it was."""
    headers: dict[str, str] | list[tuple[str, bytes]] = letter.headers
    content_type = None
    if letter.door == Door.KAFKA:
        headers = [(name, value.encode()) for name, value in letter.headers.items()]
    else:
        content_type = next((value for name, value in letter.headers.items() if name.lower() == "content-type"), None)
    return Incoming(letter.body, headers, content_type, letter.topic, letter.partition, letter.offset)
