"""Actions: an action that is due is carried out, checked once more against what has happened since it was decided.

A mail action becomes a dispatch, a contact action a ticket and its acknowledgement. Each effect is keyed by its action,
so that it happens once. Nothing here hands anything over.
"""

from datetime import timedelta

from workers.calendar import add_wait, in_zone, next_in_window, parse_wait
from workers.domain.compiled_tables.follow_up import Verdict
from workers.domain.customer_case import CustomerCase
from workers.domain.history import NOTHING, Subject, Why, history
from workers.domain.records import Action, Decision, Dispatch, Response, Testimonial, Ticket
from workers.domain.reporting.scales import facts_with, scale_of
from workers.domain.survey.mail_after_answer import mail_refused
from workers.domain.survey.place_answer import reachable
from workers.domain.survey.request import OF_MAILBOX, language_of
from workers.domain.survey.response import LATE_AFTER
from workers.domain.ticket import AT_ONCE, FIRST_CONTACT, contact_over, facts_of_ticket, join_host, open_or_join
from workers.domain.ticket.outcomes import DUPLICATE
from workers.domain.types import CONTACTS, ActionState, DispatchState, MailClass, Reason, TestimonialState
from workers.structs import replace

PROMISED = frozenset({"promise_date", "promise_half_day", "promise_time", "caller"})
TESTIMONIAL = "testimonial_request"
USUALLY_APART = parse_wait("P12M")
"""How long a person is not asked for a testimonial again where the follow-up table says nothing (`apart`)."""
PLAIN_THANKS = "thanks"
"""The mail a promoter gets when a testimonial may not be asked for at once."""


def carry_out(case: CustomerCase, action: Action, ticket_due: timedelta | None = None) -> None:
    """Do what a due action does: a mail, a ticket, both, or nothing with the reason. Raises Missing."""
    response = case.get(Response, action.response)
    if response is None or case.customer.erased_at:
        finish(case, action, ActionState.CANCELLED, Why(Reason.ERASED))
        return
    if action.name in CONTACTS:
        if case.customer.anonymous and not reachable(response):
            finish(case, action, ActionState.SKIPPED, Why(Reason.NAMELESS))
        else:
            contact(case, action, response, ticket_due or decided_due(case, action) or FIRST_CONTACT)
        return
    why = refused(case, action, response)
    if not why.reason:
        write_mail(case, action, action.template, response)
    elif waits(why, response):
        hold(case, action, why)
    elif falls_back(case, action, why.reason):
        write_mail(case, action, PLAIN_THANKS, response)
        fell_back = {"state": ActionState.DONE, "reason": Reason.FELL_BACK, "detail": why.reason}
        case.change(replace(action, **fell_back, changed_at=case.now))  # type: ignore[arg-type]  # columns by name
    else:
        finish(case, action, ActionState.SKIPPED, why)


def waits(why: Why, response: Response) -> bool:
    """Tell whether what stands in the way of a mail may end: an address that is to come, or a mailbox that may change.

    What a person decided stays, and what is too late already is not waited for.
    """
    if response.late:
        return False
    return why.reason == Reason.NO_ADDRESS or (why.reason == Reason.SUPPRESSED and why.detail in OF_MAILBOX)


def hold(case: CustomerCase, action: Action, why: Why) -> None:
    """Keep a mail back until what stands in its way ends (`profile.take_up_held`); then it is due at once.

    It is given up at its latest instant: that of its row, else LATE_AFTER from when it was due.
    """
    latest = action.latest_at or action.due_at + LATE_AFTER
    if case.now >= latest:
        end = ActionState.DONE if action.ticket else ActionState.SKIPPED  # the ticket was opened, with no mail
        finish(case, action, end, Why(Reason.TOO_LATE, why.reason))
    else:
        finish(case, replace(action, due_at=latest, latest_at=latest), ActionState.HELD, why)


def contacts_first(action: Action) -> bool:
    """Return what orders actions that are due together: a mail that names the call needs its ticket to be there."""
    return action.name not in CONTACTS


def promised_in(case: CustomerCase, response: Response) -> Ticket | None:
    """Return the open ticket in which a contact about this answer is owed, if there is one."""
    ticket = case.open_ticket()
    if ticket is None:
        return None
    owed = any(action.ticket == ticket.id and action.response == response.id for action in case.all(Action))
    return ticket if owed or ticket.response == response.id else None


def verdict_on(case: CustomerCase, action: Action) -> Verdict | None:
    """Return what the table that decided on an action says to its answer; None where it can no longer be read."""
    decision = case.get(Decision, action.response, action.decision)
    table = case.policy.follow_up.at(decision.version) if decision else None
    return table.decide(decision.inputs) if decision and table else None


