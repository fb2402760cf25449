"""Actions: an action that is due is carried out, checked once more against what has happened since it was decided.

A mail action becomes a dispatch, a contact action a ticket and its acknowledgement. Each effect is keyed by its action,
so that it happens once. Nothing here hands anything over.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.calendar import add_wait, in_zone, next_in_window, parse_wait
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Action, Decision, Dispatch, Response, Testimonial, Ticket
from workers.domain.survey.planning import history, zone_of
from workers.domain.survey.request import OF_MAILBOX, language_of
from workers.domain.survey.response import LATE_AFTER
from workers.domain.ticket import AT_ONCE, FIRST_CONTACT, TicketAllocator, contact_over, facts_of_ticket, open_or_join
from workers.domain.ticket.outcomes import DUPLICATE
from workers.domain.types import ActionState, Band, DispatchState, MailClass, Reason, TestimonialState

PROMISED = frozenset({"promise_date", "promise_half_day", "promise_time", "caller"})
CONTACTS = frozenset({"urgent_contact", "call_back", "reopen_ticket"})
TESTIMONIAL = "testimonial_request"
USUALLY_APART = parse_wait("P12M")
"""How long a person is not asked for a testimonial again where the follow-up table says nothing (`apart`)."""
PLAIN_THANKS = "thanks"
"""The mail a promoter gets when a testimonial may not be asked for at once."""


def carry_out(
    action: Action,
    ticket_due: timedelta | None,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    desk: TicketAllocator,
) -> ChangeSet:
    """Return what a due action does: a mail, a ticket, both, or nothing with the reason."""
    changes = ChangeSet()
    response = facts.get(Response, action.response)
    if response is None or facts.customer.erased_at:
        return finish(action, ActionState.CANCELLED, Reason.ERASED, "", policy, now, changes)
    if action.name in CONTACTS:
        due = ticket_due or decided_due(action, facts, policy) or FIRST_CONTACT
        return contact(action, response, due, facts, policy, now, desk)
    reason, detail = refused(action, response, facts, policy, now)
    if not reason:
        return write_mail(action, action.template, response, None, facts, policy, now, changes)
    if waits(reason, detail, response):
        return hold(action, reason, detail, policy, now, changes)
    if falls_back(action, reason, facts):
        write_mail(action, PLAIN_THANKS, response, None, facts, policy, now, changes)
        changes.change(replace(action, state=ActionState.DONE, reason=Reason.FELL_BACK, detail=reason, changed_at=now))
        return changes
    return finish(action, ActionState.SKIPPED, reason, detail, policy, now, changes)


def waits(reason: str, detail: str, response: Response) -> bool:
    """Tell whether what stands in the way of a mail may end: an address that is to come, or a mailbox that may change.

    What a person decided stays, and what is too late already is not waited for.
    """
    if response.late:
        return False
    return reason == Reason.NO_ADDRESS or (reason == Reason.SUPPRESSED and detail in OF_MAILBOX)


def hold(action: Action, reason: str, detail: str, policy: Policy, now: datetime, changes: ChangeSet) -> ChangeSet:
    """Keep a mail back until what stands in its way ends (`profile.take_up_held`); then it is due at once.

    It is given up at its latest instant: that of its row, else LATE_AFTER from when it was due.
    """
    latest = action.latest_at or action.due_at + LATE_AFTER
    if now >= latest:
        end = ActionState.DONE if action.ticket else ActionState.SKIPPED  # the ticket was opened, with no mail
        return finish(action, end, Reason.TOO_LATE, reason, policy, now, changes)
    kept = replace(action, due_at=latest, latest_at=latest)
    return finish(kept, ActionState.HELD, reason, detail, policy, now, changes)


def contacts_first(action: Action) -> bool:
    """Return what orders actions that are due together: a mail that names the call needs its ticket to be there."""
    return action.name not in CONTACTS


def promised_in(response: Response, facts: CustomerState) -> Ticket | None:
    """Return the open ticket in which a contact about this answer is owed, if there is one."""
    ticket = facts.open_ticket()
    if ticket is None:
        return None
    owed = any(one.ticket == ticket.id and one.response == response.id for one in facts.all(Action))
    return ticket if owed or ticket.response == response.id else None


def decided_due(action: Action, facts: CustomerState, policy: Policy) -> timedelta | None:
    """Return within how much working time the rule of an action wants the contact, by the table that decided on it."""
    decision = facts.get(Decision, action.response, action.decision)
    table = policy.follow_up.at(decision.version) if decision else None
    return table.decide(decision.inputs).ticket_due if decision and table else None


def repeats(done: Action, name: str, template: str) -> bool:
    """Tell whether an action says to the customer what another one said: the same mail, or that somebody will call."""
    if done.name in CONTACTS and name in CONTACTS:
        return bool(done.template and template)
    return (done.name, done.template) == (name, template)


def contact(
    action: Action,
    response: Response,
    due: timedelta,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    desk: TicketAllocator,
) -> ChangeSet:
    """Return the ticket of a contact action and its acknowledgement to the customer.

    An acknowledgement that finds no address is held while its ticket stands; then only the mail is still to be done.
    """
    if action.ticket is not None:
        return acknowledge(action, response, facts, policy, now)
    changes, ticket = open_or_join(response, action, due, facts, policy, now, desk)
    opened_for = facts.open_ticket()
    joined = f"joined ticket {ticket.number}" if opened_for is not None else ""
    action = replace(action, ticket=ticket.id, detail=joined)
    wants_mail = bool(action.template) and not (opened_for is not None and acknowledged(action, opened_for, facts))
    if wants_mail and not (reason := mail_refused(action.template, response, facts, policy)):
        return write_mail(action, action.template, response, ticket, facts, policy, now, changes)
    if wants_mail and waits(reason, detail_of(reason, facts), response):
        return hold(action, reason, detail_of(reason, facts), policy, now, changes)
    return finish(action, ActionState.DONE, Reason.JOINED_TICKET if joined else "", joined, policy, now, changes)


def acknowledge(action: Action, response: Response, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the acknowledgement that waited for an address, as long as the contact that it promises is still owed."""
    changes = ChangeSet()
    ticket = owed_in(action, facts)
    if ticket is None or contact_over(ticket, response):
        return finish(action, ActionState.DONE, Reason.TOO_LATE, "", policy, now, changes)
    reason = mail_refused(action.template, response, facts, policy)
    if not reason:
        return write_mail(action, action.template, response, ticket, facts, policy, now, changes)
    if waits(reason, detail_of(reason, facts), response):
        return hold(action, reason, detail_of(reason, facts), policy, now, changes)
    return finish(action, ActionState.DONE, reason, detail_of(reason, facts), policy, now, changes)


