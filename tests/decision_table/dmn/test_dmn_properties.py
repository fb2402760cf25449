"""Random DMN tables against a reading of FEEL of its own: three-valued tests on sample values, null among them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tableparts import dmn

from workers.decision_table import check, compile_table
from workers.decision_table.decisions.evaluation import evaluate
from workers.decision_table.dmn.reader import parse_dmn
from workers.decision_table.dmn.writer import write_dmn
from workers.decision_table.files.csv_writer import table_files
from workers.decision_table.files.reader import parse_texts

ENDS = (0, 2, 4.5, 7)
NUMBERS = (-1, 0, 1, 2, 3, 4.5, 5, 7, 8, None)
WORDS = ("a", "b", "c", None)


@dataclass(frozen=True)
class Part:
    """One unary test: its text, and whether it holds for a value (None: FEEL's null)."""

    text: str
    low: float | None = None
    high: float | None = None
    low_closed: bool = False
    high_closed: bool = False
    equal: object = ()
    unequal: object = ()

    def holds(self, value: object) -> bool | None:
        """Judge a value as FEEL does."""
        if self.equal != ():
            return value == self.equal and (value is None) == (self.equal is None)
        if self.unequal != ():
            return not (value == self.unequal and (value is None) == (self.unequal is None))
        if value is None:
            return None
        assert isinstance(value, int | float)
        above = self.low is None or value > self.low or (self.low_closed and value == self.low)
        below = self.high is None or value < self.high or (self.high_closed and value == self.high)
        return above and below


@dataclass(frozen=True)
class Tests:
    """One cell."""

    __test__ = False

    parts: tuple[Part, ...]
    inverted: bool

    @property
    def text(self) -> str:
        """Return the cell as it stands in the file."""
        inner = ", ".join(part.text for part in self.parts)
        return f"not({inner})" if self.inverted else inner or "-"

    def holds(self, value: object) -> bool:
        """Say whether a value passes."""
        if not self.parts:
            return True
        held = [part.holds(value) for part in self.parts]
        return all(passed is False for passed in held) if self.inverted else any(held)


def number_parts() -> st.SearchStrategy[Part]:
    """Draw a test of a number."""
    end = st.sampled_from(ENDS)
    band = st.tuples(end, end, st.booleans(), st.booleans()).filter(lambda ends: ends[0] < ends[1])
    return st.one_of(
        end.map(lambda n: Part(str(n), equal=n)),
        end.map(lambda n: Part(f"< {n}", high=n)),
        end.map(lambda n: Part(f"<={n}", high=n, high_closed=True)),
        end.map(lambda n: Part(f">{n}", low=n)),
        end.map(lambda n: Part(f">= {n}", low=n, low_closed=True)),
        end.map(lambda n: Part(f"!= {n}", unequal=n)),
        st.just(Part("null", equal=None)),
        band.map(lambda ends: Part(f"{'[' if ends[2] else '('}{ends[0]}..{ends[1]}{']' if ends[3] else ')'}", *ends)),
        band.map(lambda ends: Part(f"{'[' if ends[2] else ']'}{ends[0]}..{ends[1]}{']' if ends[3] else '['}", *ends)),
    )


def word_parts() -> st.SearchStrategy[Part]:
    """Draw a test of a text."""
    return st.one_of(
        st.sampled_from(WORDS[:3]).map(lambda word: Part(f'"{word}"', equal=word)),
        st.sampled_from(WORDS[:3]).map(lambda word: Part(f'!= "{word}"', unequal=word)),
        st.just(Part("null", equal=None)),
    )


def cells(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Tests]:
    """Draw a cell of up to three tests, perhaps turned round."""
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.just(Tests((), False)), st.builds(Tests, some, st.booleans()))


ROWS = st.lists(st.tuples(cells(number_parts()), cells(word_parts())), min_size=1, max_size=5)


