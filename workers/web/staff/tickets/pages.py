"""One ticket on one screen, and what an agent does with it: claim, no answer, note, wait, hand over, done, reopen.

Every form carries the version that the agent saw. Whatever goes wrong, the page comes back with what was typed.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import MORNING_ENDS, half_days, instant_of, zone_info
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.policy import Policy
from workers.domain.records import Ticket
from workers.domain.ticket import Unfinished
from workers.domain.types import TicketState
from workers.errors import BadInput, Conflict, NotNow
from workers.usecases.ticket_actions import TicketAct
from workers.usecases.ticket_inbox import TicketView
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import DIGITS, path_number, read_day
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, Form, Visitor, act_for_roles, for_roles, go
from workers.web.staff.tickets.inbox import worklist_of
from workers.web.staff.tickets.view import ticket_page

Doing = Callable[[CustomerCase, Ticket, str, Form], None]
"""What a form does to a ticket: the case, the ticket, who, the form's fields."""
LONGEST_TEXT = 4_000
AFTERNOON = "afternoon"
FARTHEST = timedelta(days=366)


class Amiss(BadInput):
    """A field cannot be taken; carries the id of the text that says why."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


@for_roles(AGENTS)
async def show_ticket(request: Request, visitor: Visitor) -> Response:
    """Page /tickets/NUMBER; 404 for one that there is not."""
    return await page(request, visitor)


async def page(
    request: Request,
    visitor: Visitor,
    form: Form | None = None,
    problems: tuple[str, ...] = (),
    *,
    status: int = 200,
    preview: bool = False,
) -> Response:
    """Write the page, with what was typed and what is wrong with it."""
    view = await run_in_threadpool(view_of, request)
    return await run_in_threadpool(
        ticket_page, request, visitor, view, form or {}, problems, status=status, preview=preview
    )


def view_of(request: Request) -> TicketView:
    """Return the ticket of the address; raises 404 when there is none."""
    number = number_of(request)
    view = worklist_of(request).ticket(number) if number else None
    if view is None:
        raise HTTPException(404)
    return view


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the ticket with what was typed before the session ended or the page grew old."""
    return await page(request, visitor, {**form, "act": act_of(request)}, (problem,), status=403)


def number_of(request: Request) -> int:
    """Return the ticket number of the address; 0 for one that no ticket can have."""
    return path_number(request, "number")


def act_of(request: Request) -> str:
    """Return which form was sent: the last part of the address."""
    return request.url.path.rpartition("/")[2]


def taking(doing: Doing) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a form that does something to a ticket."""

    @act_for_roles(AGENTS, again)
    async def act(request: Request, visitor: Visitor, form: Form) -> Response:
        name, number = act_of(request), number_of(request)
        typed = {**form, "act": name}
        if "preview" in form:
            return await page(request, visitor, typed, preview=True)
        doing_it = seen_first(doing, visitor.user.name, form)
        try:
            done = await run_in_threadpool(web_of(request).ticket_actions.act, number, doing_it)
        except Conflict:
            return await page(request, visitor, typed, ("staff.conflict",), status=409)
        except Unfinished as error:
            missing = tuple(f"staff.missing.{fault}" for fault in error.missing)
            return await page(request, visitor, typed, missing, status=400)
        except Amiss as error:
            return await page(request, visitor, typed, (error.text,), status=400)
        except BadInput:
            return await page(request, visitor, typed, ("staff.not-possible",), status=400)
        except NotNow:
            return await page(request, visitor, typed, ("staff.away-for-now",), status=503)
        if not done:
            raise HTTPException(404)
        return go(request, f"/tickets/{number}?did={name}")

    return act


def seen_first(doing: Doing, by: str, form: Form) -> TicketAct:
    """Return the act, which first looks whether the ticket is still the one that the agent saw."""
    version = form.get("version", "")

    def act(case: CustomerCase, ticket: Ticket) -> None:
        ticketing.seen(ticket, int(version) if DIGITS.fullmatch(version) else 0)
        if len(form.get("text", "")) > LONGEST_TEXT or len(form.get("sentence", "")) > LONGEST_TEXT:
            raise Amiss("staff.too-long")
        doing(case, ticket, by, form)

    return act


def claim(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Claim the ticket; one that a colleague has taken, only when the form says that it is taken over from them.

    One that the rota gave to somebody who has not begun is free to whoever is first. Raises Amiss for one of a
    colleague that is not taken over.
    """
    if ticket.state != TicketState.OPEN and ticket.owner not in ("", by) and not form.get("take_over"):
        raise Amiss("staff.claim.owned")
    ticketing.claim(case, ticket, by)


