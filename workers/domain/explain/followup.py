"""Tells of responses, decisions, actions, tickets, mails and testimonials: what followed from an answer, and why."""

from workers.domain.drivers import OTHER, names_in
from workers.domain.explain.names import word_in
from workers.domain.explain.phrases import ENGLISH
from workers.domain.explain.survey import about
from workers.domain.explain.view import Entry, View, iso
from workers.domain.explain.words import say, sentence
from workers.domain.mail.translations import Catalog
from workers.domain.records import Action, Decision, Dispatch, Response, Testimonial, Ticket
from workers.domain.records.choices import codes_in
from workers.domain.reporting.scales import QUESTION, kind_of, scale_of
from workers.domain.types import (
    ActionState,
    DecisionOutcome,
    DecisionState,
    DispatchState,
    Reason,
    ResponseState,
    TicketState,
)

OF_THE_SERVER = ("later", Reason.REFUSED_BY_SERVER)
"""Reasons that are a receiver's in a webhook, which no mail server sees."""
NO_MAIL = frozenset(
    {Reason.TOO_LATE, Reason.NO_ADDRESS, Reason.NAMELESS, Reason.SUPPRESSED, Reason.OPTED_OUT, Reason.ERASED}
)
"""Reasons of a contact that was done without the mail that tells the customer so."""
LEAVING = (DispatchState.READY, DispatchState.LEASED, DispatchState.SENDING)
COLUMNS = ("trigger", "after", "score", "comment", "wants_contact", "question")
VERSION_SHOWN = 8  # characters of a table's version: enough to tell two apart


def response_entry(response: Response, view: View) -> Entry:
    """Return one answer with every version of it."""
    versions = [revision for revision in view.story.revisions if revision.response == response.id]
    scale = scale_of(response.question)
    return {
        "id": response.id,
        "at": iso(response.answered_at),
        "state": response.state.value,
        "reason": why_response(response, view),
        "asks": scale.kind.value,
        "score": response.score,
        "highest": scale.highest,
        "band": response.band,
        "comment": view.private(response.comment),
        "wants_contact": response.wants_contact,
        "trigger": response.trigger,
        "touchpoint": response.touchpoint,
        "reference": view.private(about(response.label, response.reference, view)),
        "channel": response.channel,
        "request": response.request,
        "place": response.place,
        "improvement": view.private(response.improvement),
        "drivers": list(codes_in(response.drivers)),
        "driver_names": driver_names(response.drivers, view),
        "competitor": view.private(response.competitor or ""),
        "history": [
            {
                "n": version.n,
                "at": iso(version.at),
                "score": version.score,
                "highest": scale.highest,
                "comment": view.private(version.comment),
                "wants_contact": version.wants_contact,
                "drivers": list(codes_in(version.drivers)),
            }
            for version in sorted(versions, key=lambda version: version.n)
        ],
    }


def driver_names(kept: str | None, view: View) -> list[str]:
    """Return what was named as the reason, in the reader's words."""
    catalog = view.outlook.catalog
    return names_in(kept, view.policy.drivers, catalog.language, word_in("driver.", OTHER, catalog))


def why_response(response: Response, view: View) -> str:
    """Return the sentence that says where an answer stands."""
    current = current_decision(response, view)
    rule = current.rule if current else ""
    decided = view.words.say("rule-applies", rule=rule) if rule else view.words.say("decision-stands")
    if response.state == ResponseState.SETTLING:
        said = view.words.say("settling", at=view.words.moment(response.settles_at))
    else:
        said = view.words.say(f"response-{response.state.value}", decided=decided)
    said = sentence(view.words.say("late", said=said) if response.late else said)
    return view.words.say("at-place", said=said, place=response.place) if response.place else said


def current_decision(response: Response, view: View) -> Decision | None:
    """Return the decision that is not superseded, or None before the first."""
    return next(
        (
            decision
            for decision in view.story.decisions
            if decision.response == response.id and decision.state == DecisionState.CURRENT
        ),
        None,
    )


