"""What belongs to a customer and to no journey: the profile, addresses, and what speaks against asking."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Row
from workers.domain.types import CustomerId, Effect
from workers.structs import field


class Customer(Row, frozen=True):
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
    attributes: dict[str, str | int | float | bool] | None = None
    """What rules/attributes.yaml declares; the event time of each stands in `changed_at` as `attributes.NAME`."""
    country: str | None = None
    """Where the customer lives (ISO 3166 alpha-2): the law there says what a survey needs."""
    survey_notice_given: bool | None = None
    """Whether they were told of their right to object; who told us so stands in `changed_at` as `NAME.from`."""
    survey_consent: bool | None = None
    """Whether they agreed to be asked; False: they took it back."""
    anonymous: bool | None = None
    """Whether somebody without a name answered at a place; their id is ours, and no CRM knows them."""
    account: str | None = None
    """The company that they answer for, as a key: the attribute `account` without its capitals (`account_of`)."""


class FormerAddress(Row, frozen=True):
    """A keyed hash of a mail address that a customer had, or was said to have: erasing them looks for it as well."""

    TABLE: ClassVar[str] = "former_address"
    KEY: ClassVar[tuple[str, ...]] = ("customer", "address")
    customer: CustomerId
    address: str
    at: datetime


class Suppression(Row, frozen=True):
    """An address that must not get mail of a kind, for ever; the address itself is not readable."""

    TABLE: ClassVar[str] = "suppression"
    KEY: ClassVar[tuple[str, ...]] = ("address", "kind")
    address: str
    kind: str
    at: datetime
    detail: str


class AskedMailbox(Row, frozen=True):
    """One question as the mailbox saw it: the rest period holds for a person, under whichever id the CRM has them.

    `mailbox` begins as the hash of `Suppression.address` does; what became of the question stands with the request.
    """

    TABLE: ClassVar[str] = "asked_mailbox"
    KEY: ClassVar[tuple[str, ...]] = ("mailbox", "request")
    mailbox: str
    request: str
    customer: CustomerId
    template: str
    asked_at: datetime


class Stop(Row, frozen=True):
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
