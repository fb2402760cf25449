"""Read S-FEEL unary tests and literals (DMN 1.3, 9.2), as they stand in decision tables of DMN files.

Everything else of FEEL (names, calls, arithmetic, lists) is refused, quoting what was found. Unlike in our own cells,
null follows FEEL: it equals only null, and no comparison with it holds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum

from workers.decision_table.model.cells import shortened
from workers.decision_table.model.limits import check_cell
from workers.decision_table.model.table import Unreadable
from workers.decision_table.model.values import (
    Kind,
    Scalar,
    parse_date,
    parse_duration,
    parse_moment,
    parse_months,
    parse_number,
    parse_time,
)
from workers.errors import BadInput

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<remark>/\*.*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<quote>".*)
      | (?P<number>(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*(?:\s+and\s+(?:time|months\s+duration))?)
      | (?P<sign>\.\.|<=|>=|!=|[<>=()\[\],@?-])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST_WHY = 300
_UNENDED = {"quote": "a quotation mark lacks its pair", "remark": "a remark that begins with /* does not end"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f"}
_ESCAPED = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|.)", re.DOTALL)
_CALLS = ("date", "time", "date and time", "duration", "years and months duration")


class Sign(Enum):
    """How a test compares the input with its literal."""

    EQUAL = "="
    UNEQUAL = "!="
    BELOW = "<"
    UP_TO = "<="
    ABOVE = ">"
    FROM = ">="


@dataclass(frozen=True, slots=True)
class Literal:
    """A typed value; `kind` is None for null."""

    kind: Kind | None
    value: Scalar | None
    text: str

    @property
    def zoned(self) -> bool | None:
        """Say whether a date and time or a time carries an offset; None for other kinds."""
        return self.value.tzinfo is not None if isinstance(self.value, datetime | time) else None


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison with one literal, such as `< 7`; without a sign, equality."""

    sign: Sign
    literal: Literal


