"""Try it yourself, /try: in a demo, a visitor becomes a customer, gets the mail, answers, and sees what follows.

The event takes the door that a CRM's takes. Only in a demo, only for this machine; elsewhere there is no such path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.explain.view import Entry
from workers.domain.mail.compose.facts import one_line
from workers.domain.mail.translations import Catalog
from workers.domain.reporting import RECOVERY
from workers.domain.types import DispatchState, Ingress
from workers.errors import Never
from workers.store.demo.crowd import count_visitors
from workers.store.ledger import Incoming
from workers.usecases.sign_in.accounts import Role
from workers.web.http.answers.banner import CASE_COOKIE, HOSTS, LEAPS, players, tour_of
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.forms import foreign, read_form, same_token
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.http.requests.tour import PRIVACY, TRY_PREFIX, Tour
from workers.web.staff.customers import explained
from workers.web.staff.frame import AGENTS, TOKEN_FIELD, Visitor, language_of, local, remember_language, visitor_of

CONTENT_TYPE = "application/cloudevents+json"
LABELS = {"en": "Arc lamp", "fr": "lampe Arc"}
PHONE = "+33 6 39 98 01 23"
"""One of the numbers that France keeps for films and books (ARCEP decision 2018-0881): a call reaches nobody."""
LONGEST_NAME = 40
NOBODY = "Alex"
SOON = timedelta(seconds=20)
"""What is due within this time is waited for; what should have come long ago is held, and waits for something else."""
PENDING = ("planned", "held")


@dataclass(frozen=True, slots=True)
class Step:
    """What a visitor can do next: the text `try.next.NAME`, where to do it, and what the text needs."""

    name: str
    url: str = ""
    what: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Got:
    """One mail that the visitor got."""

    subject: str
    language: str
    at: str
    url: str


def demo_of(request: Request) -> Tour:
    """Return the tour; 404 outside a demo, and for other machines."""
    tour = tour_of(request, web_of(request))
    if tour is None:
        raise HTTPException(404)
    return tour


async def posted(request: Request, tour: Tour) -> dict[str, str]:
    """Return the fields of one of the demo's own forms; raises 403 for a form that another site made."""
    form = await read_form(request)
    if foreign(request) or not same_token(form.pop(TOKEN_FIELD, ""), tour.token):
        raise HTTPException(403)
    return form


async def move_clock(request: Request) -> Response:
    """Move the demo's time on, do what comes due, and show the page again; 400 for no leap of ours."""
    tour = demo_of(request)
    form = await posted(request, tour)
    leap = LEAPS.get(form.get("by", ""))
    if leap is None:
        raise HTTPException(400)
    await run_in_threadpool(tour.advance, leap)
    back = form.get("back", "")
    return RedirectResponse(pages_of(request).url(back if local(back) else "/"), status_code=303)


async def begin(request: Request) -> Response:
    """Take in the delivery of a visitor's order, as the CRM would send it, and let the question leave."""
    tour = demo_of(request)
    form = await posted(request, tour)
    id = await run_in_threadpool(take_in, request, tour, form)
    answer = RedirectResponse(pages_of(request).url(f"/try/{id}"), status_code=303)
    answer.set_cookie(CASE_COOKIE, id, httponly=True, samesite="lax")
    return answer


def take_in(request: Request, tour: Tour, form: dict[str, str]) -> str:
    """Make the event, give it to the intake, do what is due; return the customer's CRM id."""
    web = web_of(request)
    with web.store.reading() as connection:
        id = f"{TRY_PREFIX}{count_visitors(connection, TRY_PREFIX) + 1}"
    name = one_line(form.get("name", ""), LONGEST_NAME) or NOBODY
    event = delivery(id, name, form.get("language", ""), web.now())
    web.intake.take([Incoming(orjson.dumps(event), {}, CONTENT_TYPE)], Ingress.HTTP)
    tour.advance(timedelta(0))
    return id


def delivery(id: str, name: str, language: str, now: datetime) -> dict[str, object]:
    """Return the event of a parcel that has just arrived."""
    language = language if language in LABELS else "en"
    customer = {
        "id": id,
        "email": f"{id}@example.org",
        "name": name,
        "phone": PHONE,
        "language": language,
        "time_zone": "Europe/Paris",
        "segment": "west",
        "may_promote": True,
    }
    return {
        "specversion": "1.0",
        "id": f"{id}-delivery",
        "source": "lamp-shop",
        "type": "boucle.journey.delivery.v1",
        "subject": id,
        "time": now.isoformat(),
        "data": {"customer": customer, "reference": f"{id}-1", "label": LABELS[language], "product": LABELS[language]},
    }


