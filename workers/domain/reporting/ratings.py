"""What CSAT and CES questions were answered with: the share of good answers and the mean, per touchpoint. Pure.

They stand apart: nothing of them is in an NPS, and two kinds are never put together.

Source of the interval: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal
of the American Statistical Association 22 (1927), 209-212; recommended for few answers by L. Brown, T. Cai and A.
DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001), 101-133.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from workers.domain.reporting.model import FLAGS
from workers.domain.reporting.nps import SampleSize, quantile, response_rate, sample_size
from workers.domain.reporting.scales import SCALES, Scale, kind_of
from workers.domain.types import QuestionKind

DECIMALS = 4  # of a share; of a mean there are 2


@dataclass(frozen=True, slots=True)
class RatingCell:
    """How many answers of one score there are, and how many of them answer our own requests."""

    question: str
    trigger: str
    touchpoint: str
    score: int
    n: int
    requested: int


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


def rounded(share: float | None) -> float | None:
    """Return a share with as many decimals as the report prints."""
    return None if share is None else round(share, DECIMALS)


def ratings(answers: Iterable[RatingCell], questions: Iterable[RatedCell]) -> list[Rating]:
    """Return the ratings of every touchpoint that was asked or answered, CSAT before CES, by touchpoint."""
    counted: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    requested: Counter[tuple[str, str, str]] = Counter()
    asked: Counter[tuple[str, str, str]] = Counter()
    still_open: Counter[tuple[str, str, str]] = Counter()
    for cell in answers:
        key = (cell.question, cell.touchpoint, cell.trigger)
        counted[key][cell.score] += cell.n
        requested[key] += cell.requested
    for question in questions:
        key = (question.question, question.touchpoint, question.trigger)
        asked[key] += question.asked
        still_open[key] += question.open
    order = list(SCALES)
    return [
        rating(key, counted[key], (requested[key], asked[key], still_open[key]))
        for key in sorted(counted.keys() | asked.keys(), key=lambda key: (order.index(kind_of(key[0])), *key[1:]))
    ]


def rating(key: tuple[str, str, str], counts: Counter[int], asked: tuple[int, int, int]) -> Rating:
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
