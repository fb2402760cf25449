"""The pages of the rule tables: what is in use, why it answers as it does, and what a candidate would change.

Reading and trying only: the files stay the source, and nothing here makes a table live.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.decision_table import Table
from workers.decision_table.dmn.writer import write_dmn
from workers.decision_table.files.as_written import written
from workers.decision_table.files.csv_writer import write_rules
from workers.decision_table.files.reader import DEFINITION, RULES
from workers.decision_table.files.workbook import write_xlsx
from workers.decision_table.trials.candidate import Brought, broken_copy
from workers.decision_table.trials.replay import Fate
from workers.domain.explain.names import listed_as
from workers.domain.followup.table_trial import Trial
from workers.domain.mail.compose.facts import clean, one_line
from workers.domain.mail.translations import Catalog
from workers.errors import BadInput
from workers.web.http.answers.pages import pages_of
from workers.web.http.middleware.limits import MAX_UPLOAD_BYTES
from workers.web.http.requests.context import web_of
from workers.web.http.requests.forms import fields_of, foreign, same_token
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.http.requests.turns import Busy, Turns, while_there
from workers.web.staff.frame import (
    AGENTS,
    READERS,
    TOKEN_FIELD,
    Form,
    Visitor,
    for_roles,
    language_of,
    login_page,
    refused,
    show,
    visitor_of,
)
from workers.web.staff.report import charts
from workers.web.staff.report.answers import XLSX, attachment
from workers.web.staff.tables import trial as tables_trial
from workers.web.staff.tables import view
from workers.web.staff.tables.trial import Wish
from workers.web.staff.tables.view import InUse, LiveFaults
from workers.web.staff.times import when

TOO_LARGE = "tables.too-large"
MOST_ROWS = 120
"""Rows of a table on the page; those with something to see come first."""
FILES: Mapping[str, tuple[Callable[[Table], bytes], str]] = {
    "csv": (lambda table: (table.files.get(RULES) or write_rules(table)).encode(), "text/csv; charset=utf-8"),
    "xlsx": (write_xlsx, XLSX),
    "dmn": (write_dmn, "application/xml"),
    "yaml": (lambda table: table.files.get(DEFINITION, "").encode(), "application/yaml"),
}
UPLOADED = ("rules", "definition", "cases", "past")
MOST_NAME = 80
CLIENT_LEFT = 499
"""Nobody reads it; it stands in the log of requests, as nginx writes it."""


def live_faults(request: Request) -> LiveFaults:
    faults: LiveFaults = request.app.state.live_faults
    return faults


@for_roles(READERS)
async def show_tables(request: Request, visitor: Visitor) -> Response:
    """Page /tables: each table in use with its faults, and the edits beside them that were refused."""
    return await run_in_threadpool(write_tables, request, visitor)


def write_tables(request: Request, visitor: Visitor) -> Response:
    """Read what is known of each table and write the page."""
    web, faults = web_of(request), live_faults(request)
    lines = []
    for table_in_use in view.in_use(web).values():
        errors, warnings = view.counted(faults.of(web, table_in_use))
        sample = faults.sample_of(table_in_use)
        lines.append(
            {
                "one": table_in_use,
                "since": since(request, table_in_use),
                "errors": errors,
                "warnings": warnings,
                "sample": sample,
            }
        )
    return show(request, visitor, "tables.html", {"lines": lines, "beside": view.refused_beside(web)})


def since(request: Request, use: InUse) -> str:
    """Return since when the version in use has been live, in words; nothing where that is not known."""
    web = web_of(request)
    live_from = next(
        (at for at, table in web.rules.versions(use.table.name) if table.version == use.table.version), None
    )
    return said_time(request, live_from) if live_from else ""


def said_time(request: Request, at: datetime) -> str:
    """Return an instant in the team's zone, in the reader's words."""
    web = web_of(request)
    return when(at, web.policy().zone, web.now(), pages_of(request).catalog(language_of(request)))


@for_roles(READERS)
async def show_table(request: Request, visitor: Visitor) -> Response:
    """Show one table: grid, faults, explain, cases, the form to try a candidate, versions."""
    return await run_in_threadpool(write_table, request, visitor)


def write_table(request: Request, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    """Read what is known of the table and write the page."""
    web, use = web_of(request), view.wanted(request)
    faults = live_faults(request).of(web, use)
    cases, cases_fault = view.cases_of(web, use, use.table)
    sheet = written(use.table, faults)
    errors, warnings = view.counted(faults)
    values = {
        **frame(request, use),
        "sheet": sheet,
        "rows": sheet.most(MOST_ROWS),
        "faults": view.numbered(faults)[: view.MOST_FAULTS],
        "n_faults": len(faults),
        "sample": live_faults(request).sample_of(use),
        "errors": errors,
        "warnings": warnings,
        "since": since(request, use),
        "problem": problem,
        "field_faults": {"rules": problem} if problem == TOO_LARGE else {},
        "cases": view.tested(use.table, cases),
        "cases_fault": cases_fault,
        "versions": [(version, said_time(request, version.at)) for version in view.history(web, use)],
        "shadow": [(kind, said_time(request, kind.last)) for kind in view.disagreed(web, use)],
        **explained(request, use),
    }
    return show(request, visitor, "table.html", values, status=status)


def frame(request: Request, use: InUse) -> dict[str, object]:
    """Return what both pages of a table show: which one it is, and the form to try a candidate."""
    now = in_zone(web_of(request).now(), web_of(request).policy().zone)
    return {
        "one": use,
        "kinds": tuple(FILES),
        "breakable": broken_copy(use.table) is not None,
        "usual_since": (now - tables_trial.USUAL_PAST).date().isoformat(),
        "megabytes": MAX_UPLOAD_BYTES // 1_000_000,
        "field_faults": {},
    }


def explained(request: Request, use: InUse) -> dict[str, object]:
    """Return the form that explains, and the answer to what an address asks."""
    web = web_of(request)
    today = in_zone(web.now(), web.policy().zone).date().isoformat()
    names = {column.name for column in use.table.inputs}
    texts = {name: clean(text)[:200] for name, text in parameters_of(request).values.items() if name in names}
    response = one_line(parameters_of(request).text("response", LONGEST_VALUE), MOST_NAME).strip()
    answers: list[view.Answer] = []
    fault = ""
    try:
        if response:
            answers, texts = view.stored_answers(web, use, response)
        elif any(texts.values()):
            answers = [view.answer(use.table, texts)]
    except BadInput as error:
        fault = str(error)
    return {
        "fields": view.fields_of(use.table, texts, today),
        "answers": answers,
        "explain_fault": fault,
        "response": response,
    }


@for_roles(READERS)
async def download(request: Request, visitor: Visitor) -> Response:
    """Answer a table in use as a file to edit; 404 for another kind of file."""
    use = view.wanted(request)
    write, kind = FILES.get(request.path_params["kind"], (None, ""))
    if write is None:
        raise HTTPException(404)
    name = DEFINITION if request.path_params["kind"] == "yaml" else f"{use.name}.{request.path_params['kind']}"
    return attachment(await run_in_threadpool(write, use.table), name, kind)


async def try_candidate(request: Request) -> Response:
    """Check a candidate and hold it against the past. Who is not signed in sends nothing: no file is read before."""
    visitor, use = await visitor_of(request), view.wanted(request)
    if visitor is None:
        return login_page(request, back=f"/tables/{use.name}", problem="staff.session-over", status=401)
    if visitor.user.role not in READERS:
        return refused(request, visitor)
    turns: Turns = request.app.state.turns
    try:
        async with turns.of(visitor.user.name):
            return await try_now(request, visitor, use)
    except Busy as busy:
        why, status = ("tables.trial.busy", 429) if busy.own else ("tables.trial.others", 503)
        answer = await run_in_threadpool(write_table, request, visitor, why, status)
        answer.headers["Retry-After"] = str(int(tables_trial.BUDGET.seconds))
        return answer
    except ClientDisconnect:
        return Response(status_code=CLIENT_LEFT)


async def try_now(request: Request, visitor: Visitor, use: InUse) -> Response:
    """Read the form, whose turn it is, and try what it brings; one that is too large is answered with the page.

    Raises ClientDisconnect as soon as nobody waits, and HTTPException for a form that cannot be read.
    """
    try:
        form, files = await read_upload(request)
    except HTTPException as error:
        if error.status_code != 413:
            raise
        return await run_in_threadpool(write_table, request, visitor, TOO_LARGE, 413)
    if not same_token(form.get(TOKEN_FIELD, ""), visitor.token) or foreign(request):
        return await run_in_threadpool(write_table, request, visitor, "staff.stale", 403)
    wish = Wish(files, form.get("since", ""), form.get("decision", "").strip(), bool(form.get("broken")))
    turns: Turns = request.app.state.turns
    async with turns.among_all():
        trial = await while_there(request, tables_trial.try_apart(web_of(request), use, wish))
    return await run_in_threadpool(write_trial, request, visitor, wish, trial)


async def read_upload(request: Request) -> tuple[Form, dict[str, Brought]]:
    """Return the fields and the files of a form; a name without bytes behind it is no file."""
    fields: Form = {}
    files: dict[str, Brought] = {}
    async with fields_of(request, files=len(UPLOADED), fields=20) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields[name] = clean(value)
            elif value.filename and name in UPLOADED:
                files[name] = Brought(one_line(clean(value.filename), MOST_NAME), await value.read())
    return fields, files


def write_trial(request: Request, visitor: Visitor, wish: Wish, trial: Trial) -> Response:
    """Write the page of what was found: 400 for what cannot be read."""
    use = view.wanted(request)
    errors, warnings = view.counted(trial.faults)
    values = {
        **frame(request, use),
        "trial": trial,
        "broken": wish.broken,
        "rows": trial.sheet.most(MOST_ROWS) if trial.sheet else (),
        "faults": view.numbered(trial.faults)[: view.MOST_FAULTS],
        "n_faults": len(trial.faults),
        "errors": errors,
        "warnings": warnings,
        "usual_since": trial.since,
        "field_faults": {"rules": "tables.trial.unreadable"} if trial.unreadable and not wish.broken else {},
        **drawn(request, trial, pages_of(request).catalog(language_of(request))),
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "table-trial.html", values, status=400 if trial.unreadable else 200)


def drawn(request: Request, trial: Trial, catalog: Catalog) -> dict[str, object]:
    """Return the marks and figures of what a candidate would have changed."""
    if trial.effect is not None:
        kind, loads = tables_trial.periods(trial.effect.days)
        named = [(period_name(kind, load.first, catalog), load) for load in loads]
        return {
            "period": kind,
            "loads": named,
            "tickets": charts.pairs([(name, load.old_tickets, load.new_tickets) for name, load in named]),
            "mails": charts.pairs([(name, load.old_mails, load.new_mails) for name, load in named]),
            "changes": tables_trial.shares(trial.effect),
            "come": listed(request, trial, trial.effect.new_tickets),
            "gone": listed(request, trial, trial.effect.lost_tickets),
        }
    if trial.plan_effect is not None:
        kind, counts = tables_trial.questions(trial.plan_effect)
        asked = [(period_name(kind, first, catalog), old, new) for first, old, new in counts]
        spread = [(str(mails), old, new) for mails, old, new in tables_trial.spread(trial.plan_effect)]
        return {
            "period": kind,
            "asked": asked,
            "asked_chart": charts.pairs(asked),
            "spread": spread,
            "spread_chart": charts.pairs(spread),
            "fates": [
                (listed_as(line.touchpoint, catalog), line.counts) for line in tables_trial.fates(trial.plan_effect)
            ],
            "fate_names": tuple(Fate),
        }
    return {}


def listed(request: Request, trial: Trial, ids: tuple[str, ...]) -> list[tuple[tables_trial.Listed, str]]:
    """Return the first of some responses of a trial, each with its time in words."""
    return [(response, said_time(request, response.at)) for response in tables_trial.listed(trial, ids)]


def period_name(kind: str, first: date, catalog: Catalog) -> str:
    """Return a day or the first day of a week, such as "3 Mar", or a month, such as "Mar 2026"."""
    return catalog.date(first, "report.format.month" if kind == "month" else "tables.format.day")


routes = [
    Route("/tables", show_tables, methods=["GET"]),
    Route("/tables/{name}", show_table, methods=["GET"]),
    Route("/tables/{name}", try_candidate, methods=["POST"]),
    Route("/tables/{name}/rules.{kind}", download, methods=["GET"]),
]
