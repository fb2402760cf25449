"""What the script of a site asks: /w/v1.js, and POST /w/config, /w/ask, /w/shown, /w/closed, /w/answer.

JSON from the origins of `rules/sites.yaml` and no other, without cookies. Who gets no question gets 204, whatever the
reason is; `explain` tells it. Nothing changes by a GET.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.drivers import offered
from workers.domain.records import SurveyRequest
from workers.domain.reporting.scales import SCALES, Scale, scale_of
from workers.domain.survey.request import language_of
from workers.domain.survey.web_ask import Visit, may_be_put_off
from workers.domain.types import QuestionKind
from workers.domain.web_sites import WebSite
from workers.usecases.places import place_answers as places
from workers.usecases.sites.anonymous_questions import Offer
from workers.usecases.sites.newcomers import take_in_newcomer
from workers.usecases.sites.web_questions import Taken
from workers.web.http.answers.problems import problem
from workers.web.http.middleware.limits import body_within
from workers.web.http.requests.clients import address_prefix, client_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.threads import run_in_threadpool

log = logging.getLogger(__name__)
SCRIPT = "question.js"
MOST_BYTES = 32_000
"""A comment of 5,000 signs, each of them written as an escape, and the rest."""
LONGEST_COMMENT = 5_000
LONGEST_TEXT = 2_000
KEPT_SECONDS = 3600
PREFLIGHT_SECONDS = 86_400
PURPOSE = "web"
"""What the signature of a question is for: a link of a mail opens nothing here, and none of these opens a page."""
NAMELESS = "web.nameless"
"""The same for a question that was asked of nobody whom we know."""
WITHOUT_NAME = "anonymous"
"""What a page says instead of a visitor's token."""
JSON = "application/json"
LATER = "later"
"""How a customer closes a question that may come back."""

Fields = Mapping[str, object]
Door = Callable[[Request, Fields], Awaitable[Response]]
QuestionAct = Callable[[Request, Fields, SurveyRequest], Awaitable[Response]]
NamelessAct = Callable[[Request, Fields, WebSite], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is handed out: its id, what its signature is for, its language and wording, what it measures.

    `waits` says that the customer may put it off.
    """

    id: str
    purpose: str
    language: str
    wording: str | None
    question: str | None = None
    waits: bool = False


def script(request: Request) -> Response:
    """Answer the script, the same for every site."""
    asset = request.app.state.assets.get(SCRIPT)
    headers = {
        "ETag": f'"{asset.hash}"',
        "Cache-Control": f"public, max-age={KEPT_SECONDS}",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if f'"{asset.hash}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.kind)


async def preflight(request: Request) -> Response:
    """Let a browser ask first whether a page of a listed origin may send JSON here."""
    origin = request.headers.get("origin", "")
    if not web_of(request).web_questions.sites_of(origin):
        return Response(status_code=403, headers={"Vary": "Origin"})
    more = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "content-type",
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }
    return Response(status_code=204, headers=open_to(origin) | more)


def open_to(origin: str) -> dict[str, str]:
    """Return the headers that let one origin read an answer; never with cookies."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Link",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Origin",
    }


def door(answer: Door) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads one JSON object from a listed origin, and lets that origin read the answer."""

    async def endpoint(request: Request) -> Response:
        origin = request.headers.get("origin", "")
        if not web_of(request).web_questions.sites_of(origin):
            return problem(403, "This origin is not in rules/sites.yaml.", headers={"Vary": "Origin"})
        try:
            fields = orjson.loads(await body_within(request, MOST_BYTES))
        except orjson.JSONDecodeError:
            fields = None
        if isinstance(fields, dict):
            response = await answer(request, fields)
        else:
            response = problem(400, "The body must be one JSON object.")
        response.headers.update(open_to(origin))
        return response

    return endpoint


def text_of(fields: Fields, name: str) -> str:
    """Return a field that is a text of sensible length; empty for anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else ""


def site_of(request: Request, fields: Fields) -> WebSite | None:
    """Return the site that a page says it belongs to, where its origin is that site's."""
    site = web_of(request).web_questions.site(text_of(fields, "site"))
    return site if site and request.headers.get("origin", "") in site.origins else None


async def config(request: Request, fields: Fields) -> Response:
    """Answer which moments a site offers, on which pages, after how long."""
    site = site_of(request, fields)
    if site is None:
        return problem(404, "This origin has no such site in rules/sites.yaml.")
    offered = {"triggers": dict(site.triggers), "only": site.only, "never": site.never, "delay": site.delay}
    return Response(orjson.dumps(offered), media_type=JSON)


