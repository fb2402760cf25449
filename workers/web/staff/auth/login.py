"""Signing in and out: name and password, a one-time link, the second factor, what was typed before a session ended.

A wrong name and a wrong password look alike, and too many of them are not looked at for a while. Only a sent form
signs anybody in: programs that look at links in mails follow them.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from workers.errors import CodedFault
from workers.usecases.sign_in.access_log import Access
from workers.usecases.sign_in.accounts import User
from workers.usecases.sign_in.attempts import Guess
from workers.usecases.sign_in.passwords import check_new_password
from workers.usecases.sign_in.second_factor import SecondFactors
from workers.usecases.sign_in.sign_ins import SESSION_LASTS
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.clients import address_prefix, client_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import foreign, read_form
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.auth.browsers import browser_name
from workers.web.staff.auth.guessing_limits import Patience, Tried
from workers.web.staff.frame import (
    EVERYBODY,
    KEPT_PATH,
    KEPT_PREFIX,
    Form,
    Visitor,
    access_log_of,
    act_for_roles,
    cookie_name,
    form_token,
    go,
    home_of,
    language_of,
    leading_to,
    local,
    login_page,
    people_of,
    remember_language,
    secure,
    session_token,
    show,
    sign_ins_of,
    visitor_of,
)

PASSWORD_FIELD = "password"
WEAK_PASSWORD = "/account?did=weak"
"""Where somebody is led whose password of an earlier release would not be taken today."""


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a sign-in leads: to an address, or to a form that had waited for it, with what was typed."""

    back: str
    kept: Form
    kept_path: str


def onward_of(request: Request, form: Form) -> Onward:
    """Return where a form of the login leads: the page asked for, and a form that waited for the login."""
    kept = {key.removeprefix(KEPT_PREFIX): text for key, text in form.items() if key.startswith(KEPT_PREFIX)}
    return Onward(form.get("next", parameters_of(request).text("next", LONGEST_VALUE)), kept, form.get(KEPT_PATH, ""))


async def show_login(request: Request) -> Response:
    """Show the form; who is signed in already is led on."""
    back = parameters_of(request).text("next", LONGEST_VALUE)
    visitor = await visitor_of(request)
    if visitor is not None:
        return go(request, onward(visitor.user, back))
    return remember_language(request, await run_in_threadpool(login_page, request, back=back))


def onward(user: User, back: str) -> str:
    """Return where a person goes after signing in: back to where they wanted to go, on this server only."""
    return back if back and local(back) else home_of(user.role)


async def sign_in(request: Request) -> Response:
    """Check name and password; go on, or show the form again without saying which of the two was wrong."""
    form = await read_form(request, (PASSWORD_FIELD,))
    name, password, to = form.get("username", ""), form.get(PASSWORD_FIELD, ""), onward_of(request, form)
    if foreign(request):
        tried: Tried[User] = Tried(None)
        problem, status, outcome = "staff.stale", 403, "foreign"
    else:
        sign_ins = sign_ins_of(request)
        network = network_of(request)
        tried = await patience_of(request).guess(Guess.PASSWORD, name, network, lambda: sign_ins.check(name, password))
        problem, status, outcome = refusal(tried, "staff.login", "wrong")
    if tried.right is not None:
        weak = await run_in_threadpool(is_weak, tried.right, password)
        return await first_factor_shown(request, tried.right, "password", to, weak=weak)
    await run_in_threadpool(note_failure, request, outcome, name)
    return await run_in_threadpool(
        login_page, request, back=to.back, name=name, kept=to.kept, problem=problem, status=status
    )


def refusal(tried: Tried[User], texts: str, outcome: str) -> tuple[str, int, str]:
    """Return the text, the status and the outcome of a guess that was wrong, or not looked at."""
    return (f"{texts}.wrong", 401, outcome) if tried.looked_at else (f"{texts}.slow", 429, "slow")


def note_failure(request: Request, outcome: str, name: str) -> None:
    """Keep a sign-in that failed. A name that nobody has is not kept: it may be a password in the wrong field."""
    user = people_of(request).find(name) if name else None
    by = user.name if user and outcome != "slow" else ""
    access_log_of(request).note(Access.SIGN_IN, outcome, by=by, network=network_of(request))


def is_weak(user: User, password: str) -> bool:
    """A password that lets somebody in may still be one that would not be taken as a new one."""
    try:
        check_new_password(password, user.name.split())
    except CodedFault:
        return True
    return False


async def first_factor_shown(request: Request, user: User, how: str, to: Onward, *, weak: bool = False) -> Response:
    """Go on with who has shown a password or link: to the code of the second factor where they have one, else in."""
    if not await run_in_threadpool(second_factors_of(request).has, user.name):
        return await enter(request, user, how, to, weak=weak)
    half = await run_in_threadpool(sign_ins_of(request).half_way, user.name, how)
    return write_code_page(request, half, to)


def write_code_page(
    request: Request, half: str, to: Onward, problem: str = "", status: int = 200, *, by_recovery: bool = False
) -> Response:
    """Ask for the code of the second factor; `by_recovery`: the fault is that of a recovery code."""
    back = to.back if local(to.back) else ""
    values: dict[str, object] = {"half": half, "back": back, "kept": to.kept, "problem": problem, "signed_in": None}
    values["by_recovery"] = by_recovery
    return pages_of(request).show(request, "second-factor.html", language_of(request), values, status=status)


