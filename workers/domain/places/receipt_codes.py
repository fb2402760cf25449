"""Codes on receipts: a till prints one for each purchase, and whoever holds it answers once, without a name.

A code is the purchase's reference, a hyphen and the first signs of a keyed hash, all of which are typed easily. A till
signs by itself with the key of its place: it needs no line to Boucle.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence

from workers.domain.places.listed import FILE, Place, PlaceKind

REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9._/-]{0,39}")
SIGNED = 12
"""Signs of base32 that sign a code: 60 bits, of which a guesser at a limited door finds none."""
LONGEST_CODE = 80
"""Signs of a code as it is typed, spaces and all; longer ones are not looked at."""
MISREAD = str.maketrans("0189", "OIBG")
"""Digits that base32 has not, and the letters that they are taken for."""
SETTING = "BOUCLE_PLACE_KEYS"


def receipt_code(key: bytes, place: str, reference: str) -> str:
    """Return the code of a purchase at a place. Raises ValueError for a reference that no code can carry."""
    reference = reference.upper()
    if not REFERENCE.fullmatch(reference):
        raise ValueError("a reference has up to 40 letters, digits, and . _ / -, and begins with a letter or digit")
    return f"{reference}-{signature(key, place, reference)}"


def signature(key: bytes, place: str, reference: str) -> str:
    """Return the signs that sign a reference: HMAC-SHA256 of PLACE:REFERENCE in base32, its beginning."""
    return base64.b32encode(hmac.digest(key, f"{place}:{reference}".encode(), "sha256"))[:SIGNED].decode()


def read_receipt(code: str, keys: Sequence[bytes], place: str) -> str | None:
    """Return the reference that a code carries, None for one that no key of the place has signed.

    Spaces, small letters and digits that stand for a letter are read as they were meant.
    """
    if len(code) > LONGEST_CODE or not code.isascii():
        return None
    reference, _, signed = "".join(code.split()).upper().rpartition("-")
    if not REFERENCE.fullmatch(reference):
        return None
    meant = signed.translate(MISREAD)
    good = [hmac.compare_digest(meant, signature(key, place, reference)) for key in keys]
    return reference if any(good) else None


def key_faults(places: Mapping[str, Place], keys: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Return what keeps receipts from being answered: a place without a key, and a key of no such place."""
    receipts = [id for id, place in places.items() if place.kind is PlaceKind.RECEIPT]
    faults = [
        f"{FILE}: {id} has no key, so no receipt is taken there: set {SETTING}={id}:KEY "
        "(`openssl rand -hex 32` prints one) and give KEY to what prints the receipts"
        for id in receipts
        if not keys.get(id)
    ]
    faults += [
        f"{SETTING}: {id!r} is no place of the kind receipt in {FILE}; there are: {', '.join(receipts) or 'none'}"
        for id in keys
        if id not in receipts
    ]
    return faults
