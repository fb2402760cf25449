"""The tables: one for each class of records.py, built from its fields, and the few that only the store knows.

Columns, indexes and unique keys stand here and nowhere else. Nothing here runs a statement.
"""

import types
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

from workers.domain import records
from workers.domain.records import Row

metadata = sa.MetaData()

INSTANT_TEXT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Fixed width, so that SQLite's text order is the order in time."""


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: refuses naive times, stores UTC (timestamptz on PostgreSQL, fixed-width text on SQLite)."""

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: only instants are stored")
        if dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).strftime(INSTANT_TEXT)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


class State(sa.types.TypeDecorator[StrEnum]):
    """One of an enumeration's words, stored as its text."""

    impl = sa.String(24)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        self.words = words
        super().__init__()

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


def one_of(column: sa.ColumnElement[Any], words: Iterable[StrEnum]) -> sa.ColumnElement[bool]:
    """Return the test whether a state is one of these, written out: a partial index answers constants only."""
    written: list[sa.ColumnElement[Any]] = [sa.literal_column(f"'{word}'") for word in words]
    return column == written[0] if len(written) == 1 else column.in_(written)


Key = sa.Uuid(as_uuid=False).with_variant(sa.String(36), "sqlite")
Document = sa.JSON().with_variant(JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KEY_COLUMNS = frozenset(
    {"id", "customer", "journey", "request", "response", "action", "ticket", "testimonial", "merged_into", "parent"}
)
"""Columns that hold one of our derived ids."""


PLAIN: dict[object, sa.types.TypeEngine[Any]] = {
    int: Number,
    bool: sa.Boolean(),
    float: sa.Float(),
    bytes: sa.LargeBinary(),
}


def column(name: str, annotation: object, primary: bool) -> sa.Column[Any]:
    """Return the column for a field: its type follows from the annotation, an id's from its name."""
    inner, nullable = annotation, False
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        inner, nullable = kinds[0], True
    inner = getattr(inner, "__supertype__", inner)
    if get_origin(inner) is dict:
        kind: sa.types.TypeEngine[Any] = Document
    elif inner is datetime:
        kind = Instant()
    elif isinstance(inner, type) and issubclass(inner, StrEnum):
        kind = State(inner)
    elif inner is str:
        kind = Key if name in KEY_COLUMNS else sa.Text()
    else:
        kind = PLAIN[inner]
    return sa.Column(name, kind, primary_key=primary, nullable=nullable, autoincrement=False)


def table(row: type[Row], *more: sa.schema.SchemaItem) -> sa.Table:
    """Return the table of a record class, with its indexes and unique keys."""
    hints = get_type_hints(row)
    columns = [column(one.name, hints[one.name], one.name in row.KEY) for one in fields(row)]
    return sa.Table(row.TABLE, metadata, *columns, *more)


def where(condition: str) -> dict[str, Any]:
    """Return a partial index's condition for both engines."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


inbox = table(records.Inbox, sa.Index("inbox_received", "received_at"), sa.Index("inbox_customer", "customer"))
dead_letter = table(records.DeadLetter, sa.Index("dead_letter_state", "state", "received_at"))
customer = table(records.Customer, sa.UniqueConstraint("crm_id", name="customer_crm_id"))
former_address = table(records.FormerAddress)
suppression = table(records.Suppression)
asked_mailbox = table(records.AskedMailbox, sa.Index("asked_mailbox_customer", "customer"))
stop = table(records.Stop, sa.Index("stop_customer", "customer"))
journey = table(records.Journey, sa.UniqueConstraint("customer", "trigger", "reference", name="journey_natural_key"))
touchpoint = table(
    records.Touchpoint,
    sa.Index("touchpoint_customer", "customer"),
    sa.Index("touchpoint_waiting", "wake_at", "state", "step", **where("state IN ('planned', 'held')")),
    sa.Index("touchpoint_held", "step", "reason", "detail", **where("state = 'held'")),
    sa.Index(
        "touchpoint_left_out", "changed_at", "step", "state", "reason", **where("state IN ('skipped', 'cancelled')")
    ),
)
survey_request = table(
    records.SurveyRequest,
    sa.UniqueConstraint("journey", "step", name="survey_request_touchpoint"),
    sa.Index("survey_request_customer", "customer"),
    sa.Index("survey_request_asked", "asked_at"),
    sa.Index("survey_request_closes", "closes_at", **where("state IN ('open', 'answered')")),
)
click = table(records.Click, sa.Index("click_request", "request"), sa.Index("click_customer", "customer"))
response = table(
    records.Response,
    sa.UniqueConstraint("source", "external_id", name="response_external"),
    sa.Index("response_request", "request", unique=True, **where("request IS NOT NULL")),
    sa.Index("response_customer", "customer"),
    sa.Index("response_settles", "settles_at", **where("state = 'settling'")),
    sa.Index("response_answered", "answered_at"),
    sa.Index("response_asked", "asked_at"),
)
response_revision = table(records.ResponseRevision, sa.Index("response_revision_customer", "customer"))
decision = table(
    records.Decision,
    sa.Index("decision_customer", "customer"),
    sa.Index("decision_current", "response", unique=True, **where("state = 'current'")),
)
action = table(
    records.Action,
    sa.Index("action_customer", "customer"),
    sa.Index("action_response", "response"),
    sa.Index("action_due", "due_at", **where("state IN ('planned', 'held')")),
)
dispatch = table(
    records.Dispatch,
    sa.Index("dispatch_ready", "not_before", "id", **where("state = 'ready'")),
    sa.Index("dispatch_lease", "lease_until", **where("state IN ('leased', 'sending')")),
    sa.Index("dispatch_customer", "customer"),
    sa.Index("dispatch_request", "request"),
    sa.Index("dispatch_accepted", "accepted_at"),
)
ticket = table(
    records.Ticket,
    sa.UniqueConstraint("number", name="ticket_number"),
    sa.Index("ticket_customer", "customer"),
    sa.Index("ticket_one_open", "customer", unique=True, **where("state <> 'done'")),
    sa.Index("ticket_due", "due_at", **where("state <> 'done'")),
)
ticket_entry = table(
    records.TicketEntry,
    sa.UniqueConstraint("source", "event_id", name="ticket_entry_event"),
    sa.Index("ticket_entry_ticket", "ticket"),
    sa.Index("ticket_entry_customer", "customer"),
)
testimonial = table(records.Testimonial, sa.Index("testimonial_customer", "customer"))
consent = table(
    records.Consent, sa.Index("consent_testimonial", "testimonial"), sa.Index("consent_customer", "customer")
)
history = table(records.History)
shadow = table(records.Shadow, sa.Index("shadow_candidate", "candidate"), sa.Index("shadow_customer", "customer"))

dispatch_body = sa.Table(
    "dispatch_body",
    metadata,
    sa.Column("dispatch", Key, primary_key=True),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("return_path", sa.Text(), nullable=False),
)
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.Text(), nullable=False),
    sa.Column("key", sa.Text(), nullable=False),
    sa.Column("value", sa.LargeBinary(), nullable=False),
    sa.Column("at", Instant()),  # by the database's own clock; none in what a release before left
    sqlite_autoincrement=True,
)
consumed = sa.Table(
    "consumed",
    metadata,
    sa.Column("cluster", sa.Text(), primary_key=True),
    sa.Column("topic_id", sa.Text(), primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("first", Number, primary_key=True),
    sa.Column("last", Number, nullable=False),
)
received = sa.Table(
    "received",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("door", sa.Text(), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("events", Number, nullable=False),
    sa.Column("accepted", Number, nullable=False),
    sa.Column("duplicates", Number, nullable=False),
    sa.Column("dead_letters", Number, nullable=False),
    sqlite_autoincrement=True,
)
rule_table = sa.Table(
    "rule_table",
    metadata,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("content", sa.Text(), nullable=False),
    sa.Column("live_from", Instant(), nullable=False),
)
wave = sa.Table(
    "wave",
    metadata,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("cursor", sa.Text(), nullable=False),
    sa.Column("done_at", Instant(), nullable=True),
)
clock = sa.Table(
    "clock", metadata, sa.Column("name", sa.Text(), primary_key=True), sa.Column("at", Instant(), nullable=False)
)
counter = sa.Table(
    "counter", metadata, sa.Column("name", sa.Text(), primary_key=True), sa.Column("value", Number, nullable=False)
)
control = sa.Table(
    "control",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
)
role_lease = sa.Table(
    "role_lease",
    metadata,
    sa.Column("role", sa.Text(), primary_key=True),
    sa.Column("holder", sa.Text(), nullable=False),
    sa.Column("until", Instant(), nullable=False),
)
rate_count = sa.Table(
    "rate_count",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("hits", Number, nullable=False),
    sa.Column("ends_at", Instant(), nullable=False),
    sa.Index("rate_count_ended", "ends_at"),
)
user = sa.Table(
    "boucle_user",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.Text(), nullable=False),
    sa.Column("away_until", Instant(), nullable=True),
    sa.Column("created_at", Instant(), nullable=False),
)
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
outage = sa.Table(
    "outage",
    metadata,
    sa.Column("part", sa.Text(), primary_key=True),
    sa.Column("seen_by", sa.Text(), primary_key=True),
    sa.Column("since", Instant(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("seen_at", Instant(), nullable=False),
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
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sa.Column("act", sa.Text(), nullable=False),
    sa.Column("subject", sa.Text(), nullable=False),
    sa.Column("detail", Document, nullable=False),
    sqlite_autoincrement=True,
)
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
report_note = sa.Table(
    "report_note",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sqlite_autoincrement=True,
)

running_count = sa.Table(
    "running_count",
    metadata,
    sa.Column("grouped", sa.Text(), primary_key=True),
    sa.Column("step", sa.Text(), primary_key=True),
    sa.Column("state", sa.Text(), primary_key=True),
    sa.Column("reason", sa.Text(), primary_key=True),
    sa.Column("n", Number, nullable=False),
)
count_change = sa.Table(
    "count_change",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("grouped", sa.Text(), nullable=False),
    sa.Column("step", sa.Text(), nullable=False),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("n", Number, nullable=False),
    sqlite_autoincrement=True,
)

WRITE_ORDER: tuple[type[Row], ...] = (
    records.Customer,
    records.Inbox,
    records.DeadLetter,
    records.FormerAddress,
    records.Suppression,
    records.AskedMailbox,
    records.Stop,
    records.Journey,
    records.Touchpoint,
    records.SurveyRequest,
    records.Click,
    records.Response,
    records.ResponseRevision,
    records.Decision,
    records.Action,
    records.Dispatch,
    records.Ticket,
    records.TicketEntry,
    records.Testimonial,
    records.Consent,
    records.History,
    records.Shadow,
)
"""Every writer writes tables in this order, rows sorted by key: unsorted, three writers deadlock in most batches."""


def of(row: type[Row]) -> sa.Table:
    """Return the table of a record class."""
    return metadata.tables[row.TABLE]
