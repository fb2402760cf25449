"""What people write in an input cell: any, 9-10, [9..10], >=9, 7,8, not(...), unknown, as a set of values.

One grammar for CSV, XLSX and table.yaml domains; DMN has its own, stricter reader. Pure text in, Cell or CellError out.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from workers.decision_table.model.date_damage import damaged_by_spreadsheet
from workers.decision_table.model.limits import LONGEST_VALUE
from workers.decision_table.model.spans import Span, Spans, common, everything_of, outside, span, union
from workers.decision_table.model.table import Cell, Column
from workers.decision_table.model.values import (
    ORDERED,
    WHOLE_STEPS,
    Kind,
    Position,
    Scalar,
    parse_scalar,
    position_of,
    show,
    value_at,
)
from workers.errors import BadInput

_FOLD = str.maketrans({
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'",
    "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "≥": ">=", "≤": "<=", "≠": "!=", "…": "..",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "", "\ufeff": "",
})  # fmt: skip
_ANY = frozenset({"", "-", "any"})
_UNKNOWN = frozenset({"unknown", "null"})
_COMPARED = re.compile(r"(<=|>=|!=|<|>|=)\s*(.+)", re.DOTALL)
_BRACKETED = re.compile(r"([\[\](])\s*(.*?)\s*\.\.\s*(.*?)\s*([\])\[])", re.DOTALL)
_LITERAL = re.compile(
    r'(?:@\s*|(?:date and time|date|time|duration)\s*\(\s*)"((?:[^"\\]|\\.)*)"\s*\)?', re.DOTALL | re.IGNORECASE
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_OR_OPEN = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"?)', re.DOTALL)
"""A quoted text, or one whose closing mark is missing, up to the end: so that no text is gone through twice."""
_OPENERS, _CLOSERS = "([", ")]"
_DEEPEST = 5  # not(...) within not(...)
_MOST_NEAR, _LONGEST_NEAR = 300, 80  # names looked at for one that is near, and their length: the search is slow


_T = TypeVar("_T")


class CellError(Exception):
    """A cell cannot be read as it stands; `code` is the stable code, the text says what to write."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one item of a list lets through."""

    spans: Spans = ()
    values: frozenset[str] = frozenset()
    inverted: bool = False
    unknown: bool = False


def fold(text: str) -> str:
    """Return the text with the look-alikes that word processors insert turned into plain characters."""
    return text.translate(_FOLD).strip()


def fold_outside_quotes(text: str) -> str:
    """Fold a cell, but leave what stands between straight quotes as it is."""
    return "".join(piece if quoted else piece.translate(_FOLD) for quoted, piece in _pieces(text)).strip()


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Give what stands inside and outside of quotes, in order; a mark without its pair quotes nothing."""
    place = 0
    for match in _QUOTED_OR_OPEN.finditer(text):
        if not match["end"]:
            break
        yield False, text[place : match.start()]
        yield True, match[0]
        place = match.end()
    yield False, text[place:]


def any_cell(column: Column, text: str = "-") -> Cell:
    """Return the cell that lets everything through, the unknown value too."""
    if column.kind in ORDERED:
        return Cell(text, spans=column.spans, unknown=True)
    return Cell(text, inverted=True, unknown=True)


def parse_cell(text: str, column: Column) -> Cell:
    """Read one input cell. Raises CellError with a code from E301 to E305."""
    cleaned = fold_outside_quotes(text)
    if cleaned.lower() in _ANY:
        return any_cell(column, text)
    _check_brackets(cleaned)
    return passable(column, _joined(text, column, [_parse_item(item, column) for item in split_list(cleaned)]))


def passable(column: Column, cell: Cell) -> Cell:
    """Return a cell that some value can pass. Raises CellError (E302) for one that lets nothing through."""
    if column.kind in ORDERED:
        some_known = bool(cell.spans)
    elif column.others or not column.values:
        some_known = cell.inverted or bool(cell.values)
    else:
        some_known = any(cell.holds(value) for value in column.values)
    if not some_known and not cell.unknown:
        raise CellError("E302", f"{cell.text} lets nothing through, so the row can never apply: write - for anything.")
    return cell


def _joined(text: str, column: Column, parts: Iterable[_Part]) -> Cell:
    parts = tuple(parts)
    unknown = any(part.unknown for part in parts)
    if column.kind in ORDERED:
        spans = common(union(interval for part in parts for interval in part.spans), column.spans)
        return Cell(text, spans=spans, unknown=unknown)
    values, inverted = either((part.values, part.inverted) for part in parts)
    return Cell(text, values=values, inverted=inverted, unknown=unknown)


def either(sets: Iterable[tuple[frozenset[str], bool]]) -> tuple[frozenset[str], bool]:
    """Return the union of sets of texts, each of which may be turned round (True); linear in what they hold."""
    named: set[str] = set()
    left_out: frozenset[str] | None = None
    for values, inverted in sets:
        if not inverted:
            named |= values
        else:
            left_out = values if left_out is None else left_out & values
    return (frozenset(named), False) if left_out is None else (left_out - named, True)


def split_list(text: str) -> list[str]:
    """Split at the commas that stand outside quotes and brackets."""
    items, depth, quoted, start = [], 0, False, 0
    for index, character in enumerate(text):
        if character == '"' and text[index - 1 : index] != "\\":
            quoted = not quoted
        elif not quoted and character in _OPENERS:
            depth += 1
        elif not quoted and character in _CLOSERS:
            depth -= 1
        elif not quoted and character == "," and depth == 0:
            items.append(text[start:index].strip())
            start = index + 1
    return [*items, text[start:].strip()]


def _check_brackets(text: str) -> None:
    plain = "".join(piece for quoted, piece in _pieces(text) if not quoted)
    if '"' in plain:
        raise CellError("E304", f"{shortened(text)} lacks a quotation mark: quotes come in pairs.")
    brackets = list(re.finditer(r"[\[\]()]", plain))
    depth = place = 0
    while place < len(brackets):
        mark, following = brackets[place], brackets[place + 1] if place + 1 < len(brackets) else None
        if following and mark[0] == "]" and following[0] == "[" and ".." in plain[mark.end() : following.start()]:
            place += 2  # FEEL also writes open ends as ]6..10[
            continue
        depth += 1 if mark[0] in _OPENERS else -1
        place += 1
    if depth:
        raise CellError("E304", f"{shortened(text)} lacks a bracket: write [9..10] with both, or 9-10 without.")


def shortened(text: str) -> str:
    """Return a text for a message: whole where people wrote it, its beginning where a machine did."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:60]}... ({len(text):,} signs)"


