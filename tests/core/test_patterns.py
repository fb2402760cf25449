"""Regular expressions: none costs the square of a text that comes from outside, whatever that text is made of."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator

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
    "workers.addresses": "a field of at most LONGEST_FIELD signs",
    "workers.composing.brand": "written by the operator",
    "workers.duetime.waits": "matched from its beginning alone",
    "workers.envelope.places": "names of at most _LONGEST signs",
    "workers.ruletable.cells": "matched from its beginning alone; bands of at most LONGEST_VALUE signs",
    "workers.ruletable.values": "matched from its beginning alone",
    "workers.settings_checks": "written by the operator",
}
"""Modules whose patterns see short texts only, and why."""


Pattern = re.Pattern[str] | re.Pattern[bytes]


def patterns() -> Iterator[tuple[str, Pattern]]:
    """Give every pattern that stands at the top of a module and may see a text of any length."""
    for module in pkgutil.walk_packages(workers.__path__, "workers."):
        if module.name.startswith("workers.migrations") or module.name in BOUNDED:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            pattern = getattr(value, "__self__", value)
            if isinstance(pattern, re.Pattern):
                yield f"{module.name}.{name}", pattern


def look_for(pattern: Pattern, text: str) -> None:
    """Find every place where a pattern fits."""
    if isinstance(pattern.pattern, bytes):
        list(re.finditer(pattern.pattern, text.encode(), pattern.flags))
    else:
        list(re.finditer(pattern.pattern, text, pattern.flags))


def test_no_pattern_costs_the_square_of_a_text() -> None:
    """Each is looked for in long texts of one sign, with a beginning before and an end behind that fit nothing."""
    dear: list[tuple[str, str]] = []
    looked_for = dict(patterns())
    assert len(looked_for) > 50
    for name, pattern in looked_for.items():
        for sign in SIGNS:
            text = f'"{sign * (LENGTH // len(sign))}\x01'
            begun = time.process_time()
            look_for(pattern, text)
            if time.process_time() - begun > SECONDS:
                dear.append((name, sign))
    assert dear == []
