"""Find which rules overlap, which can never win, and which could be one row.

Works on masks only. Must not know messages, files or severities.
"""

from collections.abc import Iterator, Sequence

from workers.ruletable.grid import Grid, any_of, bits


def partners(grid: Grid) -> list[int]:
    """Return, for each rule, the set of other rules that match some of the same inputs."""
    everyone = (1 << len(grid.rules)) - 1
    memo: list[dict[int, int]] = [{} for _ in grid.axes]
    found = []
    for number, masks in enumerate(grid.masks):
        meeting = everyone if all(masks) else 0
        for axis, mask in enumerate(masks):
            if mask not in memo[axis]:
                memo[axis][mask] = any_of(grid.axes[axis].has, mask)
            meeting &= memo[axis][mask]
        found.append(meeting & ~(1 << number))
    return found


def pairs(grid: Grid) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield each two rules that overlap, in row order, with the box they share."""
    for first, others in enumerate(partners(grid)):
        for second in bits(others >> (first + 1)):
            other = second + first + 1
            yield first, other, tuple(a & b for a, b in zip(grid.masks[first], grid.masks[other], strict=True))


def covered_by(grid: Grid, rule: int, others: Sequence[int]) -> bool:
    """Say whether a set of rules together covers everything that one rule lets through."""
    target = grid.masks[rule]
    boxes = [
        box for number in others if all(box := tuple(a & b for a, b in zip(target, grid.masks[number], strict=True)))
    ]
    return _covers(target, boxes, set())


def _covers(target: tuple[int, ...], boxes: list[tuple[int, ...]], seen: set[tuple[tuple[int, ...], int]]) -> bool:
    """Say whether boxes cover a target, by cutting the target along one of them."""
    meeting = [box for box in boxes if all(a & b for a, b in zip(target, box, strict=True))]
    if not meeting:
        return False
    if any(all(not a & ~b for a, b in zip(target, box, strict=True)) for box in meeting):
        return True
    if (key := (target, len(meeting))) in seen:
        return True
    pivot = max(meeting, key=lambda box: sum((a & b).bit_count() for a, b in zip(target, box, strict=True)))
    rest = list(target)
    for axis, (mine, theirs) in enumerate(zip(target, pivot, strict=True)):
        if mine & ~theirs:
            piece = (*rest[:axis], mine & ~theirs, *rest[axis + 1 :])
            if not _covers(piece, meeting, seen):
                return False
            rest[axis] = mine & theirs
    seen.add(key)
    return True


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
