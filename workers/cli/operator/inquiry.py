"""Verbs that look and change nothing: explain, status, books, report.

Each imports what it reads with when it runs, so that none of them waits for what another one needs.
"""

import sys
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show, store_alone
from workers.errors import BadInput, NotNow

if TYPE_CHECKING:
    from workers.app import Boucle
    from workers.domain.attributes import Attributes

KAFKA_SECONDS = 2.0
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("what", type=click.Choice(["customer", "response", "event", "account"]))
@click.argument("ident")
@as_json
def explain(what: str, ident: str, form: str) -> int:
    """Say what happened, what is planned, what was not sent and why."""
    if what == "account":
        return explain_account(ident, form)
    from workers.domain import explain as explaining
    from workers.usecases.delivery.send_controls import mails_today, sending_now
    from workers.usecases.operation import inquiry

    boucle = open_boucle()
    now = boucle.now()
    with boucle.store.reading() as connection:
        per_day = boucle.sending.per_day
        full = bool(per_day) and mails_today(connection, now, boucle.policies.current().zone) >= per_day
        state = sending_now(connection, boucle.sending)
        story = inquiry.explain(connection, what, ident, now, boucle.policies.current(), state, day_is_full=full)
    if story is None:
        say_fault(f"No {what} {ident} is known here.")
        return 1
    show(story, explaining.as_text(story), form)
    return 0


def explain_account(name: str, form: str) -> int:
    """Say who answers for an account, what they said last, and whether it is silent."""
    from workers.usecases.report import accounts

    boucle = open_boucle()
    policy = boucle.policies.current()
    with boucle.store.reading() as connection:
        story = accounts.account(connection, name, boucle.now(), policy.attributes, policy.zone)
    if story is None:
        say_fault(f"No account {name} is known here.")
        return 1
    show(story, accounts.account_as_text(story), form)
    return 0


@click.command()
@as_json
def status(form: str) -> int:
    """Show on one screen: what is away, sending, what is due, how many of everything in each state, dead letters."""
    from workers.process.outages import DATABASE, KAFKA
    from workers.store.operation.readiness import hurried, see_that_it_takes_writes
    from workers.usecases.delivery.send_controls import sending_now
    from workers.usecases.delivery.support_pacing import describe
    from workers.usecases.operation import status as counting

    try:
        boucle = open_boucle(hurried=True)
        with closing(hurried(boucle.store.url)) as store:
            see_that_it_takes_writes(store)
        with boucle.store.reading() as connection:
            now, state = boucle.now(), sending_now(connection, boucle.sending)
            support = describe(connection, boucle.policies.current(), now)
            value = counting.status(connection, now, sending=state, support=support)
    except NotNow as error:
        away = {"part": DATABASE, "since": None, "reason": str(error), "waiting": None}
        show({"away": [away]}, f"away        {DATABASE}: {error} Everything waits for it.", form)
        return 1
    refused = cast("dict[str, dict[str, dict[str, object]]]", value["rules"])["refused"]
    for name, refusal in boucle.refused_edits().items():  # with no role running, nobody else has said so yet
        refused.setdefault(name, {"since": boucle.now().isoformat(), "faults": list(refusal.faults)})
    away_parts = cast("list[dict[str, object]]", value["away"])
    if KAFKA not in [outage["part"] for outage in away_parts]:  # as above
        away_parts += kafka_away(boucle, cast("int", value["outbox"]))
    show(value, counting.as_text(value), form)
    return 0


def kafka_away(boucle: "Boucle", waiting: int) -> list[dict[str, object]]:
    """Return that the broker does not answer us either, where there is one."""
    from workers import app
    from workers.adapters import kafka
    from workers.process.outages import KAFKA, Outages
    from workers.usecases.operation import outage_watch

    cluster, outages = app.kafka_of(boucle.settings), Outages()
    if cluster is not None:
        outage_watch.note_whether(outages, KAFKA, partial(kafka.answers, cluster, KAFKA_SECONDS))
    return outage_watch.describe(outages.current(), lambda _part: waiting)


@click.command()
@click.option(
    "--digest/--no-digest",
    default=None,
    help="Also read every row, for a digest that equal books share; it takes minutes for millions. "
    "With --format json it is read unless --no-digest says otherwise.",
)
@as_json
def books(digest: bool | None, form: str) -> int:
    """Show that the sums add up, or where they do not."""
    from workers.domain import invariants as books_module
    from workers.usecases.operation import status as counting

    def tell(table: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[Kreading every {table.replace('_', ' ')} ...", err=True, nl=False)

    wanted = form == "json" if digest is None else digest
    with store_alone().reading(patient=True) as connection:
        value = counting.read_books(connection, digest=wanted, tell=tell)
    if wanted and sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    show(value.as_dict(), books_module.as_text(value), form)
    return 0 if value.ok() else 1


@click.command()
@click.option("--since", type=DAY, help="Questions asked on this day and later, in the brand's time zone.")
@click.option("--until", type=DAY, help="Questions asked before this day.")
@click.option(
    "--by",
    help="Also by trigger, touchpoint, segment, month, language, driver, phase, tenure, orders, last_band, "
    "since_answer, a declared attribute, or two: plan,segment.",
)
@click.option("--accounts", is_flag=True, help="Coverage of accounts, and the NPS over accounts instead of people.")
@as_json
def report(since: datetime | None, until: datetime | None, by: str | None, *, accounts: bool, form: str) -> None:
    """Show the NPS with n, interval and response rate; recovery surveys stand apart."""
    from workers.calendar.timezones import instant_of, zone_info
    from workers.domain.attributes import FILE
    from workers.domain.customer.declared_attributes import read_attributes
    from workers.usecases.report import nps_by_dimension

    boucle = open_boucle()
    zone = boucle.files.brand.time_zone
    attributes = read_attributes(boucle.files.data.read(FILE))
    begin, end = (instant_of(day, zone_info(zone)) if day else None for day in (since, until))
    if accounts:
        if by:
            raise click.BadParameter("A report of accounts is by nothing else.", param_hint="--by")
        report_accounts(boucle, attributes, (begin, end), form)
        return
    try:
        nps_by_dimension.dimensions_of(by, attributes)
    except BadInput as fault:
        raise click.BadParameter(str(fault), param_hint="--by") from None
    with boucle.store.reading(patient=True) as connection:
        figures = nps_by_dimension.report(
            connection, since=begin, until=end, by=by, now=boucle.now(), zone=zone, attributes=attributes
        )
    show(figures, nps_by_dimension.as_text(figures), form)


def report_accounts(
    boucle: "Boucle", attributes: "Attributes", period: tuple[datetime | None, datetime | None], form: str
) -> None:
    """Show how far the questions of a period reach into the accounts, and the NPS over accounts."""
    from workers.domain.reporting import Filters
    from workers.usecases.report import accounts

    with boucle.store.reading(patient=True) as connection:
        figures = accounts.report(connection, Filters(*period), boucle.now(), attributes)
    show(figures, accounts.as_text(figures), form)


COMMANDS = (explain, status, books, report)
