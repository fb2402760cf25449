"""The answer page, /a/TOKEN: the score preselected, one question, "please call me", send.

Opening it keeps a click and nothing else; only a posted form is an answer. Works without JavaScript. Closed, erased
and unknown links look alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.domain.mail.compose.facts import one_line
from workers.domain.records import Response as Known
from workers.domain.reporting.nps import band_of
from workers.domain.reporting.scales import SCALES, Scale, kind_of, scale_of
from workers.domain.types import QuestionKind
from workers.errors import NotNow
from workers.text.masking import beginning
from workers.usecases.customer_actions import AskedPage
from workers.web.http.answers.pages import READER, Asking, gone, pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import Came, after_posting, came_from, new_nonce, read_form
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool

HALF_DAYS = ("", "morning", "afternoon")
LONGEST_COMMENT = 5_000  # characters; some two pages
LONGEST_PHONE = 40
FEWEST_DIGITS = 4  # of a phone number; an extension is as short as that
DIGITS_SHOWN = 2  # of the number we have: the link may have been passed on
KEEP, KEEP_PHONE = "keep", "keep_phone"
"""Names of the fields by which the form says that what it did not show again still counts."""
NO = frozenset({"", "no", "0", "false", "off"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form: `score` is None until one is chosen, `half_day` when a call suits."""

    score: int | None = None
    comment: str = ""
    wants_contact: bool = False
    phone: str = ""
    half_day: str = ""

    def faults(self) -> dict[str, str]:
        """Return the id of the text that says what is wrong, by field."""
        wrong = {}
        if self.score is None:
            wrong["score"] = "answer.choose"
        if len(self.comment) > LONGEST_COMMENT:
            wrong["comment"] = "answer.comment-long"
        digits = sum(sign.isdigit() for sign in self.phone)
        if self.phone and (digits < FEWEST_DIGITS or len(self.phone) > LONGEST_PHONE):
            wrong["phone"] = "answer.phone-wrong"
        return wrong


def score_in(text: str, scale: Scale) -> int | None:
    """Return the score that a text names, or None for what is off the scale of the question."""
    return next((n for n in scale.numbers if text == str(n)), None)


def posted(form: Mapping[str, str], scale: Scale = SCALES[QuestionKind.NPS]) -> Draft:
    """Unknown values count as nothing: a score that is none, a half day that we do not offer."""
    half_day = form.get("half_day", "")
    return Draft(
        score=score_in(form.get("score", ""), scale),
        comment=form.get("comment", ""),
        wants_contact=form.get("wants_contact", "").lower() not in NO,
        phone=one_line(form.get("phone", "")),
        half_day=half_day if half_day in HALF_DAYS else "",
    )


def draft_of(response: Known | None) -> Draft:
    """Return what was answered before but for the words and the number: the link may have been passed on since."""
    if response is None:
        return Draft()
    return Draft(response.score, "", response.wants_contact, "", response.half_day)


def kept(draft: Draft, form: Mapping[str, str], response: Known | None) -> Draft:
    """Return what was typed, with the earlier comment and number where the form says to keep what it did not show."""
    if response is None:
        return draft
    comment = draft.comment or (response.comment if form.get(KEEP) else "")
    return replace(draft, comment=comment, phone=draft.phone or (response.phone if form.get(KEEP_PHONE) else ""))


async def show(request: Request) -> Response:
    """Show the form, with the score of the link or the earlier answer; keep the click."""
    web, id = web_of(request), request_id(request)
    asked = await run_in_threadpool(web.customer_actions.asked, id) if id else None
    if asked is None or not asked.open:
        return gone(request)
    score = score_in(parameters_of(request).values.get("score", ""), scale_of(asked.request.question))
    await run_in_threadpool(web.customer_actions.click, asked.request.id, score, request.method)
    draft = draft_of(asked.response)
    return form_page(request, asked, draft if score is None else replace(draft, score=score))


