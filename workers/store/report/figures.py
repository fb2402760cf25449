"""The SELECTs behind the report that read rows: detractors, movements, causes, themes; counts by day are in `cells`.

The database counts; what is shown of it stands in `figures`. Writes nothing. Recovery surveys are left out of
everything but the loop, as their scores drift up by themselves.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import NONE, RECOVERY, STAGES, Case, Filters
from workers.domain.types import Band
from workers.store import read
from workers.store import tables as t

Column = sa.ColumnElement[Any]
Condition = sa.ColumnElement[bool]
Months = Sequence[tuple[str, datetime]]
"""Each month's first day and the instant at which it begins."""

Q, R, C = t.survey_request.c, t.response.c, t.customer.c
TRIGGER: Column = R.trigger
TOUCHPOINT: Column = sa.func.coalesce(sa.func.nullif(R.touchpoint, ""), NONE)
"""An answer bears what its question was about, and whose it is; neither ever changes without the other."""
SEGMENT: Column = sa.func.coalesce(sa.func.nullif(C.segment, ""), NONE)
LANGUAGE: Column = sa.func.coalesce(Q.language, C.language, NONE)
ASKED_AT: Column = sa.func.coalesce(Q.asked_at, R.asked_at)
ANSWERS = t.response.outerjoin(t.survey_request, Q.id == R.request).outerjoin(t.customer, C.id == R.customer)
"""Every answer with its question, where it was ours, and its customer."""
WITHOUT_QUESTIONS = t.response.outerjoin(t.customer, C.id == R.customer)
"""Every answer with its customer, whom the databases leave out where nothing is asked of them."""
THE_WORD_RECOVERY = sa.literal(RECOVERY, literal_execute=True)
"""In the text of a statement: SQLite takes an index of some rows only where it sees that they are all it asks for."""
QUESTIONS = t.survey_request.outerjoin(t.customer, C.id == Q.customer)


def answers_of(filters: Filters) -> sa.FromClause:
    """Return what the conditions of a report's answers look at: questions, twice the work, only where they do."""
    of_questions = filters.since or filters.until or filters.language or filters.by
    return ANSWERS if of_questions else WITHOUT_QUESTIONS


def of_answers(filters: Filters) -> list[Condition]:
    """Return the conditions of the answers that a report is about, over `answers_of`.

    Recovery answers are none, nor are those given at places, where nobody was asked.
    """
    return [of_kind(R.question, filters), *of_any_answers(filters)]


def of_any_answers(filters: Filters) -> list[Condition]:
    """Return the same of answers to any kind of question."""
    asked = [TRIGGER != RECOVERY, R.place.is_(None)]
    return [*asked, *within(ASKED_AT, filters), *chosen(filters, TRIGGER, TOUCHPOINT, LANGUAGE)]


def of_kind(question: Column, filters: Filters) -> Condition:
    """Return the condition of the kind of question that a report is about: NPS, unless another one is chosen."""
    return question == filters.question if filters.question else question.is_(None)


def of_questions(filters: Filters) -> list[Condition]:
    """Return the conditions of the questions that a report is about, over `QUESTIONS`."""
    return [of_kind(Q.question, filters), *of_any_questions(filters)]


def of_any_questions(filters: Filters) -> list[Condition]:
    """Return the same of any kind of question."""
    return [Q.trigger != RECOVERY, *within(Q.asked_at, filters), *chosen(filters, Q.trigger, Q.step, Q.language)]


def of_touchpoints(filters: Filters) -> list[Condition]:
    """Return the conditions of the touchpoints that a report is about, whenever due; recovery surveys are left out."""
    p = t.touchpoint.c
    conditions: list[Condition] = [p.trigger != RECOVERY]
    conditions += [
        column == word for column, word in ((p.trigger, filters.trigger), (p.step, filters.touchpoint)) if word
    ]
    whose: list[Condition] = []
    whose += [SEGMENT.in_([filters.segment])] if filters.segment else []
    whose += [SEGMENT.not_in([filters.without])] if filters.without else []
    whose += [C.language == filters.language] if filters.language else []
    return [*conditions, p.customer.in_(sa.select(C.id).where(*whose))] if whose else conditions


def within(at: Column, filters: Filters) -> list[Condition]:
    """Return the conditions of an instant in the report's period."""
    since = [at >= filters.since] if filters.since else []
    return since + ([at < filters.until] if filters.until else [])


def chosen(filters: Filters, trigger: Column, touchpoint: Column, language: Column) -> list[Condition]:
    """Return the conditions for the words of the filters, of which empty ones choose everything."""
    pairs = (
        (trigger, filters.trigger),
        (touchpoint, filters.touchpoint),
        (language, filters.language),
        (SEGMENT, filters.segment),
    )
    conditions = [column == word for column, word in pairs if word]
    return [*conditions, SEGMENT.not_in([filters.without])] if filters.without else conditions


