"""The report page: eight parts in a fixed order, groups before them, its tables as CSV and XLSX, and dated notes.

Drawn on the server; the address holds the filters. Nothing here counts: `usecases.report` does.
"""

from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain import reporting
from workers.domain.reporting import BANDS, BESIDE, LADDER, Step, Touchpoint
from workers.domain.reporting.nps import Counts, band
from workers.domain.types import ACCOUNT, Band
from workers.errors import BadInput
from workers.text.spreadsheets import as_csv, as_xlsx
from workers.usecases.initiatives import ImprovementActions
from workers.usecases.report import sections
from workers.usecases.report.funnel import Fate
from workers.usecases.report.groups import FEWEST
from workers.usecases.report.sections import Review
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import path_number, read_day
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import READERS, Form, Visitor, act_for_roles, for_roles, go, language_of, show
from workers.web.staff.report import charts, rating_charts
from workers.web.staff.report.addresses import asked_at
from workers.web.staff.report.answers import CSV, XLSX, attachment, audit, filters_of
from workers.web.staff.report.cells import ANSWERS, QUESTIONS, values
from workers.web.staff.report.groups import MOST_GROUPS, all_sheets, filter_values
from workers.web.staff.report.kept_reports import KeptReports
from workers.web.staff.report.sheets import drawn_sheet
from workers.web.staff.report.wording import Words, words_of_review
from workers.web.staff.times import when

KEPT_A_WHILE = timedelta(seconds=30)
"""From this age on the page says at what time the report was read."""
MOST_ROWS = 12
"""Rows of a table of counts on the page; the file has all."""


def read(request: Request) -> tuple[Review, Words]:
    """Return the report that an address asks for, kept or read anew, and the words to say it in. Raises BadAddress."""
    web = web_of(request)
    policy = web.policy()
    filters = filters_of(request, policy)
    kept: KeptReports[Review] = request.app.state.kept_reports
    with web.store.reading() as connection:
        noted = tuple(sections.notes(connection, filters))
        themes = tuple(sections.theme_names(connection).items())
        review = kept.get(
            (filters, noted, themes, id(policy)), lambda: sections.review(connection, filters, policy, web.now())
        )
    catalog = pages_of(request).catalog(language_of(request))
    return review, words_of_review(review, catalog)


def said_as_of(request: Request, read_at: datetime, words: Words) -> str:
    """Return when the report was read in words: the day, and of a kept one the time as well."""
    now = web_of(request).now()
    if now - read_at < KEPT_A_WHILE:
        return words.day(read_at)
    return when(read_at, words.zone, now, words.catalog)


@for_roles(READERS)
async def show_report(request: Request, visitor: Visitor) -> Response:
    """Page /report; BadAddress for filters that cannot be read."""
    return await run_in_threadpool(write_report, request, visitor)


def write_report(
    request: Request, visitor: Visitor, problem: str = "", status: int = 200, typed: Form | None = None
) -> Response:
    """Read and write the page, with what was typed into the form of a note."""
    review, words = read(request)
    values = {
        "w": words,
        "review": review,
        "as_of": said_as_of(request, review.as_of, words),
        "sheets": {sheet.name: sheet for sheet in all_sheets(review, words)},
        **filter_values(request, words, review.words),
        "most_groups": MOST_GROUPS,
        "fewest": FEWEST,
        "accounts": ACCOUNT in web_of(request).policy().attributes,
        "problem": problem,
        "typed": typed or {},
        "faults": {note_at_fault(typed): problem} if typed else {},
        "may_write": True,
        **drawings(review, words),
    }
    return show(request, visitor, "report.html", values, status=status)


