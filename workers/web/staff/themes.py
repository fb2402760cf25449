"""The themes: what customers wish for, sorted by people in one click each; the initiatives, and who is told when done.

Acts and rules are in `usecases.initiatives`; nothing here decides who is told.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.compose import MailFacts
from workers.domain.mail.compose.facts import one_line
from workers.errors import BadInput, BoucleError, Conflict
from workers.usecases.announcements import TEMPLATE
from workers.usecases.initiatives import (
    LEVELS,
    LONGEST_NAME,
    NO_THEME,
    TEXTS,
    InitiativeState,
    Kind,
    ThemeState,
    Wish,
    Work,
)
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of, path_number, read_number
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, READERS, Form, Visitor, act_for_roles, for_roles, go, language_of, show
from workers.web.staff.report.pages import improving_of

AT_ONCE = 10
"""Answers to sort on one page: as many as can be read in one go."""
LONGEST_SHOWN = 500
MOST = 999_999_999
"""The largest number that a form here holds."""
OF_FIELDS = frozenset({"themes.wrong", "themes.half", "themes.nothing-to-tell"})
"""Problems that a field of the form is the cause of."""
SAID = frozenset({"sorted", "unsorted", "added", "judged", "work", "told"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as the page lists it; `day` is in words, `customer` the CRM's id or ""."""

    id: str
    text: str
    score: int
    band: str
    day: str
    customer: str
    name: str
    themes: tuple[int, ...]


def shown(wish: Wish, request: Request) -> Shown:
    """Return an answer in words; what customers wrote is escaped by the page."""
    web = web_of(request)
    catalog, zone = pages_of(request).catalog(language_of(request)), web.policy().zone
    r = wish.response
    at = r.improvement_at if r.improvement and r.improvement_at else r.answered_at
    day = catalog.date(in_zone(at, zone).date())
    text = wish.text if len(wish.text) <= LONGEST_SHOWN else f"{wish.text[:LONGEST_SHOWN]}…"
    return Shown(r.id, text, r.score, r.band, day, wish.customer or "", one_line(wish.name, 60), wish.themes)


@for_roles(READERS)
async def show_themes(request: Request, visitor: Visitor) -> Response:
    """Show every theme and the answers that have none yet."""
    return await run_in_threadpool(write_themes, request, visitor)


def write_themes(
    request: Request, visitor: Visitor, problem: str = "", status: int = 200, form: Form | None = None
) -> Response:
    """Read and write the list of themes, with what was typed."""
    comments = parameters_of(request).flag("comments")
    improving = improving_of(request)
    lines = improving.themes()
    n, wishes = improving.unsorted(comments=comments, limit=AT_ONCE)
    values = {
        "wishes": [line for line in lines if line.theme.kind == Kind.WISH],
        "competitors": [line for line in lines if line.theme.kind == Kind.COMPETITOR],
        "unsorted": [shown(wish, request) for wish in wishes],
        "n": n,
        "comments": comments,
        "no_theme": NO_THEME,
        "said": said(request),
        "problem": problem,
        "typed": form or {},
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "themes.html", values, status=status)


def said(request: Request) -> str:
    """Return the id of the text that says what was just done, or nothing."""
    did = parameters_of(request).choice("did", SAID)
    return f"themes.did.{did}" if did else ""


@for_roles(READERS)
async def show_theme(request: Request, visitor: Visitor) -> Response:
    """Show one theme: what is done about it, and who asked."""
    return await run_in_threadpool(write_theme, request, visitor)


