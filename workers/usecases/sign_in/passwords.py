"""Passwords: which ones may be set, and their argon2 hashes.

The rules are those of NIST SP 800-63B-4, 3.1.1.2: a length, a list of known ones, and nothing about capitals or signs.
Every length is looked at before anything is hashed or estimated.
"""

import unicodedata
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from workers.errors import CodedFault

SHORTEST, LONGEST = 12, 1024
"""Characters. NIST asks for 15 where a password is the only factor, 8 where it is one of two; every role here may have
a second one, and guessing is slowed down."""
ESTIMATED = 72
"""Characters that the estimate looks at: its time grows faster than the length, and what follows only adds strength."""
STRONG = 3
"""The estimate's score from 0 to 4 from which a password is taken: about a hundred million guesses."""
OURS = ("boucle",)
"""Words that everybody who attacks us tries first."""


def check_new_password(password: str, words: Sequence[str] = ()) -> None:
    """Raise CodedFault `short`, `long` or `guessable`; `words` are the person's name and what else is near at hand.

    zxcvbn knows the passwords most often seen in breaches, names and words of several languages, and rows of keys.
    """
    if len(password) < SHORTEST:
        raise CodedFault("short", f"The password is too short: {SHORTEST} characters or more. Nothing was changed.")
    if len(password) > LONGEST:
        raise CodedFault("long", f"The password is too long: at most {LONGEST} characters. Nothing was changed.")
    if zxcvbn(password[:ESTIMATED], user_inputs=[*OURS, *words])["score"] < STRONG:
        raise CodedFault(
            "guessable",
            "The password is easy to guess: it is on lists of stolen passwords, or made of a name or a row of keys. "
            "Four unrelated words make a good one. Nothing was changed.",
        )


def hash_password(hasher: PasswordHasher, password: str) -> str:
    """Return the argon2 hash of a password: 64 MiB of memory for the time it takes."""
    return hasher.hash(normalised(password))


def is_password(hasher: PasswordHasher, hash: str, password: str) -> bool:
    """Tell whether a hash is this password's; costs what `hash_password` costs. One longer than may be set is none."""
    if len(password) > LONGEST:
        return False
    try:
        return hasher.verify(hash, normalised(password))
    except (VerificationError, InvalidHashError):
        return False


def normalised(password: str) -> str:
    """Return the text that is hashed: an é is the same password on every keyboard (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
