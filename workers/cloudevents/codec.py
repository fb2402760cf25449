"""Bytes and headers to one event, or to every fault that keeps it out. The same for every door.

Total: `parse` never raises on what it is given. Fast: the compiled schema says yes or no, and faults are worked out
only for a no. It keeps nothing, and reads no clock: `now` is a parameter.
"""

import difflib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import orjson

from workers.cloudevents import event_builder, instants, optional_fields, reader
from workers.cloudevents.batches import MAX_BATCH_EVENTS, holds_more_than
from workers.cloudevents.canonical import canonical, original, places_of
from workers.cloudevents.event_builder import Arrival
from workers.cloudevents.events import Event, Fault, Kind, LeftOut, Refusal, Rejected, refuse
from workers.cloudevents.mapping import EventMap
from workers.cloudevents.nul import nul_faults
from workers.cloudevents.schema_faults import attribute_faults, schema_faults
from workers.cloudevents.shapes import Places, Route, Schema, data_node, mapped, node, routes, types_at
from workers.cloudevents.unreadable import Unreadable
from workers.errors import Misconfigured

MAX_BYTES = 1_000_000
# A batch is split before its events are read, each within MAX_BYTES: room for some thousand usual events.
MAX_BATCH_BYTES = 5_000_000
MENDED_AGAIN = 5
"""How often an event is looked at again: what is wrong under a field that was mended shows only then."""
_NO_PLACES = EventMap({})
_NUL_WRITTEN_OUT = rb"\u0000"
_TELL = "Tell the operator, and replay it after an update."
Gate = Callable[[Kind, str], str]
"""Says why a sender may not send events of a kind and type; an empty text for one that it may."""


