"""Tells of responses, decisions, actions, tickets, mails and testimonials: what followed from an answer, and why."""

from workers.explaining.asking import about
from workers.explaining.names import named
from workers.explaining.view import Entry, View, iso
from workers.explaining.words import clause, lead, sentence
from workers.records import Action, Decision, Dispatch, Response, Testimonial, Ticket
from workers.words import (
    ActionState,
    DecisionOutcome,
    DecisionState,
    DispatchState,
    Reason,
    ResponseState,
    TicketState,
)

LEAVING = (DispatchState.READY, DispatchState.LEASED, DispatchState.SENDING)
COLUMNS = ("trigger", "after", "score", "comment", "wants_contact")
VERSION_SHOWN = 8  # characters of a table's version: enough to tell two apart


def response_entry(response: Response, view: View) -> Entry:
    """Return one answer with every version of it."""
    versions = [one for one in view.story.revisions if one.response == response.id]
    return {
        "id": response.id,
        "at": iso(response.answered_at),
        "state": response.state.value,
        "reason": why_response(response, view),
        "score": response.score,
        "band": response.band,
        "comment": view.private(response.comment),
        "wants_contact": response.wants_contact,
        "trigger": response.trigger,
        "touchpoint": response.touchpoint,
        "reference": view.private(about(response.label, response.reference, view)),
        "channel": response.channel,
        "request": response.request,
        "improvement": view.private(response.improvement),
        "history": [
            {
                "n": one.n,
                "at": iso(one.at),
                "score": one.score,
                "comment": view.private(one.comment),
                "wants_contact": one.wants_contact,
            }
            for one in sorted(versions, key=lambda one: one.n)
        ],
    }


def why_response(response: Response, view: View) -> str:
    """Return the sentence that says where an answer stands."""
    late = "; it arrived more than 7 days late, so no mail follows" if response.late else ""
    if response.state == ResponseState.SETTLING:
        return f"Settling: it is decided on once it has been still until {view.moment(response.settles_at)}{late}."
    current = current_decision(response, view)
    decided = f"rule {current.rule} applies" if current and current.rule else "its decision stands"
    if response.state == ResponseState.CLOSED:
        return f"Closed: {decided}, and the answer no longer changes{late}."
    return f"Decided: {decided}{late}."


def current_decision(response: Response, view: View) -> Decision | None:
    """Return the decision that counts for an answer."""
    return next(
        (one for one in view.story.decisions if one.response == response.id and one.state == DecisionState.CURRENT),
        None,
    )


def decision_entry(decision: Decision, view: View) -> Entry:
    """Return which rule fired, with the table's version and the inputs it saw."""
    return {
        "id": f"{decision.response}/{decision.n}",
        "at": iso(decision.at),
        "state": decision.state.value,
        "reason": why_decision(decision, view),
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
        why = f"{lead(decision.outcome)}: {clause(Reason.NO_SUCH_RULE, {'detail': decision.reason})}"
    else:
        seen = ", ".join(input_text(name, value) for name, value in sorted(decision.inputs.items(), key=by_column))
        row = f" (row {decision.row})" if decision.row is not None else ""
        table = decision.version[:VERSION_SHOWN]
        why = f"{lead(decision.outcome)}: {decision.rule}{row} of table {table}, for {seen}"
    if decision.state == DecisionState.SUPERSEDED and decision.superseded_at:
        why += f"; superseded on {view.moment(decision.superseded_at)}, because the answer changed"
    return sentence(why)


def by_column(one: tuple[str, object]) -> tuple[int, str]:
    """Return an input's place: the shipped table's order, then by name; PostgreSQL keeps no order of its own."""
    return (COLUMNS.index(one[0]) if one[0] in COLUMNS else len(COLUMNS), one[0])


def input_text(name: str, value: object) -> str:
    """Return one input of a decision as words."""
    if name == "after" and isinstance(value, int | float):
        return time_after(value)
    return f"{name.replace('_', ' ')} {value}"


def action_entry(action: Action, view: View) -> Entry:
    """Return one next step."""
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
    """Return the number of a ticket by its id."""
    return next((one.number for one in view.story.tickets if one.id == ticket), None)


def why_action(action: Action, view: View) -> str:
    """Return the sentence that says what became of a next step."""
    if action.state == ActionState.DONE:
        return sentence(f"Done on {view.moment(action.changed_at)}: {done_by(action, view)}")
    if action.state == ActionState.PLANNED:
        if action.due_at > view.now:
            return f"Planned: its wait is not over before {view.moment(action.due_at)}."
        return f"Planned: it has been due since {view.moment(action.due_at)} and is done at the next look."
    if action.state == ActionState.HELD:
        why = clause(action.reason, {"detail": action.detail})
        return sentence(f"{lead(action.state)}: {why}; it is given up on {view.moment(action.due_at)}")
    return sentence(f"{lead(action.state)}: {why_not_done(action)}")


def why_not_done(action: Action) -> str:
    """Return why a next step was never done, as a clause; one that was held says what held it."""
    if not action.reason:
        return "no reason was recorded"
    if action.reason == Reason.TOO_LATE and action.detail:
        return clause(Reason.TOO_LATE, {"before": f"; it was held because {clause(action.detail, {}, over=True)}"})
    return clause(action.reason, {"detail": action.detail}, over=True)


def done_by(action: Action, view: View) -> str:
    """Return what a next step led to, as a clause."""
    number = number_of(action.ticket, view)
    if action.reason == Reason.FELL_BACK:
        because = clause(action.detail, {}, over=True) if action.detail else ""
        return clause(Reason.FELL_BACK, {"before": f", because {because}" if because else ""})
    if action.reason == Reason.JOINED_TICKET:
        return clause(Reason.JOINED_TICKET, {}) + (f" (ticket {number})" if number else "")
    parts = [f"ticket {number}"] if number else []
    if any(one.action == action.id for one in view.story.dispatches):
        parts.append(f"the mail “{named(action.template)}”")
    return " and ".join(parts) or "nothing else was needed"


def ticket_entry(ticket: Ticket, view: View) -> Entry:
    """Return one contact owed to the customer, with its own history."""
    lines = [one for one in view.story.entries if one.ticket == ticket.id]
    lines.sort(key=lambda one: (one.at, one.kind != "opened"))
    return {
        "id": ticket.id,
        "at": iso(ticket.opened_at),
        "state": ticket.state.value,
        "reason": why_ticket(ticket, view),
        "number": ticket.number,
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
            {"id": one.id, "at": iso(one.at), "kind": one.kind, "by": one.by, "text": view.private(one.text)}
            for one in lines
        ],
    }


