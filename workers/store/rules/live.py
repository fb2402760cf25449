"""Which rules are in use: every version with its content, the one in use in each place, and what was refused.

A version is stored before the first decision that bears it. Roles may do so at the same time.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import plan_numbers
from workers.store import tables as t
from workers.store.engine import Store
from workers.store.rules.past import WENT_LIVE
from workers.store.sign_in.audit_log import record_act

IN_USE, REFUSED, BESIDE = "rules in use: ", "rules refused: ", "rules beside: "
"""Begin the names of the controls that say it of a table or file."""
BY = "boucle"


@dataclass(frozen=True, slots=True)
class Kept:
    """One table or file as it is in use in its place; a candidate is kept, but is not in use."""

    place: str
    name: str
    version: str
    content: str
    candidate: bool = False
    numbered: bool = False
    """Whether rows name it by a number: the journey plan."""


@dataclass(frozen=True, slots=True)
class StoredVersions:
    """The content of every version there has been, and the digits under which rows name those of the journey plan."""

    contents: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Version by digits."""

    def written_as(self, version: str) -> str:
        """Return what rows say for a version: its number, or nothing where it has none yet."""
        return next((number for number, digest in self.numbers.items() if digest == version), "")


@dataclass(frozen=True, slots=True)
class StoredRefusal:
    """An edit that a role did not take: of which table or file, since when, and every fault."""

    name: str
    since: datetime
    faults: tuple[str, ...]


def remember(
    store: Store, kept: Sequence[Kept], refused: Mapping[str, Sequence[str]] | None, now: datetime
) -> StoredVersions:
    """Store what is in use, and return every version there has been. Idempotent. Raises NotNow.

    `refused` has the faults of each edit that was not taken; None leaves that, and what is in use, to the roles.
    """
    with store.reading() as connection:
        stored, is_kept = stored_versions(connection), stands(connection, kept, refused)
    if is_kept:
        return stored

    def work(connection: Connection) -> StoredVersions:
        for content in kept:
            keep(connection, content, now)
            if content.numbered:
                plan_numbers.give(connection, content.version)
            if not content.candidate:
                put_in_use(connection, content, now, only_first=refused is None)
        if refused is not None:
            put_refused(connection, refused, now)
            put_candidates(connection, {content.place: content.version for content in kept if content.candidate}, now)
        return stored_versions(connection)

    return store.write(work)


def stands(connection: Connection, kept: Sequence[Kept], refused: Mapping[str, Sequence[str]] | None) -> bool:
    """Tell whether the store says all this already; most starts change nothing."""
    stored, controls = versions(connection), in_use(connection)
    numbered = plan_numbers.by_digits(connection).values()
    if refused is not None:
        said = {content.name: list(content.faults) for content in refusals(connection)}
        beside = {content.place: content.version for content in kept if content.candidate}
        if said != {name: list(faults) for name, faults in refused.items()} or beside != candidates(connection):
            return False
    return all(
        content.version in stored
        and (not content.numbered or content.version in numbered)
        and (content.candidate or content.place in controls)
        and (content.candidate or refused is None or controls[content.place] == content.version)
        for content in kept
    )


def keep(connection: Connection, kept: Kept, now: datetime) -> None:
    """Store a version with its content; what was a candidate bears the table's name from when it is in use."""
    c = t.rule_table.c
    name = connection.execute(sa.select(c.name).where(c.version == kept.version)).scalar()
    if name is None:
        row = {"version": kept.version, "name": kept.name, "content": kept.content, "live_from": now}
        connection.execute(sa.insert(t.rule_table).values(row))
    elif name != kept.name and not kept.candidate:
        connection.execute(
            sa.update(t.rule_table).where(c.version == kept.version).values(name=kept.name, live_from=now)
        )


