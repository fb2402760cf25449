"""What the report counts: the filters of its address, the cells that the store fills, and how a count may be shown.

Nothing here reads the store; the page, the files and the terminal show what stands here, so they agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

from workers.domain.reporting import nps
from workers.domain.reporting.nps import Counts, SampleSize

if TYPE_CHECKING:  # who only counts reads no file of the operator
    from workers.domain.attributes import Attribute

DECIMALS = 2
FLAGS = {SampleSize.COUNTS_ONLY: "counts only", SampleSize.SMALL: "small", SampleSize.ENOUGH: ""}
RECOVERY = "recovery"
"""The trigger of the question asked again after a ticket; never in an NPS, as low scores drift up by themselves."""
RELATIONSHIP = frozenset({"milestone", "loyal_2y", "wave"})
"""Triggers that ask about the whole relationship; every other one asks about one thing that happened."""
NONE = "none"
"""The group of what has no segment, or no touchpoint because another tool asked."""
STAGES: dict[str, tuple[str, ...]] = {
    "acquisition": ("website_visited", "article_read", "trial_started", "purchase", "deal_won"),
    "service": (
        *("delivery", "interaction_ended", "meeting_held", "support_solved"),
        *("onboarding_finished", "feature_first_used"),
    ),
    "loyalty": ("customer_started", "milestone", "loyal_2y", "renewal_due", "wave"),
}
"""The stage of each trigger (domain.md, "When to ask"); a trigger of another tool has none."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What answers are set side by side by: a word of every report, or an attribute that the operator declared."""

    name: str
    attribute: "Attribute | None" = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What the report is about: questions asked from `since` up to `until`; an empty word takes everything."""

    since: datetime | None = None
    until: datetime | None = None
    trigger: str = ""
    segment: str = ""
    language: str = ""
    touchpoint: str = ""
    without: str = ""
    """A segment that is left out, so that one can be set against all others."""
    by: tuple[Dimension, ...] = ()
    """By what the answers are set side by side, one or two; it chooses none of them."""
    question: str = ""
    """What was asked: csat or ces; empty: NPS questions, the only ones that an NPS counts."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted of one group; `answered` are the answers to our own requests, `open` may still be answered."""

    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    answered: int = 0
    asked: int = 0
    open: int = 0
    settling: int = 0
    late: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Figures)))

    def counts(self) -> Counts:
        """Return how many answers there are in each band."""
        return Counts(self.promoters, self.passives, self.detractors)

    def as_dict(self) -> dict[str, object]:
        """Return the figures as the report prints them: below five answers counts only, no score and no interval."""
        counts = self.counts()
        size = nps.sample_size(counts.n)
        shown = size is not SampleSize.COUNTS_ONLY
        interval = nps.adjusted_wald(counts)
        rate = nps.response_rate(self.answered, self.asked)
        return {
            "n": counts.n,
            "promoters": self.promoters,
            "passives": self.passives,
            "detractors": self.detractors,
            "nps": rounded(nps.nps(counts)) if shown else None,
            "low": rounded(interval.low) if shown else None,
            "high": rounded(interval.high) if shown else None,
            "asked": self.asked,
            "answered": self.answered,
            "response_rate": None if rate is None else round(rate, DECIMALS + 2),
            "open": self.open,
            "settling": self.settling,
            "late": self.late,
            "flag": FLAGS[size],
        }


def rounded(points: float | None) -> float | None:
    """Return points with as many decimals as the report prints."""
    return None if points is None else round(points, DECIMALS)


@dataclass(frozen=True, slots=True)
class Reading:
    """An NPS as it may be shown: below five answers without a score, below thirty with a flag."""

    figures: Figures
    n: int
    nps: float | None
    low: float | None
    high: float | None
    flag: str

    @classmethod
    def of(cls, figures: Figures) -> "Reading":
        """Return what may be shown of these figures, by how many answers there are; with an adjusted Wald interval."""
        counts = figures.counts()
        size = nps.sample_size(counts.n)
        if size is SampleSize.COUNTS_ONLY:
            return cls(figures, counts.n, None, None, None, FLAGS[size])
        interval = nps.adjusted_wald(counts)
        return cls(figures, counts.n, nps.nps(counts), interval.low, interval.high, FLAGS[size])

    @property
    def rate(self) -> float | None:
        """Return the share of our questions that were answered."""
        return nps.response_rate(self.figures.answered, self.figures.asked)


@dataclass(frozen=True, slots=True)
class AnswerCell:
    """How many answers of one kind there are; `month` is the stretch in which they were asked for."""

    trigger: str
    touchpoint: str
    segment: str
    month: str
    score: int
    channel: str
    n: int
    requested: int
    settling: int
    late: int

    def figures(self) -> Figures:
        """Return the cell as figures."""
        counts = nps.count_bands([nps.band(self.score)])
        return Figures(
            counts.promoters * self.n,
            counts.passives * self.n,
            counts.detractors * self.n,
            answered=self.requested,
            settling=self.settling,
            late=self.late,
        )


@dataclass(frozen=True, slots=True)
class AskedCell:
    """How many questions of one kind were asked, and how many of them may still be answered."""

    trigger: str
    touchpoint: str
    segment: str
    month: str
    asked: int
    open: int

    def figures(self) -> Figures:
        """Return the cell as figures."""
        return Figures(asked=self.asked, open=self.open)


@dataclass(frozen=True, slots=True)
class Cube:
    """Everything that is counted of the questions asked in a period, recovery left out."""

    answers: tuple[AnswerCell, ...]
    asked: tuple[AskedCell, ...]

    def cells(self) -> Iterable[AnswerCell | AskedCell]:
        """Give the cells of answers, then those of questions."""
        yield from self.answers
        yield from self.asked


def is_relationship(trigger: str) -> bool:
    """Tell whether a trigger asks about the whole relationship."""
    return trigger in RELATIONSHIP


def stage_of(trigger: str) -> str:
    """Return the stage of a trigger, "other" for one that another tool made up."""
    return next((stage for stage, triggers in STAGES.items() if trigger in triggers), "other")
