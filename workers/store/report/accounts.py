"""Accounts: the companies that customers answer for, what their people answered, and which of them went silent.

Of each person the latest answer at a touchpoint counts; who was erased, or merged into another, is nobody's. Reads.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import Filters
from workers.domain.reporting.accounts import (
    ROLE,
    AccountLine,
    AccountPerson,
    Coverage,
    SilentAccount,
    TouchpointScores,
)
from workers.domain.reporting.nps import Counts
from workers.domain.reporting.scales import SCALES
from workers.domain.types import ACCOUNT, Band, QuestionKind, RequestState, TicketState
from workers.store import tables as t
from workers.store.report.figures import ANSWERS, QUESTIONS, TOUCHPOINT, C, Q, R, of_answers, of_questions, total

PEOPLE: tuple[sa.ColumnElement[bool], ...] = (C.account.is_not(None), C.erased_at.is_(None), C.merged_into.is_(None))
"""Who answers for an account."""
ASKED_IN_VAIN = 2
"""Askings in a row without an answer that make an account silent, where nothing else happens either."""
LISTED_AT_MOST = 200
OF_NPS = SCALES[QuestionKind.NPS]
PROMOTES_FROM, DETRACTS_BELOW = OF_NPS.good_from, OF_NPS.low_up_to + 1
"""The mean of an account's scores has a band as a score has: between two whole numbers it has that of the lower one."""
ANSWERED = (RequestState.ANSWERED, RequestState.CLOSED)
OVER = (*ANSWERED, RequestState.EXPIRED, RequestState.UNDELIVERABLE)
"""Questions of which it is known whether they are answered: not those that may be still, nor those called back."""


def text_of(name: str) -> sa.ColumnElement[str]:
    """Return an attribute of a customer as text."""
    return sa.func.coalesce(sa.cast(C.attributes[name].as_string(), sa.Text()), "")


def coverage(connection: Connection, filters: Filters) -> Coverage:
    """Return how far the questions that the filters choose reach into the accounts, and the NPS over accounts."""
    everybody = connection.execute(counted(t.customer)).one()
    asked = connection.execute(counted(QUESTIONS, *of_questions(filters))).one()
    answered = connection.execute(counted(ANSWERS, *of_answers(filters))).one()
    numbers = (int(n) for row in (everybody, asked, answered) for n in row)
    return Coverage(*numbers, tuple(touchpoint_scores(connection, filters)))  # type: ignore[call-arg,arg-type]  # six


def worth(connection: Connection, attribute: str) -> list[tuple[str, str]]:
    """Return each account with what its people say of it in one attribute, as text, each value once; "" for nothing."""
    query = sa.select(C.account, text_of(attribute)).where(*PEOPLE).distinct()
    return [(str(key), value) for key, value in connection.execute(query)]


def reached(connection: Connection, filters: Filters) -> tuple[set[str], set[str]]:
    """Return the accounts of which somebody was asked, and those that answered, by their keys."""
    asked = sa.select(C.account).select_from(QUESTIONS).where(*PEOPLE, *of_questions(filters)).distinct()
    answered = sa.select(C.account).select_from(ANSWERS).where(*PEOPLE, *of_answers(filters)).distinct()
    return set(connection.execute(asked).scalars()), set(connection.execute(answered).scalars())


