"""The inbox page: what is overdue, due today and waiting; a search; live lines; going away and coming back.

Correct without JavaScript: a reload shows what the event stream would.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from workers.calendar import add_working, in_zone, instant_of, working_between, zone_info
from workers.domain.mail.compose.facts import one_line
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.records import Customer, Ticket
from workers.domain.reporting.nps import band_of
from workers.domain.reporting.scales import scale_of
from workers.domain.types import TicketState
from workers.usecases.sign_in.accounts import User
from workers.usecases.ticket_inbox import Line, Lists, Worklist, line_of
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of, read_day
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, Form, Visitor, act_for_roles, for_roles, go, language_of, people_of, show
from workers.web.staff.times import day, span, when

SAID = frozenset({"claimed", "done", "handed_over", "waiting", "no_answer", "reopened", "away", "back", "kept"})
"""Acts after which the page says that they worked."""
OF_DAY = "staff.away.when"
"""What is said at the field of the first day back."""
LONGEST_SAID = 90
LOOKS_EVERY = 2.0
"""Seconds between two looks at the tickets for the event stream."""
STREAM_LASTS = 25.0
"""Seconds of one event stream; the browser opens the next by itself, and a stopping server waits no longer."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the inbox, in words."""

    number: int
    score: int
    highest: int
    band: str
    name: str
    label: str
    comment: str
    left: str
    when: str
    owner: str
    state: str
    late: bool
    done: bool
    phone: str
    dial: str


def worklist_of(request: Request) -> Worklist:
    web = web_of(request)
    return Worklist(web.store, web.policy, web.now)


@for_roles(AGENTS)
async def show_inbox(request: Request, visitor: Visitor) -> Response:
    """Show the lists, or what a search finds."""
    return await inbox_page(request, visitor)


async def inbox_page(
    request: Request, visitor: Visitor, problem: str = "", status: int = 200, until: str = ""
) -> Response:
    """Write the page, with the day that was chosen in vain."""
    return await run_in_threadpool(write_inbox, request, visitor, problem, status, until)


def write_inbox(request: Request, visitor: Visitor, problem: str, status: int, until: str) -> Response:
    """Read what is owed and write the page; an agent starts with their own and what nobody has taken."""
    web, worklist = web_of(request), worklist_of(request)
    catalog, now = pages_of(request).catalog(language_of(request)), web.now()
    q = one_line(parameters_of(request).text("q", LONGEST_VALUE), 80)
    mine = not parameters_of(request).flag("all")
    hits = None
    lists = Lists()
    if q:
        hits = [shown(*row, web.policy(), now, catalog) for row in worklist.search(q)]
    else:
        lists = worklist.lists(visitor.user.name if mine else None)
    here = in_zone(now, web.policy().calendar.zone).date()
    values = {
        "q": q,
        "found": hits,
        "mine": mine,
        "lists": [
            (name, [line_shown(line, web.policy(), now, catalog) for line in lines]) for name, lines in lists.all()
        ],
        "stamp": worklist.stamp(),
        "said": said(request),
        "problem": problem if problem != OF_DAY else "",
        "faults": {"until": problem} if problem == OF_DAY else {},
        "typed_until": until,
        "owned": worklist.owned(visitor.user.name),
        "tomorrow": (here + timedelta(days=1)).isoformat(),
        "away_until": away_until(visitor.user, here, web.policy(), now, catalog),
    }
    return show(request, visitor, "inbox.html", values, status=status)


def said(request: Request) -> str:
    """Return the id of the text that says what was just done, or nothing."""
    did = parameters_of(request).values.get("did", "")
    return f"staff.did.{did}" if did in SAID else ""


def away_until(user: User, here: date, policy: Policy, now: datetime, catalog: Catalog) -> str:
    """Return until which day a person is away, in words, or nothing."""
    if user.away_until is None or user.away_until <= now:
        return ""
    return day(in_zone(user.away_until, policy.calendar.zone).date(), here, catalog)


def shown(ticket: Ticket, customer: Customer, policy: Policy, now: datetime, catalog: Catalog) -> Shown:
    """Return a ticket as a line of the search: with what is owed, else since when it is done."""
    line = line_of(ticket, customer, policy, now)
    if line is not None:
        return line_shown(line, policy, now, catalog)
    done = ticket.done_at or ticket.changed_at
    return words(ticket, customer, "", when(done, policy.calendar.zone, now, catalog), late=False, catalog=catalog)


