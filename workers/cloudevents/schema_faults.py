"""Schema faults as sentences a CRM engineer can act on: what was found, what is expected, what to do.

What is expected comes from the `description` in the schema, so that an operator's own fields explain themselves.
"""

from collections.abc import Iterator, Mapping

import jsonschema_rs

from workers.cloudevents.events import Fault, Refusal
from workers.cloudevents.pointers import pointer
from workers.cloudevents.reader import describe
from workers.cloudevents.shapes import Route, Schema, node

_ATTRIBUTES = frozenset({"specversion", "id", "source", "type"})
_CUSTOMER = frozenset({"/subject", "/data/customer", "/data/customer/id"})
_NO_CUSTOMER = (
    "No customer: the event has neither `subject` nor `data.customer.id`. "
    "Put the CRM's customer id, as text, into `subject`."
)


def schema_faults(route: Route, canonical: Schema) -> Iterator[Fault]:
    """Yield every fault that the schema finds, each once; raises RecursionError for a value of over 250 levels."""
    faults_at: dict[str, list[Fault]] = {}
    try:
        errors = route.validator.iter_errors(canonical)
    except ValueError as limit:  # how the validator says so, while it takes the value over
        raise RecursionError(str(limit)) from limit
    for error in errors:
        fault = _fault(route.schema, error)
        faults_at.setdefault(fault.pointer, []).append(fault)
    for faults in faults_at.values():
        yield from told_once(faults)


def told_once(faults: list[Fault]) -> Iterator[Fault]:
    """Give the faults of one place, without those that another says in more words: an empty text breaks two rules."""
    for place, fault in enumerate(faults):
        others = faults[:place] + [later for later in faults[place + 1 :] if later.detail != fault.detail]
        if not any(other.detail.startswith(fault.detail) for other in others):
            yield fault


def _fault(schema: Schema, error: jsonschema_rs.ValidationError) -> Fault:
    path = [str(step) for step in error.instance_path]
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        path = [*path, kind.property]
        expected = _description(schema, path)
        detail = f"`{kind.property}` is missing. Add it{f': {expected}' if expected else ''}{_needed(schema, path)}."
        return Fault(pointer(path), detail, _reason(path, missing=True))
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AnyOf) and not path:
        wave = "boucle.journey.wave.v1" in str(node(schema, "properties", "type", "enum"))
        more = " A wave for everybody has no customer but needs `data.reference`, the name of the wave." if wave else ""
        return Fault("/subject", _NO_CUSTOMER + more, Refusal.MISSING_CUSTOMER)
    expected = _description(schema, path)
    instead = f"Found {describe(error.instance)}."
    detail = f"{instead} Expected {expected}." if expected else f"{instead} {_cut(error.message)}."
    return Fault(pointer(path), detail + _limit(kind, expected), _reason(path, missing=error.instance in ("", None)))


def _needed(schema: Schema, path: list[str]) -> str:
    """Name what a missing object needs inside, so that one correction is enough."""
    inner = node(schema, *(step for name in path for step in ("properties", name)), "required")
    return " with " + ", ".join(f"`{name}`" for name in inner) if isinstance(inner, list) and path == ["data"] else ""


def _limit(kind: jsonschema_rs.ValidationErrorKind, expected: str) -> str:
    """Name the limit where the description does not."""
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.MaxLength) and f"{kind.limit:,}" not in expected:
        return f" At most {kind.limit:,} characters."
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.MinLength):
        return " It must not be empty."
    return ""


def _reason(path: list[str], *, missing: bool) -> Refusal:
    if len(path) == 1 and path[0] in _ATTRIBUTES:
        return Refusal.NOT_CLOUDEVENT
    place = pointer(path)
    if missing and place in _CUSTOMER:
        return Refusal.MISSING_CUSTOMER
    return Refusal.BAD_SCORE if place == "/data/score" else Refusal.SCHEMA


def _description(schema: Schema, path: list[str]) -> str:
    steps = [step for name in path for step in ("properties", name)]
    description = node(schema, *steps, "description")
    return description.rstrip(".") if isinstance(description, str) else ""


def _cut(message: str) -> str:
    """Keep a message of the validator readable: it repeats the whole value."""
    return message if len(message) <= 160 else "…" + message[-150:]


def attribute_faults(envelope: Mapping[str, object]) -> list[Fault]:
    """Say which required attributes of CloudEvents 1.0 are missing or wrong."""
    faults = []
    for name, expected in (
        ("specversion", "the text 1.0 (CloudEvents)"),
        ("id", "an id of the event, unique per source"),
        ("source", "the name of the sending system"),
        ("type", "a type such as boucle.journey.delivery.v1"),
    ):
        value = envelope.get(name)
        if name not in envelope:
            detail = f"`{name}` is missing, so this is not a CloudEvent. Add it: {expected}."
        elif not isinstance(value, str) or not value or (name == "specversion" and value != "1.0"):
            detail = f"Found {describe(value)}. Expected {expected}."
        else:
            continue
        faults.append(Fault(f"/{name}", detail, Refusal.NOT_CLOUDEVENT))
    return faults
