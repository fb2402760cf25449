"""Dead letters about a person: found by every id and address that they ever had, shown to them, and forgotten.

What a letter says is read by `traces`. Of a batch that was refused as a whole, only the person's events go; the others
are somebody else's, who has not asked for anything. Letters are looked at some at a time, and never in a transaction
that writes; several people cost one look.
"""

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Forgetting
from workers.domain.customer.traces import KEEP, Person, Traces, held_address, pieces, readings
from workers.domain.types import Ids
from workers.store import read
from workers.store import tables as t
from workers.text.plain_text import json_text

LETTERS_AT_ONCE, BYTES_AT_ONCE = 200, 2_000_000
"""What one look takes at most, but one letter however long it is."""
C = t.dead_letter.c
COLUMNS = (C.subject, C.headers, C.source, C.event_id, C.fault, C.note)
"""What is kept beside the bytes and may name somebody."""
CUT = "A part of this batch was about somebody who was erased, and is gone."
OWN_KEYS = (t.survey_request.c.id, t.response.c.id, t.ticket.c.id)
"""Ids of ours by which an event may mean a customer without naming them."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A person to look for, and the keys of the customers that they are."""

    person: Person
    customers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A letter that names people: their places among those who are looked for, and the values that stay, if any."""

    id: str
    places: tuple[int, ...]
    stays: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, the key of the last letter that it read (None behind the last one), and how many it read."""

    named: tuple[Named, ...]
    last: str | None
    read: int


def sought(connection: Connection, forgetting: Forgetting, keys: Sequence[str]) -> Sought:
    """Return how to find a person: every id of the merged group, our own keys, every address they ever had."""
    c, a, d = t.customer.c, t.former_address.c, t.dispatch.c
    rows = connection.execute(sa.select(c.crm_id, c.email).where(c.id.in_(keys))).all()
    asked = sa.select(d.recipient).distinct().where(d.customer.in_(keys), d.request.is_not(None))
    emails = {forgetting.email, *(row.email for row in rows), *connection.execute(asked).scalars()}
    former = connection.execute(sa.select(a.address).where(a.customer.in_(keys))).scalars()
    own = {
        str(key)
        for column in OWN_KEYS
        for key in connection.execute(sa.select(column).where(column.table.c.customer.in_(keys))).scalars()
    }
    crm_ids = {forgetting.crm_id, *(row.crm_id for row in rows)}
    return Sought(
        person(forgetting.ids, crm_ids, emails, keys=frozenset({*own, *keys}), former=frozenset(former)), tuple(keys)
    )


def person(
    ids: Ids,
    crm_ids: Iterable[str | None],
    emails: Iterable[str | None] = (),
    *,
    keys: frozenset[str] = frozenset(),
    former: frozenset[str] = frozenset(),
) -> Person:
    """Return whom to look for; an id that is an address is looked for as one too."""
    named = frozenset(crm_id for crm_id in crm_ids if crm_id)
    addresses = {*(email for email in emails if email), *(crm_id for crm_id in named if "@" in crm_id)}
    hashes = frozenset(held_address(address, ids) for address in addresses)
    return Person(named, keys, hashes | former, functools.partial(ids.keyed_hash, "held address"))


def letters_of(connection: Connection, whom: Sought) -> Iterator[dict[str, Any]]:
    """Give the letters that name a person as rows; of a batch only the events that do."""
    named = [letter.id for part in looks(connection, [whom]) for letter in part.named]
    for letter in sorted(whole_rows(connection, named), key=operator.attrgetter("received_at", "id")):
        parts = pieces(bytes(letter.body))
        mine = [part for part in parts if names(connection, readings(part.encode("utf-8", KEEP)), whom)]
        whole = len(parts) == 1 or not mine or by_subject(letter, [whom])
        yield {**letter._mapping, **({} if whole else {"body": b"[" + ",".join(mine).encode("utf-8", KEEP) + b"]"})}


def looks(connection: Connection, people: Sequence[Sought]) -> Iterator[Look]:
    """Give one look after the other until all letters were looked at."""
    after: str | None = None
    while True:
        part = look(connection, people, after)
        yield part
        if part.last is None:
            return
        after = part.last


def look(connection: Connection, people: Sequence[Sought], after: str | None) -> Look:
    """Look at the next letters behind a key for any of these people; bounded in letters and in bytes.

    In the order of keys, which do not follow time: a letter that comes while the looks go on may be stepped over.
    """
    sizes = sa.select(C.id, sa.func.length(C.body)).order_by(C.id).limit(LETTERS_AT_ONCE)
    keys: list[str] = []
    held = 0
    for key, size in connection.execute(sizes if after is None else sizes.where(C.id > after)).all():
        held += int(size)
        if keys and held > BYTES_AT_ONCE:
            break
        keys.append(str(key))
    if not keys:
        return Look((), None, 0)
    anybody = functools.reduce(operator.or_, (whom.person for whom in people))
    query = sa.select(C.id, C.body, *COLUMNS).where(C.id.in_(keys)).order_by(C.id)
    named_letters = (named_in(connection, letter, people, anybody) for letter in connection.execute(query))
    return Look(tuple(letter for letter in named_letters if letter), keys[-1], len(keys))


