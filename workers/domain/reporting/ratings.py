"""What CSAT and CES questions were answered with: share of good answers and mean, per touchpoint and by month. Pure.

They stand apart: nothing of them is in an NPS, and two kinds are never put together.

Source of the interval: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal
of the American Statistical Association 22 (1927), 209-212; recommended for few answers by L. Brown, T. Cai and A.
DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001), 101-133.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workers.domain.reporting.model import FLAGS, NONE
from workers.domain.reporting.nps import SampleSize, quantile, response_rate, sample_size
from workers.domain.reporting.scales import SCALES, Scale, kind_of
from workers.domain.types import QuestionKind

DECIMALS = 4  # of a share; of a mean there are 2
NO_SCORES: Counter[int] = Counter()


@dataclass(frozen=True, slots=True)
class RatingCell:
    """How many answers of one score there are, and how many of them answer our own requests."""

    question: str
    trigger: str
    touchpoint: str
    score: int
    n: int
    requested: int
    stretch: str = NONE
    """The stretch of time in which they were asked: a month, or a part of one."""


@dataclass(frozen=True, slots=True)
class RatedCell:
    """How many CSAT or CES questions of one touchpoint were asked, and how many may still be answered."""

    question: str
    trigger: str
    touchpoint: str
    asked: int
    open: int


@dataclass(frozen=True, slots=True)
class Rating:
    """One touchpoint's answers on one scale. Below five answers there is no share, no mean and no interval.

    `share`, `low` and `high` are from 0 to 1: the good answers of all, and the 95 % Wilson interval.
    """

    kind: QuestionKind
    trigger: str
    touchpoint: str
    n: int
    good: int
    scores: tuple[int, ...]
    """Answers of each number of the scale, from its lowest on."""
    share: float | None
    low: float | None
    high: float | None
    mean: float | None
    flag: str
    asked: int
    answered: int
    open: int

    @property
    def scale(self) -> Scale:
        """Return the scale of the answers."""
        return SCALES[self.kind]

    @property
    def rate(self) -> float | None:
        """Return the share of our questions that were answered."""
        return response_rate(self.answered, self.asked)

    def as_dict(self) -> dict[str, object]:
        """Return the rating as the report prints it."""
        return {
            "question": self.kind.value,
            "touchpoint": self.touchpoint,
            "trigger": self.trigger,
            "n": self.n,
            "good": self.good,
            "scores": {str(n): count for n, count in zip(self.scale.numbers, self.scores, strict=True)},
            "share": rounded(self.share),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "mean": None if self.mean is None else round(self.mean, 2),
            "asked": self.asked,
            "answered": self.answered,
            "response_rate": rounded(self.rate),
            "open": self.open,
            "flag": self.flag,
        }


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    """The answers of one month, or of the part of it before or after another wording; places of its stretches."""

    first: int
    behind: int
    rating: Rating


@dataclass(frozen=True, slots=True)
class RatingOverTime:
    """One touchpoint's answers on one scale, month after month, from the first that has some to the last."""

    kind: QuestionKind
    trigger: str
    touchpoint: str
    periods: tuple[RatedPeriod, ...]

    @property
    def n(self) -> int:
        """Return how many answers there are in all."""
        return sum(period.rating.n for period in self.periods)


def rounded(share: float | None) -> float | None:
    """Return a share with as many decimals as the report prints."""
    return None if share is None else round(share, DECIMALS)


Key = tuple[str, str, str]
"""What a rating is of: question, touchpoint and trigger."""


def ratings(answers: Iterable[RatingCell], questions: Iterable[RatedCell]) -> list[Rating]:
    """Return the ratings of every touchpoint that was asked or answered, CSAT before CES, by touchpoint."""
    counted: dict[Key, Counter[int]] = defaultdict(Counter)
    requested: Counter[Key] = Counter()
    asked: Counter[Key] = Counter()
    still_open: Counter[Key] = Counter()
    for cell in answers:
        counted[key_of(cell)][cell.score] += cell.n
        requested[key_of(cell)] += cell.requested
    for question in questions:
        asked[key_of(question)] += question.asked
        still_open[key_of(question)] += question.open
    return [
        rating(key, counted[key], (requested[key], asked[key], still_open[key]))
        for key in sorted(counted.keys() | asked.keys(), key=place_of)
    ]


