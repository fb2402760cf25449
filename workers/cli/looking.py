"""Verbs that look and change nothing: explain, status, books, report."""

import click

from workers import books as books_module
from workers import counting, explaining
from workers.cli.shared import as_json, parts, say_fault, show
from workers.controls import mails_today, sending_now


@click.command()
@click.argument("what", type=click.Choice(["customer", "response", "event"]))
@click.argument("ident")
@as_json
def explain(what: str, ident: str, form: str) -> int:
    """Say what happened, what is planned, what was not sent and why."""
    found = parts()
    now = found.now()
    with found.store.reading() as connection:
        per_day = found.sending.per_day
        full = bool(per_day) and mails_today(connection, now, found.policies.current().zone) >= per_day
        state = sending_now(connection, found.sending)
        told = counting.explain(connection, what, ident, now, found.policies.current(), state, day_is_full=full)
    if told is None:
        say_fault(f"No {what} {ident} is known here.")
        return 1
    show(told, explaining.as_text(told), form)
    return 0


@click.command()
@as_json
def status(form: str) -> None:
    """Show on one screen: sending, what is due, how many of everything in each state, dead letters."""
    found = parts()
    with found.store.reading() as connection:
        value = counting.status(connection, found.now(), sending=sending_now(connection, found.sending))
    show(value, counting.as_text(value), form)


@click.command()
@as_json
def books(form: str) -> int:
    """Show that the sums add up, or where they do not."""
    found = parts()
    with found.store.reading() as connection:
        value = counting.read_books(connection)
    show(value.as_dict(), books_module.as_text(value), form)
    return 0 if value.ok() else 1


COMMANDS = (explain, status, books)
