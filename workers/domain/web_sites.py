"""The sites that may put the question on their pages, as the operator wrote them, and the tokens that they sign.

Reads text only. The keys are secrets and stand in the settings, never in the file.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from workers.domain.places.listed import USUAL, Limit, Place, PlaceKind, limit_faults, limits_of
from workers.errors import Misconfigured
from workers.text.yaml_text import read_named

FILE = "rules/sites.yaml"
SITE_ID = re.compile(r"[a-z][a-z0-9_-]{1,39}")
LONGEST_TOKEN = 2_000
"""Characters of a visitor token; what is longer is not looked at."""
LONGEST_LIFE = 24 * 3600
"""Seconds from now that a token may still be good for: a stolen one is of no use the day after."""
LONGEST_FIELD = 200
"""Characters of the CRM's id and of the reference in a token."""
VERSION = 1
LONGEST_DELAY = 600
KEYS = ("name", "origins", "triggers", "only", "never", "delay", "share", "anonymous", "limits", "newcomers")
LIMITS = {"time": (1, 3600), "scroll": (1, 100), "views": (1, 100)}
"""The triggers that take a number: visible seconds, percent of the page, pages seen in this visit."""
SWITCHES = ("purchase", "exit", "call")
TRIGGERS = (*SWITCHES, *LIMITS, "click")
YES, NO = ("yes", "true", "on"), ("no", "false", "off")


@dataclass(frozen=True, slots=True)
class WebSite:
    """One site: who may embed the script, which moments it offers, on which pages, to what share of the customers.

    `triggers` has the number or selector of each moment; True where it needs none. `delay` is in seconds. `anonymous`
    says that visitors without a name are asked too; `limits` count their answers. `newcomers` says that a visitor who
    is signed for, and whom no event has named yet, is taken in as a customer.
    """

    id: str
    name: str
    origins: frozenset[str]
    triggers: Mapping[str, bool | int | str]
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    delay: int = 0
    share: int = 100
    anonymous: bool = False
    limits: Mapping[Limit, int] = field(default_factory=lambda: dict(USUAL))
    newcomers: bool = False

    def offers(self, trigger: str, path: str) -> bool:
        """Tell whether a moment is one of the site's, on a page where the question may stand."""
        return trigger in self.triggers and self.shows_on(path)

    def shows_on(self, path: str) -> bool:
        """Tell whether the question may stand on a page, by its path; `*` at the end of a pattern is any rest."""
        if any(matches(pattern, path) for pattern in self.never):
            return False
        return not self.only or any(matches(pattern, path) for pattern in self.only)


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path is the one that a pattern names, or begins so where the pattern ends with a star."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def read_sites(body: bytes) -> Mapping[str, WebSite]:
    """Return the sites by id; raises Misconfigured with every fault and what to write instead."""
    content = read_named(body, FILE, KEYS) or {}
    if not isinstance(content, dict):
        raise Misconfigured([f"{FILE} must begin with the id of a site, such as `shop:`, its lines indented below"])
    faults: list[str] = []
    sites = {str(id): read_site(str(id), given, faults) for id, given in content.items()}
    if faults:
        raise Misconfigured(faults)
    return sites


def read_site(id: str, given: object, faults: list[str]) -> WebSite:
    """Return one site; adds to the faults whatever cannot be read."""
    where = f"{FILE}: {id}"
    if not SITE_ID.fullmatch(id):
        faults.append(f"{where} is no id of a site: use lower case letters, digits, - and _, such as shop")
    if not isinstance(given, dict):
        faults.append(f"{where} says nothing: write origins and triggers below it, indented")
        given = {}
    unknown = [str(key) for key in given if key not in KEYS]
    faults += [f"{where} has an unknown key {key!r}: there are {', '.join(KEYS)}" for key in unknown]
    limits = given.get("limits")
    wrong = [f"{where}, {fault}" for fault in limit_faults(limits)]
    faults += wrong
    return WebSite(
        id,
        str(given.get("name") or id),
        frozenset(origins_of(given.get("origins"), where, faults)),
        triggers_of(given.get("triggers"), where, faults),
        pages_of(given.get("only"), f"{where}, only", faults),
        pages_of(given.get("never"), f"{where}, never", faults),
        number(given.get("delay", "0"), (0, LONGEST_DELAY), f"{where}, delay", faults),
        number(given.get("share", "100"), (0, 100), f"{where}, share", faults),
        is_on(given.get("anonymous", "no"), f"{where}: anonymous", faults),
        dict(USUAL) if wrong else {**USUAL, **limits_of(limits)},
        is_on(given.get("newcomers", "no"), f"{where}: newcomers", faults),
    )


