"""Disjoint periods: months put together until each has enough answers, so that a step between two can be believed.

No rolling windows: an answer is in one period only. No period reaches across a dated note: a step must not be drawn
before its cause. Pure arithmetic.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import pairwise

from workers.domain.reporting.nps import SMALL_BELOW

MOST_PERIODS = 8
"""More than these cannot be read on a phone."""


def cut(
    counts: Sequence[int], walls: Collection[int] = (), *, enough: int = SMALL_BELOW, most: int = MOST_PERIODS
) -> list[tuple[int, int]]:
    """Return runs (first, behind the last) of months that never reach across a wall: the place that a note begins.

    Between two walls the runs are those of `cut_freely`. Together they are at most `most`, but where the walls alone
    make more: then there is one run between two walls.
    """
    ends = [0, *sorted(wall for wall in set(walls) if 0 < wall < len(counts)), len(counts)]
    parts = list(pairwise(ends))
    for each in range(most, 0, -1):
        runs = [
            (begin + first, begin + behind)
            for begin, end in parts
            for first, behind in cut_freely(counts[begin:end], enough, each)
        ]
        if len(runs) <= most:
            break
    return runs


def cut_freely(counts: Sequence[int], enough: int, most: int) -> list[tuple[int, int]]:
    """Return runs (first, behind the last) of months, each with `enough` answers; as many runs as there can be.

    Of all ways to cut into that many runs, the one whose runs are most alike in size: chosen by counts alone, never by
    what was answered. With fewer than `enough` answers in all there is one run. Months before the first and behind the
    last answer are left out.
    """
    there = [place for place, n in enumerate(counts) if n]
    if not there:
        return []
    first, behind = there[0], there[-1] + 1
    runs = _best(tuple(counts[first:behind]), enough, most)
    return [(first + start, first + end) for start, end in runs]


@lru_cache(maxsize=512)
def _best(counts: tuple[int, ...], enough: int, most: int) -> tuple[tuple[int, int], ...]:
    """Return the cut with the most runs, and of these the one with the smallest sum of squares."""
    sums = [0]
    for n in counts:
        sums.append(sums[-1] + n)
    best: list[dict[int, tuple[int, int]]] = [{0: (0, 0)}]  # by end, then by runs: (sum of squares, start of last run)
    for end in range(1, len(counts) + 1):
        cut_by_runs: dict[int, tuple[int, int]] = {}
        for start in range(end):
            n = sums[end] - sums[start]
            if n < enough:
                continue
            for runs, (squares, _) in best[start].items():
                tried = (squares + n * n, start)
                if runs < most and (runs + 1 not in cut_by_runs or tried < cut_by_runs[runs + 1]):
                    cut_by_runs[runs + 1] = tried
        best.append(cut_by_runs)
    if not best[-1]:
        return ((0, len(counts)),)
    runs, end = max(best[-1]), len(counts)
    cuts: list[tuple[int, int]] = []
    while runs:
        start = best[end][runs][1]
        cuts.append((start, end))
        runs, end = runs - 1, start
    return tuple(reversed(cuts))