@dataclass(frozen=True, slots=True)
class Interval:
    """A range between two literals."""

    low: Literal
    high: Literal
    low_closed: bool
    high_closed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests of one cell; an empty list is `-`, and `inverted` is not(...)."""

    tests: tuple[Test | Interval, ...] = ()
    inverted: bool = False

    @property
    def literals(self) -> list[Literal]:
        literals: list[Literal] = []
        for test in self.tests:
            literals += [test.literal] if isinstance(test, Test) else [test.low, test.high]
        return literals


class _Reader:
    """A cell's tokens, and where the reading stands."""

    def __init__(self, text: str, where: str) -> None:
        self.text = check_cell(f"{where}:", text.strip())
        self.where = where
        self.place = 0
        self.tokens: list[tuple[str, str]] = []
        for match in _TOKEN.finditer(self.text):
            group = match.lastgroup or "other"
            if group in _UNENDED:  # they reach to the end, so that nothing is gone through twice
                raise self.refuse(_UNENDED[group])
            if group != "space":
                self.tokens.append((group, match[0]))

    def peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def group(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def took(self, token: str) -> bool:
        if self.peek() != token or self.group() == "string":
            return False
        self.place += 1
        return True

    def refuse(self, why: str) -> Unreadable:
        return Unreadable(f"{self.where}: {shortened(self.text)!r} is not supported: {why[:_LONGEST_WHY]}.")

    def need(self, token: str) -> None:
        if not self.took(token):
            instead = f"found {self.peek()!r}" if self.peek() else "the text ends"
            raise self.refuse(f"{token!r} is expected where {instead}")

    def end(self) -> None:
        if self.place < len(self.tokens):
            raise self.refuse(f"only literals, comparisons, ranges and not(...) are read, and {self.peek()!r} is more")


def parse_tests(text: str, where: str) -> Tests:
    """Read the unary tests of one cell. Raises Unreadable, quoting the cell and what is not supported in it."""
    reader = _Reader(text, where)
    if not reader.tokens or (reader.peek() == "-" and len(reader.tokens) == 1):
        return Tests()
    inverted = reader.peek() == "not" and reader.peek(1) == "("
    if inverted:
        reader.place += 2
    tests = [_parse_test(reader)]
    while reader.took(","):
        tests.append(_parse_test(reader))
    if inverted:
        reader.need(")")
    reader.end()
    return Tests(tuple(tests), inverted)


def parse_literal(text: str, where: str) -> Literal:
    """Read a cell that holds one literal; an empty one or `-` is null. Raises Unreadable."""
    reader = _Reader(text, where)
    if not reader.tokens or (reader.peek() == "-" and len(reader.tokens) == 1):
        return Literal(None, None, "null")
    literal = _parse_literal(reader)
    reader.end()
    return literal


def parse_literals(text: str, where: str) -> list[Literal]:
    """Read a list of literals, such as the values of an output. Raises Unreadable."""
    reader = _Reader(text, where)
    literals: list[Literal] = []
    while reader.tokens and (not literals or reader.took(",")):
        literals.append(_parse_literal(reader))
    reader.end()
    return literals


def _parse_test(reader: _Reader) -> Test | Interval:
    for sign in sorted(Sign, key=lambda mark: -len(mark.value)):
        if reader.took(sign.value):
            return Test(sign, _parse_literal(reader))
    if reader.group() == "sign" and reader.peek() in ("[", "(", "]"):
        return _parse_interval(reader)
    return Test(Sign.EQUAL, _parse_literal(reader))


def _parse_interval(reader: _Reader) -> Interval:
    start = reader.place
    opening = reader.take()
    low = _parse_literal(reader)
    reader.need("..")
    high = _parse_literal(reader)
    closing = reader.take()
    if closing not in ("]", ")", "["):
        raise reader.refuse("the range lacks its closing bracket")
    text = " ".join(token for _, token in reader.tokens[start : reader.place])
    return Interval(low, high, opening == "[", closing == "]", text)


def _parse_literal(reader: _Reader) -> Literal:
    group, token = reader.group(), reader.take()
    if group == "string":
        return Literal(Kind.TEXT, _unescape(reader, token[1:-1]), token)
    if group == "number":
        return _number(reader, token)
    if token == "-" and reader.group() == "number":
        return _number(reader, "-" + reader.take())
    if token in ("true", "false"):
        return Literal(Kind.BOOLEAN, token == "true", token)
    if token == "null":
        return Literal(None, None, token)
    if token == "@" and reader.group() == "string":
        return _at_literal(reader, reader.take())
    if re.sub(r"\s+", " ", token) in _CALLS and reader.peek() == "(":
        return _call(reader, re.sub(r"\s+", " ", token))
    raise reader.refuse(_why_not(reader, group, token))


def _why_not(reader: _Reader, group: str, token: str) -> str:
    if not token:
        return "a value is missing"
    if token == "?":
        return "a test that is an expression over `?`"
    if group == "word" and reader.peek() == "(":
        return f"the function {token}"
    if group == "word":
        return f"the name {token} (only literals may stand in a cell; text stands in quotes)"
    return f"{token!r} is no literal"


def _number(reader: _Reader, text: str) -> Literal:
    try:
        return Literal(Kind.NUMBER, parse_number(text), text)
    except BadInput as fault:
        raise reader.refuse(str(fault)) from None


def _unescape(reader: _Reader, text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 1:
            return _ESCAPES.get(code, "\\" + code)
        number = int(code[1:], 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise reader.refuse(f"\\{code} is no character")
        return chr(number)

    return _ESCAPED.sub(character, text)


def _call(reader: _Reader, name: str) -> Literal:
    reader.need("(")
    if reader.group() == "number":
        return _call_with_numbers(reader, name)
    if reader.group() != "string":
        raise reader.refuse(f"{name}(...) with anything but one text in quotes")
    text = _unescape(reader, reader.take()[1:-1])
    reader.need(")")
    kinds = {
        "date": (Kind.DATE,),
        "time": (Kind.TIME,),
        "date and time": (Kind.MOMENT,),
        "duration": (Kind.DURATION, Kind.MONTHS),
    }
    return _typed(reader, text, kinds.get(name, (Kind.MONTHS,)), f'{name}("{text}")')


def _call_with_numbers(reader: _Reader, name: str) -> Literal:
    """Read date(2026, 1, 31) and time(9, 0, 0)."""
    numbers = [reader.take()]
    while reader.took(","):
        numbers.append(reader.take())
    reader.need(")")
    plain = all(number.isdecimal() and len(number) <= 4 for number in numbers)
    if len(numbers) != 3 or not plain or name not in ("date", "time"):
        raise reader.refuse(f"{name}({', '.join(numbers)})")
    first, second, third = (int(number) for number in numbers)
    text = f"{first:04}-{second:02}-{third:02}" if name == "date" else f"{first:02}:{second:02}:{third:02}"
    return _typed(reader, text, (Kind.DATE if name == "date" else Kind.TIME,), f'{name}("{text}")')


def _at_literal(reader: _Reader, token: str) -> Literal:
    text = _unescape(reader, token[1:-1])
    if re.match(r"-?P", text):
        kinds: Sequence[Kind] = (Kind.DURATION, Kind.MONTHS)
    elif "T" in text:
        kinds = (Kind.MOMENT,)
    else:
        kinds = (Kind.TIME,) if re.match(r"T?\d\d:", text) else (Kind.DATE,)
    return _typed(reader, text, kinds, f"@{token}")


def _typed(reader: _Reader, text: str, kinds: Sequence[Kind], written: str) -> Literal:
    readers: Mapping[Kind, Callable[[str], Scalar]] = {
        Kind.DATE: parse_date,
        Kind.TIME: parse_time,
        Kind.MOMENT: parse_moment,
        Kind.DURATION: parse_duration,
        Kind.MONTHS: parse_months,
    }
    fault = ""
    for kind in kinds:
        try:
            return Literal(kind, readers[kind](text), written)
        except BadInput as refusal:
            fault = str(refusal)
    raise reader.refuse(fault.rstrip("."))