def decided_due(case: CustomerCase, action: Action) -> timedelta | None:
    """Return within how much working time the rule of an action wants the contact, by the table that decided on it."""
    verdict = verdict_on(case, action)
    return verdict.ticket_due if verdict else None


def is_per_account(case: CustomerCase, action: Action, response: Response) -> bool:
    """Tell whether the rule of an action wants one ticket for the whole account; a ticket of their own goes on."""
    if case.customer.account is None or (response.trigger == "recovery" and case.get(Ticket, response.parent)):
        return False
    verdict = verdict_on(case, action)
    return verdict is not None and verdict.per_account


def repeats(done: Action, name: str, template: str) -> bool:
    """Tell whether an action says to the customer what another one said: the same mail, or that somebody will call."""
    if done.name in CONTACTS and name in CONTACTS:
        return bool(done.template and template)
    return (done.name, done.template) == (name, template)


def contact(case: CustomerCase, action: Action, response: Response, due: timedelta) -> None:
    """Open or join the ticket of a contact action, and acknowledge it to the customer. Raises Missing.

    An acknowledgement that finds no address is held while its ticket stands; then only the mail is still to be done.
    """
    if action.ticket is not None:
        acknowledge(case, action, response)
        return
    joined = case.open_ticket()
    host = case.host() if joined is None and is_per_account(case, action, response) else None
    ticket = open_or_join(case, response, action, due) if host is None else join_host(host, response, action, due)
    said = f"joined ticket {ticket.number}" if joined is not None or host is not None else ""
    action = replace(action, ticket=ticket.id, detail=said)
    wants_mail = bool(action.template) and not (joined is not None and acknowledged(case, action, joined))
    why = mail_refused(case, action.template, response)
    if wants_mail and not why.reason:
        write_mail(case, action, action.template, response, ticket)
    elif wants_mail and waits(why, response):
        hold(case, action, why)
    else:
        finish(case, action, ActionState.DONE, Why(Reason.JOINED_TICKET if said else "", said))


def acknowledge(case: CustomerCase, action: Action, response: Response) -> None:
    """Acknowledge once an address is there, as long as the contact that it promises is still owed."""
    ticket = owed_in(case, action)
    if ticket is None or contact_over(ticket, response):
        finish(case, action, ActionState.DONE, Why(Reason.TOO_LATE))
        return
    why = mail_refused(case, action.template, response)
    if not why.reason:
        write_mail(case, action, action.template, response, ticket)
    elif waits(why, response):
        hold(case, action, why)
    else:
        finish(case, action, ActionState.DONE, why)


def owed_in(case: CustomerCase, action: Action) -> Ticket | None:
    """Return the ticket in which a contact is owed: its own, or after a merge the one that goes on for it."""
    ticket = case.get(Ticket, action.ticket)
    return case.open_ticket() if ticket is not None and ticket.outcome == DUPLICATE else ticket


def acknowledged(case: CustomerCase, action: Action, ticket: Ticket) -> bool:
    """Tell whether the customer was told already that somebody will call about this very answer."""
    return ticket.response == action.response and any(
        row.id != action.id and row.state == ActionState.DONE and repeats(row, action.name, action.template)
        for row in case.all(Action)
        if row.response == action.response
    )


def finish(case: CustomerCase, action: Action, state: ActionState, why: Why) -> None:
    """Put an action in its new state, with a line of history where it was not done."""
    detail = why.detail or action.detail
    case.change(replace(action, state=state, reason=why.reason, detail=detail, changed_at=case.now))
    if state != ActionState.DONE:
        case.add(history(Subject(action.customer, "action", action.id), state, why, case.now, case.ids))


def refused(case: CustomerCase, action: Action, response: Response) -> Why:
    """Return why a mail action is not done now, looking again at what has happened since it was decided."""
    if (why := mail_refused(case, action.template, response)).reason:
        return why
    if action.latest_at is not None and case.now > action.latest_at:
        return Why(Reason.TOO_LATE)
    if announces_what_is_over(case, action, response):
        return Why(Reason.TOO_LATE)
    if action.name == TESTIMONIAL:
        return testimonial_refused(case, response)
    if action.name == "improvement_question":
        return improvement_refused(case, response)
    return NOTHING


def announces_what_is_over(case: CustomerCase, action: Action, response: Response) -> bool:
    """Tell whether a mail was due together with a contact, waited, and the contact was made meanwhile."""
    if parse_wait(action.wait) != AT_ONCE:
        return False
    for other in case.all(Action):
        together = (other.response, other.decision) == (action.response, action.decision)
        ticket = owed_in(case, other) if together and other.ticket else None
        if ticket is not None and contact_over(ticket, response):
            return True
    return False