async def check_code(request: Request) -> Response:
    """Check the code of the second factor and go in; the password need not be typed again for a wrong one."""
    form = await read_form(request)
    half, to = form.get("half", ""), onward_of(request, form)
    owner = await run_in_threadpool(sign_ins_of(request).half_way_owner, half)
    if foreign(request) or owner is None:
        outcome, problem = ("foreign", "staff.stale") if foreign(request) else ("late", "staff.login.late")
        await run_in_threadpool(note_failure, request, outcome, "")
        return await run_in_threadpool(login_page, request, back=to.back, kept=to.kept, problem=problem, status=403)
    user, how = owner
    factors, code = second_factors_of(request), form.get("code", "")

    def verify() -> User | None:
        return sign_ins_of(request).finish(half) if factors.take(user.name, code) else None

    tried = await patience_of(request).guess(Guess.CODE, user.name, network_of(request), verify)
    if tried.right is not None:
        return await enter(request, tried.right, how, to)
    problem, status, outcome = refusal(tried, "staff.code", "wrong_code")
    await run_in_threadpool(note_failure, request, outcome, user.name)
    by_recovery = not code.replace(" ", "").isdigit() and bool(code)
    return write_code_page(request, half, to, problem, status, by_recovery=by_recovery)


async def enter(request: Request, user: User, how: str, to: Onward, *, weak: bool = False) -> Response:
    """Open a session and lead on; a form that had waited for the login is shown again with what was typed."""
    session = await run_in_threadpool(open_session, request, user, how)
    answer: Response | None = None
    if to.kept:
        visitor = Visitor(user, form_token(web_of(request), session))
        answer = await resume(request, visitor, to.kept, to.kept_path)
    answer = answer or go(request, WEAK_PASSWORD if weak else onward(user, to.back))
    return with_session(request, answer, session)


def open_session(request: Request, user: User, how: str) -> str:
    """Open a session for this browser and return its token; the access log keeps how and from which network."""
    access_log_of(request).note(Access.SIGN_IN, how, network=network_of(request))
    return sign_ins_of(request).sign_in(user.name, how, browser_name(request.headers.get("user-agent", "")))


async def resume(request: Request, visitor: Visitor, kept: Form, path: str) -> Response | None:
    """Return the page of a kept form with what was typed, or None when it has none or is for another role."""
    scope = {**request.scope, "path": path, "raw_path": path.encode(), "query_string": b"", "method": "POST"}
    for route in request.app.routes:
        match, scope_of_route = route.matches(scope)
        again = getattr(scope_of_route.get("endpoint"), "again", None)
        if match == Match.FULL and again is not None and visitor.user.role in scope_of_route["endpoint"].roles:
            answer: Response = await again(Request({**scope, **scope_of_route}), visitor, kept, "staff.signed-in-again")
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


async def show_link(request: Request) -> Response:
    """Show the button that signs in by a one-time link. The link is not used up by looking at it."""
    user = await run_in_threadpool(sign_ins_of(request).link_owner, request.path_params["token"])
    if user is None:
        return await link_used(request)
    back = parameters_of(request).text("next", LONGEST_VALUE)
    values = {"name": user.name, "role": user.role, "back": back if local(back) else "", "signed_in": None}
    return remember_language(request, pages_of(request).show(request, "login-link.html", language_of(request), values))


async def sign_in_by_link(request: Request) -> Response:
    """Sign in by a one-time link and use it up."""
    form = await read_form(request)
    to = onward_of(request, form)
    if foreign(request):
        await run_in_threadpool(note_failure, request, "foreign", "")
        return await run_in_threadpool(login_page, request, back=to.back, problem="staff.stale", status=403)
    user = await run_in_threadpool(sign_ins_of(request).use_token, request.path_params["token"])
    if user is None:
        return await link_used(request)
    return await first_factor_shown(request, user, "link", to)


async def link_used(request: Request) -> Response:
    """Lead on who is signed in already, and tell others what to do with a link that was used or is too old."""
    back = parameters_of(request).text("next", LONGEST_VALUE)
    visitor = await visitor_of(request)
    if visitor is not None:
        return go(request, onward(visitor.user, back))
    await run_in_threadpool(note_failure, request, "link_used", "")
    return await run_in_threadpool(login_page, request, back=back, problem="staff.login.link-used", status=410)


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
    await run_in_threadpool(sign_ins_of(request).sign_out, session_token(request))
    answer = RedirectResponse(pages_of(request).url("/login"), status_code=303)
    answer.delete_cookie(cookie_name(web), secure=secure(web), httponly=True, samesite="lax")
    return answer


def patience_of(request: Request) -> Patience:
    patience: Patience = request.app.state.patience
    return patience


def second_factors_of(request: Request) -> SecondFactors:
    factors: SecondFactors = request.app.state.second_factors
    return factors


def network_of(request: Request) -> str:
    """Return the prefix of the client's address that guesses are counted by."""
    return address_prefix(client_of(request.scope))


routes = [
    Route("/login", show_login, methods=["GET"]),
    Route("/login", sign_in, methods=["POST"]),
    Route("/login/code", leading_to("/login"), methods=["GET"]),
    Route("/login/code", check_code, methods=["POST"]),
    Route("/login/{token}", show_link, methods=["GET"]),
    Route("/login/{token}", sign_in_by_link, methods=["POST"]),
    Route("/logout", show_logout, methods=["GET"]),
    Route("/logout", sign_out, methods=["POST"]),
]
