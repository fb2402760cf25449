"""Find what no rule covers, as maximal boxes, without walking the whole grid.

A box is one mask of classes per axis. The search descends axis by axis with the set of rules still possible, stops
where one of them covers all that is left, and proves a branch covered by counting where its rules are disjoint.
Must not know messages, files or severities.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workers.ruletable.grid import Grid, bits
from workers.ruletable.overlaps import partners

Box = tuple[int, ...]
MOST_GAPS = 50
_MOST_STATES = 2_000_000  # remembered covered branches; past it the memo starts anew, so that memory stays bounded


@dataclass(slots=True)
class _Search:
    """What one search knows: the axes in the order of descent, and what it has proved so far."""

    grid: Grid
    order: tuple[int, ...]
    whole_from: tuple[int, ...]
    volume_from: tuple[tuple[int, ...], ...]
    total_from: tuple[int, ...]
    disjoint: int
    found: list[Box] = field(default_factory=list)
    found_has: list[list[int]] = field(default_factory=list)
    covered: set[tuple[int, int, int]] = field(default_factory=set)


def find_gaps(grid: Grid, seeds: Sequence[Sequence[int]] = (), most: int = MOST_GAPS) -> tuple[list[Box], bool]:
    """Return maximal uncovered boxes that together hold every uncovered point, and whether there are more than `most`.

    Uncovered `seeds` (points) are tried first, so that the boxes that matter are among those listed.
    """
    search = _prepare(grid)
    for point in seeds:
        if len(search.found) >= most:
            break
        if not grid.hits(point) and not _inside(point, search.found):
            _add(search, grow(grid, tuple(1 << number for number in point)))
    for point in _uncovered(search, 0, (1 << len(grid.rules)) - 1, []):
        if len(search.found) >= most:
            return search.found, True
        _add(search, grow(grid, point))
    return search.found, False


def grow(grid: Grid, box: Box) -> Box:
    """Return a largest uncovered box around an uncovered one: no class can be added on any axis."""
    best, most = box, 0
    count = len(box)
    for first in range(count):
        grown = list(box)
        for step in range(count):
            axis = (first + step) % count
            blocked = grid.touched(grown, but=axis)
            grown[axis] = sum(1 << number for number, has in enumerate(grid.axes[axis].has) if not has & blocked)
        size = volume(grown)
        if size > most:
            best, most = tuple(grown), size
    return best


def volume(box: Sequence[int]) -> int:
    """Return the number of grid points in a box."""
    size = 1
    for mask in box:
        size *= mask.bit_count()
    return size


def _prepare(grid: Grid) -> _Search:
    order = tuple(sorted(range(len(grid.axes)), key=lambda axis: len(grid.axes[axis].parts)))
    count = len(order)
    whole, total, volumes = [(1 << len(grid.rules)) - 1], [1], [tuple(1 for _ in grid.rules)]
    for axis in reversed(order):
        full = grid.axes[axis].full
        whole.append(whole[-1] & sum(1 << rule for rule, masks in enumerate(grid.masks) if masks[axis] == full))
        total.append(total[-1] * len(grid.axes[axis].parts))
        volumes.append(
            tuple(size * masks[axis].bit_count() for size, masks in zip(volumes[-1], grid.masks, strict=True))
        )
    clashing = {rule for rule, others in enumerate(partners(grid)) if others}
    disjoint = sum(1 << rule for rule in range(len(grid.rules)) if rule not in clashing)
    return _Search(
        grid,
        order,
        tuple(reversed(whole)),
        tuple(reversed(volumes)),
        tuple(reversed(total)),
        disjoint,
        found_has=[[0] * len(grid.axes[axis].parts) for axis in range(count)],
    )


def _inside(point: Sequence[int], boxes: Sequence[Box]) -> bool:
    return any(all(mask >> number & 1 for mask, number in zip(box, point, strict=True)) for box in boxes)


def _add(search: _Search, box: Box) -> None:
    bit = 1 << len(search.found)
    search.found.append(box)
    for axis, mask in enumerate(box):
        for number in bits(mask):
            search.found_has[axis][number] |= bit


def _uncovered(search: _Search, depth: int, rules: int, prefix: list[int]) -> Iterator[Box]:
    """Yield uncovered boxes, one after the other; each is grown and added before the search goes on."""
    grid = search.grid
    boxes = _boxes_at(search, prefix)
    if _is_covered(search, depth, rules, boxes):
        return
    if not rules and not boxes:
        tail = {search.order[place]: number for place, number in enumerate(prefix)}
        yield tuple(1 << tail[axis] if axis in tail else grid.axes[axis].full for axis in range(len(grid.axes)))
        return
    axis = search.order[depth]
    seen: set[tuple[int, int]] = set()
    for number, has in enumerate(grid.axes[axis].has):
        state = (rules & has, _boxes_at(search, [*prefix, number]))
        if state in seen:
            continue
        yield from _uncovered(search, depth + 1, rules & has, [*prefix, number])
        seen.add((rules & has, _boxes_at(search, [*prefix, number])))
    if len(search.covered) >= _MOST_STATES:
        search.covered.clear()
    search.covered.add((depth, rules, _boxes_at(search, prefix)))


def _boxes_at(search: _Search, prefix: Sequence[int]) -> int:
    """Return the set of gap boxes found so far that a prefix can still lie in."""
    boxes = (1 << len(search.found)) - 1
    for place, number in enumerate(prefix):
        boxes &= search.found_has[search.order[place]][number]
    return boxes


def _is_covered(search: _Search, depth: int, rules: int, boxes: int) -> bool:
    if rules & search.whole_from[depth]:
        return True
    if depth == len(search.order):
        return bool(rules or boxes)
    if (depth, rules, boxes) in search.covered or (boxes and (depth, rules, 0) in search.covered):
        return True
    if rules and not rules & ~search.disjoint:
        sizes = search.volume_from[depth]
        if sum(sizes[rule] for rule in bits(rules)) == search.total_from[depth]:
            search.covered.add((depth, rules, 0))
            return True
    return False
