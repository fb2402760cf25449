"""The rows that the core reads and writes, one frozen class per table; store/tables/ has the same names in SQL.

Instants are timezone-aware UTC. `key()` is the primary key. Everything that belongs to one person carries `customer`,
our key and never the CRM's. Nothing here computes.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import ClassVar, cast

from workers.domain.types import (
    ActionState,
    CustomerId,
    DeadLetterState,
    DecisionOutcome,
    DecisionState,
    DispatchState,
    Effect,
    MailClass,
    RequestState,
    ResponseState,
    TestimonialState,
    TicketState,
    TouchpointState,
)

Json = dict[str, object]


def quick_init(kind: type) -> Callable[..., None]:
    """Return an `__init__` like the one of a frozen dataclass with slots, that sets its slots directly.

    The one it replaces calls `object.__setattr__` by name for each field, which is a twentieth of the intake.
    """
    known: dict[str, object] = {"MISSING": MISSING}
    signature, body = ["self"], ["pass"]
    for one in fields(kind):
        known[f"set_{one.name}"] = vars(kind)[one.name].__set__
        value = one.name
        if one.default_factory is not MISSING:
            known[f"new_{one.name}"] = one.default_factory
            value = f"new_{one.name}() if {one.name} is MISSING else {one.name}"
        elif one.default is not MISSING:
            known[f"default_{one.name}"] = one.default
        default = f"default_{one.name}" if one.default is not MISSING else "MISSING"
        required = one.default is MISSING and one.default_factory is MISSING
        signature.append(one.name if required else f"{one.name}={default}")
        body.append(f"set_{one.name}(self, {value})")
    source = f"def __init__({', '.join(signature)}):\n  " + "\n  ".join(body)
    exec(compile(source, f"<{kind.__name__}>", "exec"), known)
    return cast("Callable[..., None]", known["__init__"])


@dataclass(frozen=True, slots=True)
class Row:
    """A row of one table; `TABLE` names it and `KEY` its primary key."""

    TABLE: ClassVar[str] = ""
    KEY: ClassVar[tuple[str, ...]] = ("id",)

    def __init_subclass__(cls) -> None:
        """Give each class its own `key`: it is asked for some twenty times an event."""
        if "__slots__" in vars(cls):  # the finished class, not the one that dataclass() makes it from
            cls.__init__ = quick_init(cls)  # type: ignore[method-assign]  # the same signature
        values = attrgetter(*cls.KEY)
        single = len(cls.KEY) == 1
        cls.key = (lambda self: (values(self),)) if single else (lambda self: values(self))  # type: ignore[method-assign]  # the same signature

    def key(self) -> tuple[object, ...]:
        """Return the primary key's values in the order of `KEY`."""
        return tuple(getattr(self, name) for name in self.KEY)


@dataclass(frozen=True, slots=True)
class Inbox(Row):
    """One accepted event: the short memory against duplicates (30 days).

    `left_out` says what was done about fields that were wrong, by JSON pointer; it holds no value of the event.
    """

    TABLE: ClassVar[str] = "inbox"
    KEY: ClassVar[tuple[str, ...]] = ("source", "event_id")
    source: str
    event_id: str
    customer: CustomerId | None
    type: str
    digest: str
    door: str
    occurred_at: datetime
    received_at: datetime
    left_out: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter(Row):
    """An event that could not be accepted, with its bytes, place and reason.

    `body` is the beginning of a message that was over its limit; `size` and `sha256` are those of the whole, and None
    in letters of release 0.1.0, which kept every body whole. `file`, `line` and `column` are where the row of an import
    is wrong; of rows with the same bytes it is the first.
    """

    TABLE: ClassVar[str] = "dead_letter"
    id: str
    digest: str
    door: str
    topic: str | None
    partition: int | None
    offset: int | None
    headers: dict[str, str]
    body: bytes
    fault: str
    reason: str
    source: str | None
    event_id: str | None
    subject: str | None
    state: DeadLetterState
    received_at: datetime
    changed_at: datetime
    note: str = ""
    size: int | None = None
    sha256: str | None = None
    file: str | None = None
    line: int | None = None
    column: str | None = None

    @property
    def bytes_sent(self) -> int:
        """Return how many bytes the message had."""
        return len(self.body) if self.size is None else self.size

    @property
    def truncated(self) -> bool:
        """Return whether only the beginning of the message was kept."""
        return self.bytes_sent > len(self.body)


@dataclass(frozen=True, slots=True)
class Customer(Row):
    """A person as the CRM last described them; `changed_at` has the event time of each field (last writer wins)."""

    TABLE: ClassVar[str] = "customer"
    id: CustomerId
    crm_id: str | None
    created_at: datetime
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    language: str | None = None
    time_zone: str | None = None
    segment: str | None = None
    owner: str | None = None
    may_promote: bool | None = None
    changed_at: dict[str, str] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)
    rest_until: datetime | None = None
    opted_out_at: datetime | None = None
    erased_at: datetime | None = None
    merged_into: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class FormerAddress(Row):
    """A keyed hash of a mail address that a customer had, or was said to have: erasing them looks for it as well."""

    TABLE: ClassVar[str] = "former_address"
    KEY: ClassVar[tuple[str, ...]] = ("customer", "address")
    customer: CustomerId
    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suppression(Row):
    """An address that must not get mail of a kind, for ever; the address itself is not readable."""

    TABLE: ClassVar[str] = "suppression"
    KEY: ClassVar[tuple[str, ...]] = ("address", "kind")
    address: str
    kind: str
    at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class AskedMailbox(Row):
    """One question as the mailbox saw it: the rest period holds for a person, under whichever id the CRM has them.

    `mailbox` is the keyed hash of `Suppression.address`; what became of the question stands with the request.
    """

    TABLE: ClassVar[str] = "asked_mailbox"
    KEY: ClassVar[tuple[str, ...]] = ("mailbox", "request")
    mailbox: str
    request: str
    customer: CustomerId
    template: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Stop(Row):
    """A fact from a contrary event: cancels or holds what is planned, in its scope, from its instant on."""

    TABLE: ClassVar[str] = "stop"
    id: str
    customer: CustomerId
    cause: str
    effect: Effect
    scope: str
    reference: str
    from_at: datetime
    event: str


