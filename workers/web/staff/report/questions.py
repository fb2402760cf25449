"""The questions behind a figure of the report: what was asked by what became of it, what was not asked by its reason.

Shows and changes nothing.
"""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.reporting import Filters
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.usecases.report import funnel_questions
from workers.usecases.report.funnel_questions import PAGE_LENGTH, ListedQuestion
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, READERS, Visitor, for_roles, language_of, show
from workers.web.staff.report.answers import listed_of, titles
from workers.web.staff.report.cells import NOT_ASKED, QUESTIONS
from workers.web.staff.report.sheets import reason
from workers.web.staff.report.wording import Words, words_of_list

Found = tuple[int, list[ListedQuestion]]


@for_roles(READERS)
async def show_asked(request: Request, visitor: Visitor) -> Response:
    """Show the questions that something became of."""
    return await run_in_threadpool(write_asked, request, visitor)


def write_asked(request: Request, visitor: Visitor) -> Response:
    fate = parameters_of(request).text("fate")

    def find(connection: Connection, filters: Filters, page: int) -> Found:
        return funnel_questions.asked(connection, filters, fate, page=page)

    return write(request, visitor, find, {"fate": fate}, lambda words: [words.word("report.fate", fate)])


@for_roles(READERS)
async def show_not_asked(request: Request, visitor: Visitor) -> Response:
    """Page /report/not-asked: touchpoints that led to no question, of one state and reason."""
    return await run_in_threadpool(write_not_asked, request, visitor)


def write_not_asked(request: Request, visitor: Visitor) -> Response:
    given = parameters_of(request)
    state, code = given.text("state"), given.text("reason")

    def find(connection: Connection, filters: Filters, page: int) -> Found:
        return funnel_questions.not_asked(connection, filters, state, code, page=page)

    def named(words: Words) -> list[str]:
        return [words.word("report.state", state), reason(words, "" if code == funnel_questions.NO_REASON else code)]

    return write(request, visitor, find, {"state": state, "reason": code}, named)


def write(
    request: Request,
    visitor: Visitor,
    find: Callable[[Connection, Filters, int], Found],
    picked: dict[str, str],
    named: Callable[[Words], list[str]],
) -> Response:
    """Write a list of questions; 404 for an address that the report has not."""
    web, page = web_of(request), parameters_of(request).page()
    policy = web.policy()
    zone, filters = policy.zone, listed_of(request, policy)
    try:
        with web.store.reading() as connection:
            n, listed = find(connection, filters, page)
    except BadInput as error:
        raise HTTPException(404) from error
    words = words_of_list(filters, zone, pages_of(request).catalog(language_of(request)))
    values = {
        "w": words,
        "n": n,
        "questions": listed,
        "page": page,
        "pages": max(1, -(-n // PAGE_LENGTH)),
        "titles": [*titles(words, {}), *named(words)],
        "list": pages_of(request).url(request.url.path),
        "query": words.addresses.query(**picked),
        "back": words.addresses.query(),
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "report-questions.html", values)


routes = [
    Route(f"/report/{QUESTIONS}", show_asked, methods=["GET"]),
    Route(f"/report/{NOT_ASKED}", show_not_asked, methods=["GET"]),
]