def testimonial_refused(case: CustomerCase, response: Response) -> Why:
    """Return why this promoter is not asked for a testimonial now that the request is due."""
    if case.customer.may_promote is False:
        return Why(Reason.NO_PERMISSION)
    for ticket in case.all(Ticket):
        if ticket.done_at is None or ticket.opened_at >= response.first_answered_at:
            return Why(Reason.OPEN_TICKET, f"ticket {ticket.number}")
    for later in case.all(Response):
        if later.answered_at > response.answered_at and not scale_of(later.question).is_good(later.score):
            return Why(Reason.LATER_RESPONSE, f"{later.score}")
    apart = case.policy.follow_up.apart(TESTIMONIAL) or USUALLY_APART
    for testimonial in case.all(Testimonial):
        if testimonial.state in (TestimonialState.REFUSED, TestimonialState.WITHDRAWN):
            return Why(Reason.CONSENT_REFUSED)
        if add_wait(testimonial.asked_at, apart, case.zone) > case.now:
            return Why(Reason.ASKED_LAST_YEAR, in_zone(testimonial.asked_at, case.zone).date().isoformat())
    return NOTHING


def improvement_refused(case: CustomerCase, response: Response) -> Why:
    """Return why a passive is not asked what is missing: it was said meanwhile, or a ticket is open."""
    if response.comment.strip() or response.improvement:
        return Why(Reason.ANSWERED)
    ticket = case.open_ticket()
    return Why(Reason.OPEN_TICKET, f"ticket {ticket.number}") if ticket else NOTHING


def falls_back(case: CustomerCase, action: Action, reason: str) -> bool:
    """Tell whether a plain thank-you replaces a testimonial request: only where no other mail thanks already."""
    if action.name != TESTIMONIAL or reason in (Reason.NO_ADDRESS, Reason.OPTED_OUT, Reason.ERASED):
        return False
    if reason in (Reason.SUPPRESSED, Reason.TOO_LATE):
        return False
    return not any(
        row.response == action.response and row.decision == action.decision and row.name == "thank_you"
        for row in case.all(Action)
    )


def write_mail(
    case: CustomerCase, action: Action, template: str, response: Response, ticket: Ticket | None = None
) -> None:
    """Add the mail of an action, keyed by it, and what goes with it (a testimonial to be written)."""
    if action.name == TESTIMONIAL and template != PLAIN_THANKS:
        case.add(testimonial_for(case, response))
    case.add(mail_of_action(case, action, template, response, ticket))
    case.change(replace(action, state=ActionState.DONE, reason="", changed_at=case.now))


def testimonial_for(case: CustomerCase, response: Response) -> Testimonial:
    """Return the empty testimonial that the promoter is asked to write."""
    return Testimonial(
        id=case.ids.derive(response.answered_at, "testimonial", response.id),
        customer=response.customer,
        response=response.id,
        state=TestimonialState.ASKED,
        asked_at=case.now,
        changed_at=case.now,
        language=language_of(case.customer.language, case.policy),
    )


def mail_of_action(
    case: CustomerCase, action: Action, template: str, response: Response, ticket: Ticket | None
) -> Dispatch:
    """Return the mail of an action; an acknowledgement alone may leave outside the send window."""
    policy, now = case.policy, case.now
    at_once = ticket is not None
    return Dispatch(
        id=case.ids.derive(response.answered_at, "mail", action.id, template),
        customer=action.customer,
        kind="mail",
        mail_class=policy.mail_classes.get(template, MailClass.SERVICE),
        template=template,
        language=language_of(case.customer.language, policy),
        facts=facts_of_response(case, response, ticket or promised_in(case, response)),
        request=response.request,
        response=response.id,
        action=action.id,
        ticket=ticket.id if ticket else None,
        state=DispatchState.READY,
        not_before=now if at_once else next_in_window(now, policy.window, case.zone, policy.holidays),
        created_at=now,
    )


def facts_of_response(case: CustomerCase, response: Response, ticket: Ticket | None) -> dict[str, object]:
    """Return what a text about this response may name."""
    facts: dict[str, object] = {
        **facts_with(response.details, response.question),
        "label": response.label,
        "reference": response.reference,
        "score": response.score,
        "comment": response.comment,
        "date": in_zone(response.anchor_at, case.zone).date().isoformat(),
        "quote_date": in_zone(response.answered_at, case.zone).date().isoformat(),
        "contact_by": "call" if ticket and (ticket.phone or case.customer.phone) else "write",
    }
    if ticket is not None:
        facts |= {name: value for name, value in facts_of_ticket(ticket, case.policy).items() if name in PROMISED}
    return facts