def _parse_item(item: str, column: Column, depth: int = 0) -> _Part:
    lowered = item.lower()
    if lowered in _UNKNOWN and item not in column.values:
        return _unknown(item, column)
    if lowered.startswith("not") and item[3:].lstrip()[:1] == "(" and item.endswith(")"):
        return _parse_not(item[3:].strip()[1:-1], column, depth + 1)
    if not item:
        raise CellError("E302", "a comma stands without a value beside it: remove it or fill in the value.")
    if column.kind not in ORDERED:
        return _parse_text(item, column)
    part = _parse_ordered(item, column)
    if not common(part.spans, column.spans):
        raise CellError("E302", f"{item} lets nothing through: {column.name} goes {domain_text(column)}.")
    return part


def _unknown(item: str, column: Column) -> _Part:
    if not column.unknown and not column.tolerant:
        raise CellError("E302", f"{item} cannot come: {column.name} is always known, as table.yaml has it.")
    return _Part(unknown=True)


def _parse_not(inner: str, column: Column, depth: int) -> _Part:
    """Turn a list round among the known values: the unknown one passes only a cell that says so."""
    if depth > _DEEPEST:
        raise CellError("E302", f"{shortened(inner)} is within not(...) more than {_DEEPEST} times: once is enough.")
    cell = _joined(inner, column, [_parse_item(item, column, depth) for item in split_list(inner)])
    if column.kind in ORDERED:
        return _Part(spans=common(outside(cell.spans), column.spans))
    return _Part(values=cell.values, inverted=not cell.inverted)


def _parse_text(item: str, column: Column) -> _Part:
    inverted = item.startswith("!=")
    word = unquote(item.removeprefix("!=").removeprefix("=").strip())
    if column.kind is Kind.BOOLEAN:
        word = _value(column, word, item, lambda text: "true" if parse_scalar(Kind.BOOLEAN, text) else "false")
    elif column.values:
        word = _known_words(column.values).get(word, word)
    if column.kind is Kind.TEXT and column.values and not column.others and word not in _known_words(column.values):
        raise CellError("E302", not_one_of(word, column.values))
    return _Part(values=frozenset({word}), inverted=inverted)


@lru_cache(maxsize=256)
def _known_words(values: tuple[str, ...]) -> dict[str, str]:
    """Return the words of a column by how they may be written: as they are, or folded; the first of equals."""
    return {fold(value): value for value in reversed(values)} | {value: value for value in values}


def not_one_of(word: str, values: tuple[str, ...]) -> str:
    """Say that a word is not in a column's list, and which one is near."""
    listed = ", ".join(values[:50]) + (f" and {len(values) - 50} more" if len(values) > 50 else "")
    return f"{shortened(word)} is not one of {listed}.{suggestion(word, values)}"


def suggestion(word: str, words: Iterable[str]) -> str:
    """Return ` Did you mean ...?`, or nothing when no known word is near, or too many are known to look through."""
    names = sorted(words)
    if len(names) > _MOST_NEAR or len(word) > _LONGEST_NEAR:
        return ""
    names = [name for name in names if len(name) <= _LONGEST_NEAR]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    lowered = {name.lower(): name for name in names}
    nearest = near[0] if near else lowered.get(word.lower())
    return f" Did you mean {nearest}?" if nearest else ""


def unquote(text: str) -> str:
    """Return the text between quotes, escapes undone, or the text itself when it has no quotes."""
    match = _QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", match[1]) if match else text


