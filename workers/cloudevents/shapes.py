"""The shapes of accepted events: JSON Schemas compiled once, one route per CloudEvents type.

The schemas are data that an operator may override; this module only knows that `properties.type.enum` lists the types
of a schema and that `properties.data.properties` describes its data. It reads no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jsonschema_rs
import orjson

from workers.cloudevents.events import Kind
from workers.errors import Misconfigured

Schema = dict[str, object]

# Triggers that stop or hold what is planned; all other journey types start something.
CONTRARY = frozenset({"refund", "order_cancelled", "churned", "deceased", "complaint_opened", "complaint_closed"})
# The shape of a trigger that an operator adds.
_GENERIC = {Kind.JOURNEY: "boucle.journey.customer_started.v1", Kind.CONTRARY: "boucle.journey.churned.v1"}
_KINDS = {
    "customer": Kind.CUSTOMER,
    "score": Kind.SCORE,
    "ticket": Kind.TICKET,
    "survey-request": Kind.CARRIER,
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the data of a CRM's own event has what ours has elsewhere: our dotted path to theirs, or to a constant."""

    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)
    """Fields whose times are numbers since 1970, with the units in a second: 1, or 1,000 for milliseconds."""


@dataclass(frozen=True, slots=True)
class Route:
    """How events of one type are read: kind, name, compiled schema, and the type that stands in for a CRM's own."""

    kind: Kind
    name: str
    type: str
    schema: Schema
    validator: jsonschema_rs.Draft202012Validator
    places: Places | None = None


def read_schemas(files: Mapping[str, bytes]) -> dict[str, Schema]:
    """Read schema files (keys: paths below schemas/); raise Misconfigured with every file that is no JSON object."""
    faults: list[str] = []
    schemas: dict[str, Schema] = {}
    for name, content in files.items():
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            faults.append(f"schemas/{name}: this is not JSON ({error}). Correct it.")
            continue
        if isinstance(value, dict):
            schemas[name] = value
        else:
            faults.append(f"schemas/{name}: a schema must be a JSON object. Correct it.")
    if faults:
        raise Misconfigured(faults)
    return schemas


def routes(schemas: Mapping[str, Schema]) -> dict[str, Route]:
    """Return a route for every type of the schemas under `in/`; raise Misconfigured with every fault.

    Keys of `schemas` are paths below schemas/, such as in/purchase.json.
    """
    faults: list[str] = []
    routes_of: dict[str, Route] = {}
    registry = _shared(schemas)
    for name in sorted(schemas):
        if not name.startswith("in/"):
            continue
        try:
            schema = jsonschema_rs.dereference(schemas[name], registry=registry, offline=True)
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=False, offline=True)
            types = _types(schema)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError) as error:
            why = (str(error).splitlines() or ["unreadable"])[0]
            faults.append(f"schemas/{name}: this is not a usable JSON Schema of an event ({why}). Correct it.")
            continue
        for type_ in types:
            if type_ in routes_of:
                faults.append(f"schemas/{name}: {type_} is described by another schema too. Keep one.")
            kind, short = _kind_and_name(type_)
            routes_of[type_] = Route(kind, short, type_, schema, validator)
    if faults:
        raise Misconfigured(faults)
    return routes_of


def _shared(schemas: Mapping[str, Schema]) -> jsonschema_rs.Registry:
    """Return what schemas may refer to: those that stand directly in schemas/."""
    shared = [(str(schema.get("$id", name)), schema) for name, schema in schemas.items() if "/" not in name]
    try:
        return jsonschema_rs.Registry(shared)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        names = ", ".join(f"schemas/{name}" for name in schemas if "/" not in name)
        raise Misconfigured([f"{names}: these schemas cannot be read ({error}). Correct them."]) from error


def _types(schema: object) -> list[str]:
    listed = node(schema, "properties", "type", "enum")
    if not isinstance(listed, list) or not listed:
        raise ValueError("properties.type.enum must list the types")
    for type_ in listed:
        _kind_and_name(type_)
    return [str(type_) for type_ in listed]


def _kind_and_name(type_: str) -> tuple[Kind, str]:
    parts = type_.split(".")
    if parts[0] != "boucle" or len(parts) not in (3, 4):
        raise ValueError(f"{type_} is not a type of ours; map a CRM's own types in rules/events.csv")
    if parts[1] == "journey":
        return (Kind.CONTRARY if parts[2] in CONTRARY else Kind.JOURNEY), parts[2]
    if parts[1] not in _KINDS:
        raise ValueError(f"{type_}: expected boucle.journey, .customer, .score, .ticket or .survey-request")
    return _KINDS[parts[1]], parts[2] if len(parts) == 4 else ""


def mapped(described: Mapping[str, Route], kind: Kind, name: str, places: Places) -> Route | None:
    """Return the route of a CRM's own type, or None if there is no such kind and name.

    A trigger that nobody has heard of is a journey (or contrary) event of the general shape.
    """
    for route in described.values():
        if route.kind == kind and route.name == name and route.places is None:
            return Route(kind, name, route.type, route.schema, route.validator, places)
    generic = described.get(_GENERIC.get(kind, ""))
    if generic is None:
        return None
    return Route(kind, name, generic.type, generic.schema, generic.validator, places)


def node(schema: object, *path: str) -> object:
    for step in path:
        if not isinstance(schema, dict):
            return None
        schema = schema.get(step)
    return schema


def data_node(schema: object, dotted: str) -> object:
    """Return the schema of one field of the data, such as customer.email, or None if it describes no such field."""
    within = node(schema, "properties", "data")
    for level, step in enumerate(dotted.split(".")):
        field = node(within, "properties", step)
        if field is None and level:  # an object whose names are the operator's, such as customer.attributes
            others = node(within, "additionalProperties")
            field = others if isinstance(others, dict) else None
        within = field
    return within


def types_at(schema: object, dotted: str) -> frozenset[str]:
    """Return the JSON types that a field of the data may have; empty if the schema does not say."""
    listed = node(data_node(schema, dotted), "type")
    return frozenset([listed] if isinstance(listed, str) else listed if isinstance(listed, list) else [])


_YES = frozenset({"true", "yes", "y", "1", "oui", "vrai"})
_NO = frozenset({"false", "no", "n", "0", "non", "faux"})


def as_typed(value: object, types: frozenset[str]) -> object:
    """Turn text into the JSON type a field wants (and a number into text); what does not fit stays as it is.

    The schema then says what is wrong with what stayed.
    """
    if isinstance(value, str):
        return _typed_text(value, types)
    if isinstance(value, int | float) and not isinstance(value, bool) and "string" in types:
        return str(int(value)) if value == int(value) else str(value)
    return value


def _typed_text(text: str, types: frozenset[str]) -> object:
    bare = text.strip()
    if "string" in types:
        return text
    if "boolean" in types and bare.lower() in _YES | _NO:
        return bare.lower() in _YES
    if types & {"integer", "number"}:
        try:
            return int(bare)
        except ValueError:
            return _number(bare) if bare else text
    return text


def _number(text: str) -> object:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < 1e15 else text