def counted(source: sa.FromClause, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the count of accounts and of their people in some rows."""
    numbers: tuple[sa.ColumnElement[Any], ...] = (sa.func.count(C.account.distinct()), sa.func.count(C.id.distinct()))
    return sa.select(*numbers).select_from(source).where(*PEOPLE, *conditions)


def latest_answers(*conditions: sa.ColumnElement[bool], at_touchpoint: bool = True) -> sa.Subquery:
    """Return each person's latest answer, at each touchpoint or at all, with account, role, score, band and instant."""
    columns = (
        C.account,
        C.id.label("person"),
        TOUCHPOINT.label("touchpoint"),
        R.id,
        R.score,
        R.answered_at.label("at"),
    )
    given = sa.select(*columns, R.band, text_of(ROLE).label("role")).select_from(ANSWERS).where(*PEOPLE, *conditions)
    g = given.subquery().c
    parts = (g.person, g.touchpoint) if at_touchpoint else (g.person,)
    place = sa.func.row_number().over(partition_by=parts, order_by=(g.at.desc(), g.id.desc())).label("place")
    ranked = sa.select(*g, place).subquery()
    return sa.select(ranked).where(ranked.c.place == 1).subquery()


def touchpoint_scores(connection: Connection, filters: Filters) -> Iterable[TouchpointScores]:
    """Give the accounts by the band of their mean, touchpoint by touchpoint."""
    a = latest_answers(*of_answers(filters)).c
    people, points = sa.func.count().label("people"), sa.func.sum(a.score).label("points")
    bounds = sa.func.min(a.score).label("lowest"), sa.func.max(a.score).label("highest")
    m = sa.select(a.account, a.touchpoint, people, points, *bounds).group_by(a.account, a.touchpoint).subquery().c
    promotes, detracts = m.points >= PROMOTES_FROM * m.people, m.points < DETRACTS_BELOW * m.people
    split = sa.and_(m.highest >= PROMOTES_FROM, m.lowest < DETRACTS_BELOW)
    query = sa.select(
        m.touchpoint, sa.func.count(), total(promotes), total(detracts), total(split), sa.func.sum(m.people)
    )
    for touchpoint, n, high, low, both, respondents in connection.execute(
        query.group_by(m.touchpoint).order_by(m.touchpoint)
    ):
        counts = Counts(int(high), int(n) - int(high) - int(low), int(low))
        yield TouchpointScores(str(touchpoint), counts, int(both), int(respondents))


def largest(connection: Connection, filters: Filters, owner: str = "") -> list[AccountLine]:
    """Return the accounts with the most people, of one owner or of all, and what those people answered last."""
    people = sa.func.count()
    query = sa.select(C.account, people).where(*PEOPLE, *owned(owner)).group_by(C.account)
    listed = connection.execute(query.order_by(people.desc(), C.account).limit(LISTED_AT_MOST)).all()
    keys = [str(key) for key, _ in listed]
    who = people_of(connection, keys)
    a = latest_answers(*of_answers(filters), C.account.in_(keys), at_touchpoint=False).c
    answers: dict[str, list[Any]] = {}
    for row in connection.execute(sa.select(a.account, a.score, a.at, a.band, a.role).order_by(a.role)):
        answers.setdefault(str(row.account), []).append(row)
    return [account_line(str(key), int(n), who[str(key)], answers.get(str(key), [])) for key, n in listed]


def account_line(key: str, people: int, who: tuple[str, tuple[str, ...]], answers: list[Any]) -> AccountLine:
    """Return one account of the list."""
    scores = [int(row.score) for row in answers]
    unhappy = dict.fromkeys(str(row.role) for row in answers if row.band == Band.DETRACTOR and row.role)
    last = max((row.at for row in answers), default=None)
    bounds = (min(scores, default=None), max(scores, default=None))
    return AccountLine(key, *who, people, len(scores), *bounds, last, tuple(unhappy))


def owned(owner: str) -> list[sa.ColumnElement[bool]]:
    """Return the condition that somebody owns the account: any of its people is theirs; none for everybody."""
    if not owner:
        return []
    theirs = t.customer.alias("theirs").c
    return [C.account.in_(sa.select(theirs.account).where(theirs.owner == owner, theirs.account.is_not(None)))]


def people_of(connection: Connection, keys: Iterable[str]) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return the name of each account as its people have it, and who owns them."""
    query = sa.select(C.account, text_of(ACCOUNT), C.owner).where(*PEOPLE, C.account.in_(keys)).distinct()
    names: dict[str, str] = {}
    owners: dict[str, set[str]] = {}
    for key, name, owner in connection.execute(query):
        names[key] = min(names.get(key, name), name)
        owners.setdefault(key, set()).update([owner] if owner else [])
    return {key: (names[key], tuple(sorted(owners[key]))) for key in names}


def silent(
    connection: Connection, now: datetime, since: datetime, *, owner: str = "", key: str = ""
) -> list[SilentAccount]:
    """Return the accounts that answered neither of their last two askings, and of which nothing was heard since a day.

    Those asked longest ago stand first; of one owner, or one account by its key, if wanted.
    """
    whose = [*PEOPLE, *owned(owner), *([C.account == key] if key else [])]
    questions = sa.select(C.account, Q.state, Q.asked_at, Q.id, Q.closes_at).select_from(QUESTIONS)
    asked = questions.where(*whose, Q.state.in_(OVER)).subquery().c
    place = sa.func.row_number().over(partition_by=asked.account, order_by=(asked.asked_at.desc(), asked.id.desc()))
    ranked = sa.select(asked.account, asked.state, asked.asked_at, asked.closes_at, place.label("place")).subquery().c
    latest = (sa.func.max(ranked[name]).label(name) for name in ("asked_at", "closes_at"))
    last = sa.select(ranked.account, *latest)
    last = last.where(ranked.place <= ASKED_IN_VAIN).group_by(ranked.account)
    answered = total(sa.type_coerce(ranked.state, sa.String()).in_([str(state) for state in ANSWERED]))
    vain = last.having(sa.func.count() == ASKED_IN_VAIN, answered == 0).subquery().c
    quiet = [~happened.exists() for happened in heard(vain.account, since, now)]
    instants = (sa.type_coerce(vain[name], t.Instant()) for name in ("asked_at", "closes_at"))
    query = sa.select(vain.account, *instants).where(*quiet)
    listed = connection.execute(query.order_by(vain.asked_at, vain.account).limit(LISTED_AT_MOST)).all()
    keys = [str(account) for account, *_ in listed]
    who, lately = people_of(connection, keys), last_heard(connection, keys, now)
    sizes = {
        str(account): int(n)
        for account, n in connection.execute(
            sa.select(C.account, sa.func.count()).where(*PEOPLE, C.account.in_(keys)).group_by(C.account)
        )
    }
    return [
        SilentAccount(str(k), *who[str(k)], sizes[str(k)], at, lately.get(str(k)), min(closed_at, now))
        for k, at, closed_at in listed
    ]


def heard(account: sa.ColumnElement[Any], since: datetime, now: datetime) -> list[sa.Select[Any]]:
    """Return what happened to anybody of an account in a time, table by table: journeys, stops, answers."""
    someone = t.customer.alias("someone").c
    return [
        sa.select(sa.literal(1)).where(someone.account == account, owner == someone.id, at > since, at <= now)
        for owner, at in HAPPENED
    ]


HAPPENED = (
    (t.journey.c.customer, t.journey.c.anchor_at),
    (t.stop.c.customer, t.stop.c.from_at),
    (t.response.c.customer, t.response.c.answered_at),
)
"""Where it stands that something happened to a customer, and when."""


def last_heard(connection: Connection, keys: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Return when something happened last to anybody of some accounts."""
    latest: dict[str, datetime] = {}
    for owner, at in HAPPENED:
        query = sa.select(C.account, sa.func.max(at)).where(owner == C.id, *PEOPLE, C.account.in_(keys), at <= now)
        for key, instant in connection.execute(query.group_by(C.account)):
            latest[key] = max(latest.get(key, instant), instant)
    return latest


def people(connection: Connection, key: str) -> list[AccountPerson]:
    """Return the people of an account by name, each with when last asked, the last NPS answer and the ticket."""
    asked = sa.select(sa.func.max(Q.asked_at)).where(Q.customer == C.id).correlate(t.customer).scalar_subquery()
    latest = sa.select(R.id).where(R.customer == C.id, R.question.is_(None)).correlate(t.customer)
    latest = latest.order_by(R.answered_at.desc(), R.id.desc()).limit(1)
    k = t.ticket.c
    ticket = sa.select(k.number).where(k.customer == C.id, k.state != TicketState.DONE).correlate(t.customer)
    query: sa.Select[Any] = (
        sa.select(
            *(sa.func.coalesce(column, "") for column in (C.crm_id, C.name)),
            text_of(ROLE),
            sa.func.coalesce(C.owner, ""),
            sa.type_coerce(asked, t.Instant()),
            R.score,
            R.answered_at,
            ticket.limit(1).scalar_subquery(),
        )
        .select_from(t.customer.outerjoin(t.response, R.id == latest.scalar_subquery()))
        .where(*PEOPLE, C.account == key)
        .order_by(C.name, C.crm_id)
        .limit(LISTED_AT_MOST)
    )
    return [
        AccountPerson(crm_id, name, role, owner, asked_at, score, answered_at, number)
        for crm_id, name, role, owner, asked_at, score, answered_at, number in connection.execute(query)
    ]
