"""The character NUL in an event's data: PostgreSQL's text cannot hold it, and no name, comment or id needs it."""

from collections.abc import Iterator, Mapping

from workers.cloudevents.events import Fault, Refusal
from workers.cloudevents.pointers import pointer

_DETAIL = r"The text holds the character NUL (\u0000). Remove it."


def nul_faults(ours: Mapping[str, object]) -> list[Fault]:
    """Return a fault for each field of the data that has a NUL in it, at any depth, its name included."""
    data = ours.get("data")
    if not isinstance(data, dict):
        return []
    return [Fault(pointer(["data", *path]), _DETAIL, Refusal.WRONG_ENCODING) for path in _places(data)]


def _places(data: Mapping[str, object]) -> Iterator[list[str]]:
    for name, value in data.items():
        if name == "customer" and isinstance(value, dict):
            yield from _places_of_customer(value)
        elif "\0" in name or holds_nul(value):
            yield [name]


def _places_of_customer(customer: Mapping[str, object]) -> Iterator[list[str]]:
    for name, value in customer.items():
        if name == "attributes" and isinstance(value, dict):
            inner = (each for each, text in value.items() if "\0" in each or holds_nul(text))
            yield from (["customer", name, each] for each in inner)
        elif "\0" in name or holds_nul(value):
            yield ["customer", name]


def holds_nul(value: object) -> bool:
    if type(value) is str:
        return "\0" in value
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if type(each) is str:
            if "\0" in each:
                return True
        elif type(each) is dict:
            waiting += each
            waiting += each.values()
        elif type(each) is list:
            waiting += each
    return False
