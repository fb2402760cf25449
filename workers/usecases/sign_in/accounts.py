"""People: who may sign in, as what; their passwords, one-time links, and who is away.

Nothing here knows cookies or pages, and nothing counts guesses: attempts.py does.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from workers.calendar import known_zone
from workers.errors import CodedFault, UnknownUser
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in import accounts
from workers.store.sign_in.accounts import Kind, Role, Session, User
from workers.store.sign_in.audit_log import record_act
from workers.text.mail_addresses import one_address
from workers.usecases.sign_in.passwords import check_new_password, hash_password

__all__ = ["MANAGES", "Accounts", "Role", "Session", "User"]

LINK_LASTS = timedelta(hours=24)
TOKEN_BYTES = 32
LONGEST_NAME = 60
MANAGES: dict[Role, frozenset[Role]] = {
    Role.OPERATOR: frozenset(Role),
    Role.LEAD: frozenset({Role.AGENT, Role.LEAD, Role.MARKETING}),
}
"""Whom a role may add, change and remove: a lead runs the team, and makes nobody an operator or uses an operator's
link."""
Change = Callable[[Connection, User], None]


class Accounts:
    """Adds, changes and removes the people who work with Boucle.

    `by` is the name of who does an act: of a person where `as_manager` is given, else of the command line, which may
    do everything that does not leave Boucle without an operator.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._store = store
        self._now = now
        self._hasher = hasher or PasswordHasher()

    def add(self, name: str, role: Role, password: str = "", *, by: str, as_manager: bool = False) -> User:
        """Add a person; raises CodedFault when the name is taken or no name, the password weak, or `by` may not."""
        name = checked_name(name)
        hashed = self._hashed(password, name) if password else ""
        now = self._now()
        user = User(name, role, None, bool(password))

        def work(connection: Connection) -> None:
            if as_manager:
                check_may_manage(connection, by, role)
            if accounts.find_user(connection, name) is not None:
                raise CodedFault(
                    "taken", f"There is a user {name} already. `boucle users password {name}` sets a new password."
                )
            accounts.add_user(connection, user, hashed, now)
            record_act(connection, now, by, "user.add", f"user {name}", {"role": str(role)})

        self._store.write(work)
        return user

    def set_password(self, name: str, password: str, *, by: str, but: str = "") -> None:
        """Give a person a new password and end their sessions, but for the one with the token `but`.

        Raises BadInput for an unknown name or a weak password.
        """
        hashed = self._hashed(password, name)
        kept = accounts.hash_token(but) if but else ""

        def change(connection: Connection, user: User) -> None:
            accounts.change_user(connection, user.name, {"password_hash": hashed})
            accounts.end_sessions(connection, user.name, but=kept, kinds=tuple(Kind))

        self._act(name, "user.password", by, change)

    def set_role(self, name: str, role: Role, *, by: str, as_manager: bool = False) -> None:
        """Give a person another role and end their sessions; raises BadInput where that may not be."""

        def change(connection: Connection, user: User) -> None:
            if as_manager:
                check_may_manage(connection, by, role)
            if role != Role.OPERATOR:
                check_operator_left(connection, user)
            accounts.change_user(connection, user.name, {"role": role})
            accounts.end_sessions(connection, user.name)

        self._act(name, "user.role", by, change, as_manager=as_manager, detail={"role": str(role)})

    def remove(self, name: str, *, by: str, as_manager: bool = False) -> None:
        """Take a person's access away at once; what they did stays in histories and audit log."""

        def change(connection: Connection, user: User) -> None:
            check_operator_left(connection, user)
            accounts.remove_user(connection, user.name)

        self._act(name, "user.remove", by, change, as_manager=as_manager)

    def reset_second_factor(self, name: str, *, by: str, as_manager: bool = False) -> None:
        """Take a person's second factor away, because a phone is lost, and end their sessions.

        Raises CodedFault `no-second-factor` where there is none.
        """

        def change(connection: Connection, user: User) -> None:
            if not accounts.remove_second_factor(connection, user.name):
                raise CodedFault("no-second-factor", f"{user.name} has no second factor; nothing was changed.")
            accounts.end_sessions(connection, user.name)

        self._act(name, "user.second_factor_reset", by, change, as_manager=as_manager)

    def drop_second_factor(self, name: str, *, by: str) -> None:
        """Take one's own second factor away; sessions go on. Idempotent."""

        def change(connection: Connection, user: User) -> None:
            accounts.remove_second_factor(connection, user.name)

        self._act(name, "user.second_factor_off", by, change)

    def end_sessions(self, name: str, *, by: str, but: str = "", as_manager: bool = False) -> None:
        """End every session of a person, but for the one with the token `but`."""
        kept = accounts.hash_token(but) if but else ""

        def change(connection: Connection, user: User) -> None:
            accounts.end_sessions(connection, user.name, but=kept)

        self._act(name, "user.sessions_end", by, change, as_manager=as_manager)

    def _act(
        self,
        name: str,
        act: str,
        by: str,
        change: Change,
        *,
        as_manager: bool = False,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        now = self._now()

        def work(connection: Connection) -> None:
            user = require_user(accounts.find_user(connection, name), name)
            if as_manager:
                check_may_manage(connection, by, user.role, user.name)
            change(connection, user)
            record_act(connection, now, by, act, f"user {user.name}", detail)

        self._store.write(work)

    def set_away(self, name: str, until: datetime | None, *, by: str) -> None:
        """Keep that a person is away until an instant, or (None) back: new tickets pass them by meanwhile."""

        def change(connection: Connection, user: User) -> None:
            accounts.change_user(connection, user.name, {"away_until": until})

        detail = {"until": until.isoformat()} if until else {}
        self._act(name, "user.away" if until else "user.back", by, change, detail=detail)

    def set_digest(self, name: str, email: str, zone: str, *, wants: bool, by: str) -> None:
        """Keep where and when the weekly digest goes to somebody, from the next Monday on; no address: nowhere.

        Raises CodedFault `email` or `zone` for what is none.
        """
        address = one_address(email) if email.strip() else ""
        if address is None:
            raise CodedFault("email", f"{email[:80]!r} is no mail address: write one such as ana@example.com.")
        if zone and not known_zone(zone):
            raise CodedFault("zone", f"There is no time zone {zone[:64]!r}: use an IANA name such as Europe/Paris.")
        now = self._now()

        def change(connection: Connection, user: User) -> None:
            values = {"email": address or None, "zone": zone or None, "digest": wants}
            accounts.change_user(connection, user.name, {**values, "digest_at": now})

        self._act(name, "user.digest", by, change, detail={"wants": "yes" if wants else "no"})

    def reader(self, name: str) -> accounts.Reader | None:
        """Return where somebody's weekly digest goes; None for who is neither agent nor lead."""
        with self._store.reading() as connection:
            return next((line for line in accounts.everybody_who_reads(connection) if line.name == name), None)

    def everybody(self) -> list[User]:
        """Return every person, by name."""
        with self._store.reading() as connection:
            return accounts.users(connection)

    def with_second_factor(self) -> frozenset[str]:
        with self._store.reading() as connection:
            return accounts.names_with_second_factor(connection)

    def find(self, name: str) -> User | None:
        """Return a person by name, whatever its capitals: phones write the first letter large."""
        with self._store.reading() as connection:
            return accounts.find_user(connection, name)

    def _hashed(self, password: str, name: str) -> str:
        check_new_password(password, name.split())
        return hash_password(self._hasher, password)

    def login_token(self, name: str, *, by: str = "", as_manager: bool = False) -> str:
        """Return the token of a link that signs this person in once, within a day; raises BadInput if unknown.

        Who made it is audited where `by` is given: the links of a demo are made with each page.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)

        def work(connection: Connection) -> None:
            user = require_user(accounts.find_user(connection, name), name)
            if as_manager:
                check_may_manage(connection, by, user.role, user.name)
            accounts.put_token(connection, token, Kind.LINK, user.name, LINK_LASTS)
            if by:
                record_act(connection, self._now(), by, "user.link", f"user {user.name}")

        self._store.write(work)
        return token


def checked_name(name: str) -> str:
    """Return a name as it is kept; raises CodedFault `name` for one that cannot be typed or shown."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable() or ":" in cleaned:
        raise CodedFault("name", f"A user's name has 1 to {LONGEST_NAME} letters, digits or signs other than a colon.")
    return cleaned


def check_may_manage(connection: Connection, by: str, role: Role, name: str = "") -> None:
    """Raise CodedFault `not-allowed` or `oneself`; the role is read here, as it may have changed meanwhile."""
    manager = accounts.find_user(connection, by)
    if manager is None or role not in MANAGES.get(manager.role, frozenset()):
        raise CodedFault("not-allowed", f"{by} may not do this to a person who is {role}.")
    if name == manager.name:
        raise CodedFault("oneself", "Nobody changes their own role or removes themselves: ask somebody else.")


def check_operator_left(connection: Connection, user: User) -> None:
    """Raise CodedFault `last-operator` when nobody would be left who manages operators."""
    operators = [other for other in accounts.users(connection) if other.role == Role.OPERATOR]
    if user.role == Role.OPERATOR and len(operators) == 1:
        raise CodedFault(
            "last-operator",
            f"{user.name} is the last operator. Add another one first: `boucle users add NAME --role operator`.",
        )


def require_user(user: User | None, name: str) -> User:
    """Return the user; raises UnknownUser when there is none."""
    if user is None:
        raise UnknownUser("unknown", f"There is no user {name}. `boucle users list` shows them all.")
    return user
