"""Wiring: settings become parts, parts become roles. The one place where adapters are chosen.

Everything that is wrong with settings, tables, templates and schemas is found here together, before anything starts.
"""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import available_timezones

from workers import topics
from workers.clock import Clock, StoredClock, SystemClock
from workers.composing import Brand, Templates
from workers.controls import Sending
from workers.data import Data
from workers.dispatching import Dispatching, HookSender, MailSender
from workers.envelope import Codec, EventMap, read_schemas
from workers.intake import Intake
from workers.links import Links
from workers.mailbox import MailboxSender
from workers.outlets import FileOutlet
from workers.policies import Policies, known_names
from workers.relaying import Relaying
from workers.rulepast import StoredRules
from workers.serving import Serving
from workers.settings import Settings
from workers.smtp import SmtpSender
from workers.store import rulelive
from workers.store.engine import Store
from workers.waking import Waking
from workers.webhook import WebhookSender, check_target
from workers.words import Ids, Misconfigured

log = logging.getLogger(__name__)
SECRET_BYTES = 32
MAILBOX_AT_ONCE = 100
"""Mails written into the local mailbox per group; there is no connection to spare."""


def secret_of(settings: Settings) -> list[str]:
    """Return the keys that sign links and ids; without a setting one is made in HOME and kept there."""
    given = [one.strip() for one in settings.secret.get_secret_value().split(",") if one.strip()]
    if given:
        return given
    path = settings.home / "secret"
    if not path.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES))
    return [path.read_text().strip()]


def kafka_of(settings: Settings) -> topics.Cluster | None:
    """Return how to reach Kafka, or None without a broker."""
    if not settings.kafka_bootstrap:
        return None
    return topics.Cluster(
        bootstrap=settings.kafka_bootstrap,
        tls=settings.kafka_tls,
        ca_file=settings.kafka_ca_file or None,
        user=settings.kafka_user or None,
        password=settings.kafka_password.get_secret_value() or None,
        mechanism=topics.Mechanism(settings.kafka_mechanism),
        allow_plaintext=settings.kafka_allow_plaintext,
    )


def sending_of(settings: Settings, brand: Brand, data: Data) -> Sending:
    """Return what the settings say of sending; a local mailbox is never held, because nothing leaves the machine."""
    blocked = held = ""
    if settings.has_smtp:
        samples = brand.sample_values(Brand.sample(data.shipped()))
        if samples:
            blocked = f"templates/brand.yaml still holds sample values ({', '.join(samples)}): write your own."
        if settings.sending == "held":
            held = "sending starts held; look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on."
    return Sending(
        blocked=blocked,
        held=held,
        per_day=settings.mail_per_day,
        per_second=settings.mail_per_second,
        only_to=frozenset(one.strip().lower() for one in settings.mail_only_to.split(",") if one.strip()),
        redirect=settings.mail_redirect,
    )