def once(condition: Condition, by: int = 1) -> Column:
    """Return 1 for a row that meets a condition, or another number to count it by; else 0."""
    return sa.case((condition, by), else_=0)


def added(counts: Column) -> Column:
    """Add counts up; none are 0."""
    return sa.func.coalesce(sa.func.sum(counts), 0)


def total(condition: Condition) -> Column:
    """Count the rows that meet a condition."""
    return added(once(condition))


def month_of(at: Column, months: Months) -> Column:
    """Return the month of an instant: no database knows every zone, so the months' beginnings are handed over."""
    following = list(pairwise(months))
    if not following:
        return sa.literal(months[0][0] if months else NONE)
    return sa.case(*((at < start, name) for (name, _), (_, start) in following), else_=months[-1][0])


def cases(connection: Connection, filters: Filters) -> tuple[dict[Case, int], list[tuple[datetime, datetime]]]:
    """Count the detractors' answers by how far they came; and return from when to when each waited to be contacted."""
    rows = case_rows(filters).subquery()
    query = sa.select(*of_case(rows), rows.c.opened_at, rows.c.contacted_at).where(rows.c.place == 1)
    counts: Counter[tuple[Any, ...]] = Counter()
    waits = []
    for *case, opened_at, contacted_at in connection.execute(query):
        counts[tuple(case)] += 1
        if contacted_at is not None:
            waits.append((opened_at, contacted_at))
    return {Case(*case): n for case, n in counts.items()}, waits


def of_case(rows: sa.Subquery) -> list[Column]:
    """Return the columns that make a case."""
    return [rows.c[field.name] for field in fields(Case)]


def list_cases(connection: Connection, filters: Filters) -> list[tuple[str, Case]]:
    """Return the detractors' answers by their ids, each with how far it came."""
    rows = case_rows(filters).subquery()
    query = sa.select(rows.c.id, *of_case(rows)).where(rows.c.place == 1)
    return [(str(id), Case(*values)) for id, *values in connection.execute(query)]


def case_rows(filters: Filters, of: sa.Subquery | None = None) -> sa.Select[Any]:
    """Return detractors' answers with their tickets and recovery surveys; the newest of several has the first place.

    Those that the filters choose; or those among `of`, each with its column `at`.
    """
    k, a = t.ticket.c, t.action.c
    asked, again = t.survey_request.alias("asked_again"), t.response.alias("again")
    among = [] if of is None else [a.response.in_(sa.select(of.c.id))]
    tickets = sa.select(a.response, a.ticket).where(a.ticket.is_not(None), *among).distinct().subquery()
    answers = answers_of(filters) if of is None else t.response.join(of, of.c.id == R.id)
    source = (
        answers.outerjoin(tickets, tickets.c.response == R.id)
        .outerjoin(t.ticket, k.id == tickets.c.ticket)
        .outerjoin(
            asked,
            sa.and_(
                asked.c.trigger == THE_WORD_RECOVERY,
                asked.c.reference == sa.cast(k.id, sa.Text),
                asked.c.question.is_(None),
            ),
        )
        .outerjoin(again, sa.and_(again.c.request == asked.c.id, again.c.trigger == RECOVERY))
    )
    newest = (sa.func.coalesce(k.number, 0).desc(), asked.c.id.desc(), again.c.id)
    columns: dict[str, Column] = {
        "score": R.score,
        "ticket": k.id.is_not(None),
        "outcome": sa.func.coalesce(k.outcome, ""),
        "in_time": sa.func.coalesce(k.first_contact_at <= k.due_at, sa.false()),
        "reached": k.reached_at.is_not(None),
        "done": k.done_at.is_not(None),
        "asked_again": asked.c.id.is_not(None),
        "score_again": again.c.score,
        "opened_at": k.opened_at,
        "contacted_at": k.first_contact_at,
        "place": sa.func.row_number().over(partition_by=R.id, order_by=newest),
    }
    columns |= {} if of is None else {"at": of.c.at}
    query = sa.select(R.id, *(column.label(name) for name, column in columns.items())).select_from(source)
    return query.where(R.band == Band.DETRACTOR.value, *([] if of is not None else of_answers(filters)))


def moved(connection: Connection, filters: Filters) -> dict[tuple[str, str], int]:
    """Count persons by the band of the answer before and of their latest one in the period."""
    c = latest_answers(filters).c
    before, bands = sa.func.coalesce(c.before, ""), [band.value for band in Band]
    pairs = [(was, band) for was in ("", *bands) for band in bands]
    counts = (total(sa.and_(before == was, c.band == band)) for was, band in pairs)  # in one pass, without sorting
    row = connection.execute(sa.select(*counts)).one()
    return {pair: int(n) for pair, n in zip(pairs, row, strict=True) if n}


WITHIN_ONE_PERSON: dict[str, Any] = {"partition_by": R.customer, "order_by": (R.answered_at, R.id)}
"""A person's answers in the order of time: both neighbours come from one sorting."""


