"""Themes of wishes, initiatives, who was told, and notes."""

import sqlalchemy as sa

from workers.store.tables.columns import Document, Instant, Key, Number, metadata

theme = sa.Table(
    "theme",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("impact", Number, nullable=False),
    sa.Column("cost", Number, nullable=False),
    sa.UniqueConstraint("name", name="theme_name"),
    sqlite_autoincrement=True,
)
response_theme = sa.Table(
    "response_theme",
    metadata,
    sa.Column("response", Key, primary_key=True),
    sa.Column("theme", Number, primary_key=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sa.Index("response_theme_theme", "theme"),
)
initiative = sa.Table(
    "initiative",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("theme", Number, nullable=False),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("texts", Document, nullable=False),
    sa.Column("owner", sa.Text(), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", Number, nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("done_at", Instant(), nullable=True),
    sa.Index("initiative_theme", "theme"),
    sqlite_autoincrement=True,
)
told = sa.Table(
    "told",
    metadata,
    sa.Column("initiative", Number, primary_key=True),
    sa.Column("customer", Key, primary_key=True),
    sa.Column("response", Key, nullable=False),
    sa.Column("dispatch", Key, nullable=False),
    sa.Column("at", Instant(), nullable=False),
)
report_note = sa.Table(
    "report_note",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sqlite_autoincrement=True,
)
