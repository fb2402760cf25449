"""What an event can do without: a fault in an optional field costs that field, and not the event.

Where what was meant is plain it is mended (a number for a text, a line break in one line, a text that is too long);
else the field is left out. Either is told. What an event needs is never guessed here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from workers.cloudevents.events import Event, Fault, Kind, LeftOut
from workers.cloudevents.instants import parse
from workers.cloudevents.pointers import pointer
from workers.cloudevents.reader import Envelope
from workers.cloudevents.shapes import Route, as_typed, data_node, node, types_at
from workers.structs import replace
from workers.text.plain_text import for_store

PROSE = 1_000
"""A text that may be longer than this (characters, as its schema says) is cut and not left out: somebody wrote it."""
MARK = " […]"
"""Ends a text that was cut."""
LONGEST_POINTER = 300
LEFT_OUT, AS_TEXT, AS_ONE_LINE, AS_TRUTH, WITHOUT_NUL = (
    "left out", "taken as text", "taken as one line", "taken as true or false", "taken without the character NUL"
)  # fmt: skip
_CUT = "cut to {:,} characters"
_LINES = frozenset({"label", "reference"})
_COUNTED = {Kind.JOURNEY: frozenset({"occurred_at"}), Kind.SCORE: frozenset({"question"})}
"""What is needed as it is: the time that decides when somebody is asked, the scale on which a score is one."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_PERMISSIONS = frozenset({"may_promote", "survey_notice_given", "survey_consent"})
_MISSING = object()


def stops(route: Route) -> bool:
    """Tell whether an event stops something: then it counts, whatever else is wrong with it."""
    return route.kind is Kind.CONTRARY or (route.kind is Kind.CUSTOMER and route.name in ("opted_out", "erased"))


def with_plain_ids(ours: Envelope, route: Route) -> Envelope:
    """Return the event with the customer's id where the schema has it, if what was meant is plain.

    Only of an event that stops something, and of a score: a customer without an id is the subject, and of the former
    a number is the id it is. Nobody is asked because of a guess.
    """
    if not stops(route) and route.kind is not Kind.SCORE:
        return ours
    data, subject = ours.get("data"), _id(ours.get("subject"), route)
    customer = data.get("customer") if isinstance(data, dict) else None
    mended = ours if subject == ours.get("subject") else {**ours, "subject": subject}
    if not isinstance(customer, dict):
        return mended
    given = _id(customer.get("id"), route) or subject
    if given == customer.get("id") or not isinstance(given, str):
        return mended
    return {**mended, "data": {**cast("Envelope", data), "customer": {**customer, "id": given}}}


def _id(value: object, route: Route) -> object:
    return str(value) if stops(route) and isinstance(value, int) and not isinstance(value, bool) else value


def needed(fault: Fault, ours: Mapping[str, object], route: Route) -> bool:
    """Tell whether an event cannot do without what a fault is about."""
    path = steps(fault.pointer)
    if path == ["subject"]:
        return not is_spare(ours)
    if path == ["time"]:
        return not stops(route) and parse(node(ours, "data", "occurred_at")) is None
    if not path or path[0] != "data":
        return True
    if len(path) == 1:
        return not stops(route)
    field, required = path[1], _required(node(route.schema, "properties", "data"))
    if field == "customer":
        return path[2:3] == ["id"] or (len(path) == 2 and (field in required or not ours.get("subject")))
    if stops(route):
        return False
    return field in required or field in _COUNTED.get(route.kind, ())


def is_spare(ours: Mapping[str, object]) -> bool:
    """Tell whether a subject that is wrong costs nothing: it says nobody, or whom `data.customer.id` says anyway."""
    subject, given = ours.get("subject"), node(ours, "data", "customer", "id")
    nobody = subject is None or (isinstance(subject, str) and not subject.strip())
    if node(ours, "data", "ticket") or node(ours, "data", "request"):
        return nobody  # they say whose it is
    if not isinstance(given, str) or not given.strip():
        return False
    if isinstance(subject, int) and not isinstance(subject, bool):
        return str(subject) == given
    return nobody or (isinstance(subject, str) and subject.strip() == given)


def _required(schema: object) -> Sequence[str]:
    listed = node(schema, "required")
    return listed if isinstance(listed, list) else ()


