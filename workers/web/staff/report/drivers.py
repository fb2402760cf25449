"""The page "where bad scores come from": what each driver contributes to the NPS, by touchpoint, segment and stage.

Points stand for one question at a time; of several together there are counts. `usecases.report` does the counting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.types import Band
from workers.text.spreadsheets import as_csv, as_xlsx
from workers.usecases.report import drivers
from workers.usecases.report.drivers import CELL_FROM, NONE, SHOWN_FROM, Column, Contribution, DriverReview
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import READERS, Visitor, for_roles, language_of, show
from workers.web.staff.report.answers import CSV, XLSX, attachment, audit, filters_of, titles
from workers.web.staff.report.cells import Cell, Sheet, number, sheet, values, word
from workers.web.staff.report.charts import percent
from workers.web.staff.report.groups import filter_values
from workers.web.staff.report.kept_reports import KeptReports
from workers.web.staff.report.pages import said_as_of
from workers.web.staff.report.wording import Words, words_of_list

COLUMNS = ("driver", "detractors", "passives", "promoters", "n", "points", "low", "high", "change")
MOST_COLUMNS = 12
"""Groups of one matrix on the page: the largest ones."""


@dataclass(frozen=True, slots=True)
class Line:
    """One driver: bars of those who blame it to the left and of those who praise it to the right, points and step."""

    name: str
    detractors: str
    promoters: str
    blame: str
    blame_x: str
    praise: str
    points: str
    interval: str
    step: str
    worse: bool
    query: str
    query_bad: str
    query_good: str


@dataclass(frozen=True, slots=True)
class Square:
    """One cell of a matrix: its text, how dark it is, and the answers behind it; hidden where too few named it."""

    text: str = "·"
    heat: int = 0
    query: str = ""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a matrix groups by: the id of its texts, the name in an address, and what a group is called."""

    name: str
    pick: str
    said: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Drivers by group: `name` is the id of its texts, `points` whether cells are points or counts of bad scores."""

    name: str
    points: bool
    heads: tuple[tuple[str, str, str, str], ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]
    left_out: int


def read(request: Request) -> tuple[DriverReview, Words]:
    """Return what the address asks for, and the words to say it in. Raises BadAddress."""
    web = web_of(request)
    policy = web.policy()
    filters = filters_of(request, policy)
    kept: KeptReports[DriverReview] = request.app.state.kept_drivers
    with web.store.reading() as connection:
        review = kept.get(filters, lambda: drivers.review(connection, filters, web.now()))
    catalog = pages_of(request).catalog(language_of(request))
    return review, words_of_list(filters, policy.zone, catalog, drivers=policy.drivers)


@for_roles(READERS)
async def show_drivers(request: Request, visitor: Visitor) -> Response:
    """Page /report/drivers; BadAddress for filters that cannot be read."""
    return await run_in_threadpool(write_drivers, request, visitor)


def write_drivers(request: Request, visitor: Visitor) -> Response:
    review, words = read(request)
    matrices = [
        matrix(Grouping("groups", "group", words.group), large(review.groups), words, points=not review.mixed),
        matrix(Grouping("touchpoints", "touchpoint", words.touchpoint), review.touchpoints, words, points=True),
        matrix(Grouping("segments", "segment", words.segment), review.segments, words, points=not review.mixed),
        matrix(
            Grouping("stages", "stage", lambda stage: words.word("report.stage", stage)),
            review.stages,
            words,
            points=not review.mixed,
        ),
    ]
    values_shown = {
        "w": words,
        "review": review,
        "as_of": said_as_of(request, review.as_of, words),
        "n": words.whole(review.counts.n),
        "with_points": with_points(review),
        "compared": bool(review.before),
        "lines": lines(review, words),
        "matrices": [made for made in matrices if len(made.heads) > 1],
        "titles": titles(words, {}),
        **filter_values(request, words, review.words),
        "cell_from": CELL_FROM,
        "shown_from": SHOWN_FROM,
    }
    return show(request, visitor, "report-drivers.html", values_shown)


def large(columns: Sequence[Column]) -> list[Column]:
    """Return the groups that are large enough to be told apart at all."""
    return [column for column in columns if column.counts.n >= CELL_FROM]


def with_points(group: DriverReview | Column) -> bool:
    """Tell whether points may be shown: of one question, and of enough answers."""
    return not group.mixed and group.counts.n >= SHOWN_FROM


def ranked(review: DriverReview) -> Sequence[Contribution]:
    """Return the drivers in the order of the page: by points, or by bad scores where several questions are mixed."""
    if not review.mixed:
        return review.drivers
    return sorted(review.drivers, key=lambda driver: (driver.code == NONE, -driver.counts.detractors, driver.code))


def lines(review: DriverReview, words: Words) -> list[Line]:
    """Return each driver as the page shows it."""
    longest = max((max(each.counts.detractors, each.counts.promoters) for each in review.drivers), default=1) or 1
    return [line_of(driver, review, words, longest) for driver in ranked(review)]


def line_of(driver: Contribution, review: DriverReview, words: Words, longest: int) -> Line:
    """Return one driver; `longest` is the count that fills a side."""
    shown, step = with_points(review), step_of(driver, review)
    blame = driver.counts.detractors / longest
    return Line(
        name=words.driver(driver.code),
        detractors=words.whole(driver.counts.detractors),
        promoters=words.whole(driver.counts.promoters),
        blame=percent(blame),
        blame_x=percent(1 - blame),
        praise=percent(driver.counts.promoters / longest),
        points=tenths(words, driver.points) if shown else "",
        interval=interval_text(words, driver) if shown else "",
        step=tenths(words, step) if step is not None else "",
        worse=step is not None and step < 0,
        query=words.addresses.query(driver=driver.code),
        query_bad=words.addresses.query(driver=driver.code, band=Band.DETRACTOR.value),
        query_good=words.addresses.query(driver=driver.code, band=Band.PROMOTER.value),
    )


def step_of(driver: Contribution, review: DriverReview) -> float | None:
    """Return the step from the period before, where points are shown."""
    return driver.parted_from(review.before.get(driver.code)) if with_points(review) else None


def tenths(words: Words, value: float | None) -> str:
    """Return points with one decimal, in the reader's way of writing numbers: drivers share out few of them."""
    if value is None:
        return "–"
    text = f"{abs(value):.1f}"
    point = "," if words.catalog.locale.number_symbols.get("latn", {}).get("decimal") == "," else "."
    sign = "" if text == "0.0" else "\u2212" if value < 0 else "+"
    return f"{sign}{text.replace('.', point)}"


