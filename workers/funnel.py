"""The funnel: of the questions asked in a period, how many arrived, were opened, answered, commented; and what was not
asked, by reason.

Every line adds up from the one above it. People who did not answer stay what they are: silent. Changes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.explaining import clause
from workers.explaining.words import sentence
from workers.reporting import Period, total
from workers.store import tables as t
from workers.words import RequestState, TouchpointState

LOST = (RequestState.UNDELIVERABLE, RequestState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Funnel:
    """asked = answered + clicked_only + silent + lost; the rest says more of one of these."""

    asked: int
    delivered: int
    answered: int
    commented: int
    answered_after_reminder: int
    clicked_only: int
    silent: int
    lost: int
    reminded: int
    suspected_machine: int


def funnel(
    connection: Connection, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, object]:
    """Return the funnel of a period, and the touchpoints due in it that were not asked, by state and reason."""
    period = Period(since, until)
    return {**asdict(asked(connection, period)), "not_asked": not_asked(connection, period)}


def asked(connection: Connection, period: Period, more: Sequence[sa.ColumnElement[bool]] = ()) -> Funnel:
    """Count the questions of a period by what became of them; `more` are conditions on `survey_request`."""
    q, r, k = t.survey_request.c, t.response.c, t.click.c
    answered = r.id.is_not(None)
    lost = sa.and_(sa.not_(answered), q.state.in_(LOST))
    clicked = sa.and_(sa.not_(answered), q.state.not_in(LOST), q.id.in_(sa.select(k.request)))
    machine = sa.and_(sa.not_(answered), q.id.in_(sa.select(k.request).where(k.signal != "")))
    query = sa.select(
        sa.func.count(),
        total(q.sent_at.is_not(None)),
        total(answered),
        total(sa.and_(answered, r.comment != "")),
        total(sa.and_(answered, q.reminded_at.is_not(None), r.first_answered_at >= q.reminded_at)),
        total(clicked),
        total(lost),
        total(q.reminded_at.is_not(None)),
        total(machine),
    )
    source = t.survey_request.outerjoin(t.response, r.request == q.id)
    row = connection.execute(query.select_from(source).where(*period.holds(q.asked_at), *more)).one()
    n, delivered, yes, commented, late, opened, gone, reminded, suspected = (int(one or 0) for one in row)
    return Funnel(n, delivered, yes, commented, late, opened, n - yes - opened - gone, gone, reminded, suspected)


def not_asked(
    connection: Connection, period: Period, more: Sequence[sa.ColumnElement[bool]] = ()
) -> list[dict[str, object]]:
    """Count the touchpoints due in a period that were not asked, most frequent reason first; `more` are conditions."""
    p = t.touchpoint.c
    n = sa.func.count()
    query = sa.select(p.state, p.reason, n).where(p.state != TouchpointState.ASKED, *period.holds(p.due_at), *more)
    return [
        {"state": str(state), "code": str(code), "reason": reason_of(str(code)), "n": int(count)}
        for state, code, count in connection.execute(
            query.group_by(p.state, p.reason).order_by(n.desc(), p.state, p.reason)
        )
    ]


def reason_of(code: str) -> str:
    """Return a reason code as a sentence; a planned touchpoint without one is not due yet."""
    return sentence(clause(code, {}) if code else "it is not due yet")