def mend(
    ours: Envelope, faults: Sequence[Fault], route: Route, before: Mapping[str, LeftOut]
) -> tuple[Envelope, dict[str, LeftOut]]:
    """Return the event without the faults, and what was done about each field; `before`: what was done already.

    What is wrong again after it was mended is left out.
    """
    done: dict[str, LeftOut] = {}
    for fault in faults:
        path = steps(fault.pointer)
        place = path[: depth(path)]
        at = pointer(place)
        if at in done:
            continue
        value = _at(ours, place)
        kept = at not in before and place != ["subject"]
        mended, how = _mended(value, place, route) if kept else (value, LEFT_OUT)
        if how == LEFT_OUT:
            mended = {} if place == ["data"] else _MISSING
        if value is not _MISSING or place == ["data"]:
            ours = _put(ours, place, mended)
        detail = f"{fault.detail} {_said(how, missing=value is _MISSING)}"
        done[at] = LeftOut(at, for_store(detail), how)
    return ours, done


def depth(path: Sequence[str]) -> int:
    """Return how many steps lead to what is left out: an attribute costs itself, not the others or the customer."""
    if path[1:2] != ["customer"]:
        return 2
    return 4 if path[2:3] == ["attributes"] else 3


def _named(at: str) -> str:
    """Return a pointer that can be kept: the name of a field may be any text of any length."""
    return for_store(at if len(at) <= LONGEST_POINTER else f"{at[:LONGEST_POINTER]}…")


def _said(how: str, *, missing: bool) -> str:
    if missing:
        return "The event counts without it."
    return f"{how[0].upper()}{how[1:]}; the event counts."


def _mended(value: object, place: list[str], route: Route) -> tuple[object, str]:
    """Return what was meant by a value and how that is called, or anything and LEFT_OUT."""
    dotted = ".".join(place[1:])
    types = types_at(route.schema, dotted)
    if isinstance(value, str):
        return _mended_text(value, place[-1], types, _limit(route, dotted))
    if isinstance(value, int | float) and not isinstance(value, bool) and "string" in types:
        return as_typed(value, types), AS_TEXT
    return value, LEFT_OUT


def _mended_text(text: str, name: str, types: frozenset[str], limit: int) -> tuple[object, str]:
    truth = as_typed(text, types)
    if isinstance(truth, bool) and not (truth and name in _PERMISSIONS):  # nobody's permission is guessed
        return truth, AS_TRUTH
    if limit and len(text) > limit and (limit >= PROSE or name == "label"):
        return text.replace("\0", "")[: limit - len(MARK)] + MARK, _CUT.format(limit)
    if name in _LINES and _CONTROLS.search(text):
        return _CONTROLS.sub(" ", text).strip(), AS_ONE_LINE
    if "\0" in text and not (limit and len(text) > limit):
        return text.replace("\0", ""), WITHOUT_NUL
    return text, LEFT_OUT


def _limit(route: Route, dotted: str) -> int:
    limit = node(data_node(route.schema, dotted), "maxLength")
    return limit if isinstance(limit, int) else 0


def _at(value: object, path: Sequence[str]) -> object:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return _MISSING
        value = value[step]
    return value


def is_missing(ours: Mapping[str, object], at: str) -> bool:
    """Tell whether nothing stands at a JSON pointer."""
    return _at(ours, steps(at)) is _MISSING


def _put(ours: Envelope, path: Sequence[str], value: object) -> Envelope:
    """Return the event with another value at a place, or without what stands there; the given one stays as it is."""
    head, *rest = path
    if rest:
        return {**ours, head: _put(cast("Envelope", ours[head]), rest, value)}
    if value is _MISSING:
        return {name: kept for name, kept in ours.items() if name != head}
    return {**ours, head: value}


def steps(at: str) -> list[str]:
    """Split a JSON pointer (RFC 6901) into its steps, unescaped."""
    return [step.replace("~1", "/").replace("~0", "~") for step in at.split("/")[1:]]


def with_left_out(event: Event, done: Mapping[str, LeftOut], moved: Mapping[str, str]) -> Event:
    """Return the event with what was left out, each pointed to where the sender's own event has the field."""
    return replace(event, left_out=tuple(replace(each, pointer=_named(moved.get(at, at))) for at, each in done.items()))
