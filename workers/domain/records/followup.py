"""What follows from an answer, and why: decisions, actions, tickets, history."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Json, Row
from workers.domain.types import ActionState, CustomerId, DecisionOutcome, DecisionState, TicketState


class Decision(Row, frozen=True):
    """Which rule fired for which response, with table version and inputs."""

    TABLE: ClassVar[str] = "decision"
    KEY: ClassVar[tuple[str, ...]] = ("response", "n")
    response: str
    n: int
    customer: CustomerId
    state: DecisionState
    outcome: DecisionOutcome
    rule: str
    row: int | None
    version: str
    inputs: Json
    reason: str
    at: datetime
    superseded_at: datetime | None = None


class Action(Row, frozen=True):
    """One next step that a decision (or a ticket) asked for."""

    TABLE: ClassVar[str] = "action"
    id: str
    response: str
    decision: int
    customer: CustomerId
    name: str
    template: str
    wait: str
    play: str
    due_at: datetime
    latest_at: datetime | None
    state: ActionState
    reason: str
    detail: str
    changed_at: datetime
    version: str
    ticket: str | None = None


class Ticket(Row, frozen=True):
    """A contact owed to a customer: what was said, by when to call, what was done."""

    TABLE: ClassVar[str] = "ticket"
    id: str
    number: int
    customer: CustomerId
    response: str
    trigger: str
    reference: str
    label: str
    score: int
    comment: str
    wants_contact: bool
    phone: str
    half_day: str
    language: str
    play: str
    owner: str
    team: str
    state: TicketState
    opened_at: datetime
    due_at: datetime
    resolve_due_at: datetime
    changed_at: datetime
    version: int = 1
    attempts: int = 0
    first_contact_at: datetime | None = None
    reached_at: datetime | None = None
    waiting_until: datetime | None = None
    paused_seconds: int = 0
    root_cause: str = ""
    root_cause_text: str = ""
    outcome: str = ""
    sentence: str = ""
    promised_at: datetime | None = None
    done_at: datetime | None = None
    reopened: int = 0
    escalated_at: datetime | None = None
    half_time_at: datetime | None = None
    waiting_since: datetime | None = None
    kept_at: datetime | None = None
    question: str | None = None
    """What the score is an answer to: csat or ces. None: an NPS question."""


class TicketEntry(Row, frozen=True):
    """One line of a ticket's own history; append only."""

    TABLE: ClassVar[str] = "ticket_entry"
    id: str
    ticket: str
    customer: CustomerId
    at: datetime
    kind: str
    by: str
    text: str
    source: str | None = None
    event_id: str | None = None
    version: int = 0


class Shadow(Row, frozen=True):
    """What a candidate table would have done where it disagrees with the table in use; nothing follows from it."""

    TABLE: ClassVar[str] = "shadow"
    id: str
    customer: CustomerId
    name: str
    subject: str
    version: str
    candidate: str
    rules: str
    candidate_rules: str
    outcome: str
    candidate_outcome: str
    at: datetime


class History(Row, frozen=True):
    """Why something became what it is: held, skipped, cancelled, superseded, failed, parked; append only."""

    TABLE: ClassVar[str] = "history"
    KEY: ClassVar[tuple[str, ...]] = ("customer", "id")
    customer: CustomerId
    id: str
    at: datetime
    subject: str
    subject_id: str
    state: str
    reason: str
    detail: str
