"""The verb `check`: settings, tables, templates, schemas, connections, topics: all faults at once."""

import asyncio
import os
from contextlib import closing

import click

from workers import settings as settings_module
from workers import topics, wiring
from workers.cli.shared import as_json, say_fault, show
from workers.mail_dns import Dns, Findings, check_domain
from workers.migrating import MINIMUM, schema_of
from workers.smtp import SmtpSender
from workers.store import rulelive
from workers.words import BoucleError, Misconfigured


@click.command()
@click.option("--dns", is_flag=True, help="Ask DNS as well whether receivers can tell that our mail is ours.")
@click.option("--selector", multiple=True, help="With --dns: the DKIM selector that the mail server signs with.")
@as_json
def check(dns: bool, selector: tuple[str, ...], form: str) -> int:
    """Check everything and list all faults at once."""
    try:
        found = settings_module.read(os.environ)
    except Misconfigured as error:
        return tell(error.faults, [], form)
    faults = [*settings_module.unknown(os.environ), *wiring.Boucle(found).check()]
    faults += [*database_faults(found), *kafka_faults(found), *mail_faults(found)]
    notes = [*notes_of(found), *rules_notes(found)]
    if dns:
        named = dns_findings(found, selector)
        faults += named.faults
        notes += named.notes
    return tell(faults, notes, form)


def tell(faults: list[str], notes: list[str], form: str) -> int:
    """Print the faults and return the exit code."""
    text = "\n".join([*(f"note: {note}" for note in notes), "Everything is in order." if not faults else ""]).strip()
    if form == "json":
        show({"ok": not faults, "faults": faults, "notes": notes}, "", form)
    else:
        for fault in faults:
            say_fault(fault)
        click.echo(text)
    return 1 if faults else 0


def database_faults(found: settings_module.Settings) -> list[str]:
    """Return what is wrong with the database."""
    try:
        with closing(wiring.Boucle(found).store) as store:
            store.database_now()
            number = schema_of(store)
    except BoucleError as error:
        return [str(error)]
    except Exception as error:  # whatever a driver says about an address
        return [f"BOUCLE_DATABASE_URL: {str(error).splitlines()[0]}"]
    if number < MINIMUM and not store.sqlite:
        return [f"The database has no schema {MINIMUM} or later yet: run `boucle migrate`."]
    return []


def rules_notes(found: settings_module.Settings) -> list[str]:
    """Return which edits the roles did not take over: what is a fault of the files stops no running role."""
    try:
        with closing(wiring.Boucle(found).store) as store:
            if schema_of(store) < MINIMUM:
                return []
            with store.reading() as connection:
                refused, in_use = rulelive.refusals(connection), rulelive.in_use(connection)
    except Exception:  # what is wrong with the database is told as a fault
        return []
    return [
        f"The roles refused the edit of {one.name} at {one.since.isoformat()} "
        f"and go on with version {in_use.get(one.name, 'before')[:12]}: {' '.join(one.faults)}"
        for one in refused
    ]


def kafka_faults(found: settings_module.Settings) -> list[str]:
    """Return what is wrong with the broker and its topics."""
    cluster = wiring.kafka_of(found)
    if cluster is None:
        return []
    try:
        return cluster.faults() or topics.check(cluster, found.topic_prefix)
    except BoucleError as error:
        return [str(error)]


def mail_faults(found: settings_module.Settings) -> list[str]:
    """Return what is wrong with the mail server."""
    if not found.has_smtp:
        return []
    try:
        sender = SmtpSender(found.smtp_url.get_secret_value(), 1, timeout_seconds=10)
    except Misconfigured as error:
        return error.faults

    async def ask() -> list[str]:
        result = await sender.check()
        await sender.close()
        return [] if result.kind == "accepted" else [f"BOUCLE_SMTP_URL: the mail server says {result.text}"]

    return asyncio.run(ask())


def dns_findings(found: settings_module.Settings, selectors: tuple[str, ...]) -> Findings:
    """Return what DNS says of the brand's domain, which mails come from and bounces go to."""
    try:
        domain = wiring.Boucle(found).brand.domain
        return check_domain(domain, domain, Dns(), selectors)
    except Misconfigured:
        return Findings([], ["DNS was not asked: templates/brand.yaml cannot be read."])
    except BoucleError as error:
        return Findings([str(error)], [])


def notes_of(found: settings_module.Settings) -> list[str]:
    """Return what is no fault but worth knowing before mails go to customers."""
    notes = []
    if found.has_smtp and found.send_window == "always":
        notes.append("BOUCLE_SEND_WINDOW is always: customers may get mail at night; mon-sat 08:00-20:00 is kinder.")
    if found.has_smtp and not found.secret.get_secret_value():
        notes.append("BOUCLE_SECRET is unset: links are signed with a secret kept in HOME.")
    if found.has_smtp and found.public_url == "":
        notes.append("BOUCLE_PUBLIC_URL is unset: links in mails lead to this machine only.")
    return notes


COMMANDS = (check,)
