"""Sections: the report's eight parts, read from one snapshot of the store; and the answers behind each figure.

Reads only. What may be shown of the counts is decided in `figures`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from workers.calendar import in_zone, instant_of, working_between, zone_info
from workers.domain import reporting as figures
from workers.domain.policy import Policy
from workers.domain.records import Response
from workers.domain.reporting import Announced, Filters, Loop, Movement, OverTime, Step, Told, Touchpoint
from workers.domain.types import DispatchState, ResponseState, TestimonialState
from workers.errors import BadInput
from workers.store import read
from workers.store import tables as t
from workers.store.connection import Connection
from workers.store.report import figures as stored
from workers.usecases.initiatives import Kind
from workers.usecases.report import funnel, nps_by_dimension

GIVEN = tuple(str(one) for one in TestimonialState if one not in (TestimonialState.ASKED, TestimonialState.REFUSED))
CONSENTED = (str(TestimonialState.CONSENTED),)
REFUSED = (str(TestimonialState.REFUSED),)
ASKED = tuple(str(one) for one in TestimonialState)
PAGE_LENGTH = 40
"""Answers on one page of the list."""
EXPORTED_AT_ONCE = 1_000
"""Answers read and held at once for a file."""


@dataclass(frozen=True, slots=True)
class Note:
    """A dated note on the charts: what was changed, so that one sees whether it helped."""

    at: datetime
    text: str
    by: str
    initiative: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that the report shows."""

    filters: Filters
    zone: str
    as_of: datetime
    stretches: tuple[str, ...]
    loop: Loop
    touchpoints: list[Touchpoint]
    over_time: list[OverTime]
    funnel: funnel.Funnel
    not_asked: list[dict[str, object]]
    causes: Mapping[tuple[str, str], int]
    themes: Mapping[tuple[int, str], int]
    theme_names: Mapping[int, str]
    competitors: frozenset[int]
    movement: Movement
    testimonials: Mapping[str, int]
    announced: Mapping[int, Announced]
    initiatives: Mapping[int, str]
    notes: tuple[Note, ...]
    words: Mapping[str, list[str]]
    apart: int
    """Answers to recovery surveys asked in the period: no part of anything else here but the loop."""


def review(connection: Connection, filters: Filters, policy: Policy, now: datetime) -> Review:
    """Return the report for the filters of an address."""
    zone = policy.zone
    noted = tuple(notes(connection, filters))
    stretches, walls = stretches_of(months_of(connection, filters, zone), noted, zone)
    cube = stored.cube(connection, filters, stretches)
    cases = stored.cases(connection, filters)
    waterfall, not_asked = asked(connection, filters)
    return Review(
        filters=filters,
        zone=zone,
        as_of=now,
        stretches=tuple(name for name, _ in stretches),
        loop=figures.loop(cases, lambda start, end: working_between(start, end, policy.calendar)),
        touchpoints=figures.touchpoints(cube),
        over_time=figures.over_time(cube, [name for name, _ in stretches], walls),
        funnel=waterfall,
        not_asked=not_asked,
        causes=by_stage(stored.causes(connection, filters)),
        themes=stored.themes(connection, filters),
        theme_names=theme_names(connection),
        competitors=competitors(connection),
        movement=Movement(stored.moved(connection, filters)),
        testimonials=stored.testimonials(connection, filters),
        announced=figures.announced(told(connection, filters)),
        initiatives=names(connection, t.initiative),
        notes=noted,
        words=stored.words(connection),
        apart=stored.recovery_answers(connection, filters),
    )


def months_of(connection: Connection, filters: Filters, zone: str) -> list[tuple[str, datetime]]:
    """Return each month of the report with the instant at which it begins in the zone."""
    return nps_by_dimension.month_starts(connection, nps_by_dimension.Period(filters.since, filters.until), zone)


def stretches_of(
    months: Sequence[tuple[str, datetime]], noted: Sequence[Note], zone: str
) -> tuple[list[tuple[str, datetime]], frozenset[int]]:
    """Return the stretches of a report, each with the instant at which it begins, and the places of those at a note.

    A stretch is a month (2026-03) or, from the day of a note on, the rest of one (2026-03-09). What was asked on the
    day of a note counts as asked after it.
    """
    if not months:
        return [], frozenset()
    begins = dict(months)
    known = {at: name for name, at in months}
    walls = set()
    for one in noted:
        day = day_of(one.at, zone)
        at = midnight(date.fromisoformat(day), zone)
        if months[0][1] < at and day[:7] in begins:
            walls.add(known.setdefault(at, day))
            begins[known[at]] = at
    stretches = sorted(begins.items(), key=lambda pair: pair[1])
    return stretches, frozenset(place for place, (name, _) in enumerate(stretches) if name in walls)