def is_on(given: object, where: str, faults: list[str]) -> bool:
    """Tell whether a switch is on."""
    text = str(given).lower()
    if text not in (*YES, *NO):
        faults.append(f"{where} is yes or no, not {text[:40]!r}")
    return text in YES


def place_of_site(site: WebSite) -> Place:
    """Return where visitors of a site answer whom nobody knows; no id of the list of places has a colon."""
    return Place(f"{PlaceKind.SITE}:{site.id}", PlaceKind.SITE, site.name, limits=site.limits)


def origins_of(given: object, where: str, faults: list[str]) -> list[str]:
    """Return the origins as browsers send them: scheme, host and port, nothing behind."""
    origins = [str(origin) for origin in given] if isinstance(given, list) else []
    if not origins:
        faults.append(f"{where}: origins must be a list such as [https://www.shop.example]")
    for origin in origins:
        if not is_origin(origin):
            faults.append(f"{where}: {origin!r} is no origin: write scheme and host alone, https://www.shop.example")
    return origins


def is_origin(text: str) -> bool:
    """Tell whether a text is an origin as a browser sends it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    built = f"{parts.scheme}://{host}{f':{port}' if port else ''}"
    return parts.scheme in ("http", "https") and bool(host) and text == built and "*" not in text


def triggers_of(given: object, where: str, faults: list[str]) -> dict[str, bool | int | str]:
    """Return the moments that are switched on, each with its number or selector."""
    if not isinstance(given, dict) or not given:
        faults.append(f"{where}: triggers must name one moment at least, such as {{purchase: yes}} or {{time: 30}}")
        return {}
    triggers: dict[str, bool | int | str] = {}
    for name, value in given.items():
        text = str(value).strip()
        if name not in TRIGGERS:
            faults.append(f"{where}: there is no trigger {str(name)!r}: there are {', '.join(TRIGGERS)}")
        elif text.lower() in NO:
            continue
        elif name in LIMITS:
            triggers[name] = number(text, LIMITS[name], f"{where}, {name}", faults)
        elif name == "click":
            triggers[name] = text
            if not text:
                faults.append(f'{where}: click needs a CSS selector, such as "#feedback"')
        elif text.lower() in YES:
            triggers[name] = True
        else:
            faults.append(f"{where}: {name} is yes or no, not {text!r}")
    return triggers


def pages_of(given: object, where: str, faults: list[str]) -> tuple[str, ...]:
    """Return patterns of paths, each from its slash on."""
    if given in (None, ""):
        return ()
    patterns = tuple(str(pattern) for pattern in given) if isinstance(given, list) else ()
    if not patterns or not all(pattern.startswith("/") and "*" not in pattern[:-1] for pattern in patterns):
        faults.append(f"{where} must be a list of paths such as [/checkout/thanks, /help/*]; a star only at the end")
    return patterns


def number(given: object, within: tuple[int, int], where: str, faults: list[str]) -> int:
    """Return a whole number within its limits, both of them allowed."""
    low, high = within
    text = str(given).strip()
    if text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high:
        return int(text)
    faults.append(f"{where} must be a whole number from {low} to {high}, not {text[:40]!r}")
    return low


def parse_keys(text: str) -> dict[str, list[bytes]]:
    """Return the keys of sites or places by id of `ID:KEY,ID:KEY`, the first of each first; without both it is none."""
    keys: dict[str, list[bytes]] = {}
    for part in text.split(","):
        id, _, key = part.strip().partition(":")
        if id and key:
            keys.setdefault(id, []).append(key.encode())
    return keys


def key_faults(sites: Mapping[str, WebSite], keys: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Return what keeps sites from asking anybody: a site without a key, and a key whose site is not in the list.

    A site whose visitors answer without a name needs no key.
    """
    setting = "BOUCLE_SITE_KEYS"
    faults = [
        f"{FILE}: {id} has no key, so nobody is asked there: set {setting}={id}:KEY "
        "(`openssl rand -hex 32` prints one) and give KEY to its server"
        for id, site in sites.items()
        if not keys.get(id) and not site.anonymous
    ]
    faults += [
        f"{setting}: {id!r} is no site of {FILE}; there are: {', '.join(sites) or 'none'}"
        for id in keys
        if id not in sites
    ]
    return faults


