"""Cells of the report: questions and answers counted by day of asking, trigger, touchpoint, segment and language.

Read from the cells that are kept of each day, and from the rows of the days whose cells are not right just now
(`counted_days`), so that a report says what the rows say. Reads only; `workers.store.counts.report_cells` writes them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import NONE, RECOVERY, AnswerCell, AskedCell, Cube, Filters
from workers.domain.types import RequestState, ResponseState
from workers.store import tables as t
from workers.store.report import counted_days
from workers.store.report.counted_days import Days
from workers.store.report.fates import AFTER_REMINDER, ANSWERED, Fate, clicks, of_fate, questions
from workers.store.report.figures import (
    LANGUAGE,
    QUESTIONS,
    SEGMENT,
    TOUCHPOINT,
    TRIGGER,
    C,
    Column,
    Condition,
    Months,
    Q,
    R,
    added,
    month_of,
    once,
    within,
)

KEPT_LANGUAGE: Column = sa.func.coalesce(sa.func.nullif(LANGUAGE, ""), NONE)
LANGUAGE_ASKED: Column = sa.func.coalesce(sa.func.nullif(sa.func.coalesce(Q.language, C.language), ""), NONE)
ASKED_BY: Mapping[str, Column] = {
    "trigger": Q.trigger,
    "touchpoint": Q.step,
    "segment": SEGMENT,
    "language": LANGUAGE_ASKED,
}
"""What questions are kept by, over `QUESTIONS`."""
ANSWERED_BY: Mapping[str, Column] = {
    "trigger": TRIGGER,
    "touchpoint": TOUCHPOINT,
    "segment": SEGMENT,
    "language": KEPT_LANGUAGE,
    "channel": R.channel,
    "score": R.score,
}
"""What answers are kept by, over `figures.ANSWERS`."""
OF_QUESTION = (
    *("asked", "open", "delivered", "answered", "commented", "after_reminder"),
    *("clicked", "lost", "reminded", "suspected"),
)
"""What is counted of questions."""
OF_ITS_ROW = ("asked", "open")
"""Counts that a question's own row says."""
OF_ANSWER: Mapping[str, Condition] = {
    "n": sa.true(),
    "requested": R.request.is_not(None),
    "settling": R.state == ResponseState.SETTLING,
    "late": R.late.is_(True),
}
"""What is counted of answers."""


def counts_of_questions(clicked: sa.Subquery) -> dict[str, Condition]:
    """Return the condition of each count of questions, over `questions`."""
    return {
        "asked": sa.true(),
        "open": Q.state == RequestState.OPEN,
        "delivered": of_fate(Fate.DELIVERED, clicked),
        "answered": ANSWERED,
        "commented": sa.and_(ANSWERED, R.comment != ""),
        "after_reminder": sa.and_(ANSWERED, AFTER_REMINDER),
        "clicked": of_fate(Fate.CLICKED, clicked),
        "lost": of_fate(Fate.LOST, clicked),
        "reminded": of_fate(Fate.REMINDED, clicked),
        "suspected": of_fate(Fate.MACHINE, clicked),
    }


def question_rows(
    names: Iterable[str], *conditions: Condition, at: Column = Q.asked_at, by: int = 1
) -> sa.Select[tuple[object, ...]]:
    """Return NPS questions one by one: when asked, by what, and 1 or 0 for each count, or -1 where `by` says so."""
    wanted = list(names)
    clicked = clicks(*conditions)
    source = (
        QUESTIONS if set(wanted) <= set(OF_ITS_ROW) else questions(clicked).outerjoin(t.customer, C.id == Q.customer)
    )
    keys = [column.label(name) for name, column in ASKED_BY.items()]
    counts = counts_of_questions(clicked)
    columns = [once(counts[name], by).label(name) for name in wanted]
    return sa.select(at.label("at"), *keys, *columns).select_from(source).where(Q.question.is_(None), *conditions)


