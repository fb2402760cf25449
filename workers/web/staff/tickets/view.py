"""What the ticket page says: every fact of a ticket in words, and the mail as its customer would read it.

Nothing here changes a ticket.
"""

from datetime import timedelta

from babel.core import Locale, UnknownLocaleError
from starlette.requests import Request
from starlette.responses import Response

from workers.calendar import half_day_after, in_zone, next_half_day
from workers.domain.drivers import names_in
from workers.domain.explain import Story
from workers.domain.explain.followup import why_decision
from workers.domain.explain.view import Outlook, View
from workers.domain.mail.compose import MailFacts
from workers.domain.mail.compose.facts import clean, one_line
from workers.domain.mail.links import crm_link
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.records import Response as Answer
from workers.domain.records import Ticket, TicketEntry
from workers.domain.reporting.nps import band_of
from workers.domain.reporting.scales import briefly, scale_of
from workers.domain.survey.place_answer import ADDRESS
from workers.domain.survey.planning import zone_of
from workers.domain.ticket import OF_ACCOUNT, OUTCOMES, facts_of_ticket, next_version, second_clock
from workers.domain.ticket.others import answer_of
from workers.domain.types import TicketState
from workers.errors import BoucleError
from workers.usecases.ticket_inbox import TicketView
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.staff.frame import Form, Visitor, language_of, people_of, show
from workers.web.staff.tickets.inbox import dial, line_shown
from workers.web.staff.times import clock, day, when

STANDARD_FORM = {"act": "", "text": "", "to": "", "half_day": "morning"}
AT_FIELD = {
    "staff.missing.outcome": "outcome",
    "staff.missing.attempts": "outcome",
    "staff.missing.mail": "outcome",
    "staff.missing.root_cause": "cause",
    "staff.missing.root_cause_unknown": "cause",
    "staff.missing.root_cause_text": "cause-text",
    "staff.missing.sentence": "sentence",
    "staff.missing.promised_at": "promised",
    "staff.note.empty": "note-text",
    "staff.wait.when": "wait-day",
}
"""The field that each problem is said at, by the id of its text."""


def ticket_page(
    request: Request,
    visitor: Visitor,
    view: TicketView,
    form: Form,
    problems: tuple[str, ...],
    *,
    status: int,
    preview: bool,
) -> Response:
    """Write the page of one ticket, with what was typed, what is wrong with it, and the mail that would leave."""
    web = web_of(request)
    policy, catalog = web.policy(), pages_of(request).catalog(language_of(request))
    ticket, customer = view.ticket, view.customer
    did = parameters_of(request).values.get("did", "")
    phone = ticket.phone or customer.phone or ""
    values: dict[str, object] = {
        "ticket": ticket,
        "customer": customer,
        "band": band_of(ticket.score, ticket.question),
        "highest": scale_of(ticket.question).highest,
        "line": line_shown(view.line, policy, view.now, catalog) if view.line else None,
        "clock": str(view.line.clock) if view.line else "",
        "is_done": ticket.state == TicketState.DONE,
        "phone": one_line(phone, 40),
        "dial": dial(phone),
        "left_address": left_address(view),
        "facts": facts_shown(view, policy, catalog),
        "scores": [score_shown(score, view, policy, catalog) for score in view.scores],
        "promises": promises_shown(view, policy, catalog),
        "play": word(f"play.{ticket.play}", ticket.play, catalog),
        "facts_language": language_name(ticket.language, catalog),
        "reason": why(view, policy, catalog),
        "name": one_line(customer.name, 80),
        "comment": clean(ticket.comment),
        "entries": [entry_shown(entry, view, policy, catalog) for entry in reversed(view.entries)],
        "of_account": len({answer_of(entry) for entry in view.entries if entry.kind == OF_ACCOUNT}),
        "crm_url": crm_link(web.settings.crm_url, customer.crm_id or ""),
        "form": form_shown(form, ticket, policy, view),
        "problems": problems,
        "at_field": AT_FIELD,
        "faults": {AT_FIELD[problem]: problem for problem in problems if problem in AT_FIELD},
        "did": f"staff.did.{did}" if did in {*SAID} and not problems else "",
        "others": [person.name for person in people_of(request).everybody() if person.role in ("agent", "lead")],
        "outcomes": OUTCOMES,
        "causes": policy.root_causes,
        "preview": mail_preview(request, view, form, policy) if preview else None,
        "next_half": when(next_half_day(view.now, policy.calendar), policy.calendar.zone, view.now, catalog),
    }
    return show(request, visitor, "ticket.html", values, status=status)


