"""The texts of the wordings that questions were asked in. Reads only."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.mail.question_wording import QuestionWording
from workers.store import tables as t
from workers.store.engine import in_array

WORDINGS = (
    sa.select(t.wording.c.id, t.wording.c.language, t.wording.c.texts)
    .where(in_array(t.wording.c.id, "ids"))
    .order_by(t.wording.c.used_from)
)


def wordings_by_id(connection: Connection, ids: Collection[str]) -> dict[str, QuestionWording]:
    """Return the wordings of some ids as they were used last; what is not kept is left out."""
    if not ids:
        return {}
    kept = connection.execute(WORDINGS, {"ids": sorted(ids)})
    return {id: QuestionWording(id, language, texts) for id, language, texts in kept}
