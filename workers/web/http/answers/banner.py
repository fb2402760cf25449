"""The banner of a demo: its time, the buttons that move it, the way back to the story. No other page has one.

Only for this machine: who sees the buttons may play everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.routing import Match

from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.web.http.requests.clients import from_this_machine
from workers.web.http.requests.context import Web
from workers.web.http.requests.tour import TRY_PREFIX, Tour

CASE_COOKIE = "boucle_try"
LEAPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "fortnight": timedelta(weeks=2)}
"""The buttons of the clock."""
HOSTS = (Role.LEAD, Role.OPERATOR)
"""Roles that may open every page."""


@dataclass(frozen=True, slots=True)
class Banner:
    """What the banner shows; `seconds` is the time of day, which a script lets tick."""

    date: str
    clock: str
    seconds: int
    leaps: tuple[str, ...]
    token: str
    back: str
    case: str


def tour_of(request: Request, web: Web) -> Tour | None:
    """Return the tour, when this is a demo's page and this machine asks."""
    return web.tour if web.tour is not None and from_this_machine(request, web) else None


def banner(request: Request, web: Web, catalog: Catalog) -> Banner | None:
    """Return the banner of a page, or None outside a demo."""
    tour = tour_of(request, web)
    if tour is None:
        return None
    now = in_zone(web.now(), web.templates.brand.time_zone)
    return Banner(
        date=catalog.date(now.date(), "tour.date"),
        clock=now.strftime("%H:%M"),
        seconds=now.hour * 3600 + now.minute * 60 + now.second,
        leaps=tuple(LEAPS),
        token=tour.token,
        back=back_to(request),
        case=case_of(request),
    )


def case_of(request: Request) -> str:
    """Return the id of the visitor's own case, or nothing."""
    id = request.cookies.get(CASE_COOKIE, "")
    return id if id.startswith(TRY_PREFIX) and id.removeprefix(TRY_PREFIX).isdecimal() else ""


def back_to(request: Request) -> str:
    """Return the address to show again after the clock has moved: this page, where it can be opened by a link."""
    scope = {**request.scope, "method": "GET"}
    opens = any(route.matches(scope)[0] == Match.FULL for route in request.app.routes)
    if not opens:
        return "/"
    query = request.url.query if request.method == "GET" else ""
    return request.url.path + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody whom a visitor may be, and the link that makes them so once."""

    name: str
    role: Role
    url: str


def players(request: Request, web: Web, back: str = "", names: Sequence[str] = ()) -> list[Player]:
    """Return whom a visitor may be, with fresh one-time links that lead to `back`; nobody outside a demo."""
    if tour_of(request, web) is None:
        return []
    people: Accounts = request.app.state.people
    query = "?" + urlencode({"next": back}) if back else ""
    return [
        Player(person.name, person.role, f"/login/{people.login_token(person.name)}{query}")
        for person in people.everybody()
        if not names or person.name in names
    ]
