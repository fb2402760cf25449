"""Reviewing: the report's figures are those of `reporting`, and behind each of them stand exactly as many answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from embedded import Embedded
from shopyear import BEGIN, DAYS, LATE, fill
from sqlalchemy.engine import Connection

from workers.adapters.resources import Data
from workers.demo import story
from workers.domain import reporting as figures
from workers.domain.mail.translations import Catalogs
from workers.domain.records import Response
from workers.domain.reporting import AnswerCell, Cube, Filters, Step
from workers.store.report.answers import IN_WORDS
from workers.usecases.initiatives import ImprovementActions, Kind
from workers.usecases.report import funnel_questions, nps_by_dimension, sections
from workers.usecases.report.sections import Pick, Review
from workers.web.staff.report import charts
from workers.web.staff.report.addresses import Addresses
from workers.web.staff.report.answers import TITLES
from workers.web.staff.report.cells import Cell
from workers.web.staff.report.sheets import sheets
from workers.web.staff.report.time_axis import TimeAxis
from workers.web.staff.report.wording import Words, words_of_review
from workers.web.staff.start import from_above

NOW = BEGIN + timedelta(days=DAYS + 1)
DIPPED = Filters(
    sections.day_start("2025-12-01", "Europe/Paris"),
    sections.day_start("2026-03-01", "Europe/Paris"),
    segment="north",
)
FILTERS = (
    Filters(),
    DIPPED,
    Filters(without="north"),
    Filters(trigger="milestone", language="fr"),
    Filters(touchpoint="delivery-now"),
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Give an installation that holds a year, with a theme for what came late."""
    made = Embedded(tmp_path_factory.mktemp("year"), NOW)
    fill(made.store)
    improving = ImprovementActions(made.store, made.parts.policies.current, made.parts.now)
    theme = improving.add_theme("Late", Kind.WISH, "test")
    for response in made.rows(Response):
        if response.comment == LATE:
            assert improving.sort(response.id, theme, "test")
    yield made
    made.close()


def read(house: Embedded, filters: Filters) -> Review:
    """Return the report."""
    with house.store.reading() as connection:
        return sections.review(connection, filters, house.parts.policies.current(), NOW)


def words_of(house: Embedded, review: Review) -> Words:
    """Return English words for a report."""
    return words_of_review(review, Catalogs.load(Data(None), "en").catalog("en"))


def filters_and_picks(query: str, zone: str) -> tuple[Filters, dict[Pick, str]]:
    """Return what an address says."""
    words_given = {name: values[0] for name, values in parse_qs(query).items()}
    until = sections.day_start(words_given.get("until", ""), zone)
    words = {name: words_given.get(name, "") for name in ("trigger", "segment", "language", "touchpoint", "without")}
    since = sections.day_start(words_given.get("since", ""), zone)
    filters = Filters(since, until + timedelta(days=1) if until else None, **words)  # type: ignore[arg-type]  # words of an address
    return filters, {Pick(name): word for name, word in words_given.items() if name in list(Pick)}


@pytest.mark.parametrize("filters", FILTERS)
def test_every_figure_opens_as_much_as_it_counts(house: Embedded, filters: Filters) -> None:
    """The number in a cell that opens a list is the length of that list, in every table of the report."""
    review = read(house, filters)
    words = words_of(house, review)
    linked: list[Cell] = [cell for sheet in sheets(review, words) for row in sheet.rows for cell in row if cell.query]
    assert len(linked) > 20
    with house.store.reading() as connection:
        for cell in linked:
            n, length = behind(connection, cell, review.zone)
            assert (n, length) == (cell.value, cell.value), cell.link


def behind(connection: Connection, cell: Cell, zone: str) -> tuple[int, int]:
    """Return how much a cell's list says it has, and how long it is."""
    wanted, picks = filters_and_picks(cell.query, zone)
    given = {name: values[0] for name, values in parse_qs(cell.query).items()}
    match cell.of:
        case "questions":
            n, asked = funnel_questions.asked(connection, wanted, given["fate"], length=None)
            return n, len(asked)
        case "not-asked":
            n, asked = funnel_questions.not_asked(connection, wanted, given["state"], given["reason"], length=None)
            return n, len(asked)
    n, _ = sections.answers(connection, wanted, picks)
    answers = list(sections.every_answer(connection, wanted, picks))
    return n, len(answers)


