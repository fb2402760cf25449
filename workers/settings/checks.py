"""What the values of settings must look like, and which of them must stand together; found before anything starts.

Each check returns what is wrong and what to do, or None. Only the text is looked at, and files that it names: whether a
server answers is asked by `boucle check`.
"""

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from workers.errors import BadInput
from workers.settings.faults import FaultKind, SettingFault, is_secret, shown_value, variable_of

if TYPE_CHECKING:
    from workers.settings import Settings

Finding = tuple[str, str] | None
"""What is wrong, and what to do."""
LARGEST_PORT = 65535
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
SHORTEST_SITE_KEY = 16  # characters
WEBHOOK_PREFIX = "whsec_"
TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]*")
MAILBOXES = re.compile(r"[^\s@,<>]*@[^\s@,<>]+")
ADDRESS = re.compile(r"[^\s@,<>]+@[^\s@,<>]+\.[^\s@,<>]+|[^\s@,<>]+@localhost")


def split_url(text: str) -> SplitResult | None:
    """Return the parts of an address, or None where its port or host cannot be read."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def bind_of(text: str) -> tuple[str, int] | None:
    """Return host and port of HOST:PORT, the host without the brackets of IPv6; None where it is not that."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) <= LARGEST_PORT:
        return None
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare and not host.startswith("["):
        return None
    return (bare or "127.0.0.1", int(port)) if not re.search(r"[\s/@]", bare) else None


def http_bind(text: str) -> Finding:
    if bind_of(text) is None:
        return "this is not HOST:PORT", f"write for example 127.0.0.1:8080, with a port from 1 to {LARGEST_PORT}"
    return None


def database_url(text: str) -> Finding:
    advice = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"
    scheme = text.partition(":")[0].lower()
    if scheme == "sqlite":
        return None if re.match(r"sqlite:///.", text) else ("this names no file", "write sqlite:/// and then the file")
    if scheme == "postgres":
        return "the scheme is called postgresql", "write postgresql:// and then the rest"
    if scheme.partition("+")[0] != "postgresql":
        return f"{scheme or 'this'} is no database that Boucle knows", advice
    parts = split_url(text)
    if parts is None or not parts.path.strip("/"):
        return "host, port or the name of the database cannot be read", advice
    return None


def kafka_bootstrap(text: str) -> Finding:
    wrong = [broker.strip() for broker in text.split(",") if bind_of(broker.strip()) is None]
    if wrong:
        return f"{wrong[0] or 'an empty entry'} is not HOST:PORT", "write for example kafka1:9092,kafka2:9092"
    return None


def kafka_mechanism(text: str) -> Finding:
    return None if text in MECHANISMS else ("Kafka's users are not proved so", f"set one of {', '.join(MECHANISMS)}")


def kafka_ca_file(text: str) -> Finding:
    return None if Path(text).is_file() else ("there is no such file", "name the PEM file of the brokers' authority")


def topic_prefix(text: str) -> Finding:
    if TOPIC_NAME.fullmatch(text):
        return None
    return "names of topics cannot have these characters", "use letters, digits, dots, hyphens and underscores"


def smtp_url(text: str) -> Finding:
    parts = split_url(text)
    if parts is None or parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        return "this is not the address of a mail server", "write smtp://[USER:PASSWORD@]HOST:PORT or smtps://HOST"
    return None


def web_address(text: str) -> Finding:
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", text):
        return "this is not a web address", "write for example https://nps.example.com"
    return None


def public_url(text: str) -> Finding:
    parts = split_url(text)
    if parts is not None and (parts.username or parts.password):
        return "it holds a user name or a password, which every link would show", "write it without USER:PASSWORD@"
    if parts is not None and (parts.query or parts.fragment):
        return "links are made by appending to it", "write it without ? and #"
    return web_address(text)


def crm_url(text: str) -> Finding:
    if "{id}" not in text:
        return "it has no {id} in it", "write {id} where the customer's id stands: https://crm.example.com/people/{id}"
    return web_address(text)


def webhook_secret(text: str) -> Finding:
    advice = "set what `boucle keys create` prints: whsec_ and then base64"
    for secret in text.split():
        try:
            key = secret.startswith(WEBHOOK_PREFIX) and base64.b64decode(
                secret.removeprefix(WEBHOOK_PREFIX), validate=True
            )
        except binascii.Error:
            key = b""
        if not key:
            return "this is no secret of Standard Webhooks", advice
    return None


def mail_addresses(text: str) -> Finding:
    wrong = [
        address.strip() for address in text.split(",") if address.strip() and not ADDRESS.fullmatch(address.strip())
    ]
    return (f"{wrong[0]} is no mail address", "write for example ana@example.com") if wrong else None


def mailboxes(text: str) -> Finding:
    given = [entry.strip() for entry in text.split(",") if entry.strip()]
    patterns = [entry for entry in given if entry.startswith("*@")]
    if patterns:
        return f"{patterns[0]} would be the one mailbox *", f"for every address of a domain write {patterns[0][1:]}"
    wrong = [entry for entry in given if not MAILBOXES.fullmatch(entry)]
    return (
        (f"{wrong[0]} is no mail address and no @domain", "write for example office@example.com, @example.org")
        if wrong
        else None
    )