def decision_entry(decision: Decision, view: View) -> Entry:
    """Return which rule fired, with the table's version and the inputs it saw."""
    return {
        "id": f"{decision.response}/{decision.n}",
        "at": iso(decision.at),
        "state": decision.state.value,
        "reason": why_decision(decision, view),
        "code": Reason.NO_SUCH_RULE if decision.outcome == DecisionOutcome.PARKED else "",
        "response": decision.response,
        "n": decision.n,
        "outcome": decision.outcome.value,
        "rule": decision.rule,
        "row": decision.row,
        "version": decision.version,
        "inputs": dict(sorted(decision.inputs.items(), key=by_column)),
        "superseded_at": iso(decision.superseded_at),
    }


def why_decision(decision: Decision, view: View) -> str:
    """Return which rule fired for which inputs, as a sentence."""
    if decision.outcome == DecisionOutcome.PARKED:
        why = view.words.clause(Reason.NO_SUCH_RULE, {"detail": decision.reason})
        said = view.words.say("why", lead=view.words.lead(decision.outcome), why=why)
    else:
        inputs = sorted(decision.inputs.items(), key=by_column)
        seen = ", ".join(input_text(name, value, view) for name, value in inputs) or "–"
        lead, table = view.words.lead(decision.outcome), decision.version[:VERSION_SHOWN]
        said = view.words.say("rule", lead=lead, rule=decision.rule or "–", row=decision.row, table=table, seen=seen)
    if decision.state == DecisionState.SUPERSEDED and decision.superseded_at:
        said = view.words.say("superseded", said=said, at=view.words.moment(decision.superseded_at))
    return sentence(said)


def by_column(column: tuple[str, object]) -> tuple[int, str]:
    """Return an input's place: the shipped table's order, then by name; PostgreSQL keeps no order of its own."""
    return (COLUMNS.index(column[0]) if column[0] in COLUMNS else len(COLUMNS), column[0])


def input_text(name: str, value: object, view: View) -> str:
    """Return one input of a decision as words; one of an operator's own column by its name."""
    if name == "after" and isinstance(value, int | float):
        return time_after(value, view.outlook.catalog)
    has_text = view.words.there_is(f"input.{name}")
    called = view.words.say(f"input.{name}") if has_text else name.replace("_", " ")
    return view.words.say("input", name=called, value=value_text(name, value, view))


def value_text(name: str, value: object, view: View) -> str:
    """Return an input's value as words: a trigger by its name, yes and no in the reader's language."""
    if name == "trigger":
        return view.words.name(str(value))
    if value in ("yes", "no"):
        return view.words.say(str(value))
    if name == QUESTION:
        return str(value).upper()
    return "–" if value is None or value == "" else str(value)


def action_entry(action: Action, view: View) -> Entry:
    """Return one next step; `ticket` is the number by which agents know it, or None."""
    return {
        "id": action.id,
        "at": iso(action.changed_at),
        "state": action.state.value,
        "reason": why_action(action, view),
        "code": action.reason,
        "name": action.name,
        "template": action.template,
        "due_at": iso(action.due_at),
        "response": action.response,
        "decision": action.decision,
        "ticket": number_of(action.ticket, view),
    }


def number_of(ticket: str | None, view: View) -> int | None:
    """Return the number by which agents know a ticket; None without one."""
    return next((row.number for row in view.story.tickets if row.id == ticket), None)


def why_action(action: Action, view: View) -> str:
    """Return the sentence that says what became of a next step."""
    if action.state == ActionState.DONE:
        return sentence(view.words.say("done-on", at=view.words.moment(action.changed_at), what=done_by(action, view)))
    if action.state == ActionState.PLANNED:
        return view.words.say(
            "waits-before" if action.due_at > view.now else "done-soon", at=view.words.moment(action.due_at)
        )
    if action.state == ActionState.HELD:
        why = view.words.clause(action.reason, {"detail": action.detail})
        why = view.words.say("given-up-on", why=why, at=view.words.moment(action.due_at))
        return view.words.why(lead_of(action, "ticket-mail-waits", view), why)
    return view.words.why(lead_of(action, "ticket-mail-not-written", view), why_not_done(action, view))


def lead_of(action: Action, phrase: str, view: View) -> str:
    """Return how the sentence about a next step begins; that of a contact says that its ticket stands without mail."""
    ticket = ticket_of(action, view)
    if not ticket:
        return view.words.lead(action.state)
    return view.words.say("why", lead=view.words.lead(action.state), why=view.words.say(phrase, ticket=ticket))


