"""The Net Promoter Score and how far it can be trusted: bands, intervals, and whether a change is more than chance.

Scores are in points, -100 to +100. Must not choose whose answers are counted, blend touchpoints, or fill in for people
who did not answer.

Sources. Adjusted Wald: B. Rocks, "Interval Estimation for the Net Promoter Score", The American Statistician 70 (2016),
and the same author's R package NPS, `nps_test(test = "adjusted.wald")`; the idea is that of A. Agresti and B. Coull,
"Approximate is better than 'exact'", The American Statistician 52 (1998), 119-126. Change test: the same package with
two samples; J. Lewis and J. Sauro, "How to Statistically Compare Two Net Promoter Scores", MeasuringU.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from statistics import NormalDist

from workers.domain.reporting.scales import SCALES
from workers.domain.types import Band, QuestionKind
from workers.errors import BadInput

SCALE = SCALES[QuestionKind.NPS]
COUNTS_ONLY_BELOW = 5  # answers; below, an NPS would tell more about persons than about the service
SMALL_BELOW = 30  # answers; below, the number is shown with a flag

# What the adjustment adds before the plain formula is used: three answers in all, spread a quarter, a half, a quarter.
_ADDED_PROMOTERS, _ADDED_PASSIVES, _ADDED_DETRACTORS = 0.75, 1.5, 0.75


class SampleSize(StrEnum):
    """What a number of answers allows to be shown."""

    COUNTS_ONLY = "counts only"
    SMALL = "small"
    ENOUGH = "enough"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many answers fell into each band."""

    promoters: int = 0
    passives: int = 0
    detractors: int = 0

    def __post_init__(self) -> None:
        if min(self.promoters, self.passives, self.detractors) < 0:
            raise ValueError(f"There cannot be fewer than no answers: {self}.")

    @property
    def n(self) -> int:
        """All answers: passives count in the denominator."""
        return self.promoters + self.passives + self.detractors

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.promoters + other.promoters, self.passives + other.passives, self.detractors + other.detractors
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """The points between which the true score lies, at the confidence asked for."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """A step between two groups of answers: points, test statistic, two-sided p, and whether an arrow may be drawn."""

    delta: float | None
    z: float
    p: float
    significant: bool


EVERYTHING = Interval(-100.0, 100.0)  # what is known without any answer


def band(score: int) -> Band:
    """Return the band of a score: promoter 9-10, passive 7-8, detractor 0-6; raise BadInput off the scale."""
    if not SCALE.takes(score):
        raise BadInput(f"A score is a whole number from {SCALE.lowest} to {SCALE.highest}, not {score!r:.40}.")
    if SCALE.is_good(score):
        return Band.PROMOTER
    return Band.DETRACTOR if SCALE.is_low(score) else Band.PASSIVE


def band_of(score: int, question: str | None) -> str:
    """Return the band of an answer, empty for one to another question than the NPS: that has none."""
    return "" if question else band(score).value


def count_bands(bands: Iterable[Band]) -> Counts:
    """Return how many of each band there are; reads its argument once."""
    seen = Counter(bands)
    return Counts(seen[Band.PROMOTER], seen[Band.PASSIVE], seen[Band.DETRACTOR])


def nps(counts: Counts) -> float | None:
    """Return percent promoters minus percent detractors, -100 to +100, unrounded; None without answers."""
    return 100 * (counts.promoters - counts.detractors) / counts.n if counts.n else None


def sample_size(n: int) -> SampleSize:
    """Return what `n` answers allow: below 5 only counts are shown, below 30 the score carries a flag."""
    if n < COUNTS_ONLY_BELOW:
        return SampleSize.COUNTS_ONLY
    return SampleSize.SMALL if n < SMALL_BELOW else SampleSize.ENOUGH


def adjusted_wald(counts: Counts, confidence: float = 0.95) -> Interval:
    """Return the adjusted Wald interval (Rocks 2016) in points, kept within the scale.

    Adds 3/4 promoters, 3/2 passives and 3/4 detractors, then takes the plain interval. Without answers it is the whole
    scale. Raises ValueError for a confidence that is not between 0 and 1.
    """
    return _interval(*_adjusted(counts), confidence) if counts.n else EVERYTHING


def interval_of_mean(total: float, squares: float, n: int, confidence: float = 0.95) -> Interval:
    """Return the adjusted interval of the mean of `n` values from -1 to +1, in points; `squares` sums their squares.

    Adds the same three answers as `adjusted_wald`, which it is for values of +1, 0 and -1.
    """
    if not n:
        return EVERYTHING
    added = _ADDED_PROMOTERS + _ADDED_PASSIVES + _ADDED_DETRACTORS
    mean = total / (n + added)
    spread = (squares + _ADDED_PROMOTERS + _ADDED_DETRACTORS) / (n + added) - mean * mean
    return _interval(mean, max(spread, 0.0) / (n + added), confidence)


def plain_wald(counts: Counts, confidence: float = 0.95) -> Interval:
    """Return the textbook Wald interval in points, kept within the scale: for comparison only, it claims too much.

    Where all answers agree it has no width at all: at 95 % promoters and n = 10 it covers the truth 40 % of the time.
    """
    if not counts.n:
        return EVERYTHING
    return _interval(*_mean_and_variance(counts.promoters, counts.passives, counts.detractors), confidence)


def change_test(before: Counts, after: Counts, confidence: float = 0.95) -> Change:
    """Return the step from `before` to `after` and whether it is more than chance, for two groups of people.

    `delta` is the difference of the scores as shown, None when a side has no answers; z and p come from the difference
    of the adjusted scores over the root of the sum of both adjusted variances. Significant also needs five answers on
    each side (below, only counts are shown) and both differences to point the same way.
    """
    critical = quantile(confidence)
    old, new = nps(before), nps(after)
    if old is None or new is None:
        return Change(None, 0.0, 1.0, False)
    old_mean, old_variance = _adjusted(before)
    new_mean, new_variance = _adjusted(after)
    z = (new_mean - old_mean) / math.sqrt(old_variance + new_variance)
    p = math.erfc(abs(z) / math.sqrt(2))
    shown = min(before.n, after.n) >= COUNTS_ONLY_BELOW
    return Change(new - old, z, p, shown and abs(z) > critical and z * (new - old) > 0)


def response_rate(answered: int, asked: int) -> float | None:
    """Return the share of those asked who answered, 0 to 1; None when nobody was asked.

    Both must be of one cohort: of the requests sent in a period, those answered at any time. Raises ValueError when
    more answered than were asked, as happens when answers are counted by their own date.
    """
    if not 0 <= answered <= asked:
        raise ValueError(f"{answered} answers to {asked} requests are not of one cohort: count answers by request.")
    return answered / asked if asked else None


def _adjusted(counts: Counts) -> tuple[float, float]:
    return _mean_and_variance(
        counts.promoters + _ADDED_PROMOTERS, counts.passives + _ADDED_PASSIVES, counts.detractors + _ADDED_DETRACTORS
    )


def _mean_and_variance(promoters: float, passives: float, detractors: float) -> tuple[float, float]:
    """Return the mean of answers valued +1, 0 and -1, and the variance of that mean."""
    n = promoters + passives + detractors
    mean = (promoters - detractors) / n
    spread = (promoters + detractors) / n - mean * mean
    return mean, max(spread, 0.0) / n  # rounding can leave a hair below zero when all answers agree


def _interval(mean: float, variance: float, confidence: float) -> Interval:
    margin = quantile(confidence) * math.sqrt(variance)
    return Interval(100 * max(mean - margin, -1.0), 100 * min(mean + margin, 1.0))


@cache
def quantile(confidence: float) -> float:
    """Return the two-sided normal quantile: 1.96 for 0.95. Raises ValueError for one not between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence lies between 0 and 1, such as 0.95, not {confidence}.")
    return NormalDist().inv_cdf((1 + confidence) / 2)
