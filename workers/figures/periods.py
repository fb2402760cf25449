"""Disjoint periods: months put together until each has enough answers, so that a step between two can be believed.

No rolling windows: an answer is in one period only. Pure arithmetic.
"""

from collections.abc import Sequence
from functools import lru_cache

from workers.nps import SMALL_BELOW

MOST_PERIODS = 8
"""More than these cannot be read on a phone."""


def cut(counts: Sequence[int], enough: int = SMALL_BELOW, most: int = MOST_PERIODS) -> list[tuple[int, int]]:
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
        found: dict[int, tuple[int, int]] = {}
        for start in range(end):
            n = sums[end] - sums[start]
            if n < enough:
                continue
            for runs, (squares, _) in best[start].items():
                tried = (squares + n * n, start)
                if runs < most and (runs + 1 not in found or tried < found[runs + 1]):
                    found[runs + 1] = tried
        best.append(found)
    if not best[-1]:
        return ((0, len(counts)),)
    runs, end = max(best[-1]), len(counts)
    cuts: list[tuple[int, int]] = []
    while runs:
        start = best[end][runs][1]
        cuts.append((start, end))
        runs, end = runs - 1, start
    return tuple(reversed(cuts))
