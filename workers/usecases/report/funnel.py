"""The funnel: of the questions asked in a period, how many arrived, were opened, answered, commented; and what was not
asked, by reason.

Every line adds up from the one above it. People who did not answer stay what they are: silent. Changes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from workers.domain.explain import clause
from workers.domain.explain.words import sentence
from workers.domain.types import RequestState, TouchpointState
from workers.store import tables as t
from workers.store.connection import Connection
from workers.usecases.report.nps_by_dimension import Period, total

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


class Fate(StrEnum):
    """What became of a question; the count of each opens the questions that it counts."""

    ASKED = "asked"
    DELIVERED = "delivered"
    LOST = "lost"
    SILENT = "silent"
    CLICKED = "clicked"
    REMINDED = "reminded"
    MACHINE = "machine"
    OPEN = "open"


ANSWERED = t.response.c.id.is_not(None)


def questions() -> sa.FromClause:
    """Return every question with its answer, where there is one: what `of_fate` is a condition on."""
    return t.survey_request.outerjoin(t.response, t.response.c.request == t.survey_request.c.id)


def of_fate(fate: Fate) -> sa.ColumnElement[bool]:
    """Return the condition that this became of a question, over `questions`."""
    q, k = t.survey_request.c, t.click.c
    unanswered = sa.not_(ANSWERED)
    still_there = sa.and_(unanswered, q.state.not_in(LOST))
    opened = q.id.in_(sa.select(k.request))
    match fate:
        case Fate.ASKED:
            return sa.true()
        case Fate.DELIVERED:
            return q.sent_at.is_not(None)
        case Fate.LOST:
            return sa.and_(unanswered, q.state.in_(LOST))
        case Fate.SILENT:
            return sa.and_(still_there, sa.not_(opened))
        case Fate.CLICKED:
            return sa.and_(still_there, opened)
        case Fate.REMINDED:
            return q.reminded_at.is_not(None)
        case Fate.MACHINE:
            return sa.and_(unanswered, q.id.in_(sa.select(k.request).where(k.signal != "")))
        case Fate.OPEN:
            return q.state == RequestState.OPEN


def funnel(
    connection: Connection, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, object]:
    """Return the funnel of a period, and the touchpoints due in it that were not asked, by state and reason."""
    period = Period(since, until)
    return {**asdict(asked(connection, period)), "not_asked": not_asked(connection, period)}


def asked(connection: Connection, period: Period, more: Sequence[sa.ColumnElement[bool]] = ()) -> Funnel:
    """Count the questions of a period by what became of them; `more` are conditions on `survey_request`."""
    q, r = t.survey_request.c, t.response.c
    query = sa.select(
        sa.func.count(),
        total(of_fate(Fate.DELIVERED)),
        total(ANSWERED),
        total(sa.and_(ANSWERED, r.comment != "")),
        total(sa.and_(ANSWERED, q.reminded_at.is_not(None), r.first_answered_at >= q.reminded_at)),
        total(of_fate(Fate.CLICKED)),
        total(of_fate(Fate.LOST)),
        total(of_fate(Fate.REMINDED)),
        total(of_fate(Fate.MACHINE)),
    )
    row = connection.execute(query.select_from(questions()).where(*period.holds(q.asked_at), *more)).one()
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