def why_not_done(action: Action, view: View) -> str:
    """Return why a next step was never done, as a clause; one that was held says what held it."""
    if action.reason == Reason.TOO_LATE and action.detail:
        return view.words.clause(Reason.TOO_LATE, {"before": view.words.clause(action.detail, over=True)})
    return view.words.clause(action.reason, {"detail": action.detail}, over=True)


def of_another(action: Action, view: View) -> bool:
    """Tell whether the ticket of a next step is that of somebody else of the account, whose rows are not at hand."""
    return action.ticket is not None and number_of(action.ticket, view) is None and action.detail.startswith("joined")


def ticket_of(action: Action, view: View) -> str:
    """Return the ticket of a next step as a clause, "" for none."""
    if of_another(action, view):
        return view.words.say("did-account-ticket", number=action.detail.rpartition(" ")[2])
    number = number_of(action.ticket, view)
    return view.words.say("did-ticket", number=number) if number else ""


def done_by(action: Action, view: View) -> str:
    """Return what a next step led to, as a clause."""
    if action.reason == Reason.FELL_BACK:
        return view.words.clause(
            Reason.FELL_BACK, {"because": view.words.clause(action.detail, over=True) if action.detail else ""}
        )
    ticket = ticket_of(action, view)
    if action.reason in NO_MAIL and ticket:
        said = view.words.say("ticket-mail-not-written", ticket=ticket)
        return view.words.say("why", lead=said, why=why_not_done(action, view))
    if action.reason == Reason.JOINED_TICKET and not of_another(action, view):
        said = view.words.clause(Reason.JOINED_TICKET)
        return view.words.say("more", what=said, detail=ticket) if ticket else said
    parts = [ticket] if ticket else []
    if any(dispatch.action == action.id for dispatch in view.story.dispatches):
        parts.append(view.words.say("did-mail", name=view.words.name(action.template)))
    return view.words.together(parts or [view.words.say("did-nothing")], "and")


def ticket_entry(ticket: Ticket, view: View) -> Entry:
    """Return one contact owed to the customer, with its own history."""
    lines = [entry for entry in view.story.entries if entry.ticket == ticket.id]
    lines.sort(key=lambda line: (line.at, line.kind != "opened"))
    return {
        "id": ticket.id,
        "at": iso(ticket.opened_at),
        "state": ticket.state.value,
        "reason": why_ticket(ticket, view),
        "number": ticket.number,
        "asks": kind_of(ticket.question).value,
        "score": ticket.score,
        "reference": view.private(about(ticket.label, ticket.reference, view)),
        "due_at": iso(ticket.due_at),
        "resolve_due_at": iso(ticket.resolve_due_at),
        "owner": ticket.owner,
        "play": ticket.play,
        "attempts": ticket.attempts,
        "reopened": ticket.reopened,
        "root_cause": ticket.root_cause,
        "outcome": ticket.outcome,
        "done_at": iso(ticket.done_at),
        "response": ticket.response,
        "history": [
            {"id": line.id, "at": iso(line.at), "kind": line.kind, "by": line.by, "text": view.private(line.text)}
            for line in lines
        ],
    }


def why_ticket(ticket: Ticket, view: View) -> str:
    """Say how a ticket ended, or where it stands and by when the customer is to be contacted."""
    if ticket.state == TicketState.DONE:
        ended = (
            word_in("outcome.", ticket.outcome, view.outlook.catalog)
            if ticket.outcome
            else view.words.say("no-outcome")
        )
        if ticket.root_cause:
            ended = view.words.say("root-cause", what=ended, cause=root_cause(ticket.root_cause, view))
        return sentence(
            view.words.say("ticket-done", at=view.words.moment(ticket.done_at) if ticket.done_at else "", what=ended)
        )
    said = view.words.lead(ticket.state)
    if ticket.owner and ticket.state == TicketState.CLAIMED:
        said = view.words.say("by", what=said, who=ticket.owner)
    if ticket.waiting_until:
        said = view.words.say("until", what=said, until=view.words.moment(ticket.waiting_until))
    return view.words.why(said, contact_of(ticket, view))


