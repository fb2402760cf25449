"""The testimonial page, /t/TOKEN: a promoter writes, chooses the name and how far it goes, agrees, refuses, withdraws.

Opening it changes nothing. Nothing is publishable without the tick of consent, and the page stays the customer's own:
what was agreed to can be seen and withdrawn here for ever. Unknown and erased look alike.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.domain.mail.compose.facts import first_name, one_line
from workers.domain.types import TestimonialState
from workers.usecases.testimonials import SCOPES, TestimonialPage, Testimonials
from workers.web.http.answers.pages import gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import NONCE, Came, came_from, new_nonce, read_form
from workers.web.http.requests.threads import run_in_threadpool

LONGEST = 2_000  # characters of the testimonial; two or three sentences are asked for
LONGEST_NAME = 120
FULL_NAME, FIRST_NAME, NO_NAME = SCOPES


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form: `scope` says how the name is published, `agreed` that the consent was given."""

    wording: str = ""
    name: str = ""
    place: str = ""
    scope: str = FULL_NAME
    agreed: bool = False

    @property
    def shown_name(self) -> str:
        """The name as it would be published by the chosen scope; "" for none."""
        if self.scope == NO_NAME:
            return ""
        return self.name if self.scope == FULL_NAME else first_name(self.name)

    def faults(self) -> dict[str, str]:
        """Return the id of the text that says what is wrong, by field."""
        wrong = {}
        if not self.wording:
            wrong["wording"] = "testimonial.page.empty"
        elif len(self.wording) > LONGEST:
            wrong["wording"] = "answer.comment-long"
        if self.scope != NO_NAME and not self.shown_name:
            wrong["name"] = "testimonial.page.nameless"
        if not self.agreed:
            wrong["consent"] = "testimonial.page.disagreed"
        return wrong


def posted(form: dict[str, str]) -> Draft:
    """Unknown scopes count as the full name; name and place are cut to one line."""
    scope = form.get("scope", "")
    return Draft(
        wording=form.get("wording", ""),
        name=one_line(form.get("name", ""), LONGEST_NAME),
        place=one_line(form.get("place", ""), LONGEST_NAME),
        scope=scope if scope in SCOPES else FULL_NAME,
        agreed=bool(form.get("consent")),
    )


def draft_of(opened: TestimonialPage) -> Draft:
    """Return what is published, or a form with the customer's name: the link may have been passed on since."""
    written = opened.testimonial
    if written.state != TestimonialState.CONSENTED:
        return Draft(name=one_line(opened.customer.name or "", LONGEST_NAME))
    name = one_line(written.shown_name or opened.customer.name or "", LONGEST_NAME)
    return Draft(written.wording, name, written.place, written.scope or FULL_NAME)


async def show(request: Request) -> Response:
    """Show the testimonial as it stands, and the form."""
    opened = await run_in_threadpool(asked, request)
    return page(request, opened, draft_of(opened)) if opened else gone(request)


async def send(request: Request) -> Response:
    """Do what the button says: publish, refuse or withdraw."""
    web, form = web_of(request), await read_form(request)
    opened = await run_in_threadpool(asked, request)
    if opened is None:
        return gone(request)
    draft, act = posted(form), form.get("act", "publish")
    response = opened.response.id
    if came_from(request, form, web.links, "testimonial", response, web.now()) == Came.STALE:
        return page(request, opened, draft, {"": "answer.stale"}, status=403)
    faults = draft.faults() if act == "publish" else {}
    if faults:
        return page(request, opened, draft, faults, status=400)
    if not await run_in_threadpool(carry_out, web.testimonials, response, act, draft):
        return gone(request)
    pages = pages_of(request)
    language = pages.language(request, opened.testimonial.language)
    return RedirectResponse(pages.url(f"{request.url.path}?lang={language}"), status_code=303)


def carry_out(testimonials: Testimonials, response: str, act: str, draft: Draft) -> bool:
    """Do one act on the testimonial; False when there is none any more. Idempotent."""
    if act == "withdraw":
        return testimonials.withdraw(response)
    if act == "refuse":
        return testimonials.refuse(response)
    return testimonials.write(response, draft.wording, draft.shown_name, draft.place, draft.scope)


def asked(request: Request) -> TestimonialPage | None:
    """Return the testimonial that the link's token names. Reads the database."""
    web = web_of(request)
    id = web.links.read("testimonial", request.path_params["token"])
    return web.testimonials.page(id) if id else None


def page(
    request: Request, opened: TestimonialPage, draft: Draft, faults: dict[str, str] | None = None, *, status: int = 200
) -> Response:
    """Write the page; `faults` are ids of texts by field, "" for the whole form."""
    web, pages = web_of(request), pages_of(request)
    values = {
        "testimonial": opened.testimonial,
        "draft": draft,
        "faults": faults or {},
        "scopes": SCOPES,
        "no_name": NO_NAME,
        "longest": LONGEST,
        "longest_name": LONGEST_NAME,
        NONCE: new_nonce(web.links, "testimonial", opened.response.id, web.now()),
    }
    language = pages.language(request, opened.testimonial.language)
    return pages.show(request, "testimonial.html", language, values, status=status)


routes = [
    Route("/t/{token}", show, methods=["GET"]),
    Route("/t/{token}", send, methods=["POST"]),
]