async def ask(request: Request, fields: Fields) -> Response:
    """Answer the question in words, or nothing where nobody is to be asked."""
    site, web, visitor = site_of(request, fields), web_of(request), fields.get("visitor")
    if site is None or not isinstance(visitor, str) or not visitor:
        return Response(status_code=204)
    offer = Offer(site, text_of(fields, "trigger"), text_of(fields, "page") or "/")
    language = language_of(text_of(fields, "lang"), web.policy())
    if visitor == WITHOUT_NAME:
        question = await run_in_threadpool(ask_nameless, web, offer, language)
    else:
        question = await run_in_threadpool(ask_customer, web, offer, language, visitor)
    if question is None:
        return Response(status_code=204)
    return Response(orjson.dumps(words(web, question)), media_type=JSON)


def ask_nameless(web: Web, offer: Offer, language: str) -> Question | None:
    """Ask a visitor without a name; None where nobody is asked. Reads the database."""
    id = web.anonymous_questions.ask(offer, secrets.token_urlsafe(16))
    return Question(id, NAMELESS, language, web.policy().wording(language, QuestionKind.NPS)) if id else None


def ask_customer(web: Web, offer: Offer, language: str, token: str) -> Question | None:
    """Ask the customer whom a visitor's token names; None where they are not asked. Writes to the database."""
    visitor = web.web_questions.visitor(offer.site, token)
    if visitor is None:
        return None
    if offer.site.offers(offer.trigger, offer.page) and not web.web_questions.knows(visitor):
        if not offer.site.newcomers:
            log.info("site %s: nobody has named this visitor", offer.site.id, extra={"action": "web.visitor_unknown"})
            return None
        take_in_newcomer(web.intake, offer.site, visitor, web.now)
    visit = Visit(offer.site, offer.trigger, offer.page, visitor.reference, language)
    asked = web.web_questions.ask(visitor, visit)
    if asked is None:
        return None
    waits = may_be_put_off(asked)
    return Question(asked.id, PURPOSE, asked.language, asked.wording, asked.question, waits=waits)


def words(web: Web, asked: Question) -> dict[str, object]:
    """Return the question as the box shows it, with the signature that its answer needs."""
    language, templates = asked.language, web.templates
    scale = scale_of(asked.question)
    catalog = templates.catalog_asking(language, templates.wordings().with_id(asked.wording), scale.kind)

    def text(id: str) -> str:
        return catalog.text(id, {"brand": templates.brand.name})

    return {
        "id": asked.id,
        "sig": web.links.sign(asked.purpose, asked.id),
        "lang": language,
        "dir": catalog.locale.text_direction,
        "title": text("web.title"),
        "question": text("question"),
        "from": scale.lowest,
        "to": scale.highest,
        "low": text(f"score.{scale.lowest}"),
        "high": text(f"score.{scale.highest}"),
        "why": text("answer.why"),
        "send": text("answer.send"),
        "sending": text("web.sending"),
        "later": text("web.later") if asked.waits else "",
        "close": text("web.close"),
        "opened": text("web.opened"),
        "choose": text("web.choose"),
        "failed": text("web.failed"),
        "gone": text("web.gone"),
        "thanks": text("web.thanks"),
        "own": text("place.own" if asked.purpose == NAMELESS else "web.reasons"),
    }


def signed_id(request: Request, fields: Fields, purpose: str) -> str:
    """Return the id of the question that is signed for a purpose; empty for none."""
    id = text_of(fields, "id")
    return id if id and web_of(request).links.read(purpose, text_of(fields, "sig")) == id else ""


async def question_of(request: Request, fields: Fields) -> SurveyRequest | None:
    """Return the question that is signed for, where it was asked on a site of this origin."""
    id, questions = signed_id(request, fields, PURPOSE), web_of(request).web_questions
    return await run_in_threadpool(questions.question, id, request.headers.get("origin", "")) if id else None


def nameless_site(request: Request, fields: Fields) -> WebSite | None:
    """Return the site of a question that is signed for and was asked of nobody whom we know."""
    id, questions = signed_id(request, fields, NAMELESS), web_of(request).anonymous_questions
    return questions.site(id, request.headers.get("origin", "")) if id else None


