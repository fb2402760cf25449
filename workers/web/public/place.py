"""The page of a place, /p/TOKEN: one question for whoever opens it; works without JavaScript.

Nobody is known here. A page of ours is answered once: sent again, it changes its own answer.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.domain.places.listed import Place, PlaceKind
from workers.domain.reporting.scales import SCALES, Scale, kept_as
from workers.domain.types import QuestionKind
from workers.errors import NotNow
from workers.text.mail_addresses import one_address
from workers.usecases.places.place_answers import Said, Taken, Visit
from workers.web.http.answers.pages import Asking, gone, pages_of
from workers.web.http.requests.clients import address_prefix, client_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, came_from, new_nonce, read_form
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.public.answer import Draft, posted, scale_shown

VISIT = "visit"
"""Name of the hidden field with the page's own random key."""
TRAP = "website"
"""Name of a field that no person sees."""
APART = "apart"
"""Name of the query parameter that says that an answer was kept apart."""
GIVEN = "given"
"""Name of the query parameter with the token of whoever's own link, and what that is signed for."""
LONGEST_KEY = 64
WRONG_CODE = "place.code-wrong"
LONGEST_ADDRESS = 400
KIOSK_RESTS = 6
"""Seconds that a kiosk says thanks before the next person's question stands there."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the form: a draft as of every answer, the address that was typed, the code of a receipt."""

    draft: Draft
    address: str = ""
    code: str = ""

    def faults(self) -> dict[str, str]:
        """Return the id of the text that says what is wrong, by field."""
        wrong = self.draft.faults()
        if self.address and one_address(self.address) is None:
            wrong["address"] = "place.address-wrong"
        if self.draft.wants_contact and not self.draft.phone and not self.address:
            wrong["phone"] = "place.no-way"
        return wrong


async def show(request: Request) -> Response:
    """Show the question; of a receipt that was answered, that it was."""
    place = place_of(request)
    if place is None:
        return gone(request)
    if place.kind is not PlaceKind.RECEIPT:
        return form_page(request, place, Filled(Draft()))
    code = parameters_of(request).text("code")
    answers = web_of(request).place_answers
    receipt = answers.receipt(place, code)
    used = await run_in_threadpool(answers.is_used, place, receipt) if receipt else False
    if used:
        return thanks_page(request, place, "place.used")
    return form_page(request, place, Filled(Draft(), code=code), {"code": WRONG_CODE} if code and not receipt else {})


async def send(request: Request) -> Response:
    """Take the answer, or show what is wrong with the typed text kept."""
    form, place, web = await read_form(request), place_of(request), web_of(request)
    if place is None:
        return gone(request)
    key = form.get(VISIT, "")[:LONGEST_KEY]
    filled, about = filled_in(form, SCALES[place.question]), form_about(place, key)
    if not key or came_from(request, form, web.links, "place", about, web.now()) != Came.PAGE:
        return form_page(request, place, filled, {"": "answer.stale"}, status=403)
    receipt = web.place_answers.receipt(place, filled.code) if place.kind is PlaceKind.RECEIPT else ""
    if faults := {**filled.faults(), **({"code": WRONG_CODE} if receipt is None else {})}:
        return form_page(request, place, filled, faults, key=key, status=400)
    network, language = address_prefix(client_of(request.scope)), language_of(request, place)
    visit = Visit(key, network, language, bool(form.get(TRAP)), receipt or "")
    try:
        outcome = await run_in_threadpool(web.place_answers.answer, place, visit, said(filled))
    except NotNow:
        return form_page(request, place, filled, {"": "page.error.body"}, key=key, status=503)
    if outcome.taken == Taken.GONE:
        return gone(request)
    query = f"lang={language}" + (f"&{APART}=yes" if outcome.taken == Taken.APART else "")
    if outcome.given and place.kind is not PlaceKind.KIOSK:
        query += f"&{GIVEN}={web.links.sign(GIVEN, outcome.given)}"
    return RedirectResponse(pages_of(request).url(f"{request.url.path}/thanks?{query}"), status_code=303)