def drawings(review: Review, words: Words) -> dict[str, object]:
    """Return the template's variables of every chart: geometry, texts and the queries behind the marks."""
    over_time, not_drawn = reporting.drawn(review.over_time)
    ratings_over_time, ratings_not_drawn = rating_charts.drawn_ratings(review, words)
    steps = review.loop.steps
    total = steps[Step.DETRACTORS]
    return {
        "ladder": [(step, steps[step], charts.percent(steps[step] / (total or 1))) for step in LADDER],
        "beside": [(step, steps[step]) for step in BESIDE],
        "groups": [(name, drawn_touchpoints(review, words, relationship)) for name, relationship in KINDS],
        "over_time": [
            (name, [charts.over_time(chart, words) for chart in over_time if of_kind(chart.trigger, relationship)])
            for name, relationship in KINDS
        ],
        "not_drawn": [
            (words.touchpoint(chart.touchpoint), words.addresses.query(touchpoint=chart.touchpoint))
            for chart in not_drawn
        ],
        "ratings_over_time": ratings_over_time,
        "ratings_not_drawn": ratings_not_drawn,
        "wordings": rating_charts.marked_wordings(review, words),
        "wording_marks": rating_charts.wording_marks(review, words),
        "time_sheet": drawn_sheet(over_time, words),
        "note_marks": charts.note_marks(review.notes, words),
        "month_marks": charts.month_marks(words),
        "stacks": [(name, drawn_stacks(review, words, relationship)) for name, relationship in KINDS],
        "histograms": drawn_histograms(review, words),
        "falls": drawn_waterfall(review, words),
        "heat": heat,
        "most": MOST_ROWS,
        "ratings": [(rating, charts.share_strip(rating)) for rating in review.ratings],
        "told_bar": lambda counts: bar_of(counts, words),
    }


def bar_of(counts: Counts, words: Words) -> list[charts.Slice]:
    """Return the bar of some bands that opens nothing: the same persons, before or after."""
    parts = zip(BANDS, (counts.promoters, counts.passives, counts.detractors), strict=True)
    return charts.slices([(band_.value, n, "", "") for band_, n in parts], words)


KINDS = (("transactional", False), ("relationship", True))


def of_kind(trigger: str, relationship: bool) -> bool:
    """Relationship questions stand apart from transactional ones: their scores cannot be compared."""
    return reporting.is_relationship(trigger) == relationship


def drawn_touchpoints(review: Review, words: Words, relationship: bool) -> list[tuple[Touchpoint, object, str]]:
    """Return each touchpoint with its marks (None below five answers) and the query of its answers."""
    return [
        (
            touchpoint,
            charts.strip(touchpoint.reading),
            words.addresses.query(**asked_at(touchpoint.trigger, touchpoint.touchpoint)),
        )
        for touchpoint in review.touchpoints
        if touchpoint.relationship == relationship
    ]


def drawn_stacks(review: Review, words: Words, relationship: bool) -> list[tuple[Touchpoint, list[charts.Slice]]]:
    """Return the bar of promoters, passives and detractors of each touchpoint that has answers."""
    stacks = []
    for touchpoint in review.touchpoints:
        counted = touchpoint.reading.figures
        if touchpoint.relationship != relationship or not touchpoint.reading.n:
            continue
        counts = (
            (Band.PROMOTER, counted.promoters),
            (Band.PASSIVE, counted.passives),
            (Band.DETRACTOR, counted.detractors),
        )
        parts = [
            (
                name.value,
                n,
                words.addresses.query(**asked_at(touchpoint.trigger, touchpoint.touchpoint), band=name.value),
                f"{words.text(f'bands.{name}')}: {words.whole(n)}",
            )
            for name, n in counts
        ]
        stacks.append((touchpoint, charts.slices(parts, words)))
    return stacks


def drawn_histograms(review: Review, words: Words) -> list[tuple[str, int, list[charts.Column]]]:
    """Return for each trigger that has answers its word, their count and the columns."""
    bands = [band(score).value for score in reporting.SCORES]
    histograms = []
    for trigger, counts in reporting.spread(review.touchpoints).items():
        queries = [words.addresses.query(trigger=trigger, score=score) for score in reporting.SCORES]
        histograms.append((words.trigger(trigger), sum(counts), charts.histogram(counts, bands, queries)))
    return histograms