def asked(connection: Connection, filters: Filters) -> tuple[funnel.Funnel, list[dict[str, object]]]:
    """Return what became of the questions, and what was not asked, by reason; recovery surveys are left out."""
    period = nps_by_dimension.Period(filters.since, filters.until)
    chosen = sa.select(stored.Q.id).select_from(stored.QUESTIONS).where(*stored.of_questions(filters))
    counted = funnel.asked(connection, period, [t.survey_request.c.id.in_(chosen)])
    return counted, funnel.not_asked(connection, period, stored.of_touchpoints(filters))


def by_stage(counted: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Return tickets by root cause and stage."""
    found: dict[tuple[str, str], int] = {}
    for (cause, trigger), n in counted.items():
        key = (cause, figures.stage_of(trigger))
        found[key] = found.get(key, 0) + n
    return found


def names(connection: Connection, table: sa.Table) -> dict[int, str]:
    """Return the names of themes or initiatives by number."""
    return {int(key): str(name) for key, name in connection.execute(sa.select(table.c.id, table.c.name))}


def theme_names(connection: Connection) -> dict[int, str]:
    """Return the names of the themes by number."""
    return names(connection, t.theme)


def competitors(connection: Connection) -> frozenset[int]:
    """Return the numbers of the themes that are competitors."""
    of = t.theme.c
    return frozenset(connection.execute(sa.select(of.id).where(of.kind == Kind.COMPETITOR.value)).scalars())


def notes(connection: Connection, filters: Filters) -> list[Note]:
    """Return the notes of the report's period, initiatives that are done among them, oldest first."""
    n, i = t.report_note.c, t.initiative.c
    written = sa.select(n.at, n.text, n.by, n.id).where(*stored.within(n.at, filters))
    done = sa.select(i.done_at, i.name, i.owner, i.id).where(i.done_at.is_not(None), *stored.within(i.done_at, filters))
    found = [Note(at, text, by, id=key) for at, text, by, key in connection.execute(written)]
    found += [Note(at, name, owner, initiative=key) for at, name, owner, key in connection.execute(done)]
    return sorted(found, key=lambda one: (one.at, one.text))


def told(connection: Connection, filters: Filters) -> list[Told]:
    """Return everybody who was told that something is done, with the score before and the next one after.

    The period is that of the announcement, not of the question: an announcement belongs to the time it was made in.
    """
    o, r, d = t.told.c, t.response.c, t.dispatch.c
    words_only = replace(filters, since=None, until=None)
    source = stored.ANSWERS.join(t.told, o.response == r.id).outerjoin(t.dispatch, d.id == o.dispatch)
    sent = sa.type_coerce(d.state, sa.String()) == str(DispatchState.ACCEPTED)
    query = sa.select(o.initiative, o.customer, o.at, r.score, sent).select_from(source)
    query = query.where(*stored.of_answers(words_only), *stored.within(o.at, filters)).order_by(
        o.initiative, o.customer
    )
    rows = connection.execute(query).all()
    later = answers_after(connection, {str(row.customer) for row in rows})
    return [
        Told(int(key), score, bool(left), next((s for at, s in later.get(str(who), ()) if at > since), None))
        for key, who, since, score, left in rows
    ]


def answers_after(connection: Connection, customers: set[str]) -> dict[str, list[tuple[datetime, int]]]:
    """Return each customer's answers in order of time, recovery left out."""
    r = t.response.c
    found: dict[str, list[tuple[datetime, int]]] = {}
    for chunk in read.chunks(customers):
        query = sa.select(r.customer, r.first_answered_at, r.score).where(
            r.customer.in_(chunk), r.trigger != figures.RECOVERY
        )
        for who, at, score in connection.execute(query.order_by(r.first_answered_at, r.id)):
            found.setdefault(str(who), []).append((at, score))
    return found


class Pick(StrEnum):
    """Which answers of a report to list, as the address names it."""

    BAND = "band"
    SCORE = "score"
    STAGE = "stage"
    CAUSE = "cause"
    THEME = "theme"
    LOOP = "loop"
    MOVE = "move"
    VOICE = "voice"
    TOLD = "told"
    COMMENTED = "commented"
    REMINDED = "reminded"
    CHANNEL = "channel"
    OURS = "ours"
    SETTLING = "settling"
    LATE = "late"


YES = "yes"
VOICES = {"asked": ASKED, "given": GIVEN, "consented": CONSENTED, "refused": REFUSED}


def conditions(connection: Connection, filters: Filters, picks: Mapping[Pick, str]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of the answers behind a figure; raises BadInput for a word that none has."""
    if Pick.TOLD in picks:
        filters = replace(filters, since=None, until=None)
    found = stored.of_answers(filters)
    try:
        found += [condition(connection, filters, pick, word) for pick, word in picks.items()]
    except (ValueError, KeyError) as error:
        raise BadInput(f"This address is not one of the report's: {error}.") from error
    return found


OF_ANSWERS = t.response.c
IN_WORDS: Mapping[Pick, Callable[[str], sa.ColumnElement[bool]]] = {
    Pick.BAND: stored.of_band,
    Pick.SCORE: lambda word: OF_ANSWERS.score == int(word),
    Pick.STAGE: stored.of_stage,
    Pick.CAUSE: stored.with_cause,
    Pick.THEME: lambda word: stored.with_theme(int(word)),
    Pick.VOICE: lambda word: stored.with_testimonial(VOICES[word]),
    Pick.TOLD: lambda word: stored.told_of(int(word)),
    Pick.COMMENTED: lambda word: OF_ANSWERS.comment != "" if word == YES else OF_ANSWERS.comment == "",
    Pick.REMINDED: lambda word: after_reminder(yes=word == YES),
    Pick.OURS: lambda _: OF_ANSWERS.request.is_not(None),
    Pick.SETTLING: lambda _: OF_ANSWERS.state == ResponseState.SETTLING,
    Pick.LATE: lambda _: OF_ANSWERS.late.is_(True),
    Pick.CHANNEL: lambda word: OF_ANSWERS.channel == word,
}
"""The condition of each pick that its word alone says; LOOP and MOVE need the filters of the report as well."""


def condition(connection: Connection, filters: Filters, pick: Pick, word: str) -> sa.ColumnElement[bool]:
    """Return the condition of one pick. Raises ValueError or KeyError for a word that it does not have."""
    if pick is Pick.LOOP:
        cases = figures.at_step(stored.cases(connection, filters), Step(word))
        return stored.one_of([one.response for one in cases])
    if pick is Pick.MOVE:
        before, _, latest = word.partition("-")
        return stored.about_to_leave(filters) if word == "leaving" else stored.with_move(before, latest, filters)
    return IN_WORDS[pick](word)


def after_reminder(*, yes: bool) -> sa.ColumnElement[bool]:
    """Return the condition of answers that came after the question's reminder, or of all others."""
    after = sa.and_(stored.Q.reminded_at.is_not(None), OF_ANSWERS.first_answered_at >= stored.Q.reminded_at)
    return after if yes else sa.not_(sa.func.coalesce(after, sa.false()))


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of the list, with whose it is and the ticket that it led to."""

    response: Response
    trigger: str
    touchpoint: str
    customer: str | None
    name: str
    segment: str
    ticket: int | None


def answers(
    connection: Connection,
    filters: Filters,
    picks: Mapping[Pick, str],
    *,
    page: int = 1,
    length: int = PAGE_LENGTH,
) -> tuple[int, list[Answered]]:
    """Return how many answers there are behind a figure, and those of a page, the newest first."""
    wanted = conditions(connection, filters, picks)
    n = connection.execute(sa.select(sa.func.count()).select_from(stored.ANSWERS).where(*wanted)).scalar_one()
    rows = connection.execute(answered(wanted).limit(length).offset((page - 1) * length)).all()
    return int(n), list(with_tickets(connection, rows))


def every_answer(connection: Connection, filters: Filters, picks: Mapping[Pick, str]) -> Iterator[Answered]:
    """Give all answers behind a figure, the newest first, some hundreds at a time: a file of them may be long."""
    query = answered(conditions(connection, filters, picks))
    found = connection.execution_options(yield_per=EXPORTED_AT_ONCE).execute(query)
    for rows in found.partitions():
        yield from with_tickets(connection, rows)


def answered(wanted: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Return the statement that reads answers with whose they are, the newest first."""
    c = t.customer.c
    query = sa.select(t.response, stored.TRIGGER, stored.TOUCHPOINT, c.crm_id, c.name, stored.SEGMENT)
    query = query.select_from(stored.ANSWERS).where(*wanted)
    return query.order_by(t.response.c.answered_at.desc(), t.response.c.id)


def with_tickets(connection: Connection, rows: Sequence[Sequence[Any]]) -> Iterator[Answered]:
    """Give the answers of some rows with the tickets that they led to."""
    read_rows = [(Response(*row[:-5]), *row[-5:]) for row in rows]
    numbers = ticket_numbers(connection, [row[0].id for row in read_rows])
    for response, trigger, touchpoint, crm_id, name, segment in read_rows:
        number = numbers.get(response.id)
        yield Answered(response, str(trigger), str(touchpoint), crm_id, name or "", str(segment), number)


def ticket_numbers(connection: Connection, responses: Sequence[str]) -> dict[str, int]:
    """Return the number of the newest ticket that each answer led to."""
    a, k = t.action.c, t.ticket.c
    found: dict[str, int] = {}
    for chunk in read.chunks(responses):
        query = sa.select(a.response, k.number).join(t.ticket, k.id == a.ticket).where(a.response.in_(chunk))
        found |= {str(key): int(number) for key, number in connection.execute(query.order_by(k.number))}
    return found


def day_start(text: str, zone: str) -> datetime | None:
    """Return the instant at which a day (ISO 8601) begins in a zone, or None for no day."""
    try:
        return midnight(date.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        return None


def midnight(day: date, zone: str) -> datetime:
    """Return the instant at which a day begins in a zone."""
    return instant_of(datetime.combine(day, datetime.min.time()), zone_info(zone))


def day_of(at: datetime, zone: str) -> str:
    """Return the day of an instant in a zone, as ISO 8601."""
    return in_zone(at, zone).date().isoformat()
