"""Check a whole table: gaps, overlaps, masked and mergeable rules, names, ids. All faults at once.

Pure: what is known and what was answered in the past come in as parameters. Sentences are for people who own tables,
not for programmers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from workers.decision_table.checks.gaps import MOST_GAPS, find_gaps
from workers.decision_table.checks.identity import id_faults, validity_faults
from workers.decision_table.checks.names import naming_faults
from workers.decision_table.checks.overlap_faults import masked_faults, merge_faults, overlap_faults, policy_faults
from workers.decision_table.checks.review_gating import gating_faults
from workers.decision_table.decisions.boxes import box_json, paste_row, sentence
from workers.decision_table.decisions.compiled import compile_table
from workers.decision_table.model.grid import Grid, Part, bits, build_grid
from workers.decision_table.model.table import Fault, Inputs, KnownNames, Severity, Table
from workers.decision_table.model.values import Kind
from workers.decision_table.trials.cases import Case, case_faults
from workers.errors import BadInput, Misconfigured


@dataclass(frozen=True, slots=True)
class _Past:
    """Where past responses lie on the grid, and whether any were given."""

    points: Counter[tuple[int, ...]]
    given: bool

    def within(self, box: Sequence[int]) -> int:
        return sum(
            count
            for point, count in self.points.items()
            if all(mask >> number & 1 for mask, number in zip(box, point, strict=True))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What a table is checked against.

    `responses` are the inputs of past responses, `earlier` former versions of the table; with `allowed`, gaps and
    overlaps that the hit policy allows are listed as notes. `fit` raises Misconfigured for a table that cannot be used
    in its place.
    """

    known_names: KnownNames | None = None
    responses: Iterable[Inputs] | None = None
    cases: Sequence[Case] = ()
    earlier: Iterable[Table] = ()
    today: date | None = None
    allowed: bool = False
    fit: Callable[[Table], None] | None = None


NOTHING_ELSE = Against()


def check(table: Table, against: Against = NOTHING_ELSE) -> list[Fault]:
    """Return every fault of a table, in the order of their weight: see `by_weight`.

    The command, the page and what takes edits over all decide by this function.
    """
    grid, cases, allowed = build_grid(table.inputs, table.rules), against.cases, against.allowed
    past = _past(table, grid, against.responses)
    faults = [
        *table.faults,
        *_column_faults(table),
        *naming_faults(table, against.known_names),
        *id_faults(table, against.earlier),
        *validity_faults(table, against.today),
        *(case_faults(compile_table(table), cases) if cases and not table.faults else ()),
        *_gap_faults(table, grid, past, allowed),
        *overlap_faults(table, grid, past.within, allowed),
        *masked_faults(table, grid),
        *merge_faults(table, grid),
        *policy_faults(table),
        *gating_faults(table, grid),
        *_unused_faults(table, grid, past),
        *_place_faults(table, against.fit),
    ]
    return sorted(faults, key=by_weight)


SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def by_weight(fault: Fault) -> tuple[int, int]:
    """Return what faults are sorted by: what refuses the table first, of these what most past responses met.

    Faults alike in both keep the order of the passes: cells, names, cases, gaps, overlaps, review gating, the place.
    """
    return SEVERITIES.index(fault.severity), -(fault.responses or 0)


def _place_faults(table: Table, fit: Callable[[Table], None] | None) -> Iterator[Fault]:
    """Yield a fault for each reason why a table cannot be used in its place, once its cells can be read."""
    if fit is None or table.faults:
        return
    try:
        fit(table)
    except Misconfigured as misfit:
        for reason in misfit.faults:
            file, _, sentence = reason.partition(": ")
            yield Fault("E801", Severity.ERROR, sentence, file=file)


def refuse(table: Table, faults: Iterable[Fault]) -> None:
    """Raise Misconfigured with every error among the faults; warnings pass."""
    errors = [f"{table.name}: {fault.code} {fault.message}" for fault in faults if fault.severity is Severity.ERROR]
    if errors:
        raise Misconfigured(errors)


def fault_json(fault: Fault) -> dict[str, object]:
    """Return a fault as `boucle rules check --format json` prints it."""
    return {
        "file": fault.file,
        "code": fault.code,
        "severity": fault.severity.value,
        "rules": list(fault.rules),
        "rows": list(fault.rows),
        "columns": list(fault.columns),
        "message": fault.message,
        "box": None if fault.box is None else [dict(entry) for entry in fault.box],
        "paste": fault.paste,
        "responses": fault.responses,
    }


