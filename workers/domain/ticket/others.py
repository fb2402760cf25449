"""The others of an account: whoever's answer is noted in somebody else's ticket hears what was done as well, once.

They read no more than the agent's sentence, and that only in the language it was written in: what the ticket's own
customer said is theirs. Who cannot be written to stands in the ticket's history with the reason, and in their own.
"""

from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import base_language
from workers.domain.history import Subject, Why, history
from workers.domain.records import Dispatch, History, Response, Ticket, TicketEntry
from workers.domain.survey.mail_after_answer import mail_refused
from workers.domain.survey.request import language_of
from workers.domain.ticket.history import Turn, entry
from workers.domain.ticket.outcomes import NEWS, PASSED_ON, TOLD, TOLD_OTHER, UNTOLD_OTHER
from workers.domain.types import ACCOUNT, ActionState, DispatchState, MailClass, TicketState
from workers.structs import replace

SUBJECT = "account_news"
"""What the line is about that the history of somebody has who could not be told."""


def brings_news(ticket: Ticket) -> bool:
    """Tell whether there is something to tell: it is done and was told, what was passed on once its promise is kept."""
    if ticket.state != TicketState.DONE or ticket.outcome not in TOLD:
        return False
    return ticket.outcome != PASSED_ON or ticket.kept_at is not None


def tell_others(case: CustomerCase, ticket: Ticket) -> None:
    """Write to the others of the account whose answers are noted in a ticket that ended. Idempotent. Raises Missing."""
    if ACCOUNT not in case.policy.attributes or not brings_news(ticket):
        return
    for other, response in case.others_in(ticket):
        why = mail_refused(other, NEWS, replace(response, late=False))
        noted = entry(case, ticket, Turn(UNTOLD_OTHER if why.reason else TOLD_OTHER, text=why.reason), response.id)
        case.add(replace(noted, source=noted.kind, event_id=response.id))
        if why.reason:
            case.work.add(untold(other, response, why))
        else:
            case.work.add(news_to(other, ticket, response))


def untold(other: CustomerCase, response: Response, why: Why) -> History:
    """Return the line of somebody's history that says why they were not told."""
    return history(Subject(other.id, SUBJECT, response.id), ActionState.SKIPPED, why, other.now, other.ids)


def news_to(other: CustomerCase, ticket: Ticket, response: Response) -> Dispatch:
    """Return the mail to somebody else of the account; keyed by ticket and answer, so that it is the only one."""
    language = language_of(other.customer.language, other.policy)
    same = base_language(language) == base_language(ticket.language)
    return Dispatch(
        id=other.ids.derive(ticket.opened_at, "mail", NEWS, ticket.id, response.id),
        customer=other.id,
        kind="mail",
        mail_class=MailClass.SERVICE,
        template=NEWS,
        language=language,
        facts={"label": response.label, **({"sentence": ticket.sentence} if same and ticket.sentence else {})},
        request=None,
        response=response.id,
        action=None,
        ticket=ticket.id,
        state=DispatchState.READY,
        not_before=other.now,
        created_at=other.now,
    )


def answer_of(line: TicketEntry) -> str:
    """Return the answer of somebody else that a line of a ticket's history names."""
    return (line.event_id or "").partition("/")[0]
