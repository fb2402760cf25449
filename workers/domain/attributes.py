"""Attributes: what the CRM may say of a customer beyond the profile, as the operator declared it in a file.

Only what is declared is kept, of its type and of its values: a type guessed from the first value, a renamed value or
somebody's health in a free text would steer a table unseen. What is refused costs only itself, never its event.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from workers.cloudevents import Event, LeftOut
from workers.cloudevents.events import CustomerData
from workers.cloudevents.pointers import pointer
from workers.cloudevents.reader import describe
from workers.decision_table.files.definition import parse_domain
from workers.decision_table.model.spans import WHOLE, Spans, everything_of, within
from workers.decision_table.model.table import Column
from workers.decision_table.model.values import Kind, iso_months, parse_months, parse_number, position_of
from workers.domain.records import Customer
from workers.domain.types import ACCOUNT
from workers.errors import BadInput
from workers.structs import replace
from workers.text.plain_text import for_store

FILE = "rules/attributes.yaml"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST = 50
"""Attributes that may be declared; an event brings no more either (schemas/parts.json)."""
MOST_VALUES = 200
LONGEST_VALUE = 200
LARGEST = 10**15
"""Numbers beyond it are not exact in JSON."""
MOST_MONTHS = 1200
"""A hundred years: what is longer is a number of something else."""
NOTED_NAME = 60
RESERVED = frozenset(
    {"trigger", "after", "score", "comment", "wants_contact", "event", "first", "delivery_expected", "months", "on"}
    | {"email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote", "id"}
    | {"country", "survey_notice_given", "survey_consent"}
    | {"customer_since", "orders", "last_band", "in_onboarding", "loyal", "used_new_feature", "otherwise"}
    | {"tenure", "phase", "since_answer", "question"}
)
"""Names that mean something already in a table or a profile."""
KEYS = ("type", "values", "domain", "may be unknown", "if missing", "personal", "keep")
ACCOUNT_KEYS = (*KEYS, "silent after", "value")
LONGEST_ACCOUNT = 120
SILENT_DAYS = 90
"""Days without an event after which an account that did not answer either counts as silent, if nothing else is said."""
DAYS = re.compile(r"P([1-9][0-9]{0,3})D")
TRUTH = {"yes": True, "true": True, "no": False, "false": False}

Scalar = str | int | float | bool


class AttributeKind(StrEnum):
    """What the values of an attribute are."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    MONTHS = "months"