async def to_form(request: Request) -> Response:
    """Lead to the form, which stands in the story."""
    demo_of(request)
    return RedirectResponse(pages_of(request).url("/#try"), status_code=303)


async def show_privacy(request: Request) -> Response:
    """Say what a company's own page would tell here, and what Boucle does for it."""
    demo_of(request)
    return pages_of(request).say(request, "privacy", 200)


async def show_case(request: Request) -> Response:
    """Show what has happened to one visitor so far, and what to do next."""
    demo_of(request)
    visitor = await visitor_of(request)
    return await run_in_threadpool(write_case, request, visitor)


def write_case(request: Request, visitor: Visitor | None) -> Response:
    """Read the case and write its page; 404 for a customer who is no visitor."""
    web, pages, id = web_of(request), pages_of(request), str(request.path_params["id"])
    language = language_of(request)
    catalog = pages.catalog(language)
    story = explained(web, id, catalog) if id.startswith(TRY_PREFIX) else None
    if story is None:
        raise HTTPException(404)
    reader = Reader(request, web, catalog, visitor)
    customer = cast(Entry, story["customer"])
    step = reader.step(story)
    values = {
        "customer": {name: one_line(customer.get(name), 80) for name in ("id", "name", "email")},
        "step": step,
        "reload": step.name in ("settling", "soon"),
        "mails": reader.mails(story),
        "tickets": [(entry["number"], reader.ticket(entry)) for entry in listed(story, "tickets")],
        "why": [entry["reason"] for entry in listed(story, "decisions") if entry["state"] == "current"],
        "page": reader.go(f"/customers/{id}", "ines"),
        "next_ask": cast(Entry, story["next_ask"])["reason"],
    }
    return remember_language(request, pages.show(request, "try.html", language, values))


def listed(story: Entry, name: str) -> list[Entry]:
    """Return one list of an explanation."""
    return cast("list[Entry]", story[name])


