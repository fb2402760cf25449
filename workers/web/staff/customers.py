"""The customer's page: one line through time, in the sentences that `boucle explain` says; a search; a mail as it left.

Shows and changes nothing. Signed links in mails are cut short: who reads a mail here must not answer for its customer.
"""

import email
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.explain.names import word_in
from workers.domain.explain.text import ORDER, capitalised, entries, subject
from workers.domain.explain.view import Entry
from workers.domain.mail.compose.facts import clean, one_line
from workers.domain.mail.links import crm_link
from workers.domain.mail.translations import Catalog
from workers.domain.records import Dispatch
from workers.domain.types import DispatchState
from workers.store import read
from workers.store.delivery.sent_mails import body_of
from workers.store.ticket import tickets as stored
from workers.usecases.delivery.send_controls import mails_today, sending_now
from workers.usecases.operation import inquiry
from workers.web.http.answers.names import Piece, in_pieces
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, Visitor, for_roles, language_of, show
from workers.web.staff.tickets.view import language_name
from workers.web.staff.times import when

TOKEN = re.compile(r"(?<=/[autir]/)[\w.~-]{12,}")
"""The signed part of a link to an answer, an opt-out, a testimonial, an improvement or a reopening page."""
LONGEST_LINE = 600
LATEST = 12
"""Customers shown before anything is searched for: those who answered last."""
PENDING = ("planned", "held")


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry of the line through time."""

    kind: str
    state: str
    at: str
    instant: str
    about: str
    said: tuple[Piece, ...]
    comment: str
    drivers: str
    competitor: str
    versions: tuple[str, ...]
    link: str
    ahead: bool


@for_roles(AGENTS)
async def show_search(request: Request, visitor: Visitor) -> Response:
    """Show the search for customers, and whom it finds; one alone is opened at once by its CRM id."""
    return await run_in_threadpool(write_search, request, visitor)


def write_search(request: Request, visitor: Visitor) -> Response:
    """Without a search it lists who answered lately."""
    q = one_line(parameters_of(request).text("q", LONGEST_VALUE), 120)
    with web_of(request).store.reading() as connection:
        rows = stored.search_customers(connection, q) if q else stored.lately_answered(connection, LATEST)
    shown_customers = [
        {name: one_line(getattr(row, name), 80) for name in ("crm_id", "name", "email", "phone", "segment")}
        for row in rows
    ]
    return show(request, visitor, "customers.html", {"q": q, "found": shown_customers})


@for_roles(AGENTS)
async def show_customer(request: Request, visitor: Visitor) -> Response:
    """Page /customers/ID by the CRM's id; 404 for one that is not known."""
    return await run_in_threadpool(write_customer, request, visitor)


def write_customer(request: Request, visitor: Visitor) -> Response:
    """Explain the customer and write the page, the newest entry first and what is to come above it.

    Raises 404 for one that is not known.
    """
    web, crm_id = web_of(request), clean(request.path_params["id"])
    catalog = pages_of(request).catalog(language_of(request))
    explanation = explained(web, crm_id, catalog)
    if explanation is None:
        raise HTTPException(404)
    now, zone = web.now(), str(explanation["zone"])
    customer = cast(Mapping[str, object], explanation["customer"])
    there = str(customer.get("time_zone") or zone)
    lines = [shown(request, at, kind, entry, now, zone) for at, kind, entry in in_order(explanation, now, catalog)]
    values = {
        "customer": {name: one_line(value, 200) for name, value in customer.items() if value and name != "attributes"},
        "attributes": attributes_shown(cast(Mapping[str, object], customer.get("attributes") or {}), catalog),
        "language": language_name(str(customer["language"]), catalog) if customer.get("language") else "",
        "next_ask": in_pieces(str(cast(Entry, explanation["next_ask"])["reason"]), LONGEST_LINE),
        "zone": there,
        "local": in_zone(now, there).strftime("%H:%M"),
        "ahead": [line for line in lines if line.ahead],
        "past": [line for line in lines if not line.ahead],
        "crm_url": crm_link(web.settings.crm_url, crm_id),
    }
    return show(request, visitor, "customer.html", values)


def attributes_shown(attributes: Mapping[str, object], catalog: Catalog) -> dict[str, str]:
    """Return the attributes as a page shows them, under the operator's own names: contract_ends as Contract ends."""
    words = {True: catalog.text("explain.yes", {}), False: catalog.text("explain.no", {})}
    return {
        capitalised(name.replace("_", " ")): words[value] if isinstance(value, bool) else one_line(str(value), 200)
        for name, value in attributes.items()
    }