SAID = ("claimed", "no_answer", "note", "waiting", "handed_over", "done", "kept", "reopened")


def word(id: str, value: str, catalog: Catalog) -> str:
    """Return the catalog's word for a value; an operator's own value as it is."""
    return catalog.text(id, {}) if id in catalog.ids else value.replace("_", " ").replace("-", " ")


def left_address(view: TicketView) -> str:
    """Return the mail address that was typed at a place with the answer; nobody has confirmed it."""
    return one_line(view.answer.details.get(ADDRESS, ""), 120) if view.answer and view.answer.place else ""


def facts_shown(view: TicketView, policy: Policy, catalog: Catalog) -> list[tuple[str, str]]:
    """Return the facts of the ticket as pairs of a text's id and a value; what is unknown is left out."""
    ticket, customer, zone = view.ticket, view.customer, policy.calendar.zone
    local = in_zone(view.now, zone_of(customer, policy))
    elsewhere = zone_of(customer, policy) != zone
    facts = {
        "about": one_line(" · ".join(filter(None, (ticket.label, ticket.reference if not ticket.label else "")))),
        "trigger": word(f"trigger.{ticket.trigger}", ticket.trigger, catalog),
        "answered": when(ticket.opened_at, zone, view.now, catalog),
        "drivers": ", ".join(drivers_shown(view, policy, catalog)),
        "competitor": one_line(view.answer.competitor, 300) if view.answer else "",
        "address": left_address(view),
        "wants": catalog.text("staff.ticket.wants-call", {}) if ticket.wants_contact else "",
        "half_day": catalog.text(f"half_day.{ticket.half_day}", {}) if ticket.half_day else "",
        "language": language_name(ticket.language, catalog),
        "local": f"{clock(local, catalog)} ({zone_of(customer, policy)})" if elsewhere else "",
        "segment": one_line(customer.segment, 60),
        "owner": ticket.owner or catalog.text("staff.nobody", {}),
        "contact_due": when(ticket.due_at, zone, view.now, catalog),
        "contacted": when(ticket.first_contact_at, zone, view.now, catalog) if ticket.first_contact_at else "",
        "done_due": when(second_clock(ticket, view.now, policy), zone, view.now, catalog),
        "attempts": str(ticket.attempts) if ticket.attempts else "",
        "reopened": str(ticket.reopened) if ticket.reopened else "",
        "outcome": word(f"outcome.{ticket.outcome}", ticket.outcome, catalog) if ticket.outcome else "",
        "cause": cause(ticket, catalog),
        "promised": when(ticket.promised_at, zone, view.now, catalog) if ticket.promised_at else "",
    }
    return [(f"staff.fact.{name}", value) for name, value in facts.items() if value]


def drivers_shown(view: TicketView, policy: Policy, catalog: Catalog) -> list[str]:
    """Return what the customer named as the reason for the score, in the reader's words."""
    kept = view.answer.drivers if view.answer else ""
    return names_in(kept, policy.drivers, catalog.language, catalog.text("driver.other", {}))


def cause(ticket: Ticket, catalog: Catalog) -> str:
    """Return area, cause and the agent's own words of it; "" while none is set."""
    area, _, name = ticket.root_cause.partition("/")
    if not area:
        return ""
    said = [word(f"cause.{area}", area, catalog)]
    if name:
        said.append(word(f"cause.{area}.{name}", name, catalog))
    return ": ".join([*said, one_line(ticket.root_cause_text, 200)]).rstrip(": ")


def language_name(tag: str, catalog: Catalog) -> str:
    """Return a language (BCP 47) by its name in the reader's; a tag that is none, as it is."""
    try:
        return str(Locale.parse(tag, sep="-").get_language_name(catalog.language) or tag)
    except (ValueError, UnknownLocaleError):
        return one_line(tag, 20)


