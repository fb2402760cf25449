"""Statements about who may sign in: people, their sessions, one-time links, second factors, and guesses.

Everything runs in the caller's transaction. Tokens and codes are kept as hashes. Sessions, links and guesses end by
the database's own time, because business time may be moved.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import database_now

GUESSES_LOCK = 0x626F7567
"""PostgreSQL's lock that guesses are counted under ("boug"): two at once must not both be the last one allowed."""


class Role(StrEnum):
    """What a person does here; each page says whom it is for."""

    AGENT = "agent"
    LEAD = "lead"
    MARKETING = "marketing"
    OPERATOR = "operator"


class Kind(StrEnum):
    """What a token is worth: a session, one sign-in by a link, or a password that still lacks its second factor."""

    SESSION = "session"
    LINK = "link"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in; without a password only by a link or an identity provider."""

    name: str
    role: Role
    away_until: datetime | None
    has_password: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may get the weekly digest: at which address, empty for none, and at 8:00 of which zone."""

    name: str
    role: Role
    email: str
    zone: str
    """IANA zone; empty: the team's."""
    wants: bool
    digest_at: datetime | None
    """When the last digest was due that was looked at, or since when one is wanted."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which a person is signed in; `how` is `password`, `link` or `oidc`, empty for older ones."""

    hash: str
    user: str
    how: str
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What a person's one-time codes are made of, and the last time step that a code was taken for."""

    salt: str
    last_step: int


@dataclass(frozen=True, slots=True)
class Guesses:
    """Guesses of one kind since a moment: under a name from a network, from the network, under the name."""

    pair: int
    network: int
    name: int


def hash_token(token: str) -> str:
    """Return what is kept of a token: who reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def users(connection: Connection) -> list[User]:
    """Return every person, by name."""
    table = tables.user
    rows = connection.execute(sa.select(table).order_by(table.c.name))
    return [User(row.name, Role(row.role), row.away_until, bool(row.password_hash)) for row in rows]


def find_user(connection: Connection, name: str) -> User | None:
    """Return a person by name, whatever its capitals: phones write the first letter large."""
    wanted = " ".join(name.split()).casefold()
    return next((user for user in users(connection) if user.name.casefold() == wanted), None)


def everybody_who_reads(connection: Connection) -> list[Reader]:
    """Return the agents and leads, by name, whether or not they get the digest."""
    c = tables.user.c
    query = sa.select(c.name, c.role, c.email, c.zone, c.digest, c.digest_at).where(c.role.in_((Role.AGENT, Role.LEAD)))
    return [
        Reader(row.name, Role(row.role), row.email or "", row.zone or "", row.digest is not False, row.digest_at)
        for row in connection.execute(query.order_by(c.name))
    ]


def readers(connection: Connection) -> list[Reader]:
    """Return who gets the weekly digest: agents and leads with an address who did not say no."""
    return [reader for reader in everybody_who_reads(connection) if reader.email and reader.wants]


def take_digest(connection: Connection, name: str, at: datetime) -> bool:
    """Take somebody's digest that was due at an instant; False where it was taken, or a later one."""
    c = tables.user.c
    untaken = sa.or_(c.digest_at.is_(None), c.digest_at < at)
    return connection.execute(sa.update(tables.user).where(c.name == name, untaken).values(digest_at=at)).rowcount == 1


def add_user(connection: Connection, user: User, password_hash: str, at: datetime) -> None:
    """Add a person; an empty hash is one who signs in without a password."""
    row = {"name": user.name, "role": user.role, "password_hash": password_hash, "away_until": user.away_until}
    connection.execute(sa.insert(tables.user).values(**row, created_at=at))


def change_user(connection: Connection, name: str, values: Mapping[str, object]) -> None:
    """Change columns of a person."""
    connection.execute(sa.update(tables.user).where(tables.user.c.name == name).values(**values))


def remove_user(connection: Connection, name: str) -> None:
    """Delete a person with everything that lets them in."""
    remove_second_factor(connection, name)
    end_sessions(connection, name, kinds=tuple(Kind))
    connection.execute(sa.delete(tables.user).where(tables.user.c.name == name))


def password_hash_of(connection: Connection, name: str) -> str:
    """Return the hash of a person's password; empty without one."""
    stored = connection.execute(sa.select(tables.user.c.password_hash).where(tables.user.c.name == name)).scalar()
    return str(stored or "")