def ratings_over_time(
    answers: Iterable[RatingCell], stretches: Sequence[str], walls: Mapping[QuestionKind, Collection[int]]
) -> list[RatingOverTime]:
    """Return the ratings of every touchpoint that was answered, by month, in the order of `ratings`.

    `walls` are the places of the stretches with which a kind was asked in another wording: what was answered before
    and after is never put together. Months without an answer between two that have some are there with none.
    """
    counted: dict[Key, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for cell in answers:
        counted[key_of(cell)][cell.stretch][cell.score] += cell.n
    return [rating_over_time(key, counted[key], stretches, walls) for key in sorted(counted, key=place_of)]


def rating_over_time(
    key: Key,
    counts: Mapping[str, Counter[int]],
    stretches: Sequence[str],
    walls: Mapping[QuestionKind, Collection[int]],
) -> RatingOverTime:
    """Return one touchpoint's answers over time from its counts of scores by stretch."""
    kind = kind_of(key[0])
    answered = [place for place, stretch in enumerate(stretches) if counts.get(stretch)]
    cuts = [n for n, stretch in enumerate(stretches) if is_month(stretch) or n in walls.get(kind, ())]
    periods = []
    for first, behind in pairwise([*cuts, len(stretches)]):
        if answered and behind > answered[0] and first <= answered[-1]:
            scores = sum((counts.get(stretch, NO_SCORES) for stretch in stretches[first:behind]), NO_SCORES)
            periods.append(RatedPeriod(first, behind, rating(key, scores, (0, 0, 0))))
    return RatingOverTime(kind, key[2], key[1], tuple(periods))


def is_month(stretch: str) -> bool:
    """Tell whether a stretch begins with its month, and not with a day within it."""
    return len(stretch) <= len("2026-03")


def key_of(cell: RatingCell | RatedCell) -> Key:
    """Return what a cell is of."""
    return cell.question, cell.touchpoint, cell.trigger


def place_of(key: Key) -> tuple[int, str, str]:
    """Return where a rating stands among others: by kind, touchpoint and trigger."""
    return list(SCALES).index(kind_of(key[0])), *key[1:]


def rating(key: Key, counts: Counter[int], asked: tuple[int, int, int]) -> Rating:
    """Return one touchpoint's rating; `key` is question, touchpoint and trigger, `asked` answered, asked and open."""
    question, touchpoint, trigger = key
    scale = SCALES[kind_of(question)]
    scores = tuple(counts[score] for score in scale.numbers)
    n = sum(scores)
    good = sum(counts[score] for score in scale.numbers if scale.is_good(score))
    size = sample_size(n)
    shown = size is not SampleSize.COUNTS_ONLY
    low, high = wilson(good, n) if shown else (None, None)
    return Rating(
        kind=scale.kind,
        trigger=trigger,
        touchpoint=touchpoint,
        n=n,
        good=good,
        scores=scores,
        share=good / n if shown else None,
        low=low,
        high=high,
        mean=sum(score * counts[score] for score in scale.numbers) / n if shown else None,
        flag=FLAGS[size],
        asked=asked[1],
        answered=asked[0],
        open=asked[2],
    )


def wilson(good: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, both ends from 0 to 1; without answers it is the whole range.

    Raises ValueError for more good ones than there are, and for a confidence that is not between 0 and 1.
    """
    if not 0 <= good <= n:
        raise ValueError(f"{good} of {n} is no share.")
    if not n:
        return 0.0, 1.0
    z = quantile(confidence)
    share, weight = good / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    margin = z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    low, high = max(centre - margin, 0.0), min(centre + margin, 1.0)
    return (0.0 if good == 0 else low), (1.0 if good == n else high)
