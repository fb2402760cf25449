"""Find which rules overlap, which can never win, and which could be one row.

Works on masks only. Must not know messages, files or severities.
"""

from collections.abc import Iterator, Sequence

from workers.decision_table.model.grid import Grid, any_of, bits

_MOST_STEPS = 50_000  # a rule that so many pieces do not settle counts as one that may win


def partners(grid: Grid) -> list[int]:
    """Return, for each rule, the set of other rules that match some of the same inputs."""
    everyone = (1 << len(grid.rules)) - 1
    memo: list[dict[int, int]] = [{} for _ in grid.axes]
    overlapping = []
    for number, masks in enumerate(grid.masks):
        meeting = everyone if all(masks) else 0
        for axis, mask in enumerate(masks):
            if mask not in memo[axis]:
                memo[axis][mask] = any_of(grid.axes[axis].has, mask)
            meeting &= memo[axis][mask]
        overlapping.append(meeting & ~(1 << number))
    return overlapping


def pairs(grid: Grid) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield each two rules that overlap, in row order, with the box they share."""
    for first, others in enumerate(partners(grid)):
        for second in bits(others >> (first + 1)):
            other = second + first + 1
            yield first, other, tuple(a & b for a, b in zip(grid.masks[first], grid.masks[other], strict=True))


def covered_by(grid: Grid, rule: int, others: Sequence[int]) -> bool:
    """Say whether a set of rules together covers everything that one rule lets through."""
    return covered_by_boxes(grid.masks[rule], [grid.masks[number] for number in others])


def covered_by_boxes(target: Sequence[int], boxes: Sequence[Sequence[int]]) -> bool:
    """Say whether boxes together cover a box; where that cannot be told within reason, say no."""
    meeting = [tuple(box) for box in boxes if all(a & b for a, b in zip(target, box, strict=True))]
    return _covers(tuple(target), meeting, [_MOST_STEPS])


def _covers(target: tuple[int, ...], boxes: Sequence[tuple[int, ...]], steps: list[int]) -> bool:
    """Say whether boxes cover a target, by cutting off what the best of them covers, axis by axis."""
    steps[0] -= 1
    meeting = [box for box in boxes if all(a & b for a, b in zip(target, box, strict=True))]
    if not meeting or steps[0] < 0:
        return False
    best = max(meeting, key=lambda box: _shared(target, box))
    rest = list(target)
    for axis, (mine, theirs) in enumerate(zip(target, best, strict=True)):
        if mine & ~theirs:
            if not _covers((*rest[:axis], mine & ~theirs, *rest[axis + 1 :]), meeting, steps):
                return False
            rest[axis] = mine & theirs
    return True


def _shared(target: Sequence[int], box: Sequence[int]) -> int:
    size = 1
    for mine, theirs in zip(target, box, strict=True):
        size *= (mine & theirs).bit_count()
    return size


def mergeable(grid: Grid, same: Sequence[Sequence[int]]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield an axis and the rules that differ in it alone, for each group of rules with equal outputs."""
    for group in same:
        merged: set[int] = set()
        for axis in range(len(grid.axes)):
            alike: dict[tuple[int, ...], list[int]] = {}
            for rule in group:
                masks = grid.masks[rule]
                alike.setdefault((*masks[:axis], *masks[axis + 1 :]), []).append(rule)
            for rules in alike.values():
                if (
                    len(rules) > 1
                    and merged.isdisjoint(rules)
                    and _disjoint([grid.masks[rule][axis] for rule in rules])
                ):
                    merged.update(rules)
                    yield axis, tuple(rules)


def _disjoint(masks: Sequence[int]) -> bool:
    together = 0
    for mask in masks:
        if together & mask:
            return False
        together |= mask
    return True
