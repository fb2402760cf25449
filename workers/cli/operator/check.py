"""The verb `check`: settings, tables, templates, schemas, connections, topics: all faults at once."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from workers import app
from workers import settings as settings_module
from workers.adapters import kafka
from workers.adapters.home import SQLITE, Home, database_file_faults
from workers.adapters.mail_dns import Dns, Findings, check_domain
from workers.adapters.smtp.sender import SmtpSender
from workers.adapters.spf_lookups import walk_spf
from workers.calendar import IN_USE, OTHERS
from workers.cli.shared import as_json, demo_faults, say_fault, show
from workers.decision_table.files.loader import load, waves_beside
from workers.decision_table.trials.rest_clashes import rest_clashes
from workers.domain.followup.table_contract import JOURNEY_PLAN, without_follow_up
from workers.domain.places import receipt_codes
from workers.domain.places.listed import FILE as PLACES
from workers.domain.web_sites import key_faults, parse_keys
from workers.errors import BadInput, BoucleError, Misconfigured
from workers.settings import Settings
from workers.settings.faults import FaultySettings, SettingFault
from workers.store.connection import DBAPIError
from workers.store.engine import first_line
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import live_mail, weak_settings
from workers.usecases.operation.migrate import MINIMUM, schema_of
from workers.usecases.rules.summary import refusal_sentences

WHERE_DATA_IS = frozenset({"BOUCLE_HOME", "BOUCLE_DATABASE_URL"})
"""While one of these is faulty, what is found at the default place says nothing about the installation."""


@click.command()
@click.option("--dns", is_flag=True, help="Ask DNS as well whether receivers can tell that our mail is ours.")
@click.option("--selector", multiple=True, help="With --dns: the DKIM selector that the mail server signs with.")
@as_json
def check(dns: bool, selector: tuple[str, ...], form: str) -> int:
    """Check everything and list all faults at once, and what keeps mail from customers."""
    settings, setting_faults = readable_settings()
    installation = app.Boucle(settings, looking=True)
    faulty = {fault.variable for fault in setting_faults}
    setting_faults += [fault for fault in weaknesses(installation) if fault.variable not in faulty]
    faults = [fault.sentence for fault in setting_faults]
    if not faulty & WHERE_DATA_IS:
        faults += [*Home(settings.home).faults(), *database_faults(installation)]
    faults += [
        *installation.inspection.faults(),
        *clashes(installation),
        *rated_faults(installation),
        *site_faults(installation),
        *kafka_faults(settings),
        *mail_faults(settings),
        *bounces_faults(installation),
    ]
    notes = [*notes_of(settings), zones_note(), *rules_notes(settings)]
    if dns:
        findings = dns_findings(settings, selector)
        faults += findings.faults
        notes += findings.notes
    waiting = before_live(app.Boucle(settings, looking=True))
    return print_result(CheckResult(list(dict.fromkeys(faults)), waiting, notes, setting_faults), form)


def readable_settings() -> tuple[Settings, list[SettingFault]]:
    """Return the settings that can be used, and a fault for each that cannot or that there is none of."""
    try:
        return settings_module.read(os.environ), settings_module.unknown_settings(os.environ)
    except FaultySettings as error:
        return Settings.model_validate(error.sound), error.setting_faults


def weaknesses(installation: app.Boucle) -> list[SettingFault]:
    """Return the settings that are weak; a brand that cannot be used for real mail is one on any address."""
    surroundings = installation.inspection.surroundings()
    weak = weak_settings.weak_settings(installation.settings, surroundings)
    return list(dict.fromkeys([*weak, *weak_settings.sample_brand(installation.settings, surroundings)]))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found: `faults` stop a role or a mail, `waiting` is what keeps mail from customers, `notes` neither."""

    faults: list[str]
    waiting: list[str]
    notes: list[str]
    settings: Sequence[SettingFault]

    def verdict(self) -> str:
        """Return the last word: in order only where mail reaches customers; else what still has to be done for that."""
        if not self.waiting:
            return "" if self.faults else "Everything is in order."
        lead = (
            "Mail does not reach customers yet" if self.faults else "Every part works, and mail reaches no customer yet"
        )
        return "\n".join([f"{lead}:", *(f"- {each}" for each in self.waiting)])


