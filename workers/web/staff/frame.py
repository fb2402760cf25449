"""The frame of the pages for people who work here: who is signed in, what their role may see, the token of each form.

A page is wrapped by `for_roles`; a form's act by `act_for_roles`, which keeps what was typed when the session has
ended or the page is stale. Nothing here knows what a page shows.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from workers.domain.types import ACCOUNT
from workers.store.sign_in.accounts import hash_token
from workers.usecases.sign_in.access_log import Access, AccessLog
from workers.usecases.sign_in.accounts import Accounts, Role, User
from workers.usecases.sign_in.sign_ins import SignIns
from workers.web.http.answers.banner import back_to, players
from workers.web.http.answers.pages import LANGUAGE, pages_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.forms import foreign, read_form, same_token
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool

COOKIE, LANGUAGE_COOKIE = "boucle_session", "boucle_lang"
TOKEN_FIELD = "csrf"
KEPT_PREFIX, KEPT_PATH = "kept.", "kept_path"
LANGUAGE_LASTS = 365 * 86_400  # seconds
Form = dict[str, str]
Page = Callable[[Request, "Visitor"], Awaitable[Response]]
Act = Callable[[Request, "Visitor", Form], Awaitable[Response]]
Again = Callable[[Request, "Visitor", Form, str], Awaitable[Response]]
"""Shows the page of an act once more with what was typed; the text is the id of the reason."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, and the token that each of their forms carries."""

    user: User
    token: str


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation: its text, its path, the roles it is for, and what has to be declared for it."""

    text: str
    path: str
    roles: frozenset[Role]
    attribute: str = ""
    """The attribute without which there is nothing to show."""

    def has(self, path: str) -> bool:
        """The place's own page is there, and every page below it."""
        return path == self.path or path.startswith(f"{self.path}/")


AGENTS = frozenset({Role.AGENT, Role.LEAD, Role.OPERATOR})
READERS = frozenset({Role.LEAD, Role.MARKETING, Role.OPERATOR})
MANAGERS = frozenset({Role.LEAD, Role.OPERATOR})
EVERYBODY = frozenset(Role)
PLACES = (
    Place("staff.nav.inbox", "/inbox", AGENTS),
    Place("staff.nav.customers", "/customers", AGENTS),
    Place("accounts.title", "/accounts", EVERYBODY, ACCOUNT),
    Place("sms.title", "/sms", AGENTS),
    Place("staff.nav.report", "/report", READERS),
    Place("places.title", "/places", READERS),
    Place("themes.title", "/themes", READERS),
    Place("staff.nav.queue", "/queue", READERS),
    Place("staff.nav.tables", "/tables", READERS),
    Place("people.title", "/people", MANAGERS),
)


def access_log_of(request: Request) -> AccessLog:
    access_log: AccessLog = request.app.state.access_log
    return access_log


def people_of(request: Request) -> Accounts:
    people: Accounts = request.app.state.people
    return people


def sign_ins_of(request: Request) -> SignIns:
    """Return what lets people in, and knows whose a session is."""
    sign_ins: SignIns = request.app.state.sign_ins
    return sign_ins


def cookie_name(web: Web) -> str:
    """Return the name of the session cookie; browsers hold a `__Host-` one to HTTPS and to this host."""
    return f"__Host-{COOKIE}" if secure(web) else COOKIE


def secure(web: Web) -> bool:
    """Tell whether browsers reach us by HTTPS."""
    return web.settings.base_url.startswith("https://")


def form_token(web: Web, session: str) -> str:
    """Return the token of a session's forms: another site can neither read nor make it."""
    return web.links.sign("staff-form", hash_token(session))


def session_token(request: Request) -> str:
    """Return the session that the browser's cookie names, whether it still lasts or not; empty for none of ours."""
    web = web_of(request)
    return web.links.read("session", request.cookies.get(cookie_name(web), "")) or ""


async def visitor_of(request: Request, *, seen: bool = True) -> Visitor | None:
    """Return who is signed in, or None; unless `seen` is False, the session has been used."""
    session = session_token(request)
    if not session:
        return None
    user = await run_in_threadpool(lambda: sign_ins_of(request).who(session, seen=seen))
    return Visitor(user, form_token(web_of(request), session)) if user else None


def for_roles(
    roles: frozenset[Role], *, by_itself: bool = False
) -> Callable[[Page], Callable[[Request], Awaitable[Response]]]:
    """Wrap a page that only these roles may see; others are asked to sign in, or told whom it is for.

    What a page asks for `by_itself` is no use of the session: a browser left open must not keep somebody signed in.
    """

    def wrap(page: Page) -> Callable[[Request], Awaitable[Response]]:
        @wraps(page)
        async def guarded(request: Request) -> Response:
            visitor = await visitor_of(request, seen=not by_itself)
            if visitor is None:
                return to_login(request)
            if visitor.user.role not in roles:
                return await run_in_threadpool(refused, request, visitor)
            return remember_language(request, await page(request, visitor))

        return guarded

    return wrap


