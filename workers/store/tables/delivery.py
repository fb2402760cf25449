"""Mails and webhooks on their way, and how those stand who take them."""

import sqlalchemy as sa

from workers.domain import records
from workers.domain.types import NOBODY
from workers.store.tables.columns import Instant, Key, Number, metadata, table, where

dispatch = table(
    records.Dispatch,
    sa.Index("dispatch_ready", "not_before", "id", **where("state = 'ready'")),
    sa.Index("dispatch_lease", "lease_until", **where("state IN ('leased', 'sending')")),
    sa.Index("dispatch_customer", "customer"),
    sa.Index("dispatch_taken", "accepted_at", **where("accepted_at IS NOT NULL")),
)
dispatch_body = sa.Table(
    "dispatch_body",
    metadata,
    sa.Column("dispatch", Key, primary_key=True),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("return_path", sa.Text(), nullable=False),
    sa.Column("customer", Key, primary_key=True, server_default=NOBODY),
)
webhook_target = sa.Table(
    "webhook_target",
    metadata,
    sa.Column("target", sa.Text(), primary_key=True),
    sa.Column("failures", Number, nullable=False),
    sa.Column("failing_since", Instant(), nullable=True),
    sa.Column("paused_until", Instant(), nullable=True),
    sa.Column("gone_at", Instant(), nullable=True),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("changed_at", Instant(), nullable=False),
)
mail_server = sa.Table(
    "mail_server",
    metadata,
    sa.Column("server", sa.Text(), primary_key=True),
    sa.Column("failures", Number, nullable=False),
    sa.Column("failing_since", Instant(), nullable=True),
    sa.Column("probe_at", Instant(), nullable=True),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
)
