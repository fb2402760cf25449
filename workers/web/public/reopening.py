"""The page behind "It is not solved" in the mail that says what was done, /r/TOKEN.

Opening it changes nothing, because mail scanners open links; the button opens the ticket again. Unknown, erased and
too old look alike.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import half_day_after
from workers.domain.mail.compose.facts import one_line
from workers.domain.records import Customer, Ticket
from workers.web.http.answers.pages import gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, came_from, new_nonce, read_form
from workers.web.http.requests.threads import run_in_threadpool

LONGEST = 4_000  # characters


async def show(request: Request) -> Response:
    """Show the form."""
    opened = await run_in_threadpool(ended, request)
    return page(request, *opened) if opened else gone(request)


async def send(request: Request) -> Response:
    """Open the ticket again, and say by when somebody calls."""
    web, form = web_of(request), await read_form(request)
    opened = await run_in_threadpool(ended, request)
    if opened is None:
        return gone(request)
    text = form.get("text", "")
    if came_from(request, form, web.links, "reopen", opened[0].id, web.now()) == Came.STALE:
        return page(request, *opened, text=text, fault="answer.stale", status=403)
    if len(text) > LONGEST:
        return page(request, *opened, text=text, fault="answer.comment-long", status=400)
    ticket = await run_in_threadpool(web.customer_actions.reopen_by_customer, dispatch_of(request), text)
    return page(request, ticket, opened[1], reopened=True) if ticket else gone(request)


def dispatch_of(request: Request) -> str:
    """Return the mail that the link's token names; empty for none."""
    return web_of(request).links.read("reopen", request.path_params["token"]) or ""


def ended(request: Request) -> tuple[Ticket, Customer] | None:
    """Return the ticket that the link's mail called done. Reads the database."""
    dispatch = dispatch_of(request)
    return web_of(request).customer_actions.ended(dispatch) if dispatch else None


def page(
    request: Request,
    ticket: Ticket,
    customer: Customer,
    *,
    text: str = "",
    fault: str = "",
    reopened: bool = False,
    status: int = 200,
) -> Response:
    """Write the page: the form, or by when somebody calls."""
    web, pages = web_of(request), pages_of(request)
    language = pages.language(request, customer.language)
    catalog = pages.catalog(language)
    promise = half_day_after(ticket.due_at, web.policy().calendar)
    before = catalog.text(f"promise.before.{promise.part.value}", {})
    values = {
        "label": one_line(ticket.label, 120),
        "text": text,
        "fault": fault,
        "longest": LONGEST,
        "reopened": reopened,
        "promise": catalog.text(
            "promise", {"promise_date": catalog.date(promise.day, "format.weekday"), "before": before}
        ),
        "nonce": new_nonce(web.links, "reopen", ticket.id, web.now()),
    }
    return pages.show(request, "reopen.html", language, values, status=status)


routes = [
    Route("/r/{token}", show, methods=["GET"]),
    Route("/r/{token}", send, methods=["POST"]),
]
