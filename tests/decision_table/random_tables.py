"""Random tables for tests, built from sets of sample points, so that what they should do is known without the engine.

Each column has a handful of sample points that stand for every value it can hold; a cell is a set of them, written in
one of the notations people use. Nothing here uses the engine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

OTHER = "something-else"
UNKNOWN = None
Sample = int | float | str | None
Cell = frozenset[Sample]


@dataclass(frozen=True)
class ColumnSketch:
    """A column: its line in table.yaml and the sample points that stand for all its values, in order."""

    name: str
    lines: tuple[str, ...]
    samples: tuple[Sample, ...]
    kind: str


def score_column(name: str) -> ColumnSketch:
    """Return a whole-number column from 0 to 10: every value is a sample."""
    return ColumnSketch(name, (f"  {name}: integer 0..10",), tuple(range(11)), "integer")


def age_column(name: str) -> ColumnSketch:
    """Return a duration column: samples at 10, 20 and 30 days and between them."""
    return ColumnSketch(name, (f"  {name}: duration 0d..",), (0, 5, 10, 15, 20, 25, 30, 40), "duration")


def word_column(name: str, *, others: bool, unknown: bool) -> ColumnSketch:
    """Return a text column of three values, perhaps with others beyond them, perhaps unknown."""
    lines: tuple[str, ...] = (f"  {name}:", "    type: text", "    values: [red, green, blue]")
    samples: tuple[Sample, ...] = ("red", "green", "blue")
    if others:
        lines, samples = (*lines, "    other values: allowed"), (*samples, OTHER)
    if unknown:
        lines, samples = (*lines, "    may be unknown: yes"), (*samples, UNKNOWN)
    return ColumnSketch(name, lines, samples, "text")


@dataclass(frozen=True)
class TableSketch:
    """A table: columns and, per rule, one set of samples per column."""

    columns: tuple[ColumnSketch, ...]
    rules: tuple[tuple[Cell, ...], ...]
    policy: str = "UNIQUE"

    def points(self) -> Iterator[tuple[Sample, ...]]:
        """Yield every combination of samples."""
        return product(*(column.samples for column in self.columns))

    def matching(self, point: Sequence[Sample]) -> list[str]:
        """Return the ids of the rules that match a point, judged cell by cell."""
        return [
            f"R{number}"
            for number, cells in enumerate(self.rules, start=1)
            if all(sample in cell for sample, cell in zip(point, cells, strict=True))
        ]

    def files(self) -> dict[str, bytes]:
        """Return table.yaml and rules.csv."""
        inputs = "\n".join(line for column in self.columns for line in column.lines)
        yaml = f"name: sketch\nhit policy: {self.policy}\ninputs:\n{inputs}\noutputs:\n  then: text\n"
        header = ";".join(["id", *(column.name for column in self.columns), "then"])
        rows = [
            ";".join([f"R{number}", *map(write_cell, self.columns, cells), f"do-{number}"])
            for number, cells in enumerate(self.rules, start=1)
        ]
        return {"table.yaml": yaml.encode(), "rules.csv": "\n".join([header, *rows, ""]).encode()}

    def inputs(self, point: Sequence[Sample]) -> dict[str, Sample]:
        """Return a point as inputs of the engine."""
        return {column.name: sample for column, sample in zip(self.columns, point, strict=True)}


def write_cell(column: ColumnSketch, cell: Cell) -> str:
    """Write a set of samples as a cell."""
    if cell == frozenset(column.samples):
        return "-"
    if column.kind == "text":
        return _write_words(column, cell)
    items = []
    numbers = list(column.samples)
    for start, end in _runs([sample in cell for sample in numbers]):
        items.append(_write_band(column, numbers[start], numbers[end - 1], end, numbers))
    return ",".join(items)


def _write_words(column: ColumnSketch, cell: Cell) -> str:
    listable = [str(sample) for sample in column.samples if sample not in (OTHER, UNKNOWN)]
    words = [word for word in listable if word in cell]
    if OTHER in cell:
        left_out = [word for word in listable if word not in cell]
        items = [f"not({','.join(left_out)})"] if left_out else ["not(unknown)"]
    else:
        items = words
    return ",".join([*items, "unknown"] if UNKNOWN in cell else items)


def _write_band(column: ColumnSketch, low: Sample, high: Sample, end: int, numbers: Sequence[Sample]) -> str:
    if column.kind == "integer":
        return str(low) if low == high else f"{low}-{high}"
    assert isinstance(low, int)
    # Samples 5, 15, 25 stand for what lies between the multiples of ten, 40 for everything above 30.
    first = f"[{low}d" if low % 10 == 0 and low != 40 else f"({low - 5 if low != 40 else 30}d"
    if end == len(numbers):
        return f">={low}d" if first[0] == "[" else f">{first[1:]}"
    assert isinstance(high, int)
    last = f"{high}d]" if high % 10 == 0 else f"{high + 5}d)"
    return f"{first}..{last}"


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None


@st.composite
def columns(draw: st.DrawFn, most: int = 3) -> tuple[ColumnSketch, ...]:
    """Draw one to `most` columns of mixed kinds."""
    kinds = draw(st.lists(st.sampled_from(["score", "age", "word", "open", "unknown"]), min_size=1, max_size=most))
    makers: dict[str, Callable[[str], ColumnSketch]] = {
        "score": score_column,
        "age": age_column,
        "word": lambda name: word_column(name, others=False, unknown=False),
        "open": lambda name: word_column(name, others=True, unknown=False),
        "unknown": lambda name: word_column(name, others=False, unknown=True),
    }
    return tuple(makers[kind](f"{kind}{number}") for number, kind in enumerate(kinds))


@st.composite
def any_table(draw: st.DrawFn, policy: str = "UNIQUE") -> TableSketch:
    """Draw a table of arbitrary rules, with gaps and overlaps as they come."""
    drawn = draw(columns())
    rules = draw(st.lists(st.tuples(*map(_cell, drawn)), min_size=1, max_size=6))
    return TableSketch(drawn, tuple(rules), policy)


def _cell(column: ColumnSketch) -> st.SearchStrategy[Cell]:
    everything = frozenset(column.samples)
    return st.one_of(st.just(everything), st.frozensets(st.sampled_from(column.samples), min_size=1))


@st.composite
def partition(draw: st.DrawFn) -> TableSketch:
    """Draw a complete table of disjoint rules, by cutting the space again and again."""
    drawn = draw(columns())
    boxes: list[tuple[Cell, ...]] = [tuple(frozenset(column.samples) for column in drawn)]
    for _ in range(draw(st.integers(1, 6))):
        box = boxes.pop(draw(st.integers(0, len(boxes) - 1)))
        axis = draw(st.integers(0, len(drawn) - 1))
        left = draw(st.frozensets(st.sampled_from(sorted(box[axis], key=str)), max_size=len(box[axis])))
        for part in (left, box[axis] - left):
            if part:
                boxes.append((*box[:axis], part, *box[axis + 1 :]))
    return TableSketch(drawn, tuple(boxes))
