"""The file that declares attributes: read, with every fault at once and what to write instead."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from workers.domain.attributes import (
    ACCOUNT_KEYS,
    BANDED,
    DAYS,
    FILE,
    KEYS,
    LONGEST_VALUE,
    MOST,
    MOST_VALUES,
    NAME,
    RESERVED,
    SILENT_DAYS,
    TRUTH,
    Attribute,
    AttributeKind,
    Attributes,
    Scalar,
)
from workers.domain.types import ACCOUNT
from workers.errors import BadInput, Misconfigured
from workers.text.yaml_text import read_named, unread_keys


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
    faults += keep_faults(name, given)
    if not faults and (keep := DAYS.fullmatch(str(given.get("keep", "")))):
        attribute = replace(attribute, keep_days=int(keep[1]))
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


def keep_faults(name: str, given: Mapping[object, object]) -> Iterator[str]:
    """Give what is wrong with how long it is kept."""
    if "keep" not in given:
        return
    if name == ACCOUNT:
        yield "it tells whose people are whose, so it is kept as long as its customer: leave `keep` out"
    elif not DAYS.fullmatch(str(given["keep"])):
        yield "keep: write days, such as P365D"


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
