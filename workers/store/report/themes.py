"""Reads and writes themes, initiatives, notes and who was told; the rules stand in `usecases.initiatives`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Response
from workers.domain.types import Band
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


BELOW_PROMOTER = (Band.PASSIVE.value, Band.DETRACTOR.value)


def themes(connection: Connection) -> list[Theme]:
    """Return every theme, in the order in which they were added."""
    return [Theme(*row) for row in connection.execute(sa.select(t.theme).order_by(t.theme.c.id))]


def names_of_themes(connection: Connection) -> dict[int, str]:
    """Return the names of the themes by number."""
    return {int(key): str(name) for key, name in connection.execute(sa.select(t.theme.c.id, t.theme.c.name))}


def names_of_initiatives(connection: Connection) -> dict[int, str]:
    """Return the names of the initiatives by number."""
    c = t.initiative.c
    return {int(key): str(name) for key, name in connection.execute(sa.select(c.id, c.name))}


def themes_of_kind(connection: Connection, kind: str) -> frozenset[int]:
    """Return the numbers of the themes of a kind."""
    c = t.theme.c
    return frozenset(connection.execute(sa.select(c.id).where(c.kind == kind)).scalars())


def initiatives(connection: Connection, *, theme: int | None = None) -> list[Initiative]:
    """Return the initiatives, of one theme where given, the oldest first."""
    return listed(connection, *([t.initiative.c.theme == theme] if theme is not None else []))


def listed(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Initiative]:
    """Return the initiatives that meet the conditions, the oldest first."""
    query = sa.select(t.initiative).where(*conditions).order_by(t.initiative.c.id)
    return [Initiative(*row) for row in connection.execute(query)]


def initiative(connection: Connection, id: int) -> Initiative | None:
    """Return one initiative; None for an unknown number."""
    return next(iter(listed(connection, t.initiative.c.id == id)), None)


def bands(connection: Connection) -> dict[int, dict[str, int]]:
    """Return how many answers of each band each theme has; recovery answers count as well, they are wishes too."""
    of, r = t.response_theme.c, t.response.c
    query = sa.select(of.theme, r.band, sa.func.count()).join(t.response, r.id == of.response)
    counts: dict[int, dict[str, int]] = {}
    for theme, band, n in connection.execute(query.group_by(of.theme, r.band)):
        counts.setdefault(int(theme), {})[str(band)] = int(n)
    return counts


def themed(kind: str) -> sa.ColumnElement[bool]:
    """Return the condition that an answer has a theme of a kind, or was read and has none."""
    of, theme = t.response_theme.c, t.theme.c
    of_kind = sa.select(theme.id).where(theme.kind == kind)
    return sa.exists().where(of.response == t.response.c.id, sa.or_(of.theme == NO_THEME, of.theme.in_(of_kind)))


def unsorted_wishes(connection: Connection, kind: str, limit: int, *, comments: bool) -> tuple[int, list[Wish]]:
    """Return how many answers say what could be better and have no theme of a kind, and the newest.

    With `comments` those of passives and detractors that only have a comment count as well.
    """
    r = t.response.c
    said = sa.or_(r.improvement != "", sa.and_(r.comment != "", r.band.in_(BELOW_PROMOTER)))
    return wishes(connection, [said if comments else r.improvement != "", sa.not_(themed(kind))], limit)


def sorted_wishes(connection: Connection, theme: int, limit: int) -> tuple[int, list[Wish]]:
    """Return how many answers have a theme, and the newest."""
    return wishes(connection, [with_theme(theme)], limit)


def wishes(connection: Connection, conditions: Sequence[sa.ColumnElement[bool]], limit: int) -> tuple[int, list[Wish]]:
    """Return how many answers meet the conditions, and the newest of them with their themes."""
    r, c = t.response.c, t.customer.c
    n = connection.execute(sa.select(sa.func.count()).select_from(t.response).where(*conditions)).scalar_one()
    query = sa.select(t.response, c.crm_id, c.name).outerjoin(t.customer, c.id == r.customer).where(*conditions)
    rows = connection.execute(query.order_by(r.answered_at.desc(), r.id).limit(limit)).all()
    answers = [(Response(*row[:-2]), row[-2], row[-1] or "") for row in rows]
    tagged = themes_of(connection, [response.id for response, _, _ in answers])
    return int(n), [
        Wish(response, response.improvement or response.comment, crm_id, name, tuple(tagged.get(response.id, ())))
        for response, crm_id, name in answers
    ]


def themes_of(connection: Connection, responses: Sequence[str]) -> dict[str, list[int]]:
    """Return the themes of each of these answers by number; an answer without any is left out."""
    of = t.response_theme.c
    by_response: dict[str, list[int]] = {}
    for key, theme in connection.execute(sa.select(of.response, of.theme).where(of.response.in_(responses))):
        by_response.setdefault(str(key), []).append(int(theme))
    return by_response


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


def add_theme(connection: Connection, **values: Any) -> int:
    """Add a theme of these columns and return its number."""
    return insert(connection, t.theme, values)


def add_initiative(connection: Connection, **values: Any) -> int:
    """Add an initiative of these columns and return its number."""
    return insert(connection, t.initiative, values)


def add_note(connection: Connection, at: datetime, text: str, by: str) -> int:
    """Add a note on the report's charts and return its number."""
    return insert(connection, t.report_note, {"at": at, "text": text, "by": by})