def print_result(result: CheckResult, form: str) -> int:
    """Print what was found and return the exit code: 1 for faults; as JSON those of settings also with their parts."""
    if form == "json":
        answer = {
            "ok": not result.faults,
            "live": not result.faults and not result.waiting,
            "faults": result.faults,
            "before_live": result.waiting,
            "settings": [fault.as_dict() for fault in result.settings],
            "notes": result.notes,
        }
        show(answer, "", form)
    else:
        for fault in result.faults:
            say_fault(fault)
        click.echo("\n".join([*(f"note: {note}" for note in result.notes), result.verdict()]).strip())
    return 1 if result.faults else 0


def before_live(installation: app.Boucle) -> list[str]:
    """Return what keeps mail from customers; nothing of a brand or database that cannot be read, which is a fault."""
    state, held = None, ""
    surroundings = installation.inspection.surroundings()  # opens the database: before it is closed below
    with suppress(BoucleError, DBAPIError):
        held = installation.sending.held
        if installation.has_database:
            with closing(installation.store) as store:
                if schema_of(store) >= MINIMUM:
                    with store.reading() as connection:
                        state = sending_now(connection, installation.sending)
    return live_mail.before_live(live_mail.MailRoute(installation.settings, surroundings, held, state))


def database_faults(installation: app.Boucle) -> list[str]:
    """Return what is wrong with the database, and whether its ids derive from the key that this machine has."""
    if not installation.has_database:
        return database_file_faults(Path(installation.settings.database.removeprefix(SQLITE)))
    try:
        with closing(installation.store) as store:
            store.database_now()
            number = schema_of(store)
            faults = [*installation.keys.faults(store), *demo_faults(installation)] if number >= MINIMUM else []
    except BoucleError as error:
        return [str(error)]
    except DBAPIError as error:
        return [f"BOUCLE_DATABASE_URL: {first_line(error)}"]
    if number < MINIMUM and not store.sqlite:
        return [f"The database has no schema {MINIMUM} or later yet: run `boucle migrate`."]
    return faults


def rules_notes(settings: settings_module.Settings) -> list[str]:
    """Return which edits the roles did not take over: what is a fault of the files stops no running role."""
    installation = app.Boucle(settings, looking=True)
    if not installation.has_database:
        return []
    try:
        with closing(installation.store) as store:
            if schema_of(store) < MINIMUM:
                return []
            with store.reading() as connection:
                return refusal_sentences(connection)
    except Exception:  # what is wrong with the database is told as a fault
        return []


def clashes(installation: app.Boucle) -> list[str]:
    """Return which questions of the journey plan its own rest periods keep from ever being asked."""
    try:
        folder = installation.files.data.folder(JOURNEY_PLAN)
        table = load(folder)
    except (Misconfigured, BadInput, OSError):  # told as a fault of the tables
        return []
    today = datetime.now(UTC).date()
    return [
        f"{JOURNEY_PLAN}: {clash.code} {clash.message}" for clash in rest_clashes(table, waves_beside(folder), today)
    ]


def rated_faults(installation: app.Boucle) -> list[str]:
    """Return which rows of the journey plan ask what the follow-up table has no rows for, or their mail cannot ask."""
    try:
        policy, templates = installation.policies.current(), installation.files.templates
    except (Misconfigured, BadInput, OSError):  # told as a fault of the tables or of the templates
        return []
    asked_at = {f"{PLACES}: {id}": place.question for id, place in policy.places.items()}
    faults = list(without_follow_up(policy.plan.table, policy.follow_up.table, asked_at))
    for template, kind in policy.plan.rated():
        faults += templates.scale_faults(template, kind)
    return faults