async def thanks(request: Request) -> Response:
    """Say thank you, and nothing of what was answered: the next person may stand here."""
    place = place_of(request)
    if place is None:
        return gone(request)
    apart = "place.apart-receipt" if place.kind is PlaceKind.RECEIPT else "place.apart"
    return thanks_page(request, place, apart if parameters_of(request).flag(APART) else "place.thanks")


def thanks_page(request: Request, place: Place, text: str) -> Response:
    """Write the page after an answer; `text` is the id of what it says."""
    pages = pages_of(request)
    again = pages.url(request.url.path.removesuffix("/thanks"))  # in the place's language, not in the former person's
    values = {
        "again": again if place.kind is PlaceKind.KIOSK else "",
        "seconds": KIOSK_RESTS,
        "text": text,
        "own": own_link(request, place),
    }
    return pages.show(request, "place-thanks.html", language_of(request, place), values)


def own_link(request: Request, place: Place) -> str:
    """Return the address by which whoever answered reads, changes or deletes it; none at a screen that all use.

    Whoever comes next would have it, by the button Back or a glance; six seconds are too short to scan it.
    """
    links, token = web_of(request).links, parameters_of(request).text(GIVEN)
    id = links.read(GIVEN, token) if place.kind is not PlaceKind.KIOSK else None
    return links.given_url(id) if id else ""


def place_of(request: Request) -> Place | None:
    """Return the place that the link's token names while it takes answers, or None."""
    web = web_of(request)
    id = web.links.read("place", request.path_params["token"])
    return web.place_answers.open_place(id) if id else None


def language_of(request: Request, place: Place) -> str:
    """Return the language that was chosen on the page, else the place's own, else the one the browser asks for."""
    return pages_of(request).language(request, place.language)


def form_about(place: Place, key: str) -> str:
    """Return what the nonce of a form is about: a page of an earlier question of the place is none of this one."""
    return f"{place.id}/{key}" + ("" if place.question is QuestionKind.NPS else f"/{place.question}")


def filled_in(form: Mapping[str, str], scale: Scale) -> Filled:
    """Return what stands in a posted form whose question has a scale."""
    address, code = form.get("address", "").strip(), form.get("code", "").strip()
    return Filled(posted(form, scale), address[:LONGEST_ADDRESS], code[: LONGEST_KEY * 4])


def said(filled: Filled) -> Said:
    """Return what was filled in; how to reach somebody only where they want to be contacted."""
    draft = filled.draft
    comment = draft.comment.strip()
    if not draft.wants_contact:
        return Said(draft.score or 0, comment)
    address = one_address(filled.address) or ""
    return Said(draft.score or 0, comment, True, draft.phone, address, draft.half_day)


def form_page(
    request: Request,
    place: Place,
    filled: Filled,
    faults: Mapping[str, str] | None = None,
    *,
    key: str = "",
    status: int = 200,
) -> Response:
    """Write the page with its form; `faults` are ids of texts by field, "" for the whole form."""
    web, key = web_of(request), key or secrets.token_urlsafe(16)
    values = {
        "label": place.label,
        "kiosk": place.kind is PlaceKind.KIOSK,
        "draft": filled.draft,
        "address": filled.address,
        "receipt": place.kind is PlaceKind.RECEIPT,
        "code": filled.code,
        "faults": faults or {},
        **scale_shown(kept_as(place.question)),
        "visit": key,
        "nonce": new_nonce(web.links, "place", form_about(place, key), web.now()),
    }
    headers = {"Cache-Control": "no-store"}
    language, asking = language_of(request, place), Asking(place.question, None)
    return pages_of(request).show(
        request, "place.html", language, values, status=status, headers=headers, asking=asking
    )


routes = [
    Route("/p/{token}", show, methods=["GET"]),
    Route("/p/{token}", send, methods=["POST"]),
    Route("/p/{token}/thanks", thanks, methods=["GET"]),
]
