"""Verbs that look and change nothing: explain, status, books, report."""

from datetime import datetime
from typing import cast

import click

from workers import books as books_module
from workers import counting, explaining, reporting
from workers.cli.shared import as_json, parts, say_fault, show
from workers.controls import mails_today, sending_now
from workers.duetime import instant_of, zone_info

DAY = click.DateTime(["%Y-%m-%d"])


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
    refused = cast("dict[str, dict[str, dict[str, object]]]", value["rules"])["refused"]
    for name, one in found.policies.refused().items():  # with no role running, nobody else has said so yet
        refused.setdefault(name, {"since": found.now().isoformat(), "faults": list(one.faults)})
    show(value, counting.as_text(value), form)


@click.command()
@as_json
def books(form: str) -> int:
    """Show that the sums add up, or where they do not."""
    found = parts()
    with found.store.reading(patient=True) as connection:
        value = counting.read_books(connection)
    show(value.as_dict(), books_module.as_text(value), form)
    return 0 if value.ok() else 1


@click.command()
@click.option("--since", type=DAY, help="Questions asked on this day and later, in the brand's time zone.")
@click.option("--until", type=DAY, help="Questions asked before this day.")
@click.option("--by", type=click.Choice(reporting.BY), help="Also by group.")
@as_json
def report(since: datetime | None, until: datetime | None, by: str | None, form: str) -> None:
    """Show the NPS with n, interval and response rate; recovery surveys stand apart."""
    found = parts()
    zone = found.policies.current().zone
    begin, end = (instant_of(day, zone_info(zone)) if day else None for day in (since, until))
    with found.store.reading(patient=True) as connection:
        told = reporting.report(connection, since=begin, until=end, by=by, now=found.now(), zone=zone)
    show(told, reporting.as_text(told), form)


COMMANDS = (explain, status, books, report)