def explained(web: Web, crm_id: str, catalog: Catalog) -> Entry | None:
    """Return what `boucle explain customer` tells, in the reader's language, or None."""
    now, policy = web.now(), web.policy()
    with web.store.reading() as connection:
        per_day = web.sending.per_day
        full = bool(per_day) and mails_today(connection, now, policy.zone) >= per_day
        state = sending_now(connection, web.sending)
        return inquiry.explain(connection, "customer", crm_id, now, policy, state, day_is_full=full, catalog=catalog)


def in_order(story: Entry, now: datetime, catalog: Catalog) -> list[tuple[datetime | None, str, Entry]]:
    """Return the entries, the newest first; at one instant, what was caused stands above its cause."""
    return sorted(
        entries(story, catalog), key=lambda entry: (entry[0] or now, ORDER[entry[1]], str(entry[2]["id"])), reverse=True
    )


def shown(request: Request, at: datetime | None, kind: str, entry: Entry, now: datetime, zone: str) -> Shown:
    """Return one entry in words; what people wrote is escaped by the page."""
    history = cast("list[Entry]", entry.get("history") or [])
    catalog = pages_of(request).catalog(language_of(request))
    return Shown(
        kind=kind.replace(" ", "-"),
        state=str(entry["state"]),
        at=when(at, zone, now, catalog) if at else "",
        instant=at.isoformat(timespec="minutes") if at else "",
        about=capitalised(clean(subject(entry, catalog, ids=False), LONGEST_LINE)),
        said=in_pieces(str(entry["reason"]), LONGEST_LINE),
        comment=clean(entry.get("comment") or entry.get("improvement") or ""),
        drivers=", ".join(cast("list[str]", entry.get("driver_names") or [])),
        competitor=clean(entry.get("competitor") or ""),
        versions=tuple(version(past, zone, catalog) for past in history if "kind" in past or len(history) > 1),
        link=link_of(request, kind, entry),
        ahead=bool(at and at > now),
    )


def version(entry: Entry, zone: str, catalog: Catalog) -> str:
    """Return one line of a ticket's history, or one version of an answer."""
    local = in_zone(datetime.fromisoformat(str(entry["at"])), zone)
    at = catalog.text("staff.when", {"day": catalog.date(local.date()), "time": catalog.clock(local)})
    if "kind" in entry:
        by = f", {entry['by']}" if entry["by"] else ""
        said = f": {entry['text']}" if entry["text"] else ""
        return one_line(f"{at} {word_in('staff.entry.', str(entry['kind']), catalog)}{by}{said}", LONGEST_LINE)
    return one_line(f"{at} {entry['score']}/{entry['highest']} {entry['comment']}", LONGEST_LINE)


def link_of(request: Request, kind: str, entry: Entry) -> str:
    """Return where an entry can be looked at more closely: a ticket, or a mail as it left."""
    if kind == "ticket":
        return pages_of(request).url(f"/tickets/{entry['number']}")
    if kind == "mail" and entry["kind"] == "mail" and entry["state"] in (DispatchState.ACCEPTED, DispatchState.BOUNCED):
        return pages_of(request).url(f"/sent/{entry['id']}")
    return ""


@for_roles(AGENTS)
async def show_sent(request: Request, visitor: Visitor) -> Response:
    """Show a mail as it left; 404 for one that never left, or whose bytes are gone after their 30 days."""
    return await run_in_threadpool(write_sent, request, visitor)


def write_sent(request: Request, visitor: Visitor) -> Response:
    """Read the bytes and write the page, as plain text; 404 where there is no mail, or its bytes are gone."""
    id = str(request.path_params["id"])
    with web_of(request).store.reading() as connection:
        dispatch = read.by_key(connection, Dispatch, id) if read.is_id(id) else None
        body = body_of(connection, id) if dispatch else None
    if dispatch is None or body is None or dispatch.kind != "mail":
        raise HTTPException(404)
    mail = email.message_from_bytes(bytes(body), policy=email.policy.default)
    part = mail.get_body(preferencelist=("plain",))
    text = TOKEN.sub("…", clean(part.get_content() if part else ""))
    headers = [(name, one_line(mail[name], 300)) for name in ("Date", "From", "To", "Subject") if mail[name]]
    values = {"headers": headers, "text": text, "language": dispatch.language, "template": dispatch.template}
    return show(request, visitor, "sent.html", values)


routes = [
    Route("/customers", show_search, methods=["GET"]),
    Route("/customers/{id:path}", show_customer, methods=["GET"]),
    Route("/sent/{id}", show_sent, methods=["GET"]),
]