def line_shown(line: Line, policy: Policy, now: datetime, catalog: Catalog) -> Shown:
    """Return a line in words: how much working time is left or has passed, and when that is on the wall clock."""
    return words(
        line.ticket,
        line.customer,
        left(line, policy, now, catalog),
        catalog.text(f"staff.due.{line.clock}", {"when": when(line.due_at, policy.calendar.zone, now, catalog)}),
        late=line.late,
        catalog=catalog,
    )


def left(line: Line, policy: Policy, now: datetime, catalog: Catalog) -> str:
    """Return how much working time is left, how late it is, or until when the ticket waits."""
    if line.late:
        return catalog.text("staff.late", {"time": span(working_between(line.due_at, now, policy.calendar), catalog)})
    until = line.ticket.waiting_until
    if line.ticket.state == TicketState.WAITING and until is not None:
        return catalog.text("staff.waits", {"when": when(until, policy.calendar.zone, now, catalog)})
    return catalog.text("staff.left", {"time": span(line.working_left, catalog)})


def words(ticket: Ticket, customer: Customer, due: str, at: str, *, late: bool, catalog: Catalog) -> Shown:
    """Return a ticket in words; what customers wrote is cut to a line here and escaped by the page."""
    phone = ticket.phone or customer.phone or ""
    return Shown(
        number=ticket.number,
        score=ticket.score,
        band=band_of(ticket.score, ticket.question),
        highest=scale_of(ticket.question).highest,
        name=one_line(customer.name, 60),
        label=one_line(ticket.label, 60),
        comment=one_line(ticket.comment, LONGEST_SAID),
        left=due,
        when=at,
        owner=ticket.owner,
        state=catalog.text(f"staff.state.{ticket.state}", {}),
        late=late,
        done=ticket.state == TicketState.DONE,
        phone=one_line(phone, 40),
        dial=dial(phone),
    )


def dial(phone: str) -> str:
    """Return a number as `tel:` takes it (RFC 3966): digits, with the plus where there is one.

    The zero in `+33 (0)6` is dialled inside the country only, so it falls away.
    """
    if phone.strip().startswith("+"):
        phone = phone.replace("(0)", "")
    digits = "".join(sign for sign in phone if sign.isascii() and sign.isdigit())
    return ("+" if phone.strip().startswith("+") else "") + digits


@for_roles(AGENTS, by_itself=True)
async def stream(request: Request, visitor: Visitor) -> Response:
    """Send a word whenever a ticket changes; the page then reads itself again."""
    return StreamingResponse(changes(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def changes(request: Request) -> AsyncIterator[str]:
    """Give the stamp of the tickets at once and after every change."""
    worklist, last_stamp = worklist_of(request), ""
    yield "retry: 2000\n\n"
    loop = asyncio.get_running_loop()
    ends = loop.time() + STREAM_LASTS
    while loop.time() < ends and not await request.is_disconnected():
        stamp = await run_in_threadpool(worklist.stamp)
        if stamp != last_stamp:
            last_stamp = stamp
            yield f"event: tickets\ndata: {stamp}\n\n"
        await asyncio.sleep(LOOKS_EVERY)


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the inbox with what went wrong."""
    return await inbox_page(request, visitor, problem, status=403)


@act_for_roles(AGENTS, again)
async def go_away(request: Request, visitor: Visitor, form: Form) -> Response:
    """Keep that a person is away, and hand their tickets to who is there."""
    web = web_of(request)
    zone = web.policy().calendar.zone
    try:
        first_day_back = read_day(form.get("until", ""))
        until = instant_of(datetime.combine(first_day_back, datetime.min.time()), zone_info(zone))
    except ValueError:
        return await inbox_page(request, visitor, OF_DAY, 400, form.get("until", ""))
    now = web.now()
    if until <= now or until > now + timedelta(days=366):
        return await inbox_page(request, visitor, OF_DAY, 400, form.get("until", ""))
    back = add_working(until, timedelta(), web.policy().calendar)
    await run_in_threadpool(worklist_of(request).leave, visitor.user, back, people_of(request), web.ticket_actions)
    return go(request, "/inbox?did=away")


@act_for_roles(AGENTS, again)
async def come_back(request: Request, visitor: Visitor, form: Form) -> Response:
    """Keep that a person is back; idempotent."""
    name = visitor.user.name
    await run_in_threadpool(lambda: people_of(request).set_away(name, None, by=name))
    return go(request, "/inbox?did=back")


routes = [
    Route("/inbox", show_inbox, methods=["GET"]),
    Route("/inbox/events", stream, methods=["GET"]),
    Route("/inbox/away", go_away, methods=["POST"]),
    Route("/inbox/back", come_back, methods=["POST"]),
]
