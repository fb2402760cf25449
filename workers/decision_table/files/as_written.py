"""A table as it stands in a spreadsheet: rows with their numbers, texts as written, and the faults on each cell.

For whoever shows a table. Takes cells that cannot be read as well as good ones, and judges nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from workers.decision_table.files.cell_writer import write_output
from workers.decision_table.files.reader import ON, RULES, VALID, read_rows
from workers.decision_table.model.cells import fold
from workers.decision_table.model.table import Fault, Rule, Severity, Table

ID = "id"
_Mark = tuple[tuple[int, ...], bool]
_CLEAN: _Mark = ((), False)
_Former = tuple[Mapping[str, str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class WrittenCell:
    """One cell: its text, the numbers of the faults that lie on it, and what stood there before, where that differs.

    `error` says that one of the faults refuses the table.
    """

    text: str
    faults: tuple[int, ...] = ()
    error: bool = False
    before: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """One row with the number that a spreadsheet shows; `added` says that there was no row of this id before."""

    number: int
    id: str
    cells: tuple[WrittenCell, ...]
    added: bool = False

    @property
    def marked(self) -> bool:
        """Say whether there is something to see in the row: a fault or a change."""
        return self.noticed or any(cell.faults for cell in self.cells)

    @property
    def noticed(self) -> bool:
        """Say whether the row is to be looked at first: it refuses the table, or is not as before."""
        return self.added or any(cell.error or cell.before is not None for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Written:
    """A table as rows of texts. `roles` says of each column whether it is the id, an input or an output."""

    header: tuple[WrittenCell, ...]
    roles: tuple[str, ...]
    rows: tuple[WrittenRow, ...]
    removed: tuple[str, ...]

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Return the runs of columns that play the same part, each with how many there are."""
        return tuple((role, len(list(run))) for role, run in groupby(self.roles))

    def most(self, rows: int) -> tuple[WrittenRow, ...]:
        """Return at most so many rows, those with something to see before the others, in their order."""
        if len(self.rows) <= rows:
            return self.rows
        first = sorted(self.rows, key=lambda row: not row.marked)[:rows]
        return tuple(sorted(first, key=lambda row: row.number))


def written(table: Table, faults: Sequence[Fault] = (), before: Table | None = None) -> Written:
    """Return a table as written, with faults on its cells and, where there is a table before, what differs from it."""
    names, texts = _names(table), dict(_texts(table))
    marks, meant = _marks(table, names, faults), _meanings(table)
    former = _by_id(before) if before is not None else None
    rows = tuple(_row((number, names, cells), marks, former, meant) for number, cells in texts.items())
    gone = () if former is None else tuple(id for id in former if id not in {row.id for row in rows})
    header = tuple(
        WrittenCell(text, *marks.get((1, name), _CLEAN)) for text, name in zip(_header(table), names, strict=True)
    )
    return Written(header, tuple(_role(table, name) for name in names), rows, gone)


def _row(
    written: tuple[int, Sequence[str], Sequence[str]],
    marks: Mapping[tuple[int, str], _Mark],
    former: Mapping[str, _Former] | None,
    meant: Mapping[str, Mapping[str, object]],
) -> WrittenRow:
    number, names, cells = written
    id = cells[names.index(ID)] if ID in names else f"row {number}"
    old, new = None if former is None else former.get(id), meant.get(id, {})
    written_cells = tuple(
        WrittenCell(text, *marks.get((number, name), _CLEAN), _before(old, new, name, text))
        for name, text in zip(names, cells, strict=True)
    )
    return WrittenRow(number, id, written_cells, former is not None and old is None)


def _before(old: _Former | None, new: Mapping[str, object], name: str, text: str) -> str | None:
    """Return what stood in a cell before, or None where it means the same: `0..6` is what `0-6` was."""
    if old is None:
        return None
    texts, meant = old
    same = meant[name] == new[name] if name in meant and name in new else _same(texts.get(name, ""), text)
    return None if same else texts.get(name, "")


def _meanings(table: Table) -> dict[str, dict[str, object]]:
    """Return what each cell of each rule that could be read means, whatever it is written like."""
    return {
        rule.id: {
            **{
                column.name.lower(): replace(cell, text="")
                for column, cell in zip(table.inputs, rule.cells, strict=True)
            },
            **{output.name.lower(): rule.outputs.get(output.name) for output in table.outputs},
        }
        for rule in table.rules
    }


def _same(text: str, other: str) -> bool:
    """Say whether two cells are written alike but for spaces and signs that the reader takes for the same."""
    return _squeezed(text) == _squeezed(other)


def _squeezed(text: str) -> str:
    squeezed = "".join(fold(text).split())
    return "-" if squeezed.lower() in ("", "any") else squeezed


def _header(table: Table) -> tuple[str, ...]:
    return table.header or (ID, *(column.name for column in (*table.inputs, *table.outputs)))


def _names(table: Table) -> list[str]:
    return [" ".join(fold(text).lower().split()) for text in _header(table)]


def _role(table: Table, name: str) -> str:
    if name == ID:
        return ID
    return "input" if name in VALID or any(name == column.name.lower() for column in table.inputs) else "output"


def _texts(table: Table) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield each row's number and texts: as in the file, or as the cells of a DMN table say."""
    width = len(_header(table))
    if RULES in table.files:
        rows, _ = read_rows(table.files[RULES])
        for number, cells in enumerate(rows[1:], start=2):
            texts = [cell.strip() for cell in cells[:width]]
            if any(texts) and not texts[0].startswith("#"):
                yield number, tuple(texts + [""] * (width - len(texts)))
        return
    names = _names(table)
    for rule in sorted((*table.rules, *table.damaged), key=lambda either: either.row):
        by_name = _told(table, rule)
        yield rule.row, tuple(by_name.get(name, "") for name in names)


def _told(table: Table, rule: Rule) -> dict[str, str]:
    texts = {ID: rule.id}
    texts |= {column.name.lower(): cell.text for column, cell in zip(table.inputs, rule.cells, strict=True)}
    return texts | {
        column.name.lower(): write_output(column, rule.outputs.get(column.name)) for column in table.outputs
    }


def _by_id(table: Table) -> dict[str, _Former]:
    names, meant = _names(table), _meanings(table)
    former: dict[str, _Former] = {}
    for number, cells in _texts(table):
        id = cells[names.index(ID)] if ID in names else f"row {number}"
        former[id] = dict(zip(names, cells, strict=True)), meant.get(id, {})
    return former


def _marks(table: Table, names: Sequence[str], faults: Sequence[Fault]) -> dict[tuple[int, str], _Mark]:
    """Return the numbers of the faults by row and column: a row's as a whole on its id, a column's on the header."""
    numbers_at: dict[tuple[int, str], list[int]] = defaultdict(list)
    for number, fault in enumerate(faults, start=1):
        if fault.file not in (RULES, "table.yaml"):
            continue
        columns = [name for column in fault.columns for name in _places(names, column)]
        for row in fault.rows or ((1,) if columns else ()):
            for name in columns or [ID]:
                numbers_at[row, name].append(number)
    return {
        place: (tuple(numbers), any(faults[number - 1].severity is Severity.ERROR for number in numbers))
        for place, numbers in numbers_at.items()
    }


def _places(names: Sequence[str], column: str) -> list[str]:
    if column == ON:
        return [name for name in VALID if name in names]
    name = column.lower()
    return [name] if name in names else []
