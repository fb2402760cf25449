"""Refuse review gating: a public review asked of the happy only, and an incentive tied to the score.

Asking only promoters for a public review is against the review sites' rules and risky under consumer law; asking them
for a testimonial of one's own is allowed. Judged on the whole table, so that several rows cannot do together what one
may not.
"""

import re
from collections.abc import Iterator, Sequence

from workers.decision_table.checks.overlaps import covered_by_boxes, partners
from workers.decision_table.decisions.boxes import cell_of, in_words
from workers.decision_table.model.grid import Grid, bits
from workers.decision_table.model.table import MANY_HITS, Fault, HitPolicy, Role, Rule, Severity, Table
from workers.decision_table.model.values import show

REVIEW = "public_review_request"
_SENTIMENT = re.compile(r"(nps[ _-]?)?(score|band|rating|sentiment)", re.IGNORECASE)
_INCENTIVE = re.compile(
    r"incentive|reward|voucher|coupon|discount|gift|prize|bonus|cadeau|remise|prime|bon d'achat", re.IGNORECASE
)


def gating_faults(table: Table, grid: Grid) -> Iterator[Fault]:
    """Yield E701 and E702 for each way of asking or rewarding that depends on the score or band."""
    axes = [place for place, column in enumerate(table.inputs) if _SENTIMENT.fullmatch(column.name)]
    for axis in axes:
        for code, thing, rules in _gated(table, grid):
            split = _split(grid, axis, rules, table.hit_policy)
            if split is not None:
                yield _fault(grid, axis, (code, thing), rules, split)


def _gated(table: Table, grid: Grid) -> list[tuple[str, str, list[int]]]:
    """Return each thing that must not depend on the score, in the way it is done, with the rules that do it.

    The way (template, wait, worth) belongs to it: a review asked of all, but of the unhappy two months later, is gated
    too.
    """
    rules_of: dict[tuple[str, str], list[int]] = {}
    for number, rule in enumerate(grid.rules):
        for code, thing in sorted(_things(table, rule)):
            rules_of.setdefault((code, thing), []).append(number)
    return [(code, thing, rules) for (code, thing), rules in sorted(rules_of.items())]


def _things(table: Table, rule: Rule) -> set[tuple[str, str]]:
    things: set[tuple[str, str]] = set()
    for column in table.outputs:
        value = rule.outputs.get(column.name)
        if value is None or column.role is Role.NOTE:
            continue
        text = show(value, column.kind)
        if text == REVIEW:
            things.add(("E701", f"{REVIEW}{_way(table, rule, column.name)}"))
        elif _INCENTIVE.search(column.name) or (
            column.role in (Role.ACTION, Role.TEMPLATE) and _INCENTIVE.search(text)
        ):
            things.add(("E702", f"{column.name} {text}"))
    return things


def _way(table: Table, rule: Rule, action: str) -> str:
    number = action.rpartition(" ")[2]
    details = [rule.outputs.get(name) for name in (f"template {number}", f"wait {number}")]
    shown = [show(value) for value in details if value is not None]
    return f" ({', '.join(shown)})" if shown else ""


def _split(grid: Grid, axis: int, rules: Sequence[int], policy: HitPolicy) -> tuple[int, int] | None:
    """Return a rule and the scores for which nothing does alike what it does, or None where the score plays no part."""
    boxes = [grid.masks[number] for number in rules]
    for number in rules:
        mine = grid.masks[number]
        for part in bits(grid.axes[axis].full & ~mine[axis]):
            wide = (*mine[:axis], 1 << part, *mine[axis + 1 :])
            if not covered_by_boxes(wide, boxes):
                missing = [
                    other
                    for other in bits(grid.axes[axis].full & ~mine[axis])
                    if not covered_by_boxes((*mine[:axis], 1 << other, *mine[axis + 1 :]), boxes)
                ]
                return number, sum(1 << other for other in missing)
        if (taken := _taken_before(grid, axis, number, rules, policy)) is not None:
            return number, taken
    return None


def _taken_before(grid: Grid, axis: int, number: int, rules: Sequence[int], policy: HitPolicy) -> int | None:
    """Return the scores at which a row that limits them wins instead, under policies where rows may overlap."""
    if policy in MANY_HITS or policy in (HitPolicy.UNIQUE, HitPolicy.ANY):
        return None
    for other in bits(partners(grid)[number]):
        earlier = other < number if policy is HitPolicy.FIRST else other not in rules
        if earlier and other not in rules and grid.masks[other][axis] != grid.axes[axis].full:
            return grid.masks[other][axis]
    return None


def _fault(grid: Grid, axis: int, what: tuple[str, str], rules: Sequence[int], split: tuple[int, int]) -> Fault:
    code, thing = what
    number, missing = split
    rule, column = grid.rules[number], grid.axes[axis].column
    others = in_words(column, cell_of(grid.axes[axis], missing))
    own = in_words(column, cell_of(grid.axes[axis], grid.masks[number][axis]))
    advice = (
        "Asking only some scores for a public review is review gating, which review sites and consumer law forbid: "
        "give it to all scores alike, or use testimonial_request."
        if code == "E701"
        else "An incentive must not depend on what people answer: give it to all scores alike, or to nobody."
    )
    return Fault(
        code=code,
        severity=Severity.ERROR,
        message=f"Row {rule.row} ({rule.id}): {thing} goes to {column.name} {own}, but not alike to {column.name} "
        f"{others}. {advice}",
        rules=tuple(grid.rules[place].id for place in rules),
        rows=tuple(grid.rules[place].row for place in rules),
        columns=(column.name,),
    )
