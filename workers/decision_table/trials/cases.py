"""Cases beside a table: inputs and what is expected of them, run through the form that decides.

Reads cases.csv, runs cases, says which rules no case reaches, and proposes cases for a table that has none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.files.reader import decode, parse_output, read_rows
from workers.decision_table.model.cells import CellError, fold, split_list, suggestion, unquote
from workers.decision_table.model.limits import total
from workers.decision_table.model.table import Column, Fault, Outcome, OutcomeKind, Severity, Table, Unreadable
from workers.decision_table.model.values import Scalar, Value, parse_scalar, show
from workers.errors import BadInput

CASES = "cases.csv"
_RULE = ("rule", "rules", "expected", "expected rule")
_NONE = frozenset({"none", "parked", "nothing"})


@dataclass(frozen=True, slots=True)
class Case:
    """One line of cases.csv: inputs, the rules expected (None: not said), and the outputs expected."""

    row: int
    inputs: Mapping[str, Value]
    rules: tuple[str, ...] | None
    outputs: Mapping[str, Scalar | None]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case gave; `message` is empty when it is as expected."""

    case: Case
    rules: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class CaseReport:
    """All results, and how many cases reach each rule."""

    results: tuple[CaseResult, ...]
    coverage: Mapping[str, int]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.message)

    @property
    def unreached(self) -> tuple[str, ...]:
        return tuple(rule for rule, count in self.coverage.items() if not count)


@total
def parse_cases(table: Table, data: bytes) -> tuple[Case, ...]:
    """Read cases.csv for a table. Raises Unreadable, naming the row and what to write."""
    rows, _ = read_rows(decode(CASES, data), name=CASES)
    if not rows:
        return ()
    names = [" ".join(fold(cell).lower().split()) for cell in rows[0]]
    inputs = {column.name.lower(): column for column in table.inputs}
    outputs = {column.name.lower(): column for column in table.outputs}
    for name in names:
        if name and name not in inputs and name not in outputs and name not in (*_RULE, "id", "note"):
            raise Unreadable(f"{CASES}: the table has no column {name!r}.{suggestion(name, [*inputs, *outputs])}")
    cases = []
    for number, cells in enumerate(rows[1:], start=2):
        texts = dict(zip(names, [cell.strip() for cell in cells] + [""] * len(names), strict=False))
        if any(texts.values()) and not cells[0].startswith("#"):
            cases.append(_case(number, texts, inputs, outputs))
    return tuple(cases)


def _case(number: int, texts: Mapping[str, str], inputs: Mapping[str, Column], outputs: Mapping[str, Column]) -> Case:
    rule = next((texts[name] for name in _RULE if texts.get(name)), "")
    try:
        return Case(
            row=number,
            inputs={
                column.name: _value(column, column.cell_text(texts.get(name, ""))) for name, column in inputs.items()
            },
            rules=tuple(unquote(rule_id) for rule_id in split_list(fold(rule))) if rule else None,
            outputs={
                column.name: parse_output(column, texts[name]) for name, column in outputs.items() if texts.get(name)
            },
        )
    except (BadInput, CellError) as fault:
        raise Unreadable(f"{CASES}, row {number}: {fault}") from None


def _value(column: Column, text: str) -> Value:
    cleaned = fold(text)
    return None if cleaned.lower() in ("", "unknown", "null") else parse_scalar(column.kind, unquote(cleaned))


def run_cases(compiled: Compiled, cases: Sequence[Case]) -> CaseReport:
    """Decide each case and count by rule which cases reached it."""
    results = tuple(_run(compiled, case) for case in cases)
    reached = Counter(rule for result in results for rule in result.rules)
    return CaseReport(results, {rule.id: reached[rule.id] for rule in compiled.table.rules})


def _run(compiled: Compiled, case: Case) -> CaseResult:
    try:
        outcome = compiled.decide(case.inputs)
    except BadInput as fault:
        return CaseResult(case, (), str(fault))
    applied = tuple(rule.id for rule in outcome.rules)
    return CaseResult(case, applied, _difference(case, outcome, applied))


def _difference(case: Case, outcome: Outcome, applied: tuple[str, ...]) -> str:
    given = ", ".join(applied) or outcome.kind.value
    if case.rules is not None and not _as_expected(case.rules, outcome, applied):
        return f"expected {', '.join(case.rules)}, but {given} applies."
    for name, value in case.outputs.items():
        if all(row.get(name) != value for row in outcome.outputs):
            shown = " or ".join(
                show(row.get(name)) if row.get(name) is not None else "nothing" for row in outcome.outputs
            )
            return f"expected {name} {show(value)}, but {given} gives {shown or 'nothing'}."
    return ""


def _as_expected(wanted: tuple[str, ...], outcome: Outcome, applied: tuple[str, ...]) -> bool:
    if len(wanted) == 1 and wanted[0] in _NONE:
        return outcome.kind is OutcomeKind.PARKED or not outcome.outputs
    if len(wanted) == 1 and wanted[0] == "otherwise":
        return outcome.kind is OutcomeKind.OTHERWISE
    return outcome.kind is not OutcomeKind.PARKED and sorted(wanted) == sorted(applied)


def case_faults(compiled: Compiled, cases: Sequence[Case]) -> Iterator[Fault]:
    """Yield E601 for the cases that fail, alike ones together, and W602 for each rule that no case reaches."""
    report = run_cases(compiled, cases)
    alike: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for result in report.failed:
        alike[result.message, result.rules].append(result.case.row)
    for (failure, rules), failing in alike.items():
        where = f"Case in row {failing[0]}" if len(failing) == 1 else f"{len(failing)} cases, from row {failing[0]} on"
        message = f"{where}: {failure} Correct the table, or the {'case' if len(failing) == 1 else 'cases'}."
        yield Fault("E601", Severity.ERROR, message, rules, tuple(failing), file=CASES)
    rows = {rule.id: rule.row for rule in compiled.table.rules}
    reached = any(result.rules for result in report.results)
    for rule in report.unreached if reached else ():  # cases that the table does not take say nothing of its rows
        message = f"Row {rows[rule]} ({rule}): no case reaches it. `boucle rules test --generate` proposes one."
        yield Fault("W602", Severity.WARNING, message, (rule,), (rows[rule],))
