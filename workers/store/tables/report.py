"""Themes of wishes, initiatives, who was told, notes, and the cells that the report's counts are kept in."""

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
report_change = sa.Table(
    "report_change",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("day", Instant(), nullable=True),
    sa.Column("segment_of", Key, nullable=True),
    sa.Index("report_change_day", "day"),
)
"""Days (UTC) of asking whose cells are not right any more, or the customer whose cells changed; neither: all days."""


def words(*names: str) -> list[sa.Column[str]]:
    """Return the columns of what cells are kept by."""
    return [sa.Column(name, sa.Text(), primary_key=True) for name in names]


def numbers(*names: str) -> list[sa.Column[int]]:
    """Return the columns of counts."""
    return [sa.Column(name, Number, nullable=False) for name in names]


asked_cell = sa.Table(
    "asked_cell",
    metadata,
    sa.Column("day", Instant(), primary_key=True),
    *words("trigger", "touchpoint", "segment", "language"),
    *numbers("asked", "open", "delivered", "answered", "commented", "after_reminder"),
    *numbers("clicked", "lost", "reminded", "suspected"),
)
"""Questions by the day (UTC) of asking and what the report is made by; a day without cells has no questions."""
answer_cell = sa.Table(
    "answer_cell",
    metadata,
    sa.Column("day", Instant(), primary_key=True),
    *words("trigger", "touchpoint", "segment", "language", "channel"),
    sa.Column("score", Number, primary_key=True, autoincrement=False),
    *numbers("n", "requested", "settling", "late"),
)
"""Answers by the day (UTC) on which they were asked for."""
followed_cell = sa.Table(
    "followed_cell",
    metadata,
    *words("part"),
    sa.Column("day", Instant(), primary_key=True),
    *words("word", "more"),
    *numbers("n"),
)
"""What followed answers (causes, themes, testimonials, how far detractors came), by when they were asked for."""
