"""Check that a rule id means one thing, now and in earlier versions, and that no rule has run out.

Ids stand in stored decisions, so that one that changes its meaning makes old decisions lie.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from workers.decision_table.files.reader import ON
from workers.decision_table.model.grid import build_grid
from workers.decision_table.model.table import Fault, Rule, Severity, Table


def id_faults(table: Table, earlier: Iterable[Table]) -> Iterator[Fault]:
    """Yield E501 for an id that stands twice or is missing, W502 for one that meant something else before."""
    rules = sorted((*table.rules, *table.damaged), key=lambda rule: rule.row)
    counts = Counter(rule.id for rule in rules)
    for name, count in counts.items():
        if count > 1:
            rows = tuple(rule.row for rule in rules if rule.id == name)
            listed = " and ".join(map(str, rows))
            message = f"The id {name} stands in rows {listed}: give each row an id of its own."
            yield Fault("E501", Severity.ERROR, message, (name,), rows, ("id",))
    for rule in rules:
        if rule.id == f"row {rule.row}":
            message = f"Row {rule.row} has no id: give it one; decisions refer to it."
            yield Fault("E501", Severity.ERROR, message, (rule.id,), (rule.row,), ("id",))
    yield from _changed(table, list(earlier))


def _changed(table: Table, earlier: list[Table]) -> Iterator[Fault]:
    for rule in table.rules:
        for old in earlier:
            former = next((other for other in old.rules if other.id == rule.id), None)
            if former is not None and _means_else(table, rule, old, former):
                yield Fault(
                    "W502",
                    Severity.WARNING,
                    f"Row {rule.row} ({rule.id}): in version {old.version[:12]} this id stood for another rule. Give "
                    f"the new rule a new id, so that old decisions stay explainable.",
                    (rule.id,),
                    (rule.row,),
                    ("id",),
                )
                break


def _means_else(table: Table, rule: Rule, old: Table, former: Rule) -> bool:
    """Say whether two rules of one id have nothing in common: no input matches both, or neither side stayed."""
    if [(column.name, column.kind) for column in table.inputs] != [(column.name, column.kind) for column in old.inputs]:
        return dict(rule.outputs) != dict(former.outputs)
    grid = build_grid(table.inputs, (rule, former), tolerant=True)
    apart = not all(mine & theirs for mine, theirs in zip(*grid.masks, strict=True))
    return apart or (grid.masks[0] != grid.masks[1] and dict(rule.outputs) != dict(former.outputs))


def validity_faults(table: Table, today: date | None) -> Iterator[Fault]:
    """Yield W503 for each rule whose last day is over."""
    place = next((number for number, column in enumerate(table.inputs) if column.name == ON), None)
    if place is None or today is None:
        return
    for rule in table.rules:
        spans = rule.cells[place].spans
        high = spans[-1].high if spans else None
        if high is not None and high[0] <= today.toordinal():
            last = date.fromordinal(int(high[0]) - 1)
            yield Fault(
                "W503",
                Severity.WARNING,
                f"Row {rule.row} ({rule.id}) was valid until {last.isoformat()} and no longer applies: delete it, or "
                f"give it a later day.",
                (rule.id,),
                (rule.row,),
                ("valid until",),
            )
