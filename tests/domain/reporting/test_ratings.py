"""Scales and ratings: what each question is answered with, and what CSAT and CES come to with how few answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.reporting.ratings import RatedCell, RatingCell, ratings, ratings_over_time, wilson
from workers.domain.reporting.scales import SCALES, check_score, kept_as, kind_of
from workers.domain.types import QuestionKind
from workers.errors import BadInput

PUBLISHED = ((0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (5, 10, 0.2366, 0.7634), (20, 20, 0.8389, 1.0))
"""Good, n, and the 95 % Wilson interval as tables of it have it (A. Agresti and B. Coull 1998; R: prop.test without
correction)."""


@pytest.mark.parametrize(("good", "n", "low", "high"), PUBLISHED)
def test_the_interval_is_the_published_one(good: int, n: int, low: float, high: float) -> None:
    """To the fourth digit, also where all answers agree: there the plain interval has no width."""
    assert tuple(round(end, 4) for end in wilson(good, n)) == (low, high)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_and_is_its_own_mirror(good: int, bad: int) -> None:
    """Between 0 and 1, around the share; good and bad answers exchanged give it turned over."""
    low, high = wilson(good, good + bad)
    assert 0 <= low <= high <= 1
    if good + bad:
        assert low <= good / (good + bad) <= high
    turned = wilson(bad, good + bad)
    assert (1 - turned[1], 1 - turned[0]) == pytest.approx((low, high))


@pytest.mark.parametrize("kind", QuestionKind)
def test_a_score_is_a_whole_number_of_its_scale(kind: QuestionKind) -> None:
    """One below, one above, a truth value and a text are none, and the refusal says what to send."""
    scale = SCALES[kind]
    for number in scale.numbers:
        check_score(kept_as(kind), number)
    for odd in (scale.lowest - 1, scale.highest + 1, True, "3", None):
        with pytest.raises(BadInput, match=f"{kind.value.upper()}.*from {scale.lowest} to {scale.highest}"):
            check_score(kept_as(kind), odd)  # type: ignore[arg-type]  # whatever came
    assert [n for row in scale.rows for n in row] == list(scale.numbers)
    assert kind_of(kept_as(kind)) is kind


def test_two_kinds_of_one_touchpoint_are_never_put_together() -> None:
    """Each has its own n, share and mean; below five answers there is none, and n and rate stay."""
    answers = [RatingCell("csat", "t", "call", score, n, n) for score, n in ((1, 2), (4, 1), (5, 3))]
    answers.append(RatingCell("ces", "t", "call", 7, 4, 3))
    csat, ces = ratings(answers, [RatedCell("csat", "t", "call", 8, 1), RatedCell("ces", "t", "call", 5, 0)])
    assert (csat.kind, csat.n, csat.good, csat.share, csat.mean) == (QuestionKind.CSAT, 6, 4, 4 / 6, 21 / 6)
    assert (csat.scores, csat.rate, csat.flag) == ((2, 0, 0, 1, 3), 6 / 8, "small")
    assert (ces.n, ces.good, ces.share, ces.low, ces.mean, ces.flag) == (4, 4, None, None, None, "counts only")
    assert ces.rate == 3 / 5


MONTHS = ("2026-01", "2026-02", "2026-02-10", "2026-03", "2026-04", "2026-05")


def in_month(question: str, stretch: str, **scores: int) -> list[RatingCell]:
    """Return the cells of one stretch: `s5=3` is three answers of 5."""
    return [RatingCell(question, "t", "call", int(name[1:]), n, n, stretch) for name, n in scores.items()]


def test_a_month_is_cut_where_another_wording_of_its_own_question_begins() -> None:
    """Of the other kind it stays whole; months before the first and behind the last answer are left out."""
    answers = [
        *in_month("csat", "2026-02", s5=4, s1=1),
        *in_month("csat", "2026-02-10", s2=5),
        *in_month("csat", "2026-04", s4=2),
        *in_month("ces", "2026-02", s7=3),
        *in_month("ces", "2026-02-10", s1=3),
    ]
    csat, ces = ratings_over_time(answers, MONTHS, {QuestionKind.CSAT: {2}})
    assert [(period.first, period.behind, period.rating.n, period.rating.share) for period in csat.periods] == [
        (1, 2, 5, 0.8),
        (2, 3, 5, 0.0),
        (3, 4, 0, None),
        (4, 5, 2, None),
    ]
    assert [(period.first, period.behind, period.rating.share) for period in ces.periods] == [(1, 3, 0.5)]
    assert (csat.n, ces.n, csat.periods[0].rating.low) == (12, 6, wilson(4, 5)[0])


def test_the_months_together_are_the_rating_of_all() -> None:
    """Not an answer is lost or counted twice, wherever months are cut."""
    answers = [cell for n, month in enumerate(MONTHS) for cell in in_month("ces", month, s1=n, s6=n * n + 1)]
    (whole,) = ratings(answers, [])
    for walls in ((), {2}, {0, 5}):
        (chart,) = ratings_over_time(answers, MONTHS, {QuestionKind.CES: walls})
        assert [sum(period.rating.scores[n] for period in chart.periods) for n in range(7)] == list(whole.scores)
        assert chart.n == whole.n
    assert ratings_over_time([], MONTHS, {}) == []
