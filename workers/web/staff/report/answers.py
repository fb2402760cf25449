"""The answers behind a figure of the report: as a page, as CSV and as XLSX; and what the report's addresses mean.

Comments are shown as text; who may not see tickets and customers gets no links to them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import IO

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.policy import Policy
from workers.domain.reporting import Dimension, Filters
from workers.domain.reporting.scales import RATED, scale_of
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.store.sign_in.audit_log import record_act
from workers.text.spreadsheets import Value, write_csv, write_xlsx
from workers.usecases.report import sections
from workers.usecases.report.groups import dimensions_offered
from workers.usecases.report.sections import PAGE_LENGTH, YES, Answered, Pick
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import Parameters, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, READERS, Visitor, for_roles, language_of, show
from workers.web.staff.report.wording import Words, words_of_list

CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANSWER_COLUMNS = (
    *("answered", "customer", "name", "segment", "trigger", "touchpoint", "about"),
    *("score", "band", "comment", "improvement", "drivers", "competitor", "ticket"),
)
LONGEST_COMMENT = 500
PIECE = 64 * 1024
"""Bytes of a file sent at once."""
NUMBERS = (Pick.SCORE, Pick.THEME, Pick.TOLD)
"""What an address names by a number."""


def listed_of(request: Request, policy: Policy) -> Filters:
    """Return the filters of a list, which may also be of the answers to CSAT or CES questions; likewise."""
    question = parameters_of(request).text("question")
    return replace(filters_of(request, policy), question=question if question in RATED else "")


def filters_of(request: Request, policy: Policy) -> Filters:
    """Return the filters of an address; a word that nothing has finds nothing. Raises BadAddress for no day."""
    given, zone = parameters_of(request), policy.zone
    since, until = given.day("since"), given.day("until")
    return Filters(
        since=sections.midnight(since, zone) if since else None,
        until=sections.midnight(until, zone) + timedelta(days=1) if until else None,
        trigger=given.text("trigger"),
        segment=given.text("segment"),
        language=given.text("language"),
        touchpoint=given.text("touchpoint"),
        without=given.text("without"),
        by=dimensions_of(given, policy),
    )


def dimensions_of(given: Parameters, policy: Policy) -> tuple[Dimension, ...]:
    """Return by what an address sets answers side by side; what is not offered, or stands twice, is left out."""
    offered = dimensions_offered(policy.attributes)
    names = dict.fromkeys(given.choice(name, offered) for name in ("by", "and"))
    return tuple(offered[name] for name in names if name)


def picks_of(request: Request) -> dict[Pick, str]:
    """Return which answers of the report an address names. Raises BadAddress for a number that is none."""
    given = parameters_of(request)
    for pick in NUMBERS:
        given.number(pick.value)
    return {pick: word for pick in Pick if (word := given.text(pick.value))}


@for_roles(READERS)
async def show_answers(request: Request, visitor: Visitor) -> Response:
    """Page /report/responses; 404 for an address that the report has not."""
    return await run_in_threadpool(write_answers, request, visitor)


def found_answers(request: Request, page: int) -> tuple[int, list[Answered], Words]:
    """Return the answers behind a figure and the words to say them in; 404 for an address that the report has not."""
    web = web_of(request)
    filters = listed_of(request, web.policy())
    try:
        with web.store.reading() as connection:
            n, answers = sections.answers(connection, filters, picks_of(request), page=page)
            words = words_of(request, connection, filters)
    except BadInput as error:
        raise HTTPException(404) from error
    return n, answers, words


def words_of(request: Request, connection: Connection, filters: Filters) -> Words:
    """Unlike those of the report, they need no line of time, but the names of all themes."""
    catalog = pages_of(request).catalog(language_of(request))
    policy, theme_names = web_of(request).policy(), sections.theme_names(connection)
    return words_of_list(filters, policy.zone, catalog, theme_names=theme_names, drivers=policy.drivers)


def write_answers(request: Request, visitor: Visitor) -> Response:
    page = parameters_of(request).page()
    n, answers, words = found_answers(request, page)
    filters = words.addresses.filters
    picks = picks_of(request)
    named = {pick.value: word for pick, word in picks.items()}
    values = {
        "w": words,
        "n": n,
        "answers": answers,
        "page": page,
        "pages": max(1, -(-n // PAGE_LENGTH)),
        "titles": titles(words, picks),
        "query": words.addresses.query(**named) or "all=1",
        "back": words.addresses.query(),
        "longest": LONGEST_COMMENT,
        "calls": visitor.user.role in AGENTS,
        "scale": scale_of(filters.question),
        "chosen": words.addresses.chosen(),
    }
    return show(request, visitor, "report-answers.html", values)


def titles(words: Words, picks: Mapping[Pick, str]) -> list[str]:
    """Return what the answers of a list have in common, in words."""
    chosen = words.addresses.chosen()
    shared = [
        words.part(name, chosen[name]) for name in ("trigger", "touchpoint", "segment", "language") if chosen[name]
    ]
    if chosen["question"]:
        shared.insert(0, words.text(f"question.{chosen['question']}"))
    if chosen["without"]:
        shared.append(words.text("without", segment=words.segment(chosen["without"])))
    if chosen["since"] or chosen["until"]:
        first, until = words.addresses.filters.since, last(words.addresses.filters)
        days = [words.day(at) if at else "…" for at in (first, until)]
        shared.append(words.text("from-to", first=days[0], last=days[1]))
    return shared + [title(words, pick, word) for pick, word in picks.items()]


def last(filters: Filters) -> datetime | None:
    """Return an instant within the last day of the period, whose `until` is the midnight behind it; None without."""
    return filters.until - timedelta(seconds=1) if filters.until else None


TITLES: Mapping[Pick, Callable[[Words, str], str]] = {
    Pick.BAND: lambda words, word: words.word("report.bands", word),
    Pick.SCORE: lambda words, word: words.text("score", score=word),
    Pick.STAGE: lambda words, word: words.word("report.stage", word),
    Pick.CAUSE: lambda words, word: words.cause(word),
    Pick.THEME: lambda words, word: words.theme(int(word)),
    Pick.LOOP: lambda words, word: words.word("report.loop", word),
    Pick.MOVE: lambda words, word: words.text("leaving") if word == "leaving" else move_title(words, word),
    Pick.VOICE: lambda words, word: words.word("report.voice", word),
    Pick.TOLD: lambda words, _: words.text("asked-for-it"),
    Pick.COMMENTED: lambda words, word: words.text("asked.commented" if word == YES else "asked.wordless"),
    Pick.REMINDED: lambda words, word: words.text("asked.reminder" if word == YES else "asked.first"),
    Pick.OURS: lambda words, _: words.text("asked.ours"),
    Pick.SETTLING: lambda words, _: words.text("asked.settling"),
    Pick.LATE: lambda words, _: words.text("asked.late"),
    Pick.CHANNEL: lambda words, word: words.word("report.channel", word),
    Pick.DRIVER: lambda words, word: words.driver(word),
    Pick.GROUP: lambda words, word: words.group(word),
}
"""How each thing is said that the answers of a list have in common."""


def title(words: Words, pick: Pick, word: str) -> str:
    """Return one thing that the answers of a list have in common."""
    return TITLES[pick](words, word)


def move_title(words: Words, word: str) -> str:
    """Return "passive-promoter" in words; nothing stands before the hyphen of who had no earlier score."""
    before, _, latest = word.partition("-")
    return f"{words.word('report.before', before or 'none')} → {words.word('report.bands', latest)}"


@for_roles(READERS)
async def download_answers(request: Request, visitor: Visitor) -> Response:
    """Answer the answers behind a figure as a file."""
    return await run_in_threadpool(write_answer_file, request, visitor)


def write_answer_file(request: Request, visitor: Visitor) -> Response:
    """Write the answers behind a figure as CSV or XLSX; 404 for another kind of file."""
    kind = request.path_params["kind"]
    if kind not in ("csv", "xlsx"):
        raise HTTPException(404)
    web = web_of(request)
    filters = listed_of(request, web.policy())
    file = TemporaryFile()  # noqa: SIM115  # closed when it has been sent
    try:
        with web.store.reading(patient=True) as connection:
            words = words_of(request, connection, filters)
            answers = sections.every_answer(connection, filters, picks_of(request))
            count = write_file(file, kind, words, (answer_row(answered, words) for answered in answers))
    except BaseException as error:
        file.close()
        if isinstance(error, BadInput):
            raise HTTPException(404) from error
        raise
    audit(request, visitor, "answers", count)
    return sent_file(file, f"answers.{kind}", CSV if kind == "csv" else XLSX)


def write_file(file: IO[bytes], kind: str, words: Words, rows: Iterable[list[Value]]) -> int:
    """Write answers as CSV or XLSX, each as it is read, and return how many there were."""
    columns = [words.text(f"column.{name}") for name in ANSWER_COLUMNS]
    if kind == "csv":
        text = TextIOWrapper(file, "utf-8", newline="")
        count = write_csv(text, columns, rows)
        text.detach()
        return count
    counted = Counted(rows)
    write_xlsx(file, [(words.text("answers.title"), columns, counted)], words.zone)
    return counted.count


class Counted:
    """Rows that are counted while somebody reads them."""

    def __init__(self, rows: Iterable[list[Value]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[list[Value]]:
        for row in self._rows:
            self.count += 1
            yield row


def sent_file(file: IO[bytes], name: str, kind: str) -> Response:
    """Answer a file to keep from where it was written, piece by piece; it is closed at the end."""
    length = file.tell()
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        while piece := file.read(PIECE):
            yield piece

    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(length)}
    return StreamingResponse(pieces(), media_type=kind, headers=headers, background=BackgroundTask(file.close))


def answer_row(answered: Answered, words: Words) -> list[Value]:
    """Return the values of ANSWER_COLUMNS for one answer, its time in the brand's zone."""
    r = answered.response
    return [
        in_zone(r.answered_at, words.zone),
        answered.customer or "",
        answered.name,
        words.segment(answered.segment),
        words.trigger(answered.trigger),
        words.touchpoint(answered.touchpoint),
        r.label or r.reference,
        r.score,
        words.word("band", str(r.band)) if r.band else words.text(f"question.{scale_of(r.question).kind}"),
        r.comment,
        r.improvement,
        words.drivers_of(r),
        r.competitor or "",
        answered.ticket,
    ]


def audit(request: Request, visitor: Visitor, what: str, rows: int) -> None:
    """Keep who took which file away."""
    web = web_of(request)
    now, by = web.now(), visitor.user.name
    web.store.write(lambda connection: record_act(connection, now, by, "export.report", what, {"rows": rows}))


def attachment(body: bytes, name: str, kind: str) -> Response:
    """Answer a file to keep."""
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


routes = [
    Route("/report/responses", show_answers, methods=["GET"]),
    Route("/report/responses.{kind:str}", download_answers, methods=["GET"]),
]