@dataclass(frozen=True)
class Boucle:
    """All parts of one installation, made from its settings. Making it checks tables, templates and schemas."""

    settings: Settings
    given_clock: Clock | None = None
    given_sending: Sending | None = None
    lenient: bool = False
    """Whether rules that were in use go on where their files are faulty now: for verbs, never for a role's start."""
    given_brand: Brand | None = None

    @cached_property
    def data(self) -> Data:
        """Return where templates, tables and schemas are read from."""
        return Data(self.settings.overrides)

    @cached_property
    def store(self) -> Store:
        """Return the SQL store."""
        if self.settings.database.startswith("sqlite:///"):
            Path(self.settings.database.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return Store(self.settings.database)

    @cached_property
    def clock(self) -> Clock:
        """Return business time."""
        if self.given_clock is not None:
            return self.given_clock
        stored = StoredClock(self.store)
        wanted = self.settings.clock
        return stored if wanted == "stored" or (wanted == "auto" and stored.is_set()) else SystemClock()

    @property
    def now(self) -> Callable[[], datetime]:
        """Return the reading of business time."""
        return self.clock.now

    @cached_property
    def keys(self) -> list[str]:
        """Return the signing keys, the current one first."""
        return secret_of(self.settings)

    @cached_property
    def ids(self) -> Ids:
        """Return what derives ids; the oldest key, so that a rotated secret changes no id."""
        return Ids(self.keys[-1].encode())

    @cached_property
    def links(self) -> Links:
        """Return what signs and reads links."""
        return Links(self.keys, self.settings.base_url)

    @cached_property
    def brand(self) -> Brand:
        """Return the company as its customers see it."""
        return self.given_brand or Brand.load(self.data)

    @cached_property
    def templates(self) -> Templates:
        """Return every kind of mail in every language."""
        return Templates.load(self.data, self.brand)

    @cached_property
    def codec(self) -> Codec:
        """Return what reads events."""
        names = [name for name in self.data.list("schemas/in") if name.endswith(".json")]
        files = {f"in/{name}": self.data.read(f"schemas/in/{name}") for name in names}
        files["parts.json"] = self.data.read("schemas/parts.json")
        return Codec(
            read_schemas(files),
            EventMap.load(self.data.read("rules/events.csv")),
            self.settings.max_event_bytes,
            zones=available_timezones(),
        )

    @cached_property
    def policies(self) -> Policies:
        """Return the rules in use."""
        earlier = self._in_use_before if self.lenient else None
        return Policies(self.data, self.settings, self.brand, self.templates, self.ids, self.links, earlier)

    def _in_use_before(self, place: str) -> str | None:
        """Return the content of what roles have in use in a place."""
        with self.store.reading() as connection:
            return rulelive.content_in_use(connection, place)

    def look_at_rules(self) -> bool:
        """Take over what was edited among the rules; say whether anything changed. Raises NotNow."""
        return self.policies.look(self.store, self.now())

    @cached_property
    def rules(self) -> StoredRules:
        """Return what is remembered of the rule tables: past responses, events, decisions, live versions."""
        return StoredRules(self.store, lambda: known_names(self.data), lambda: self.brand.time_zone)

    @cached_property
    def sending(self) -> Sending:
        """Return what the settings say of sending."""
        return self.given_sending or sending_of(self.settings, self.brand, self.data)

    @cached_property
    def intake(self) -> Intake:
        """Return the intake."""
        return Intake(self.store, self.codec, self.policies.current, self.now)

    @cached_property
    def waking(self) -> Waking:
        """Return what takes up due work."""
        return Waking(self.store, self.policies.current, self.now, self.sending)

    @cached_property
    def serving(self) -> Serving:
        """Return what carries out the acts of persons."""
        return Serving(self.store, self.policies.current, self.now)

    @cached_property
    def mailbox(self) -> MailboxSender | None:
        """Return the local mailbox, or None when mails leave by SMTP."""
        return None if self.settings.has_smtp else MailboxSender(self.settings.home / "mailbox")

    def mail_sender(self) -> MailSender:
        """Return what hands mails over; one per event loop."""
        if self.mailbox is not None:
            return self.mailbox
        return SmtpSender(self.settings.smtp_url.get_secret_value(), self.settings.smtp_connections)

    def hook_sender(self) -> HookSender | None:
        """Return what hands webhooks over, or None when none is set up."""
        if not self.settings.webhook_url:
            return None
        return WebhookSender(
            self.settings.webhook_url, self.settings.webhook_secret.get_secret_value(), self._private_allowed
        )

    @property
    def _private_allowed(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.settings.allow_private_urls.split(",") if one.strip())

    @cached_property
    def webhook_target(self) -> str:
        """Return the name of where webhooks go, empty for nowhere; raises Misconfigured with every fault of it."""
        url, secret = self.settings.webhook_url, self.settings.webhook_secret.get_secret_value()
        return check_target(url, secret, self._private_allowed) if url else ""

    def dispatching(self, mails: MailSender | None = None) -> Dispatching:
        """Return what hands mails and webhooks over; one per event loop, with a mail sender of the caller's own."""
        return Dispatching(
            self.store,
            self.policies.current,
            self.now,
            self.templates,
            self.sending,
            mails or self.mail_sender(),
            self.hook_sender(),
            connections=self.settings.smtp_connections if self.settings.has_smtp else MAILBOX_AT_ONCE,
            lease_seconds=self.settings.lease_seconds,
            crm_url=self.settings.crm_url,
        )

    def relaying(self) -> Relaying:
        """Return what moves the outbox on: to Kafka, or to a file without a broker."""
        cluster = kafka_of(self.settings)
        holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        if cluster is None:
            return Relaying(self.store, FileOutlet(self.settings.home / "outbox.jsonl"), holder)
        return Relaying(self.store, topics.TopicOutlet(cluster, self.settings.topic_prefix), holder)

    def check(self) -> list[str]:
        """Return every fault of data files at once: brand, templates, schemas, tables."""
        faults: list[str] = []
        for part in ("brand", "templates", "codec", "policies", "links", "webhook_target"):
            try:
                getattr(self, part)
            except Misconfigured as error:
                faults += [one for one in error.faults if one not in faults]
        return faults


def start(
    settings: Settings,
    *,
    clock: Clock | None = None,
    sending: Sending | None = None,
    lenient: bool = False,
    brand: Brand | None = None,
) -> Boucle:
    """Return the parts of an installation with everything checked; raises Misconfigured with all faults.

    With `lenient`, a faulty edit of the rules is no fault: what was in use goes on.
    """
    parts = Boucle(settings, clock, sending, lenient, brand)
    faults = parts.check()
    if faults:
        raise Misconfigured(faults)
    parts.policies.remember(parts.store, parts.now())
    return parts


def topic_names(settings: Settings, wanted: Sequence[topics.Topic]) -> list[str]:
    """Return topic names with the installation's prefix."""
    return topics.topic_names(settings.topic_prefix, wanted)