def _past(table: Table, grid: Grid, responses: Iterable[Inputs] | None) -> _Past:
    points: Counter[tuple[int, ...]] = Counter()
    for inputs in responses or ():
        whole = table.filled(inputs)
        try:
            points[grid.classify([whole.get(axis.column.name) for axis in grid.axes])] += 1
        except BadInput:
            continue  # outside a domain: no rule could cover it
    return _Past(points, responses is not None)


def _column_faults(table: Table) -> Iterator[Fault]:
    for column in table.inputs:
        if column.kind is Kind.TEXT and not column.values and not column.others:
            yield Fault(
                "E306",
                Severity.ERROR,
                f"Column {column.name} holds text without a list of values, so gaps in it cannot be found: list its "
                f"values, and say `other values: allowed` where more may come.",
                columns=(column.name,),
                file="table.yaml",
            )


def _gap_faults(table: Table, grid: Grid, past: _Past, allowed: bool) -> Iterator[Fault]:
    """Yield a fault for each gap; where the table need not be complete, as a note and only when asked for."""
    if not table.complete and not allowed:
        return
    covered = build_grid(table.inputs, (*table.rules, *table.damaged)) if table.damaged else grid
    seeds = [point for point, _ in past.points.most_common()] if covered is grid else []
    boxes, more = find_gaps(covered, seeds)
    ids = {rule.id for rule in (*table.rules, *table.damaged)}
    counted = sorted(((past.within(box) if covered is grid else 0, box) for box in boxes), key=lambda pair: -pair[0])
    for hits, box in counted:
        yield _gap_fault(table, covered, box, hits if past.given else None, _fresh_id(ids))
    if more:
        message = f"More gaps than these {MOST_GAPS} are left: close some and check again."
        yield Fault("I101", Severity.INFO, message)


def _fresh_id(ids: set[str]) -> str:
    number = next(number for number in range(1, len(ids) + 2) if f"G{number}" not in ids)
    ids.add(f"G{number}")
    return f"G{number}"


def _gap_fault(table: Table, grid: Grid, box: Sequence[int], hits: int | None, rule_id: str) -> Fault:
    said, columns = sentence(grid, box)
    unknown = [axis for axis, mask in zip(grid.axes, box, strict=True) if _only_unknown(axis.parts, mask)]
    near = nearest(grid, box)
    rule = grid.rules[near] if near is not None else None
    paste = paste_row(table, grid, box, rule_id, rule)
    hint = f" Nearest: row {rule.row} ({rule.id}); widen it, or" if rule else " To close it,"
    past = f" {hits} past response{'' if hits == 1 else 's'} fell in it." if hits is not None else ""
    return Fault(
        code="E102" if unknown else "E101",
        severity=Severity.ERROR if table.complete else Severity.INFO,
        message=f"No rule covers {said}.{past}{hint} paste this row and check its outputs: {paste}",
        rules=(rule.id,) if rule else (),
        rows=(rule.row,) if rule else (),
        columns=columns,
        box=box_json(grid, box),
        paste=paste,
        responses=hits or 0,
    )


def _only_unknown(parts: Sequence[Part], mask: int) -> bool:
    return all(parts[number].unknown for number in bits(mask)) and len(parts) > 1


def _unused_faults(table: Table, grid: Grid, past: _Past) -> Iterator[Fault]:
    """Yield a warning for each rule that none of the past responses matched, when there are any."""
    if not past.points:
        return
    used = 0
    for point in past.points:
        used |= grid.hits(point)
    for number, rule in enumerate(grid.rules):
        if not used >> number & 1:
            yield Fault(
                "W603",
                Severity.WARNING,
                f"Row {rule.row} ({rule.id}): none of the {past.points.total()} past responses matched it. Check that "
                f"it says what you mean.",
                (rule.id,),
                (rule.row,),
            )


def nearest(grid: Grid, box: Sequence[int]) -> int | None:
    """Return the rule that misses a box in the fewest columns, the topmost of equals."""
    misses = [sum(1 for mine, theirs in zip(masks, box, strict=True) if not mine & theirs) for masks in grid.masks]
    outside = [sum(1 for mine, theirs in zip(masks, box, strict=True) if theirs & ~mine) for masks in grid.masks]
    return min(range(len(misses)), key=lambda rule: (misses[rule], outside[rule], rule), default=None)
