"""Mail addresses: one out of what a field holds, the form in which it travels, and the mailbox that it names.

Two spellings of one mailbox (an international domain or its ASCII form, capitals, a dot at the end, a character that
nobody sees) are one mailbox. Pure, and total: nothing here raises on any text.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import idna

LONGEST_LOCAL, LONGEST_ADDRESS = 64, 254  # RFC 5321, 4.5.3.1; an address of 254 leaves room for its angle brackets
LONGEST_FIELD = 1_000
"""Characters of a field in which an address is looked for: a name, a link and an address fit."""
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
PLAIN = re.compile(rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@{_LABEL}(?:\.{_LABEL})*", re.ASCII | re.IGNORECASE)
"""What nearly all addresses look like; the others are asked of the validator."""
_SHOWN = re.compile(r"[^<>]*<([^<>]*)>")
_MAILTO = re.compile(r"mailto:(?://)?([^?]*)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_AT_SIGNS = str.maketrans({"\uff20": "@", "\ufe6b": "@"})
_DOTS = re.compile("[\u3002\uff0e\uff61]")  # RFC 3490, 3.1: what ends a label beside the full stop
_NOT_SENDABLE = re.compile(r"[\s<>,;:\"()\[\]\\\x00-\x20\x7f-\x9f]|=\?")
_AROUND = " ,;\"'\u2018\u2019\u201c\u201d"
"""What a list, or somebody who quoted, left around an address."""


def one_address(text: str) -> str | None:
    """Return the one address that a field holds, as it can be written to, or None: none, several, or a broken one.

    Taken off are spaces, what nobody sees, `mailto:`, angle brackets with or without a name before them, and the
    punctuation that a list left behind.
    """
    if len(text) > LONGEST_FIELD:
        return None
    if PLAIN.fullmatch(text) and _fits(text):
        return text
    bare = _bare(text)
    if PLAIN.fullmatch(bare):
        return bare if _fits(bare) else None
    local, at, domain = bare.rpartition("@")
    if not at or _NOT_SENDABLE.search(local) or "@" in local:
        return None
    from email_validator import EmailNotValidError, validate_email  # few commands meet such an address

    try:
        checked = validate_email(bare, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return None
    return f"{checked.local_part}@{domain}"


def _fits(address: str) -> bool:
    return len(address) <= LONGEST_ADDRESS and address.find("@") <= LONGEST_LOCAL


def _bare(text: str) -> str:
    """Return a field without what stands around an address."""
    bare = _seen(text).strip()
    shown = _SHOWN.fullmatch(bare.rstrip(",; "))
    if shown:
        bare = shown[1].strip()
    bare = bare.lstrip(_AROUND).rstrip(_AROUND + ".")
    link = _MAILTO.fullmatch(bare)
    if link:
        bare = unquote(link[1]).strip()
    local, at, domain = bare.rpartition("@")
    return f"{local.strip()}{at}{domain.strip().rstrip('.')}"


def _seen(text: str) -> str:
    """Return text composed (NFC), without what cannot be seen, and with the signs that stand for `@` and `.`."""
    if text.isascii():
        return text
    return _DOTS.sub(".", INVISIBLE.sub("", unicodedata.normalize("NFC", text)).translate(_AT_SIGNS))


@lru_cache(maxsize=4_096)  # a batch and the mails of a while name few addresses
def envelope_form(address: str) -> str:
    """Return an address as SMTP is given it: the domain in ASCII (IDNA 2008), in small letters, without a last dot.

    The part before `@` stays as it is. A text that is no address gives some text.
    """
    local, at, domain = (one_address(address) or _seen(address).strip()).rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain as it travels (RFC 5891); one that has no such form in small letters."""
    try:
        return ascii_form(domain)
    except (idna.IDNAError, UnicodeError):
        return domain.strip().rstrip(".").lower()


def ascii_form(domain: str) -> str:
    """Return a domain as it travels; raises idna.IDNAError for one that has no such form."""
    bare = domain.strip().rstrip(".").lower()
    return bare if bare.isascii() else idna.encode(bare, uts46=True).decode()


def mailbox(address: str) -> str:
    """Return the one text by which every spelling of a mailbox is known: its envelope form in small letters."""
    return envelope_form(address).lower()


def spellings(address: str) -> tuple[str, ...]:
    """Return the texts under which a mailbox may be remembered, the one that is used now first.

    Version 0.1.0 remembered an address as it was told, in small letters, maybe with a dot at its end.
    """
    name = mailbox(address)
    local, at, domain = name.rpartition("@")
    forms = (name, f"{local}{at}{shown_domain(domain)}", address.strip().lower())
    return tuple(dict.fromkeys([*forms, *(f"{each}." for each in forms[:2])]))


def shown_domain(domain: str) -> str:
    """Return a domain as people write it: `xn--` labels in their own script."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain
