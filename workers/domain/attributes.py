"""Attributes: what the CRM may say of a customer beyond the profile, as the operator declared it in a file.

Only what is declared is kept, of its type and of its values: a type guessed from the first value, a renamed value or
somebody's health in a free text would steer a table unseen. What is refused costs only itself, never its event.
"""

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
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
from workers.errors import BadInput, Misconfigured
from workers.text.plain_text import for_store
from workers.text.yaml_text import read_named, unread_keys

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
KEYS = ("type", "values", "domain", "may be unknown", "if missing", "personal")
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


def read_attributes(body: bytes) -> Attributes:
    """Return the declared attributes by name, none for an empty file; raises Misconfigured with every fault."""
    content = read_named(body, FILE, KEYS)
    if content in (None, ""):
        return {}
    if not isinstance(content, dict):
        raise Misconfigured([f"{FILE} must name attributes: write lines such as `plan: {{type: text, values: [pro]}}`"])
    faults: list[str] = []
    if len(content) > MOST:
        faults.append(
            f"{FILE} declares {len(content)} attributes; at most {MOST} are kept: leave out what steers nothing"
        )
    attributes: dict[str, Attribute] = {}
    for name, given in list(content.items())[:MOST]:
        faults += [f"{FILE}: {name}: {fault}" for fault in name_faults(str(name))]
        try:
            attributes[str(name)] = declared(str(name), given)
        except Misconfigured as error:
            faults += [f"{FILE}: {name}: {fault}" for fault in error.faults]
    faults += worth_faults(attributes)
    if faults:
        raise Misconfigured(faults)
    return attributes


def worth_faults(attributes: Attributes) -> Iterator[str]:
    """Give what is wrong with the attribute that says what an account is worth: it is a number that is declared."""
    account = attributes.get(ACCOUNT)
    if account is None or not account.worth:
        return
    named = attributes.get(account.worth)
    if named is None or named.kind not in (AttributeKind.INTEGER, AttributeKind.NUMBER):
        yield (
            f"{FILE}: {ACCOUNT}: value: {account.worth[:40]!r} is no number that is declared: add a line such as "
            "`revenue: {type: number, domain: 0.., personal: no}` and name it here"
        )


def name_faults(name: str) -> Iterator[str]:
    """Give what is wrong with the name of an attribute."""
    if not NAME.fullmatch(name):
        yield "this is no name: use lower case, digits and _, at most 40 of them, a letter first"
    elif name in RESERVED:
        yield f"the name means something already: call it otherwise, such as crm_{name}"


def declared(name: str, given: object) -> Attribute:
    """Return one attribute as its lines declare it; raises Misconfigured with every fault."""
    if not isinstance(given, dict):
        raise Misconfigured([f"say its type, such as `{name}: {{type: boolean}}`"])
    faults = [*unread_keys(given, ACCOUNT_KEYS if name == ACCOUNT else KEYS), *truth_faults(given)]
    kind = next((kind for kind in AttributeKind if kind == given.get("type")), None)
    if kind is None:
        listed = ", ".join(AttributeKind)
        raise Misconfigured(
            [*faults, f"type {str(given.get('type', '(none)'))[:40]!r} is unknown: write one of {listed}"]
        )
    given_values = given.get("values")
    values = tuple(str(value).strip() for value in given_values) if isinstance(given_values, list) else ()
    if name != ACCOUNT or "values" in given:
        faults += value_faults(kind, values, "values" in given)
    faults += account_faults(kind, given) if name == ACCOUNT else []
    unknown = TRUTH.get(str(given.get("may be unknown", "yes")), True)
    personal = TRUTH.get(str(given.get("personal", "yes")), True)
    attribute = Attribute(name, kind, values, unknown, None, personal, str(given.get("domain") or "").strip())
    faults += domain_faults(attribute)
    if not faults and (silent := DAYS.fullmatch(str(given.get("silent after", "")))):
        attribute = replace(attribute, silent_after=int(silent[1]))
    if name == ACCOUNT:
        attribute = replace(attribute, worth=str(given.get("value") or ""))
    missing, missing_faults = read_missing(attribute, given)
    if faults or missing_faults:
        raise Misconfigured([*faults, *missing_faults])
    return replace(attribute, if_missing=missing)


def truth_faults(given: Mapping[object, object]) -> Iterator[str]:
    """Give the keys that need yes or no and say something else."""
    for key in ("may be unknown", "personal"):
        if key in given and str(given[key]) not in TRUTH:
            yield f"{key}: write yes or no"


def value_faults(kind: AttributeKind, values: tuple[str, ...], is_given: bool) -> Iterator[str]:
    """Give what is wrong with the list of values: a text needs one, and nothing else has one."""
    if kind is not AttributeKind.TEXT:
        if is_given:
            yield f"values belong to a text, not to a type {kind}: leave them out"
        return
    if not values:
        yield "a text needs its values, such as `values: [free, pro]`: free text is not kept"
    if len(values) > MOST_VALUES:
        yield f"there are {len(values)} values; at most {MOST_VALUES} are read"
    if len({value.casefold() for value in values}) != len(values):
        yield "two values differ in capitals only, or not at all: keep one"
    for value in values:
        if not value or len(value) > LONGEST_VALUE or value.casefold() == "unknown" or not value.isprintable():
            yield f"the value {value[:40]!r} cannot be used: write a word of up to {LONGEST_VALUE} signs, not `unknown`"


def account_faults(kind: AttributeKind, given: Mapping[object, object]) -> Iterator[str]:
    """Give what is wrong with the account: it is a name, and silent after some days."""
    if kind is not AttributeKind.TEXT:
        yield f"it names a company: its type is text, not {kind}"
    if "silent after" in given and not DAYS.fullmatch(str(given["silent after"])):
        yield f"silent after: write days, such as P{SILENT_DAYS}D"


def account_of(values: Mapping[str, Any] | None) -> str | None:
    """Return what the accounts of customers are told apart by: the name, whatever its capitals; None without one."""
    return " ".join(str((values or {}).get(ACCOUNT, "")).split()).casefold() or None


def domain_faults(attribute: Attribute) -> Iterator[str]:
    """Give what is wrong with a domain: only numbers and days have one."""
    if not attribute.domain:
        return
    if attribute.kind not in BANDED:
        yield f"a domain belongs to a number or a date, not to a type {attribute.kind}: leave it out"
        return
    try:
        if not attribute.spans:
            yield f"no value lies in the domain {attribute.domain[:40]!r}: write it as `0..` or `1..500`"
    except BadInput as fault:
        yield f"domain {attribute.domain[:40]!r}: {fault} Write it as `0..` or `1..500`"


def read_missing(attribute: Attribute, given: Mapping[object, object]) -> tuple[Scalar | None, list[str]]:
    """Return what counts where nothing is known, and what is wrong with it."""
    if attribute.may_be_unknown:
        fault = "`if missing` needs `may be unknown: no`: else it is unknown where it is missing"
        return None, [fault] if "if missing" in given else []
    if any(domain_faults(attribute)):
        return None, []
    try:
        value = attribute.read(given.get("if missing"))
    except BadInput as refusal:
        return None, [f"if missing: {refusal}"]
    return value, [] if value is not None else ["may be unknown: no needs `if missing:` with the value to take then"]


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


def values_of(customer: Customer, attributes: Attributes) -> dict[str, Scalar]:
    """Return the customer's attributes as they are declared now; what is no longer of its type counts as unknown."""
    stored = customer.attributes or {}
    values: dict[str, Scalar] = {}
    for name, attribute in attributes.items():
        try:
            value = attribute.read(stored.get(name))
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