def root_cause(code: str, view: View) -> str:
    """Return a root cause as words: an area, and a part of it where the code has one (`delivery/late`)."""
    area, _, part = code.partition("/")
    named = word_in("cause.", area, view.outlook.catalog)
    if not part:
        return named
    return view.words.say("root-cause.part", area=named, part=word_in(f"cause.{area}.", part, view.outlook.catalog))


def contact_of(ticket: Ticket, view: View) -> str:
    """Return whether the first contact was made in time, as a clause."""
    due = view.words.moment(ticket.due_at)
    if ticket.first_contact_at:
        return view.words.say("contacted", at=view.words.moment(ticket.first_contact_at), due=due)
    return view.words.say("contact-was-due" if ticket.due_at <= view.now else "contact-is-due", due=due)


def mail_entry(dispatch: Dispatch, view: View) -> Entry:
    """Return one mail or webhook; `at` is when it left or ended, or when it may leave."""
    ended = dispatch.changed_at if dispatch.state not in LEAVING else None
    return {
        "id": dispatch.id,
        "at": iso(dispatch.accepted_at or ended or dispatch.not_before),
        "state": dispatch.state.value,
        "reason": why_mail(dispatch, view),
        "code": dispatch.reason,
        "kind": dispatch.kind,
        "template": dispatch.template,
        "language": dispatch.language,
        "recipient": view.private(dispatch.recipient),
        "copies": dispatch.copies,
        "request": dispatch.request,
        "response": dispatch.response,
        "action": dispatch.action,
        "ticket": number_of(dispatch.ticket, view),
    }


def why_mail(dispatch: Dispatch, view: View) -> str:
    """Say whether a mail left, and why not: of one that waits, what holds it now."""
    start = view.words.lead(dispatch.state)
    if dispatch.state == DispatchState.ACCEPTED and dispatch.accepted_at:
        id = "sent-again" if dispatch.copies else "sent"
        return view.words.say(id, at=view.words.moment(dispatch.accepted_at), number=dispatch.copies + 1)
    over = dispatch.state not in LEAVING
    is_mail = dispatch.kind == "mail"
    why = [view.words.clause(dispatch.reason, {"detail": dispatch.detail}, over=over)] if dispatch.reason else []
    if not is_mail and dispatch.reason in OF_THE_SERVER:
        said = view.words.say("transport.not-taken")
        why = [
            view.words.say("more", what=said, detail=view.words.translated(dispatch.detail))
            if dispatch.detail
            else said
        ]
    if dispatch.state == DispatchState.READY:
        if dispatch.not_before > view.now:
            why.append(view.words.say("leaves-on", at=view.words.moment(dispatch.not_before)))
        elif is_mail and view.sending.state == "on" and view.sending.reason:
            why = [
                view.words.together(map(view.words.translated, view.sending.reason.split("; ")))
            ]  # the server as it is now, instead of what it said to this one
        why += view.stalled() if is_mail else []  # webhooks leave while mails are held
    if not why and dispatch.state == DispatchState.READY:
        why = [view.words.say("leaves-soon")]
    return view.words.why(start, view.words.together(why)) if why else sentence(start)


def testimonial_entry(testimonial: Testimonial, view: View) -> Entry:
    """Return what a promoter was asked to write, and how far it may be published."""
    return {
        "id": testimonial.id,
        "at": iso(testimonial.changed_at),
        "state": testimonial.state.value,
        "reason": sentence(
            view.words.say("since", what=view.words.lead(testimonial.state), day=view.words.day(testimonial.changed_at))
        ),
        "response": testimonial.response,
        "scope": testimonial.scope,
        "wording": view.private(testimonial.wording),
    }


AFTER = (("minutes", 1 / 1440, 90), ("hours", 1 / 24, 48))
"""Units up to days: the name, its size in days, and from how many on the next one says it better."""


def time_after(days: float, catalog: Catalog = ENGLISH) -> str:
    """Return how long after the event an answer came, in the unit that one would say it in."""
    for name, size, most in AFTER:
        if days / size < most:
            return say(f"after.{name}", catalog, number=max(1, round(days / size)))
    return say("after.days", catalog, number=f"{days:.0f}")
