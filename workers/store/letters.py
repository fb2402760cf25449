"""Dead letters about a person: found by every id and address that they ever had, shown to them, and forgotten.

What a letter says is read by `traces`. Of a batch that was refused as a whole, only the person's events go; the others
are somebody else's, who has not asked for anything. All people of one transaction cost one look through the letters.
"""

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.changes import Forgetting
from workers.plain_text import json_text
from workers.store import read
from workers.store import tables as t
from workers.traces import KEEP, Found, Person, held_address, pieces, readings
from workers.words import Ids

LETTERS_AT_ONCE = 200
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


def sought(connection: Connection, one: Forgetting, keys: Sequence[str]) -> Sought:
    """Return how to find a person: every id of the merged group, our own keys, every address they ever had."""
    c, a, d = t.customer.c, t.former_address.c, t.dispatch.c
    rows = connection.execute(sa.select(c.crm_id, c.email).where(c.id.in_(keys))).all()
    asked = sa.select(d.recipient).distinct().where(d.customer.in_(keys), d.request.is_not(None))
    emails = {one.email, *(row.email for row in rows), *connection.execute(asked).scalars()}
    former = connection.execute(sa.select(a.address).where(a.customer.in_(keys))).scalars()
    own = {
        str(key)
        for column in OWN_KEYS
        for key in connection.execute(sa.select(column).where(column.table.c.customer.in_(keys))).scalars()
    }
    crm_ids = {one.crm_id, *(row.crm_id for row in rows)}
    return Sought(
        person(one.ids, crm_ids, emails, keys=frozenset({*own, *keys}), former=frozenset(former)), tuple(keys)
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
    named = frozenset(one for one in crm_ids if one)
    addresses = {*(one for one in emails if one), *(one for one in named if "@" in one)}
    hashes = frozenset(held_address(one, ids) for one in addresses)
    return Person(named, keys, hashes | former, functools.partial(ids.keyed_hash, "held address"))


def forget_letters(connection: Connection, people: Sequence[Sought]) -> list[int]:
    """Delete the letters about these people, and their parts of refused batches; return how many for each."""
    gone = [0] * len(people)
    for letter, places in about(connection, people):
        for place in places:
            gone[place] += 1
        kept = whole = pieces(bytes(letter.body))
        for place in places:
            kept = without(connection, kept, people[place])
        named_beside = any(names(connection, [beside(letter)], people[place]) for place in places)
        here = C.id == letter.id
        if kept and kept != whole and not by_subject(letter, [people[place] for place in places]):
            values: dict[str, object] = {"body": b"[" + ",".join(kept).encode("utf-8", KEEP) + b"]"}
            if named_beside:
                values |= {"fault": CUT, "note": "", "event_id": None, "source": None, "subject": None, "headers": {}}
            connection.execute(sa.update(t.dead_letter).where(here).values(**values))
        else:
            connection.execute(sa.delete(t.dead_letter).where(here))
    return gone


def letters_of(connection: Connection, whom: Sought) -> Iterator[dict[str, Any]]:
    """Give the letters that name a person as rows; of a batch only the events that do."""
    for letter, _ in about(connection, [whom]):
        parts = pieces(bytes(letter.body))
        mine = [one for one in parts if names(connection, readings(one.encode("utf-8", KEEP)), whom)]
        whole = len(parts) == 1 or not mine or by_subject(letter, [whom])
        yield {**letter._mapping, **({} if whole else {"body": b"[" + ",".join(mine).encode("utf-8", KEEP) + b"]"})}


def about(connection: Connection, people: Sequence[Sought]) -> list[tuple[sa.Row[Any], list[int]]]:
    """Return the letters that name any of these people, each with the places of those it names."""
    if not people:
        return []
    anybody = functools.reduce(operator.or_, (one.person for one in people))
    query = sa.select(C.id, C.body, *COLUMNS).order_by(C.received_at, C.id)
    found = []
    for letter in connection.execute(query.execution_options(yield_per=LETTERS_AT_ONCE)):
        texts = [*readings(bytes(letter.body)), beside(letter)]
        if anybody.found_in(texts):
            found.append((letter, texts))
    named = [
        (letter, [place for place, one in enumerate(people) if names(connection, texts, one, letter.subject)])
        for letter, texts in found
    ]
    whole = dict(whole_rows(connection, [letter.id for letter, places in named if places]))
    return [(whole[letter.id], places) for letter, places in named if places]


def whole_rows(connection: Connection, keys: Sequence[str]) -> Iterator[tuple[str, sa.Row[Any]]]:
    """Give letters with every column, by key."""
    for chunk in read.chunks(keys):
        for row in connection.execute(sa.select(t.dead_letter).where(C.id.in_(chunk))):
            yield row.id, row


def beside(letter: sa.Row[*tuple[Any, ...]]) -> str:
    """Return what is kept beside the bytes, as one text; names of fields say what each is."""
    texts = {column.name: getattr(letter, column.name) for column in COLUMNS}
    return "\n".join(readings(json_text(texts).encode()))


def by_subject(letter: sa.Row[Any], people: Iterable[Sought]) -> bool:
    """Tell whether a letter as a whole is one of these people's: its sender said so."""
    return any(letter.subject and one.person.is_id(letter.subject).sure for one in people)


def without(connection: Connection, parts: Sequence[str], whom: Sought) -> list[str]:
    """Return the parts of a batch that do not name a person; none of what is no batch."""
    if len(parts) < 2:
        return []
    return [one for one in parts if not names(connection, readings(one.encode("utf-8", KEEP)), whom)]


def names(connection: Connection, texts: Iterable[str], whom: Sought, subject: str | None = None) -> bool:
    """Tell whether texts name a person and not somebody who is written alike or has the same address."""
    found = whom.person.found_in(texts)
    if found.sure or not found:
        return found.sure
    return own_spelling(connection, found, whom) or (found.address and not others_address(connection, subject, whom))


def own_spelling(connection: Connection, found: Found, whom: Sought) -> bool:
    """Tell whether an id in another spelling is the person's: it is not if it is exactly another customer's."""
    if not found.spellings:
        return False
    c = t.customer.c
    query = sa.select(c.crm_id).where(c.crm_id.in_(found.spellings), c.id.not_in(whom.customers))
    return bool(found.spellings - set(connection.execute(query).scalars()))


def others_address(connection: Connection, subject: str | None, whom: Sought) -> bool:
    """Tell whether a letter is about another customer, who has the same address: a shared mailbox."""
    if not subject:
        return False
    c = t.customer.c
    query = sa.select(c.email).where(c.crm_id == subject, c.id.not_in(whom.customers), c.erased_at.is_(None))
    email = connection.execute(query).scalar()
    return bool(email) and whom.person.has_address(str(email))
