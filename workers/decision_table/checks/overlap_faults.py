"""Faults between rules: overlaps, rules that never win, and rules that could be one row.

Sentences and codes; the search itself is in `overlaps`.
"""

from collections.abc import Callable, Iterator, Sequence

from workers.decision_table.checks.overlaps import covered_by, mergeable, pairs, partners
from workers.decision_table.decisions.boxes import box_json, paste_row, sample, sample_in_words, sentence
from workers.decision_table.decisions.compiled import ranked
from workers.decision_table.model.grid import Grid
from workers.decision_table.model.table import Fault, HitPolicy, Role, Rule, Severity, Table

_MOST_OVERLAPS = 10_000  # a table with more is not mended pair by pair
CountWithin = Callable[[Sequence[int]], int]


def outcome_of(table: Table, rule: Rule) -> tuple[object, ...]:
    """Return what a rule does, its notes left aside."""
    return tuple(rule.outputs.get(column.name) for column in table.outputs if column.role is not Role.NOTE)


def overlap_faults(table: Table, grid: Grid, within: CountWithin, allowed: bool) -> Iterator[Fault]:
    """Yield a fault for each two rules that overlap; those that the hit policy allows only with `allowed`."""
    count = 0
    if table.hit_policy not in (HitPolicy.UNIQUE, HitPolicy.ANY) and not allowed:
        return
    for first, second, box in pairs(grid):
        fault = _overlap_fault(table, grid, (first, second), box, within)
        if fault.severity is Severity.INFO and not allowed:
            continue
        if count == _MOST_OVERLAPS:
            yield Fault("I202", Severity.INFO, f"More overlaps than these {count} are left: mend some and check again.")
            return
        count += 1
        yield fault


def _overlap_fault(table: Table, grid: Grid, both: tuple[int, int], box: Sequence[int], within: CountWithin) -> Fault:
    first, second = (grid.rules[number] for number in both)
    equal = outcome_of(table, first) == outcome_of(table, second)
    code, severity, advice = _overlap_code(table.hit_policy, equal)
    said, columns = sentence(grid, box)
    example = sample_in_words(table, sample(grid, box))
    return Fault(
        code=code,
        severity=severity,
        message=f"Rows {first.row} ({first.id}) and {second.row} ({second.id}) both match {said}, for example "
        f"{example}. {advice}",
        rules=(first.id, second.id),
        rows=(first.row, second.row),
        columns=columns,
        box=box_json(grid, box),
        responses=within(box),
    )


def _overlap_code(policy: HitPolicy, equal: bool) -> tuple[str, Severity, str]:
    if policy is HitPolicy.ANY:
        if equal:
            return "I201", Severity.INFO, "They do the same, which ANY allows."
        return "E201", Severity.ERROR, "They do different things: make one of them narrower, or their outputs equal."
    if policy is HitPolicy.UNIQUE:
        if equal:
            return "W202", Severity.WARNING, "They do the same: delete one, or make one of them narrower."
        return "E201", Severity.ERROR, "Only one may: make one of them narrower."
    return "I201", Severity.INFO, f"{policy} allows it."


def masked_faults(table: Table, grid: Grid) -> Iterator[Fault]:
    """Yield a fault for each rule that FIRST or PRIORITY never lets win."""
    if table.hit_policy not in (HitPolicy.FIRST, HitPolicy.PRIORITY):
        return
    order = list(range(len(grid.rules)))
    if table.hit_policy is HitPolicy.PRIORITY:
        place = {rule.row: number for number, rule in enumerate(ranked(table, grid.rules))}
        order.sort(key=lambda number: place[grid.rules[number].row])
    meeting = partners(grid)
    for index, number in enumerate(order):
        before = [other for other in order[:index] if meeting[number] >> other & 1]
        if before and covered_by(grid, number, before):
            yield _masked(table, grid.rules[number], [grid.rules[other] for other in sorted(before)])


def _masked(table: Table, rule: Rule, before: Sequence[Rule]) -> Fault:
    shown = ", ".join(f"{earlier.row} ({earlier.id})" for earlier in before[:5]) + (
        " and others" if len(before) > 5 else ""
    )
    move = "move it up" if table.hit_policy is HitPolicy.FIRST else "give its outputs a higher rank"
    return Fault(
        code="E203",
        severity=Severity.ERROR,
        message=f"Row {rule.row} ({rule.id}) never applies: under {table.hit_policy} rows {shown} take all its inputs "
        f"before it. Delete it, or {move}.",
        rules=(rule.id, *(earlier.id for earlier in before)),
        rows=(rule.row, *(earlier.row for earlier in before)),
    )


def policy_faults(table: Table) -> Iterator[Fault]:
    """Yield a warning where the answer depends on an order that nobody sees in a row."""
    if table.hit_policy in (HitPolicy.FIRST, HitPolicy.PRIORITY):
        yield Fault(
            "W205",
            Severity.WARNING,
            f"Hit policy {table.hit_policy} lets rows overlap, so that a row can only be read together with those "
            f"before it. UNIQUE is safer: each row then says by itself when it applies.",
            file="table.yaml",
        )


def merge_faults(table: Table, grid: Grid) -> Iterator[Fault]:
    """Yield a warning for rules that do the same and differ in one column, where their order does not matter."""
    if table.hit_policy not in (HitPolicy.UNIQUE, HitPolicy.ANY):
        return
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, rule in enumerate(grid.rules):
        groups.setdefault(outcome_of(table, rule), []).append(number)
    for axis, numbers in mergeable(grid, list(groups.values())):
        rules = [grid.rules[number] for number in numbers]
        box = list(grid.masks[numbers[0]])
        for number in numbers[1:]:
            box[axis] |= grid.masks[number][axis]
        column = table.inputs[axis].name
        yield Fault(
            code="W204",
            severity=Severity.WARNING,
            message=f"Rows {', '.join(f'{rule.row} ({rule.id})' for rule in rules)} do the same and differ in {column} "
            f"only; one row can say it: {paste_row(table, grid, box, rules[0].id, rules[0])}",
            rules=tuple(rule.id for rule in rules),
            rows=tuple(rule.row for rule in rules),
            columns=(column,),
        )
