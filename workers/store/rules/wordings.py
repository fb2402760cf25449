"""Which wording of the question was in use from when on: one row for each time that a text was taken into use.

A text that is put back has a row more, with the id that it had. Roles may write at the same time.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.mail.question_wording import QuestionWording, Wordings
from workers.store import tables as t
from workers.store.engine import Store
from workers.store.rules.live import put

IN_USE = "wording in use: "
"""Begins the names of the controls that say it of a language: two who write at once meet there."""
JUST_BEFORE = timedelta(microseconds=1)


def remember(store: Store, wordings: Wordings, now: datetime) -> None:
    """Keep the wording in use of each language with the moment from which on it is. Idempotent. Raises NotNow.

    Of a language that has none yet, what a release before asked in comes first, from its first question on.
    """
    with store.reading() as connection:
        if not unkept(connection, wordings):
            return

    def work(connection: Connection) -> None:
        kept = in_use(connection)
        for wording in unkept(connection, wordings):
            first = wordings.first(wording.language) if wording.tag == wording.language else None
            if wording.language not in kept and first and first.id != wording.id:
                asked = first_asked_without(connection, wording.language) or now
                write(connection, first, min(asked, now - JUST_BEFORE))
            write(connection, wording, now)
            put(connection, f"{IN_USE}{wording.tag}", wording.id, now)

    store.write(work)


def unkept(connection: Connection, wordings: Wordings) -> list[QuestionWording]:
    """Return the wordings in use that are not kept as such, in order of their languages."""
    kept = in_use(connection)
    return [wording for tag, wording in sorted(wordings.in_use.items()) if kept.get(tag) != wording.id]


def in_use(connection: Connection) -> dict[str, str]:
    """Return the id of the wording in use of each language and kind, by its tag."""
    c = t.control.c
    query = sa.select(c.name, c.value).where(c.name.startswith(IN_USE, autoescape=True))
    return {str(name).removeprefix(IN_USE): str(value) for name, value in connection.execute(query)}


def first_asked_without(connection: Connection, language: str) -> datetime | None:
    """Return when a release that kept no wording asked first in a language."""
    c = t.survey_request.c
    asked = (c.language == language, c.wording.is_(None), c.question.is_(None))
    query = sa.select(sa.func.min(c.asked_at)).where(*asked)
    at: datetime | None = connection.execute(query).scalar()
    return at


def write(connection: Connection, wording: QuestionWording, at: datetime) -> None:
    """Keep from when on a wording is in use; one that is kept so already stays."""
    c = t.wording.c
    if connection.execute(sa.select(c.id).where(c.id == wording.id, c.used_from == at)).first() is None:
        row = {"id": wording.id, "used_from": at, "language": wording.language, "texts": dict(wording.texts)}
        connection.execute(sa.insert(t.wording).values(row))
