"""Users, their sessions and second factors, and the keys of the API."""

import sqlalchemy as sa

from workers.store.tables.columns import Instant, Number, metadata

user = sa.Table(
    "boucle_user",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.Text(), nullable=False),
    sa.Column("away_until", Instant(), nullable=True),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("email", sa.Text(), nullable=True),
    sa.Column("zone", sa.String(64), nullable=True),
    sa.Column("digest", sa.Boolean(), nullable=True),
    sa.Column("digest_at", Instant(), nullable=True),
)
"""`email` is where the weekly digest goes, at 8:00 of `zone`; `digest` false: not wanted; `digest_at`: the last one due
that was looked at."""
session = sa.Table(
    "session",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("user", sa.Text(), nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("expires_at", Instant(), nullable=False),
    sa.Column("how", sa.String(16), nullable=True),
    sa.Column("browser", sa.Text(), nullable=True),
    sa.Column("seen_at", Instant(), nullable=True),
    sa.Index("session_user", "user"),
)
sign_in_attempt = sa.Table(
    "sign_in_attempt",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("network", sa.String(64), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Index("sign_in_attempt_at", "at"),
    sqlite_autoincrement=True,
)
second_factor = sa.Table(
    "second_factor",
    metadata,
    sa.Column("user", sa.Text(), primary_key=True),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("last_step", Number, nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
)
recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("user", sa.Text(), nullable=False),
    sa.Index("recovery_code_user", "user"),
)
access_count = sa.Table(
    "access_count",
    metadata,
    sa.Column("what", sa.String(16), primary_key=True),
    sa.Column("outcome", sa.String(24), primary_key=True),
    sa.Column("n", Number, nullable=False),
)
api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("scope", sa.String(16), nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("scopes", sa.Text(), nullable=True),
    sa.Column("owner", sa.Text(), nullable=True),
    sa.Column("expires_at", Instant(), nullable=True),
    sa.Column("revoked_at", Instant(), nullable=True),
    sa.Column("last_used_at", Instant(), nullable=True),
)
"""`scopes` is what a key may send; `scope` is what a role of 0.1.0 reads instead, which knows nothing narrower."""
