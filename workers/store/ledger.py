"""The ledger of what came in: known events, dead letters and counts; positions.py has the consumed positions.

It is written in the same transaction as the effects of a batch, never apart from them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.cloudevents import KEPT_BYTES, Event, Refusal, Rejected, Unreadable
from workers.cloudevents.scopes import Scope, Scopes, as_text
from workers.domain.changeset import ChangeSet
from workers.domain.records import DeadLetter
from workers.domain.types import DeadLetterState, Ids, Ingress
from workers.store import read, tables
from workers.store.apply import apply
from workers.store.engine import in_array
from workers.store.round_trips import fetch
from workers.structs import Struct, field
from workers.text.plain_text import for_store

SCOPES_HEADER = "boucle-scopes"
"""Name under which a dead letter keeps what its sender's key may send, beside the headers that came."""


CellOf = Callable[[str], tuple[str, str, str]]
"""Returns the column, the text and what the file's reader says of it, for a JSON pointer into an event."""
ADVICE_LENGTH = 1_500
"""Characters of an advice: a row may have as many faults as it has cells."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a row, or an event of it, is refused, in words for whoever has the file open."""

    line: int
    column: str
    value: str
    reason: str
    advice: str

    @property
    def sentence(self) -> str:
        """Return where it is wrong and what to do, for a dead letter."""
        place = f"Line {self.line}, column {self.column}: " if self.column else f"Line {self.line}: "
        return place + self.advice


@dataclass(frozen=True, slots=True)
class InFile:
    """Where in a file a message stood: the file's name, the row's first line, and which cell filled which field."""

    file: str
    line: int
    cell_of: CellOf

    def refused(self, why: Rejected) -> Refused:
        """Return a refusal as the file's owner reads it: the first fault's cell, and all there is to do."""
        sentences: dict[str, None] = {}
        first: tuple[str, str] | None = None
        for fault in why.faults:
            column, value, advice = self.cell_of(fault.pointer)
            first = first or (column, value)
            other = f"{column}: " if first[0] != column and column else ""
            sentences.setdefault(other + (advice or fault.detail))
        column, value = first or ("", "")
        advice = storable(" ".join(sentences), ADVICE_LENGTH) or ""
        return Refused(self.line, storable(column) or "", storable(value) or "", why.reason, advice)


class Incoming(Struct, frozen=True):
    """One message as it came: bytes, headers and place."""

    body: bytes
    headers: Mapping[str, str] | Sequence[tuple[str, bytes]] = field(default_factory=dict)
    content_type: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    scopes: Scopes | None = None
    """What its sender's key may send; None: everything. A dead letter keeps it, so that a replay opens no door."""
    place: InFile | None = None


class Taken(StrEnum):
    """What became of one message; the words are values of a metric and of the import's counts."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, with its event where it could be read and every fault where it could not."""

    taken: Taken
    event: Event | None = None
    rejected: Rejected | None = None
    dead_letter: str | None = None


KNOWN = sa.select(tables.inbox.c.event_id, tables.inbox.c.digest).where(
    tables.inbox.c.source == sa.bindparam("from"), in_array(tables.inbox.c.event_id, "ids")
)


def inbox_digests(connection: Connection, events: Iterable[Event]) -> dict[tuple[str, str], str]:
    """Return by source and id the digests of those events that were accepted before and the inbox still has."""
    by_source: dict[str, list[str]] = {}
    for event in events:
        by_source.setdefault(event.source, []).append(event.id)
    digests: dict[tuple[str, str], str] = {}
    for source, ids in by_source.items():
        for chunk in read.chunks(ids):
            for event_id, digest in fetch(connection, KNOWN, {"from": source, "ids": chunk}):
                digests[(source, event_id)] = digest
    return digests


FAULT_LENGTH = 4_000
NAME_LENGTH = 1_000
"""Characters of a letter's fault, and of each name in it (id, source, subject, header), that are kept."""


