"""The pages of accounts: how far questions reach into the companies, which went silent, and the people of one.

Shows and changes nothing. There are none where `rules/attributes.yaml` declares no account.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.mail.compose.facts import clean, one_line
from workers.domain.policy import Policy
from workers.domain.reporting import Filters
from workers.domain.types import ACCOUNT
from workers.text.spreadsheets import as_csv, as_xlsx
from workers.usecases.report import accounts
from workers.usecases.report.accounts import AccountLine, Coverage, SilentAccount
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.account_sheets import account_sheets
from workers.web.staff.frame import AGENTS, EVERYBODY, READERS, Visitor, for_roles, language_of, show
from workers.web.staff.report.answers import CSV, XLSX, attachment, audit, filters_of
from workers.web.staff.report.cells import values
from workers.web.staff.report.kept_reports import KeptReports
from workers.web.staff.report.wording import Words, words_of_list

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class AccountsPage:
    """What the page shows, as it was read: of the customers of an owner, or of all.

    `silent_after` are the days without an event after which an account may be silent.
    """

    owner: str
    silent_after: int
    coverage: Coverage
    silent: list[SilentAccount]
    largest: list[AccountLine]


def policy_of(request: Request) -> Policy:
    """Return the policy; 404 where no account is declared."""
    policy = web_of(request).policy()
    if ACCOUNT not in policy.attributes:
        raise HTTPException(404)
    return policy


def read(request: Request, filters: Filters, owner: str, policy: Policy) -> AccountsPage:
    """Read the page, or take it as it was kept."""
    web = web_of(request)
    kept: KeptReports[AccountsPage] = request.app.state.kept_accounts
    with web.store.reading() as connection:
        return kept.get(
            (filters, owner, policy.attributes[ACCOUNT], policy.attributes.get(policy.attributes[ACCOUNT].worth)),
            lambda: AccountsPage(
                owner,
                policy.attributes[ACCOUNT].silent_after,
                accounts.review(connection, filters, policy.attributes),
                accounts.silent(connection, web.now(), policy.attributes, owner),
                accounts.largest(connection, filters, owner),
            ),
        )


def read_page(request: Request) -> tuple[AccountsPage, Words]:
    """Return what an address asks for, and the words for it; BadAddress for a period that cannot be read."""
    policy = policy_of(request)
    filters, owner = filters_of(request, policy), one_line(parameters_of(request).text("owner"), LONGEST_NAME)
    words = words_of_list(filters, policy.zone, pages_of(request).catalog(language_of(request)))
    return read(request, filters, owner, policy), words


@for_roles(EVERYBODY)
async def show_accounts(request: Request, visitor: Visitor) -> Response:
    """Page /accounts; BadAddress for a period that cannot be read, 404 without accounts."""
    return await run_in_threadpool(write_accounts, request, visitor)


def write_accounts(request: Request, visitor: Visitor) -> Response:
    """Read and write the page; 404 where no account is declared."""
    page, words = read_page(request)
    shown = {
        "w": words,
        "page": page,
        "owner": page.owner,
        "mine": f"?{urlencode({'owner': visitor.user.name})}",
        "chosen": words.addresses.chosen(),
        "query": urlencode(
            {name: value for name, value in {**words.addresses.chosen(), "owner": page.owner}.items() if value}
        ),
        "days": page.silent_after,
        "opens": visitor.user.role in AGENTS,
        "files": visitor.user.role in READERS,
        "spread": spread,
        "day": lambda at: words.day(at) if at else words.catalog.text("accounts.never", {}),
    }
    return show(request, visitor, "accounts.html", shown)


def spread(line: AccountLine, words: Words) -> str:
    """Return the lowest and the highest of an account's latest scores; a dash for none."""
    if line.lowest is None:
        return "–"
    return (
        str(line.lowest)
        if line.lowest == line.highest
        else words.text("spread.range", low=line.lowest, high=line.highest)
    )


@for_roles(READERS)
async def download(request: Request, visitor: Visitor) -> Response:
    """Answer one table of the page as CSV, or all of them in one workbook."""
    return await run_in_threadpool(write_file, request, visitor)


def write_file(request: Request, visitor: Visitor) -> Response:
    """Write the file, and keep in the audit log who took it; 404 for a table that there is not."""
    page, words = read_page(request)
    made_sheets = account_sheets(page.coverage, page.silent, page.largest, words)
    name = request.path_params.get("table")
    if name is None:
        audit(request, visitor, "accounts", sum(len(sheet.rows) for sheet in made_sheets))
        body = as_xlsx([(sheet.title, sheet.columns, values(sheet)) for sheet in made_sheets], words.zone)
        return attachment(body, "accounts.xlsx", XLSX)
    wanted = next((sheet for sheet in made_sheets if sheet.name == name), None)
    if wanted is None:
        raise HTTPException(404)
    audit(request, visitor, f"accounts-{name}", len(wanted.rows))
    return attachment(as_csv(wanted.columns, values(wanted)), f"accounts-{name}.csv", CSV)


@for_roles(AGENTS)
async def show_account(request: Request, visitor: Visitor) -> Response:
    """Page /accounts/NAME; 404 for one that is not known."""
    return await run_in_threadpool(write_account, request, visitor)


def write_account(request: Request, visitor: Visitor) -> Response:
    """Tell an account and write its page; 404 for one that is not known, and where no account is declared."""
    web, policy = web_of(request), policy_of(request)
    name = one_line(clean(request.path_params["name"]), LONGEST_VALUE)
    with web.store.reading() as connection:
        story = accounts.account(connection, name, web.now(), policy.attributes, policy.zone)
    if story is None:
        raise HTTPException(404)
    words = words_of_list(Filters(), policy.zone, pages_of(request).catalog(language_of(request)))

    def day(instant: str | None) -> str:
        return words.day(datetime.fromisoformat(instant)) if instant else words.catalog.text("accounts.never", {})

    shown = {"w": words, "story": story, "day": day, "days": policy.attributes[ACCOUNT].silent_after}
    return show(request, visitor, "account-people.html", shown)


routes = [
    Route("/accounts", show_accounts, methods=["GET"]),
    Route("/accounts.xlsx", download, methods=["GET"]),
    Route("/accounts-{table}.csv", download, methods=["GET"]),
    Route("/accounts/{name:path}", show_account, methods=["GET"]),
]
