"""Customers, their mailboxes and what stops their surveys."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import Document, Instant, Key, Number, metadata, table, where

customer = table(
    records.Customer,
    sa.UniqueConstraint("crm_id", "id", name="customer_crm_id"),
    sa.Index("customer_account", "account", **where("account IS NOT NULL")),
    sa.Index("customer_erased", "id", **where("erased_at IS NOT NULL")),
)
former_address = table(records.FormerAddress)
suppression = table(records.Suppression)
asked_mailbox = table(records.AskedMailbox, sa.Index("asked_mailbox_customer", "customer"))
stop = table(records.Stop, sa.Index("stop_customer", "customer"))
letter_search = sa.Table(
    "letter_search",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("person", Key, nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sa.Column("asked_at", Instant(), nullable=False),
    sa.Column("whom", Document, nullable=False),
    sa.Column("after", Key, nullable=True),
    sa.Column("gone", Number, nullable=False),
    sqlite_autoincrement=True,
)
"""Erased people whose dead letters are still to be looked through (letter_searches.py)."""
