"""The improvement page, /i/TOKEN: one question to somebody who gave a 7 or an 8, answered in a sentence.

Opening it changes nothing; a later text replaces the earlier one. Unknown and erased look alike.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.domain.records import Customer
from workers.domain.records import Response as Known
from workers.text.masking import beginning
from workers.web.http.answers.pages import gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, after_posting, came_from, just_posted, new_nonce, read_form
from workers.web.http.requests.threads import run_in_threadpool

LONGEST = 5_000  # characters


async def show(request: Request) -> Response:
    """Show the question, and how what was answered before begins: the link may have been passed on since."""
    opened = await run_in_threadpool(answered, request)
    if opened is None:
        return gone(request)
    web, response = web_of(request), opened[0]
    mine = just_posted(request, web.links, response.id, web.now())
    return page(request, *opened, response.improvement if mine else "")


async def send(request: Request) -> Response:
    """Keep the text, or show what is wrong with the text kept."""
    web, form = web_of(request), await read_form(request)
    opened = await run_in_threadpool(answered, request)
    if opened is None:
        return gone(request)
    response, customer = opened
    text = form.get("improvement", "")
    if came_from(request, form, web.links, "improvement", response.id, web.now()) == Came.STALE:
        return page(request, response, customer, text, "answer.stale", status=403)
    if not text:
        return page(request, response, customer, text, "improvement.page.empty", status=400)
    if len(text) > LONGEST:
        return page(request, response, customer, text, "answer.comment-long", status=400)
    if not await run_in_threadpool(web.customer_actions.improve, response.id, text):
        return gone(request)
    pages = pages_of(request)
    language = pages.language(request, customer.language)
    query = f"lang={language}&{after_posting(web.links, response.id, web.now())}"
    return RedirectResponse(pages.url(f"{request.url.path}?{query}"), status_code=303)


def answered(request: Request) -> tuple[Known, Customer] | None:
    """Return the response that the link's token names. Reads the database."""
    web = web_of(request)
    id = web.links.read("improvement", request.path_params["token"])
    return web.customer_actions.response(id) if id else None


def page(
    request: Request, response: Known, customer: Customer, text: str, fault: str = "", *, status: int = 200
) -> Response:
    """Write the page; `fault` is the id of the text that says what is wrong."""
    web, pages = web_of(request), pages_of(request)
    values = {
        "response": response,
        "text": text,
        "began": "" if text else beginning(response.improvement),
        "fault": fault,
        "longest": LONGEST,
        "nonce": new_nonce(web.links, "improvement", response.id, web.now()),
    }
    return pages.show(request, "improvement.html", pages.language(request, customer.language), values, status=status)


routes = [
    Route("/i/{token}", show, methods=["GET"]),
    Route("/i/{token}", send, methods=["POST"]),
]