def _parse_ordered(item: str, column: Column) -> _Part:
    if len(item) > LONGEST_VALUE:
        raise CellError("E302", f"{shortened(item)} is too long for a value or a band: separate several with commas.")
    if damage := damaged_by_spreadsheet(item, column.kind):
        raise CellError("E301", damage)
    if match := _COMPARED.fullmatch(item):
        return _Part(spans=_compared(match[1], match[2], column, item))
    if match := _BRACKETED.fullmatch(item):
        open_low, open_high = match[1] in "(]", match[4] in ")["
        return _Part(spans=_band(match[2], match[3], column, item, (not open_low, not open_high)))
    if item[:1] in _OPENERS or item[-1:] in _CLOSERS:
        raise CellError("E304", f"{item} is not a band: write [9..10], (8..10] or 9-10.")
    exactly = column.kind is Kind.ORDERED_TEXT and _QUOTED.fullmatch(item)
    if not exactly and (halves := _halves(item, column.kind)):
        return _Part(spans=_band(*halves, column, item, (True, not column.half_open)))
    here = _position(column, item, item)
    exact = span(here, here, whole=column.kind in WHOLE_STEPS)
    check_inside(column, item, exact)
    return _Part(spans=(exact,))


def _halves(item: str, kind: Kind) -> tuple[str, str] | None:
    """Split a band without brackets: 9..10, 9 to 10, 9-10 (a hyphen only where no value holds one)."""
    for separator in (r"\s*\.\.\s*", r"\s+to\s+"):
        parts = re.split(separator, item, maxsplit=1)
        if len(parts) == 2:
            return parts[0], parts[1]
    if kind in (Kind.INTEGER, Kind.NUMBER, Kind.DURATION) and (
        match := re.fullmatch(r"(-?[^-\s][^-]*?)\s*-\s*(-?[^-\s][^-]*)", item)
    ):
        return match[1], match[2]
    return None


def _band(low: str, high: str, column: Column, item: str, closed: tuple[bool, bool]) -> Spans:
    start = _position(column, low, item) if low else None
    end = _position(column, high, item) if high else None
    whole = column.kind in WHOLE_STEPS
    interval = span(start, end, low_closed=closed[0], high_closed=closed[1], whole=whole)
    if start is not None and end is not None and start > end:
        raise CellError("E303", f"{item} runs backwards: write the lower end first.")
    if interval.empty:
        raise CellError("E303", f"{item} lets nothing through: its lower end is not below its upper one.")
    if start is not None and end is not None:
        check_inside(column, item, interval)
    return (interval,)


def _compared(sign: str, text: str, column: Column, item: str) -> Spans:
    here = _position(column, text, item)
    whole = column.kind in WHOLE_STEPS
    exact = span(here, here, whole=whole)
    if sign in ("=", "!="):
        check_inside(column, item, exact)
        return (exact,) if sign == "=" else common(outside((exact,)), column.spans)
    if sign[0] == ">":
        interval = span(here, None, low_closed=sign == ">=", whole=whole)
    else:
        interval = span(None, here, high_closed=sign == "<=", whole=whole)
    if common((interval,), column.spans) and "=" in sign:
        check_inside(column, item, exact)
    return (interval,)


def check_inside(column: Column, item: str, interval: Span) -> None:
    """Refuse what reaches beyond the first or the last value of the domain. Raises CellError (E302)."""
    if column.spans and common((interval,), outside((Span(column.spans[0].low, column.spans[-1].high),))):
        raise CellError("E302", f"{item} is outside the domain: {column.name} goes {domain_text(column)}.")


def domain_text(column: Column) -> str:
    """Return the domain of an ordered column in words, for messages: `from 0 to 10`."""
    if not column.spans or column.spans == everything_of(column.kind, zoned=column.zoned):
        return "everywhere"
    low, high = column.spans[0].low, column.spans[-1].high
    last = high and (high[0] - 1 if column.kind in WHOLE_STEPS else high[0])
    start = f"from {show(_shown(column, low[0]), column.kind)}" if low else ""
    end = f"to {show(_shown(column, last), column.kind)}" if last is not None else ""
    return " ".join(part for part in (start, end) if part)


def _shown(column: Column, position: Position) -> Scalar:
    return value_at(column.kind, position, zoned=column.zoned)


def _position(column: Column, text: str, item: str) -> Position:
    match = _LITERAL.fullmatch(text.strip())
    plain = match[1] if match else unquote(text.strip())
    if column.kind is Kind.DURATION and re.fullmatch(r"[+-]?\d+(\.\d+)?", plain):
        raise CellError(
            "E305", f"{item} has no unit: write {plain}d for days, {plain}w for weeks or {plain}h for hours."
        )
    return _value(column, plain, item, lambda value: position_of(column.kind, parse_scalar(column.kind, value)))


def _value(column: Column, text: str, item: str, read: Callable[[str], _T]) -> _T:
    try:
        return read(text)
    except BadInput as fault:
        code = "E305" if column.kind is Kind.DURATION and "calendar" in str(fault) else "E302"
        raise CellError(code, str(fault)) from None
