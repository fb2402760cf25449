"""Sections: the report's eight parts, read from one snapshot of the store; and the answers behind each figure.

Reads only. What may be shown of the counts is decided in `figures`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from workers.calendar import in_zone, instant_of, working_lengths, zone_info
from workers.domain import reporting as figures
from workers.domain.policy import Policy
from workers.domain.reporting import Announced, Figures, Filters, Loop, Movement, OverTime, Touchpoint
from workers.domain.reporting.ratings import Rating, RatingOverTime, ratings, ratings_over_time
from workers.domain.reporting.scales import RATED
from workers.domain.types import QuestionKind
from workers.store.connection import Connection
from workers.store.report import announced, cells, followed_cells, themes
from workers.store.report import figures as stored
from workers.store.report.answers import (
    ASKED,
    CONSENTED,
    GIVEN,
    PAGE_LENGTH,
    REFUSED,
    YES,
    Answered,
    Pick,
    answers,
    every_answer,
)
from workers.store.report.figures import Months
from workers.store.report.funnel import Funnel
from workers.store.report.notes import Note, notes
from workers.store.report.ratings import count_rated, count_ratings
from workers.store.report.themes import names_of_themes as theme_names
from workers.store.report.wordings import WordingChange, wording_changes
from workers.usecases.initiatives import Kind
from workers.usecases.report import funnel, nps_by_dimension
from workers.usecases.report.groups import Groups, groups

__all__ = [
    "ASKED",
    "CONSENTED",
    "GIVEN",
    "PAGE_LENGTH",
    "REFUSED",
    "YES",
    "Answered",
    "Note",
    "Pick",
    "Review",
    "answers",
    "day_of",
    "day_start",
    "every_answer",
    "figures_of",
    "midnight",
    "notes",
    "review",
    "theme_names",
]


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that the report shows."""

    filters: Filters
    zone: str
    as_of: datetime
    stretches: tuple[str, ...]
    loop: Loop
    more_waits: bool
    """Whether there are more first contacts than the newest, whose times the loop has."""
    touchpoints: list[Touchpoint]
    ratings: list[Rating]
    """Answers to CSAT and CES questions, which are no part of anything else here."""
    rated_stretches: tuple[str, ...]
    """The months of these answers, each cut where another wording of their question begins."""
    ratings_over_time: list[RatingOverTime]
    over_time: list[OverTime]
    funnel: Funnel
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
    wordings: tuple[WordingChange, ...]
    """The days on which a language was asked in another wording, oldest first."""
    groups: Groups
    """The answers set side by side, where the filters name a dimension."""
    apart: int
    """Answers to recovery surveys asked in the period: no part of anything else here but the loop."""


def review(connection: Connection, filters: Filters, policy: Policy, now: datetime) -> Review:
    """Read every section of the report for the answers and questions that the filters choose."""
    zone = policy.zone
    noted = tuple(notes(connection, filters))
    months = months_of(connection, filters, zone)
    stretches, walls = stretches_of(months, [note.at for note in noted], zone)
    wordings = wording_changes(connection, filters)
    rated_stretches, rated_walls = cut_by_wordings(months, wordings, zone)
    rated = count_ratings(connection, filters, rated_stretches)
    rated_names = tuple(name for name, _ in rated_stretches)
    cube = cells.cube(connection, filters, stretches)
    followed = followed_cells.read_followed(connection, filters)
    waterfall, not_asked = asked(connection, filters)
    return Review(
        filters=filters,
        zone=zone,
        as_of=now,
        stretches=tuple(name for name, _ in stretches),
        loop=figures.loop(followed.cases, followed.waits, partial(working_lengths, calendar=policy.calendar)),
        more_waits=followed.more_waits,
        touchpoints=figures.touchpoints(cube),
        ratings=ratings(rated, count_rated(connection, filters)),
        rated_stretches=rated_names,
        ratings_over_time=ratings_over_time(rated, rated_names, rated_walls),
        over_time=figures.over_time(cube, [name for name, _ in stretches], walls),
        funnel=waterfall,
        not_asked=not_asked,
        causes=by_stage(followed.causes),
        themes=followed.themes,
        theme_names=theme_names(connection),
        competitors=themes.themes_of_kind(connection, Kind.COMPETITOR.value),
        movement=Movement(stored.moved(connection, filters)),
        testimonials=followed.testimonials,
        announced=figures.announced(announced.count_told(connection, filters)),
        initiatives=themes.names_of_initiatives(connection),
        notes=noted,
        words=cells.words(connection),
        wordings=tuple(wordings),
        groups=groups(connection, filters),
        apart=cells.recovery_answers(connection, filters),
    )


def figures_of(connection: Connection, filters: Filters) -> Figures:
    """Return the figures of all answers that a report is about."""
    counted = cells.answer_cells(connection, cells.days_of(connection, filters), filters, [])
    return sum((cell.figures() for cell in counted), Figures())


def months_of(connection: Connection, filters: Filters, zone: str) -> list[tuple[str, datetime]]:
    """Return each month of the report with the instant at which it begins in the zone."""
    return nps_by_dimension.month_starts(connection, filters, zone)


def stretches_of(
    months: Months, moments: Iterable[datetime], zone: str
) -> tuple[list[tuple[str, datetime]], frozenset[int]]:
    """Return the stretches of a report, each with the instant at which it begins, and the places of those at a moment.

    A stretch is a month (2026-03) or, from the day of a note on, the rest of one (2026-03-09). What was asked on the
    day of a note counts as asked after it.
    """
    if not months:
        return [], frozenset()
    begins = dict(months)
    name_at = {at: name for name, at in months}
    walls = set()
    for moment in moments:
        day = day_of(moment, zone)
        at = midnight(date.fromisoformat(day), zone)
        if months[0][1] < at and day[:7] in begins:
            walls.add(name_at.setdefault(at, day))
            begins[name_at[at]] = at
    stretches = sorted(begins.items(), key=lambda pair: pair[1])
    return stretches, frozenset(place for place, (name, _) in enumerate(stretches) if name in walls)


def cut_by_wordings(
    months: Months, changes: Sequence[WordingChange], zone: str
) -> tuple[list[tuple[str, datetime]], dict[QuestionKind, frozenset[int]]]:
    """Return the stretches of the CSAT and CES questions, and of each kind the places where another wording begins."""
    by_kind = {kind: [change.at for change in changes if change.after.kind is kind] for kind in RATED}
    stretches, _ = stretches_of(months, [at for moments in by_kind.values() for at in moments], zone)
    place = {at: number for number, (_, at) in enumerate(stretches)}
    begins = {kind: [midnight(date.fromisoformat(day_of(at, zone)), zone) for at in by_kind[kind]] for kind in RATED}
    return stretches, {kind: frozenset(place[at] for at in begins[kind] if at in place) for kind in RATED}


def asked(connection: Connection, filters: Filters) -> tuple[Funnel, list[dict[str, object]]]:
    """Return what became of the questions, and what was not asked, by reason; recovery surveys are left out."""
    return funnel.asked(connection, filters), funnel.not_asked(connection, filters)


def by_stage(counted: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Add up tickets, counted by root cause and trigger, by root cause and the stage of the trigger."""
    counts: dict[tuple[str, str], int] = {}
    for (cause, trigger), n in counted.items():
        key = (cause, figures.stage_of(trigger))
        counts[key] = counts.get(key, 0) + n
    return counts


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
    """Return the day (ISO 8601) that it is in a zone at an instant."""
    return in_zone(at, zone).date().isoformat()
