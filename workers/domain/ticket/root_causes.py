"""The root causes that an agent chooses from, as the operator wrote them: areas, and the causes in each.

Reads text only. What a cause is called in a language stands in the catalogs.
"""

import re
from collections.abc import Mapping

from workers.errors import Misconfigured
from workers.text.yaml_text import read_named

FILE = "rules/root-causes.yaml"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
OTHER = "other"


def read_causes(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return the causes by area; raises Misconfigured with every fault and what to write instead."""
    content = read_named(body, FILE, ())
    if not isinstance(content, dict) or not content:
        raise Misconfigured([f"{FILE} holds no areas: write lines such as `delivery: [late, damaged]`"])
    faults: list[str] = []
    causes_by_area: dict[str, tuple[str, ...]] = {}
    for area, causes in content.items():
        named = [str(name) for name in causes] if isinstance(causes, list) else []
        faults += [
            f"{FILE}: {name!r} is no name: use lower case, digits and _"
            for name in [str(area), *named]
            if not NAME.fullmatch(name)
        ]
        if not named:
            faults.append(f"{FILE}: {area} has no causes: write a list such as [late, damaged]")
        if len(set(named)) != len(named):
            faults.append(f"{FILE}: {area} names a cause twice: reports could not tell them apart")
        if area == OTHER:
            faults.append(f"{FILE}: `other` is always there, with words: leave it out")
        causes_by_area[str(area)] = tuple(named)
    if faults:
        raise Misconfigured(faults)
    return causes_by_area