def write_theme(
    request: Request, visitor: Visitor, problem: str = "", status: int = 200, form: Form | None = None
) -> Response:
    """Read and write the page of a theme, with what was typed; 404 for one that there is not."""
    improving = improving_of(request)
    line = improving.theme(path_number(request, "id"))
    if line is None:
        raise HTTPException(404)
    n, wishes = improving.sorted_as(line.theme.id)
    typed = form or {}
    values = {
        "line": line,
        "work": [(work, preview(request, work)) for work in improving.work(line.theme.id)],
        "answers": [shown(wish, request) for wish in wishes],
        "n": n,
        "levels": list(LEVELS),
        "states": list(map(str, ThemeState)),
        "steps": list(map(str, InitiativeState)),
        "languages": languages(request),
        "texts": TEXTS,
        "typed": typed,
        "typed_in": number_or_none(typed.get("id", "")) or 0,
        "typed_act": request.url.path.rpartition("/")[2] if typed else "",
        "faults": {at_fault(request, typed): problem} if typed and problem in OF_FIELDS else {},
        "me": visitor.user.name,
        "said": said(request),
        "problem": problem,
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "theme.html", values, status=status)


def at_fault(request: Request, form: Form) -> str:
    """Return the id of the field that is wrong: the name, else the text that its language lacks."""
    key = {"judge": "", "begin": "-0"}.get(request.url.path.rpartition("/")[2], f"-{form.get('id', '')}")
    if not form.get("name", "").strip() or len(form["name"]) > LONGEST_NAME:
        return f"name{key}"
    lacking = (
        (name, language)
        for language, texts in texts_of(request, form).items()
        for name, text in texts.items()
        if not text.strip() and (any(typed.strip() for typed in texts.values()) or form.get("state") == "done")
    )
    name, language = next(lacking, ("", ""))
    return f"{name}-{language}{key}" if name else f"name{key}"


def languages(request: Request) -> list[tuple[str, str]]:
    """Return the languages of the mail to those who asked, each with its name in the reader's."""
    web = web_of(request)
    locale = pages_of(request).catalog(language_of(request)).locale
    return [
        (tag, str(locale.languages.get(tag, tag))) for tag in sorted(web.templates.languages_by_template()[TEMPLATE])
    ]


def preview(request: Request, work: Work) -> list[tuple[str, str, str]]:
    """Return the mail as those who asked will read it: language, subject, text."""
    web, written = web_of(request), []
    for language, texts in work.initiative.texts.items():
        quote = pages_of(request).catalog(language).text("themes.sample-quote", {})
        day = in_zone(work.initiative.done_at or web.now(), web.policy().zone).date().isoformat()
        facts = {**texts, "quote": quote, "quote_date": day, "change_date": day}
        mail = MailFacts(str(work.initiative.id), TEMPLATE, "", language, name="Camille", facts=facts)
        try:
            subject, text, _ = web.templates.write(mail, web.links, web.now())
        except BoucleError as error:
            subject, text = "", str(error)
        written.append((language, subject, text))
    return written


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the page of a form once more, with what was typed."""
    if "id" in request.path_params:
        return await run_in_threadpool(write_theme, request, visitor, problem, 403, form)
    return await run_in_threadpool(write_themes, request, visitor, problem, 403, form)


def number_or_none(text: str) -> int | None:
    try:
        return number(text)
    except BadInput:
        return None


def number(text: str) -> int:
    """Return a number of a form; raises BadInput for anything else."""
    try:
        return read_number(text, MOST)
    except ValueError as error:
        raise BadInput(str(error)) from error


@act_for_roles(READERS, again)
async def sort(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give an answer a theme: one that there is, a new one, or none."""
    try:
        done = await run_in_threadpool(sort_one, request, visitor.user.name, form)
    except BadInput:
        return await run_in_threadpool(write_themes, request, visitor, "themes.wrong", 400, form)
    if not done:
        return await run_in_threadpool(write_themes, request, visitor, "themes.gone", 404)
    return go(request, f"/themes?{'comments=1&' if form.get('comments') else ''}did=sorted#unsorted")


def sort_one(request: Request, by: str, form: Form) -> bool:
    """Return False when the answer is gone; raises BadInput for a theme's name or number that cannot be."""
    improving = improving_of(request)
    if form.get("theme"):
        return improving.sort(form.get("response", ""), number(form["theme"]), by)
    key = improving.add_theme(form.get("name", ""), Kind.COMPETITOR if form.get("competitor") else Kind.WISH, by)
    return improving.sort(form.get("response", ""), key, by)