def mail_address(text: str) -> Finding:
    return mail_addresses(text) if "," not in text else ("only one address can stand here", "write one mail address")


def send_window(text: str) -> Finding:
    from workers.calendar import parse_send_window  # read by few commands, as the scopes below

    try:
        parse_send_window(text)
    except BadInput as error:
        return "this window cannot be read", str(error)
    return None


def folder(text: str) -> Finding:
    if Path(text).is_dir():
        return None
    return "this is not a folder that can be read", "create it or unset the variable"


def keys(text: str) -> Finding:
    if not all(key.strip() for key in text.split(",")):
        return "there is an empty key between the commas", "write the keys with one comma between two"
    return None


def api_keys(text: str) -> Finding:
    from workers.cloudevents.scopes import Scope

    scopes = tuple(scope.value for scope in Scope)
    for part in text.split(","):
        named = [word.strip() for word in part.rpartition(":")[2].split("+")] if ":" in part else []
        strange = [word for word in named if word not in scopes]
        close = any(difflib.get_close_matches(word, scopes) for word in strange)
        if strange and (close or len(strange) < len(named)):
            there_are = ", ".join(scopes)
            return (
                "after the colon of a key stands a scope that there is not: the whole would be one key for everything",
                f"write KEY:journey+scores; there are {there_are}",
            )
    return keys(text)


def named_keys(text: str) -> Finding:
    for part in text.split(","):
        site, colon, key = part.strip().partition(":")
        if not (site and colon and key):
            return "a key without its name stands between the commas", "write NAME:KEY, such as shop:0123456789abcdef"
        if len(key) < SHORTEST_SITE_KEY:
            return (
                f"the key of {site} is shorter than {SHORTEST_SITE_KEY} characters",
                "make one: openssl rand -hex 32",
            )
    return None


SHAPES: dict[str, Callable[[str], Finding]] = {
    "http_bind": http_bind,
    "monitor_bind": http_bind,
    "database_url": database_url,
    "kafka_bootstrap": kafka_bootstrap,
    "kafka_mechanism": kafka_mechanism,
    "kafka_ca_file": kafka_ca_file,
    "topic_prefix": topic_prefix,
    "smtp_url": smtp_url,
    "public_url": public_url,
    "crm_url": crm_url,
    "webhook_url": web_address,
    "webhook_secret": webhook_secret,
    "oidc_issuer": web_address,
    "mail_only_to": mail_addresses,
    "mail_redirect": mail_address,
    "shared_mailboxes": mailboxes,
    "agents_address": mail_address,
    "send_window": send_window,
    "overrides": folder,
    "secret": keys,
    "api_keys": api_keys,
    "site_keys": named_keys,
    "place_keys": named_keys,
}
"""What a value that was given must look like; a setting that is not here is told by its type alone."""


ONLY_WITH = {"webhook_secret": "webhook_url"}
"""Settings that are looked at only where another one is given, because nothing reads them before."""


def shape_faults(values: dict[str, str], secret: Callable[[str], bool]) -> Iterator[SettingFault]:
    """Give a fault for each value that its setting's check in SHAPES does not take."""
    for name, text in values.items():
        if ONLY_WITH.get(name, name) not in values:
            continue
        finding = SHAPES[name](text) if name in SHAPES else None
        if finding is not None:
            shown = shown_value(text, is_secret=secret(name))
            yield SettingFault(variable_of(name), FaultKind.BAD, shown, *finding)


NEEDS = (
    (
        "webhook_url",
        "webhook_secret",
        "nobody could verify a webhook without a secret",
        "`boucle keys create` makes one",
    ),
    ("kafka_user", "kafka_password", "a user proves itself by a password", "set the password of this user"),
    ("oidc_issuer", "oidc_client_id", "the provider must know who asks", "set our id at the identity provider"),
    ("oidc_client_id", "oidc_issuer", "it is an id at a provider that is not named", "set the provider's address"),
)
"""Settings that mean nothing without another one: name, what it needs, why, what to do."""


def missing_partners(settings: "Settings", faulty: set[str]) -> Iterator[SettingFault]:
    """Give the settings that lack another one; those that are faulty themselves say nothing."""
    for name, other, why, advice in NEEDS:
        reported = faulty & {variable_of(name), variable_of(other)}
        if is_given(settings, name) and not is_given(settings, other) and not reported:
            yield SettingFault(variable_of(other), FaultKind.BAD, "", f"{variable_of(name)} is set; {why}", advice)


def shared_address(settings: "Settings") -> Iterator[SettingFault]:
    """Give a fault where the monitor would listen at the address of the pages."""
    if settings.monitor_bind and settings.monitor_bind == settings.http_bind:
        name = variable_of("monitor_bind")
        problem, advice = f"{variable_of('http_bind')} listens there already", "name another port, or leave it out"
        yield SettingFault(name, FaultKind.BAD, settings.monitor_bind, problem, advice)


def is_given(settings: "Settings", name: str) -> bool:
    """Tell whether a setting is on; an empty text, false and zero are off."""
    value = getattr(settings, name)
    secret = is_secret(type(settings).model_fields[name])
    return bool(value.get_secret_value() if secret else value)