class Reader:
    """Reads one case for one visitor."""

    def __init__(self, request: Request, web: Web, catalog: Catalog, visitor: Visitor | None) -> None:
        self._request = request
        self._web = web
        self._catalog = catalog
        self._visitor = visitor
        self._links: dict[str, str] = {}

    def go(self, path: str, name: str) -> str:
        """Return the address of a page for staff: by a link that signs a person in, unless the visitor may see it."""
        role = self._visitor.user.role if self._visitor else None
        allowed = AGENTS if path.startswith("/tickets") else frozenset[Role](HOSTS)
        pages = pages_of(self._request)
        if role in allowed:
            return pages.url(path)
        ways = players(self._request, self._web, path, (name,))
        return pages.url(ways[0].url if ways else path)

    def ticket(self, entry: Entry) -> str:
        """Return the address of a ticket."""
        return self.go(f"/tickets/{entry['number']}", "claire")

    def step(self, story: Entry) -> Step:
        """Return what can be done next: what waits for the visitor first, then for the team, then for the clock."""
        finders: tuple[Callable[[Entry], Step | None], ...] = (
            self._unanswered,
            self._settling,
            self._open_ticket,
            self._wanted,
            self._won_back,
            self._waiting,
        )
        return next((next_step for find in finders if (next_step := find(story)) is not None), Step("nothing"))

    def _unanswered(self, story: Entry) -> Step | None:
        waiting = {question["id"] for question in listed(story, "survey_requests") if question["state"] == "open"}
        asking = (
            question for question in self._left(story) if question["request"] in waiting and is_question(question)
        )
        answer = self._web.links.answer_url
        return next((Step("mail", self._act(question, answer(str(question["request"])))) for question in asking), None)

    def _settling(self, story: Entry) -> Step | None:
        settling = any(response["state"] == "settling" for response in listed(story, "responses"))
        return Step("settling") if settling else None

    def _open_ticket(self, story: Entry) -> Step | None:
        open_tickets = [entry for entry in listed(story, "tickets") if entry["state"] != "done"]
        if not open_tickets:
            return None
        return Step("ticket", self.ticket(open_tickets[0]), when=self._moment(open_tickets[0]["due_at"]))

    def _wanted(self, story: Entry) -> Step | None:
        """Return the mail that asks for words and has none yet."""
        asked = {str(entry["response"]) for entry in listed(story, "testimonials") if entry["state"] == "asked"}
        silent = {str(entry["id"]) for entry in listed(story, "responses") if not entry["improvement"]}
        for entry in self._left(story):
            template, response = str(entry["template"]), str(entry["response"])
            if template.endswith("testimonial") and response in asked:
                return Step("testimonial", self._act(entry, self._web.links.testimonial_url(response)))
            if template.startswith("improve-") and response in silent:
                return Step("improve", self._act(entry, self._web.links.improvement_url(response)))
        return None

    def _won_back(self, story: Entry) -> Step | None:
        """Return the report, where it counts the visitor among those who answered better after a ticket."""
        scores = {str(response["trigger"]): cast(int, response["score"]) for response in listed(story, "responses")}
        again = scores.pop(RECOVERY, None)
        better = again is not None and any(again > score for score in scores.values())
        return Step("won", self.go("/report#loop", "ines")) if better else None

    def _waiting(self, story: Entry) -> Step | None:
        """Return what comes due next when the clock moves on."""
        waiting = [(entry["due_at"], entry) for entry in listed(story, "actions") if entry["state"] in PENDING]
        waiting += [(entry["expected_at"], entry) for entry in listed(story, "touchpoints") if entry["expected_at"]]
        if not waiting:
            return None
        due, first = min(waiting, key=lambda pair: str(pair[0]))
        soon = abs(datetime.fromisoformat(str(due)) - self._web.now()) <= SOON
        return Step("soon" if soon else "clock", what=self._what(first), when=self._moment(due))

    def _what(self, entry: Entry) -> str:
        """Return what waits, in words."""
        name = str(entry.get("name") or entry.get("touchpoint"))
        text_id = next((id for id in (f"try.what.{name}", f"report.touchpoint.{name}") if id in self._catalog.ids), "")
        return self._catalog.text(text_id, {}) if text_id else name.replace("_", " ")

    def mails(self, story: Entry) -> list[Got]:
        """Return the mails that the visitor got, the newest first."""
        got = []
        for entry in self._left(story):
            subject, language = self._subject(str(entry["id"])) or (str(entry["template"]), "en")
            got.append(Got(subject, language, self._moment(entry["at"]), self._mail(entry)))
        return got

    def _left(self, story: Entry) -> list[Entry]:
        left = [
            entry
            for entry in listed(story, "mails")
            if entry["kind"] == "mail" and entry["state"] == DispatchState.ACCEPTED and entry["template"] != "ticket"
        ]
        return sorted(left, key=lambda entry: (str(entry["at"]), str(entry["id"])), reverse=True)

    def _subject(self, id: str) -> tuple[str, str] | None:
        if self._web.mailbox is None:
            return None
        try:
            kept = self._web.mailbox.read(id).kept
        except Never:
            return None
        return one_line(kept.subject, 120), kept.language

    def _act(self, entry: Entry, link: str) -> str:
        """Return where to act on a mail: in the mailbox, or by its link when mails leave by a mail server."""
        return link if self._web.mailbox is None else self._mail(entry)

    def _mail(self, entry: Entry) -> str:
        if self._web.mailbox is None:
            return self.go(f"/sent/{entry['id']}", "ines")
        return pages_of(self._request).url(f"/mailbox/{entry['id']}")

    def _moment(self, at: object) -> str:
        when = datetime.fromisoformat(str(at))
        return self._catalog.moment(in_zone(when, self._web.templates.brand.time_zone))


def is_question(entry: Entry) -> bool:
    """Tell whether a mail asks for a score."""
    return str(entry["template"]).startswith("ask-") or entry["template"] == "reminder"


routes = [
    Route("/clock", move_clock, methods=["POST"]),
    Route("/try", to_form, methods=["GET"]),
    Route("/try", begin, methods=["POST"]),
    Route(PRIVACY, show_privacy, methods=["GET"]),
    Route("/try/{id}", show_case, methods=["GET"]),
]
