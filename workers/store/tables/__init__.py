"""The tables: one for each class of domain/records, built from its fields, and the few that only the store knows.

Columns, indexes and unique keys stand in this folder and nowhere else, one file an aggregate; this is its door.
Nothing here runs a statement.
"""

import sqlalchemy as sa

from workers.domain import records
from workers.domain.records import Row
from workers.domain.types import NOBODY
from workers.store.tables.columns import (
    INSTANT_TEXT,
    Document,
    Instant,
    Key,
    Number,
    State,
    metadata,
    one_of,
)
from workers.store.tables.customers import asked_mailbox, customer, former_address, letter_search, stop, suppression
from workers.store.tables.delivery import dispatch, dispatch_body, mail_server, webhook_target
from workers.store.tables.followup import (
    action,
    decision,
    history,
    plan_versions,
    rule_table,
    shadow,
    ticket,
    ticket_entry,
)
from workers.store.tables.intake import consumed, dead_letter, inbox, outbox, received
from workers.store.tables.operation import (
    agent_turns,
    audit,
    clock,
    control,
    count_change,
    counter,
    outage,
    rate_count,
    role_lease,
    running_count,
    ticket_numbers,
)
from workers.store.tables.places import place_answer
from workers.store.tables.report import (
    answer_cell,
    asked_cell,
    followed_cell,
    initiative,
    report_change,
    report_note,
    response_theme,
    theme,
    told,
)
from workers.store.tables.sign_in import (
    access_count,
    api_key,
    recovery_code,
    second_factor,
    session,
    sign_in_attempt,
    user,
)
from workers.store.tables.sms import sms_dialogue, sms_message, sms_reply
from workers.store.tables.survey import (
    click,
    consent,
    journey,
    response,
    response_revision,
    survey_request,
    testimonial,
    touchpoint,
    wave,
    wave_share,
    wording,
)

__all__ = [
    "INSTANT_TEXT",
    "NOBODY",
    "WRITE_ORDER",
    "Document",
    "Instant",
    "Key",
    "Number",
    "State",
    "access_count",
    "action",
    "agent_turns",
    "answer_cell",
    "api_key",
    "asked_cell",
    "asked_mailbox",
    "audit",
    "click",
    "clock",
    "consent",
    "consumed",
    "control",
    "count_change",
    "counter",
    "customer",
    "dead_letter",
    "decision",
    "dispatch",
    "dispatch_body",
    "followed_cell",
    "former_address",
    "history",
    "identity",
    "inbox",
    "initiative",
    "journey",
    "letter_search",
    "mail_server",
    "metadata",
    "of",
    "one_of",
    "outage",
    "outbox",
    "place_answer",
    "plan_versions",
    "rate_count",
    "received",
    "recovery_code",
    "report_change",
    "report_note",
    "response",
    "response_revision",
    "response_theme",
    "role_lease",
    "rule_table",
    "running_count",
    "second_factor",
    "session",
    "shadow",
    "sign_in_attempt",
    "sms_dialogue",
    "sms_message",
    "sms_reply",
    "stop",
    "suppression",
    "survey_request",
    "testimonial",
    "theme",
    "ticket",
    "ticket_entry",
    "ticket_numbers",
    "told",
    "touchpoint",
    "user",
    "wave",
    "wave_share",
    "webhook_target",
    "wording",
]

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
    records.SmsDialogue,
    records.SmsMessage,
    records.SmsReply,
    records.PlaceAnswer,
)
"""Every writer writes tables in this order, rows sorted by key: unsorted, three writers deadlock in most batches."""


def of(row: type[Row]) -> sa.Table:
    """Return the table of a record class."""
    return metadata.tables[row.TABLE]


def identity(row: type[Row]) -> tuple[str, ...]:
    """Return the columns that tell one row of a class from another, whoever its customer is."""
    return tuple(name for name in row.KEY if name != "customer")
