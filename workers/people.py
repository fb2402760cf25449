"""People: who may sign in, as what, and for how long; passwords, sessions, one-time links, and who is away.

Passwords are kept as argon2 hashes, tokens as SHA-256 hashes. Sessions end by the database's own time, because business
time may be moved. Nothing here knows cookies or pages.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.auditlog import record_act
from workers.store.engine import Store, database_now
from workers.words import BadInput

SESSION_LASTS = timedelta(hours=12)
"""A working day: who signs in in the morning is not thrown out before the evening."""
LINK_LASTS = timedelta(hours=24)
TOKEN_BYTES = 32
LONGEST_NAME, LONGEST_PASSWORD = 60, 1024
WEAK_BELOW = 12
"""Characters under which a password is taken, but said to be short (our choice)."""
SESSION, LINK = "session", "link"


class Role(StrEnum):
    """What a person does here; each page says whom it is for."""

    AGENT = "agent"
    LEAD = "lead"
    MARKETING = "marketing"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in; without a password only by a link or an identity provider."""

    name: str
    role: Role
    away_until: datetime | None
    has_password: bool


class People:
    """Adds, checks and remembers the people who work with Boucle."""

    def __init__(self, store: Store, now: Callable[[], datetime], hasher: PasswordHasher | None = None) -> None:
        self._store = store
        self._now = now
        self._hasher = hasher or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        """Return a hash that no password has: an unknown name must cost as much time as a known one."""
        return self._hasher.hash(secrets.token_urlsafe(TOKEN_BYTES))

    def add(self, name: str, role: Role, password: str = "", *, by: str) -> User:
        """Add a person; raises BadInput when the name is taken or no name."""
        name = checked_name(name)
        hashed = self._hashed(password)
        now = self._now()

        def work(connection: Connection) -> None:
            if find(connection, name) is not None:
                raise BadInput(f"There is a user {name} already. `boucle users password {name}` sets a new password.")
            row = {"name": name, "role": role, "password_hash": hashed, "away_until": None, "created_at": now}
            connection.execute(sa.insert(tables.user).values(**row))
            record_act(connection, now, by, "user.add", f"user {name}", {"role": str(role)})

        self._store.write(work)
        return User(name, role, None, bool(password))

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """Give a person a new password and end their sessions; raises BadInput for an unknown name."""
        hashed = self._hashed(password)
        self._change(name, "user.password", by, {"password_hash": hashed})

    def set_role(self, name: str, role: Role, *, by: str) -> None:
        """Give a person another role and end their sessions; raises BadInput for an unknown name."""
        self._change(name, "user.role", by, {"role": role})

    def remove(self, name: str, *, by: str) -> None:
        """Take a person's access away at once; what they did stays in histories and audit log."""
        self._change(name, "user.remove", by, None)

    def _change(self, name: str, act: str, by: str, values: dict[str, object] | None) -> None:
        now = self._now()

        def work(connection: Connection) -> None:
            user = known(find(connection, name), name)
            this = tables.user.c.name == user.name
            if values is None:
                connection.execute(sa.delete(tables.user).where(this))
            else:
                connection.execute(sa.update(tables.user).where(this).values(**values))
            connection.execute(sa.delete(tables.session).where(tables.session.c.user == user.name))
            record_act(connection, now, by, act, f"user {user.name}")

        self._store.write(work)

    def set_away(self, name: str, until: datetime | None, *, by: str) -> None:
        """Keep that a person is away until an instant, or (None) back: new tickets pass them by meanwhile."""
        now = self._now()

        def work(connection: Connection) -> None:
            user = known(find(connection, name), name)
            connection.execute(sa.update(tables.user).where(tables.user.c.name == user.name).values(away_until=until))
            detail = {"until": until.isoformat()} if until else {}
            record_act(connection, now, by, "user.away" if until else "user.back", f"user {user.name}", detail)

        self._store.write(work)

    def everybody(self) -> list[User]:
        """Return every person, by name."""
        with self._store.reading() as connection:
            return users(connection)

    def find(self, name: str) -> User | None:
        """Return a person by name, whatever its capitals: phones write the first letter large."""
        with self._store.reading() as connection:
            return find(connection, name)

    def check(self, name: str, password: str) -> User | None:
        """Return the person whose name and password these are, else None; takes as long for an unknown name."""
        with self._store.reading() as connection:
            user = find(connection, name)
            hashed = hash_of(connection, user) if user else ""
        try:
            self._hasher.verify(hashed or self._nobody, password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        if user is not None and hashed and self._hasher.check_needs_rehash(hashed):
            self._rehash(user.name, password)
        return user if hashed else None

    def _rehash(self, name: str, password: str) -> None:
        hashed = self._hashed(password)
        statement = sa.update(tables.user).where(tables.user.c.name == name).values(password_hash=hashed)
        self._store.write(lambda connection: connection.execute(statement))

    def _hashed(self, password: str) -> str:
        if len(password) > LONGEST_PASSWORD:
            raise BadInput(f"A password has at most {LONGEST_PASSWORD} characters.")
        return self._hasher.hash(password) if password else ""

    def sign_in(self, name: str, how: str) -> str:
        """Open a session for a person who has shown who they are, and return its token; old sessions are cleared."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._now()

        def work(connection: Connection) -> None:
            put(connection, token, SESSION, name, SESSION_LASTS)
            record_act(connection, now, name, "user.sign_in", f"user {name}", {"how": how})

        self._store.write(work)
        return token

    def who(self, token: str) -> User | None:
        """Return whose session a token is, while it lasts."""
        table = tables.session
        with self._store.reading() as connection:
            here = sa.and_(table.c.hash == hash_token(token), table.c.kind == SESSION)
            row = connection.execute(sa.select(table.c.user, table.c.expires_at).where(here)).first()
            if row is None or row.expires_at <= database_now(connection):
                return None
            return find(connection, str(row.user))

    def sign_out(self, token: str) -> None:
        """End a session; a token that is none changes nothing."""
        statement = sa.delete(tables.session).where(tables.session.c.hash == hash_token(token))
        self._store.write(lambda connection: connection.execute(statement))

    def login_token(self, name: str) -> str:
        """Return the token of a link that signs this person in once, within a day; raises BadInput if unknown."""
        token = secrets.token_urlsafe(TOKEN_BYTES)

        def work(connection: Connection) -> None:
            put(connection, token, LINK, known(find(connection, name), name).name, LINK_LASTS)

        self._store.write(work)
        return token

    def use_token(self, token: str) -> User | None:
        """Return whom a one-time link signs in, and let it be the last time; None for a used, old or foreign one."""
        table = tables.session
        here = sa.and_(table.c.hash == hash_token(token), table.c.kind == LINK)

        def work(connection: Connection) -> User | None:
            taken = connection.execute(sa.delete(table).where(here).returning(table.c.user, table.c.expires_at)).first()
            if taken is None or taken.expires_at <= database_now(connection):
                return None
            return find(connection, str(taken.user))

        return self._store.write(work)


def checked_name(name: str) -> str:
    """Return a name as it is kept; raises BadInput for one that cannot be typed or shown."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable() or ":" in cleaned:
        raise BadInput(f"A user's name has 1 to {LONGEST_NAME} letters, digits or signs other than a colon.")
    return cleaned


def users(connection: Connection) -> list[User]:
    """Return every person, by name."""
    table = tables.user
    rows = connection.execute(sa.select(table).order_by(table.c.name))
    return [User(row.name, Role(row.role), row.away_until, bool(row.password_hash)) for row in rows]


def find(connection: Connection, name: str) -> User | None:
    """Return a person by name, whatever its capitals."""
    wanted = " ".join(name.split()).casefold()
    return next((one for one in users(connection) if one.name.casefold() == wanted), None)


def known(user: User | None, name: str) -> User:
    """Return the user; raises BadInput when there is none."""
    if user is None:
        raise BadInput(f"There is no user {name}. `boucle users list` shows them all.")
    return user


def hash_of(connection: Connection, user: User) -> str:
    """Return the argon2 hash of a person's password; empty without one."""
    table = tables.user
    found = connection.execute(sa.select(table.c.password_hash).where(table.c.name == user.name)).scalar()
    return str(found or "")


def hash_token(token: str) -> str:
    """Return what is kept of a token: who reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def put(connection: Connection, token: str, kind: str, name: str, lasts: timedelta) -> None:
    """Keep a new token, and clear those whose time is over."""
    table, now = tables.session, database_now(connection)
    connection.execute(sa.delete(table).where(table.c.expires_at <= now))
    row = {"hash": hash_token(token), "kind": kind, "user": name, "created_at": now, "expires_at": now + lasts}
    connection.execute(sa.insert(table).values(**row))
