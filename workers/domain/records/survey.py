"""What is asked and answered: journeys, touchpoints, questions, responses, testimonials."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Json, Row
from workers.domain.types import CustomerId, RequestState, ResponseState, TestimonialState, TouchpointState


class Journey(Row, frozen=True):
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
    """The number under which the store keeps the plan's version; the version itself where it has none."""
    began: str = ""
    """The name of the event that began it, and what else of that event the plan looks at: so it can be replayed."""
    delivery_expected: bool | None = None
    months: int | None = None


class Touchpoint(Row, frozen=True):
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
    """As a journey has it."""
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
    inputs: Json | None = None
    """What the plan asked about the customer when it was asked or skipped; None where it asks nothing of that kind."""


class SurveyRequest(Row, frozen=True):
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
    wording: str | None = None
    """The id of the wording that it asks in. None: asked by a release that kept none, in the first of its language."""
    question: str | None = None
    """What it measures: csat or ces. None: an NPS question, as all of the releases before."""


class Click(Row, frozen=True):
    """A link was opened, by a person or a machine: evidence, never an answer."""

    TABLE: ClassVar[str] = "click"
    id: str
    request: str
    customer: CustomerId
    at: datetime
    score: int | None
    method: str
    signal: str


class Response(Row, frozen=True):
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
    drivers: str | None = None
    """Codes of rules/drivers.yaml that were chosen, sorted, with a space between; None or empty: none."""
    competitor: str | None = None
    """What a passive wrote of another company: which one, and what it does better."""
    place: str | None = None
    """The place of rules/places.yaml at which it was given; reports count these apart."""
    question: str | None = None
    """What its question measures, as the request has it; such a score has no band."""


class ResponseRevision(Row, frozen=True):
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
    drivers: str | None = None


class Testimonial(Row, frozen=True):
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


class Consent(Row, frozen=True):
    """One consent given, refused or withdrawn, with the text it was given to; append only."""

    TABLE: ClassVar[str] = "consent"
    id: str
    testimonial: str
    customer: CustomerId
    given: bool
    scope: str
    text_version: str
    at: datetime
