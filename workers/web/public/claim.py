"""The page behind "Was it you?", /c/TOKEN: whoever reads the mail says whether an answer at a place is theirs.

Opening it changes nothing, because mail scanners open links. Unknown, erased and too old look alike.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.compose.facts import one_line
from workers.domain.places.claims import Claim
from workers.errors import NotNow
from workers.usecases.places.claims import ClaimPage
from workers.web.http.answers.pages import READER, gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, came_from, new_nonce, read_form
from workers.web.http.requests.threads import run_in_threadpool

MINE = {"yes": True, "no": False}


async def show(request: Request) -> Response:
    """Ask, or say what was said."""
    claim = await run_in_threadpool(claim_of, request)
    return write_page(request, claim) if claim else gone(request)


async def send(request: Request) -> Response:
    """Keep what the owner says."""
    web, form = web_of(request), await read_form(request)
    claim = await run_in_threadpool(claim_of, request)
    if claim is None:
        return gone(request)
    dispatch, mine = dispatch_of(request), MINE.get(form.get("mine", ""))
    if mine is None or came_from(request, form, web.links, "claim", dispatch, web.now()) == Came.STALE:
        return write_page(request, claim, fault="answer.stale", status=403)
    act = web.claims.confirm if mine else web.claims.refuse
    try:
        taken = await run_in_threadpool(act, dispatch)
    except NotNow:
        return write_page(request, claim, fault="page.error.body", status=503)
    claim = await run_in_threadpool(claim_of, request) if taken else None
    return write_page(request, claim) if claim else gone(request)


def dispatch_of(request: Request) -> str:
    """Return the mail that the link's token names; empty for none."""
    return web_of(request).links.read("claim", request.path_params["token"]) or ""


def claim_of(request: Request) -> ClaimPage | None:
    """Return what the link's mail asks. Reads the database."""
    dispatch = dispatch_of(request)
    claim = web_of(request).claims.page(dispatch) if dispatch else None
    if claim is not None:
        setattr(request.state, READER, claim.language)
    return claim


def write_page(request: Request, claim: ClaimPage, *, fault: str = "", status: int = 200) -> Response:
    """Write the page: the question, or what was said."""
    web, pages = web_of(request), pages_of(request)
    language = pages.language(request, claim.language)
    at = in_zone(claim.at, web.templates.brand.time_zone)
    values = {
        "label": one_line(claim.label, 120),
        "date": pages.catalog(language).date(at.date()),
        "said": "" if claim.state == Claim.ASKED else str(claim.state),
        "fault": fault,
        "nonce": new_nonce(web.links, "claim", dispatch_of(request), web.now()),
    }
    return pages.show(request, "claim.html", language, values, status=status)


routes = [
    Route("/c/{token}", show, methods=["GET"]),
    Route("/c/{token}", send, methods=["POST"]),
]