def answer_rows(
    source: sa.FromClause, at: Column, *conditions: Condition, by: int = 1
) -> sa.Select[tuple[object, ...]]:
    """Return answers one by one, likewise, from a join of answers, their questions and customers.

    Those given at places are none: nobody was asked. Nor are those to CSAT and CES questions.
    """
    keys = [column.label(name) for name, column in ANSWERED_BY.items()]
    counts = [once(condition, by).label(name) for name, condition in OF_ANSWER.items()]
    of_report = (R.place.is_(None), R.question.is_(None))
    return sa.select(at.label("at"), *keys, *counts).select_from(source).where(*of_report, *conditions)


def every_answer(
    chosen: Callable[[Column], Sequence[Condition]] = lambda _: (),
    at: Callable[[Column], Column] = lambda asked_at: asked_at,
    by: int = 1,
) -> list[sa.Select[tuple[object, ...]]]:
    """Return the answers to our questions and those to questions of other tools, chosen by when they were asked.

    Each is found by the index of the instant that counts for it; one condition on both would read every answer.
    """
    ours = t.survey_request.join(t.response, R.request == Q.id).outerjoin(t.customer, C.id == R.customer)
    others = t.response.outerjoin(t.survey_request, sa.false()).outerjoin(t.customer, C.id == R.customer)
    return [
        answer_rows(ours, at(Q.asked_at), *chosen(Q.asked_at), by=by),
        answer_rows(others, at(R.asked_at), R.request.is_(None), *chosen(R.asked_at), by=by),
    ]


def answers_asked_for(days: Days) -> list[sa.Select[tuple[object, ...]]]:
    """Return the answers asked for on the days that are read from their rows."""
    return every_answer(lambda asked_at: [days.of_rows(asked_at)])


def days_of(connection: Connection, filters: Filters, boundaries: Iterable[datetime] = ()) -> Days | None:
    """Return how to read a report's period whose cells must not reach across boundaries; None: all from rows."""
    return counted_days.days(connection, filters.since, filters.until, boundaries)


def asked(days: Days | None, filters: Filters, names: Sequence[str]) -> sa.Subquery:
    """Return the questions of a period, counted as far as they are: columns at, those of `ASKED_BY`, and `names`."""
    if days is None:
        return question_rows(names, *within(Q.asked_at, filters)).subquery()
    c = t.asked_cell.c
    keys = (c[name] for name in (*ASKED_BY, *names))
    rows = [sa.select(days.of_day(c.day).label("at"), *keys).where(*days.of_cells(c.day))]
    if days.read:
        rows.append(question_rows(names, days.of_rows(Q.asked_at)))
    if days.parts:
        rows.append(question_rows(names, days.off_cells(Q.asked_at), at=days.of_part(Q.asked_at), by=-1))
    return sa.union_all(*rows).subquery()


def answers(days: Days | None, filters: Filters) -> sa.Subquery:
    """Return the answers to the questions of a period, likewise: columns at, those of `ANSWERED_BY` and `OF_ANSWER`."""
    if days is None:
        return sa.union_all(*every_answer(lambda asked_at: within(asked_at, filters))).subquery()
    c = t.answer_cell.c
    keys = (c[name] for name in (*ANSWERED_BY, *OF_ANSWER))
    rows = [sa.select(days.of_day(c.day).label("at"), *keys).where(*days.of_cells(c.day))]
    if days.read:
        rows += answers_asked_for(days)
    if days.parts:
        rows += every_answer(lambda asked_at: [days.off_cells(asked_at)], days.of_part, by=-1)
    return sa.union_all(*rows).subquery()


def chosen(counted: sa.Subquery, filters: Filters) -> list[Condition]:
    """Return the conditions for the words of the filters; recovery surveys are none that a report is about."""
    c = counted.c
    return [c.trigger != RECOVERY, *of_words(counted, filters)]


