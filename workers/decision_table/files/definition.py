"""Read table.yaml: columns, types, domains, hit policy, deadlines and rest period.

All scalars are read as text, so that `yes` stays a word. Must not read files or rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from workers.calendar.durations import Wait, parse_wait
from workers.decision_table.model.cells import CellError, parse_cell, shortened, suggestion
from workers.decision_table.model.limits import MOST_COLUMNS, MOST_VALUES, check_columns
from workers.decision_table.model.spans import WHOLE, Spans, everything_of
from workers.decision_table.model.table import (
    MANY_HITS,
    Aggregator,
    Column,
    HitPolicy,
    RestPeriod,
    Role,
    Unreadable,
    check_order,
)
from workers.decision_table.model.values import ORDERED, Kind, Scalar, parse_scalar
from workers.errors import BadInput
from workers.text.yaml_text import read_yaml

_Enum = TypeVar("_Enum", bound=StrEnum)
_YES = frozenset({"yes", "true", "allowed", "oui"})
_TYPE_WORDS = {kind.value: kind for kind in Kind} | {
    "string": Kind.TEXT,
    "datetime": Kind.MOMENT,
    "yes/no": Kind.BOOLEAN,
}
_COLUMN_KEYS = frozenset(
    {
        "type",
        "values",
        "other values",
        "names",
        "may be unknown",
        "may_be_unknown",
        "repeat",
        "domain",
        "label",
        "if missing",
        "may be left out",
    }
)
_TABLE_KEYS = frozenset(
    {"name", "hit policy", "aggregator", "complete", "inputs", "outputs", "latest", "apart", "rest period", "no match"}
)


@dataclass(frozen=True, slots=True)
class Definition:
    """What table.yaml says; `repeated` names the output groups whose columns carry a number."""

    name: str
    hit_policy: HitPolicy
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    repeated: Mapping[str, int]
    aggregator: Aggregator | None
    complete: bool
    latest: Mapping[str, Wait]
    apart: Mapping[str, Wait]
    rest: RestPeriod | None
    nothing_is_null: bool


def parse_definition(text: str) -> Definition:
    """Read the text of table.yaml. Raises Unreadable, naming the key that is wrong."""
    try:
        loaded = read_yaml(text, "table.yaml", texts=True)
    except BadInput as fault:
        raise Unreadable(str(fault)) from None
    top = _mapping(loaded, "table.yaml")
    _check_keys(top, _TABLE_KEYS, "table.yaml")
    policy = _member(HitPolicy, _text(top, "hit policy", "UNIQUE").upper(), "hit policy")
    aggregator = _member(Aggregator, top["aggregator"], "aggregator") if top.get("aggregator") else None
    if aggregator and policy is not HitPolicy.COLLECT:
        raise Unreadable(f"table.yaml: aggregator {aggregator} goes with hit policy COLLECT only, not {policy}.")
    check_columns(
        "table.yaml", len(_mapping(top.get("inputs"), "inputs")) + len(_mapping(top.get("outputs"), "outputs"))
    )
    outputs = {name: _mapping_of_column(entry) for name, entry in _mapping(top.get("outputs"), "outputs").items()}
    columns_out = tuple(replace(parse_column(name, entry), spans=WHOLE) for name, entry in outputs.items())
    check_order("table.yaml", policy, columns_out)
    return Definition(
        name=_text(top, "name", ""),
        hit_policy=policy,
        inputs=tuple(
            parse_column(name, _mapping_of_column(entry))
            for name, entry in _mapping(top.get("inputs"), "inputs").items()
        ),
        outputs=columns_out,
        repeated={name: _count(name, entry["repeat"]) for name, entry in outputs.items() if "repeat" in entry},
        aggregator=aggregator,
        complete=_is_yes(top, "complete", "no" if policy in MANY_HITS else "yes"),
        latest=_waits(top, "latest"),
        apart=_waits(top, "apart"),
        rest=_rest(top["rest period"]) if "rest period" in top else None,
        nothing_is_null=_text(top, "no match", "park") == "null",
    )


def parse_column(name: str, entry: Mapping[str, object]) -> Column:
    """Read one column from its entry. Raises Unreadable."""
    _check_keys(entry, _COLUMN_KEYS, f"column {name}")
    kind, domain = _type(name, _text(entry, "type", "text"))
    values = entry.get("values", [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Unreadable(f"table.yaml: column {name}: values must be a list, such as [yes, no].")
    if len(values) > MOST_VALUES:
        raise Unreadable(f"table.yaml: column {name} lists {len(values):,} values; at most {MOST_VALUES:,} are read.")
    column = Column(
        name=name,
        kind=kind,
        values=_listed(kind, values),
        others=_is_yes(entry, "other values", "no"),
        unknown=_is_yes(entry, "may be unknown", _text(entry, "may_be_unknown", "no")),
        tolerant=_text(entry, "may be unknown", "no") == "unchecked",
        role=_member(Role, _text(entry, "names", ""), f"column {name}: names"),
        label=_text(entry, "label", ""),
        missing=_text(entry, "if missing", ""),
        spare=_is_yes(entry, "may be left out", "no"),
    )
    column = replace(column, spans=everything_of(kind))
    domain = _text(entry, "domain", domain) or (",".join(values) if kind in ORDERED else "")
    column = replace(column, spans=parse_domain(column, domain)) if domain else column
    return replace(column, ranked=tuple(_ranked(column, value) for value in values))


def _listed(kind: Kind, values: Sequence[str]) -> tuple[str, ...]:
    if kind is Kind.BOOLEAN:
        return tuple(values) or ("true", "false")
    return () if kind in ORDERED else tuple(values)


def _ranked(column: Column, text: str) -> Scalar:
    try:
        return parse_scalar(column.kind, text)
    except BadInput as fault:
        raise Unreadable(f"table.yaml: column {column.name}: {fault}") from None


def parse_domain(column: Column, text: str) -> Spans:
    """Read the domain of an ordered column, written as a cell would be. Raises Unreadable."""
    try:
        return parse_cell(text, column).spans
    except CellError as fault:
        raise Unreadable(f"table.yaml: the domain of column {column.name}: {fault}") from None


def _type(name: str, text: str) -> tuple[Kind, str]:
    """Split `integer 0..10` into the kind and its domain."""
    for words in sorted(_TYPE_WORDS, key=len, reverse=True):
        if text == words or text.startswith(words + " "):
            return _TYPE_WORDS[words], text.removeprefix(words).strip()
    hint = suggestion(text.split(" ")[0], _TYPE_WORDS)
    raise Unreadable(f"table.yaml: column {name}: type {text!r} is not one of {', '.join(Kind)}.{hint}")


def _mapping_of_column(entry: object) -> Mapping[str, object]:
    return {"type": entry} if isinstance(entry, str) else _mapping(entry, "a column")


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Unreadable(f"table.yaml: {where} must be a list of `name: value` lines.")
    return value


def _check_keys(entry: Mapping[str, object], allowed: Iterable[str], where: str) -> None:
    names = frozenset(allowed)
    for key in entry:
        if key not in names:
            raise Unreadable(f"table.yaml: {where} has an unknown key {shortened(key)!r}.{suggestion(key, names)}")


def _text(entry: Mapping[str, object], key: str, default: str) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise Unreadable(f"table.yaml: {key} must be a single text.")
    return value.strip()


def _is_yes(entry: Mapping[str, object], key: str, default: str) -> bool:
    return _text(entry, key, default).lower() in _YES


def _member(kind: type[_Enum], value: object, where: str) -> _Enum:
    try:
        return kind(str(value))
    except ValueError:
        raise Unreadable(f"table.yaml: {where}: {value!r} is not one of {', '.join(filter(None, kind))}.") from None


def _count(name: str, value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= 4 and 0 < int(value) <= MOST_COLUMNS:
        return int(value)
    raise Unreadable(f"table.yaml: column {name}: repeat must be a number from 1 to {MOST_COLUMNS}, such as 3.")


def _at_most(value: object) -> int:
    """Read how many questions a person gets at most; none is no rest period but an end to asking."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 4 and int(value) > 0:
        return int(value)
    raise Unreadable(
        f"table.yaml: rest period, at most: {value!r} must be a number of questions from 1 to 9999, such as 6. To ask "
        f"nobody, take the rows out of rules.csv, or pause sending with `boucle pause`."
    )


def _waits(top: Mapping[str, object], key: str) -> dict[str, Wait]:
    return {name: _wait(f"{key}, {name}", value) for name, value in _mapping(top.get(key, {}), key).items()}


def _wait(name: str, value: object) -> Wait:
    try:
        return parse_wait(str(value))
    except BadInput as fault:
        raise Unreadable(f"table.yaml: {name}: {fault}") from None


def _rest(value: object) -> RestPeriod:
    entry = _mapping(value, "rest period")
    _check_keys(entry, ("all surveys", "same template", "at most", "within"), "rest period")
    return RestPeriod(
        all_surveys=_wait("all surveys", entry.get("all surveys", "P30D")),
        same_template=_wait("same template", entry.get("same template", "P90D")),
        at_most=_at_most(entry.get("at most", "6")),
        within=_wait("within", entry.get("within", "P12M")),
    )