def drawn_waterfall(review: Review, words: Words) -> list[charts.Fall]:
    """Return the lines of the waterfall from asked to commented, each with the address of what it counts."""
    f = review.funnel
    asked = {fate: f"{QUESTIONS}?{words.addresses.query(fate=fate.value)}" for fate in Fate}
    ours = {
        commented: f"{ANSWERS}?{words.addresses.query(ours='yes', commented=commented)}"
        for commented in ("", "no", "yes")
    }
    return charts.waterfall(
        [
            ("asked", f.asked, True, asked[Fate.ASKED]),
            ("lost", f.lost, False, asked[Fate.LOST]),
            ("silent", f.silent, False, asked[Fate.SILENT]),
            ("clicked", f.clicked_only, False, asked[Fate.CLICKED]),
            ("answered", f.answered, True, ours[""]),
            ("wordless", f.answered - f.commented, False, ours["no"]),
            ("commented", f.commented, True, ours["yes"]),
        ],
        words,
    )


def heat(value: object, most: int) -> int:
    """Return how dark a cell of a table of counts is, 0 to 4: the number in it says the same."""
    n = value if isinstance(value, int) else 0
    return 0 if not n or not most else 1 + min(3, int(4 * (n - 1) / most))


@for_roles(READERS)
async def download(request: Request, visitor: Visitor) -> Response:
    """Answer one table as CSV."""
    return await run_in_threadpool(write_csv, request, visitor)


def write_csv(request: Request, visitor: Visitor) -> Response:
    """Write one table as CSV; 404 for a table that there is not."""
    review, words = read(request)
    wanted = next((sheet for sheet in all_sheets(review, words) if sheet.name == request.path_params["name"]), None)
    if wanted is None:
        raise HTTPException(404)
    audit(request, visitor, wanted.name, len(wanted.rows))
    return attachment(as_csv(wanted.columns, values(wanted)), f"{wanted.name}.csv", CSV)


@for_roles(READERS)
async def download_all(request: Request, visitor: Visitor) -> Response:
    """Answer every table in one workbook."""
    return await run_in_threadpool(write_xlsx, request, visitor)


def write_xlsx(request: Request, visitor: Visitor) -> Response:
    """Every table is a sheet, in the order of the page; the audit log keeps who took it and how many rows."""
    review, words = read(request)
    made_sheets = all_sheets(review, words)
    audit(request, visitor, "report", sum(len(sheet.rows) for sheet in made_sheets))
    body = as_xlsx([(sheet.title, sheet.columns, values(sheet)) for sheet in made_sheets], words.zone)
    return attachment(body, "report.xlsx", XLSX)


def improving_of(request: Request) -> ImprovementActions:
    """Return what keeps themes, initiatives and notes."""
    web = web_of(request)
    return ImprovementActions(web.store, web.policy, web.now)


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the report with what went wrong."""
    return await run_in_threadpool(write_report, request, visitor, problem, 403, form)


def note_at_fault(form: Form) -> str:
    """Return the field of a note that is wrong: its day, else its text; neither where the page was too old."""
    try:
        read_day(form.get("day", ""))
    except ValueError:
        return "note-day"
    return "note-text"


@act_for_roles(READERS, again)
async def add_note(request: Request, visitor: Visitor, form: Form) -> Response:
    """Write a dated note on the charts."""
    try:
        at = sections.midnight(read_day(form.get("day", "")), web_of(request).policy().zone)
        await run_in_threadpool(improving_of(request).add_note, at, form.get("text", ""), visitor.user.name)
    except (BadInput, ValueError):
        return await run_in_threadpool(write_report, request, visitor, "report.note.wrong", 400, form)
    return go(request, "/report#notes")


@act_for_roles(READERS, again)
async def remove_note(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take a note off the charts."""
    await run_in_threadpool(improving_of(request).remove_note, path_number(request, "id"), visitor.user.name)
    return go(request, "/report#notes")


routes = [
    Route("/report", show_report, methods=["GET"]),
    Route("/report.xlsx", download_all, methods=["GET"]),
    Route("/report/notes", add_note, methods=["POST"]),
    Route("/report/notes/{id:int}/remove", remove_note, methods=["POST"]),
    Route("/report/{name}.csv", download, methods=["GET"]),
]
