"""The composition root: settings become parts, parts become roles. The one place where adapters are chosen.

Everything that is wrong with settings, tables, templates and schemas is found here together, before anything starts.
"""

import importlib.util
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import available_timezones

from workers.adapters import kafka
from workers.adapters.clock import Clock, StoredClock, SystemClock
from workers.adapters.home import ID_SECRET, SIGNING_SECRET, SQLITE, Home, make_database_file
from workers.adapters.imap_folder import SCHEMES, ImapFolder
from workers.adapters.resources import Data
from workers.adapters.returned_mails import OneFile, place_at
from workers.adapters.smtp import Server, SmtpSender
from workers.adapters.text_files import live_texts
from workers.cloudevents import Codec, EventMap, read_schemas
from workers.domain.mail.compose import Brand, Templates
from workers.domain.mail.links import Links
from workers.domain.types import Ids
from workers.errors import BadInput, Misconfigured, NotNow
from workers.settings import Settings
from workers.settings.faults import SettingFault
from workers.store.connection import ArgumentError, DBAPIError
from workers.store.controls import is_demo
from workers.store.engine import Store
from workers.store.patience import Patience
from workers.store.rules import live
from workers.text.mail_addresses import mailbox
from workers.usecases.delivery.bounce_collection import Place
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.operation.id_key import fitting_key, settle_id_key, settle_signing_key, signing_fingerprint
from workers.usecases.operation.migrate import MINIMUM, schema_of
from workers.usecases.operation.weak_settings import Surroundings, weak_settings
from workers.usecases.rules.active_policy import Policies, known_names
from workers.usecases.sign_in.api_keys import ApiKeys, Outcome, state_of

if TYPE_CHECKING:  # parts that few commands need: each is imported where it is made
    from workers.adapters.file_mailbox import MailboxSender
    from workers.usecases.customer_actions import CustomerActions
    from workers.usecases.delivery import Delivery, HookSender, MailSender
    from workers.usecases.delivery.bounces import BounceIntake
    from workers.usecases.intake import Intake
    from workers.usecases.operation.clock_guard import ClockGuard
    from workers.usecases.outbox_relay import OutboxRelay
    from workers.usecases.privacy.letter_search import LetterSearch
    from workers.usecases.privacy.retention import Retention
    from workers.usecases.rehearsal import Rehearsal
    from workers.usecases.rules.history import StoredRules
    from workers.usecases.scheduler import Scheduler
    from workers.usecases.wave_reach import Reach

log = logging.getLogger(__name__)
T = TypeVar("T")
CHECKED = ("brand", "templates", "codec", "policies", "links", "webhook_target", "mail_server", "identity_provider")
"""Parts that raise Misconfigured with every fault of theirs when they are made."""
MAILBOX_AT_ONCE = 100
"""Mails written into the local mailbox per group; there is no connection to spare."""


def given_keys(settings: Settings) -> list[str]:
    """Return the keys of BOUCLE_SECRET, the one that signs first."""
    return [key.strip() for key in settings.secret.get_secret_value().split(",") if key.strip()]


def id_keys(settings: Settings) -> list[str]:
    """Return the keys that ids may derive from, the one that a new database is begun with first; there may be none.

    BOUCLE_ID_SECRET alone where it is set. Else the key that was kept at the first start; the keys of BOUCLE_SECRET,
    because 0.1.0 took the last one; and the secret that 0.1.0 made up. The database says which one it is.
    """
    given = settings.id_secret.get_secret_value()
    if given:
        return [given]
    home = Home(settings.home)
    known = [home.secret(ID_SECRET), *reversed(given_keys(settings)), home.secret(SIGNING_SECRET)]
    return list(dict.fromkeys(key for key in known if key))


def kafka_of(settings: Settings) -> kafka.Cluster | None:
    """Return how to reach Kafka, or None without a broker."""
    if not settings.kafka_bootstrap:
        return None
    return kafka.Cluster(
        bootstrap=settings.kafka_bootstrap,
        tls=settings.kafka_tls,
        ca_file=settings.kafka_ca_file or None,
        user=settings.kafka_user or None,
        password=settings.kafka_password.get_secret_value() or None,
        mechanism=kafka.Mechanism(settings.kafka_mechanism),
        allow_plaintext=settings.kafka_allow_plaintext,
    )


