"""The report page: eight parts in a fixed order, its tables as CSV and XLSX, the answers behind each figure, and notes.

Drawn on the server; the address holds the filters. Nothing here counts: `reviewing` and `figures` do.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers import figures, reviewing
from workers.figures import BESIDE, LADDER, Filters, Step, Touchpoint
from workers.improving import Improving
from workers.nps import band
from workers.reviewing import PAGE_LENGTH, Answered, Pick, Review
from workers.store.auditlog import record_act
from workers.web import charts, report_files
from workers.web.context import web_of
from workers.web.pages import pages_of
from workers.web.report_sheets import Value, sheets, time_sheet
from workers.web.report_words import Words
from workers.web.staff import AGENTS, READERS, Form, Visitor, act_for_roles, for_roles, go, language_of, show
from workers.words import BadInput, Band

CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANSWER_COLUMNS = (
    *("answered", "customer", "segment", "trigger", "touchpoint", "about", "score", "comment", "improvement", "ticket"),
)
LONGEST_COMMENT = 500


def filters_of(request: Request, zone: str) -> Filters:
    """Return the filters of an address; what is no date or is not known finds nothing or everything, never an error."""
    q = request.query_params
    until = reviewing.day_start(q.get("until", ""), zone)
    return Filters(
        since=reviewing.day_start(q.get("since", ""), zone),
        until=until + timedelta(days=1) if until else None,
        trigger=q.get("trigger", ""),
        segment=q.get("segment", ""),
        language=q.get("language", ""),
        touchpoint=q.get("touchpoint", ""),
    )


def picks_of(request: Request) -> dict[Pick, str]:
    """Return which answers of the report an address names."""
    return {pick: word for pick in Pick if (word := request.query_params.get(pick.value, ""))}


def read(request: Request) -> tuple[Review, Words]:
    """Return the report of an address and the words to say it in."""
    web = web_of(request)
    policy = web.policy()
    filters = filters_of(request, policy.zone)
    with web.store.reading() as connection:
        found = reviewing.review(connection, filters, policy, web.now())
    catalog = pages_of(request).catalog(language_of(request))
    return found, Words(catalog, filters, policy.zone, found.months, found.theme_names)


@for_roles(READERS)
async def show_report(request: Request, visitor: Visitor) -> Response:
    """Show the report."""
    return await run_in_threadpool(write_report, request, visitor)


def write_report(request: Request, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    """Read and write the page."""
    review, words = read(request)
    values = {
        "w": words,
        "review": review,
        "sheets": {one.name: one for one in sheets(review, words)},
        "time_sheet": time_sheet(review, words, every=False),
        "chosen": words.chosen(),
        "query": words.query(),
        "choices": {name: [(one, choice(words, name, one)) for one in found] for name, found in review.words.items()},
        "problem": problem,
        "may_write": True,
        **drawings(review, words),
    }
    return show(request, visitor, "report.html", values, status=status)


def choice(words: Words, name: str, value: str) -> str:
    """Return how a filter's value is called."""
    said: dict[str, Callable[[str], str]] = {
        "trigger": words.trigger,
        "touchpoint": words.touchpoint,
        "segment": words.segment,
    }
    return said[name](value) if name in said else str(words.catalog.locale.languages.get(value, value))


def drawings(review: Review, words: Words) -> dict[str, object]:
    """Return the marks of every chart."""
    steps = review.loop.steps
    total = steps[Step.DETRACTORS]
    return {
        "ladder": [(step, steps[step], charts.percent(steps[step] / (total or 1))) for step in LADDER],
        "beside": [(step, steps[step]) for step in BESIDE],
        "groups": [(name, drawn_touchpoints(review, words, relationship)) for name, relationship in KINDS],
        "over_time": [
            (name, [charts.over_time(one, words) for one in review.over_time if of_kind(one.trigger, relationship)])
            for name, relationship in KINDS
        ],
        "note_marks": charts.note_marks(review.notes, words),
        "month_marks": charts.month_marks(words),
        "stacks": [(name, drawn_stacks(review, words, relationship)) for name, relationship in KINDS],
        "histograms": drawn_histograms(review, words),
        "falls": drawn_waterfall(review, words),
        "heat": heat,
    }


KINDS = (("transactional", False), ("relationship", True))


def of_kind(trigger: str, relationship: bool) -> bool:
    """Tell whether a trigger is of this kind."""
    return figures.is_relationship(trigger) == relationship


def drawn_touchpoints(review: Review, words: Words, relationship: bool) -> list[tuple[Touchpoint, object, str]]:
    """Return each touchpoint with its marks and the query of its answers."""
    return [
        (one, charts.strip(one.reading), words.query(**words.asked_at(one.trigger, one.touchpoint)))
        for one in review.touchpoints
        if one.relationship == relationship
    ]


