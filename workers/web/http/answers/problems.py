"""What went wrong, as an answer: RFC 9457 problem details for programs, a page for people.

Nothing here shows an exception's own words to the outside, except those that Boucle wrote for the sender.
"""

import logging
from collections.abc import Mapping, Sequence

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from workers.errors import Conflict, NotNow
from workers.store.connection import DBAPIError
from workers.store.engine import away, is_away
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.parameters import BadAddress

log = logging.getLogger(__name__)
RETRY_SECONDS = 5
TITLES = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "Not from here",
    404: "There is nothing at this address",
    405: "This method is not understood here",
    409: "Somebody else was faster",
    413: "Too large",
    415: "This content type is not read here",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "The database is away",
}
ABOUT = {400: "unreadable", 403: "local", 409: "error", 413: "large", 429: "slow", 500: "error", 503: "error"}
"""Which `page.*` texts a person reads for a status; `missing` for any other."""

Errors = Sequence[Mapping[str, object]]


def problem(
    status: int,
    detail: str = "",
    *,
    title: str = "",
    errors: Errors | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer a program: a status, what is wrong in `detail`, and `errors` with the place of each fault."""
    details: dict[str, object] = {
        "type": "about:blank",
        "title": title or TITLES.get(status, "Error"),
        "status": status,
    }
    if detail:
        details["detail"] = detail
    if errors is not None:
        details["errors"] = errors
    return Response(orjson.dumps(details), status, headers, "application/problem+json")


def tell(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a program with a problem and a person with a page."""
    if request.scope["path"].startswith("/v1/"):
        return problem(status, detail, headers=headers)
    return pages_of(request).say(request, ABOUT.get(status, "missing"), status, headers)


def tell_bad_address(request: Request, error: BadAddress) -> Response:
    """Answer that an address means nothing, and which part of it."""
    if request.scope["path"].startswith("/v1/"):
        return problem(error.status_code, error.detail)
    return pages_of(request).say(request, ABOUT[error.status_code], error.status_code, what=error.name)


async def on_http(request: Request, error: Exception) -> Response:
    """Answer what Starlette or a page refused."""
    assert isinstance(error, HTTPException)
    if isinstance(error, BadAddress):
        return tell_bad_address(request, error)
    return tell(request, error.status_code, error.detail, error.headers)


async def on_not_now(request: Request, error: Exception) -> Response:
    """Answer that a part is away for the moment, and when to try again."""
    return tell(request, 503, str(error), {"Retry-After": str(RETRY_SECONDS)})


async def on_conflict(request: Request, error: Exception) -> Response:
    """Answer that somebody else wrote the same at the same moment."""
    return tell(request, 409, str(error))


async def on_database(request: Request, error: Exception) -> Response:
    """Answer that the database is away where that is what happened."""
    if isinstance(error, DBAPIError) and is_away(error):
        return await on_not_now(request, away(error))
    return await on_any(request, error)


async def on_hung_up(request: Request, error: Exception) -> Response:
    """Say nothing to a client that went before its request was whole; that is no fault of ours."""
    return Response(status_code=400)


async def on_any(request: Request, error: Exception) -> Response:
    """Answer what nobody expected; the log has it, the outside does not."""
    log.error("request failed", exc_info=error, extra={"action": "web.failed"})
    return tell(request, 500, "Tell the operator; the log has the details.")


HANDLERS = {
    HTTPException: on_http,
    ClientDisconnect: on_hung_up,
    NotNow: on_not_now,
    Conflict: on_conflict,
    DBAPIError: on_database,
    Exception: on_any,
}
