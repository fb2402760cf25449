"""Try it yourself, /try: in a demo, a visitor becomes a customer, gets the mail, answers, and sees what follows.

The event takes the door that a CRM's takes. Only in a demo, only for this machine; elsewhere there is no such path.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.domain.explain.view import Entry
from workers.domain.mail.compose.facts import one_line
from workers.domain.mail.translations import Catalog
from workers.domain.types import Ingress
from workers.errors import Never
from workers.store.demo.crowd import count_visitors
from workers.store.ledger import Incoming
from workers.web.demo.case_addresses import CaseAddresses
from workers.web.demo.next_step import NextStepFinder, listed, mails_received, moment
from workers.web.http.answers.banner import CASE_COOKIE, LEAPS, tour_of
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.forms import foreign, read_form, same_token
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.http.requests.tour import PRIVACY, TRY_PREFIX, Tour
from workers.web.staff.customers import explained
from workers.web.staff.frame import TOKEN_FIELD, Visitor, language_of, local, remember_language, visitor_of

CONTENT_TYPE = "application/cloudevents+json"
LABELS = {"en": "Arc lamp", "fr": "lampe Arc"}
PHONE = "+33 6 39 98 01 23"
"""One of the numbers that France keeps for films and books (ARCEP decision 2018-0881): a call reaches nobody."""
LONGEST_NAME = 40
NOBODY = "Alex"


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail that the visitor got; `at` is in words, `url` is where it is read."""

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
    addresses = CaseAddresses(request, web, visitor)
    customer = cast(Entry, story["customer"])
    step = NextStepFinder(web, catalog, addresses).find(story)
    values = {
        "customer": {name: one_line(customer.get(name), 80) for name in ("id", "name", "email")},
        "step": step,
        "reload": step.name in ("settling", "soon"),
        "mails": mails_shown(story, web, catalog, addresses),
        "tickets": [(ticket["number"], addresses.ticket(ticket)) for ticket in listed(story, "tickets")],
        "why": [decision["reason"] for decision in listed(story, "decisions") if decision["state"] == "current"],
        "page": addresses.staff_page(f"/customers/{id}", "ines"),
        "next_ask": cast(Entry, story["next_ask"])["reason"],
    }
    return remember_language(request, pages.show(request, "try.html", language, values))


def mails_shown(story: Entry, web: Web, catalog: Catalog, addresses: CaseAddresses) -> list[ReceivedMail]:
    """Return the mails that the visitor got, the newest first; one that is kept nowhere goes by its template's name."""
    shown = []
    for mail in mails_received(story):
        subject, language = subject_of(web, str(mail["id"])) or (str(mail["template"]), "en")
        shown.append(ReceivedMail(subject, language, moment(web, catalog, mail["at"]), addresses.mail(mail)))
    return shown


def subject_of(web: Web, id: str) -> tuple[str, str] | None:
    """Return subject and language of a mail, or None when it is not in the mailbox."""
    if web.mailbox is None:
        return None
    try:
        kept = web.mailbox.read(id).kept
    except Never:
        return None
    return one_line(kept.subject, 120), kept.language


routes = [
    Route("/clock", move_clock, methods=["POST"]),
    Route("/try", to_form, methods=["GET"]),
    Route("/try", begin, methods=["POST"]),
    Route(PRIVACY, show_privacy, methods=["GET"]),
    Route("/try/{id}", show_case, methods=["GET"]),
]