def of_words(counted: sa.Subquery, filters: Filters) -> list[Condition]:
    """Return the conditions for the words of the filters, of which empty ones choose everything."""
    names = ("trigger", "touchpoint", "language", "segment")
    conditions = [counted.c[name] == getattr(filters, name) for name in names if getattr(filters, name)]
    return [*conditions, counted.c.segment.not_in([filters.without])] if filters.without else conditions


def beginnings(months: Months) -> list[datetime]:
    """Return the instants at which one month ends and another begins."""
    return [start for _, start in months[1:]]


def cube(connection: Connection, filters: Filters, months: Months) -> Cube:
    """Read the cells of answers and of questions; with months, each cell is of one."""
    days = days_of(connection, filters, beginnings(months))
    return Cube(
        tuple(answer_cells(connection, days, filters, months)), tuple(asked_cells(connection, days, filters, months))
    )


def by_month(counted: sa.Subquery, filters: Filters, months: Months) -> sa.Subquery:
    """Return what the filters choose, each with its month."""
    query = sa.select(counted, month_of(counted.c.at, months).label("month")).where(*chosen(counted, filters))
    return query.subquery()


def answer_cells(connection: Connection, days: Days | None, filters: Filters, months: Months) -> list[AnswerCell]:
    """Count the answers by trigger, touchpoint, segment, month, score and channel."""
    c = by_month(answers(days, filters), filters, months).c
    by = (c.trigger, c.touchpoint, c.segment, c.month, c.score, c.channel)
    query = sa.select(*by, *(added(c[name]) for name in OF_ANSWER)).group_by(*by).having(added(c.n) > 0).order_by(*by)
    return [
        AnswerCell(
            trigger, touchpoint, segment, month, score, channel, int(n), int(requested), int(settling), int(late)
        )
        for trigger, touchpoint, segment, month, score, channel, n, requested, settling, late in connection.execute(
            query
        )
    ]


def asked_cells(connection: Connection, days: Days | None, filters: Filters, months: Months) -> list[AskedCell]:
    """Count the questions by trigger, touchpoint, segment and month."""
    c = by_month(asked(days, filters, OF_ITS_ROW), filters, months).c
    by = (c.trigger, c.touchpoint, c.segment, c.month)
    query = sa.select(*by, added(c.asked), added(c.open)).group_by(*by).having(added(c.asked) > 0).order_by(*by)
    return [
        AskedCell(trigger, touchpoint, segment, month, int(questions), int(still_open))
        for trigger, touchpoint, segment, month, questions, still_open in connection.execute(query)
    ]


def recovery_answers(connection: Connection, filters: Filters) -> int:
    """Count the answers to recovery surveys of a report's period and customers, which stand apart from all others."""
    counted = answers(days_of(connection, filters), filters)
    conditions = of_words(counted, replace(filters, trigger="", touchpoint=""))
    query = sa.select(added(counted.c.n)).where(counted.c.trigger == RECOVERY, *conditions)
    return int(connection.execute(query).scalar_one())


def words(connection: Connection) -> dict[str, list[str]]:
    """Return what the filters can be set to: every trigger, touchpoint, segment and language there is."""
    everything = Filters()
    days = days_of(connection, everything)
    questions, responses, c = asked(days, everything, ("asked",)).c, answers(days, everything).c, C
    sources: tuple[tuple[dict[str, Column], list[Condition]], ...] = (
        ({"trigger": questions.trigger, "touchpoint": questions.touchpoint, "language": questions.language}, []),
        ({"trigger": responses.trigger, "touchpoint": responses.touchpoint}, []),
        ({"segment": c.segment, "language": c.language}, [c.anonymous.is_not(sa.true())]),
    )
    words_of: dict[str, set[str]] = {name: set() for name in ("trigger", "touchpoint", "segment", "language")}
    for columns, conditions in sources:
        for row in connection.execute(sa.select(*columns.values()).where(*conditions).distinct()):
            for name, word in zip(columns, row, strict=True):
                words_of[name].add(str(word or ""))
    return {name: sorted(some - {"", NONE, RECOVERY}) for name, some in words_of.items()}