def interval_text(words: Words, driver: Contribution) -> str:
    """Return the bounds of a contribution."""
    return words.text("interval", low=tenths(words, driver.interval.low), high=tenths(words, driver.interval.high))


def matrix(grouping: Grouping, columns: Sequence[Column], words: Words, *, points: bool) -> Matrix:
    """Return drivers by group, the largest groups: points of the score of each, or counts of its bad scores."""
    shown = [column for column in columns if column.counts.n][:MOST_COLUMNS]
    pick = grouping.pick
    codes = sorted(
        {code for column in shown for code in column.drivers},
        key=lambda code: (code == NONE, -sum(bad(column, code) for column in shown), code),
    )
    return Matrix(
        grouping.name,
        points,
        tuple(
            (
                grouping.said(column.name),
                words.text("n", n=words.whole(column.counts.n)),
                score_of(column, words),
                words.addresses.query(**{pick: column.name}) if pick not in ("stage", "group") else "",
            )
            for column in shown
        ),
        tuple(
            (
                words.driver(code),
                tuple(square(code, column, words, {pick: column.name}, points=points) for column in shown),
            )
            for code in codes
        ),
        len(columns) - len(shown),
    )


def bad(column: Column, code: str) -> int:
    """Return how many bad scores of a group name a driver."""
    driver = column.drivers.get(code)
    return driver.counts.detractors if driver else 0


def score_of(column: Column, words: Words) -> str:
    """Return the NPS of a group as the sum of its column; none of a mixture, or of few answers."""
    if not with_points(column):
        return "–"
    return tenths(words, sum(driver.points or 0.0 for driver in column.drivers.values()))


def square(code: str, column: Column, words: Words, group: Mapping[str, str], *, points: bool) -> Square:
    """Return one cell; hidden below ten answers that name the driver, and points of a mixture or below thirty."""
    driver = column.drivers.get(code)
    if driver is None or driver.counts.n < CELL_FROM:
        return Square()
    if points and not with_points(column):
        return Square()
    query = words.addresses.query(driver=driver.code, band=Band.DETRACTOR.value, **group)
    share = driver.counts.detractors / column.counts.n
    heat = min(4, int(20 * share) + (1 if share else 0))
    if not driver.counts.detractors:
        query = words.addresses.query(driver=driver.code, **group)
    text = tenths(words, driver.points) if points else words.whole(driver.counts.detractors)
    return Square(text, heat, query)


def driver_sheet(review: DriverReview, words: Words) -> Sheet:
    """Return the drivers as a table for a file; points only where the page shows them."""
    shown = with_points(review)
    rows = [
        [
            word(words.driver(driver.code)),
            *(number(words, n) for n in (driver.counts.detractors, driver.counts.passives, driver.counts.promoters)),
            number(words, driver.counts.n),
            *(
                Cell(round(value, 2) if shown and value is not None else None)
                for value in (driver.points, driver.interval.low, driver.interval.high)
            ),
            Cell(None if (step := step_of(driver, review)) is None else round(step, 2)),
        ]
        for driver in ranked(review)
    ]
    return sheet("drivers", words, COLUMNS, rows)


@for_roles(READERS)
async def download_drivers(request: Request, visitor: Visitor) -> Response:
    """Answer the table of drivers as CSV or XLSX."""
    return await run_in_threadpool(write_file, request, visitor)


def write_file(request: Request, visitor: Visitor) -> Response:
    """Write the table; 404 for another kind of file."""
    kind = request.path_params["kind"]
    if kind not in ("csv", "xlsx"):
        raise HTTPException(404)
    review, words = read(request)
    made = driver_sheet(review, words)
    audit(request, visitor, made.name, len(made.rows))
    if kind == "csv":
        return attachment(as_csv(made.columns, values(made)), "drivers.csv", CSV)
    return attachment(as_xlsx([(made.title, made.columns, values(made))], words.zone), "drivers.xlsx", XLSX)


routes = [
    Route("/report/drivers", show_drivers, methods=["GET"]),
    Route("/report/drivers.{kind:str}", download_drivers, methods=["GET"]),
]
