"""API keys: made, listed, revoked, and judged when somebody sends one.

A key is random and kept as its SHA-256 hash: there is nothing to guess slowly for, so no slow hash is needed. Their
times are the database's own, because business time may be moved. Nothing here knows HTTP.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers.calendar import Wait, add_wait
from workers.cloudevents.scopes import EVERYTHING, Scopes, as_text, read_scopes
from workers.errors import BadInput, NotFound
from workers.store.connection import Connection
from workers.store.engine import Store, database_now
from workers.store.sign_in import api_keys
from workers.store.sign_in.api_keys import KeyRow
from workers.store.sign_in.audit_log import record_act

KEY_BYTES = 32
LONGEST_NAME = 60
UTC_ZONE = "UTC"


class Outcome(StrEnum):
    """How a request stands with its key; the label of the metric."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a key is worth: whose it is and what it may send; where it is refused, which way and a sentence why."""

    outcome: Outcome
    name: str = ""
    scopes: Scopes = frozenset()
    why: str = ""
    key: KeyRow | None = None


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key of BOUCLE_API_KEYS, by its place there; nothing about it is kept in the database."""

    name: str
    hash: str
    scopes: Scopes


class ApiKeys:
    """Makes, lists, revokes and judges the keys of one installation."""

    def __init__(self, store: Store, given: Sequence[GivenKey] = ()) -> None:
        self._store = store
        self._given = given

    def create(self, name: str, scopes: Scopes, *, owner: str, lasts: Wait | None, by: str) -> tuple[str, KeyRow]:
        """Make a key and return it with its row: it is shown once and kept as a hash. Raises BadInput for no name."""
        name, key = checked_name(name), secrets.token_urlsafe(KEY_BYTES)

        def work(connection: Connection) -> KeyRow:
            now = database_now(connection)
            expires_at = add_wait(now, lasts, UTC_ZONE) if lasts else None
            row = KeyRow(hashed(key), name, as_text(scopes), owner.strip()[:LONGEST_NAME], now, expires_at, None, None)
            api_keys.add_key(connection, row)
            detail = {"id": row.id, "scopes": row.scopes, "expires_at": expires_at.isoformat() if expires_at else None}
            record_act(connection, now, by, "key.create", name, detail)
            return row

        return key, self._store.write(work)

    def list_all(self) -> tuple[list[KeyRow], datetime]:
        """Return every key of the database, oldest first, and the instant at which that holds."""
        with self._store.reading() as connection:
            return api_keys.list_keys(connection), database_now(connection)

    def revoke(self, name: str, *, by: str) -> list[KeyRow]:
        """Revoke every key with a name, or the one with an id, at once; return those that were not revoked before.

        Raises NotFound where there is none.
        """

        def work(connection: Connection) -> list[KeyRow]:
            now = database_now(connection)
            keys = [row for row in api_keys.list_keys(connection) if name in (row.name, row.id)]
            if not keys:
                raise NotFound(f"There is no key {name}: `boucle keys list` shows names and ids.{self._hint(name)}")
            live = [row for row in keys if row.revoked_at is None]
            for row in live:
                api_keys.revoke_key(connection, row.hash, now)
                record_act(connection, now, by, "key.revoke", row.name, {"id": row.id})
            return live

        return self._store.write(work)

    def _hint(self, name: str) -> str:
        given = any(name in (key.name, key.hash[:8]) for key in self._given)
        return " This one stands in BOUCLE_API_KEYS: take it out there." if given else ""

    def any(self) -> bool:
        """Tell whether there is a key at all, also one that opens nothing any more: then nobody sends without one."""
        with self._store.reading() as connection:
            return bool(self._given or api_keys.list_keys(connection))

    def judge(self, key: str) -> Judged:
        """Say what a sent key is worth. Every known key is compared, in constant time, whichever matches."""
        sent = hashed(key)
        with self._store.reading() as connection:
            rows, now = api_keys.list_keys(connection), database_now(connection)
        given = [key_given for key_given in self._given if hmac.compare_digest(sent, key_given.hash)]
        stored = [row for row in rows if hmac.compare_digest(sent, row.hash)]
        if given:
            return Judged(Outcome.ALLOWED, given[0].name, given[0].scopes)
        return judge_row(stored[0], now) if stored else Judged(Outcome.UNKNOWN, why="This key is not known here.")


def judge_row(row: KeyRow, now: datetime) -> Judged:
    """Say what a known key is worth at an instant."""
    state = state_of(row, now)
    if state == Outcome.REVOKED and row.revoked_at:
        why = f"This key ({row.name}) was revoked on {row.revoked_at:%Y-%m-%d}. Ask whoever runs Boucle for another."
        return Judged(Outcome.REVOKED, row.name, why=why, key=row)
    if state == Outcome.EXPIRED and row.expires_at:
        why = (
            f"This key ({row.name}) ended on {row.expires_at:%Y-%m-%d %H:%M} UTC. "
            "Ask whoever runs Boucle for a new one: `boucle keys create NAME`."
        )
        return Judged(Outcome.EXPIRED, row.name, why=why, key=row)
    try:
        scopes = read_scopes(row.scopes.split())
    except BadInput:  # written by a newer release
        scopes = frozenset()
    if not scopes:
        return Judged(Outcome.UNKNOWN, row.name, why=f"This key ({row.name}) may send nothing here.", key=row)
    return Judged(Outcome.ALLOWED, row.name, scopes, key=row)


def state_of(row: KeyRow, now: datetime) -> Outcome:
    """Return whether a key is revoked, expired, or else allowed."""
    if row.revoked_at is not None:
        return Outcome.REVOKED
    return Outcome.EXPIRED if row.expires_at is not None and row.expires_at <= now else Outcome.ALLOWED


def read_given(text: str) -> list[GivenKey]:
    """Return the keys of BOUCLE_API_KEYS: `KEY`, which may send everything, or `KEY:journey+scores`.

    What follows the last colon is taken for scopes only where every word is one, because a key may hold a colon.
    """
    return [
        GivenKey(f"BOUCLE_API_KEYS {place}", hashed(key), scopes)
        for place, (key, scopes) in enumerate(keys_with_scopes(text), start=1)
    ]


def keys_with_scopes(text: str) -> Iterator[tuple[str, Scopes]]:
    """Give each key of BOUCLE_API_KEYS with its scopes; `KEY:SCOPE+SCOPE`, and everything for a key that names none."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, _, names = part.rpartition(":")
        try:
            scopes = read_scopes(names.split("+"))
        except BadInput:
            key, scopes = part, EVERYTHING
        yield (key, scopes) if key else (part, EVERYTHING)


def hashed(key: str) -> str:
    """Return the SHA-256 of a key, in hex: it is random and long, so that it needs no salt and no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def checked_name(name: str) -> str:
    """Return a name fit for lists and logs; raises BadInput for one that is empty, long or cannot be shown."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"A key's name has 1 to {LONGEST_NAME} characters that can be shown: say what the key is for.")
    return name