def dmn_of(rows: Sequence[tuple[Tests, Tests]], policy: str) -> bytes:
    """Return a DMN file of rows."""
    texts = [(number.text, word.text, f'"do-{place}"') for place, (number, word) in enumerate(rows)]
    return dmn([("n", "number", ""), ("w", "string", '"a", "b", "c"')], [("o", "string", "", "")], texts, policy)


def hits(rows: Sequence[tuple[Tests, Tests]], number: object, word: object) -> list[str]:
    """Return the ids of the rules that hold."""
    return [
        f"r{place}" for place, (numbers, words) in enumerate(rows, 1) if numbers.holds(number) and words.holds(word)
    ]


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_evaluation_follows_feel(rows: list[tuple[Tests, Tests]]) -> None:
    """On every combination of sample values, null included, exactly the rules hold that FEEL says."""
    read = parse_dmn(dmn_of(rows, "RULE ORDER"))
    if read.faults:
        assert {fault.code for fault in read.faults} <= {"E302"}
        return
    compiled = compile_table(read)
    for number in NUMBERS:
        for word in WORDS:
            assert evaluate(compiled, {"n": number, "w": word})["rules"] == hits(rows, number, word)


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_gaps_of_dmn_tables_hold_no_rule_and_every_uncovered_value(rows: list[tuple[Tests, Tests]]) -> None:
    """The gap boxes of a DMN table together are what no rule covers; null counts where a cell names it."""
    read = parse_dmn(dmn_of(rows, "UNIQUE"))
    if read.faults:
        return
    gaps = [fault.box for fault in check(read) if fault.code in ("E101", "E102")]
    for number in NUMBERS:
        for word in WORDS:
            if (number is None and not read.inputs[0].unknown) or (word is None and not read.inputs[1].unknown):
                continue
            inside = any(_holds(box, number, word) for box in gaps if box is not None)
            assert inside == (not hits(rows, number, word)), (number, word)


def _holds(box: Sequence[object], number: object, word: object) -> bool:
    first, second = box
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    return _number_in(first, number) and (
        bool(second.get("any")) or (bool(second.get("unknown")) if word is None else word in second.get("values", []))
    )


def _number_in(entry: dict[str, object], number: object) -> bool:
    if entry.get("any") or number is None:
        return bool(entry.get("any") or entry.get("unknown"))
    assert isinstance(number, int | float)
    intervals = entry.get("intervals", [])
    assert isinstance(intervals, list)
    return any(
        (interval["low"] is None or number > interval["low"] or (interval["low_closed"] and number == interval["low"]))
        and (
            interval["high"] is None
            or number < interval["high"]
            or (interval["high_closed"] and number == interval["high"])
        )
        for interval in intervals
    )


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_every_form_of_a_dmn_table_decides_the_same(rows: list[tuple[Tests, Tests]]) -> None:
    """Written as a folder or as DMN again, a table matches the same rules on every sample, null included."""
    read = parse_dmn(dmn_of(rows, "RULE ORDER"))
    if read.faults:
        return
    forms = [compile_table(table) for table in (read, parse_texts(table_files(read)), parse_dmn(write_dmn(read)))]
    for number in NUMBERS:
        for word in WORDS:
            answers = [evaluate(form, {"n": number, "w": word}) for form in forms]
            assert answers[0] == answers[1] == answers[2], (number, word)