def drawn_stacks(review: Review, words: Words, relationship: bool) -> list[tuple[Touchpoint, list[charts.Slice]]]:
    """Return the bar of promoters, passives and detractors of each touchpoint that has answers."""
    found = []
    for one in review.touchpoints:
        counted = one.reading.figures
        if one.relationship != relationship or not one.reading.n:
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
                words.query(**words.asked_at(one.trigger, one.touchpoint), band=name.value),
                f"{words.text(f'bands.{name}')}: {words.whole(n)}",
            )
            for name, n in counts
        ]
        found.append((one, charts.slices(parts, words)))
    return found


def drawn_histograms(review: Review, words: Words) -> list[tuple[str, int, list[charts.Column]]]:
    """Return the histogram of each trigger that has answers."""
    bands = [band(score).value for score in figures.SCORES]
    found = []
    for trigger, counts in figures.spread(review.touchpoints).items():
        queries = [words.query(trigger=trigger, score=score) for score in figures.SCORES]
        found.append((words.trigger(trigger), sum(counts), charts.histogram(counts, bands, queries)))
    return found


def drawn_waterfall(review: Review, words: Words) -> list[charts.Fall]:
    """Return the lines of the waterfall from asked to commented."""
    f = review.funnel
    return charts.waterfall(
        [
            ("asked", f.asked, True, ""),
            ("lost", f.lost, False, ""),
            ("silent", f.silent, False, ""),
            ("clicked", f.clicked_only, False, ""),
            ("answered", f.answered, True, words.query() or "all=1"),
            ("wordless", f.answered - f.commented, False, ""),
            ("commented", f.commented, True, words.query(commented="yes")),
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
    wanted = next((one for one in sheets(review, words) if one.name == request.path_params["name"]), None)
    if wanted is None:
        raise HTTPException(404)
    audit(request, visitor, wanted.name, len(wanted.rows))
    return attachment(report_files.as_csv(wanted.columns, report_files.values(wanted)), f"{wanted.name}.csv", CSV)


@for_roles(READERS)
async def download_all(request: Request, visitor: Visitor) -> Response:
    """Answer every table in one workbook."""
    return await run_in_threadpool(write_xlsx, request, visitor)


def write_xlsx(request: Request, visitor: Visitor) -> Response:
    """Write every table in one workbook."""
    review, words = read(request)
    found = sheets(review, words)
    audit(request, visitor, "report", sum(len(one.rows) for one in found))
    body = report_files.as_xlsx((one.title, one.columns, report_files.values(one)) for one in found)
    return attachment(body, "report.xlsx", XLSX)


def audit(request: Request, visitor: Visitor, what: str, rows: int) -> None:
    """Keep who took which file away."""
    web = web_of(request)
    now, by = web.now(), visitor.user.name
    web.store.write(lambda connection: record_act(connection, now, by, "export.report", what, {"rows": rows}))


def attachment(body: bytes, name: str, kind: str) -> Response:
    """Answer a file to keep."""
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@for_roles(READERS)
async def show_answers(request: Request, visitor: Visitor) -> Response:
    """Show the answers behind a figure."""
    return await run_in_threadpool(write_answers, request, visitor)


def found_answers(request: Request, *, length: int | None, page: int = 1) -> tuple[int, list[Answered], Words]:
    """Return the answers behind a figure and the words to say them in; 404 for an address that the report has not."""
    web = web_of(request)
    zone = web.policy().zone
    filters = filters_of(request, zone)
    try:
        with web.store.reading() as connection:
            n, found = reviewing.answers(connection, filters, picks_of(request), page=page, length=length)
            themes = reviewing.theme_names(connection)
    except BadInput as error:
        raise HTTPException(404) from error
    catalog = pages_of(request).catalog(language_of(request))
    return n, found, Words(catalog, filters, zone, (), themes)


def write_answers(request: Request, visitor: Visitor) -> Response:
    """Read and write the list of answers."""
    given = request.query_params.get("page", "1")
    page = int(given) if given.isdecimal() and 0 < int(given[:9]) < 10**6 else 1
    n, found, words = found_answers(request, length=PAGE_LENGTH, page=page)
    picks = picks_of(request)
    named = {pick.value: word for pick, word in picks.items()}
    values = {
        "w": words,
        "n": n,
        "answers": found,
        "page": page,
        "pages": max(1, -(-n // PAGE_LENGTH)),
        "titles": titles(words, picks, request),
        "query": words.query(**named) or "all=1",
        "back": words.query(),
        "longest": LONGEST_COMMENT,
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "report-answers.html", values)


def titles(words: Words, picks: Mapping[Pick, str], request: Request) -> list[str]:
    """Return what the answers of a list have in common, in words."""
    chosen = words.chosen()
    found = [
        choice(words, name, chosen[name]) for name in ("trigger", "touchpoint", "segment", "language") if chosen[name]
    ]
    if chosen["since"] or chosen["until"]:
        first, until = words.filters.since, last(words.filters)
        days = [words.day(at) if at else "…" for at in (first, until)]
        found.append(words.text("from-to", first=days[0], last=days[1]))
    return found + [title(words, pick, word) for pick, word in picks.items()]


def last(filters: Filters) -> datetime | None:
    """Return an instant on the last day of the period."""
    return filters.until - timedelta(seconds=1) if filters.until else None


def title(words: Words, pick: Pick, word: str) -> str:
    """Return one thing that the answers of a list have in common."""
    match pick:
        case Pick.BAND:
            return words.word("report.bands", word)
        case Pick.SCORE:
            return words.text("score", score=word)
        case Pick.STAGE:
            return words.word("report.stage", word)
        case Pick.CAUSE:
            return words.cause(word)
        case Pick.THEME:
            return words.theme(int(word))
        case Pick.LOOP:
            return words.word("report.loop", word)
        case Pick.MOVE if word == "leaving":
            return words.text("leaving")
        case Pick.MOVE:
            before, _, latest = word.partition("-")
            return f"{words.text('before.' + (before or 'none'))} → {words.word('report.bands', latest)}"
        case Pick.VOICE:
            return words.word("report.voice", word)
        case Pick.TOLD:
            return words.text("asked-for-it")
        case Pick.COMMENTED:
            return words.text("asked.commented")
        case Pick.REMINDED:
            return words.text("asked.reminder")
        case Pick.CHANNEL:
            return words.word("report.channel", word)


@for_roles(READERS)
async def download_answers(request: Request, visitor: Visitor) -> Response:
    """Answer the answers behind a figure as a file."""
    return await run_in_threadpool(write_answer_file, request, visitor)


def write_answer_file(request: Request, visitor: Visitor) -> Response:
    """Write the answers behind a figure as CSV or XLSX."""
    _, found, words = found_answers(request, length=None)
    columns = [words.text(f"column.{name}") for name in ANSWER_COLUMNS]
    rows = [answer_row(one, words) for one in found]
    audit(request, visitor, "answers", len(rows))
    if request.path_params["kind"] == "csv":
        return attachment(report_files.as_csv(columns, rows), "answers.csv", CSV)
    return attachment(report_files.as_xlsx([(words.text("answers.title"), columns, rows)]), "answers.xlsx", XLSX)


def answer_row(one: Answered, words: Words) -> list[Value]:
    """Return one answer as a row of a file."""
    r = one.response
    return [
        r.answered_at.isoformat(),
        one.customer or "",
        words.segment(one.segment),
        words.trigger(one.trigger),
        words.touchpoint(one.touchpoint),
        r.label or r.reference,
        r.score,
        r.comment,
        r.improvement,
        one.ticket,
    ]


def improving_of(request: Request) -> Improving:
    """Return what keeps themes, initiatives and notes."""
    web = web_of(request)
    return Improving(web.store, web.policy, web.now)


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the report with what went wrong."""
    return await run_in_threadpool(write_report, request, visitor, problem, 403)


@act_for_roles(READERS, again)
async def add_note(request: Request, visitor: Visitor, form: Form) -> Response:
    """Write a dated note on the charts."""
    at = reviewing.day_start(form.get("day", ""), web_of(request).policy().zone)
    try:
        if at is None:
            raise BadInput("no day")
        await run_in_threadpool(improving_of(request).add_note, at, form.get("text", ""), visitor.user.name)
    except BadInput:
        return await run_in_threadpool(write_report, request, visitor, "report.note.wrong", 400)
    return go(request, "/report#notes")


@act_for_roles(READERS, again)
async def remove_note(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take a note off the charts."""
    await run_in_threadpool(improving_of(request).remove_note, int(request.path_params["id"]), visitor.user.name)
    return go(request, "/report#notes")


routes = [
    Route("/report", show_report, methods=["GET"]),
    Route("/report.xlsx", download_all, methods=["GET"]),
    Route("/report/responses", show_answers, methods=["GET"]),
    Route("/report/responses.{kind:str}", download_answers, methods=["GET"]),
    Route("/report/notes", add_note, methods=["POST"]),
    Route("/report/notes/{id:int}/remove", remove_note, methods=["POST"]),
    Route("/report/{name}.csv", download, methods=["GET"]),
]
