"""Sign-ins: a password, a link or a second factor becomes a session, which ends by itself or by signing out.

Nothing here knows cookies or pages, and nothing counts guesses: attempts.py does.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

from argon2 import PasswordHasher

from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in import accounts
from workers.store.sign_in.accounts import Kind, Session, User
from workers.store.sign_in.audit_log import record_act
from workers.usecases.sign_in.passwords import LONGEST, hash_password, is_password

SESSION_LASTS = timedelta(hours=12)
"""A working day: who signs in in the morning is not thrown out before the evening."""
SESSION_IDLE = timedelta(hours=1)
"""Without a page asked for (NIST SP 800-63B-4, 2.2.3); what was being typed is kept over the next sign-in."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is kept: not every page writes."""
HALF_LASTS = timedelta(minutes=5)
"""Between the password and the code of the second factor."""
TOKEN_BYTES = 32


class SignIns:
    """Lets people in who show who they are, and knows whose session a browser has."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        hasher: PasswordHasher | None = None,
        *,
        idle: timedelta = SESSION_IDLE,
    ) -> None:
        self._store = store
        self._now = now
        self._hasher = hasher or PasswordHasher()
        self._idle = idle

    @cached_property
    def _nobody(self) -> str:
        """Return a hash that no password has: an unknown name must cost as much time as a known one."""
        return self._hasher.hash(secrets.token_urlsafe(TOKEN_BYTES))

    def check(self, name: str, password: str) -> User | None:
        """Return the person whose name and password these are, else None; takes as long for an unknown name.

        Costs 64 MiB of memory while it runs: the caller bounds how many run at once.
        """
        if len(password) > LONGEST:
            return None
        with self._store.reading() as connection:
            user = accounts.find_user(connection, name)
            hashed = accounts.password_hash_of(connection, user.name) if user else ""
        right = is_password(self._hasher, hashed or self._nobody, password)
        if user is None or not hashed or not right:
            return None
        if self._hasher.check_needs_rehash(hashed):
            better = {"password_hash": hash_password(self._hasher, password)}
            self._store.write(lambda connection: accounts.change_user(connection, user.name, better))
        return user

    def sign_in(self, name: str, how: str, browser: str = "") -> str:
        """Open a session for a person who has shown who they are, and return its token; old sessions are cleared."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._now()

        def work(connection: Connection) -> None:
            accounts.put_token(connection, token, Kind.SESSION, name, SESSION_LASTS, how=how, browser=browser)
            record_act(connection, now, name, "user.sign_in", f"user {name}", {"how": how})

        self._store.write(work)
        return token

    def who(self, token: str, *, seen: bool = True) -> User | None:
        """Return whose session a token is, while it lasts; unless `seen` is False, that counts as a use of it."""
        with self._store.reading() as connection:
            lasting = accounts.session_of(connection, token, self._idle)
            user = accounts.find_user(connection, lasting[0].user) if lasting else None
        if lasting is None or user is None:
            return None
        session, now = lasting
        if seen and now - session.seen_at >= SEEN_EVERY:
            self._store.write(lambda connection: accounts.mark_seen(connection, session.hash))
        return user

    def session(self, token: str) -> Session | None:
        """Return the session of a token; None for one that has ended, was idle for too long, or is none."""
        with self._store.reading() as connection:
            lasting = accounts.session_of(connection, token, self._idle)
            return lasting[0] if lasting else None

    def sessions(self, name: str) -> list[Session]:
        """Return a person's sessions that still last, the one used last first."""
        with self._store.reading() as connection:
            return accounts.sessions_of(connection, name, self._idle)

    def end_session(self, name: str, hash: str) -> bool:
        """End one session of a person; False when there is none."""
        return self._store.write(lambda connection: accounts.end_session(connection, name, hash))

    def sign_out(self, token: str) -> None:
        """End a session; a token that is none changes nothing."""

        def work(connection: Connection) -> None:
            lasting = accounts.session_of(connection, token, timedelta())
            if lasting is not None:
                accounts.end_session(connection, lasting[0].user, lasting[0].hash)

        self._store.write(work)

    def link_owner(self, token: str) -> User | None:
        """Return whom a one-time link would sign in; using it up is `use_token`."""
        with self._store.reading() as connection:
            return accounts.token_owner(connection, token, Kind.LINK)

    def use_token(self, token: str) -> User | None:
        """Return whom a one-time link signs in, and let it be the last time; None for a used, old or foreign one."""
        return self._store.write(lambda connection: accounts.take_token(connection, token, Kind.LINK))

    def half_way(self, name: str, how: str) -> str:
        """Return a token for somebody who has shown a password or link, and must still show the second factor."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._store.write(
            lambda connection: accounts.put_token(connection, token, Kind.HALF, name, HALF_LASTS, how=how)
        )
        return token

    def half_way_owner(self, token: str) -> tuple[User, str] | None:
        """Return who must still show the second factor, and what they have shown; the token goes on."""
        with self._store.reading() as connection:
            return accounts.half_way_owner(connection, token)

    def finish(self, token: str) -> User | None:
        """Return who has now shown both factors, and let the token be worth nothing more."""
        return self._store.write(lambda connection: accounts.take_token(connection, token, Kind.HALF))