def put_token(
    connection: Connection,
    token: str,
    kind: Kind,
    name: str,
    lasts: timedelta,
    *,
    how: str = "",
    browser: str = "",
) -> None:
    """Keep a new token, and clear those whose time is over."""
    table, now = tables.session, database_now(connection)
    connection.execute(sa.delete(table).where(table.c.expires_at <= now))
    row = {"hash": hash_token(token), "kind": kind, "user": name, "created_at": now, "expires_at": now + lasts}
    connection.execute(sa.insert(table).values(**row, how=how, browser=browser, seen_at=now))


def session_of(connection: Connection, token: str, idle: timedelta) -> tuple[Session, datetime] | None:
    """Return the session of a token and the database's time, unless it has ended or stood idle for too long."""
    table, now = tables.session, database_now(connection)
    here = sa.and_(table.c.hash == hash_token(token), table.c.kind == Kind.SESSION)
    row = connection.execute(sa.select(table).where(here)).first()
    session = session_from(row) if row is not None else None
    return (session, now) if session is not None and lasts(session, now, idle) else None


def sessions_of(connection: Connection, name: str, idle: timedelta) -> list[Session]:
    """Return a person's sessions that still last, the one used last first."""
    table, now = tables.session, database_now(connection)
    rows = connection.execute(sa.select(table).where(table.c.user == name, table.c.kind == Kind.SESSION))
    lasting = [session for session in map(session_from, rows) if lasts(session, now, idle)]
    return sorted(lasting, key=lambda session: session.seen_at, reverse=True)


def session_from(row: sa.Row[tuple[object, ...]]) -> Session:
    """Return a row as a session; one of an older release was seen last when it began."""
    return Session(
        hash=row.hash,
        user=row.user,
        how=row.how or "",
        browser=row.browser or "",
        created_at=row.created_at,
        seen_at=row.seen_at or row.created_at,
        expires_at=row.expires_at,
    )


def lasts(session: Session, now: datetime, idle: timedelta) -> bool:
    """Tell whether a session has neither ended nor stood idle for too long; no `idle` means no such end."""
    return session.expires_at > now and (not idle or session.seen_at + idle > now)


def mark_seen(connection: Connection, hash: str) -> None:
    """Keep that a session is in use."""
    table = tables.session
    connection.execute(sa.update(table).where(table.c.hash == hash).values(seen_at=database_now(connection)))


def end_session(connection: Connection, name: str, hash: str) -> bool:
    """End one session of a person; False when there is none."""
    table = tables.session
    here = sa.and_(table.c.hash == hash, table.c.user == name, table.c.kind == Kind.SESSION)
    return connection.execute(sa.delete(table).where(here)).rowcount > 0


def end_sessions(
    connection: Connection, name: str, *, but: str = "", kinds: Collection[Kind] = (Kind.SESSION, Kind.HALF)
) -> int:
    """End a person's sessions except the one with the hash `but`; return how many."""
    table = tables.session
    here = sa.and_(table.c.user == name, table.c.hash != but, table.c.kind.in_(list(kinds)))
    return connection.execute(sa.delete(table).where(here)).rowcount


def token_owner(connection: Connection, token: str, kind: Kind) -> User | None:
    """Return whose token of a kind this is while it lasts; changes nothing."""
    table = tables.session
    here = sa.and_(table.c.hash == hash_token(token), table.c.kind == kind)
    row = connection.execute(sa.select(table.c.user, table.c.expires_at).where(here)).first()
    if row is None or row.expires_at <= database_now(connection):
        return None
    return find_user(connection, str(row.user))


def take_token(connection: Connection, token: str, kind: Kind) -> User | None:
    """Return whose token of a kind this is and delete it; of several who use it at once only one gets it."""
    owner = token_owner(connection, token, kind)
    here = sa.and_(tables.session.c.hash == hash_token(token), tables.session.c.kind == kind)
    taken = connection.execute(sa.delete(tables.session).where(here)).rowcount
    return owner if taken else None


def half_way_owner(connection: Connection, token: str) -> tuple[User, str] | None:
    """Return who must still show a second factor, and what they have shown already; changes nothing."""
    owner = token_owner(connection, token, Kind.HALF)
    how = connection.execute(sa.select(tables.session.c.how).where(tables.session.c.hash == hash_token(token))).scalar()
    return (owner, str(how or "")) if owner is not None else None


