"""When the wording of a question changed. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.mail.question_wording import QuestionWording
from workers.domain.reporting import Filters
from workers.domain.reporting.scales import kept_as
from workers.store import tables as t
from workers.store.report import figures as stored


@dataclass(frozen=True, slots=True)
class WordingChange:
    """The moment from which on a question was asked in another wording of a language than before."""

    at: datetime
    before: QuestionWording
    after: QuestionWording


def wording_changes(connection: Connection, filters: Filters) -> list[WordingChange]:
    """Return the changes of wording in a period, oldest first, of the language that is chosen, or of all.

    Of each kind of question. What changed before anybody was asked in a language, or left the words as they were, is
    none.
    """
    c = t.wording.c
    in_period = sa.select(c.id, c.used_from).where(*stored.within(c.used_from, filters))
    chosen = {(id, at) for id, at in connection.execute(in_period)}
    if not chosen:
        return []
    last: dict[str, QuestionWording] = {}
    changes = []
    for at, id, language, texts in connection.execute(
        sa.select(c.used_from, c.id, c.language, c.texts).order_by(c.used_from, c.id)
    ):
        wording = QuestionWording(id, language, texts)
        before, last[wording.tag] = last.get(wording.tag), wording
        is_change = before is not None and not before.asks_as(wording)
        shown = (id, at) in chosen and filters.language in (None, "", language)
        if before and is_change and shown and was_asked(connection, wording, at):
            changes.append(WordingChange(at, before, wording))
    return changes


def was_asked(connection: Connection, wording: QuestionWording, until: datetime) -> bool:
    """Tell whether anybody was asked a wording's kind of question in its language up to an instant.

    The oldest question says so in most cases.
    """
    q = t.survey_request.c
    asked = (q.question == kept_as(wording.kind), q.language == wording.language)
    query = sa.select(q.id).where(*asked, q.asked_at <= until).order_by(q.asked_at).limit(1)
    return connection.execute(query).first() is not None
