"""Addresses: the mail addresses that stand in a text, and the one form in which two spellings are the same mailbox."""

import re
from collections.abc import Iterator
from itertools import pairwise

import idna

from workers.domain.customer.traces.readings import normal
from workers.domain.types import Ids

LONGEST_LOCAL, LONGEST_DOMAIN = 128, 255  # RFC 5321 has 64 and 255; what stands before may belong to the text
LOCAL = re.compile(r"[^\s@<>()\[\]\",;:\\\x00-\x1f\x7f-\x9f\ufffd]+$")
DOMAIN = re.compile(r"[\w.\-]+")
INSIDE = re.compile(r"[='!?&|{}*#$%^`~/]")
"""Signs that a mailbox may have, and that a text more often has before one."""


def canonical_address(address: str) -> str:
    """Return the form in which two spellings of a mailbox are equal: lower case, compatibility form, domain in ASCII.

    Total: what is no address gives some text.
    """
    text = normal(address).strip().strip("<>")
    local, _, domain = text.rpartition("@")
    return f"{local.removeprefix('mailto:').casefold()}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain as it travels (RFC 5891), without the dot that may end it."""
    domain = domain.strip().strip(".-'").lower()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return domain.casefold()


def held_address(address: str, ids: Ids) -> str:
    """Return the keyed hash under which an address that somebody had is remembered."""
    return ids.keyed_hash("held address", canonical_address(address))


def addresses_in(text: str) -> Iterator[str]:
    """Give the addresses of a text in canonical form; of one that follows other signs, each way to cut it."""
    parts = text.split("@")
    for before, after in pairwise(parts):
        local = LOCAL.search(before[-LONGEST_LOCAL:])
        domain = DOMAIN.match(after[:LONGEST_DOMAIN])
        if local is None or domain is None:
            continue
        name = local[0]
        for start in (0, *(match.end() for match in INSIDE.finditer(name))):
            if name[start:]:
                yield canonical_address(f"{name[start:]}@{domain[0]}")