def insert(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Add a row and return its number."""
    return int(connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one())


def change_theme(connection: Connection, id: int, **values: Any) -> bool:
    """Write columns of a theme; False where there is none."""
    return connection.execute(sa.update(t.theme).where(t.theme.c.id == id).values(**values)).rowcount == 1


def change_initiative(connection: Connection, id: int, **values: Any) -> None:
    """Write some columns of an initiative; whether somebody else changed it is the caller's to look at."""
    connection.execute(sa.update(t.initiative).where(t.initiative.c.id == id).values(**values))


def delete_note(connection: Connection, id: int) -> bool:
    """Take a note off the charts; False where there is none."""
    return connection.execute(sa.delete(t.report_note).where(t.report_note.c.id == id)).rowcount == 1


def askers(connection: Connection, done: Initiative) -> list[tuple[str, str]]:
    """Return (customer, response) of everybody who asked for it before it was done and was not told, newest last.

    A customer who was merged into another one is that other one. Who opted out or has no address is left out.
    """
    of, r, c = t.response_theme.c, t.response.c, t.customer.c
    person = t.customer.alias("person")
    query = (
        sa.select(person.c.id, r.id).join(t.response_theme, of.response == r.id).join(t.customer, c.id == r.customer)
    )
    query = query.join(person, person.c.id == sa.func.coalesce(c.merged_into, c.id)).where(
        of.theme == done.theme,
        sa.or_(r.improvement != "", r.comment != ""),
        person.c.erased_at.is_(None),
        person.c.opted_out_at.is_(None),
        person.c.email.is_not(None),
    )
    if done.done_at is not None:
        query = query.where(r.answered_at <= done.done_at)
    told_already = told_customers(connection, done.id)
    asked = connection.execute(query.order_by(r.answered_at, r.id))
    return [(str(who), str(key)) for who, key in asked if str(who) not in told_already]


def told_customers(connection: Connection, initiative: int) -> set[str]:
    """Return our keys of everybody who was told of an initiative, whether or not their mail arrived."""
    o = t.told.c
    return set(connection.execute(sa.select(o.customer).where(o.initiative == initiative)).scalars())


def add_told(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Keep who was told of what, because of which answer, by which mail: each row one customer."""
    if rows:
        connection.execute(sa.insert(t.told), rows)


def count_told(connection: Connection) -> dict[int, int]:
    """Return how many were told, by initiative; one of which nobody was told is left out."""
    o = t.told.c
    return {
        int(key): int(n)
        for key, n in connection.execute(sa.select(o.initiative, sa.func.count()).group_by(o.initiative))
    }
