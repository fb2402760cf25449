"""The page of an answer that was given without a name, /g/TOKEN: whoever gave it reads, changes or deletes it.

Nobody else has the link: it was shown once, behind the answer. Opening it changes nothing. Works without JavaScript.
"""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.compose.facts import one_line
from workers.domain.reporting.scales import kind_of, scale_of
from workers.domain.survey.place_answer import TAKES_CHANGES
from workers.errors import NotNow
from workers.text.masking import mask_address
from workers.usecases.places.given_answers import GivenPage
from workers.usecases.places.place_answers import Said
from workers.web.http.answers.pages import READER, Asking, gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, came_from, new_nonce, read_form
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.public.answer import Draft, end_of, scale_shown
from workers.web.public.place import Filled, filled_in, said

PURPOSE = "given"
SAVED = "saved"
"""Name of the query parameter that says that a change was kept."""
DELETE = "delete"
"""Name of the button that takes the answer back."""
LONGEST_LABEL = 120


async def show(request: Request) -> Response:
    """Show the answer with its form, or why there is none any more."""
    given = await run_in_threadpool(given_of, request)
    return write_page(request, given) if given else gone(request)


async def send(request: Request) -> Response:
    """Delete the answer or change it, or show what is wrong with the typed text kept."""
    web, form, id = web_of(request), await read_form(request), id_of(request)
    given = await run_in_threadpool(given_of, request)
    if given is None:
        return gone(request)
    if given.answer is None:
        return write_page(request, given)
    typed = None if DELETE in form else filled_in(form, scale_of(given.question))
    if came_from(request, form, web.links, PURPOSE, id, web.now()) != Came.PAGE:
        return write_page(request, given, typed, {"": "answer.stale"}, status=403)
    filled = kept(typed, given.answer) if typed else None
    if filled and (faults := filled.faults()):
        return write_page(request, given, typed, faults, status=400)
    answers = web.given_answers
    try:
        if filled:
            taken = await run_in_threadpool(answers.change, id, said(filled))
        else:
            taken = await run_in_threadpool(answers.take_back, id)
    except NotNow:
        return write_page(request, given, typed, {"": "page.error.body"}, status=503)
    query = f"lang={pages_of(request).language(request)}" + (f"&{SAVED}=yes" if taken and filled else "")
    return RedirectResponse(pages_of(request).url(f"{request.url.path}?{query}"), status_code=303)


def kept(typed: Filled, earlier: Said) -> Filled:
    """Return what was typed, with the earlier number and address where their fields, which show neither, are empty."""
    if not typed.draft.wants_contact or typed.draft.phone or typed.address:
        return typed
    return replace(typed, draft=replace(typed.draft, phone=earlier.phone), address=earlier.address)


def id_of(request: Request) -> str:
    """Return the answer that the link's token names; empty for none."""
    return web_of(request).links.read(PURPOSE, request.path_params["token"]) or ""


def given_of(request: Request) -> GivenPage | None:
    """Return what the link shows. Reads the database."""
    id = id_of(request)
    given = web_of(request).given_answers.page(id) if id else None
    if given is not None:
        setattr(request.state, READER, given.language)
    return given


def write_page(
    request: Request,
    given: GivenPage,
    typed: Filled | None = None,
    faults: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    """Write the page: the answer with its form, or what became of it."""
    web, pages = web_of(request), pages_of(request)
    language, zone = pages.language(request), web.templates.brand.time_zone
    catalog, answer = pages.catalog(language), given.answer
    if answer is None:
        return pages.show(request, "given-none.html", language, {"state": str(given.state)}, status=status)
    draft = typed.draft if typed else Draft(answer.score, answer.comment, answer.wants_contact)
    values = {
        "state": str(given.state),
        "label": one_line(given.label, LONGEST_LABEL),
        "date": catalog.date(in_zone(given.at, zone).date()),
        "until": catalog.date(in_zone(given.at + TAKES_CHANGES, zone).date()),
        "answer": answer,
        "way": way_left(answer),
        "saved": parameters_of(request).flag(SAVED),
        "draft": draft,
        "address": typed.address if typed else "",
        "faults": faults or {},
        **scale_shown(given.question),
        "nonce": new_nonce(web.links, PURPOSE, id_of(request), web.now()),
    }
    asking = Asking(kind_of(given.question), None)
    return pages.show(request, "given.html", language, values, status=status, asking=asking)


def way_left(answer: Said) -> str:
    """Return the phone number and the address that were left, each known to who left it alone; empty for none."""
    end = end_of(answer.phone)
    phone = f"\u2026{end}" if end else ""
    address = mask_address(answer.address) if answer.address else ""
    return " · ".join(filter(None, (phone, address)))


routes = [
    Route("/g/{token}", show, methods=["GET"]),
    Route("/g/{token}", send, methods=["POST"]),
]