def named_in(
    connection: Connection, letter: sa.Row[*tuple[Any, ...]], people: Sequence[Sought], anybody: Person
) -> Named | None:
    """Return whom of these people a letter names and what stays of it, or None when it names nobody."""
    texts = [*readings(bytes(letter.body)), beside(letter)]
    if not anybody.traces_in(texts):
        return None
    places = [place for place, whom in enumerate(people) if names(connection, texts, whom, letter.subject)]
    if not places:
        return None
    return Named(str(letter.id), tuple(places), what_stays(connection, letter, [people[place] for place in places]))


def what_stays(
    connection: Connection, letter: sa.Row[*tuple[Any, ...]], people: Sequence[Sought]
) -> dict[str, object] | None:
    """Return the values of a batch that stays without these people's events; None for a letter that goes whole."""
    kept = whole = pieces(bytes(letter.body))
    for whom in people:
        kept = without(connection, kept, whom)
    if not kept or kept == whole or by_subject(letter, people):
        return None
    values: dict[str, object] = {"body": b"[" + ",".join(kept).encode("utf-8", KEEP) + b"]"}
    if any(names(connection, [beside(letter)], whom) for whom in people):
        values |= {"fault": CUT, "note": "", "event_id": None, "source": None, "subject": None, "headers": {}}
    return values


def forget_named(connection: Connection, named: Iterable[Named], people: int) -> list[int]:
    """Delete letters, or the parts of refused batches, that were found; return how many of each person's went."""
    gone = [0] * people
    for letter in named:
        here = C.id == letter.id
        statement = (
            sa.delete(t.dead_letter).where(here)
            if letter.stays is None
            else sa.update(t.dead_letter).where(here).values(**letter.stays)
        )
        if connection.execute(statement).rowcount:
            for place in letter.places:
                gone[place] += 1
    return gone


def whole_rows(connection: Connection, keys: Sequence[str]) -> Iterator[sa.Row[Any]]:
    """Give letters with every column, in no order."""
    for chunk in read.chunks(keys):
        yield from connection.execute(sa.select(t.dead_letter).where(C.id.in_(chunk)))


def beside(letter: sa.Row[*tuple[Any, ...]]) -> str:
    """Return what is kept beside the bytes, as one text; names of fields say what each is."""
    texts = {column.name: getattr(letter, column.name) for column in COLUMNS}
    return "\n".join(readings(json_text(texts).encode()))


def by_subject(letter: sa.Row[*tuple[Any, ...]], people: Iterable[Sought]) -> bool:
    """Tell whether a letter as a whole is one of these people's: its sender said so."""
    return any(letter.subject and whom.person.is_id(letter.subject).sure for whom in people)


def without(connection: Connection, parts: Sequence[str], whom: Sought) -> list[str]:
    """Return the parts of a batch that do not name a person; none of what is no batch."""
    if len(parts) < 2:
        return []
    return [part for part in parts if not names(connection, readings(part.encode("utf-8", KEEP)), whom)]


def names(connection: Connection, texts: Iterable[str], whom: Sought, subject: str | None = None) -> bool:
    """Tell whether texts name a person and not somebody who is written alike or has the same address."""
    traces = whom.person.traces_in(texts)
    if traces.sure or not traces:
        return traces.sure
    return own_spelling(connection, traces, whom) or (traces.address and not others_address(connection, subject, whom))


def own_spelling(connection: Connection, traces: Traces, whom: Sought) -> bool:
    """Tell whether an id in another spelling is the person's: it is not if it is exactly another customer's."""
    if not traces.spellings:
        return False
    c = t.customer.c
    query = sa.select(c.crm_id).where(c.crm_id.in_(traces.spellings), c.id.not_in(whom.customers))
    return bool(traces.spellings - set(connection.execute(query).scalars()))


def others_address(connection: Connection, subject: str | None, whom: Sought) -> bool:
    """Tell whether a letter is about another customer, who has the same address: a shared mailbox."""
    if not subject:
        return False
    c = t.customer.c
    query = sa.select(c.email).where(c.crm_id == subject, c.id.not_in(whom.customers), c.erased_at.is_(None))
    email = connection.execute(query).scalar()
    return bool(email) and whom.person.has_address(str(email))