def dead_letter(message: Incoming, why: Rejected, door: Ingress, ids: Ids, now: datetime) -> DeadLetter:
    """Return a dead letter; its key follows from the bytes, so that the same message twice is one letter.

    Of a message over its limit the beginning is kept, with the size and the SHA-256 of the whole.
    """
    headers = dict(header_texts(message.headers))
    if message.scopes is not None and Scope.ALL not in message.scopes:
        headers[SCOPES_HEADER] = as_text(message.scopes)
    body = kept(message.body, why.reason)
    content = body if not body.truncated else body.sha256.encode()
    refused = message.place.refused(why) if message.place is not None else None
    digest = hashlib.sha256(
        b"\0".join([repr(sorted(headers.items())).encode(), content, why.reason.encode()])
    ).hexdigest()
    return DeadLetter(
        id=ids.derive(None, "dead_letter", message.topic or door, digest),
        digest=digest,
        door=door,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        headers=headers,
        body=bytes(body),
        fault=storable(refused.sentence if refused else why.fault, FAULT_LENGTH) or "",
        reason=why.reason,
        source=storable(why.source),
        event_id=storable(why.id),
        subject=storable(why.subject),
        state=DeadLetterState.OPEN,
        received_at=now,
        changed_at=now,
        size=body.size,
        sha256=body.sha256,
        file=storable(message.place.file) if message.place else None,
        line=refused.line if refused else None,
        column=refused.column if refused else None,
    )


def kept(body: bytes, reason: Refusal) -> Unreadable:
    """Return what of a body is kept: all of it, or the beginning of one that is too large."""
    whole = body if isinstance(body, Unreadable) else Unreadable.whole(as_bytes(body), reason, "")
    if reason is not Refusal.TOO_LARGE or len(body) <= KEPT_BYTES:
        return whole
    return Unreadable.beginning(body[:KEPT_BYTES], whole.size, whole.sha256, reason, "")


def as_bytes(value: object) -> bytes:
    """Return what a client library gave for a value as bytes; null, as in Kafka's tombstones, is none."""
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode("utf-8", "replace")


def storable(text: str | None, length: int = NAME_LENGTH) -> str | None:
    """Return a text as both databases hold it, cut."""
    if text is None:
        return None
    return for_store(text if len(text) <= length else text[: length - 1] + "…")


def header_texts(headers: Mapping[str, str] | Sequence[tuple[str, bytes]]) -> Iterable[tuple[str, str]]:
    """Give the CloudEvents headers as text, for keeping; others may hold secrets and are left out."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        if name.lower().startswith(("ce_", "ce-")) or name.lower() == "content-type":
            text = value if isinstance(value, str) else as_bytes(value).decode("utf-8", "replace")
            yield storable(name) or "", storable(text, FAULT_LENGTH) or ""


def store_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> set[str]:
    """Insert the letters that are new and return their ids."""
    wanted = {letter.id: letter for letter in reversed(letters)}
    table = tables.dead_letter
    stored: set[str] = set()
    for chunk in read.chunks(wanted):
        stored.update(connection.execute(sa.select(table.c.id).where(table.c.id.in_(chunk))).scalars())
    changes = ChangeSet()
    for key, letter in wanted.items():
        if key not in stored:
            changes.add(letter)
    if changes:
        apply(connection, changes, letters[0].received_at)
    return set(wanted) - stored


def counted_again(outcome: Outcome, new_letters: set[str]) -> Outcome:
    """Return the outcome; a refused message that came again with the same bytes counts as a duplicate letter."""
    if outcome.dead_letter in new_letters:
        new_letters.discard(outcome.dead_letter or "")
        return outcome
    return replace(outcome, dead_letter=None) if outcome.dead_letter else outcome


def record_received(connection: Connection, outcomes: Sequence[Outcome], door: Ingress, now: datetime) -> None:
    """Count the batch: received = accepted + duplicates + dead letters."""
    if not outcomes:
        return
    accepted = sum(outcome.taken == Taken.ACCEPTED for outcome in outcomes)
    letters = sum(outcome.dead_letter is not None for outcome in outcomes)
    connection.execute(
        sa.insert(tables.received).values(
            door=door,
            at=now,
            events=len(outcomes),
            accepted=accepted,
            duplicates=len(outcomes) - accepted - letters,
            dead_letters=letters,
        )
    )
