"""Settings that work and are weak: what a stranger could use once the pages are open to more than this machine.

Each is a fault of `boucle check` and of a role's start, unless BOUCLE_HTTP_BIND is an address of this machine alone;
of the monitor's pages, unless BOUCLE_MONITOR_BIND is.
"""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from workers.settings import Settings
from workers.settings.checks import bind_of
from workers.settings.faults import FaultKind, SettingFault, shown_value, variable_of
from workers.usecases.sign_in.api_keys import keys_with_scopes

SHORTEST_KEY = 32
"""Characters of a secret or an API key: 128 bits where they are written in hexadecimal (NIST SP 800-131A)."""
SHORTEST_WEBHOOK_SECRET = 24
"""Bytes that Standard Webhooks asks for at least."""
MAKE_ONE = "`boucle keys create` prints a long one"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What beside the settings decides: `has_api_keys` of the database, `sample_values` left in the brand."""

    has_api_keys: bool
    sample_values: Sequence[str]


def is_this_machine(host: str) -> bool:
    """Tell whether a host, as name or address, can be reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_open_to_others(address: str) -> bool:
    """Tell whether what listens at HOST:PORT can be reached from another machine."""
    bind = bind_of(address)
    return bind is None or not is_this_machine(bind[0])


def weak_settings(settings: Settings, surroundings: Surroundings) -> list[SettingFault]:
    """Return every weakness of an installation whose pages others can reach; none of one that they cannot."""
    watched = [*open_monitor(settings)]
    if not is_open_to_others(settings.http_bind):
        return watched
    weaknesses = [
        *watched,
        *short_keys(settings),
        *short_webhook_secrets(settings),
        *sample_brand(settings, surroundings),
    ]
    if not settings.api_keys.get_secret_value() and not surroundings.has_api_keys:
        problem = f"there is no key for events, and {settings.http_bind} can be reached by other machines"
        weaknesses.append(weak("api_keys", "", problem, "make one with `boucle keys create`, or bind to 127.0.0.1"))
    url = urlsplit(settings.base_url)
    if url.scheme != "https" and not is_this_machine(url.hostname or ""):
        problem = "links in mails lead here, and plain HTTP shows answers and sign-ins to everybody on the way"
        advice = "set an address that begins with https:// (a proxy before Boucle does TLS)"
        weaknesses.append(weak("public_url", settings.public_url, problem, advice))
    return weaknesses


def short_keys(settings: Settings) -> Iterator[SettingFault]:
    """Give the secrets and keys of the pages that could be guessed."""
    signing = [key.strip() for key in settings.secret.get_secret_value().split(",") if key.strip()]
    sending = [key for key, _ in keys_with_scopes(settings.api_keys.get_secret_value())]
    for name, given in (("secret", signing), ("api_keys", sending)):
        for key in given:
            yield from short_key(name, key)


def short_webhook_secrets(settings: Settings) -> Iterator[SettingFault]:
    """Give the secrets of webhooks with which somebody else could sign tickets."""
    for given in settings.webhook_secret.get_secret_value().split() if settings.webhook_url else ():
        text = given.removeprefix("whsec_")
        if len(b64decode(text + "=" * (-len(text) % 4))) < SHORTEST_WEBHOOK_SECRET:
            problem = f"a secret of fewer than {SHORTEST_WEBHOOK_SECRET} bytes can be guessed"
            yield weak("webhook_secret", shown_value(given, is_secret=True), problem, f"set a longer one: {MAKE_ONE}")


def open_monitor(settings: Settings) -> Iterator[SettingFault]:
    """Give what lets others read /readyz and /metrics: an address that they reach without a token, one to guess."""
    token, name = settings.monitor_token.get_secret_value(), "monitor_bind" if settings.monitor_bind else "http_bind"
    address: str = getattr(settings, name)
    if not is_open_to_others(address):
        return
    if token:
        yield from short_key("monitor_token", token)
        return
    problem = f"others reach {variable_of(name)} ({address}), and whoever asks there for /metrics reads all counts"
    advice = f"set one ({MAKE_ONE}), or set {variable_of('monitor_bind')} to 127.0.0.1:9464"
    yield weak("monitor_token", "", problem, advice)


def short_key(name: str, key: str) -> Iterator[SettingFault]:
    """Give the fault of a key that could be guessed."""
    if len(key) < SHORTEST_KEY:
        problem = f"a key of fewer than {SHORTEST_KEY} characters can be guessed"
        yield weak(name, shown_value(key, is_secret=True), problem, f"set a longer one: {MAKE_ONE}")


def sample_brand(settings: Settings, surroundings: Surroundings) -> Iterator[SettingFault]:
    """Give the brand that is still the sample's although mails are to leave for real; on any address."""
    if settings.has_smtp and settings.sending == "on" and surroundings.sample_values:
        left = ", ".join(surroundings.sample_values)
        problem = f"no mail leaves, because templates/brand.yaml still holds the sample shop's {left}"
        yield weak("sending", "on", problem, "write your own values, or set held until you have")


def weak(name: str, value: str, problem: str, advice: str) -> SettingFault:
    return SettingFault(variable_of(name), FaultKind.WEAK, value, problem, advice)
