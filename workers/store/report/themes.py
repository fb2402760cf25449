"""Reads and writes themes, initiatives, notes and who was told; the rules stand in `usecases.initiatives`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Response
from workers.store import tables as t

NO_THEME = 0
"""The theme of an answer that somebody has read and that has none."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What some customers wish for, or a competitor that they name; impact and cost 1 to 3, 0 not judged yet."""

    id: int
    name: str
    kind: str
    state: str
    impact: int
    cost: int


@dataclass(frozen=True, slots=True)
class Initiative:
    """The work on a theme: who does it, how far it is, and what those who asked will read, by language."""

    id: int
    theme: int
    name: str
    texts: Mapping[str, Mapping[str, str]]
    owner: str
    state: str
    version: int
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wish:
    """One answer that says what could be better, with whose it is."""

    response: Response
    text: str
    customer: str | None
    name: str
    themes: tuple[int, ...]


def themes(connection: Connection) -> list[Theme]:
    """Return every theme, in the order in which they were added."""
    return [Theme(*row) for row in connection.execute(sa.select(t.theme).order_by(t.theme.c.id))]


def initiatives(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Initiative]:
    """Return the initiatives that meet the conditions, the oldest first."""
    query = sa.select(t.initiative).where(*conditions).order_by(t.initiative.c.id)
    return [Initiative(*row) for row in connection.execute(query)]


def initiative(connection: Connection, id: int) -> Initiative | None:
    """Return one initiative."""
    return next(iter(initiatives(connection, t.initiative.c.id == id)), None)


def bands(connection: Connection) -> dict[int, dict[str, int]]:
    """Return how many answers of each band each theme has; recovery answers count as well, they are wishes too."""
    of, r = t.response_theme.c, t.response.c
    query = sa.select(of.theme, r.band, sa.func.count()).join(t.response, r.id == of.response)
    found: dict[int, dict[str, int]] = {}
    for theme, band, n in connection.execute(query.group_by(of.theme, r.band)):
        found.setdefault(int(theme), {})[str(band)] = int(n)
    return found


def themed(kind: str) -> sa.ColumnElement[bool]:
    """Return the condition that an answer has a theme of a kind, or was read and has none."""
    of, theme = t.response_theme.c, t.theme.c
    of_kind = sa.select(theme.id).where(theme.kind == kind)
    return sa.exists().where(of.response == t.response.c.id, sa.or_(of.theme == NO_THEME, of.theme.in_(of_kind)))


def wishes(connection: Connection, conditions: Sequence[sa.ColumnElement[bool]], limit: int) -> tuple[int, list[Wish]]:
    """Return how many answers meet the conditions, and the newest of them with their themes."""
    r, c = t.response.c, t.customer.c
    n = connection.execute(sa.select(sa.func.count()).select_from(t.response).where(*conditions)).scalar_one()
    query = sa.select(t.response, c.crm_id, c.name).outerjoin(t.customer, c.id == r.customer).where(*conditions)
    rows = connection.execute(query.order_by(r.answered_at.desc(), r.id).limit(limit)).all()
    found = [(Response(*row[:-2]), row[-2], row[-1] or "") for row in rows]
    tagged = themes_of(connection, [one.id for one, _, _ in found])
    return int(n), [
        Wish(one, one.improvement or one.comment, crm_id, name, tuple(tagged.get(one.id, ())))
        for one, crm_id, name in found
    ]


def themes_of(connection: Connection, responses: Sequence[str]) -> dict[str, list[int]]:
    """Return the themes of these answers."""
    of = t.response_theme.c
    found: dict[str, list[int]] = {}
    for key, theme in connection.execute(sa.select(of.response, of.theme).where(of.response.in_(responses))):
        found.setdefault(str(key), []).append(int(theme))
    return found


def with_theme(theme: int) -> sa.ColumnElement[bool]:
    """Return the condition that an answer has a theme."""
    of = t.response_theme.c
    return sa.exists().where(of.response == t.response.c.id, of.theme == theme)


def put_theme(connection: Connection, response: str, theme: int, at: datetime, by: str) -> bool:
    """Give an answer a theme; False when it has it already."""
    if theme in themes_of(connection, [response]).get(response, []):
        return False
    connection.execute(sa.insert(t.response_theme).values(response=response, theme=theme, at=at, by=by))
    return True


def take_theme(connection: Connection, response: str, theme: int) -> bool:
    """Take a theme from an answer; False when it does not have it."""
    of = t.response_theme.c
    gone = connection.execute(sa.delete(t.response_theme).where(of.response == response, of.theme == theme))
    return gone.rowcount == 1


def insert(connection: Connection, table: sa.Table, **values: Any) -> int:
    """Add a row and return its number."""
    return int(connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one())


def askers(connection: Connection, one: Initiative) -> list[tuple[str, str]]:
    """Return (customer, response) of everybody who asked for it before it was done and was not told, newest last.

    A customer who was merged into another one is that other one. Who opted out or has no address is left out.
    """
    of, r, c, o = t.response_theme.c, t.response.c, t.customer.c, t.told.c
    person = t.customer.alias("person")
    query = (
        sa.select(person.c.id, r.id).join(t.response_theme, of.response == r.id).join(t.customer, c.id == r.customer)
    )
    query = query.join(person, person.c.id == sa.func.coalesce(c.merged_into, c.id)).where(
        of.theme == one.theme,
        sa.or_(r.improvement != "", r.comment != ""),
        person.c.erased_at.is_(None),
        person.c.opted_out_at.is_(None),
        person.c.email.is_not(None),
    )
    if one.done_at is not None:
        query = query.where(r.answered_at <= one.done_at)
    told = set(connection.execute(sa.select(o.customer).where(o.initiative == one.id)).scalars())
    found = connection.execute(query.order_by(r.answered_at, r.id))
    return [(str(who), str(key)) for who, key in found if str(who) not in told]


def told(connection: Connection) -> dict[int, int]:
    """Return how many were told, by initiative."""
    o = t.told.c
    return {
        int(key): int(n)
        for key, n in connection.execute(sa.select(o.initiative, sa.func.count()).group_by(o.initiative))
    }
