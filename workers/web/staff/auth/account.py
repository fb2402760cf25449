"""One's own account: the password, the second factor, and where one is signed in.

Whoever finds a browser open must not take the account over: what lets people in is changed with the password typed
again, unless a one-time link or the identity provider has just said who this is.
"""

from datetime import datetime

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.compose.facts import one_line
from workers.errors import CodedFault
from workers.store.sign_in.accounts import hash_token
from workers.usecases.sign_in.access_log import Access
from workers.usecases.sign_in.accounts import Session
from workers.usecases.sign_in.attempts import Guess
from workers.usecases.sign_in.passwords import SHORTEST
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.auth.login import network_of, patience_of, second_factors_of
from workers.web.staff.frame import (
    AGENTS,
    EVERYBODY,
    Form,
    Visitor,
    access_log_of,
    act_for_roles,
    for_roles,
    go,
    language_of,
    leading_to,
    people_of,
    session_token,
    show,
    sign_ins_of,
)
from workers.web.staff.times import clock

CURRENT, NEW, AGAIN = "current_password", "new_password", "new_password_again"
TYPED = (CURRENT, NEW, AGAIN)
DONE = ("digest", "digest-off", "password", "weak", "ended", "ended-others", "second-factor-off")
"""What the page says after an act: `account.did.NAME`."""
SALT = "totp-salt"
LONGEST_ADDRESS = 254
QR_SCALE, QR_BORDER = 5, 4


@for_roles(EVERYBODY)
async def show_account(request: Request, visitor: Visitor) -> Response:
    """Page /account: second factor, password, and the browsers where one is signed in."""
    return await run_in_threadpool(write_account, request, visitor)


def write_account(
    request: Request,
    visitor: Visitor,
    faults: dict[str, str] | None = None,
    problem: str = "",
    status: int = 200,
    typed: Form | None = None,
) -> Response:
    """Write the page; `faults` are ids of texts by field, `problem` one for the whole page."""
    name, did = visitor.user.name, parameters_of(request).choice("did", DONE)
    factors, token = second_factors_of(request), session_token(request)
    here = hash_token(token)
    values = {
        "did": did if not problem and not faults else "",
        "problem": problem,
        "faults": faults or {},
        "shortest": SHORTEST,
        "ask_current": asks_password(visitor, sign_ins_of(request).session(token)),
        "has_factor": factors.has(name),
        "codes_left": factors.left(name),
        "reader": people_of(request).reader(name),
        "digest_typed": typed or {},
        "team_zone": web_of(request).policy().calendar.zone,
        "sessions": [session_line(request, session, here) for session in sign_ins_of(request).sessions(name)],
    }
    return show(request, visitor, "account.html", values, status=status)


def session_line(request: Request, session: Session, here: str) -> dict[str, object]:
    """Return what the page shows of one session. Its times are real ones, also where business time is moved."""
    web, catalog = web_of(request), pages_of(request).catalog(language_of(request))

    def at(moment: datetime) -> str:
        local = in_zone(moment, web.templates.brand.time_zone)
        parts = {"day": catalog.date(local.date(), "format.weekday"), "time": clock(local, catalog)}
        return catalog.text("staff.when", parts)

    return {
        "hash": session.hash,
        "browser": session.browser,
        "how": session.how,
        "since": at(session.created_at),
        "seen": at(session.seen_at),
        "here": session.hash == here,
    }


def asks_password(visitor: Visitor, session: Session | None) -> bool:
    """Only who has a password and signed in by it types it again; so does a session that does not say how it began."""
    return visitor.user.has_password and (session is None or session.how in ("", "password"))


async def present_password_fault(request: Request, visitor: Visitor, form: Form) -> str:
    """Return why a change may not be made, as the id of a text; empty when it may."""
    sign_ins, name = sign_ins_of(request), visitor.user.name
    session = await run_in_threadpool(sign_ins.session, session_token(request))
    if not asks_password(visitor, session):
        return ""
    password = form.get(CURRENT, "")
    tried = await patience_of(request).guess(
        Guess.PASSWORD, name, network_of(request), lambda: sign_ins.check(name, password)
    )
    if tried.right is not None:
        return ""
    outcome = "wrong_password" if tried.looked_at else "slow"
    await run_in_threadpool(access_log_of(request).note, Access.ACT, outcome, by=name, place="/account")
    return "account.fault.current" if tried.looked_at else "staff.login.slow"


async def account_again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the page with what went wrong; passwords are typed again."""
    return await run_in_threadpool(write_account, request, visitor, None, problem, 403)


@act_for_roles(EVERYBODY, account_again, as_typed=TYPED)
async def set_password(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give oneself a new password; every other session and open link ends."""
    people, name, password = people_of(request), visitor.user.name, form.get(NEW, "")
    if password != form.get(AGAIN, ""):
        return await run_in_threadpool(write_account, request, visitor, {AGAIN: "account.fault.again"}, "", 400)
    fault = await present_password_fault(request, visitor, form)
    if fault:
        return await run_in_threadpool(write_account, request, visitor, {CURRENT: fault}, "", 400)
    session = session_token(request)
    try:
        await patience_of(request).in_turn(
            network_of(request), lambda: people.set_password(name, password, by=name, but=session)
        )
    except CodedFault as error:
        return await run_in_threadpool(write_account, request, visitor, {NEW: f"account.fault.{error.code}"}, "", 400)
    return go(request, "/account?did=password")