def patience_of(settings: Settings) -> Patience:
    """Return how long each wait for PostgreSQL lasts."""
    return Patience(
        connect=settings.database_connect_seconds,
        statement=settings.database_statement_seconds,
        lock=settings.database_lock_seconds,
        idle=settings.database_idle_seconds,
        silence=settings.database_silence_seconds,
    )


def sending_of(settings: Settings, brand: Brand, data: Data) -> Sending:
    """Return what the settings say of sending; a local mailbox is never held, because nothing leaves the machine."""
    blocked = held = ""
    if settings.has_smtp:
        samples = brand.sample_values(Brand.sample(data.shipped()))
        if samples:
            held_back = ", ".join(samples)
            blocked = f"templates/brand.yaml still holds sample values ({held_back}): write your own, then start again."
        if settings.sending == "held":
            held = "sending starts held; look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on."
    return Sending(
        blocked=blocked,
        held=held,
        per_day=settings.mail_per_day,
        per_second=settings.mail_per_second,
        only_to=frozenset(mailbox(one) for one in settings.mail_only_to.split(",") if one.strip()),
        redirect=settings.mail_redirect,
    )


def returned_mail(address: str) -> Place:
    """Return the place of returned mails at an address: a path, or imaps://...; raises BadInput or Misconfigured."""
    if address.partition("://")[0] in SCHEMES:
        return ImapFolder.parse(address)
    return place_at(Path(address))