def site_faults(installation: app.Boucle) -> list[str]:
    """Return which sites can ask nobody, and which places take no receipts, for want of a good key."""
    try:
        policy = installation.policies.current()
    except (Misconfigured, BadInput, OSError):  # told as a fault of the file
        return []
    sites, places = (
        parse_keys(setting.get_secret_value())
        for setting in (installation.settings.site_keys, installation.settings.place_keys)
    )
    return [*key_faults(policy.sites, sites), *receipt_codes.key_faults(policy.places, places)]


def kafka_faults(settings: settings_module.Settings) -> list[str]:
    """Ask the broker for its topics, and return what is wrong; nothing without a broker."""
    cluster = app.kafka_of(settings)
    if cluster is None:
        return []
    try:
        return cluster.faults() or kafka.check(cluster, settings.topic_prefix)
    except BoucleError as error:
        return [str(error)]


def mail_faults(settings: settings_module.Settings) -> list[str]:
    """Sign in at the mail server, and return what it said against it; nothing without one. No mail is sent."""
    if not settings.has_smtp:
        return []
    try:
        sender = SmtpSender(settings.smtp_url.get_secret_value(), 1, timeout_seconds=10)
    except Misconfigured as error:
        return error.faults

    async def ask() -> list[str]:
        result = await sender.check()
        await sender.close()
        if result.kind == "accepted":
            return []
        said = result.text if result.text.startswith("the mail server") else f"the mail server says {result.text}"
        return [f"BOUCLE_SMTP_URL: {said}"]

    return asyncio.run(ask())


def bounces_faults(installation: app.Boucle) -> list[str]:
    """Return why the sender could not read the mails that come back."""
    try:
        place = installation.outgoing.returned_mail()
        for _ in place.items(fresh=True) if place else ():
            break
    except BoucleError as error:
        text = str(error)
        return [text if text.startswith("BOUCLE_BOUNCES") else f"BOUCLE_BOUNCES: {text}"]
    return []


def dns_findings(settings: settings_module.Settings, selectors: tuple[str, ...]) -> Findings:
    """Return what DNS says of the brand's domain, which mails come from and bounces go to."""
    try:
        domain = app.Boucle(settings).files.brand.domain
        lookup = Dns()
        return check_domain(domain, domain, lookup, selectors, partial(walk_spf, resolver=lookup.resolver))
    except Misconfigured:
        return Findings([], ["DNS was not asked: templates/brand.yaml cannot be read."])
    except BoucleError as error:
        return Findings([str(error)], [])


def zones_note() -> str:
    """Return which zone database is used, and which are not because they are older."""
    others = ", ".join(f"{other.version or 'no release named'} in {other.place}" for other in OTHERS)
    beside = f"; not used, because it is no newer: {others}" if others else ""
    return f"Time zones are those of release {IN_USE.version or 'unknown'}, from {IN_USE.place}{beside}."


def notes_of(settings: settings_module.Settings) -> list[str]:
    """Return what is no fault but worth knowing before mails go to customers."""
    notes = []
    if settings.has_smtp and settings.send_window == "always":
        notes.append("BOUCLE_SEND_WINDOW is always: customers may get mail at night; mon-sat 08:00-20:00 is kinder.")
    if settings.has_smtp and not settings.secret.get_secret_value():
        notes.append("BOUCLE_SECRET is unset: links are signed with a secret kept in HOME.")
    if not settings.database.startswith(SQLITE) and not settings.id_secret.get_secret_value():
        notes.append(
            "BOUCLE_ID_SECRET is unset: before another machine joins this database, set it on every machine to the "
            "content of the file id-secret in this HOME (made at the first start), and keep it with your backups."
        )
    for path in Home(settings.home).open_to_others(settings.database):
        notes.append(f"other accounts can read {path}; close it: chmod go-rwx {path}")
    return notes


COMMANDS = (check,)