@act_for_roles(AGENTS, account_again, as_typed=("email",))
async def set_digest(request: Request, visitor: Visitor, form: Form) -> Response:
    """Say where one's own weekly digest goes, in which zone, or that it is not wanted."""
    people, name, wants = people_of(request), visitor.user.name, bool(form.get("wants"))
    email, zone = one_line(form.get("email", ""), LONGEST_ADDRESS), one_line(form.get("zone", ""))
    try:
        await run_in_threadpool(lambda: people.set_digest(name, email, zone, wants=wants, by=name))
    except CodedFault as error:
        faults = {error.code: f"account.digest.fault.{error.code}"}
        return await run_in_threadpool(write_account, request, visitor, faults, "", 400, form)
    return go(request, "/account?did=digest" if email and wants else "/account?did=digest-off")


@act_for_roles(EVERYBODY, account_again)
async def end_session(request: Request, visitor: Visitor, form: Form) -> Response:
    """End one of one's own sessions, named by the form; of somebody else's nothing happens."""
    sign_ins = sign_ins_of(request)
    await run_in_threadpool(sign_ins.end_session, visitor.user.name, form.get("session", ""))
    return go(request, "/account?did=ended")


@act_for_roles(EVERYBODY, account_again)
async def end_other_sessions(request: Request, visitor: Visitor, form: Form) -> Response:
    """End every session of one's own but this one."""
    people, name, session = people_of(request), visitor.user.name, session_token(request)
    await run_in_threadpool(lambda: people.end_sessions(name, by=name, but=session))
    return go(request, "/account?did=ended-others")


@for_roles(EVERYBODY)
async def show_offer(request: Request, visitor: Visitor) -> Response:
    """Show a second factor to take up: a QR code, the same as text, and the field for the first code."""
    return await run_in_threadpool(write_offer, request, visitor)


def write_offer(
    request: Request, visitor: Visitor, salt: str = "", faults: dict[str, str] | None = None, status: int = 200
) -> Response:
    """Write the page of an offer, a new one or the same once more."""
    web, name, sign_ins = web_of(request), visitor.user.name, sign_ins_of(request)
    offer = second_factors_of(request).offer(name, salt)
    code = segno.make(offer.url, error="m", micro=False)
    values = {
        "faults": faults or {},
        "ask_current": asks_password(visitor, sign_ins.session(session_token(request))),
        "has_factor": second_factors_of(request).has(name),
        "salt": web.links.sign(SALT, f"{name}\x1f{offer.salt}"),
        "secret": [offer.secret[place : place + 4] for place in range(0, len(offer.secret), 4)],
        "app_url": offer.url,
        "qr": code.svg_data_uri(scale=QR_SCALE, border=QR_BORDER, dark="black", light="white"),
    }
    return show(request, visitor, "second-factor-offer.html", values, status=status)


async def offer_again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the offer once more."""
    salt = offered_salt(request, visitor, form)
    return await run_in_threadpool(write_offer, request, visitor, salt, {"": problem}, 403)


def offered_salt(request: Request, visitor: Visitor, form: Form) -> str:
    """Return the salt of the offer that a form answers; empty for one that we did not make for this person."""
    name, _, salt = (web_of(request).links.read(SALT, form.get("salt", "")) or "").partition("\x1f")
    return salt if name == visitor.user.name else ""


@act_for_roles(EVERYBODY, offer_again, as_typed=(CURRENT,))
async def take_up(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take a second factor up, and show the recovery codes this once."""
    salt, name, code = offered_salt(request, visitor, form), visitor.user.name, form.get("code", "")
    if not salt:
        return await offer_again(request, visitor, form, "staff.stale")
    fault = await present_password_fault(request, visitor, form)
    if fault:
        return await run_in_threadpool(write_offer, request, visitor, salt, {CURRENT: fault}, 400)
    codes = await run_in_threadpool(second_factors_of(request).enrol, name, salt, code)
    if codes is None:
        return await run_in_threadpool(write_offer, request, visitor, salt, {"code": "staff.code.wrong"}, 400)
    return show(request, visitor, "recovery-codes.html", {"codes": codes})


@act_for_roles(EVERYBODY, account_again, as_typed=(CURRENT,))
async def switch_off(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take one's own second factor away."""
    fault = await present_password_fault(request, visitor, form)
    if fault:
        return await run_in_threadpool(write_account, request, visitor, {"off": fault}, "", 400)
    people, name = people_of(request), visitor.user.name
    await run_in_threadpool(lambda: people.drop_second_factor(name, by=name))
    return go(request, "/account?did=second-factor-off")


routes = [
    Route("/account", show_account, methods=["GET"]),
    Route("/account/password", set_password, methods=["POST"]),
    Route("/account/digest", set_digest, methods=["POST"]),
    Route("/account/sessions/end", end_session, methods=["POST"]),
    Route("/account/sessions/end-others", end_other_sessions, methods=["POST"]),
    Route("/account/second-factor", show_offer, methods=["GET"]),
    Route("/account/second-factor", take_up, methods=["POST"]),
    Route("/account/second-factor/off", switch_off, methods=["POST"]),
    Route("/account/{rest:path}", leading_to("/account"), methods=["GET"]),
]
