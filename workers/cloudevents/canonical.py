"""A CRM's own event in the shape of ours, so that one schema and one way of building serve both."""

from collections.abc import Mapping

from workers.cloudevents import instants
from workers.cloudevents.events import Fault
from workers.cloudevents.pointers import pointer
from workers.cloudevents.shapes import Places, Route, as_typed, types_at

_TOP = ("specversion", "id", "source", "subject", "time")


def canonical(envelope: Mapping[str, object], route: Route) -> dict[str, object]:
    """Return the event with our type and with our fields where ours are; the given event stays as it is.

    The data's other fields stay beside them: they are the details worth showing.
    """
    places = route.places or Places()
    ours: dict[str, object] = {name: envelope[name] for name in _TOP if name in envelope}
    ours["type"] = route.type
    given = envelope.get("data")
    if given is not None and not isinstance(given, dict):
        return {**ours, "data": given}
    data: dict[str, object] = dict(given or {})
    customer = data.get("customer")
    if not (isinstance(customer, dict) and "id" in customer):
        data.pop("customer", None)  # a customer of another shape than ours is found by its column, or not at all
    for field, path in places.paths.items():
        value = _find(given, path)
        if field in places.epochs:
            value = instants.of_epoch(value, places.epochs[field])
        _put(data, field, as_typed(value, types_at(route.schema, field)))
    for field, text in places.constants.items():
        _put(data, field, as_typed(text, types_at(route.schema, field)))
    _take_subject(ours, data, mapped="customer.id" in places.paths)
    return {**ours, "data": data}


def _take_subject(ours: dict[str, object], data: dict[str, object], *, mapped: bool) -> None:
    """Make subject and customer id agree: a CRM's own event may have an order in its subject."""
    given = data.get("customer")
    customer = given if isinstance(given, dict) else {}
    if mapped:
        ours.pop("subject", None)
        if customer.get("id"):
            ours["subject"] = customer["id"]
    elif customer and "id" not in customer and "subject" in ours:
        customer["id"] = ours["subject"]


def _find(data: object, path: tuple[str, ...]) -> object:
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step[:9]) < len(data):
            data = data[int(step[:9])]
        else:
            return None
    return data


def _put(data: dict[str, object], field: str, value: object) -> None:
    """Set a field such as customer.email; what was not found stays absent."""
    head, _, rest = field.partition(".")
    if not rest:
        data.pop(head, None)
        if value is not None:
            data[head] = value
        return
    if value is None:
        return
    inner = data.get(head)
    data[head] = dict(inner) if isinstance(inner, dict) else {}
    _put(data[head], rest, value)  # type: ignore[arg-type]  # made above


def original(faults: list[Fault], route: Route) -> list[Fault]:
    """Point each fault to where the CRM's own event has the field."""
    moved = places_of(route)
    return [Fault(moved.get(each.pointer, each.pointer), each.detail, each.reason) for each in faults]


def places_of(route: Route) -> dict[str, str]:
    """Return the pointers of our fields that a CRM's own event has elsewhere, with where it has them."""
    places = route.places or Places()
    moved = {"/data/" + field.replace(".", "/"): pointer(["data", *path]) for field, path in places.paths.items()}
    if "/data/customer/id" in moved:
        moved["/subject"] = moved["/data/customer/id"]
    return moved