@pytest.mark.parametrize("filters", FILTERS)
def test_every_count_of_questions_can_be_opened(house: Embedded, filters: Filters) -> None:
    """In the funnel and among what was not asked, no number above zero stands there without what it counts."""
    review = read(house, filters)
    sheet_of = {sheet.name: sheet for sheet in sheets(review, words_of(house, review))}
    for name, place in (("asked", 1), ("not-asked", 2)):
        closed = [row for row in sheet_of[name].rows if row[place].value and not row[place].link]
        assert not closed, name


def test_the_report_counts_what_the_terminal_counts(house: Embedded) -> None:
    """By touchpoint: n, bands, score, interval, asked and rate are those of `boucle report`."""
    review = read(house, Filters())
    with house.store.reading() as connection:
        in_terminal = nps_by_dimension.report(connection, by="touchpoint", now=NOW, zone=review.zone)
    groups = {group["group"]: group for group in in_terminal["groups"]}  # type: ignore[attr-defined]  # a list of dicts
    assert {touchpoint.touchpoint for touchpoint in review.touchpoints} == set(groups)
    for touchpoint in review.touchpoints:
        assert touchpoint.reading.figures.as_dict() == {
            name: value
            for name, value in groups[touchpoint.touchpoint].items()
            if name not in {"group", "mixed", "touchpoints"}
        }
    assert in_terminal["n"] == sum(touchpoint.reading.n for touchpoint in review.touchpoints)
    assert sum(in_terminal["recovery"][name] for name in ("n",)) == 1  # type: ignore[index]  # a dict


def test_periods_and_columns_add_up(house: Embedded) -> None:
    """The periods of a line sum to its touchpoint, segments sum to everybody, and the waterfall to what was asked."""
    review = read(house, Filters())
    by_name = {touchpoint.touchpoint: touchpoint.reading.n for touchpoint in review.touchpoints}
    for chart in review.over_time:
        totals = [sum(period.reading.n for period in lane.periods) for lane in chart.lanes]
        assert totals[0] == sum(totals[1:]) == by_name[chart.touchpoint]
    f = review.funnel
    assert (
        f.asked
        == f.answered + f.clicked_only + f.silent + f.lost
        == sum(touchpoint.reading.figures.asked for touchpoint in review.touchpoints)
    )


def test_the_dip_is_found_where_it_is_and_nowhere_else(house: Embedded) -> None:
    """Deliveries in the north fell and rose again; in the south and west nothing is called a change."""
    chart = next(chart for chart in read(house, Filters()).over_time if chart.touchpoint == "delivery-now")
    steps = {
        lane.segment: [round(period.change.delta or 0) for period in lane.periods if period.change and period.changed]
        for lane in chart.lanes
    }
    assert min(steps["north"]) < -50
    assert max(steps["north"]) > 50
    assert (steps["south"], steps["west"]) == ([], [])


def test_a_note_within_a_month_cuts_it(house: Embedded) -> None:
    """From the day of a note on there is a period of its own, whose list and days are exactly those of its answers."""
    improving = ImprovementActions(house.store, house.parts.policies.current, house.parts.now)
    at = sections.day_start("2026-01-20", "Europe/Paris")
    assert at
    improving.add_note(at, "Something changed", "test")
    try:
        review = read(house, Filters(touchpoint="delivery-now"))
    finally:
        with house.store.reading() as connection:
            [note] = sections.notes(connection, Filters())
        assert note.id is not None
        improving.remove_note(note.id, "test")
    assert "2026-01-20" in review.stretches
    words = words_of(house, review)
    periods = review.over_time[0].lanes[0].periods
    begins = [words.axis.days(period)[0].isoformat() for period in periods]
    assert "2026-01-20" in begins
    assert periods[begins.index("2026-01-20")].at_note
    rows = [row for sheet in sheets(review, words) if sheet.name == "time" for row in sheet.rows]
    with house.store.reading() as connection:
        for row in rows:
            assert behind(connection, row[3], review.zone)[0] == row[3].value, row[3].link