async def send(request: Request) -> Response:
    """Take the answer, or show what is wrong with the typed text kept."""
    web, id = web_of(request), request_id(request)
    asked = await run_in_threadpool(web.customer_actions.asked, id) if id else None
    if asked is not None:
        setattr(request.state, READER, asked.request.language)
    form = await read_form(request)
    if asked is None or not asked.open:
        return gone(request)
    draft = posted(form, scale_of(asked.request.question))
    faults = draft.faults()
    came = came_from(request, form, web.links, "answer", asked.request.id, web.now())
    if came == Came.STALE:
        return form_page(request, asked, draft, {"": "answer.stale"}, status=403)
    if faults:
        return form_page(request, asked, draft, faults, status=400)
    try:
        taken = await run_in_threadpool(take, request, asked, kept(draft, form, asked.response), came)
    except NotNow:
        return form_page(request, asked, draft, {"": "page.error.body"}, status=503)
    if not taken:
        return gone(request)
    language = pages_of(request).language(request, asked.request.language)
    query = f"lang={language}"
    if draft.comment:  # one that was kept and not typed is not shown
        query += f"&{after_posting(web.links, asked.request.id, web.now())}"
    return RedirectResponse(pages_of(request).url(f"{request.url.path}/thanks?{query}"), status_code=303)


def take(request: Request, asked: AskedPage, draft: Draft, came: Came) -> bool:
    """Keep the answer; False when the question has closed meanwhile. A program's post is marked beside it."""
    customer_actions = web_of(request).customer_actions
    taken = customer_actions.answer(
        asked.request.id,
        draft.score or 0,
        draft.comment,
        wants_contact=draft.wants_contact,
        phone=draft.phone if draft.wants_contact else "",
        half_day=draft.half_day if draft.wants_contact else "",
    )
    if taken and came == Came.DIRECT:
        customer_actions.click(asked.request.id, draft.score, "POST", "no form")
    return taken


async def trap(request: Request) -> Response:
    """Keep that somebody followed the link that no person sees; show nothing."""
    web, id = web_of(request), request_id(request)
    asked = await run_in_threadpool(web.customer_actions.asked, id) if id else None
    if asked is not None and asked.open:
        await run_in_threadpool(web.customer_actions.click, asked.request.id, None, request.method, "hidden link")
    return Response(status_code=204)


def request_id(request: Request) -> str | None:
    """Return the survey request that the link's token names, or None."""
    return web_of(request).links.read("answer", request.path_params["token"])


def form_page(
    request: Request, asked: AskedPage, draft: Draft, faults: dict[str, str] | None = None, *, status: int = 200
) -> Response:
    """Write the page with its form; `faults` are ids of texts by field, "" for the whole form."""
    web, pages = web_of(request), pages_of(request)
    question = asked.request
    earlier = asked.response
    phone = (earlier.phone if earlier else "") or asked.customer.phone or ""
    values = {
        "label": one_line(question.label, 120),
        "recovery": question.trigger == "recovery",
        "answered": earlier,
        "began": beginning(earlier.comment) if earlier else "",
        "draft": draft,
        "band": band_of(draft.score, question.question) if draft.score is not None else "",
        "faults": faults or {},
        **scale_shown(question.question),
        "phone_ends": end_of(phone),
        "nonce": new_nonce(web.links, "answer", question.id, web.now()),
        "trap": pages.url(f"/a/{request.path_params['token']}/more"),
    }
    language = pages.language(request, question.language)
    return pages.show(request, "answer.html", language, values, status=status, asking=asking_of(asked))


def end_of(phone: str) -> str:
    """Return what is shown of a number that we have, known to who left it alone; empty of one that is too short."""
    return phone[-DIGITS_SHOWN:] if sum(sign.isdigit() for sign in phone) >= FEWEST_DIGITS else ""


def scale_shown(question: str | None) -> dict[str, object]:
    """Return what a page shows of the scale of its question, and how long a comment may be."""
    scale = scale_of(question)
    buttons = [(n, band_of(n, question)) for n in scale.numbers]
    return {"scale": scale, "buttons": buttons, "longest": LONGEST_COMMENT}


def asking_of(asked: AskedPage) -> Asking:
    """Return what a question asks, for the page that shows it."""
    return Asking(kind_of(asked.request.question), asked.wording)


routes = [
    Route("/a/{token}", show, methods=["GET"]),
    Route("/a/{token}", send, methods=["POST"]),
    Route("/a/{token}/more", trap, methods=["GET"]),
]
