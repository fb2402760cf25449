"""Settings: every BOUCLE_ variable, checked together at start, secrets masked.

`read` makes one frozen Settings from a mapping; nothing else in Boucle looks at the environment.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from workers.settings.checks import NEEDS, missing_partners, shape_faults, shared_address
from workers.settings.faults import (
    PREFIX,
    FaultKind,
    FaultySettings,
    SettingFault,
    is_secret,
    of_validation,
    variable_of,
)

FILE_SUFFIX = "_FILE"
Network = IPv4Network | IPv6Network


class Settings(BaseModel):
    """What an operator sets. Each field is the variable BOUCLE_ + its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    home: Path = Field(Path("home"), description="folder of the embedded database, the mailbox and made-up secrets")
    database_url: SecretStr = Field(
        SecretStr(""), description="sqlite:///FILE or postgresql://...; unset: a SQLite file in HOME"
    )
    database_connect_seconds: float = Field(5, ge=2, le=60, description="how long a connection to PostgreSQL may take")
    database_statement_seconds: float = Field(
        60, ge=1, description="how long one statement may take on PostgreSQL; migrations and exports take longer"
    )
    database_lock_seconds: float = Field(10, ge=0.1, description="how long a lock is waited for on PostgreSQL")
    database_idle_seconds: float = Field(60, ge=5, description="how long a transaction may do nothing on PostgreSQL")
    database_silence_seconds: float = Field(
        20, ge=4, le=600, description="after how long a line to PostgreSQL on which nothing is answered is given up"
    )
    kafka_bootstrap: str = Field("", description="HOST:PORT,...; unset: no broker, events come by HTTP and files")
    kafka_allow_plaintext: bool = Field(False, description="yes allows unencrypted Kafka off this machine")
    kafka_tls: bool = Field(False, description="yes encrypts the connection; a user name does so as well")
    kafka_user: str = Field("", description="user name for SASL_SSL")
    kafka_password: SecretStr = Field(SecretStr(""), description="password for SASL")
    kafka_mechanism: str = Field("SCRAM-SHA-512", description="SASL mechanism")
    kafka_ca_file: str = Field("", description="certificate authority of the brokers, a PEM file")
    topic_prefix: str = Field("", description="put before every topic name: several installations on one cluster")
    replication: int = Field(-1, ge=-1, description="copies of each topic; -1: the broker's default")
    batch_size: int = Field(500, ge=1, le=5000, description="events taken from Kafka into one transaction")
    batch_wait: float = Field(0.05, gt=0, description="seconds to wait for a batch to fill")
    session_seconds: float = Field(
        30, ge=6, le=80, description="seconds after which Kafka gives the partitions of a killed stream to another"
    )
    audit_seconds: float = Field(300, gt=0, description="how often consumed positions are held against the log")
    stall_seconds: float = Field(
        180, gt=0, description="a role whose work comes no step further for so long ends itself, to be started again"
    )
    smtp_url: SecretStr = Field(
        SecretStr(""), description="smtp://[USER:PASSWORD@]HOST:PORT or smtps://; unset: local mailbox"
    )
    smtp_connections: int = Field(4, ge=1, le=64, description="connections to the mail server at once")
    sending: str = Field("held", pattern="^(held|on)$", description="with a mail server: held until somebody says on")
    mail_only_to: str = Field("", description="comma-separated addresses; mail to anybody else is not sent")
    mail_redirect: str = Field("", description="every mail goes to this address instead")
    mail_per_day: int = Field(200, ge=0, description="survey and promotion mails a day; 0: no limit")
    mail_per_second: float = Field(20, ge=0, description="mails a second, all roles together; 0: no limit")
    bounces: SecretStr = Field(
        SecretStr(""),
        description="where mails come back, read by the sender: imaps://USER:PASSWORD@HOST/FOLDER, or a folder",
    )
    bounces_seconds: float = Field(300, gt=0, description="how often returned mails are looked for")
    shared_mailboxes: str = Field(
        "", description="comma-separated addresses, or @domains, that several people use: they rest each by themselves"
    )
    soft_bounces: int = Field(5, ge=0, description="soft failures after which a mailbox is given up; 0: never")
    soft_bounce_days: int = Field(14, ge=0, description="days over which those failures must be spread at least")
    refusing_domains: int = Field(
        3, ge=0, description="unrelated recipient domains that must refuse us before all mail pauses; 0: never"
    )
    refusing_minutes: float = Field(60, gt=0, description="time within which they must do so")
    keep_survey_days: float = Field(
        4, gt=0, le=30, description="days a survey mail is kept while the mail server is away or says later"
    )
    keep_service_days: float = Field(
        7, gt=0, le=30, description="the same for mails about tickets and acknowledgements"
    )
    keep_promotion_days: float = Field(4, gt=0, le=30, description="the same for testimonial requests")
    lease_seconds: float = Field(60, gt=0, description="how long one sender may hold a mail")
    http_bind: str = Field("127.0.0.1:8080", description="HOST:PORT of the web role")
    http_connections: int = Field(512, ge=8, le=10_000, description="connections to the web role at once")
    public_url: str = Field("", description="base of the links in mails; unset: http:// and HTTP_BIND")
    trusted_proxies: str = Field(
        "", description="comma-separated networks of your proxies: their X-Forwarded-For is believed, nobody else's"
    )
    monitor_bind: str = Field("", description="HOST:PORT of /readyz and /metrics alone; unset: they are on HTTP_BIND")
    monitor_token: SecretStr = Field(SecretStr(""), description="/readyz and /metrics need it: Authorization: Bearer")
    api_keys: SecretStr = Field(
        SecretStr(""), description="comma-separated keys for POST /v1/events; KEY:journey+scores narrows one to scopes"
    )
    site_keys: SecretStr = Field(
        SecretStr(""),
        description="comma-separated SITE:KEY, what each site signs its visitors with; a site may have two",
    )
    place_keys: SecretStr = Field(
        SecretStr(""),
        description="comma-separated PLACE:KEY, what signs the receipts of a place; a place may have two",
    )
    rate_limit: int = Field(120, ge=0, description="requests a minute for each network and kind of door; 0: no limit")
    max_event_bytes: int = Field(1_000_000, ge=1000, description="size of one event; a larger one is refused")
    secret: SecretStr = Field(
        SecretStr(""), description="signs links and forms; comma-separated: the first signs; unset: made up, in HOME"
    )
    id_secret: SecretStr = Field(
        SecretStr(""),
        description="key of ids and address hashes, for ever the same; unset: as made at the first start, in HOME",
    )
    overrides: Path | None = Field(None, description="folder with the operator's own rules/, templates/, schemas/")
    settling_seconds: float = Field(60, ge=0, description="how long an answer must be still before it is routed")
    send_window: str = Field(
        "always", description="always, or hours: mon-fri 09:00-18:00 (spread), in the customer's time"
    )
    agents_address: str = Field("", description="mailbox of the team; unset: the brand's reply_to")
    sms_url: SecretStr = Field(
        SecretStr(""),
        description="what sends SMS: file:, twilio://, ovh://, brevo:// or vonage://...; unset: a carrier of your own",
    )
    sms_only_to: str = Field("", description="comma-separated numbers such as +33612345678; SMS go to nobody else")
    webhook_url: str = Field("", description="where tickets are told to a helpdesk")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="whsec_...: signs webhooks; two with a space between while it is changed"
    )
    allow_private_urls: str = Field("", description="URL prefixes a webhook may reach although private or plain HTTP")
    clock: str = Field(
        "auto",
        pattern="^(auto|system|stored)$",
        description="stored: business time is a row of the database; auto: so where there is one",
    )
    tick_seconds: float = Field(1.0, gt=0, description="how often due work is looked for")
    log: str = Field("auto", pattern="^(auto|console|json)$", description="form of the log lines")
    crm_url: str = Field("", description="address of a customer in the CRM, with {id} in it; unset: no link on tickets")
    session_idle_minutes: int = Field(
        60, ge=0, description="minutes without a page asked for after which a person must sign in again; 0: none"
    )
    oidc_issuer: str = Field("", description="address of the identity provider; unset: users of our own only")
    oidc_client_id: str = Field("", description="our id at the identity provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="our secret at the identity provider")

    @field_validator("trusted_proxies")
    @classmethod
    def proxies_are_networks(cls, text: str) -> str:
        """Refuse what is no network, and a network that everybody is in; raises ValueError."""
        networks_of(text)
        return text

    @property
    def database(self) -> str:
        """The URL of the database: BOUCLE_DATABASE_URL, else the SQLite file in HOME."""
        return self.database_url.get_secret_value() or f"sqlite:///{Path(os.path.realpath(self.home)) / 'boucle.db'}"

    @property
    def has_smtp(self) -> bool:
        """Whether mails leave this machine; without a mail server they are kept in the local mailbox."""
        return bool(self.smtp_url.get_secret_value())

    @property
    def reaches_people(self) -> bool:
        """Whether anything that is sent leaves this machine: by a mail server, or by a carrier of SMS but a file."""
        carrier = self.sms_url.get_secret_value().strip().lower()
        return self.has_smtp or bool(carrier and not carrier.startswith("file:"))

    @property
    def base_url(self) -> str:
        """What every link begins with, without a slash at its end; unset, the address that pages are bound to."""
        return (self.public_url or f"http://{self.http_bind}").rstrip("/")

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """Return the networks of the proxies whose forwarded headers are believed."""
        return networks_of(self.trusted_proxies)

    @property
    def window(self) -> str:
        """The hours in which customers may get mail, as `parse_window` reads them."""
        return self.send_window


WIDEST_NETWORK = {4: 8, 6: 7}
"""Bits of the widest networks that anybody owns: 10.0.0.0/8 (RFC 1918), fc00::/7 (RFC 4193); wider is everybody."""


def networks_of(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list; raises ValueError naming the first that is none."""
    networks: list[Network] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        try:
            network = ip_network(part, strict=False)
        except ValueError:
            raise ValueError(f"{part} is no network; write addresses such as 10.0.0.0/8 or 192.0.2.7") from None
        if network.prefixlen < WIDEST_NETWORK[network.version]:
            raise ValueError(f"{part} is everybody; name the networks of your own proxies")
        networks.append(network)
    return tuple(networks)


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; raises FaultySettings with every fault, each naming its variable.

    A variable that names no setting changes nothing and is no reason to raise; beside other faults it is told too.
    """
    values, faults = given_values(environment)
    faults += shape_faults(values, secret_setting)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        refusals = [
            of_validation(refused, Settings.model_fields, values) for refused in error.errors(include_url=False)
        ]
        faulty = {fault.variable for fault in faults}
        faults += [fault for fault in refusals if fault.variable not in faulty]
        wrong = {fault.variable for fault in refusals}
        usable = {name: text for name, text in values.items() if variable_of(name) not in wrong}
        settings = Settings.model_validate(usable)
    faults += missing_partners(settings, {fault.variable for fault in faults})
    faults += shared_address(settings)
    if faults:
        raise FaultySettings([*faults, *unknown_settings(environment)], without(faults, values))
    return settings


def without(faults: Sequence[SettingFault], values: Mapping[str, str]) -> dict[str, str]:
    """Return the values that have no part in a fault, neither by themselves nor by what they need."""
    faulty = {fault.variable.removesuffix(FILE_SUFFIX) for fault in faults}
    lacking = {name for name, other, *_ in NEEDS if variable_of(other) in faulty}
    return {name: text for name, text in values.items() if variable_of(name) not in faulty and name not in lacking}


def given_values(environment: Mapping[str, str]) -> tuple[dict[str, str], list[SettingFault]]:
    """Return the text of each setting that is given, by itself or as a file, and what could not be read."""
    values: dict[str, str] = {}
    faults: list[SettingFault] = []
    for variable, text in environment.items():
        field = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or not text.strip():
            continue
        if field in Settings.model_fields:
            values[field] = text.strip()
            continue
        field = field.removesuffix(FILE_SUFFIX.lower())
        if not variable.endswith(FILE_SUFFIX) or field not in Settings.model_fields:
            continue
        if environment.get(variable_of(field), "").strip():
            both = f"{variable_of(field)} is set as well, and only one can count"
            faults.append(SettingFault(variable, FaultKind.BAD, text, both, "unset one of the two"))
            continue
        try:
            values[field] = Path(text).read_text(encoding="utf-8").strip()
            if not values[field]:
                raise ValueError
        except (OSError, ValueError) as error:
            why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is empty, or not text in UTF-8"
            advice = "name a text file that this account may read"
            faults.append(SettingFault(variable, FaultKind.BAD, "", f"cannot read {text}: {why}", advice))
    return values, faults


def secret_setting(name: str) -> bool:
    """Tell whether a setting's value must never be shown."""
    return is_secret(Settings.model_fields[name])


def unknown_settings(environment: Mapping[str, str]) -> list[SettingFault]:
    """Return a fault for each BOUCLE_ variable that names no setting: `boucle check` and the log show them."""
    faults = []
    for variable in sorted(environment):
        field = variable.removeprefix(PREFIX).lower()
        is_setting = field in Settings.model_fields or field.removesuffix(FILE_SUFFIX.lower()) in Settings.model_fields
        if variable.startswith(PREFIX) and not is_setting:
            problem = "no such setting, it changes nothing"
            faults.append(SettingFault(variable, FaultKind.UNKNOWN, "", problem, nearest(field)))
    return faults


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each BOUCLE_ variable that names no setting."""
    return [fault.sentence for fault in unknown_settings(environment)]


def nearest(field: str) -> str:
    """Name the setting that was likely meant, or where all of them are listed."""
    close = difflib.get_close_matches(field, Settings.model_fields, n=1)
    return f"did you mean {PREFIX}{close[0].upper()}?" if close else "see docs/settings.md for all there are"
