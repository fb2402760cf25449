"""YAML that somebody wrote or uploaded, as plain values: measured before anything is built of it.

A few lines can stand for gigabytes (an alias of an alias) or for minutes (100,000 open brackets). So depth and size,
aliases counted in full, are limits on what the parser reports, and the parser stops there. Total: `read_yaml` returns
the values or raises BadInput, whatever the text is.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

import yaml

from workers.errors import BadInput, Misconfigured

LONGEST = 500_000
"""Signs of a file: the largest that ships has 5,000."""
MOST_NODES = 50_000
"""Keys, values and lists, each counted as often as an alias repeats it."""
DEEPEST = 30
LONGEST_NUMBER = 500
"""Signs of what may be read as a number: YAML 1.1 reads 1:1:1 with base 60, whose cost is the square of its length."""
_NUMBER = re.compile(r"[-+0-9:_.]+")
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_yaml(content: bytes | str, name: str, *, texts: bool = False) -> object:
    """Return what a file says. `texts` leaves every scalar the text that it is, so that `no` and `1:30` stay words.

    Raises BadInput with one sentence that begins with the name.
    """
    if len(content) > LONGEST:
        raise BadInput(f"{name} is {len(content):,} long; at most {LONGEST:,} is read.")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        _measure(text, name)
        _refuse_doubled_keys(text, name)
        return yaml.load(text, Loader=_TEXTS if texts else _PARSER)
    except BadInput:
        raise
    except UnicodeDecodeError as fault:
        raise BadInput(f"{name} is not UTF-8 (byte {fault.start}): save it as UTF-8.") from None
    except Exception as fault:  # the library raises what its parts raise, such as for a date of 30 February
        if isinstance(fault, RecursionError) or "nesting depth" in str(fault):
            raise BadInput(f"{name} is nested too deeply: more than {DEEPEST} levels.") from None
        raise BadInput(f"{name} is not YAML: {str(fault)[:500]}") from None


def read_operators_file(content: bytes, place: str) -> object:
    """Return what a file of the operator's says, its scalars as texts; raises Misconfigured where it cannot be read."""
    try:
        return read_yaml(content, place, texts=True)
    except BadInput as error:
        raise Misconfigured([f"{place} cannot be read: {error}"]) from error


def read_named(content: bytes, place: str, keys: Sequence[str]) -> object:
    """Return what a file says in which each name stands at the left margin, with some of the `keys` below it.

    Raises Misconfigured where it cannot be read, or all of it stands below a heading, as other tools want it.
    """
    values = read_operators_file(content, place)
    heading = place.rpartition("/")[2].partition(".")[0]
    if isinstance(values, dict) and list(values) == [heading]:
        below = values[heading]
        if isinstance(below, list) or (isinstance(below, dict) and below and set(keys).isdisjoint(below)):
            advice = f"leave the line `{heading}:` out, and begin with a name at the left margin for each of them."
            raise Misconfigured([f"{place}: {advice}"])
    return values


def unread_keys(keys: Iterable[object], names: Sequence[str]) -> Iterator[str]:
    """Give a sentence for each key that is none of those that are read, with what was likely meant."""
    for key in keys:
        if key not in names:
            shown = str(key)[:40]
            near = difflib.get_close_matches(shown, names, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."
            yield f"{shown} is not read. {hint}"


def _measure(text: str, name: str) -> None:
    """Walk the parser's events and stop at the first limit; nothing is built here. Raises BadInput."""
    depth = nodes = 0
    sizes: dict[str, int] = {}
    begun: list[tuple[str | None, int]] = []
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise BadInput(f"{name}: *{event.anchor} stands for something that holds it: write it out.")
            nodes += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, nodes))
            depth, nodes = depth + 1, nodes + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            anchor, before = begun.pop()
            if anchor:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if len(event.value) > LONGEST_NUMBER and event.implicit[0] and _NUMBER.fullmatch(event.value):
                raise BadInput(f"{name} has a number of {len(event.value):,} signs; write a text in quotes.")
            if event.anchor:
                sizes[event.anchor] = 1
        if depth > DEEPEST:
            raise BadInput(f"{name} is nested too deeply: more than {DEEPEST} levels.")
        if nodes > MOST_NODES:
            raise BadInput(f"{name} holds more than {MOST_NODES:,} keys and values, aliases counted in full.")


def _refuse_doubled_keys(text: str, name: str) -> None:
    """Refuse a key that stands twice in one place: the library would keep the last and lose the other. Raises BadInput.

    Each node is looked at once, however many aliases lead to it.
    """
    root = yaml.compose(text, Loader=_PARSER)
    waiting, seen = [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                waiting.append(value)
                if not isinstance(key, yaml.ScalarNode):
                    continue
                line = key.start_mark.line + 1
                if key.value in lines:
                    where = f"in lines {lines[key.value]} and {line}"
                    raise BadInput(f"{name} has the key {key.value[:80]} twice, {where}: keep one.")
                lines[key.value] = line


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_PARSER)