def test_steps_side_by_side_do_not_overlap_on_a_phone() -> None:
    """Two steps nearer than their words are wide stand in two rows; the third one has room beside the first."""
    months = tuple(f"2025-{month:02}" for month in range(1, 13))
    months += tuple(f"2026-{month:02}" for month in range(1, 9))
    made = [
        AnswerCell("delivery", "delivery-now", "north", month, score, "mail", 40, 40, 0, 0)
        for month, score in (("2025-01", 10), ("2025-09", 0), ("2025-11", 10), ("2026-01", 0), ("2026-08", 10))
    ]
    [chart] = figures.over_time(Cube(tuple(made), ()), months)
    catalog = Catalogs.load(Data(None), "en").catalog("en")
    words = Words(catalog, "Europe/Paris", Addresses(Filters(), "Europe/Paris"), TimeAxis(catalog, months))
    boxes = [box for box in charts.drawn_lane(chart, chart.lanes[0], words).boxes if box.step]
    placed = [(float(box.x.rstrip("%")) / 100, box.step_y) for box in boxes]
    assert len(placed) == 4
    assert {y for _, y in placed} == set(charts.STEP_ROWS)
    near = [(a, b) for a in placed for b in placed if a[0] < b[0] < a[0] + 0.15]
    assert near
    assert all(a[1] != b[1] for a, b in near)


def test_the_story_of_the_demo_says_what_its_links_show(house: Embedded) -> None:
    """Each sentence about the dip has the score and the number of answers that the page behind it has."""
    with house.store.reading() as connection:
        dip = story.dip(connection)
    assert dip
    for sentence in from_above(dip, lambda path: path):
        path, _, query = str(sentence["url"]).partition("?")
        values = sentence["values"]
        assert isinstance(values, dict)
        wanted, picks = filters_and_picks(query, "Europe/Paris")
        if "points" in values:
            [shown] = read(house, wanted).touchpoints
            assert (points_of(shown.reading.nps), shown.reading.n) == (values["points"], values["n"]), path
        elif path == "/report/responses":
            with house.store.reading() as connection:
                assert sections.answers(connection, wanted, picks)[0] == values["n"]
    assert dip.before.nps != dip.during.nps


def points_of(value: float | None) -> str:
    """Return points as the start page says them."""
    return "–" if value is None else f"{value:+.0f}".replace("-", "\u2212")


def test_a_filter_is_a_part_of_the_whole(house: Embedded) -> None:
    """Answers of each segment sum to all of them, for every touchpoint."""
    whole = {touchpoint.touchpoint: touchpoint.reading.n for touchpoint in read(house, Filters()).touchpoints}
    parts: dict[str, int] = {}
    for segment in ("north", "south", "west"):
        for touchpoint in read(house, Filters(segment=segment)).touchpoints:
            parts[touchpoint.touchpoint] = parts.get(touchpoint.touchpoint, 0) + touchpoint.reading.n
    assert parts == whole


def test_recovery_stands_only_beside_the_loop(house: Embedded) -> None:
    """The answer to a recovery survey moves a case up and is in no NPS, no histogram and no movement."""
    review = read(house, Filters())
    assert review.loop.steps[Step.MOVED_UP] == 1
    assert figures.RECOVERY not in {touchpoint.trigger for touchpoint in review.touchpoints}
    person = read(house, replace(Filters(), touchpoint="delivery-6w", until=BEGIN + timedelta(days=90)))
    assert all(latest in ("promoter", "passive", "detractor") for _, latest in person.movement.moved)


def test_the_report_is_the_same_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """Cells, cases, movements and themes are counted alike by both databases."""
    reviews = []
    for number, more in enumerate(({}, {"database_url": postgres})):
        made = Embedded(tmp_path / str(number), NOW, **more)
        fill(made.store, answers=150)
        reviews.append(read(made, DIPPED))
        made.close()
    assert reviews[0] == reviews[1]


def test_every_pick_has_its_condition_and_its_title() -> None:
    """A pick that is new is found and named: none falls through."""
    assert {*IN_WORDS, Pick.GROUP, Pick.LOOP, Pick.MOVE} == set(Pick)
    assert set(TITLES) == set(Pick)
