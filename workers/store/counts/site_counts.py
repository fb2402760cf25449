"""How many questions were asked on each site, and what became of them. Writes nothing."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.invariants import AT_A_SITE, SITE, UNANSWERED
from workers.domain.types import WEB, Reason
from workers.store import tables as t


def tally_sites(connection: Connection) -> dict[str, int]:
    """Return the counts of each site by `site ID.WORD`: asked, answered, closed by the customer, expired and open.

    What was asked is counted by its requests, and what was answered by the answers themselves.
    """
    r, closed = t.survey_request.c, Reason.CLOSED_BY_VISITOR
    state = sa.case((r.reason == closed, closed.value), else_=sa.type_coerce(r.state, sa.String()))
    site = sa.func.coalesce(r.details["site"].as_string(), "").label("site")
    asked = sa.select(site, r.id, state.label("state")).where(r.channel == WEB).subquery()
    here, answers = asked.c, asked.join(t.response, asked.c.id == t.response.c.request)
    tally: dict[str, int] = {}
    by_state = sa.select(here.site, here.state, sa.func.count()).group_by(here.site, here.state)
    for id, word, n in connection.execute(by_state):
        for name in ("asked", *AT_A_SITE):
            tally.setdefault(f"{SITE}{id}.{name}", 0)
        tally[f"{SITE}{id}.asked"] += n
        if word in UNANSWERED:
            tally[f"{SITE}{id}.{word}"] += n
    for id, n in connection.execute(sa.select(here.site, sa.func.count()).select_from(answers).group_by(here.site)):
        tally[f"{SITE}{id}.answered"] = n
    return tally