# For each ordered type: values in order, each as FEEL literal and as JSON has it. Odd places lie between cell ends.
KINDS: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    "date": (
        ('date("0001-01-01")', 'date("2020-02-29")', '@"2020-03-01"', 'date("9999-12-31")'),
        ("0001-01-01", "0001-01-02", "2020-02-28", "2020-02-29", "2020-03-01", "2020-03-02", "9999-12-31"),
    ),
    "time": (
        ('time("00:00:00")', 'time("12:00:00")', '@"23:59:59"'),
        ("00:00:00", "00:00:01", "12:00:00", "12:00:00.5", "23:59:59", "23:59:59.999999"),
    ),
    "dateTime": (
        ('date and time("2020-01-01T00:00:00")', '@"2020-01-01T12:00:00"'),
        ("2019-12-31T23:59:59.999999", "2020-01-01T00:00:00", "2020-01-01T06:00:00", "2020-01-01T12:00:00",
         "2020-01-01T12:00:01"),
    ),
    "dayTimeDuration": (
        ('duration("-P1D")', 'duration("PT0S")', 'duration("P1DT2H")'),
        ("-P2D", "-P1D", "-PT1H", "PT0S", "PT26H", "PT26H1S"),
    ),
    "yearMonthDuration": (('duration("P1Y")', 'duration("P18M")'), ("P0M", "P11M", "P12M", "P13M", "P1Y6M", "P2Y")),
    "number": (("-1e3", "0.1", "1234567890.123456789"), (-1001, -1000, 0.1, 0.11, 1234567890.123456789, 1e30)),
}  # fmt: skip


@given(st.sampled_from(sorted(KINDS)), st.data())
@settings(max_examples=200, deadline=None)
def test_every_ordered_type_compares_as_its_values_do(kind: str, data: st.DataObject) -> None:
    """Bands over dates, times, durations and numbers hold what lies between their ends, up to the type's limits."""
    literals, values = KINDS[kind]
    places = [_place(kind, literal) for literal in literals]
    low = data.draw(st.integers(0, len(literals) - 2))
    high = data.draw(st.integers(low + 1, len(literals) - 1))
    low_closed, high_closed = data.draw(st.booleans()), data.draw(st.booleans())
    band = f"{'[' if low_closed else '('}{literals[low]}..{literals[high]}{']' if high_closed else ')'}"
    read = parse_dmn(dmn([("x", kind, "")], [("o", "string", "", "")], [(band, '"in"')], "FIRST"))
    if read.faults:  # 29 February to 1 March, both left out, lets nothing through
        return
    for fault in check(read):
        assert fault.message
    compiled = compile_table(read)
    again = compile_table(parse_dmn(write_dmn(read)))
    for value in values:
        place = _place(kind, value)
        above = place > places[low] or (low_closed and place == places[low])
        below = place < places[high] or (high_closed and place == places[high])
        answer = evaluate(compiled, {"x": value})
        assert (answer["result"] == "in") == (above and below), (band, value)
        assert evaluate(again, {"x": value}) == answer


def _place(kind: str, value: object) -> Decimal:
    """Return where a value lies, worked out apart from the engine."""
    text = str(value).partition('"')[2].rpartition('"')[0] if '"' in str(value) else str(value)
    if kind == "number":
        return Decimal(text)
    if kind == "date":
        return Decimal(date.fromisoformat(text).toordinal())
    if kind == "time":
        clock = time.fromisoformat(text)
        return Decimal(clock.hour * 3600 + clock.minute * 60 + clock.second) + Decimal(clock.microsecond) / 10**6
    if kind == "dateTime":
        gone = datetime.fromisoformat(text) - datetime(2000, 1, 1)  # noqa: DTZ001  wall times
        return Decimal(gone.days * 86_400 + gone.seconds) + Decimal(gone.microseconds) / 10**6
    counts = {unit: int(count) for count, unit in re.findall(r"(\d+)([YMDHS])", text.partition("T")[0])}
    hours = {unit: int(count) for count, unit in re.findall(r"(\d+)([HMS])", text.partition("T")[2])}
    sign = -1 if text.startswith("-") else 1
    if kind == "yearMonthDuration":
        return Decimal(sign * (counts.get("Y", 0) * 12 + counts.get("M", 0)))
    seconds = hours.get("H", 0) * 3600 + hours.get("M", 0) * 60 + hours.get("S", 0)
    return Decimal(sign * (counts.get("D", 0) * 86_400 + seconds))