def second_factor_of(connection: Connection, name: str) -> SecondFactor | None:
    """Return a person's second factor, or None."""
    table = tables.second_factor
    row = connection.execute(sa.select(table.c.salt, table.c.last_step).where(table.c.user == name)).first()
    return SecondFactor(str(row.salt), int(row.last_step)) if row is not None else None


def names_with_second_factor(connection: Connection) -> frozenset[str]:
    return frozenset(str(name) for name in connection.execute(sa.select(tables.second_factor.c.user)).scalars())


def put_second_factor(
    connection: Connection, name: str, factor: SecondFactor, recovery_hashes: Collection[str], at: datetime
) -> None:
    """Give a person a second factor and recovery codes in place of those they had."""
    remove_second_factor(connection, name)
    row = {"user": name, "salt": factor.salt, "last_step": factor.last_step, "created_at": at}
    connection.execute(sa.insert(tables.second_factor).values(**row))
    rows = [{"hash": hash, "user": name} for hash in sorted(recovery_hashes)]
    connection.execute(sa.insert(tables.recovery_code), rows)


def remove_second_factor(connection: Connection, name: str) -> bool:
    """Take a person's second factor and recovery codes away; False when there was none."""
    connection.execute(sa.delete(tables.recovery_code).where(tables.recovery_code.c.user == name))
    gone = connection.execute(sa.delete(tables.second_factor).where(tables.second_factor.c.user == name))
    return gone.rowcount > 0


def take_step(connection: Connection, name: str, step: int) -> bool:
    """Use the code of a time step up; False when this or a later one was used before (RFC 6238, 5.2)."""
    table = tables.second_factor
    here = sa.and_(table.c.user == name, table.c.last_step < step)
    return connection.execute(sa.update(table).where(here).values(last_step=step)).rowcount > 0


def take_recovery_code(connection: Connection, name: str, hash: str) -> bool:
    """Use a recovery code up; False when there is no such code."""
    table = tables.recovery_code
    here = sa.and_(table.c.hash == hash, table.c.user == name)
    return connection.execute(sa.delete(table).where(here)).rowcount > 0


def count_recovery_codes(connection: Connection, name: str) -> int:
    """Return how many recovery codes a person has left."""
    table = tables.recovery_code
    return int(connection.execute(sa.select(sa.func.count()).where(table.c.user == name)).scalar_one())


def lock_guesses(connection: Connection) -> None:
    """Let nobody else count guesses until this transaction ends; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(GUESSES_LOCK)))


def count_guesses(connection: Connection, kind: str, name: str, network: str, lasts: timedelta) -> Guesses:
    """Count the guesses of the last `lasts`, by the database's clock; `name` and `network` are hashes."""
    table = tables.sign_in_attempt
    by_name, by_network = table.c.name == name, table.c.network == network

    def counted(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    query = sa.select(counted(sa.and_(by_name, by_network)), counted(by_network), counted(by_name))
    since = database_now(connection) - lasts
    row = connection.execute(query.where(table.c.kind == kind, table.c.at > since, by_name | by_network)).one()
    return Guesses(*map(int, row))


def put_guess(connection: Connection, kind: str, name: str, network: str, keep: timedelta) -> int:
    """Count one guess and return its id; guesses older than `keep` are cleared."""
    table, now = tables.sign_in_attempt, database_now(connection)
    connection.execute(sa.delete(table).where(table.c.at <= now - keep))
    row = {"kind": kind, "name": name, "network": network, "at": now}
    return int(connection.execute(sa.insert(table).values(**row).returning(table.c.id)).scalar_one())


def remove_guess(connection: Connection, id: int) -> None:
    """Count a guess no longer: it was right."""
    connection.execute(sa.delete(tables.sign_in_attempt).where(tables.sign_in_attempt.c.id == id))


def add_access_counts(connection: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to the counts of what was let in and refused, keyed by what and outcome, in their order."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    table = tables.access_count
    for (what, outcome), n in sorted(counts.items()):
        statement = insert(table).values(what=what, outcome=outcome, n=n)
        together = {"n": table.c.n + statement.excluded.n}
        connection.execute(statement.on_conflict_do_update(index_elements=["what", "outcome"], set_=together))


def access_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how often each thing was tried with each outcome."""
    table = tables.access_count
    rows = connection.execute(sa.select(table.c.what, table.c.outcome, table.c.n).order_by(table.c.what))
    return {(str(what), str(outcome)): int(n) for what, outcome, n in rows}