@dataclass(frozen=True)
class Boucle:
    """All parts of one installation, made from its settings. Making it checks tables, templates and schemas."""

    settings: Settings
    given_clock: Clock | None = None
    given_sending: Sending | None = None
    lenient: bool = False
    """Whether rules that were in use go on where their files are faulty now: for verbs, never for a role's start."""
    given_brand: Brand | None = None
    passed_over: list[str] = field(default_factory=list)
    """Faults of files that a `lenient` start read in their shipped form instead."""
    looking: bool = False
    """Whether nothing may be made, neither a database nor a secret: for `boucle check`."""

    @cached_property
    def data(self) -> Data:
        """Return where templates, tables and schemas are read from."""
        return Data(self.settings.overrides)

    @cached_property
    def store(self) -> Store:
        """Return the SQL store."""
        address = self.settings.database
        if address.startswith(SQLITE) and not self.looking:
            make_database_file(Path(address.removeprefix(SQLITE)))
        try:
            return Store(address, patience_of(self.settings))
        except (ArgumentError, ImportError) as error:
            raise Misconfigured(
                ["BOUCLE_DATABASE_URL cannot be read: write postgresql://USER:PASSWORD@HOST:5432/NAME."]
            ) from error

    @property
    def has_database(self) -> bool:
        """Tell whether there is a database to ask; only an embedded one may be missing."""
        address = self.settings.database
        return not address.startswith(SQLITE) or Path(address.removeprefix(SQLITE)).is_file()

    @cached_property
    def clock(self) -> Clock:
        """Return business time."""
        if self.given_clock is not None:
            return self.given_clock
        stored = StoredClock(self.store)
        wanted = self.settings.clock
        return stored if wanted == "stored" or (wanted == "auto" and stored.is_set()) else SystemClock()

    @cached_property
    def clock_guard(self) -> "ClockGuard":
        """Return what sees that the clock does not leap."""
        from workers.usecases.operation.clock_guard import ClockGuard

        return ClockGuard(self.store, self.clock.now_in)

    @property
    def now(self) -> Callable[[], datetime]:
        """Return the reading of business time."""
        return self.clock.now

    @cached_property
    def home(self) -> Home:
        """Return the folder of the embedded database, the mailbox and the secrets that were made up."""
        return Home(self.settings.home)

    @cached_property
    def keys(self) -> list[str]:
        """Return the keys that sign links and forms, the current one first; one is made up where none is set."""
        given = given_keys(self.settings)
        return given or [self._made_up(SIGNING_SECRET)]

    @cached_property
    def id_key(self) -> str:
        """Return the key of ids; `start` replaces it by the one that the database says it is."""
        return next(iter(id_keys(self.settings)), "") or self._made_up(ID_SECRET)

    def _made_up(self, name: str) -> str:
        if self.looking:
            return self.home.secret(name) or "nothing is made while looking"
        return self.home.make_up_secret(name)

    @cached_property
    def ids(self) -> Ids:
        """Return what derives ids: a key of its own, so that a new secret for links changes no id."""
        return Ids(self.id_key.encode())

    def settle_keys(self) -> None:
        """Find the key of ids that the database began with, and keep it for the next start. Idempotent.

        Raises Misconfigured when this machine has another one, or would make up a key beside another machine's; NotNow.
        """
        candidates = id_keys(self.settings)
        if not candidates:
            with self.store.reading() as connection:
                fitting_key(connection, [])  # refuses before a key is made up
            candidates = [self.home.make_up_secret(ID_SECRET)]
        key = settle_id_key(self.store, candidates, self.now())
        vars(self)["id_key"] = key
        if not self.settings.id_secret.get_secret_value():
            with suppress(Misconfigured):  # a HOME that cannot be written keeps no secret
                self.home.keep_secret(ID_SECRET, key)
        if not self.store.sqlite:
            settle_signing_key(self.store, self.keys[0], self.now(), made_up=not given_keys(self.settings))

    def key_faults(self) -> list[str]:
        """Return why this machine's keys do not fit the database, changing nothing. Raises NotNow."""
        try:
            with self.store.reading() as connection:
                fitting_key(connection, id_keys(self.settings))
                if not self.store.sqlite and not given_keys(self.settings):
                    signing_fingerprint(connection, self.home.secret(SIGNING_SECRET), made_up=True)
        except Misconfigured as error:
            return error.faults
        return []

    @cached_property
    def links(self) -> Links:
        """Return what signs and reads links."""
        return Links(self.keys, self.settings.base_url)

    @cached_property
    def brand(self) -> Brand:
        """Return the company as its customers see it."""
        return self.given_brand or self._readable(Brand.load)

    @cached_property
    def templates(self) -> Templates:
        """Return every kind of mail in every language."""
        return self._readable(lambda data: Templates.load(data, self.brand))

    @cached_property
    def codec(self) -> Codec:
        """Return what reads events."""
        return self._readable(self._codec_of)

    def _codec_of(self, data: Data) -> Codec:
        """Return the codec of the schemas and event types in a place; raises Misconfigured with every fault."""
        names = [name for name in data.list("schemas/in") if name.endswith(".json")]
        files = {f"in/{name}": data.read(f"schemas/in/{name}") for name in names}
        files["parts.json"] = data.read("schemas/parts.json")
        return Codec(
            read_schemas(files),
            EventMap.load(data.read("rules/events.csv")),
            self.settings.max_event_bytes,
            zones=available_timezones(),
        )

    def _readable(self, read: Callable[[Data], T]) -> T:
        """Read files of the operator's; where `lenient` passes faults over, the shipped ones stand in for faulty ones.

        An operator must be able to pause and to look while a file is faulty: what runs goes on with what it had.
        """
        try:
            return read(self.data)
        except Misconfigured as error:
            if not self.lenient or self.settings.overrides is None:
                raise
            shipped = read(Data(None))
            self.passed_over.extend(fault for fault in error.faults if fault not in self.passed_over)
            return shipped

    @cached_property
    def policies(self) -> Policies:
        """Return the rules in use."""
        earlier = self._in_use_before if self.lenient else None
        texts = live_texts(self.data, self.templates, self.codec, self._brand_now)
        return Policies(self.data, self.settings, self.templates, self.ids, self.links, earlier, texts)

    def _brand_now(self) -> Brand:
        """Read the brand again; one that became the sample shop's while mails leave raises Misconfigured."""
        brand = self.given_brand or Brand.load(self.data)
        samples = brand.sample_values(Brand.sample(self.data.shipped()))
        if self.settings.has_smtp and samples and not self.sending.blocked:
            raise Misconfigured([f"templates/brand.yaml holds the sample shop's {', '.join(samples)}: write your own"])
        return brand

    def _in_use_before(self, place: str) -> str | None:
        """Return the content of what roles have in use in a place."""
        with self.store.reading() as connection:
            return live.content_in_use(connection, place)

    def look_at_rules(self) -> bool:
        """Take over what was edited among the rules; say whether anything changed. Raises NotNow."""
        return self.policies.look(self.store, self.now())

    @cached_property
    def rules(self) -> "StoredRules":
        """Return what is remembered of the rule tables: past responses, events, decisions, live versions."""
        from workers.usecases.rules.history import StoredRules

        return StoredRules(self.store, lambda: known_names(self.data), lambda: self.templates.brand.time_zone)

    @cached_property
    def sending(self) -> Sending:
        """Return what the settings say of sending."""
        return self.given_sending or sending_of(self.settings, self.brand, self.data)

    @cached_property
    def intake(self) -> "Intake":
        """Return the intake."""
        from workers.usecases.intake import Intake

        return Intake(self.store, self.codec, self.policies.current, self.now)

    @cached_property
    def rehearsal(self) -> "Rehearsal":
        """Return what tells beforehand what the intake would do."""
        from workers.usecases.rehearsal import Rehearsal

        return Rehearsal(self.store, self.codec, self.policies.current, self.now)

    @cached_property
    def waking(self) -> "Scheduler":
        """Return what takes up due work."""
        from workers.usecases.scheduler import Scheduler

        return Scheduler(self.store, self.policies.current, self.now, self.sending)

    @cached_property
    def reach(self) -> "Reach":
        """Return what tells whom the waves to come will reach."""
        from workers.usecases.wave_reach import Reach

        return Reach(self.store, self.policies.current, self.now)

    @cached_property
    def serving(self) -> "CustomerActions":
        """Return what carries out the acts of persons."""
        from workers.usecases.customer_actions import CustomerActions

        return CustomerActions(self.store, self.policies.current, self.now)

    @cached_property
    def mailbox(self) -> "MailboxSender | None":
        """Return the local mailbox, or None when mails leave by SMTP."""
        from workers.adapters.file_mailbox import MailboxSender

        return None if self.settings.has_smtp else MailboxSender(self.settings.home / "mailbox")

    def mail_sender(self) -> "MailSender":
        """Return what hands mails over; one per event loop."""
        if self.mailbox is not None:
            return self.mailbox
        return SmtpSender(self.settings.smtp_url.get_secret_value(), self.settings.smtp_connections)

    def hook_sender(self) -> "HookSender | None":
        """Return what hands webhooks over, or None when none is set up."""
        if not self.settings.webhook_url:
            return None
        from workers.adapters.webhook import WebhookSender

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
        if not url:
            return ""
        from workers.adapters.webhook import check_target

        return check_target(url, secret, self._private_allowed)

    def dispatching(self, mails: "MailSender | None" = None) -> "Delivery":
        """Return what hands mails and webhooks over; one per event loop, with a mail sender of the caller's own."""
        from workers.usecases.delivery import Delivery

        return Delivery(
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

    def bouncing(self) -> "BounceIntake":
        """Return what takes returned mails."""
        from workers.usecases.delivery.bounces import BounceIntake

        return BounceIntake(self.store, self.policies.current, self.now, self.links.read_return_path)

    def returned_mail(self) -> Place | None:
        """Return where returned mails lie, or None when nothing is set; raises Misconfigured for what is no place."""
        address = self.settings.bounces.get_secret_value()
        try:
            place = returned_mail(address) if address else None
        except BadInput as error:
            raise Misconfigured([f"BOUCLE_BOUNCES: {error}"]) from error
        if isinstance(place, OneFile):
            raise Misconfigured([f"BOUCLE_BOUNCES: {place} is one file; name a folder, a Maildir or imaps://..."])
        return place

    def retention(self) -> "Retention":
        """Return what deletes rows that are older than their table keeps them."""
        from workers.usecases.privacy.retention import Retention

        return Retention(self.store, self.now)

    def letter_search(self) -> "LetterSearch":
        """Return what looks dead letters through for people who were erased."""
        from workers.usecases.privacy.letter_search import LetterSearch

        return LetterSearch(self.store, self.policies.current, self.now)

    def relaying(self) -> "OutboxRelay":
        """Return what moves the outbox on: to Kafka, or to a file without a broker."""
        from workers.adapters.file_outbox import FileOutlet
        from workers.usecases.outbox_relay import OutboxRelay

        cluster = kafka_of(self.settings)
        holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        if cluster is None:
            return OutboxRelay(self.store, FileOutlet(self.settings.home / "outbox.jsonl"), holder)
        return OutboxRelay(self.store, kafka.TopicOutlet(cluster, self.settings.topic_prefix), holder)

    def check(self) -> list[str]:
        """Return every fault of data files at once: brand, templates, schemas, tables."""
        faults: list[str] = []
        parts: list[Callable[[], object]] = [partial(getattr, self, name) for name in CHECKED]
        for make in (*parts, self.returned_mail):
            try:
                make()
            except Misconfigured as error:
                faults += [one for one in error.faults if one not in faults]
        cluster = kafka_of(self.settings)
        return faults + (cluster.faults() if cluster else [])

    @cached_property
    def identity_provider(self) -> str:
        """Return the address of the identity provider, if any; raises Misconfigured without the library for it."""
        if self.settings.oidc_issuer and importlib.util.find_spec("authlib") is None:
            raise Misconfigured(["BOUCLE_OIDC_ISSUER needs a library: pip install 'boucle[oidc]'"])
        return self.settings.oidc_issuer

    @cached_property
    def mail_server(self) -> Server | None:
        """Return the mail server's address, or None without one; raises Misconfigured when it names none."""
        return Server.parse(self.settings.smtp_url.get_secret_value()) if self.settings.has_smtp else None

    def sample_values(self) -> list[str]:
        """Return which values of the brand are still the sample shop's. Raises Misconfigured."""
        return self.brand.sample_values(Brand.sample(self.data.shipped()))

    def weaknesses(self) -> list[SettingFault]:
        """Return which settings are weak for the address that the pages are bound to."""
        return weak_settings(self.settings, self.surroundings())

    def surroundings(self) -> Surroundings:
        """Return what decides beside the settings whether they are weak; what cannot be read is no weakness."""
        sample, has_keys = list[str](), True
        with suppress(Misconfigured):  # told as a fault of the brand
            sample = self.sample_values()
        with suppress(NotNow, Misconfigured, DBAPIError):  # told as a fault of the database
            has_keys = self._has_api_keys()
        return Surroundings(has_keys, sample)

    def _has_api_keys(self) -> bool:
        if not self.has_database or schema_of(self.store) < MINIMUM:
            return False
        rows, now = ApiKeys(self.store).list_all()
        return any(state_of(row, now) == Outcome.ALLOWED for row in rows)

    def is_demo(self) -> bool:
        """Tell whether the database holds the year of a demo. Raises NotNow."""
        if not self.has_database or schema_of(self.store) < MINIMUM:
            return False
        with self.store.reading() as connection:
            return is_demo(connection)


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
    try:
        parts.settle_keys()
        faults = parts.check()
        if faults:
            raise Misconfigured(faults)
        parts.policies.remember(parts.store, parts.now())
    except BaseException:
        parts.store.close()
        raise
    return parts


def topic_names(settings: Settings, wanted: Sequence[kafka.Topic]) -> list[str]:
    """Return topic names with the installation's prefix."""
    return kafka.topic_names(settings.topic_prefix, wanted)
