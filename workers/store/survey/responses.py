"""Responses as others need them: a customer's latest scores, and all of them for a file. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.mail.question_wording import first_of
from workers.domain.records import Response
from workers.domain.types import DecisionState
from workers.store import tables as t

AT_ONCE = 2_000
"""Rows fetched in one go."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a customer: when, how high, after what, on which scale."""

    answered_at: datetime
    score: int
    trigger: str
    question: str | None


@dataclass(frozen=True, slots=True)
class RoutedResponse:
    """One response with whose it is and the rule of the table version that routed it; empty where there is none."""

    response: Response
    crm_id: str
    name: str
    segment: str
    language: str
    rule: str
    version: str
    wording: str
    """The id of the wording in which it was asked; empty for a score of another tool."""


def latest_scores(connection: Connection, customer: str, most: int, *, but: str | None = None) -> list[Score]:
    """Return a customer's last scores, the newest first, without that of the response `but`."""
    r = t.response.c
    others = [r.id != but] if but is not None else []
    query = sa.select(r.answered_at, r.score, r.trigger, r.question).where(r.customer == customer, *others)
    return [Score(*row) for row in connection.execute(query.order_by(r.answered_at.desc(), r.id).limit(most))]


def routed_responses(connection: Connection, since: datetime | None) -> Iterator[RoutedResponse]:
    """Give the responses answered from an instant on, or all, the oldest first; they are streamed."""
    r, c, d, q = t.response.c, t.customer.c, t.decision.c, t.survey_request.c
    current = sa.and_(d.response == r.id, d.state == DecisionState.CURRENT)
    query = (
        sa.select(t.response, c.crm_id, c.name, c.segment, c.language, d.rule, d.version, q.language, q.wording)
        .join(t.customer, c.id == r.customer)
        .outerjoin(t.survey_request, q.id == r.request)
        .outerjoin(t.decision, current)
        .order_by(r.first_answered_at, r.id)
        .execution_options(yield_per=AT_ONCE)
    )
    if since is not None:
        query = query.where(r.answered_at >= since)
    for row in connection.execute(query):
        *response, asked_language, asked_in = row
        crm_id, name, segment, language, rule, version = (text or "" for text in response[-6:])
        wording = asked_in or (first_of(asked_language) if asked_language else "")
        yield RoutedResponse(Response(*response[:-6]), crm_id, name, segment, language, rule, version, wording)