def why_ticket(ticket: Ticket, view: View) -> str:
    """Return the sentence that says where a ticket stands."""
    if ticket.state == TicketState.DONE:
        cause = f", root cause {ticket.root_cause.replace('/', ': ').replace('_', ' ')}" if ticket.root_cause else ""
        on = f" on {view.moment(ticket.done_at)}" if ticket.done_at else ""
        return sentence(f"Done{on}: {ticket.outcome.replace('_', ' ') or 'no outcome was recorded'}{cause}")
    owner = f" by {ticket.owner}" if ticket.owner and ticket.state == TicketState.CLAIMED else ""
    until = f" until {view.moment(ticket.waiting_until)}" if ticket.waiting_until else ""
    return sentence(f"{lead(ticket.state)}{owner}{until}: {contact_of(ticket, view)}")


def contact_of(ticket: Ticket, view: View) -> str:
    """Return whether the first contact was made in time, as a clause."""
    due = view.moment(ticket.due_at)
    if ticket.first_contact_at:
        return f"the first contact was made on {view.moment(ticket.first_contact_at)} (due by {due})"
    return f"the first contact {'was' if ticket.due_at <= view.now else 'is'} due by {due}"


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
    """Return the sentence that says whether a mail left, and why not."""
    start = lead(dispatch.state)
    if dispatch.state == DispatchState.ACCEPTED and dispatch.accepted_at:
        again = f"; perhaps {dispatch.copies + 1} times, because a sender was cut off" if dispatch.copies else ""
        return f"{start} on {view.moment(dispatch.accepted_at)}{again}."
    over = dispatch.state not in LEAVING
    why = [clause(dispatch.reason, {"detail": dispatch.detail}, over=over)] if dispatch.reason else []
    if dispatch.state == DispatchState.READY:
        if dispatch.not_before > view.now:
            why.append(f"it leaves on {view.moment(dispatch.not_before)} at the earliest")
        elif dispatch.kind == "mail" and view.sending.state == "on" and view.sending.reason:
            why = [view.sending.reason]  # the server as it is now, instead of what it said to this one
        why += view.stalled()
    if not why:
        return (
            sentence(f"{start}: it leaves at the next look") if dispatch.state == DispatchState.READY else start + "."
        )
    return sentence(f"{start}: {'; '.join(why)}")


def testimonial_entry(testimonial: Testimonial, view: View) -> Entry:
    """Return what a promoter was asked to write, and how far it may be published."""
    return {
        "id": testimonial.id,
        "at": iso(testimonial.changed_at),
        "state": testimonial.state.value,
        "reason": sentence(f"{lead(testimonial.state)}, since {view.day(testimonial.changed_at)}"),
        "response": testimonial.response,
        "scope": testimonial.scope,
        "wording": view.private(testimonial.wording),
    }


AFTER = (("min", 1 / 1440, 90), ("h", 1 / 24, 48))
"""Units up to days: the name, its size in days, and from how many on the next one says it better."""


def time_after(days: float) -> str:
    """Return how long after the event an answer came, in the unit that one would say it in."""
    for name, size, most in AFTER:
        if days / size < most:
            return f"{max(1, round(days / size))} {name} after"
    return f"{days:.0f} days after"
