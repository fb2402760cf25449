"""The second factor: one-time codes of an authenticator app (TOTP, RFC 6238), and recovery codes for a lost phone.

A person's secret is derived from the key of ids and a random salt, so that the database alone makes no codes. A code
counts once. The database's own time decides.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyotp

from workers.domain.types import Ids
from workers.store.connection import Connection
from workers.store.engine import Store, database_now
from workers.store.sign_in import accounts
from workers.store.sign_in.accounts import SecondFactor
from workers.store.sign_in.audit_log import record_act

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps before and after the present one whose code counts: phones are a little slow or fast."""
SECRET_BYTES = 20  # what HMAC-SHA-1 takes (RFC 4226, 4)
RECOVERY_CODES, RECOVERY_BYTES = 10, 10
"""How many recovery codes a person gets, each of 80 bits: a plain hash of one cannot be searched for."""
LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Offer:
    """A second factor that a person may take up: its salt, the secret to type, the address that a QR code holds."""

    salt: str
    secret: str
    url: str


class SecondFactors:
    """Offers second factors (TOTP, RFC 6238, and recovery codes), takes them on, checks and removes them."""

    def __init__(self, store: Store, now: Callable[[], datetime], ids: Ids, issuer: str) -> None:
        """`issuer` is what an app shows beside the person's name; `now` is for the audit log alone."""
        self._store = store
        self._now = now
        self._ids = ids
        self._issuer = issuer

    def offer(self, name: str, salt: str = "") -> Offer:
        """Return what a person's app needs; nothing is kept. With a salt, the same offer once more."""
        salt = salt or secrets.token_urlsafe(SECRET_BYTES)
        totp = self._totp(name, salt)
        return Offer(salt, totp.secret, totp.provisioning_uri(name=name, issuer_name=self._issuer))

    def has(self, name: str) -> bool:
        """Tell whether a person must show a second factor."""
        with self._store.reading() as connection:
            return accounts.second_factor_of(connection, name) is not None

    def left(self, name: str) -> int:
        """Return how many recovery codes a person has left."""
        with self._store.reading() as connection:
            return accounts.count_recovery_codes(connection, name)

    def enrol(self, name: str, salt: str, code: str) -> list[str] | None:
        """Take an offer up where the code proves that the app has it; return the recovery codes, to be shown once.

        None when the code is wrong. What the person had before counts no longer.
        """
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]

        def work(connection: Connection) -> list[str] | None:
            now = database_now(connection)
            step = self._step(name, salt, code, int(now.timestamp()))
            if step is None:
                return None
            hashes = [recovery_hash(name, code) for code in codes]
            accounts.put_second_factor(connection, name, SecondFactor(salt, step), hashes, now)
            record_act(connection, self._now(), name, "user.second_factor", f"user {name}")
            return codes

        return self._store.write(work)

    def take(self, name: str, code: str) -> bool:
        """Use a code of the app or a recovery code up; False for a wrong one and for one that was used before."""

        def work(connection: Connection) -> bool:
            factor = accounts.second_factor_of(connection, name)
            if factor is None or len(code) > LONGEST_CODE:
                return False
            now = database_now(connection)
            step = self._step(name, factor.salt, code, int(now.timestamp()))
            if step is not None:
                return accounts.take_step(connection, name, step)
            taken = accounts.take_recovery_code(connection, name, recovery_hash(name, code))
            if taken:
                record_act(connection, self._now(), name, "user.recovery_code", f"user {name}")
            return taken

        return self._store.write(work)

    def _totp(self, name: str, salt: str) -> pyotp.TOTP:
        key = bytes.fromhex(self._ids.keyed_hash("totp", name, salt))[:SECRET_BYTES]
        return pyotp.TOTP(base64.b32encode(key).decode(), digits=DIGITS, interval=STEP_SECONDS)

    def _step(self, name: str, salt: str, code: str, at: int) -> int | None:
        """Return the time step that a code is right for; every one is compared, in constant time."""
        given, totp, present = tidied(code).encode(), self._totp(name, salt), at // STEP_SECONDS
        steps = range(present - DRIFT, present + DRIFT + 1)
        right = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)]
        return right[-1] if right else None


def new_recovery_code() -> str:
    """Return a new recovery code: four groups of four letters and digits."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def recovery_hash(name: str, code: str) -> str:
    """Return the SHA-256 of a recovery code with its owner's name, however it is typed."""
    return hashlib.sha256(f"{name}\x1f{tidied(code)}".encode()).hexdigest()


def tidied(code: str) -> str:
    """Return a code as it counts: however it was spaced, in small letters."""
    return "".join(sign for sign in code.casefold() if sign.isalnum())