class Codec:
    """Reads events of the types that the schemas and rules/events.csv know."""

    def __init__(
        self,
        schemas: Mapping[str, Schema],
        event_map: EventMap = _NO_PLACES,
        max_bytes: int = MAX_BYTES,
        *,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        zones: Iterable[str] | None = None,
    ) -> None:
        """Compile the schemas (keys: paths below schemas/). `zones`: the IANA names known, None to take any.

        Raises Misconfigured with every fault of the schemas and of the mapping.
        """
        self._max_bytes = max_bytes
        self._max_batch_bytes = max_batch_bytes
        self._zones = frozenset(zones) if zones is not None else None
        self._shipped = routes(schemas)
        self._routes = self._shipped | _mapped_routes(self._shipped, event_map)

    def take_over(self, event_map: EventMap) -> None:
        """Read a CRM's types by another mapping from now on; raises Misconfigured, and the old one goes on."""
        self._routes = self._shipped | _mapped_routes(self._shipped, event_map)

    @property
    def types(self) -> list[str]:
        return sorted(self._routes)

    @property
    def journeys(self) -> frozenset[str]:
        """Return the triggers that events can begin, an operator's own included."""
        return frozenset(route.name for route in self._routes.values() if route.kind == Kind.JOURNEY)

    def field_types(self, type_: str, field: str) -> frozenset[str]:
        """Return the JSON types of a data field (dotted) of an event type; empty where nothing is said."""
        route = self._routes.get(type_)
        return types_at(route.schema, field) if route else frozenset()

    def kind(self, type_: str) -> Kind | None:
        """Return what sort of event a type is, or None for one that is unknown."""
        route = self._routes.get(type_)
        return route.kind if route else None

    def is_instant(self, type_: str, field: str) -> bool:
        """Return whether a data field (dotted) of an event type holds a date and time."""
        route = self._routes.get(type_)
        return route is not None and node(data_node(route.schema, field), "format") == "date-time"

    def parse(
        self,
        body: bytes,
        headers: reader.Headers,
        now: datetime,
        *,
        content_type: str | None = None,
        gate: Gate | None = None,
    ) -> Event | Rejected:
        """Return the event, or why it is refused. Pure and total; `now` is business time, aware.

        `gate` is asked before anything else about the event: why this sender may not send such a kind and type, or
        nothing. Asked later, an event with another fault would be a dead letter that nobody knows to be forbidden.
        """
        if isinstance(body, Unreadable):
            return self._unreadable(body)
        envelope: reader.Envelope | Rejected = {}
        try:
            envelope = reader.read(body, headers, content_type, self._max_bytes)
            return envelope if isinstance(envelope, Rejected) else self._accept(envelope, now, gate)
        except (RecursionError, orjson.JSONEncodeError):
            fault = Fault("/data", "The data is nested too deeply (over 250 levels). Send it flat.")
        except Exception as error:  # whatever it is: one message must not stop those behind it
            fault = Fault("", f"Reading this event failed here ({type(error).__name__}). {_TELL}")
        return _refuse(envelope if isinstance(envelope, dict) else {}, [fault])

    def _unreadable(self, body: Unreadable) -> Rejected:
        """Refuse what the door itself could not read; of too large a message it knows the size alone."""
        if body.reason is Refusal.TOO_LARGE and not body.detail:
            return reader.too_large(body.size, self._max_bytes)
        return reader.refused(body.reason, body.detail)

    def parse_batch(self, body: bytes, now: datetime) -> list[Event | Rejected] | Rejected:
        """Return one result per event of a JSON batch, in order, or why the whole body is none."""
        items = self.split_batch(body)
        return items if isinstance(items, Rejected) else [self.parse(item, (), now) for item in items]

    def split_batch(self, body: bytes) -> list[bytes] | Rejected:
        """Return the events of a JSON batch, each as bytes in structured form, so that each can be kept by itself.

        A batch over a limit is refused as too large before anything of it is read.
        """
        if len(body) > self._max_batch_bytes:
            return reader.too_large(len(body), self._max_batch_bytes)
        if holds_more_than(body, MAX_BATCH_EVENTS):
            return _too_many()
        value = reader.decode(body)
        if isinstance(value, Rejected):
            return value
        if not isinstance(value, list):
            detail = f"Found {reader.describe(value)} where a list of CloudEvents belongs."
            return reader.refused(Refusal.NOT_CLOUDEVENT, detail)
        if len(value) > MAX_BATCH_EVENTS:
            return _too_many()
        try:
            return [orjson.dumps(item) for item in value]
        except orjson.JSONEncodeError:
            return reader.refused(Refusal.SCHEMA, "An event is nested too deeply (over 250 levels). Send it flat.")

    def _accept(self, envelope: reader.Envelope, now: datetime, gate: Gate | None = None) -> Event | Rejected:
        type_ = envelope.get("type")
        route = self._routes.get(type_) if type(type_) is str else None
        if route is None:
            return self._unknown(envelope, now)
        if gate is not None and (why := gate(route.kind, str(type_))):
            return _refuse(envelope, [Fault("/type", why, Refusal.FORBIDDEN)])
        ours = envelope if route.places is None else canonical(envelope, route)
        if route.validator.is_valid(ours):
            said = _said(envelope)
            if not _may_hold_nul(said, route) or not nul_faults(ours):
                event = _build(ours, route, str(type_), _sha256(said), Arrival(now, self._zones))
                if event is not None:
                    return event
        return self._mended(envelope, optional_fields.with_plain_ids(ours, route), route, now)

    def _mended(
        self, envelope: reader.Envelope, ours: reader.Envelope, route: Route, now: datetime
    ) -> Event | Rejected:
        """Return the event without what it can do without, or every fault of one that lacks what it needs."""
        done: dict[str, LeftOut] = {}
        reported: dict[Fault, None] = {}
        for _ in range(MENDED_AGAIN):
            faults = self._faults(ours, route, now, done)
            reported |= dict.fromkeys(faults)
            if any(optional_fields.needed(fault, ours, route) for fault in faults):
                return _refuse(envelope, list(reported) if route.places is None else original(list(reported), route))
            if not faults:
                break
            ours, more = optional_fields.mend(ours, faults, route, done)
            done |= more
        arrived = now if optional_fields.stops(route) else None
        event = _build(ours, route, str(envelope["type"]), _sha256(_said(envelope)), Arrival(now, self._zones, arrived))
        if event is None:
            detail = f"The schema of {route.type} lets through what cannot be used. Correct the schema."
            return _refuse(envelope, [Fault("/data", detail)])
        return optional_fields.with_left_out(event, done, places_of(route))

    def _faults(self, ours: reader.Envelope, route: Route, now: datetime, done: Mapping[str, LeftOut]) -> list[Fault]:
        """Return every fault of an event but what is missing and can be done without."""
        every = [
            *schema_faults(route, ours),
            *event_builder.faults(ours, route.kind, now, zones=self._zones),
            *nul_faults(ours),
        ]
        return [
            fault for fault in every if not (fault.pointer in done and optional_fields.is_missing(ours, fault.pointer))
        ]

    def _unknown(self, envelope: reader.Envelope, now: datetime) -> Rejected:
        """Refuse what has no route: not a CloudEvent at all, or of a type nobody declared; every fault at once."""
        faults = attribute_faults(envelope)
        type_ = envelope.get("type")
        if isinstance(type_, str) and type_ and type_ not in self._routes:
            near = difflib.get_close_matches(type_[:100], self._routes, n=1, cutoff=0.75)
            guess = f" Did you mean {near[0]}?" if near else ""
            detail = (
                f'Nothing is known of the type "{type_[:100]}".{guess} Send one of the types in schemas/in, '
                "or add a row for this one to rules/events.csv."
            )
            faults.append(Fault("/type", detail, Refusal.UNKNOWN_TYPE))
        return _refuse(envelope, [*faults, *event_builder.dates(envelope, now)])


