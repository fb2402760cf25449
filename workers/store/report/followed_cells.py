"""What followed the answers, counted by the day of asking: causes, themes, testimonials, how far detractors came.

A report of a period without other filters reads what is kept of each day, and the rows of the days on which something
has happened since; any other one reads rows (`figures`). Reads only; `workers.store.counts.report_cells` writes them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from workers.domain.reporting import RECOVERY, Case, Filters
from workers.store import tables as t
from workers.store.report import figures as stored
from workers.store.report.cells import days_of
from workers.store.report.counted_days import Days
from workers.store.report.figures import TRIGGER, Column, Condition, Q, R, added, within

MOST_WAITS = 10_000
"""First contacts of which the time is read, the newest: a median of more says the same."""
UNKNOWN = "-"
YES, NO = "y", "n"
BETWEEN = " "
"""What stands between the facts of a case, none of which holds it."""


class Part(StrEnum):
    """What is counted of the answers of a day."""

    CAUSE = "cause"
    THEME = "theme"
    VOICE = "voice"
    CASE = "case"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed the answers of a report."""

    cases: Mapping[Case, int] = field(default_factory=dict)
    waits: Sequence[tuple[datetime, datetime]] = ()
    """From when to when detractors waited to be contacted: the newest, `MOST_WAITS` at most."""
    more_waits: bool = False
    causes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Tickets by root cause and trigger."""
    themes: Mapping[tuple[int, str], int] = field(default_factory=dict)
    testimonials: Mapping[str, int] = field(default_factory=dict)


class instant_text(FunctionElement[str]):  # noqa: N801  # reads like the function it renders as
    """An instant as SQLite keeps it: text of one width, whose order is that of time."""

    inherit_cache = True
    type = sa.Text()


@compiles(instant_text, "postgresql")
def instant_text_on_postgresql(element: instant_text, compiler: Any, **more: Any) -> str:
    """Render the text."""
    return (
        f"""to_char({compiler.process(element.clauses, **more)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    )


@compiles(instant_text, "sqlite")
def instant_text_on_sqlite(element: instant_text, compiler: Any, **more: Any) -> str:
    """Render what is stored."""
    return str(compiler.process(element.clauses, **more))


def asked_for(chosen: Callable[[Column], Sequence[Condition]]) -> sa.Subquery:
    """Return the answers that a report is about, chosen by when they were asked: columns id, at, trigger and band.

    Answers to our questions and those to questions of other tools are each found by their own index.
    """
    of_report = (R.place.is_(None), R.question.is_(None), TRIGGER != RECOVERY)
    columns = (R.id, R.trigger, R.band)
    ours = sa.select(*columns, Q.asked_at.label("at")).select_from(t.survey_request.join(t.response, R.request == Q.id))
    others = sa.select(*columns, R.asked_at.label("at")).where(R.request.is_(None))
    return sa.union_all(
        ours.where(*of_report, *chosen(Q.asked_at)), others.where(*of_report, *chosen(R.asked_at))
    ).subquery("asked_for")


def rows_of(answers: sa.Subquery, by: int = 1) -> list[sa.Select[Any]]:
    """Return what followed some answers, one by one: columns at, part, word, more, and n, which is `by`."""
    k, theme, voice = t.ticket.c, t.response_theme.c, t.testimonial.c
    cases = stored.case_rows(Filters(), answers).subquery()
    is_newest = cases.c.place == 1
    waited = (is_newest, cases.c.contacted_at.is_not(None))
    waits = (instant_text(cases.c.opened_at), instant_text(cases.c.contacted_at))
    causes = answers.join(t.ticket, k.response == answers.c.id)
    themes = answers.join(t.response_theme, theme.response == answers.c.id)
    voices = answers.join(t.testimonial, voice.response == answers.c.id)
    parts: list[tuple[Part, sa.FromClause, tuple[Column, Column], Column, tuple[Condition, ...]]] = [
        (Part.CAUSE, causes, (k.root_cause, answers.c.trigger), answers.c.at, (k.root_cause != "",)),
        (Part.THEME, themes, (sa.cast(theme.theme, sa.Text), answers.c.band), answers.c.at, ()),
        (Part.VOICE, voices, (sa.cast(voice.state, sa.Text), sa.literal("")), answers.c.at, ()),
        (Part.CASE, cases, (facts_of(cases), cases.c.outcome), cases.c.at, (is_newest,)),
        (Part.WAIT, cases, waits, cases.c.at, waited),
    ]
    rows = []
    for part, source, (word, more), at, conditions in parts:
        columns = {"at": at, "part": sa.literal(part.value, sa.Text), "word": word, "more": more, "n": sa.literal(by)}
        named = (column.label(name) for name, column in columns.items())
        rows.append(sa.select(*named).select_from(source).where(*conditions))
    return rows


def facts_of(cases: sa.Subquery) -> Column:
    """Return what is known of a case in one text, but for its outcome, which has words of the operator's."""
    c = cases.c
    said = [sa.case((c[name], YES), else_=NO) for name in ("ticket", "in_time", "reached", "done", "asked_again")]
    again = sa.func.coalesce(sa.cast(c.score_again, sa.Text), UNKNOWN)
    facts: Column = sa.cast(c.score, sa.Text)
    for fact in (*said, again):
        facts = facts.concat(BETWEEN).concat(fact)
    return facts


def case_of(facts: str, outcome: str) -> Case:
    """Return a case from what is kept of it."""
    score, *said, again = facts.split(BETWEEN)
    ticket, in_time, reached, done, asked_again = (fact == YES for fact in said)
    return Case(
        int(score), ticket, outcome, in_time, reached, done, asked_again, None if again == UNKNOWN else int(again)
    )


def counted(days: Days | None, filters: Filters) -> sa.Subquery:
    """Return what followed the answers of a period, counted as far as it is: columns part, word, more and n."""
    names = ("part", "word", "more", "n")
    if days is None:
        rows = rows_of(asked_for(lambda at: within(at, filters)))
        return sa.union_all(*rows).subquery()
    c = t.followed_cell.c
    kept = sa.select(*(c[name] for name in names)).where(*days.of_cells(c.day))
    rows = rows_of(asked_for(lambda at: [days.of_rows(at)])) if days.read else []
    rows += rows_of(asked_for(lambda at: [days.off_cells(at)]), by=-1) if days.parts else []
    return sa.union_all(
        kept, *(row.with_only_columns(*(row.selected_columns[name] for name in names)) for row in rows)
    ).subquery()


def is_kept(filters: Filters) -> bool:
    """Tell whether what followed the answers of a report is counted by day: of a period alone, by the NPS."""
    return Filters(filters.since, filters.until, by=filters.by) == filters


def read_followed(connection: Connection, filters: Filters) -> Followed:
    """Return what followed the answers that the filters choose, counted by day or read from rows."""
    if not is_kept(filters):
        cases, waits = stored.cases(connection, filters)
        return followed(
            cases,
            sorted(waits, reverse=True),
            causes=stored.causes(connection, filters),
            themes=stored.themes(connection, filters),
            testimonials=stored.testimonials(connection, filters),
        )
    rows = counted(days_of(connection, filters), filters)
    counts = read_counts(connection, rows)
    by_case: Counter[Case] = Counter()
    for (facts, outcome), n in counts[Part.CASE].items():
        by_case[case_of(facts, outcome)] += n
    return followed(
        by_case,
        read_waits(connection, rows),
        causes=counts[Part.CAUSE],
        themes={(int(theme), band): n for (theme, band), n in counts[Part.THEME].items()},
        testimonials={state: n for (state, _), n in counts[Part.VOICE].items()},
    )


def followed(cases: Mapping[Case, int], waits: Sequence[tuple[datetime, datetime]], **counts: Any) -> Followed:
    """Return what followed, with the newest waits, which are given newest first."""
    return Followed(cases, waits[:MOST_WAITS], len(waits) > MOST_WAITS, **counts)


def read_counts(connection: Connection, rows: sa.Subquery) -> dict[Part, dict[tuple[str, str], int]]:
    """Return each part's counts, but for the waits, which are many."""
    c = rows.c
    query = sa.select(c.part, c.word, c.more, added(c.n)).where(c.part != Part.WAIT.value)
    query = query.group_by(c.part, c.word, c.more).having(added(c.n) > 0)
    counts: dict[Part, dict[tuple[str, str], int]] = {part: {} for part in Part}
    for part, word, more, n in connection.execute(query):
        counts[Part(part)][str(word), str(more)] = int(n)
    return counts


def read_waits(connection: Connection, rows: sa.Subquery) -> list[tuple[datetime, datetime]]:
    """Return from when to when detractors waited to be contacted, the newest first, one more than is shown at most."""
    c = rows.c
    query = sa.select(c.word, c.more, added(c.n)).where(c.part == Part.WAIT.value).group_by(c.word, c.more)
    query = query.having(added(c.n) > 0).order_by(c.word.desc(), c.more.desc()).limit(MOST_WAITS + 1)
    waits: list[tuple[datetime, datetime]] = []
    for opened, contacted, n in connection.execute(query):
        waits += [(datetime.fromisoformat(opened), datetime.fromisoformat(contacted))] * int(n)
    return waits[: MOST_WAITS + 1]
