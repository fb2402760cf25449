"""What a demo's start page tells: a customer whose ticket ended well, and counts of every kind of row. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Ticket
from workers.domain.reporting import RECOVERY
from workers.domain.types import ACCOUNT, SMS, WEB, DispatchState, ReplyUse
from workers.store import tables as t

OF_RECOVERED = 11
"""Columns of a row beside the ticket's."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A ticket with the low score before it and the higher one after it."""

    ticket: Ticket
    crm_id: str
    name: str
    segment: str
    language: str
    low_request: str
    low_at: datetime
    low_score: int
    low_comment: str
    high_request: str
    high_at: datetime
    high_score: int


def list_recovered(
    connection: Connection, trigger: str, segment: str, *, outcomes: Collection[str], better_by: int
) -> list[Recovered]:
    """Return the customers whose ticket ended in one of these ways and who scored so much better afterwards.

    Those of the segment come first, then who improved most.
    """
    k, c, low, high = t.ticket.c, t.customer.c, t.response.alias("low"), t.response.alias("high")
    better = high.c.score - low.c.score
    joined = (
        t.ticket.join(t.customer, c.id == k.customer)
        .join(low, low.c.id == k.response)
        .join(high, sa.and_(high.c.customer == k.customer, high.c.trigger == RECOVERY))
    )
    query = (
        sa.select(
            t.ticket,
            c.crm_id,
            c.name,
            c.segment,
            c.language,
            *(low.c.request, low.c.answered_at, low.c.score, low.c.comment),
            *(high.c.request, high.c.answered_at, high.c.score),
        )
        .select_from(joined)
        .where(
            k.trigger == trigger,
            k.reopened == 0,
            k.outcome.in_(outcomes),
            k.first_contact_at.is_not(None),
            high.c.answered_at > k.done_at,
            better >= better_by,
            low.c.comment != "",
        )
        .order_by(c.segment != segment, better.desc(), low.c.score, k.number)
    )
    return [Recovered(Ticket(*row[:-OF_RECOVERED]), *row[-OF_RECOVERED:]) for row in connection.execute(query)]


def last_mail(
    connection: Connection, template: str, *, request: str | None = None, ticket: str | None = None
) -> tuple[str, datetime] | None:
    """Return the last mail of a template that left about a request or a ticket, and when; None where none did."""
    d = t.dispatch.c
    about = d.request == request if request is not None else d.ticket == ticket
    query = sa.select(d.id, d.accepted_at).where(
        about, d.template == template, d.state == DispatchState.ACCEPTED, d.accepted_at.is_not(None)
    )
    row = connection.execute(query.order_by(d.accepted_at.desc()).limit(1)).first()
    return (str(row.id), row.accepted_at) if row else None


def count_kinds(connection: Connection) -> dict[str, dict[str, int]]:
    """Return how many touchpoints, answers, tickets, mails and SMS there are of each kind, the largest first."""
    ticket, answer, held = t.ticket.c, t.response.c, t.place_answer.c.held
    question = t.survey_request.c.question
    asked_for = answer.place.is_(None)
    ended = sa.case((ticket.outcome == "", ticket.state), else_=ticket.outcome)
    return {
        "touchpoints": counted(connection, t.touchpoint.c.state, t.touchpoint),
        "bands": counted(connection, sa.func.coalesce(answer.question, answer.band), t.response, asked_for),
        "tickets": counted(connection, ended, t.ticket),
        "mails": counted(connection, t.dispatch.c.state, t.dispatch),
        "asked by": counted(connection, t.survey_request.c.channel, t.survey_request),
        "rated": counted(connection, question, t.survey_request, question.is_not(None)),
        "answered by": counted(connection, answer.channel, t.response, asked_for),
        "at places": counted(connection, sa.case((held == "", "counted"), else_="kept apart"), t.place_answer),
        "sms": counted(connection, t.sms_message.c.state, t.sms_message),
        "replies": counted(connection, t.sms_reply.c.use, t.sms_reply),
    }


def counted(
    connection: Connection, kind: sa.ColumnElement[str], table: sa.Table, *conditions: sa.ColumnElement[bool]
) -> dict[str, int]:
    """Return how many rows there are of each kind, the largest first."""
    word = sa.cast(kind, sa.String)
    query = (
        sa.select(word, sa.func.count())
        .select_from(table)
        .where(*conditions)
        .group_by(word)
        .order_by(sa.func.count().desc(), word)
    )
    return {str(name): int(count) for name, count in connection.execute(query)}


def texter(connection: Connection) -> tuple[str, str, str | None, int, str] | None:
    """Return who answered by SMS with a number and words, the lowest score first: id, name, language, score, reply."""
    r, c, reply = t.response.c, t.customer.c, t.sms_reply.c
    query = (
        sa.select(c.crm_id, c.name, c.language, r.score, reply.text)
        .join(t.customer, c.id == r.customer)
        .join(t.sms_reply, sa.and_(reply.dialogue == r.request, reply.customer == r.customer))
        .where(r.channel == SMS, r.comment != "", reply.text.like("% %"))
        .order_by(r.score, r.answered_at, reply.at)
    )
    row = connection.execute(query.limit(1)).first()
    return (row[0], row[1], row[2], row[3], row[4]) if row else None


def visitor(connection: Connection) -> tuple[str, str, str | None, int, str] | None:
    """Return who answered on the site, those who wrote something first: id, name, language, score, comment."""
    r, c = t.response.c, t.customer.c
    query = (
        sa.select(c.crm_id, c.name, c.language, r.score, r.comment)
        .join(t.customer, c.id == r.customer)
        .where(r.channel == WEB)
        .order_by(r.comment == "", r.score.desc(), r.answered_at)
    )
    row = connection.execute(query.limit(1)).first()
    return (row[0], row[1], row[2], row[3], row[4]) if row else None


def count_to_read(connection: Connection) -> int:
    """Return how many replies by SMS wait for a person to read them."""
    waiting = t.one_of(t.sms_reply.c.use, (ReplyUse.HANDED_OVER,))
    query = sa.select(sa.func.count()).select_from(t.sms_reply).where(waiting)
    return int(connection.execute(query).scalar_one())


def count_at_places(connection: Connection) -> int:
    """Return how many answers at places count."""
    query = sa.select(sa.func.count()).select_from(t.place_answer).where(t.place_answer.c.held == "")
    return int(connection.execute(query).scalar_one())


def count_accounts(connection: Connection) -> int:
    """Return how many accounts the customers belong to."""
    account = t.customer.c.attributes[ACCOUNT].as_string()
    return int(connection.execute(sa.select(sa.func.count(account.distinct()))).scalar_one())


def theme_called(connection: Connection, name: str) -> int | None:
    return connection.execute(sa.select(t.theme.c.id).where(t.theme.c.name == name)).scalar()


def count_told_of(connection: Connection, theme: int) -> int:
    """Return how many who had asked for what a theme names were told that it is done."""
    joined = t.told.join(t.initiative, t.initiative.c.id == t.told.c.initiative)
    query = sa.select(sa.func.count()).select_from(joined).where(t.initiative.c.theme == theme)
    return int(connection.execute(query).scalar_one())
