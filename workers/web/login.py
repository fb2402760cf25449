"""Signing in and out: name and password, a one-time link, and what was typed before a session ended.

A wrong name and a wrong password look alike, and too many of them are not looked at for a while.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from workers.people import SESSION_LASTS, Role, User
from workers.web.clients import address_prefix, client_of
from workers.web.context import web_of
from workers.web.forms import foreign, read_form
from workers.web.pages import pages_of
from workers.web.patience import Patience
from workers.web.staff import (
    KEPT_PATH,
    KEPT_PREFIX,
    Form,
    Visitor,
    act_for_roles,
    cookie_name,
    form_token,
    go,
    home_of,
    local,
    login_page,
    people_of,
    secure,
    show,
    visitor_of,
)
from workers.web.threads import run_in_threadpool

EVERYBODY = frozenset(Role)


async def show_login(request: Request) -> Response:
    """Show the form; who is signed in already is led on."""
    back = request.query_params.get("next", "")
    visitor = await visitor_of(request)
    if visitor is not None:
        return go(request, onward(visitor.user, back))
    return await run_in_threadpool(login_page, request, back=back)


def onward(user: User, back: str) -> str:
    """Return where a person goes after signing in: back to where they wanted to go, on this server only."""
    return back if back and local(back) else home_of(user.role)


async def sign_in(request: Request) -> Response:
    """Check name and password; go on, or show the form again without saying which of the two was wrong."""
    form = await read_form(request)
    name, back = form.get("username", ""), form.get("next", "")
    kept = {key.removeprefix(KEPT_PREFIX): text for key, text in form.items() if key.startswith(KEPT_PREFIX)}
    patience, network = patience_of(request), network_of(request)
    problem, status = "staff.login.wrong", 401
    if foreign(request):
        problem, status = "staff.stale", 403
    elif patience.is_over(name, network):
        problem, status = "staff.login.slow", 429
    else:
        user = await run_in_threadpool(people_of(request).check, name, form.get("password", ""))
        if user is not None:
            return await enter(request, user, back, kept, form.get(KEPT_PATH, ""))
        patience.failed(name, network)
    return await run_in_threadpool(login_page, request, back=back, name=name, kept=kept, problem=problem, status=status)


async def enter(request: Request, user: User, back: str, kept: Form, kept_path: str) -> Response:
    """Open a session and lead on; a form that had waited for the login is shown again with what was typed."""
    session = await run_in_threadpool(people_of(request).sign_in, user.name, "password")
    answer: Response | None = None
    if kept:
        visitor = Visitor(user, form_token(web_of(request), session))
        answer = await resume(request, visitor, kept, kept_path)
    answer = answer or go(request, onward(user, back))
    return with_session(request, answer, session)


async def resume(request: Request, visitor: Visitor, kept: Form, path: str) -> Response | None:
    """Return the page of a kept form with what was typed, or None when it has none or is for another role."""
    scope = {**request.scope, "path": path, "raw_path": path.encode(), "query_string": b"", "method": "POST"}
    for route in request.app.routes:
        match, found = route.matches(scope)
        again = getattr(found.get("endpoint"), "again", None)
        if match == Match.FULL and again is not None and visitor.user.role in found["endpoint"].roles:
            answer: Response = await again(Request({**scope, **found}), visitor, kept, "staff.signed-in-again")
            return answer
    return None


def with_session(request: Request, answer: Response, session: str) -> Response:
    """Return the answer with the session's cookie: signed, out of reach of scripts, not sent by other sites' forms."""
    web = web_of(request)
    answer.set_cookie(
        cookie_name(web),
        web.links.sign("session", session),
        max_age=int(SESSION_LASTS.total_seconds()),
        secure=secure(web),
        httponly=True,
        samesite="lax",
    )
    return answer


async def sign_in_by_link(request: Request) -> Response:
    """Sign in by a one-time link; a used one leads on who is signed in already, and else says what to do."""
    back = request.query_params.get("next", "")
    user = await run_in_threadpool(people_of(request).use_token, request.path_params["token"])
    if user is None:
        visitor = await visitor_of(request)
        if visitor is not None:
            return go(request, onward(visitor.user, back))
        return await run_in_threadpool(login_page, request, back=back, problem="staff.login.link-used", status=410)
    session = await run_in_threadpool(people_of(request).sign_in, user.name, "link")
    return with_session(request, go(request, onward(user, back)), session)


async def show_logout(request: Request) -> Response:
    """Ask whether to sign out: a link alone signs nobody out."""
    visitor = await visitor_of(request)
    return show(request, visitor, "logout.html", {}) if visitor else go(request, "/login")


async def logout_again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Ask once more."""
    return show(request, visitor, "logout.html", {}, status=403)


@act_for_roles(EVERYBODY, logout_again)
async def sign_out(request: Request, visitor: Visitor, form: Form) -> Response:
    """End the session here and in the database."""
    web = web_of(request)
    session = web.links.read("session", request.cookies.get(cookie_name(web), "")) or ""
    await run_in_threadpool(people_of(request).sign_out, session)
    answer = RedirectResponse(pages_of(request).url("/login"), status_code=303)
    answer.delete_cookie(cookie_name(web), secure=secure(web), httponly=True, samesite="lax")
    return answer


def patience_of(request: Request) -> Patience:
    """Return the count of wrong passwords."""
    patience: Patience = request.app.state.patience
    return patience


def network_of(request: Request) -> str:
    """Return the network that a request comes from."""
    return address_prefix(client_of(request.scope))


routes = [
    Route("/login", show_login, methods=["GET"]),
    Route("/login", sign_in, methods=["POST"]),
    Route("/login/{token}", sign_in_by_link, methods=["GET"]),
    Route("/logout", show_logout, methods=["GET"]),
    Route("/logout", sign_out, methods=["POST"]),
]