def about_a_question(act: QuestionAct, nameless: NamelessAct) -> Door:
    """Return a door that acts on the question that is signed for, and refuses where there is none."""

    async def answer(request: Request, fields: Fields) -> Response:
        if site := nameless_site(request, fields):
            return await nameless(request, fields, site)
        asked = await question_of(request, fields)
        if asked is None:
            return problem(403, "This is no question of this site.")
        return await act(request, fields, asked)

    return answer


async def keep_nothing(request: Request, fields: Fields, site: WebSite) -> Response:
    """Keep nothing: of who has no name only an answer is kept."""
    return Response(status_code=204)


async def shown(request: Request, fields: Fields, asked: SurveyRequest) -> Response:
    """Keep that the question stood on the page."""
    await run_in_threadpool(web_of(request).web_questions.shown, asked)
    return Response(status_code=204)


async def closed(request: Request, fields: Fields, asked: SurveyRequest) -> Response:
    """Keep that the customer closed the question, or put it off; the first word counts."""
    for_now, questions = text_of(fields, "how") == LATER, web_of(request).web_questions
    await run_in_threadpool(lambda: questions.close(asked, for_now=for_now))
    return Response(status_code=204)


async def answer(request: Request, fields: Fields, asked: SurveyRequest) -> Response:
    """Take the score, and later the comment; the same once more changes nothing.

    The answer's header `Link` leads to the page on which the customer may tap what weighed most, where there is any.
    """
    if fault := fault_of(fields, scale_of(asked.question)):
        return problem(400, fault)
    web = web_of(request)
    score, comment, trapped = said(fields)
    taken = await run_in_threadpool(lambda: web.web_questions.answer(asked, score, comment, trapped=trapped))
    response = response_to(taken)
    if taken in (Taken.KEPT, Taken.SAME) and not asked.question and offered(web.policy().drivers, asked.trigger):
        response.headers["Link"] = f'<{web.links.answer_url(asked.id)}/thanks>; rel="edit"'
    return response


async def answer_nameless(request: Request, fields: Fields, site: WebSite) -> Response:
    """Take the same of who has no name; the answer's header `Link` leads to where they read, change or delete it."""
    if fault := fault_of(fields, SCALES[QuestionKind.NPS]):
        return problem(400, fault)
    web, id = web_of(request), text_of(fields, "id")
    score, comment, trapped = said(fields)
    language = language_of(text_of(fields, "lang"), web.policy())
    visit = places.Visit(id, address_prefix(client_of(request.scope)), language, trapped)
    answered = places.Said(score, comment)
    outcome = await run_in_threadpool(web.anonymous_questions.answer, id, site, visit, answered)
    if outcome is None or outcome.taken == places.Taken.GONE:
        return response_to(Taken.GONE if outcome else Taken.EARLY)
    return Response(status_code=204, headers={"Link": f'<{web.links.given_url(outcome.given)}>; rel="edit"'})


def fault_of(fields: Fields, scale: Scale) -> str:
    """Return what is wrong with an answer, empty for nothing."""
    score, comment = fields.get("score"), fields.get("comment", "")
    if type(score) is not int or not scale.takes(score):
        return f"score must be a whole number from {scale.lowest} to {scale.highest}."
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        return f"comment must be a text of at most {LONGEST_COMMENT:,} characters."
    return ""


def said(fields: Fields) -> tuple[int, str, bool]:
    """Return score and comment of an answer without a fault, and whether a machine filled in what nobody sees."""
    score, comment = fields["score"], fields.get("comment", "")
    return int(str(score)), str(comment).replace("\0", "").strip(), bool(fields.get("website"))


def response_to(taken: Taken) -> Response:
    """Return what an answer is answered with."""
    if taken == Taken.EARLY:
        return problem(409, "Nobody answers so soon: send it again in a moment.", title="Too early")
    if taken == Taken.GONE:
        return problem(410, "This question takes no answer any more.", title="Closed")
    return Response(status_code=204)


DOORS: Mapping[str, Door] = {
    "/w/config": config,
    "/w/ask": ask,
    "/w/shown": about_a_question(shown, keep_nothing),
    "/w/closed": about_a_question(closed, keep_nothing),
    "/w/answer": about_a_question(answer, answer_nameless),
}
routes = [
    Route("/w/v1.js", script, methods=["GET"]),
    *(Route(path, preflight, methods=["OPTIONS"]) for path in DOORS),
    *(Route(path, door(answers), methods=["POST"]) for path, answers in DOORS.items()),
]
