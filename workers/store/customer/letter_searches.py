"""People whose dead letters are still to be looked through, and how far the look is.

An erasure writes a row here in its own transaction and reads no letter, so that it costs the intake the same however
many letters there are. The row has what finds the person, who is named nowhere else any more, and goes with the look.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import Ids
from workers.store import tables as t
from workers.store.customer import dead_letters
from workers.store.sign_in.audit_log import record_act

PEOPLE_AT_ONCE = 100
"""People whom one look looks for at most; others wait for the next one."""
ACT = "privacy.letters"
"""The audit's word for what a look took."""
C = t.letter_search.c


@dataclass(frozen=True, slots=True)
class Search:
    """A person to look for in the letters behind `after`; None before the first look."""

    id: int
    person: str
    by: str
    after: str | None
    gone: int
    whom: dead_letters.Sought


def ask(connection: Connection, whom: dead_letters.Sought, person: str, by: str, now: datetime) -> None:
    """Have the letters looked through for a person, of whom `person` is our key."""
    names = {
        "crm_ids": sorted(whom.person.crm_ids),
        "keys": sorted(whom.person.keys),
        "addresses": sorted(whom.person.addresses),
        "customers": list(whom.customers),
    }
    connection.execute(
        sa.insert(t.letter_search).values(person=person, by=by, asked_at=now, whom=names, after=None, gone=0)
    )


def next_searches(connection: Connection, ids: Ids, person: str | None = None) -> list[Search]:
    """Return people to look for together: those whom a look is in the midst of, or else who wait; of one where given.

    Who comes later waits for the look before: began they all anew with each of them, none would come to an end.
    """
    query = sa.select(t.letter_search).order_by(C.id).limit(PEOPLE_AT_ONCE)
    if person is not None:
        query = query.where(C.person == person)
    begun = connection.execute(query.where(C.after.is_not(None)).limit(1)).first()
    together = C.after.is_(None) if begun is None else C.after == begun.after
    return [
        Search(row.id, row.person, row.by, row.after, row.gone, sought_of(row.whom, ids))
        for row in connection.execute(query.where(together))
    ]


def sought_of(names: dict[str, list[str]], ids: Ids) -> dead_letters.Sought:
    """Return whom a stored search is for, as it was when they were erased."""
    whom = dead_letters.person(
        ids, names["crm_ids"], keys=frozenset(names["keys"]), former=frozenset(names["addresses"])
    )
    return dead_letters.Sought(whom, tuple(names["customers"]))


def take_step(connection: Connection, searches: Sequence[Search], look: dead_letters.Look, now: datetime) -> None:
    """Take what one look found, and note how far it is; behind the last letter the search ends.

    A search that somebody else has taken on since is theirs: what was found here for it, they find as well.
    """
    mine = still_there(connection, searches)
    letters = [letter for letter in look.named if any(searches[place].id in mine for place in letter.places)]
    gone = dead_letters.forget_named(connection, letters, len(searches))
    for search, more in zip(searches, gone, strict=True):
        if search.id not in mine:
            continue
        here, total = C.id == search.id, search.gone + more
        if look.last is not None:
            connection.execute(sa.update(t.letter_search).where(here).values(after=look.last, gone=total))
            continue
        connection.execute(sa.delete(t.letter_search).where(here))
        if total:
            record_act(connection, now, search.by, ACT, search.person, {"dead_letters": total})


def still_there(connection: Connection, searches: Iterable[Search]) -> set[int]:
    """Return the searches that nobody else has taken on, locked."""
    before = {search.id: search.after for search in searches}
    query = sa.select(C.id, C.after).where(C.id.in_(before)).order_by(C.id).with_for_update()
    return {row.id for row in connection.execute(query) if row.after == before[row.id]}


def waiting(connection: Connection, person: str | None = None) -> tuple[int, datetime | None]:
    """Return how many people are still to be looked for, or of one how often, and since when the first waits."""
    query = sa.select(sa.func.count(), sa.func.min(C.asked_at))
    if person is not None:
        query = query.where(C.person == person)
    count, since = connection.execute(query).one()
    return int(count), since
