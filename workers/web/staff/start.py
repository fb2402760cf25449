"""The start page, /: where everything is. It shows only what this installation has.

In a demo it also tells the demo's story, each sentence with the page that shows it, and whom a visitor may play.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog
from workers.web.http.answers.banner import HOSTS, players, tour_of
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.http.requests.tour import Answered, Dip, Elsewhere, Followed, Span, Tour
from workers.web.staff.frame import language_of, remember_language, visitor_of
from workers.web.staff.report.wording import signed

Go = Callable[[str], str]
"""Gives the address of a page for staff."""

PLACES = ("mailbox", "report", "inbox", "queue", "tables")
"""Pages that people start from, in the order shown; each has the texts `start.NAME.title` and `start.NAME.body`."""
MACHINES = ("/openapi.json", "/healthz", "/readyz", "/metrics", "/v1/testimonials")
OPEN = frozenset({"mailbox"})
"""Places that need no login."""
BROKEN_TABLE = "/tables/follow-up#try"
HOST = "ines"
"""Whom the links of the story sign in: a lead may see every page."""
MINUTES = 60
Sentence = dict[str, object]
"""One sentence of the story: the id of its text, what the text needs, and the page that shows it."""


async def show(request: Request) -> Response:
    """Page /: for a demo with its story, else the places alone."""
    tour = tour_of(request, web_of(request))
    if tour is None:
        return write(request, {"story": None, "ways": {name: f"/{name}" for name in PLACES}})
    visitor = await visitor_of(request)
    sees_all = visitor is not None and visitor.user.role in HOSTS
    return await run_in_threadpool(write_story, request, tour, sees_all)


def write(request: Request, values: dict[str, object]) -> Response:
    """`values` are the story and the ways to the places."""
    pages = pages_of(request)
    there = places_there(request)
    shown = {"places": there, "machines": machines_there(request), **values}
    return remember_language(request, pages.show(request, "start.html", language_of(request), shown))


def machines_there(request: Request) -> list[str]:
    """Return what programs ask here; monitors may have an address of their own."""
    paths = {route.path for route in request.app.routes if isinstance(route, Route)}
    return [path for path in MACHINES if path in paths]


def places_there(request: Request) -> list[str]:
    """The mailbox is a place only where mails are kept in one."""
    paths = {route.path for route in request.app.routes if isinstance(route, Route)}
    with_mailbox = web_of(request).mailbox is not None
    return [name for name in PLACES if f"/{name}" in paths and (name != "mailbox" or with_mailbox)]


def write_story(request: Request, tour: Tour, sees_all: bool) -> Response:
    """`sees_all`: the visitor is signed in as somebody who may open every page, so that plain addresses do."""
    web, pages = web_of(request), pages_of(request)
    story = tour.story()
    playable = players(request, web)
    host = next((player.url for player in playable if player.name == HOST), "")

    def go(path: str) -> str:
        """Return the address of a page for staff, by a link that signs the visitor in where that is needed."""
        return path if sees_all or not host else f"{host}?{urlencode({'next': path})}"

    catalog = pages.catalog(language_of(request))
    paths = {getattr(route, "path", "") for route in request.app.routes}
    values = {
        "story": {
            "followed": sentences(story.followed, web, catalog, go) if story.followed else [],
            "said": story.followed,
            "dip": from_above(story.dip, go) if story.dip else [],
            "elsewhere": asked_elsewhere(story.elsewhere, go) if story.elsewhere else [],
            "table": go(BROKEN_TABLE) if "/tables/{name}" in paths else "",
            "players": playable,
            "token": tour.token,
        },
        "ways": {name: f"/{name}" if name in OPEN else go(f"/{name}") for name in PLACES},
    }
    return write(request, values)


def sentences(followed: Followed, web: Web, catalog: Catalog, go: Go) -> list[Sentence]:
    """Return the five sentences about one customer: asked, answered, called, done, asked again."""
    zone = web.templates.brand.time_zone

    def day(at: datetime) -> str:
        return catalog.date(in_zone(at, zone).date(), "format.weekday")

    def mail(id: str) -> str:
        return f"/mailbox/{id}" if web.mailbox is not None else go(f"/sent/{id}")

    hours, minutes = divmod(int(followed.called_after.total_seconds()) // MINUTES, MINUTES)
    called = catalog.text("tour.hours", {"h": hours, "m": f"{minutes:02}"}) if hours else f"{minutes} min"
    parts = (
        (
            "asked",
            {"day": day(followed.asked_at), "name": followed.name, "about": followed.about},
            mail(followed.asked_mail),
        ),
        ("answered", {"score": followed.score}, go(f"/customers/{followed.id}")),
        (
            "called",
            {"ticket": followed.ticket, "agent": followed.agent, "after": called},
            go(f"/tickets/{followed.ticket}"),
        ),
        (
            "done",
            {"day": day(followed.done_at), "outcome": catalog.text(f"outcome.{followed.outcome}", {})},
            mail(followed.done_mail),
        ),
        ("again", {"day": day(followed.again_at), "score": followed.again_score}, mail(followed.again_mail)),
    )
    return [{"text": name, "values": values, "url": url} for name, values, url in parts]


def from_above(dip: Dip, go: Go) -> list[Sentence]:
    """Return what the lead saw of the same year; each figure is the one that its page shows."""

    def of(part: Span, **more: str) -> str:
        return urlencode({"touchpoint": dip.touchpoint, "since": part.since, "until": part.until, **more})

    north = {"segment": dip.segment}
    late = {"theme": str(dip.theme_number), "band": "passive"}
    parts = [
        ("before", {"points": signed(dip.before.nps), "n": dip.before.n}, f"/report?{of(dip.before, **north)}"),
        ("fell", {"points": signed(dip.during.nps), "n": dip.during.n}, f"/report?{of(dip.during, **north)}"),
        (
            "elsewhere",
            {"points": signed(dip.elsewhere.nps), "n": dip.elsewhere.n},
            f"/report?{of(dip.elsewhere, without=dip.segment)}",
        ),
        ("why", {"n": dip.passives}, f"/report/responses?{of(dip.during, **north, **late)}"),
    ]
    if dip.people_told:
        parts.append(("told", {"n": dip.people_told}, f"/themes/{dip.theme_number}"))
    parts.append(
        ("recovered", {"points": signed(dip.after.nps), "n": dip.after.n}, f"/report?{of(dip.after, **north)}")
    )
    year = urlencode({"touchpoint": dip.touchpoint, **north})
    parts.append(("year", {}, f"/report?{year}#time"))
    return [{"text": name, "values": values, "url": go(path)} for name, values, path in parts]


def asked_elsewhere(elsewhere: Elsewhere, go: Go) -> list[Sentence]:
    """Return who was asked by SMS and on the site, each with the page that tells it; `said` is in their own words."""
    parts: list[tuple[str, dict[str, object], str, Answered | None]] = []
    if texter := elsewhere.by_sms:
        parts.append(("sms", {"name": texter.name}, f"/customers/{texter.id}", texter))
    if elsewhere.to_read:
        parts.append(("read", {"n": elsewhere.to_read}, "/sms", None))
    if visitor := elsewhere.on_site:
        parts.append(("web", {"name": visitor.name, "score": visitor.score}, f"/customers/{visitor.id}", visitor))
    if elsewhere.at_places:
        parts.append(("place", {"n": elsewhere.at_places}, "/places", None))
    if elsewhere.accounts:
        parts.append(("accounts", {"n": elsewhere.accounts}, "/accounts", None))
    return [{"text": name, "values": values, "url": go(path), "said": said} for name, values, path, said in parts]


routes = [Route("/", show, methods=["GET"])]
