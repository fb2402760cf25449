"""The texts of the wordings that questions were asked in. Reads only."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.mail.question_wording import QuestionWording
from workers.store import tables as t


def wordings_by_id(connection: Connection, ids: Collection[str]) -> dict[str, QuestionWording]:
    """Return the wordings of some ids as they were used last; what is not kept is left out."""
    if not ids:
        return {}
    c = t.wording.c
    query = sa.select(c.id, c.language, c.texts).where(c.id.in_(sorted(ids))).order_by(c.used_from)
    return {id: QuestionWording(id, language, texts) for id, language, texts in connection.execute(query)}