class TokenFault(StrEnum):
    """Why a visitor token is not taken."""

    UNREADABLE = "unreadable"
    FORGED = "forged"
    FOREIGN = "foreign"
    EXPIRED = "expired"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a site says its visitor is: the CRM's id, and what the visit is about; `trigger` narrows it to one moment."""

    crm_id: str
    reference: str = ""
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class RefusedToken:
    """A token that is not taken; `crm_id` is whom it names where its signature is good."""

    fault: TokenFault
    crm_id: str = ""


def sign_visitor(key: bytes, site: str, crm_id: str, expires: int, **more: str) -> str:
    """Return a visitor token as a site's own server makes it; `more` is `ref` and `trg`."""
    fields = {"v": VERSION, "site": site, "sub": crm_id, "exp": expires, **more}
    body = b64url(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())
    return f"{body}.{signature(key, body)}"


def signature(key: bytes, body: str) -> str:
    """Return the second part of a token for its first."""
    return b64url(hmac.digest(key, body.encode(), "sha256"))


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_visitor(token: str, keys: Sequence[bytes], site: str, now: int) -> Visitor | RefusedToken:
    """Return who a token names, or why it is not taken: the signature is looked at before what it says."""
    body, dot, given = token.partition(".")
    if not dot or len(token) > LONGEST_TOKEN or not token.isascii():
        return RefusedToken(TokenFault.UNREADABLE)
    good = [hmac.compare_digest(given, signature(key, body)) for key in keys]
    if not any(good):
        return RefusedToken(TokenFault.FORGED)
    try:
        fields = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return RefusedToken(TokenFault.UNREADABLE)
    return visitor_of(fields, site, now)


def visitor_of(fields: object, site: str, now: int) -> Visitor | RefusedToken:
    """Return who the fields of a signed token name, or why they are not taken."""
    if not isinstance(fields, dict) or fields.get("v") != VERSION:
        return RefusedToken(TokenFault.UNREADABLE)
    crm_id, expires = fields.get("sub"), fields.get("exp")
    texts = [crm_id, fields.get("ref", ""), fields.get("trg", "")]
    if not crm_id or not all(is_field(text) for text in texts):
        return RefusedToken(TokenFault.UNREADABLE)
    if type(expires) is not int:
        return RefusedToken(TokenFault.UNREADABLE)
    if fields.get("site") != site:
        return RefusedToken(TokenFault.FOREIGN, str(crm_id))
    if expires <= now:
        return RefusedToken(TokenFault.EXPIRED, str(crm_id))
    if expires > now + LONGEST_LIFE:
        return RefusedToken(TokenFault.TOO_LONG, str(crm_id))
    return Visitor(*map(str, texts))


def is_field(text: object) -> bool:
    """Tell whether a value of a token is a text that can be stored: no signs that have no place in one line."""
    return isinstance(text, str) and len(text) <= LONGEST_FIELD and (not text or text.isprintable())
