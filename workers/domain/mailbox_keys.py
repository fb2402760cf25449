"""The keyed hash of a mailbox: under what name it is suppressed and its askings are remembered, without its address.

However an address is spelt, its mailbox has one key that is used now; what earlier releases hashed is looked up too.
"""

from functools import lru_cache

from workers.domain.types import Ids
from workers.text.mail_addresses import mailbox, spellings

ASKED_DIGITS = 20


@lru_cache(maxsize=4_096)  # as many as mail_addresses.py keeps: one transaction asks for each several times
def address_key(email: str, ids: Ids) -> str:
    """Return the keyed hash under which a mailbox is suppressed, whichever way its address is spelt."""
    return ids.keyed_hash("address", mailbox(email))


def address_keys(email: str, ids: Ids) -> list[str]:
    """Return every keyed hash under which a mailbox may be suppressed, the one that is used now first."""
    others = spellings(email)[1:]
    return [address_key(email, ids), *(ids.keyed_hash("address", each) for each in others)]


def asked_key(email: str, ids: Ids) -> str:
    """Return under what a mailbox's askings are remembered: as much of its keyed hash as tells ten million apart.

    By 80 bits two of them are one with a chance of one in 10^10, and would share a rest period.
    """
    return address_key(email, ids)[:ASKED_DIGITS]


def number_key(number: str, ids: Ids) -> str:
    """Return the keyed hash of a telephone number in E.164: under it a dialogue is found, and STOP is kept."""
    return ids.keyed_hash("number", number)
