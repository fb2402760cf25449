"""What follows from a response: decisions by the rule tables, actions, tickets; and the history of it all."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import Instant, Number, metadata, table, where

rule_table = sa.Table(
    "rule_table",
    metadata,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("content", sa.Text(), nullable=False),
    sa.Column("live_from", Instant(), nullable=False),
)
plan_versions = sa.Table(
    "plan_versions",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), unique=True, nullable=False),
)
"""Short names of the journey plan's versions: each of many millions of rows bears the one that planned it."""
decision = table(
    records.Decision,
    sa.Index("decision_customer", "customer"),
    sa.Index("decision_current", "response", "customer", unique=True, **where("state = 'current'")),
)
shadow = table(records.Shadow, sa.Index("shadow_candidate", "candidate"), sa.Index("shadow_customer", "customer"))
action = table(
    records.Action,
    sa.Index("action_customer", "customer"),
    sa.Index("action_response", "response"),
    sa.Index("action_due", "due_at", **where("state IN ('planned', 'held')")),
    sa.Index("action_ticket", "ticket", "response", **where("ticket IS NOT NULL")),
)
ticket = table(
    records.Ticket,
    sa.UniqueConstraint("number", "customer", name="ticket_number"),
    sa.Index("ticket_customer", "customer"),
    sa.Index("ticket_response", "response"),
    sa.Index("ticket_one_open", "customer", unique=True, **where("state <> 'done'")),
    sa.Index("ticket_due", "due_at", **where("state <> 'done'")),
)
ticket_entry = table(
    records.TicketEntry,
    sa.UniqueConstraint("source", "event_id", "customer", name="ticket_entry_event"),
    sa.Index("ticket_entry_ticket", "ticket"),
    sa.Index("ticket_entry_customer", "customer"),
)
history = table(records.History)
