"""The people who work with Boucle: who may sign in, as what; leads add and remove them without a command line.

Whom a role may manage stands in people.py (`MANAGES`) and is looked at in the act's own transaction. A new password is
nobody's to give: a one-time link is handed over, and its owner chooses one.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.errors import CodedFault
from workers.usecases.sign_in.accounts import MANAGES, Role, User
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import (
    MANAGERS,
    Form,
    Visitor,
    act_for_roles,
    for_roles,
    go,
    language_of,
    leading_to,
    note_refusal,
    people_of,
    show,
    sign_ins_of,
)
from workers.web.staff.times import when

DONE = ("role", "sessions", "second-factor", "remove")
"""What a page says after an act: `people.did.NAME`."""
OF_NAME = frozenset({"people.fault.name", "people.fault.taken"})
"""Faults of the name that was typed; they stand at its field."""
NOT_ALLOWED = frozenset({"not-allowed", "oneself", "last-operator"})


@for_roles(MANAGERS)
async def show_people(request: Request, visitor: Visitor) -> Response:
    """Show everybody, and the form that adds somebody."""
    return await run_in_threadpool(write_people, request, visitor)


def write_people(
    request: Request, visitor: Visitor, form: Form | None = None, problem: str = "", status: int = 200
) -> Response:
    """`form` is what was typed into the form to add somebody."""
    people, typed = people_of(request), form or {}
    factors = people.with_second_factor()
    values = {
        "did": done(request) if not problem else "",
        "problem": problem if problem not in OF_NAME else "",
        "faults": {"name": problem} if problem in OF_NAME else {},
        "typed": {"name": typed.get("name", ""), "role": typed.get("role", str(Role.AGENT))},
        "roles": roles_for(visitor.user),
        "oidc": bool(web_of(request).settings.oidc_issuer),
        "people": [line(request, visitor, user, user.name in factors) for user in people.everybody()],
    }
    return show(request, visitor, "people.html", values, status=status)


def line(request: Request, visitor: Visitor, user: User, second_factor: bool) -> dict[str, object]:
    """Return what the list shows of a person; `url` is empty where the visitor may change nothing."""
    web, now = web_of(request), web_of(request).now()
    away = ""
    if user.away_until is not None and user.away_until > now:
        catalog = pages_of(request).catalog(language_of(request))
        away = when(user.away_until, web.policy().calendar.zone, now, catalog)
    return {
        "name": user.name,
        "role": str(user.role),
        "url": page_of(user.name) if may_manage(visitor.user, user) else "",
        "oneself": user.name == visitor.user.name,
        "password": user.has_password,
        "second_factor": second_factor,
        "away": away,
    }


def roles_for(manager: User) -> list[str]:
    """Return the roles that a person may give; none for who manages nobody."""
    allowed = MANAGES.get(manager.role, frozenset())
    return [str(role) for role in Role if role in allowed]


def may_manage(manager: User, user: User) -> bool:
    """Tell whether to offer the acts on a person; each act looks again."""
    return user.role in MANAGES.get(manager.role, frozenset()) and user.name != manager.name


def page_of(name: str) -> str:
    """Return the path of a person's page; a name may hold any sign."""
    return f"/people/person?{urlencode({'name': name})}"


def done(request: Request) -> str:
    """Return what was done just now, where the address says so."""
    return parameters_of(request).choice("did", DONE)


@for_roles(MANAGERS)
async def show_person(request: Request, visitor: Visitor) -> Response:
    """Show the person that an address names, with the acts on them; 404 for nobody."""
    return await run_in_threadpool(write_person, request, visitor, parameters_of(request).text("name"))


def write_person(
    request: Request, visitor: Visitor, name: str, problem: str = "", status: int = 200, role: str = ""
) -> Response:
    """Write a person's page, with the role that was chosen in vain; 404 where there is nobody of this name."""
    people = people_of(request)
    user = people.find(name)
    if user is None:
        raise HTTPException(404)
    values = {
        "did": done(request) if not problem else "",
        "problem": problem,
        "faults": {"role": problem} if role else {},
        "typed_role": role,
        "person": line(request, visitor, user, user.name in people.with_second_factor()),
        "roles": roles_for(visitor.user),
        "sessions": len(sign_ins_of(request).sessions(user.name)),
    }
    return show(request, visitor, "person.html", values, status=status)


def fault_of(request: Request, visitor: Visitor, error: CodedFault) -> tuple[str, int]:
    """Return the text and the status of an act that could not be done; one that may not be done is kept."""
    if error.code in NOT_ALLOWED:
        note_refusal(request, visitor, error.code)
        return f"people.fault.{error.code}", 403
    return f"people.fault.{error.code}", 400


