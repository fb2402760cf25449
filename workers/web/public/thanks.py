"""The page after an answer, /a/TOKEN/thanks: thank you, and what weighed most on the score, to tap for those who like.

The score is saved before this page is seen; nothing on it is needed. Works without JavaScript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.calendar import half_day_after, in_zone
from workers.domain.drivers import MOST_CHOSEN, OTHER, Driver, offered, shuffled
from workers.domain.mail.compose.facts import promise_words
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.records import Response as Known
from workers.domain.records.choices import codes_in
from workers.domain.types import Band
from workers.errors import NotNow
from workers.text.masking import beginning
from workers.usecases.customer_actions import AskedPage
from workers.web.http.answers.pages import READER, gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, after_posting, came_from, just_posted, new_nonce, read_form
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.public.answer import KEEP, NO, asking_of, request_id

LONGEST_COMPETITOR = 1_000  # characters
FIELD = "driver."
"""What the name of a driver's field begins with; the code follows."""
SAVED = "saved"
"""Name of the query parameter that says that the reasons were just kept."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """What stands in the form: the codes that are tapped, and what is written of another company."""

    drivers: tuple[str, ...] = ()
    competitor: str = ""

    def faults(self) -> dict[str, str]:
        """Return the id of the text that says what is wrong, by field."""
        wrong = {}
        if len(self.drivers) > MOST_CHOSEN:
            wrong["drivers"] = "drivers.too-many"
        if len(self.competitor) > LONGEST_COMPETITOR:
            wrong["competitor"] = "answer.comment-long"
        return wrong


@dataclass(frozen=True, slots=True)
class Choice:
    """One box to tap."""

    code: str
    name: str
    chosen: bool


async def thanks(request: Request) -> Response:
    """Say thank you, and until when the answer may be changed; ask what weighed most, and show what was tapped."""
    asked = await run_in_threadpool(answered, request)
    if asked is None:
        return gone(request)
    if asked.response is None:
        return RedirectResponse(pages_of(request).url(request.url.path.removesuffix("/thanks")), status_code=303)
    return page(request, asked, asked.response, Reasons(codes_in(asked.response.drivers)))


async def send(request: Request) -> Response:
    """Keep the reasons, or show what is wrong with all that was tapped and typed kept."""
    web = web_of(request)
    asked = await run_in_threadpool(answered, request)
    if asked is not None:
        setattr(request.state, READER, asked.request.language)
    form = await read_form(request)
    if asked is None or asked.response is None:
        return gone(request)
    known, response = asked.request.id, asked.response
    reasons = posted(form, shuffled(offer_of(asked, response, web.policy()), known))
    came = came_from(request, form, web.links, "drivers", known, web.now())
    if came == Came.STALE:
        return page(request, asked, response, reasons, {"": "answer.stale"}, status=403)
    if faults := reasons.faults():
        return page(request, asked, response, reasons, faults, status=400)
    keeps_words = not reasons.competitor and form.get(KEEP, "").lower() not in NO
    competitor = None if response.band != Band.PASSIVE.value or keeps_words else reasons.competitor
    try:
        taken = await run_in_threadpool(web.customer_actions.name_drivers, known, reasons.drivers, competitor)
    except NotNow:
        return page(request, asked, response, reasons, {"": "page.error.body"}, status=503)
    if not taken:
        return gone(request)
    pages = pages_of(request)
    query = f"lang={pages.language(request, asked.request.language)}&{after_posting(web.links, known, web.now())}"
    return RedirectResponse(pages.url(f"{request.url.path}?{query}&{SAVED}=yes"), status_code=303)


def answered(request: Request) -> AskedPage | None:
    """Return the question that the link's token names while it takes answers. Reads the database."""
    key = request_id(request)
    asked = web_of(request).customer_actions.asked(key) if key else None
    return asked if asked is not None and asked.open else None


def posted(form: Mapping[str, str], codes: Sequence[str]) -> Reasons:
    """Return what was tapped of the codes that the page offers, and what was written; other names say nothing."""
    tapped = tuple(code for code in codes if form.get(f"{FIELD}{code}", "").lower() not in NO)
    return Reasons(tapped, form.get("competitor", "").strip())


def offer_of(asked: AskedPage, response: Known, policy: Policy) -> list[Driver]:
    """Return what may be tapped: what the question's trigger offers, and what was chosen before.

    Nothing where no NPS was asked: a reason has its words by band, and counts by what it does to the NPS.
    """
    if response.question:
        return []
    offer = offered(policy.drivers, asked.request.trigger)
    chosen = [policy.drivers[code] for code in codes_in(response.drivers) if code in policy.drivers]
    return [*offer, *(driver for driver in chosen if driver not in offer)]


def choices(asked: AskedPage, response: Known, policy: Policy, reasons: Reasons, catalog: Catalog) -> list[Choice]:
    """Return the boxes in the order of this question."""
    offer = offer_of(asked, response, policy)
    names = {driver.code: driver.name(catalog.language, response.band) for driver in offer}
    return [
        Choice(code, catalog.text("driver.other", {}) if code == OTHER else names[code], code in reasons.drivers)
        for code in shuffled(offer, asked.request.id)
    ]


def page(
    request: Request,
    asked: AskedPage,
    response: Known,
    reasons: Reasons,
    faults: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    """Write the page; `faults` are ids of texts by field, "" for the whole form."""
    web, pages = web_of(request), pages_of(request)
    language = pages.language(request, asked.request.language)
    catalog = pages.catalog(language)
    closes = in_zone(asked.request.closes_at, web.templates.brand.time_zone)
    mine = just_posted(request, web.links, asked.request.id, web.now())
    said = response.competitor or ""
    values = {
        "answer": response,
        "comment": response.comment if mine else beginning(response.comment),
        "until": catalog.date(closes.date(), "format.weekday"),
        **contact_shown(asked, web.policy(), catalog),
        "form": f"{pages.url(request.url.path.removesuffix('/thanks'))}?lang={language}",
        "choices": choices(asked, response, web.policy(), reasons, catalog),
        "field": FIELD,
        "most": MOST_CHOSEN,
        "passive": response.band == Band.PASSIVE.value,
        "competitor": reasons.competitor or (said if mine else ""),
        "began": "" if mine or reasons.competitor else beginning(said),
        "longest": LONGEST_COMPETITOR,
        "saved": request.method == "GET" and parameters_of(request).flag(SAVED),
        "faults": faults or {},
        "nonce": new_nonce(web.links, "drivers", asked.request.id, web.now()),
    }
    return pages.show(request, "thanks.html", language, values, status=status, asking=asking_of(asked))


def contact_shown(asked: AskedPage, policy: Policy, catalog: Catalog) -> dict[str, str]:
    """Return how and by when somebody contacts a customer who asked for it, as the mail will promise it."""
    due, response = asked.contact_due, asked.response
    if due is None or response is None:
        return {"contact_by": "", "promise": ""}
    promise = half_day_after(due, policy.calendar)
    shown = {
        "promise_date": catalog.date(promise.day, "format.weekday"),
        "promise_half_day": promise.part.value,
        "promise_time": in_zone(promise.limit, policy.calendar.zone).strftime("%H:%M"),
    }
    number = response.phone or asked.customer.phone
    return {"contact_by": "call" if number else "write", "promise": promise_words(shown, catalog)}


routes = [
    Route("/a/{token}/thanks", thanks, methods=["GET"]),
    Route("/a/{token}/thanks", send, methods=["POST"]),
]
