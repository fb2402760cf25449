"""Boucle closes the loop on a Net Promoter Score."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__` (PEP 562) that imports a name from its module when somebody asks for it.

    `places` is where each name is: a command imports what it uses, and no more. The package's own dictionary keeps what
    was imported, so that the next to ask does not come here. Raises AttributeError for a name that has no place.
    """

    def attribute(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"{package} has no {name}")
        value = getattr(import_module(places[name]), name)
        vars(import_module(package))[name] = value
        return value

    return attribute