def score_shown(answer: Answer, view: TicketView, policy: Policy, catalog: Catalog) -> dict[str, str]:
    """Return one of the customer's scores: when, what about, and what they wrote."""
    here = in_zone(view.now, policy.calendar.zone).date()
    return {
        "score": briefly(answer),
        "band": answer.band,
        "day": day(in_zone(answer.answered_at, policy.calendar.zone).date(), here, catalog),
        "trigger": word(f"trigger.{answer.trigger}", answer.trigger, catalog),
        "comment": one_line(answer.comment, 140),
    }


def promises_shown(view: TicketView, policy: Policy, catalog: Catalog) -> list[str]:
    """Return what this customer was promised: the call of this ticket, and what earlier tickets told them."""
    ticket = view.ticket
    here = in_zone(view.now, policy.calendar.zone).date()
    promise = half_day_after(ticket.due_at, policy.calendar)
    before = catalog.text(f"promise.before.{promise.part.value}", {})
    promises = [catalog.text("staff.promised-call", {"when": f"{day(promise.day, here, catalog)} {before}"})]
    for other in view.promises:
        on = day(in_zone(other.changed_at, policy.calendar.zone).date(), here, catalog)
        promises.append(
            catalog.text("staff.told", {"n": other.number, "day": on, "sentence": one_line(other.sentence)})
        )
    return promises


def why(view: TicketView, policy: Policy, catalog: Catalog) -> str:
    """Return the decision's reason, in the sentence that `boucle explain` says, in the reader's language."""
    if view.decision is None:
        return ""
    return why_decision(view.decision, View(Story(customer=view.customer), view.now, policy, Outlook(catalog=catalog)))


def entry_shown(entry: TicketEntry, view: TicketView, policy: Policy, catalog: Catalog) -> dict[str, str]:
    """Return one line of the history; codes become words, what people wrote stays as it is."""
    text = entry.text
    if entry.kind == "done":
        outcome, _, rest = text.partition("; ")
        text = "; ".join(filter(None, (word(f"outcome.{outcome}", outcome, catalog), rest)))
    if entry.kind == "mail":
        text = ""
    if entry.kind == "account_untold":
        reason, _, who = text.partition(" ")
        text = f"{who}: {word(f'report.reason.{reason}', reason, catalog)}" if who else text
    return {
        "kind": word(f"staff.entry.{entry.kind}", entry.kind, catalog),
        "code": entry.kind,
        "by": entry.by,
        "text": clean(text),
        "when": when(entry.at, policy.calendar.zone, view.now, catalog),
    }


def form_shown(form: Form, ticket: Ticket, policy: Policy, view: TicketView) -> Form:
    """Return the fields of the forms: what was typed, else what is likely."""
    here = in_zone(view.now, policy.calendar.zone).date()
    soon = (here + timedelta(days=1)).isoformat()
    likely = {
        "outcome": "",
        "root_cause": ticket.root_cause,
        "root_cause_text": ticket.root_cause_text,
        "sentence": "",
        "promised": "",
        "day": soon,
        "first_day": soon,
    }
    return {**STANDARD_FORM, **likely, **form}


def mail_preview(request: Request, view: TicketView, form: Form, policy: Policy) -> dict[str, str]:
    """Return the mail as the customer would read it, or why it cannot be written."""
    web, ticket = web_of(request), view.ticket
    as_typed = next_version(ticket, view.now, sentence=form.get("sentence", "").strip())
    mail = MailFacts(
        dispatch_id=ticket.id,
        template="done",
        recipient=view.customer.email or "",
        language=view.customer.language,
        name=view.customer.name or "",
        response_id=ticket.response,
        ticket_number=ticket.number,
        facts=facts_of_ticket(as_typed, policy),
    )
    try:
        subject, text, _ = web.templates.write(mail, web.links, view.now)
    except BoucleError as error:
        return {"subject": "", "text": str(error), "to": ""}
    return {"subject": subject, "text": text, "to": view.customer.email or ""}