def latest_answers(filters: Filters) -> sa.Subquery:
    """Return each person's latest answer in the period with the band before it: columns id, band, before.

    The answer before counts whenever it was asked for; where a touchpoint is chosen, both answers are of it.
    """
    whole = replace(filters, since=None)
    in_time = WITHIN_ONE_PERSON
    ranked = sa.select(
        R.id,
        R.band,
        sa.func.lag(R.band).over(**in_time).label("before"),
        sa.func.lead(R.id).over(**in_time).label("after"),
    )
    newest: list[Condition] = []
    if filters.since:
        ranked = ranked.add_columns(ASKED_AT.label("asked_at"))
    erased = sa.select(C.id).where(C.erased_at.is_not(None)).subquery()
    source = answers_of(filters).outerjoin(erased, erased.c.id == R.customer)
    answers = ranked.select_from(source).where(*of_answers(whole), erased.c.id.is_(None)).subquery()
    if filters.since:
        newest = [sa.type_coerce(answers.c.asked_at, t.Instant()) >= filters.since]
    columns = (answers.c.id, answers.c.band, answers.c.before)
    return sa.select(*columns).where(answers.c.after.is_(None), *newest).subquery()


def causes(connection: Connection, filters: Filters) -> dict[tuple[str, str], int]:
    """Count tickets by root cause and by the trigger of the answer that they arose from."""
    k = t.ticket.c
    query = sa.select(k.root_cause, TRIGGER.label("why"), sa.func.count())
    query = query.select_from(answers_of(filters).join(t.ticket, k.response == R.id)).where(
        k.root_cause != "", *of_answers(filters)
    )
    return {
        (str(cause), str(trigger)): int(n)
        for cause, trigger, n in connection.execute(query.group_by(k.root_cause, sa.literal_column("why")))
    }


def themes(connection: Connection, filters: Filters) -> dict[tuple[int, str], int]:
    """Count answers by theme and band."""
    of = t.response_theme.c
    query = sa.select(of.theme, R.band, sa.func.count())
    query = query.select_from(answers_of(filters).join(t.response_theme, of.response == R.id)).where(
        *of_answers(filters)
    )
    return {(int(key), str(band)): int(n) for key, band, n in connection.execute(query.group_by(of.theme, R.band))}


def testimonials(connection: Connection, filters: Filters) -> dict[str, int]:
    """Count the testimonials of the chosen answers by state; a state that none is in is left out."""
    state = sa.type_coerce(t.testimonial.c.state, sa.String())
    query = sa.select(state, sa.func.count()).where(*of_answers(filters)).group_by(state)
    source = answers_of(filters).join(t.testimonial, t.testimonial.c.response == R.id)
    return {str(state_name): int(n) for state_name, n in connection.execute(query.select_from(source))}


def of_band(band: str) -> Condition:
    return R.band == band


def of_stage(stage: str) -> Condition:
    """Return the condition of a stage; "other" is every trigger that no stage has."""
    if stage in STAGES:
        return TRIGGER.in_(STAGES[stage])
    return TRIGGER.not_in([trigger for triggers in STAGES.values() for trigger in triggers])


def with_cause(cause: str) -> Condition:
    """Return the condition that a ticket with this root cause arose from the answer."""
    return sa.exists().where(t.ticket.c.response == R.id, t.ticket.c.root_cause == cause)


def with_theme(theme: int) -> Condition:
    return sa.exists().where(t.response_theme.c.response == R.id, t.response_theme.c.theme == theme)


def with_testimonial(states: Sequence[str]) -> Condition:
    """Return the condition that the answer's testimonial is in one of these states."""
    state = sa.type_coerce(t.testimonial.c.state, sa.String())
    return sa.exists().where(t.testimonial.c.response == R.id, state.in_(states))


def told_of(initiative: int) -> Condition:
    """Return the condition that the answer's customer was told because of it."""
    return sa.exists().where(t.told.c.response == R.id, t.told.c.initiative == initiative)


def with_move(before: str, latest: str, filters: Filters) -> Condition:
    """Return the condition of a person's latest answer, by band before and band now."""
    answers = latest_answers(filters)
    was = answers.c.before.is_(None) if not before else answers.c.before == before
    return R.id.in_(sa.select(answers.c.id).where(was, answers.c.band == latest))


def about_to_leave(filters: Filters) -> Condition:
    """Return the condition of the latest answer of a person who is about to leave."""
    answers = latest_answers(filters)
    low, high = Band.DETRACTOR.value, Band.PROMOTER.value
    fell = sa.and_(answers.c.before == high, answers.c.band != high)
    return R.id.in_(sa.select(answers.c.id).where(sa.or_(answers.c.band == low, fell)))


def one_of(ids: Sequence[str]) -> Condition:
    """Return the condition of being one of these answers, however many; none without any."""
    return sa.or_(*(R.id.in_(chunk) for chunk in read.chunks(ids))) if ids else sa.false()