@dataclass(frozen=True, slots=True)
class Journey(Row):
    """One customer, one trigger, one reference; its steps are planned from one anchor."""

    TABLE: ClassVar[str] = "journey"
    id: str
    customer: CustomerId
    trigger: str
    reference: str
    label: str
    details: dict[str, str]
    anchor_at: datetime
    event: str
    state: str
    plan_version: str
    began: str = ""
    """The name of the event that began it, and what else of that event the plan looks at: so it can be replayed."""
    delivery_expected: bool | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Touchpoint(Row):
    """One planned moment to ask one customer."""

    TABLE: ClassVar[str] = "touchpoint"
    KEY: ClassVar[tuple[str, ...]] = ("journey", "step")
    journey: str
    step: str
    customer: CustomerId
    trigger: str
    reference: str
    rule: str
    plan_version: str
    template: str
    anchor_at: datetime
    due_at: datetime
    wake_at: datetime
    give_up_at: datetime
    if_resting: str
    reminder: str
    state: TouchpointState
    reason: str
    detail: str
    changed_at: datetime
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class SurveyRequest(Row):
    """The question as sent, on one channel, with a signed link."""

    TABLE: ClassVar[str] = "survey_request"
    id: str
    journey: str
    step: str
    customer: CustomerId
    trigger: str
    reference: str
    label: str
    details: dict[str, str]
    channel: str
    template: str
    language: str
    anchor_at: datetime
    asked_at: datetime
    closes_at: datetime
    state: RequestState
    reason: str
    changed_at: datetime
    sent_at: datetime | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Click(Row):
    """A link was opened, by a person or a machine: evidence, never an answer."""

    TABLE: ClassVar[str] = "click"
    id: str
    request: str
    customer: CustomerId
    at: datetime
    score: int | None
    method: str
    signal: str


@dataclass(frozen=True, slots=True)
class Response(Row):
    """The customer's answer as it now stands; `n` counts its revisions."""

    TABLE: ClassVar[str] = "response"
    id: str
    customer: CustomerId
    request: str | None
    source: str | None
    external_id: str | None
    trigger: str
    touchpoint: str
    reference: str
    label: str
    details: dict[str, str]
    anchor_at: datetime
    asked_at: datetime
    after_days: float
    score: int
    band: str
    comment: str
    wants_contact: bool
    phone: str
    half_day: str
    channel: str
    agent: str
    answered_at: datetime
    first_answered_at: datetime
    settling_since: datetime
    settles_at: datetime
    n: int
    state: ResponseState
    previous_band: str
    late: bool = False
    improvement: str = ""
    improvement_at: datetime | None = None
    flag: str = ""
    parent: str | None = None
    said_itself: str | None = None
    """Of a score from elsewhere, what it said itself of `reference label`; the rest is its journey's. None: ours, or of
    a release before.
    """


@dataclass(frozen=True, slots=True)
class ResponseRevision(Row):
    """One version of an answer; append only."""

    TABLE: ClassVar[str] = "response_revision"
    KEY: ClassVar[tuple[str, ...]] = ("response", "n")
    response: str
    n: int
    customer: CustomerId
    score: int
    comment: str
    wants_contact: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision(Row):
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


@dataclass(frozen=True, slots=True)
class Action(Row):
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


@dataclass(frozen=True, slots=True)
class Dispatch(Row):
    """One mail or webhook to hand over; its id is the effect key, so that nothing is handed over twice by mistake."""

    TABLE: ClassVar[str] = "dispatch"
    id: str
    customer: CustomerId | None
    kind: str
    mail_class: MailClass
    template: str
    language: str
    facts: Json
    request: str | None
    response: str | None
    action: str | None
    ticket: str | None
    state: DispatchState
    not_before: datetime
    created_at: datetime
    reason: str = ""
    detail: str = ""
    recipient: str = ""
    message_id: str = ""
    attempt: int = 0
    copies: int = 0
    lease_until: datetime | None = None
    changed_at: datetime | None = None
    accepted_at: datetime | None = None
    claims: int | None = None
    """How often it was claimed, those that were given back too: says whose it is. None: never by this release."""


@dataclass(frozen=True, slots=True)
class Ticket(Row):
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


@dataclass(frozen=True, slots=True)
class TicketEntry(Row):
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


@dataclass(frozen=True, slots=True)
class Testimonial(Row):
    """What a promoter wrote, and how far it may be published."""

    __test__ = False

    TABLE: ClassVar[str] = "testimonial"
    id: str
    customer: CustomerId
    response: str
    state: TestimonialState
    asked_at: datetime
    changed_at: datetime
    language: str
    wording: str = ""
    shown_name: str = ""
    place: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Consent(Row):
    """One consent given, refused or withdrawn, with the text it was given to; append only."""

    TABLE: ClassVar[str] = "consent"
    id: str
    testimonial: str
    customer: CustomerId
    given: bool
    scope: str
    text_version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shadow(Row):
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


@dataclass(frozen=True, slots=True)
class History(Row):
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
