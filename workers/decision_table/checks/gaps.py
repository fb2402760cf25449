"""Find what no rule covers, as maximal boxes, without walking the whole grid.

A box is one mask of classes per axis. The search cuts the space along the rule that covers most of what is left; each
uncovered piece grows to a maximal box, which then covers as rules do, so that big gaps are met once and not in crumbs.
Must not know messages, files or severities.
"""

from collections.abc import Iterator, Sequence

from workers.decision_table.model.grid import Grid

Box = tuple[int, ...]
MOST_GAPS = 50


def find_gaps(grid: Grid, seeds: Sequence[Sequence[int]] = (), most: int = MOST_GAPS) -> tuple[list[Box], bool]:
    """Return maximal uncovered boxes that together hold every uncovered point, and whether there are more than `most`.

    Uncovered `seeds` (points) are tried first, so that the boxes that matter are among those listed.
    """
    gaps: list[Box] = []
    for point in seeds:
        if len(gaps) >= most:
            break
        if not grid.hits(point) and not _inside(point, gaps):
            gaps.append(grow(grid, tuple(1 << number for number in point)))
    everything = tuple(axis.full for axis in grid.axes)
    if not all(everything):
        return [], False
    for piece in _uncovered(everything, list(grid.masks), gaps, 0):
        if len(gaps) >= most:
            return gaps, True
        gaps.append(grow(grid, piece))
    return gaps, False


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
    """Count the grid points in a box."""
    size = 1
    for mask in box:
        size *= mask.bit_count()
    return size


def _inside(point: Sequence[int], boxes: Sequence[Box]) -> bool:
    return any(all(mask >> number & 1 for mask, number in zip(box, point, strict=True)) for box in boxes)


def _uncovered(target: Box, boxes: Sequence[Box], gaps: Sequence[Box], among_boxes: int) -> Iterator[Box]:
    """Yield pieces of a target that neither boxes nor the gaps found so far cover.

    `gaps` grows while this runs: `among_boxes` says how many of them are among the boxes already.
    """
    meeting = _meeting(target, (*boxes, *gaps[among_boxes:]) if len(gaps) > among_boxes else boxes)
    among_boxes = len(gaps)
    if not meeting:
        yield target
        return
    best = _widest(target, meeting)
    rest = target
    for axis, (mine, theirs) in enumerate(zip(target, best, strict=True)):
        outside = mine & ~theirs
        if outside:
            yield from _uncovered((*rest[:axis], outside, *rest[axis + 1 :]), meeting, gaps, among_boxes)
            rest = (*rest[:axis], mine & theirs, *rest[axis + 1 :])


def _meeting(target: Box, boxes: Sequence[Box]) -> list[Box]:
    sharing = []
    for box in boxes:
        for mine, theirs in zip(target, box):  # noqa: B905  the inner loop of the search; lengths are equal by build
            if not mine & theirs:
                break
        else:
            sharing.append(box)
    return sharing


def _widest(target: Box, boxes: Sequence[Box]) -> Box:
    best, most = boxes[0], -1
    for box in boxes:
        size = 1
        for mine, theirs in zip(target, box):  # noqa: B905  as above
            size *= (mine & theirs).bit_count()
        if size > most:
            best, most = box, size
    return best
