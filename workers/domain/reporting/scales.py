"""The scales of the questions: what each kind may be answered with, and from which number on an answer is a good one.

The one place that knows them; the mail, the pages, the intake and the report ask here. Must not mix two kinds.

Sources. NPS: F. Reichheld, "The One Number You Need to Grow", Harvard Business Review, December 2003. CSAT: 1 to 5,
reported as the share of 4 and 5 (top two boxes); P. Farris, N. Bendle, P. Pfeifer and D. Reibstein, "Marketing
Metrics", on customer satisfaction. CES: agreement from 1 to 7 that the company made it easy, reported as the mean and
the share that agrees (5 to 7); M. Dixon, N. Toman and R. DeLisi, "The Effortless Experience" (2013).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from workers.domain.types import QuestionKind
from workers.errors import BadInput

QUESTION = "question"
"""What the kind is called in both tables, in the inputs of a decision and in an event."""
ASKS = "asks"
"""What it is called among the facts of a text, where details that the CRM sent may be called anything else."""
FITS_IN_A_ROW = 6
"""Buttons that stand side by side on a phone of 320 pixels."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole numbers from `lowest` to `highest`: an unhappy answer up to `low_up_to`, a good one from `good_from` on."""

    kind: QuestionKind
    lowest: int
    highest: int
    low_up_to: int
    good_from: int

    @property
    def numbers(self) -> range:
        """Return every number that may be answered, from the lowest on."""
        return range(self.lowest, self.highest + 1)

    @property
    def rows(self) -> tuple[range, ...]:
        """Return the numbers in one row of buttons, or in two where one would not fit on a phone."""
        if len(self.numbers) <= FITS_IN_A_ROW:
            return (self.numbers,)
        half = self.lowest + (len(self.numbers) + 1) // 2
        return range(self.lowest, half), range(half, self.highest + 1)

    def takes(self, score: object) -> bool:
        """Tell whether something is a number of the scale: a whole one, and no truth value."""
        return type(score) is int and self.lowest <= score <= self.highest

    def is_good(self, score: int) -> bool:
        """Tell whether a number is a good answer: a promoter's, a satisfied customer's, one that agrees."""
        return score >= self.good_from

    def is_low(self, score: int) -> bool:
        """Tell whether a number is an unhappy answer."""
        return score <= self.low_up_to


SCALES: Mapping[QuestionKind, Scale] = {
    scale.kind: scale
    for scale in (
        Scale(QuestionKind.NPS, 0, 10, 6, 9),
        Scale(QuestionKind.CSAT, 1, 5, 2, 4),
        Scale(QuestionKind.CES, 1, 7, 3, 5),
    )
}
RATED = tuple(kind for kind in SCALES if kind is not QuestionKind.NPS)
"""The kinds that stand beside the NPS and never count in it."""


def kind_of(question: str | None) -> QuestionKind:
    """Return the kind that a row names; a row that names none, as those of releases before, is of an NPS question."""
    return QuestionKind(question) if question else QuestionKind.NPS


def scale_of(question: str | None) -> Scale:
    """Return the scale of what a row names, likewise."""
    return SCALES[kind_of(question)]


def kept_as(kind: QuestionKind) -> str | None:
    """Return what a row keeps of a kind: nothing of the NPS, which is what a row without a kind is of."""
    return None if kind is QuestionKind.NPS else kind.value


class Scored(Protocol):
    """Anything with a score and the question that it answers: a response, a ticket."""

    @property
    def score(self) -> int:
        """The score."""

    @property
    def question(self) -> str | None:
        """What was asked: csat or ces. None: an NPS question."""


def out_of(scored: Scored) -> str:
    """Return a score with the end of its scale, as people write it: 4/5."""
    return f"{scored.score}/{scale_of(scored.question).highest}"


def briefly(scored: Scored) -> str:
    """Return a score as it stands where most are of the NPS: that alone, and another with the end of its scale."""
    return out_of(scored) if scored.question else str(scored.score)


def facts_with(details: Mapping[str, str], question: str | None) -> dict[str, object]:
    """Return what the CRM told, and the kind as a text needs it: nothing of the NPS."""
    facts: dict[str, object] = {name: value for name, value in details.items() if name != ASKS}
    return {**facts, ASKS: question} if question else facts


def check_score(question: str | None, score: int) -> None:
    """Raise BadInput for a score that is off its question's scale."""
    scale = scale_of(question)
    if not scale.takes(score):
        raise BadInput(
            f"The score {score!r:.40} is off the scale of this question: {scale.kind.value.upper()} is answered with a "
            f"whole number from {scale.lowest} to {scale.highest}. Send one of those."
        )