def put_in_use(connection: Connection, kept: Kept, now: datetime, *, only_first: bool) -> None:
    """Say which version is in use in a place, and from when on in the audit log."""
    c, name = t.control.c, f"{IN_USE}{kept.place}"
    before = connection.execute(sa.select(c.value).where(c.name == name)).scalar()
    if before == kept.version or (only_first and before is not None):
        return
    put(connection, name, kept.version, now)
    if before is not None:  # the first one stands in its table with its instant
        record_act(connection, now, BY, WENT_LIVE, kept.name, {"version": kept.version, "before": before})


def put_refused(connection: Connection, refused: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Say what is refused; what is no longer refused goes, what stays keeps since when."""
    said = {refusal.name: refusal for refusal in refusals(connection)}
    for name in said.keys() - refused.keys():
        connection.execute(sa.delete(t.control).where(t.control.c.name == f"{REFUSED}{name}"))
    for name, faults in refused.items():
        if name not in said or said[name].faults != tuple(faults):
            put(connection, f"{REFUSED}{name}", json.dumps(list(faults), ensure_ascii=False), now)


def put_candidates(connection: Connection, beside: Mapping[str, str], now: datetime) -> None:
    """Say which candidates decide beside the tables; one whose folder is gone goes."""
    said = candidates(connection)
    for place in said.keys() - beside.keys():
        connection.execute(sa.delete(t.control).where(t.control.c.name == f"{BESIDE}{place}"))
    for place, version in beside.items():
        if said.get(place) != version:
            put(connection, f"{BESIDE}{place}", version, now)


def put(connection: Connection, name: str, value: str, now: datetime) -> None:
    """Set one control in place of what it said before."""
    connection.execute(sa.delete(t.control).where(t.control.c.name == name))
    connection.execute(sa.insert(t.control).values(name=name, value=value, at=now, by=BY))


def refusals(connection: Connection) -> list[StoredRefusal]:
    """Return the edits that roles refused and that still stand so, by the name of the table."""
    c = t.control.c
    query = sa.select(c.name, c.at, c.value).where(c.name.startswith(REFUSED, autoescape=True)).order_by(c.name)
    return [
        StoredRefusal(str(name).removeprefix(REFUSED), at, tuple(json.loads(value)))
        for name, at, value in connection.execute(query)
    ]


def in_use(connection: Connection) -> dict[str, str]:
    """Return the version in use in each place, as the roles last said it."""
    return said_of(connection, IN_USE)


def candidates(connection: Connection) -> dict[str, str]:
    """Return the version of each candidate that decides beside a table."""
    return said_of(connection, BESIDE)


def said_of(connection: Connection, what: str) -> dict[str, str]:
    """Return what the controls say whose names begin with `what`, by the rest of the name."""
    c = t.control.c
    query = sa.select(c.name, c.value).where(c.name.startswith(what, autoescape=True))
    return {str(name).removeprefix(what): str(value) for name, value in connection.execute(query)}


def tables_in_use(connection: Connection) -> dict[str, str]:
    """Return the version of each table in use; the small files beside them are left out."""
    return {place: version for place, version in sorted(in_use(connection).items()) if "." not in place}


def content_in_use(connection: Connection, place: str) -> str | None:
    """Return the content of what is in use in a place, or None when nothing is known of it."""
    version = in_use(connection).get(place)
    return connection.execute(sa.select(t.rule_table.c.content).where(t.rule_table.c.version == version)).scalar()


def all_told(connection: Connection, stored: StoredVersions) -> bool:
    """Tell whether nothing has been stored since some versions were read: no content, and no number."""
    numbers = plan_numbers.by_digits(connection)
    return versions(connection) <= stored.contents.keys() and numbers.keys() <= stored.numbers.keys()


def versions(connection: Connection) -> frozenset[str]:
    """Return every version that is stored."""
    return frozenset(str(row) for row in connection.execute(sa.select(t.rule_table.c.version)).scalars())


def stored_versions(connection: Connection) -> StoredVersions:
    """Return every version that is stored."""
    query = sa.select(t.rule_table.c.version, t.rule_table.c.content)
    contents = {str(version): str(content) for version, content in connection.execute(query)}
    return StoredVersions(contents, plan_numbers.by_digits(connection))
