"""The opt-out page, /u/TOKEN: opening it changes nothing; the button, or a mail program's one-click POST, opts out.

The POST answers without a redirect and needs no page before it (RFC 8058). Unknown and erased look alike.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.records import Customer, Dispatch
from workers.store import read
from workers.text.masking import mask_address
from workers.web.http.answers.pages import gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.threads import run_in_threadpool


def mailed(request: Request) -> tuple[Dispatch, Customer] | None:
    """Return the mail that the link came with and who got it; None for unknown and erased. Reads the database."""
    web = web_of(request)
    id = web.links.read("unsubscribe", request.path_params["token"])
    dispatch = web.customer_actions.mail(id) if id else None
    if dispatch is None or dispatch.customer is None:
        return None
    with web.store.reading() as connection:
        customer = read.by_key(connection, Customer, dispatch.customer)
    return (dispatch, customer) if customer and not customer.erased_at else None


async def show(request: Request) -> Response:
    """Show the button, or that there is nothing left to stop."""
    opened = await run_in_threadpool(mailed, request)
    if opened is None:
        return gone(request)
    return page(request, *opened, done=opened[1].opted_out_at is not None)


async def stop(request: Request) -> Response:
    """Opt out at once and for good. Idempotent."""
    opened = await run_in_threadpool(mailed, request)
    if opened is None or not await run_in_threadpool(web_of(request).customer_actions.stop_asking, opened[0].id):
        return gone(request)
    return page(request, *opened, done=True)


def page(request: Request, dispatch: Dispatch, customer: Customer, *, done: bool) -> Response:
    """Write the page; it says whose address it is, so that nobody stops somebody else's mail by a forwarded one."""
    pages = pages_of(request)
    values = {"done": done, "address": mask_address(dispatch.recipient or customer.email or "")}
    return pages.show(request, "unsubscribe.html", pages.language(request, dispatch.language), values)


routes = [
    Route("/u/{token}", show, methods=["GET"]),
    Route("/u/{token}", stop, methods=["POST"]),
]
