"""The answers behind each figure of a report: what an address picks becomes conditions, and their answers a list.

Reads only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import reporting as figures
from workers.domain.records import Response
from workers.domain.reporting import Filters, Step
from workers.domain.types import ResponseState, TestimonialState
from workers.errors import BadInput
from workers.store import read
from workers.store import tables as t
from workers.store.report import figures as stored
from workers.store.report.dimensions import group_of
from workers.store.report.drivers import names_driver
from workers.store.report.fates import AFTER_REMINDER

GIVEN = tuple(
    str(state) for state in TestimonialState if state not in (TestimonialState.ASKED, TestimonialState.REFUSED)
)
CONSENTED = (str(TestimonialState.CONSENTED),)
REFUSED = (str(TestimonialState.REFUSED),)
ASKED = tuple(str(state) for state in TestimonialState)
PAGE_LENGTH = 40
"""Answers on one page of the list."""
EXPORTED_AT_ONCE = 1_000
"""Answers read and held at once for a file."""


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
    DRIVER = "driver"
    GROUP = "group"
    OURS = "ours"
    SETTLING = "settling"
    LATE = "late"


YES = "yes"
VOICES = {"asked": ASKED, "given": GIVEN, "consented": CONSENTED, "refused": REFUSED}


def conditions(connection: Connection, filters: Filters, picks: Mapping[Pick, str]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of the answers behind a figure; raises BadInput for a word that none has."""
    if Pick.TOLD in picks:
        filters = replace(filters, since=None, until=None)
    wanted = stored.of_answers(filters)
    try:
        wanted += [condition(connection, filters, pick, word) for pick, word in picks.items()]
    except (ValueError, KeyError) as error:
        raise BadInput(f"This address is not one of the report's: {error}.") from error
    return wanted


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
    Pick.DRIVER: names_driver,
}
"""The condition of each pick that its word alone says; GROUP, LOOP and MOVE need the filters of the report as well."""


def condition(connection: Connection, filters: Filters, pick: Pick, word: str) -> sa.ColumnElement[bool]:
    """Return the condition of one pick. Raises ValueError or KeyError for a word that it does not have."""
    if pick is Pick.GROUP:
        return group_of(connection, filters.by) == word
    if pick is Pick.LOOP:
        step = Step(word)
        return stored.one_of([id for id, case in stored.list_cases(connection, filters) if figures.is_at(case, step)])
    if pick is Pick.MOVE:
        before, _, latest = word.partition("-")
        return stored.about_to_leave(filters) if word == "leaving" else stored.with_move(before, latest, filters)
    return IN_WORDS[pick](word)


def after_reminder(*, yes: bool) -> sa.ColumnElement[bool]:
    """Return the condition of answers that came after the question's reminder, or of all others."""
    return AFTER_REMINDER if yes else sa.not_(sa.func.coalesce(AFTER_REMINDER, sa.false()))


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
    batches = connection.execution_options(yield_per=EXPORTED_AT_ONCE).execute(query)
    for rows in batches.partitions():
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
    """Return the number of the newest ticket that each answer led to; an answer without one is left out."""
    a, k = t.action.c, t.ticket.c
    numbers: dict[str, int] = {}
    for chunk in read.chunks(responses):
        query = sa.select(a.response, k.number).join(t.ticket, k.id == a.ticket).where(a.response.in_(chunk))
        numbers |= {str(key): int(number) for key, number in connection.execute(query.order_by(k.number))}
    return numbers
