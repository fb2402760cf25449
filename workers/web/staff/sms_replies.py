"""The replies by SMS that a person is to read: what no machine may answer, with a button that says it was read."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.mail.compose.facts import one_line
from workers.domain.records import Customer, SmsReply
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, Form, Visitor, act_for_roles, for_roles, go, language_of, leading_to, show
from workers.web.staff.times import when

DONE = frozenset({"read"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One reply as the page lists it; `customer` is the CRM's id, or empty."""

    id: str
    text: str
    at: str
    customer: str
    name: str


@for_roles(AGENTS)
async def show_replies(request: Request, visitor: Visitor) -> Response:
    """Show the replies that nobody has read, the oldest first."""
    return await run_in_threadpool(write_replies, request, visitor)


def write_replies(request: Request, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    """Read and write the list."""
    replies = web_of(request).text_inbox.to_read()
    values = {
        "replies": [shown(request, reply, customer) for reply, customer in replies],
        "said": "sms.did.read" if parameters_of(request).choice("did", DONE) else "",
        "problem": problem,
    }
    return show(request, visitor, "sms-replies.html", values, status=status)


def shown(request: Request, reply: SmsReply, customer: Customer) -> Shown:
    """Return a reply in words; what the customer wrote is escaped by the page."""
    web = web_of(request)
    catalog = pages_of(request).catalog(language_of(request))
    at = when(reply.at, web.policy().zone, web.now(), catalog)
    return Shown(reply.id, reply.text, at, customer.crm_id or "", one_line(customer.name or "", 60))


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Show the list once more, and why nothing was done."""
    return await run_in_threadpool(write_replies, request, visitor, problem, 403)


@act_for_roles(AGENTS, again)
async def mark_read(request: Request, visitor: Visitor, form: Form) -> Response:
    """Keep that a reply was read, and by whom."""
    await run_in_threadpool(web_of(request).text_inbox.mark_read, form.get("reply", ""), visitor.user.name)
    return go(request, "/sms?did=read")


routes = [
    Route("/sms", show_replies, methods=["GET"]),
    Route("/sms/read", leading_to("/sms"), methods=["GET"]),
    Route("/sms/read", mark_read, methods=["POST"]),
]