def act_for_roles(
    roles: frozenset[Role], again: Again, *, as_typed: Collection[str] = ()
) -> Callable[[Act], Callable[[Request], Awaitable[Response]]]:
    """Wrap what a form does. `again` shows its page with what was typed, when the session or the page was too old.

    The fields `as_typed` are passwords: they are not cleaned, and not kept.
    """

    def wrap(act: Act) -> Callable[[Request], Awaitable[Response]]:
        @wraps(act)
        async def guarded(request: Request) -> Response:
            visitor, form = await visitor_of(request), await read_form(request, as_typed)
            if visitor is None:
                typed = {name: text for name, text in form.items() if name not in as_typed}
                return await run_in_threadpool(signed_out, request, typed)
            if visitor.user.role not in roles:
                return await run_in_threadpool(refused, request, visitor)
            fits = same_token(form.pop(TOKEN_FIELD, ""), visitor.token)
            if not fits or foreign(request):
                await run_in_threadpool(note_refusal, request, visitor, "foreign" if foreign(request) else "stale")
                return await again(request, visitor, form if not foreign(request) else {}, "staff.stale")
            return await act(request, visitor, form)

        guarded.again = again  # type: ignore[attr-defined]  # login.py finds it by the path of the kept form
        guarded.roles = roles  # type: ignore[attr-defined]
        return guarded

    return wrap


def to_login(request: Request) -> Response:
    """Send a visitor to the login page, which leads back here."""
    query = f"?{request.url.query}" if request.url.query else ""
    back = quote(f"{request.url.path}{query}", safe="/")
    return RedirectResponse(pages_of(request).url(f"/login?next={back}"), status_code=303)


def signed_out(request: Request, form: Form) -> Response:
    """Show the login page with what was typed kept in it; another site's form is not kept."""
    form.pop(TOKEN_FIELD, None)
    kept = {} if foreign(request) else form
    return login_page(request, back=request.url.path, kept=kept, problem="staff.session-over", status=401)


def login_page(
    request: Request,
    *,
    back: str = "",
    name: str = "",
    kept: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    """Write the login page; `kept` are the fields of a form that waits for the login."""
    web = web_of(request)
    values = {
        "back": back if local(back) else "",
        "name": name,
        "kept": kept or {},
        "problem": problem,
        "nobody": not people_of(request).everybody(),
        "oidc": bool(web.settings.oidc_issuer),
        "signed_in": None,
        "players": players(request, web, back if local(back) else ""),
    }
    return pages_of(request).show(request, "login.html", language_of(request), values, status=status)


def local(path: str) -> bool:
    """Tell whether a path stays on this server: nobody is led elsewhere by a login."""
    return path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path


def home_of(role: Role) -> str:
    """Return the page that a role starts on; marketing has no inbox."""
    return "/report" if role == Role.MARKETING else "/inbox"


def note_refusal(request: Request, visitor: Visitor, why: str) -> None:
    """Keep that a person was refused a page or an act; a refused act is audited, a page only logged and counted."""
    place = f"/{request.url.path.split('/')[1]}"
    by = visitor.user.name if request.method == "POST" else ""
    access_log_of(request).note(Access.ACT, why, by=by, place=place)


def refused(request: Request, visitor: Visitor) -> Response:
    """Say that a page is for other roles."""
    note_refusal(request, visitor, "role")
    values = {"players": players(request, web_of(request), back_to(request))}
    return show(request, visitor, "refused.html", values, status=403)


def language_of(request: Request) -> str:
    """Return the language of a page for staff: the switch's, the one chosen last, else the browser's."""
    return pages_of(request).language(request, request.cookies.get(LANGUAGE_COOKIE))


def remember_language(request: Request, response: Response) -> Response:
    """Keep the language that a person switched to."""
    if parameters_of(request).flag(LANGUAGE):
        response.set_cookie(
            LANGUAGE_COOKIE,
            language_of(request),
            max_age=LANGUAGE_LASTS,
            secure=secure(web_of(request)),
            samesite="lax",
        )
    return response


def show(
    request: Request,
    visitor: Visitor,
    name: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Write a page for staff: with who is signed in, where they may go, and the token of the page's forms."""
    there = {getattr(route, "path", "") for route in request.app.routes}
    declared = {"", *web_of(request).policy().attributes}
    open_to = [place for place in PLACES if visitor.user.role in place.roles and place.attribute in declared]
    own = [place for place in open_to if place.path in there]
    here = request.url.path
    frame = {
        "visitor": visitor.user,
        "csrf": visitor.token,
        "places": [(place.text, place.path, place.has(here)) for place in own],
        "home": home_of(visitor.user.role),
    }
    return pages_of(request).show(
        request, name, language_of(request), {**frame, **values}, status=status, headers=headers
    )


def go(request: Request, path: str) -> Response:
    """Send the browser on to a page after an act, so that a reload does nothing twice."""
    return RedirectResponse(pages_of(request).url(path), status_code=303)


def leading_to(path: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a GET of an address that only takes forms: a reload, a switch of language, a late login."""

    async def lead(request: Request) -> Response:
        return go(request, f"{path}?{request.url.query}" if request.url.query else path)

    return lead