COLUMN_KINDS = {
    AttributeKind.TEXT: Kind.TEXT,
    AttributeKind.INTEGER: Kind.INTEGER,
    AttributeKind.NUMBER: Kind.NUMBER,
    AttributeKind.DATE: Kind.DATE,
    AttributeKind.BOOLEAN: Kind.BOOLEAN,
    AttributeKind.MONTHS: Kind.MONTHS,
}
"""What a table calls each kind."""
BANDED = (AttributeKind.INTEGER, AttributeKind.NUMBER, AttributeKind.DATE, AttributeKind.MONTHS)
"""What may have a domain: kinds whose values stand before and after each other."""
EXPECTED = {
    AttributeKind.INTEGER: "a whole number, such as 12",
    AttributeKind.NUMBER: "a number with a point, such as 12.5",
    AttributeKind.DATE: "a day as 2026-03-31",
    AttributeKind.BOOLEAN: "true or false",
    AttributeKind.MONTHS: "years and months as P1Y6M, or a whole number of months",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One declared attribute; `if_missing` counts where nothing is known and `may_be_unknown` is off."""

    name: str
    kind: AttributeKind
    values: tuple[str, ...] = ()
    may_be_unknown: bool = True
    if_missing: Scalar | None = None
    personal: bool = True
    domain: str = ""
    """The band in which a number or a day must lie, as it is written; empty for any."""
    silent_after: int = SILENT_DAYS
    """Of the account: days without an event after which it may be silent."""
    keep_days: int = 0
    """Days after which what was told counts no more, and is deleted; 0: kept as long as its customer."""
    worth: str = ""
    """Of the account: the attribute that says what it is worth, such as a year's revenue; empty for none."""

    @property
    def is_name(self) -> bool:
        """Tell whether any name will do: of the account, unless its values are listed."""
        return self.name == ACCOUNT and not self.values

    @property
    def expected(self) -> str:
        """What a value must be, to continue the word Expected."""
        if self.is_name:
            return f"the name of a company, at most {LONGEST_ACCOUNT} signs"
        if self.kind not in EXPECTED:
            return f"one of {', '.join(self.values)}"
        return f"{EXPECTED[self.kind]}, in {self.domain}" if self.domain else EXPECTED[self.kind]

    @property
    def spans(self) -> Spans:
        """What lies in its domain; everything of its kind where it has none. Raises BadInput for no band."""
        kind = COLUMN_KINDS[self.kind]
        column = Column(self.name, kind, spans=everything_of(kind))
        return parse_domain(column, self.domain) if self.domain else column.spans

    @property
    def column(self) -> Column:
        """The column that a table has for it."""
        kind = COLUMN_KINDS[self.kind]
        values = ("true", "false") if kind is Kind.BOOLEAN else self.values
        spans = self.spans if self.kind in BANDED else WHOLE
        return Column(self.name, kind, spans=spans, values=values, others=self.is_name, unknown=self.may_be_unknown)

    def read(self, given: object) -> Scalar | None:
        """Return a value as it is kept, None for one that clears; raises BadInput for another.

        A text that can only mean one value of the type is that value, because files and some CRMs send texts alone.
        """
        if given is None or given == "":
            return None
        value = READERS[self.kind](self, given)
        if value is not None and self.domain and not within(position_of(COLUMN_KINDS[self.kind], value), self.spans):
            value = None
        if value is None:
            raise BadInput(f"Found {describe(given)}. Expected {self.expected}.")
        return value


Attributes = Mapping[str, Attribute]


def _text(attribute: Attribute, given: object) -> Scalar | None:
    if not isinstance(given, str | int | float) or isinstance(given, bool):
        return None
    if attribute.is_name:
        name = " ".join(str(given).split())
        return name if name.isprintable() and 0 < len(name) <= LONGEST_ACCOUNT else None
    meant = str(given).strip().casefold()
    return next((value for value in attribute.values if value.casefold() == meant), None)


def _number(attribute: Attribute, given: object) -> Scalar | None:
    number: object = given
    if isinstance(given, str):
        try:
            number = parse_number(given.strip())
        except BadInput:
            return None
        number = number if isinstance(number, int) else float(number)
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return None
    if abs(number) > LARGEST:
        return None
    return int(number) if number == int(number) else number


def _integer(attribute: Attribute, given: object) -> Scalar | None:
    number = _number(attribute, given)
    return number if isinstance(number, int) else None


def _date(attribute: Attribute, given: object) -> Scalar | None:
    text = given.strip() if isinstance(given, str) else ""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _boolean(attribute: Attribute, given: object) -> Scalar | None:
    if isinstance(given, str):
        return TRUTH.get(given.strip().casefold())
    return given if isinstance(given, bool) else None


def _months(attribute: Attribute, given: object) -> Scalar | None:
    count = _integer(attribute, given)
    if count is None and isinstance(given, str):
        try:
            count = parse_months(given.strip().upper())
        except BadInput:
            return None
    return iso_months(count) if isinstance(count, int) and 0 <= count <= MOST_MONTHS else None


READERS = {
    AttributeKind.TEXT: _text,
    AttributeKind.INTEGER: _integer,
    AttributeKind.NUMBER: _number,
    AttributeKind.DATE: _date,
    AttributeKind.BOOLEAN: _boolean,
    AttributeKind.MONTHS: _months,
}


def stamp_of(attribute: str) -> str:
    """Return under which name a customer's `changed_at` has when an attribute was told."""
    return f"attributes.{attribute}"


def is_over(customer: Customer, attribute: Attribute, at: datetime) -> bool:
    """Tell whether what was told of an attribute counts no more at an instant."""
    told = customer.changed_at.get(stamp_of(attribute.name))
    return (
        bool(attribute.keep_days and told)
        and datetime.fromisoformat(str(told)) + timedelta(days=attribute.keep_days) <= at
    )


def account_of(values: Mapping[str, Any] | None) -> str | None:
    """Return what the accounts of customers are told apart by: the name, whatever its capitals; None without one."""
    return " ".join(str((values or {}).get(ACCOUNT, "")).split()).casefold() or None


def take_declared(event: Event, attributes: Attributes) -> Event:
    """Return the event with the attributes that are declared, as they are kept; of the others it says why not."""
    given = event.customer.get("attributes")
    if "attributes" not in event.customer:
        return event
    kept: dict[str, Scalar | None] = {}
    left_out = []
    for name, value in (given or {}).items():
        try:
            kept[name] = known(name, attributes).read(value)
        except BadInput as fault:
            at = for_store(pointer(["data", "customer", "attributes", name[:NOTED_NAME]]))
            left_out.append(LeftOut(at, for_store(f"{fault} Left out; the event counts."), "left out"))
    customer = cast("CustomerData", {**event.customer, "attributes": kept})
    return replace(event, customer=customer, left_out=(*event.left_out, *left_out))


def known(name: str, attributes: Attributes) -> Attribute:
    """Return a declared attribute; raises BadInput with what was likely meant."""
    attribute = attributes.get(name)
    if attribute is None:
        near = difflib.get_close_matches(name[:NOTED_NAME], attributes, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise BadInput(f"No attribute {describe(name)} is declared.{guess} Declare it in {FILE}, or do not send it.")
    return attribute


def values_of(customer: Customer, attributes: Attributes, at: datetime) -> dict[str, Scalar]:
    """Return the customer's attributes as they are declared now; what is no longer of its type, or was told too long
    before an instant, counts as unknown."""
    stored = customer.attributes or {}
    values: dict[str, Scalar] = {}
    for name, attribute in attributes.items():
        try:
            value = None if is_over(customer, attribute, at) else attribute.read(stored.get(name))
        except BadInput:
            value = None
        value = attribute.if_missing if value is None else value
        if value is not None:
            values[name] = value
    return values


def columns_of(attributes: Attributes) -> dict[str, Column]:
    """Return the column of each declared attribute, by name: what a table may ask of it."""
    return {name: attribute.column for name, attribute in attributes.items()}


def impersonal(values: Mapping[str, Any] | None, attributes: Attributes) -> dict[str, Any]:
    """Return the attributes that may stay when a person is forgotten: those declared as not personal."""
    return {
        name: value for name, value in (values or {}).items() if name in attributes and not attributes[name].personal
    }