async def people_again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the list with what was typed."""
    return await run_in_threadpool(write_people, request, visitor, form, problem, 403)


async def person_again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the person's page once more."""
    return await run_in_threadpool(write_person, request, visitor, form.get("name", ""), problem, 403)


def role_of(form: Form) -> Role:
    """Return the role that a form names; raises 400 for none of ours."""
    try:
        return Role(form.get("role", ""))
    except ValueError as error:
        raise HTTPException(400) from error


@act_for_roles(MANAGERS, people_again)
async def add(request: Request, visitor: Visitor, form: Form) -> Response:
    """Add a person and show the link to hand over, this once."""
    role = role_of(form)
    return await run_in_threadpool(add_and_write, request, visitor, form, role)


def add_and_write(request: Request, visitor: Visitor, form: Form, role: Role) -> Response:
    """Add the person and write the page of the link, or the list with what is wrong."""
    people, by = people_of(request), visitor.user.name
    try:
        user = people.add(form.get("name", ""), role, by=by, as_manager=True)
        token = people.login_token(user.name, by=by, as_manager=True)
    except CodedFault as error:
        return write_people(request, visitor, form, *fault_of(request, visitor, error))
    return write_link(request, visitor, user, token, added=True)


@act_for_roles(MANAGERS, person_again)
async def make_link(request: Request, visitor: Visitor, form: Form) -> Response:
    """Show a new link to hand over, this once."""
    return await run_in_threadpool(make_and_write, request, visitor, form.get("name", ""))


def make_and_write(request: Request, visitor: Visitor, name: str) -> Response:
    """Make the link and write its page; 404 where there is nobody of this name."""
    people = people_of(request)
    try:
        token = people.login_token(name, by=visitor.user.name, as_manager=True)
    except CodedFault as error:
        return write_person(request, visitor, name, *fault_of(request, visitor, error))
    user = people.find(name)
    if user is None:
        raise HTTPException(404)
    return write_link(request, visitor, user, token, added=False)


def write_link(request: Request, visitor: Visitor, user: User, token: str, *, added: bool) -> Response:
    """`added` says that the person is new; else the link is for somebody who cannot get in any more."""
    link = f"{web_of(request).links.base}/login/{token}"
    values = {"person": user, "link": link, "added": added, "url_of_person": page_of(user.name)}
    return show(request, visitor, "person-link.html", values)


async def do(
    request: Request, visitor: Visitor, name: str, act: Callable[[], None], did: str, role: str = ""
) -> Response:
    """Do an act on a person and lead on, or show the page with why not, and the role that was chosen."""

    def work() -> Response:
        try:
            act()
        except CodedFault as error:
            return write_person(request, visitor, name, *fault_of(request, visitor, error), role)
        return go(request, f"/people?did={did}" if did == "remove" else f"{page_of(name)}&did={did}")

    return await run_in_threadpool(work)


@act_for_roles(MANAGERS, person_again)
async def set_role(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give a person another role, as far as a manager may; else the page says why not."""
    people, name, role, by = people_of(request), form.get("name", ""), role_of(form), visitor.user.name
    act = partial(people.set_role, name, role, by=by, as_manager=True)
    return await do(request, visitor, name, act, "role", str(role))


@act_for_roles(MANAGERS, person_again)
async def end_sessions(request: Request, visitor: Visitor, form: Form) -> Response:
    """Sign a person out everywhere."""
    people, name, by = people_of(request), form.get("name", ""), visitor.user.name
    return await do(request, visitor, name, lambda: people.end_sessions(name, by=by, as_manager=True), "sessions")


@act_for_roles(MANAGERS, person_again)
async def reset_second_factor(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take a person's second factor away, because the phone is lost."""
    people, name, by = people_of(request), form.get("name", ""), visitor.user.name
    return await do(
        request, visitor, name, lambda: people.reset_second_factor(name, by=by, as_manager=True), "second-factor"
    )


@act_for_roles(MANAGERS, person_again)
async def remove(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take a person's access away at once."""
    people, name, by = people_of(request), form.get("name", ""), visitor.user.name
    return await do(request, visitor, name, lambda: people.remove(name, by=by, as_manager=True), "remove")


routes = [
    Route("/people", show_people, methods=["GET"]),
    Route("/people/add", add, methods=["POST"]),
    Route("/people/person", show_person, methods=["GET"]),
    Route("/people/link", make_link, methods=["POST"]),
    Route("/people/role", set_role, methods=["POST"]),
    Route("/people/sessions", end_sessions, methods=["POST"]),
    Route("/people/second-factor", reset_second_factor, methods=["POST"]),
    Route("/people/remove", remove, methods=["POST"]),
    Route("/people/{rest:path}", leading_to("/people"), methods=["GET"]),
]