def owed_in(action: Action, facts: CustomerState) -> Ticket | None:
    """Return the ticket in which a contact is owed: its own, or after a merge the one that goes on for it."""
    ticket = facts.get(Ticket, action.ticket)
    return facts.open_ticket() if ticket is not None and ticket.outcome == DUPLICATE else ticket


def detail_of(reason: str, facts: CustomerState) -> str:
    """Return what is kept beside the reason why a mail was refused: of a suppression, its kind."""
    return facts.suppressed if reason == Reason.SUPPRESSED else ""


def acknowledged(action: Action, ticket: Ticket, facts: CustomerState) -> bool:
    """Tell whether the customer was told already that somebody will call about this very answer."""
    return ticket.response == action.response and any(
        one.id != action.id and one.state == ActionState.DONE and repeats(one, action.name, action.template)
        for one in facts.all(Action)
        if one.response == action.response
    )


def finish(
    action: Action, state: ActionState, reason: str, detail: str, policy: Policy, now: datetime, changes: ChangeSet
) -> ChangeSet:
    """Add the action's end, with a line of history where it was not done."""
    changes.change(replace(action, state=state, reason=reason, detail=detail or action.detail, changed_at=now))
    if state != ActionState.DONE:
        changes.add(history(action.customer, "action", action.id, state, reason, detail, now, policy))
    return changes


def mail_refused(template: str, response: Response, facts: CustomerState, policy: Policy) -> str:
    """Return why the customer must not get this mail now, or empty."""
    customer = facts.customer
    if customer.erased_at:
        return Reason.ERASED
    if not customer.email:
        return Reason.NO_ADDRESS
    service = policy.mail_classes.get(template) == MailClass.SERVICE
    if facts.suppressed and not (service and facts.suppressed == "opt_out"):
        return Reason.SUPPRESSED
    if customer.opted_out_at and not service:
        return Reason.OPTED_OUT
    if response.late:
        return Reason.TOO_LATE
    return ""


def refused(action: Action, response: Response, facts: CustomerState, policy: Policy, now: datetime) -> tuple[str, str]:
    """Return why a mail action is not done now, looking again at what has happened since it was decided."""
    if reason := mail_refused(action.template, response, facts, policy):
        return reason, detail_of(reason, facts)
    if (action.latest_at is not None and now > action.latest_at) or announces_what_is_over(action, response, facts):
        return Reason.TOO_LATE, ""
    if action.name == TESTIMONIAL:
        return testimonial_refused(response, facts, policy, now)
    if action.name == "improvement_question":
        return improvement_refused(response, facts)
    return "", ""


def announces_what_is_over(action: Action, response: Response, facts: CustomerState) -> bool:
    """Tell whether a mail was due together with a contact, waited, and the contact was made meanwhile."""
    if parse_wait(action.wait) != AT_ONCE:
        return False
    for other in facts.all(Action):
        together = (other.response, other.decision) == (action.response, action.decision)
        ticket = owed_in(other, facts) if together and other.ticket else None
        if ticket is not None and contact_over(ticket, response):
            return True
    return False