def no_answer(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Keep that nobody answered; the customer gets a mail where the agent ticked it."""
    ticketing.attempt(case, ticket, ticketing.Call(by, form.get("text", ""), mail=bool(form.get("mail"))))


def note(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Keep a note; a tick says that the customer was reached. Raises Amiss for an empty one without it."""
    text = form.get("text", "")
    if form.get("reached"):
        ticketing.attempt(case, ticket, ticketing.Call(by, text, reached=True))
        return
    if not text.strip():
        raise Amiss("staff.note.empty")
    ticketing.take_note(case, ticket, by, text)


def wait(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Let the ticket wait until the half-day that the agent chose."""
    until = half_day_of(form, case.policy, case.now)
    ticketing.wait(case, ticket, by, until, form.get("text", ""))


def half_day_of(form: Form, policy: Policy, now: datetime) -> datetime:
    """Return when the chosen half of the chosen day begins; of a day off, the next working one.

    Raises Amiss for what is no day, is over, or is farther away than `FARTHEST`.
    """
    try:
        chosen = read_day(form.get("day", ""))
    except ValueError as error:
        raise Amiss("staff.wait.when") from error
    zone = zone_info(policy.calendar.zone)
    start = MORNING_ENDS if form.get("half_day") == AFTERNOON else datetime.min.time()
    begins = instant_of(datetime.combine(chosen, start), zone)
    if begins > now + FARTHEST:
        raise Amiss("staff.wait.when")
    until = next(half.begins for half in half_days(begins, policy.calendar) if half.begins >= begins)
    if until <= now:
        raise Amiss("staff.wait.when")
    return until


def hand_over(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Hand the ticket to somebody else, or to the team."""
    ticketing.hand_over(case, ticket, by, form.get("to", ""), form.get("text", ""))


def done(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """End the ticket by the outcome, root cause and sentence of the form; Unfinished names what is missing."""
    ending = ticketing.Ending(
        outcome=form.get("outcome", ""),
        root_cause=form.get("root_cause", ""),
        root_cause_text=form.get("root_cause_text", "") if form.get("root_cause") == "other" else "",
        sentence=form.get("sentence", ""),
        promised_at=promised(form, case.policy),
    )
    ticketing.done(case, ticket, by, ending)


def promised(form: Form, policy: Policy) -> datetime | None:
    """Return the end of the working day that was promised, or None."""
    try:
        return ticketing.promise_due(read_day(form.get("promised", "")), policy.calendar)
    except (ValueError, OverflowError):
        return None


def kept(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Keep that what was promised has been done, in the sentence of the form."""
    ticketing.promise_kept(case, ticket, by, form.get("sentence", ""))


def reopen(case: CustomerCase, ticket: Ticket, by: str, form: Form) -> None:
    """Open the ticket again, because the customer said so."""
    ticketing.reopen(case, ticket, by, form.get("text", ""))


ACTS: dict[str, Doing] = {
    "claimed": claim,
    "no_answer": no_answer,
    "note": note,
    "waiting": wait,
    "handed_over": hand_over,
    "done": done,
    "kept": kept,
    "reopened": reopen,
}
"""The forms of the page by the last part of their address."""

routes = [
    Route("/tickets/{number:int}", show_ticket, methods=["GET"]),
    *(Route(f"/tickets/{{number:int}}/{name}", taking(doing), methods=["POST"]) for name, doing in ACTS.items()),
]