@act_for_roles(READERS, again)
async def add(request: Request, visitor: Visitor, form: Form) -> Response:
    """Add a theme; one that is there already by this name is left as it is."""
    kind = Kind.COMPETITOR if form.get("competitor") else Kind.WISH
    try:
        await run_in_threadpool(improving_of(request).add_theme, form.get("name", ""), kind, visitor.user.name)
    except BadInput:
        return await run_in_threadpool(write_themes, request, visitor, "themes.wrong", 400, form)
    return go(request, "/themes?did=added")


def acting(
    did: str, do: Callable[[Request, str, int, Form], object]
) -> Callable[[Request, Visitor, Form], Awaitable[Response]]:
    """Return the act of a form on a theme's page, which comes back with what was typed when something is wrong."""

    async def act(request: Request, visitor: Visitor, form: Form) -> Response:
        theme = path_number(request, "id")
        try:
            await run_in_threadpool(do, request, visitor.user.name, theme, form)
        except Conflict:
            return await run_in_threadpool(write_theme, request, visitor, "themes.conflict", 409, form)
        except (BadInput, ValueError) as error:
            reason = "themes.half" if "both texts" in str(error) else "themes.wrong"
            reason = "themes.nothing-to-tell" if "those who asked" in str(error) else reason
            return await run_in_threadpool(write_theme, request, visitor, reason, 400, form)
        return go(request, f"/themes/{theme}?did={did}")

    return act


def judge(request: Request, by: str, theme: int, form: Form) -> None:
    """Keep what a person thinks of a theme."""
    improving_of(request).judge(
        theme,
        name=form.get("name", ""),
        impact=number(form.get("impact", "0")),
        cost=number(form.get("cost", "0")),
        state=ThemeState(form.get("state", "")),
        by=by,
    )


def unsort(request: Request, by: str, theme: int, form: Form) -> None:
    improving_of(request).unsort(form.get("response", ""), theme, by)


def texts_of(request: Request, form: Form) -> dict[str, dict[str, str]]:
    """Return what those who asked will read, by language."""
    return {
        language: {name: form.get(f"{name}.{language}", "") for name in TEXTS} for language, _ in languages(request)
    }


def begin(request: Request, by: str, theme: int, form: Form) -> None:
    """Add an initiative to a theme; its owner is who adds it unless the form names another."""
    owner = form.get("owner", "") or by
    improving_of(request).add_initiative(
        theme, name=form.get("name", ""), owner=owner, texts=texts_of(request, form), by=by
    )


def go_on(request: Request, by: str, theme: int, form: Form) -> None:
    """Keep an initiative's new state; done tells who asked."""
    improving_of(request).change_initiative(
        number(form.get("id", "")),
        number(form.get("version", "")),
        name=form.get("name", ""),
        owner=form.get("owner", ""),
        state=InitiativeState(form.get("state", "")),
        texts=texts_of(request, form),
        by=by,
    )


def tell(request: Request, by: str, theme: int, form: Form) -> None:
    """Tell those who asked and were not told yet; nobody before the initiative is done. Idempotent."""
    improving_of(request).tell(number(form.get("id", "")), by)


ACTS: dict[str, tuple[str, Callable[[Request, str, int, Form], object]]] = {
    "judge": ("judged", judge),
    "unsort": ("unsorted", unsort),
    "begin": ("work", begin),
    "go-on": ("work", go_on),
    "tell": ("told", tell),
}
"""The forms of a theme's page by the last part of their address."""

routes = [
    Route("/themes", show_themes, methods=["GET"]),
    Route("/themes/sort", sort, methods=["POST"]),
    Route("/themes/add", add, methods=["POST"]),
    Route("/themes/{id:int}", show_theme, methods=["GET"]),
    *(
        Route(f"/themes/{{id:int}}/{name}", act_for_roles(READERS, again)(acting(did, do)), methods=["POST"])
        for name, (did, do) in ACTS.items()
    ),
]