def testimonial_refused(response: Response, facts: CustomerState, policy: Policy, now: datetime) -> tuple[str, str]:
    """Return why this promoter is not asked for a testimonial (shipped-tables: the re-check when due)."""
    if facts.customer.may_promote is False:
        return Reason.NO_PERMISSION, ""
    for ticket in facts.all(Ticket):
        if ticket.done_at is None or ticket.opened_at >= response.first_answered_at:
            return Reason.OPEN_TICKET, f"ticket {ticket.number}"
    for later in facts.all(Response):
        if later.answered_at > response.answered_at and later.band != Band.PROMOTER:
            return Reason.LATER_RESPONSE, f"{later.score}"
    zone, apart = zone_of(facts.customer, policy), policy.follow_up.apart(TESTIMONIAL) or USUALLY_APART
    for testimonial in facts.all(Testimonial):
        if testimonial.state in (TestimonialState.REFUSED, TestimonialState.WITHDRAWN):
            return Reason.CONSENT_REFUSED, ""
        if add_wait(testimonial.asked_at, apart, zone) > now:
            return Reason.ASKED_LAST_YEAR, in_zone(testimonial.asked_at, zone).date().isoformat()
    return "", ""


def improvement_refused(response: Response, facts: CustomerState) -> tuple[str, str]:
    """Return why a passive is not asked what is missing: it was said meanwhile, or a ticket is open."""
    if response.comment.strip() or response.improvement:
        return Reason.ANSWERED, ""
    ticket = facts.open_ticket()
    return (Reason.OPEN_TICKET, f"ticket {ticket.number}") if ticket else ("", "")


def falls_back(action: Action, reason: str, facts: CustomerState) -> bool:
    """Tell whether a plain thank-you replaces a testimonial request: only where no other mail thanks already."""
    if action.name != TESTIMONIAL or reason in (Reason.NO_ADDRESS, Reason.OPTED_OUT, Reason.ERASED):
        return False
    if reason in (Reason.SUPPRESSED, Reason.TOO_LATE):
        return False
    return not any(
        one.response == action.response and one.decision == action.decision and one.name == "thank_you"
        for one in facts.all(Action)
    )


def write_mail(
    action: Action,
    template: str,
    response: Response,
    ticket: Ticket | None,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    changes: ChangeSet,
) -> ChangeSet:
    """Add the mail of an action, keyed by it, and what goes with it (a testimonial to be written)."""
    if action.name == TESTIMONIAL and template != PLAIN_THANKS:
        changes.add(testimonial_for(response, facts, policy, now))
    changes.add(mail_of_action(action, template, response, ticket, facts, policy, now))
    changes.change(replace(action, state=ActionState.DONE, reason="", changed_at=now))
    return changes


def testimonial_for(response: Response, facts: CustomerState, policy: Policy, now: datetime) -> Testimonial:
    """Return the empty testimonial that the promoter is asked to write."""
    return Testimonial(
        id=policy.ids.derive(response.answered_at, "testimonial", response.id),
        customer=response.customer,
        response=response.id,
        state=TestimonialState.ASKED,
        asked_at=now,
        changed_at=now,
        language=language_of(facts.customer.language, policy),
    )


def mail_of_action(
    action: Action,
    template: str,
    response: Response,
    ticket: Ticket | None,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
) -> Dispatch:
    """Return the mail of an action; an acknowledgement alone may leave outside the send window."""
    zone = zone_of(facts.customer, policy)
    mail_class = policy.mail_classes.get(template, MailClass.SERVICE)
    at_once = ticket is not None
    return Dispatch(
        id=policy.ids.derive(response.answered_at, "mail", action.id, template),
        customer=action.customer,
        kind="mail",
        mail_class=mail_class,
        template=template,
        language=language_of(facts.customer.language, policy),
        facts=facts_of_response(response, ticket or promised_in(response, facts), facts, policy),
        request=response.request,
        response=response.id,
        action=action.id,
        ticket=ticket.id if ticket else None,
        state=DispatchState.READY,
        not_before=now if at_once else next_in_window(now, policy.window, zone, policy.holidays),
        created_at=now,
    )


def facts_of_response(
    response: Response, ticket: Ticket | None, facts: CustomerState, policy: Policy
) -> dict[str, object]:
    """Return what a text about this response may name."""
    zone = zone_of(facts.customer, policy)
    found: dict[str, object] = {
        **response.details,
        "label": response.label,
        "reference": response.reference,
        "score": response.score,
        "comment": response.comment,
        "date": in_zone(response.anchor_at, zone).date().isoformat(),
        "quote_date": in_zone(response.answered_at, zone).date().isoformat(),
        "contact_by": "call" if ticket and (ticket.phone or facts.customer.phone) else "write",
    }
    if ticket is not None:
        found |= {name: value for name, value in facts_of_ticket(ticket, policy).items() if name in PROMISED}
    return found