def _too_many() -> Rejected:
    """Refuse a batch by the number of its events."""
    detail = f"The batch has more than {MAX_BATCH_EVENTS:,} events. Send it in parts; nothing of it was taken."
    return reader.refused(Refusal.TOO_LARGE, detail)


def _build(
    ours: reader.Envelope,
    route: Route,
    type_: str,
    digest: str,
    arrival: Arrival,
) -> Event | None:
    """Build the event; an operator's schema that is weaker than the shipped one must not stop a worker."""
    try:
        return event_builder.build(ours, route, type_, digest, arrival)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _mapped_routes(described: Mapping[str, Route], event_map: EventMap) -> dict[str, Route]:
    """Return the routes of the CRM's own types; raise Misconfigured with every row that cannot be used."""
    routes_of: dict[str, Route] = {}
    faults: list[str] = []
    for row in event_map.types.values():
        at = f"rules/events.csv, line {row.line}: "
        if row.type in described:
            faults.append(f"{at}{row.type} is one of our own types and cannot be mapped. Remove the row.")
            continue
        route = mapped(described, row.kind, row.name, row.places)
        if route is None:
            names = sorted({each.name for each in described.values() if each.kind == row.kind})
            faults.append(f"{at}name {row.name!r} is unknown for kind {row.kind}. Expected one of {', '.join(names)}.")
            continue
        faults += [at + fault for fault in _column_faults(route, row.places)]
        routes_of[row.type] = route
    if faults:
        raise Misconfigured(faults)
    return routes_of


def _column_faults(route: Route, places: Places) -> list[str]:
    fields = [*places.paths, *places.constants]
    unknown = [
        f"{route.type} has no field {field}. Correct the column, or leave the cell empty."
        for field in fields
        if data_node(route.schema, field) is None
    ]
    timeless = [
        f"{field} is no time, so it cannot be counted from 1970. Leave `as epoch` out."
        for field in places.epochs
        if node(data_node(route.schema, field), "format") != "date-time"
    ]
    return unknown + timeless


def _may_hold_nul(said: bytes, route: Route) -> bool:
    """Tell whether an event may hold the character NUL, which JSON writes out; of a CRM's own types the mapping may."""
    return route.places is not None or _NUL_WRITTEN_OUT in said


def _said(envelope: Mapping[str, object]) -> bytes:
    """Return what an event says, the same for the same event: attributes and data with sorted keys, its time as an
    instant."""
    time = envelope.get("time")
    content = [
        envelope.get("source"),
        envelope.get("id"),
        envelope.get("type"),
        envelope.get("subject"),
        instants.parse(time) or time,
        envelope.get("data"),
    ]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _sha256(said: bytes) -> str:
    """Return the digest by which an event that comes again is known to say the same, or something else."""
    return hashlib.sha256(said).hexdigest()


def _refuse(envelope: Mapping[str, object], faults: list[Fault]) -> Rejected:
    named = {name: value for name in ("source", "id", "subject") if isinstance(value := envelope.get(name), str)}
    return refuse(faults, source=named.get("source"), event_id=named.get("id"), subject=named.get("subject"))
