"""Verbs for tickets: list, show, claim, note, done. The inbox page does the same through the same use case."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show, user_name
from workers.domain import ticket as ticketing
from workers.domain.reporting.scales import kind_of, out_of

if TYPE_CHECKING:
    from workers.domain.customer_case import CustomerCase
    from workers.domain.records import Customer, Response, Ticket, TicketEntry
    from workers.usecases.ticket_actions import TicketAct

DAY = click.DateTime(["%Y-%m-%d"])


@click.group(name="tickets")
def tickets_group() -> None:
    """Contacts owed to customers."""


@tickets_group.command(name="list")
@click.option("--all", "every", is_flag=True, help="Those that are done as well.")
@as_json
def list_(every: bool, form: str) -> None:
    """List open tickets, the one due first on top."""
    from workers.store.ticket.tickets import every_ticket

    boucle = open_boucle()
    with boucle.store.reading() as connection:
        listed = every_ticket(connection, done=every)
    values = [{**summary(ticket), "customer": crm_id, "name": name} for ticket, crm_id, name in listed]
    lines = [line_of(ticket, name or crm_id) for ticket, crm_id, name in listed]
    show(values, "\n".join(lines) or "No open tickets.", form)


def line_of(ticket: "Ticket", name: str) -> str:
    due = f"due {ticket.due_at:%Y-%m-%d %H:%M}Z"
    return f"{ticket.number:>5}  {out_of(ticket):>5}  {due}  {ticket.state:8} {ticket.owner:12} {name}"


def summary(ticket: "Ticket") -> dict[str, object]:
    """Return a ticket as JSON lists it; nothing about the customer."""
    return {
        "number": ticket.number,
        "id": ticket.id,
        "state": str(ticket.state),
        "score": ticket.score,
        "question": kind_of(ticket.question).value,
        "trigger": ticket.trigger,
        "label": ticket.label,
        "owner": ticket.owner,
        "due_at": ticket.due_at.isoformat(),
        "resolve_due_at": ticket.resolve_due_at.isoformat(),
        "play": ticket.play,
        "version": ticket.version,
    }


def details(
    ticket: "Ticket", customer: "Customer", entries: "list[TicketEntry]", answer: "Response | None"
) -> dict[str, object]:
    """Return what an agent needs for the call: the customer's data, what was answered and why, the history."""
    return {
        **summary(ticket),
        "customer": customer.crm_id,
        "name": customer.name,
        "phone": ticket.phone or customer.phone,
        "half_day": ticket.half_day,
        "language": ticket.language,
        "segment": customer.segment,
        "comment": ticket.comment,
        "drivers": (answer.drivers or "").split() if answer else [],
        "competitor": (answer.competitor if answer else "") or "",
        "wants_contact": ticket.wants_contact,
        "attempts": ticket.attempts,
        "root_cause": ticket.root_cause,
        "outcome": ticket.outcome,
        "sentence": ticket.sentence,
        "history": [
            {"at": entry.at.isoformat(), "kind": entry.kind, "by": entry.by, "text": entry.text} for entry in entries
        ],
    }


@tickets_group.command(name="show")
@click.argument("number", type=int)
@as_json
def show_(number: int, form: str) -> int:
    """Show one ticket with its history."""
    actions = open_boucle().ticket_actions
    with_history = actions.find(number)
    if with_history is None:
        return unknown(number)
    ticket, customer, entries = with_history
    value = details(ticket, customer, entries, actions.answer_of(ticket))
    lines = [f"{name}: {detail}" for name, detail in value.items() if name != "history"]
    lines += [f"  {entry.at:%Y-%m-%d %H:%M}Z {entry.kind} {entry.by} {entry.text}".rstrip() for entry in entries]
    show(value, "\n".join(lines), form)
    return 0


def unknown(number: int) -> int:
    """Say that there is no such ticket."""
    say_fault(f"No ticket {number}. `boucle tickets list --all` shows them.")
    return 1


def act(number: int, doing: "TicketAct", said: str) -> int:
    """Carry out one act on a ticket and print `said`; exit code 1 without that ticket."""
    if not open_boucle().ticket_actions.act(number, doing):
        return unknown(number)
    click.echo(said)
    return 0


@tickets_group.command()
@click.argument("number", type=int)
@click.option("--by", default=user_name, help="Who claims it.")
def claim(number: int, by: str) -> int:
    """Claim a ticket: you are going to call."""
    return act(number, lambda case, ticket: ticketing.claim(case, ticket, by), f"Claimed by {by}.")


@tickets_group.command()
@click.argument("number", type=int)
@click.argument("text")
@click.option("--by", default=user_name, help="Who writes it.")
def note(number: int, text: str, by: str) -> int:
    """Write a note on a ticket."""
    return act(number, lambda case, ticket: ticketing.take_note(case, ticket, by, text), "Noted.")


@tickets_group.command()
@click.argument("number", type=int)
@click.option("--outcome", type=click.Choice(ticketing.OUTCOMES), default="solved", help="How it ended.")
@click.option("--cause", default="", help="Root cause, such as delivery/late.")
@click.option("--cause-text", default="", help="The cause in words, with other/...")
@click.option("--sentence", default="", help="One sentence that the customer will read.")
@click.option("--promised", type=DAY, help="The day that was promised, with --outcome passed_on.")
@click.option("--by", default=user_name, help="Who did it.")
def done(
    number: int, outcome: str, cause: str, cause_text: str, sentence: str, promised: datetime | None, by: str
) -> int:
    """Close a ticket: the customer is told, and asked again where it applies."""

    def end(case: "CustomerCase", ticket: "Ticket") -> None:
        until = ticketing.promise_due(promised.date(), case.policy.calendar) if promised else None
        ticketing.done(case, ticket, by, ticketing.Ending(outcome, cause, cause_text, sentence, until))

    return act(number, end, "Done; the customer hears of it.")


COMMANDS = (tickets_group,)
