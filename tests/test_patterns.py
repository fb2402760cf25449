"""Regular expressions: none costs the square of a text that comes from outside, whatever that text is made of."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import partial

from budget import processor_seconds

import workers

SIGNS = (
    "\n",
    " ",
    "\t'",
    '"',
    '\\"',
    "\\",
    "a",
    "0",
    "A.",
    "-",
    "> \n",
    "<",
    "(",
    "[",
    "=",
    "@",
    "a@",
    "://",
    ", ",
    ".. ",
)
LENGTH = 6_000
SECONDS = 0.5
"""Of the processor, for one pattern and sign; a pattern that looks at each sign once takes a thousandth of it."""
BOUNDED = {
    "workers.cloudevents.locale_names": "names of at most _LONGEST signs",
    "workers.decision_table.model.cells": "bands of at most LONGEST_VALUE signs",
}
"""Modules whose patterns see short texts only, and why."""
AT_THE_BEGINNING = {"fullmatch", "match"}
Look = Callable[[str], object]


def looks() -> Iterator[tuple[str, Look]]:
    """Give every pattern that stands at the top of a module, as what its module does with it."""
    for module in pkgutil.walk_packages(workers.__path__, "workers."):
        if module.name.startswith("workers.migrations") or module.name in BOUNDED:
            continue
        imported = importlib.import_module(module.name)
        source = inspect.getsource(imported)
        for name, value in vars(imported).items():
            pattern = getattr(value, "__self__", value)
            if isinstance(pattern, re.Pattern):
                uses = set(re.findall(rf"\b{name}\.([a-z]+)", source))
                anchored = value is not pattern or bool(uses and uses <= AT_THE_BEGINNING)
                yield f"{module.name}.{name}", look_by(pattern, anchored=anchored)


def look_by(pattern: re.Pattern[str] | re.Pattern[bytes], *, anchored: bool) -> Look:
    """Return what looks for a pattern: at a text's beginning alone, or everywhere."""
    given, flags = pattern.pattern, pattern.flags
    if isinstance(given, bytes):
        return lambda text: list(re.finditer(given, text.encode(), flags))
    return lambda text: re.fullmatch(given, text, flags) if anchored else list(re.finditer(given, text, flags))


def test_no_pattern_costs_the_square_of_a_text() -> None:
    """Each is looked for in long texts of one sign, with a beginning before and an end behind that fit nothing."""
    dear: list[tuple[str, str]] = []
    every = dict(looks())
    assert len(every) > 50
    for name, look in every.items():
        for sign in SIGNS:
            for begun_by in ("", '"'):
                text = f"{begun_by}{sign * (LENGTH // len(sign))}\x01"
                if processor_seconds(partial(look, text)) > SECONDS:
                    dear.append((name, sign))
    assert dear == []
