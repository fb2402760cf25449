"""The score and its honesty: values against published ones, and the coverage that an interval claims."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.reporting.nps import (
    Change,
    Counts,
    Interval,
    SampleSize,
    adjusted_wald,
    band,
    change_test,
    count_bands,
    nps,
    plain_wald,
    response_rate,
    sample_size,
)
from workers.domain.types import Band
from workers.errors import BadInput

SMALL = st.integers(0, 60)
COUNTS = st.builds(Counts, SMALL, SMALL, SMALL)
ANSWERED = COUNTS.filter(lambda counts: counts.n > 0)


def by_value(counts: Counts, weights: tuple[float, float, float]) -> tuple[float, float]:
    """Return mean and variance of the mean straight from their definitions, with pseudo-answers of those weights."""
    valued = {1: counts.promoters + weights[0], 0: counts.passives + weights[1], -1: counts.detractors + weights[2]}
    n = math.fsum(valued.values())
    mean = math.fsum(value * weight for value, weight in valued.items()) / n
    return mean, math.fsum(weight * (value - mean) ** 2 for value, weight in valued.items()) / n / n


def test_bands_split_the_whole_scale() -> None:
    """0 to 6 detract, 7 and 8 are passive, 9 and 10 promote."""
    assert [band(score) for score in range(11)] == [Band.DETRACTOR] * 7 + [Band.PASSIVE] * 2 + [Band.PROMOTER] * 2


@pytest.mark.parametrize("score", [-1, 11, 9.5, 9.0, True, "9", None])
def test_a_score_off_the_scale_is_refused(score: object) -> None:
    """What is no whole number from 0 to 10 has no band."""
    with pytest.raises(BadInput, match="whole number from 0 to 10"):
        band(score)  # type: ignore[arg-type]  # the fault under test


def test_passives_count_in_the_denominator_only() -> None:
    """70 % promoters and 15 % detractors give 55, the example of published practice."""
    assert nps(Counts(70, 15, 15)) == 55
    assert nps(Counts(0, 5, 0)) == 0
    assert nps(Counts()) is None


def test_answers_are_counted_by_band() -> None:
    """Counting bands and adding counts agree, whatever the order."""
    first, second = [band(score) for score in (10, 9, 7, 0)], [band(8), band(6)]
    assert count_bands(first + second) == count_bands(first) + count_bands(second) == Counts(2, 2, 2)
    assert count_bands([]) == Counts()


def test_the_standard_error_is_the_published_one() -> None:
    """Half promoters, a third passives, a sixth detractors: variance 5/9 per answer, so 4.1 points with 324 answers.

    Worked example of W. Huber, Cross Validated, question 18603.
    """
    interval = plain_wald(Counts(162, 108, 54))
    standard_error = (interval.high - interval.low) / 2 / 1.959964
    assert standard_error == pytest.approx(100 * math.sqrt(5 / 9 / 324), abs=1e-4)
    assert round(standard_error, 1) == 4.1


@given(ANSWERED)
def test_the_adjusted_interval_is_rocks_formula(counts: Counts) -> None:
    """Mean and variance of +1, 0 and -1 after adding (3/4, 3/2, 3/4), as in the author's own R package."""
    mean, variance = by_value(counts, (0.75, 1.5, 0.75))
    margin = 1.959963984540054 * math.sqrt(variance)
    interval = adjusted_wald(counts)
    assert interval.low == pytest.approx(100 * max(mean - margin, -1))
    assert interval.high == pytest.approx(100 * min(mean + margin, 1))


def test_ten_promoters_do_not_prove_a_hundred() -> None:
    """All ten of ten promote: the plain interval has no width, the adjusted one is 10/13 +- 1.96 sqrt(0.293/13)."""
    ten = Counts(10, 0, 0)
    assert plain_wald(ten) == Interval(100, 100)
    # By hand: (10.75 - 0.75) / 13 = 0.76923; variance 11.5/13 - 0.76923^2 = 0.29290; error sqrt(0.29290/13) = 0.15010.
    assert adjusted_wald(ten).low == pytest.approx(76.923 - 1.95996 * 15.010, abs=0.01)
    assert adjusted_wald(ten).high == 100


@given(ANSWERED, st.floats(0.5, 0.98))
def test_intervals_keep_to_the_scale_and_widen_with_confidence(counts: Counts, confidence: float) -> None:
    """An interval lies within -100 and +100, and more confidence never makes it narrower."""
    for wald in (plain_wald, adjusted_wald):
        narrow, wide = wald(counts, confidence), wald(counts, confidence + 0.01)
        assert -100 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 100


@given(ANSWERED)
def test_promoters_and_detractors_mirror_each_other(counts: Counts) -> None:
    """Swapping promoters and detractors swaps the sign of everything."""
    swapped = Counts(counts.detractors, counts.passives, counts.promoters)
    interval, mirrored = adjusted_wald(counts), adjusted_wald(swapped)
    assert (interval.low, interval.high) == pytest.approx((-mirrored.high, -mirrored.low))
    assert nps(counts) == -(nps(swapped) or 0)


def test_no_answers_say_nothing() -> None:
    """Without answers there is no score, and the interval is the whole scale."""
    assert plain_wald(Counts()) == adjusted_wald(Counts()) == Interval(-100, 100)


def coverage(n: int, promoters: float, detractors: float, rounds: int) -> tuple[float, float]:
    """Simulate how often the plain and the adjusted 95 % interval hold the true score."""
    draw = random.Random(20160)
    truth = 100 * (promoters - detractors)
    plain = adjusted = 0
    for _ in range(rounds):
        drawn = [draw.random() for _ in range(n)]
        high = sum(share < promoters for share in drawn)
        low = sum(share >= 1 - detractors for share in drawn)
        counts = Counts(high, n - high - low, low)
        plain += holds(plain_wald(counts), truth)
        adjusted += holds(adjusted_wald(counts), truth)
    return plain / rounds, adjusted / rounds


def holds(interval: Interval, truth: float) -> bool:
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def test_the_adjusted_interval_covers_where_the_plain_one_fails() -> None:
    """At 95 % promoters, the rest passive, and n = 10, plain covers about 40 % and adjusted about 91 % (Rocks 2016)."""
    plain, adjusted = coverage(10, 0.95, 0.0, 20_000)
    assert plain == pytest.approx(0.40, abs=0.015)
    assert adjusted == pytest.approx(0.91, abs=0.015)


@pytest.mark.parametrize(("promoters", "detractors"), [(0.5, 0.2), (0.33, 0.33), (0.7, 0.1), (0.1, 0.7)])
def test_the_adjusted_interval_covers_what_it_claims_at_usual_scores(promoters: float, detractors: float) -> None:
    """With 30 answers spread over the bands, 95 % means about 95 %."""
    _, adjusted = coverage(30, promoters, detractors, 4_000)
    assert 0.935 <= adjusted <= 0.975


def test_sample_sizes_are_flagged() -> None:
    """Below 5 answers only counts are shown, below 30 the score carries a flag."""
    sizes = {n: sample_size(n) for n in (0, 4, 5, 29, 30, 1000)}
    assert list(sizes.values()) == [SampleSize.COUNTS_ONLY] * 2 + [SampleSize.SMALL] * 2 + [SampleSize.ENOUGH] * 2


@given(ANSWERED, ANSWERED)
def test_the_change_test_is_the_published_one(before: Counts, after: Counts) -> None:
    """z is the difference of the adjusted scores over the root of both adjusted variances; p is two-sided."""
    weights = (0.75, 1.5, 0.75)
    (old, old_variance), (new, new_variance) = by_value(before, weights), by_value(after, weights)
    change = change_test(before, after)
    assert change.z == pytest.approx((new - old) / math.sqrt(old_variance + new_variance))
    assert change.p == pytest.approx(math.erfc(abs(change.z) / math.sqrt(2)))
    assert change.delta == pytest.approx((nps(after) or 0) - (nps(before) or 0))
    if change.significant:
        assert change.p < 0.05


@given(ANSWERED, ANSWERED)
def test_a_change_back_is_the_change_mirrored(before: Counts, after: Counts) -> None:
    """Looking backwards turns the signs and nothing else."""
    there, back = change_test(before, after), change_test(after, before)
    assert (there.delta, there.z) == pytest.approx((-(back.delta or 0), -back.z))
    assert there.p == pytest.approx(back.p)
    assert there.significant == back.significant


def test_a_change_needs_enough_answers_to_be_an_arrow() -> None:
    """The same step is chance with 20 answers and news with 400; with 4 it is never shown, with none not known."""
    assert not change_test(Counts(8, 8, 4), Counts(10, 7, 3)).significant
    assert change_test(Counts(160, 160, 80), Counts(200, 140, 60)).significant
    assert not change_test(Counts(0, 0, 4), Counts(400, 0, 0)).significant
    assert change_test(Counts(), Counts(400, 0, 0)) == Change(None, 0.0, 1.0, False)


def test_an_arrow_never_points_against_the_score() -> None:
    """Where the adjustment pulls a small group the other way than the shown scores moved, there is no arrow."""
    change = change_test(Counts(5, 0, 0), Counts(990, 10, 0), confidence=0.8)
    assert change.delta is not None
    assert change.delta < 0 < change.z
    assert not change.significant


def test_chance_alone_seldom_draws_an_arrow() -> None:
    """Two draws of 60 from the same people differ significantly in about one of twenty cases."""
    draw = random.Random(1998)
    bands, rounds = [Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR], 4_000
    groups = [count_bands(draw.choices(bands, (5, 3, 2), k=60)) for _ in range(rounds + 1)]
    arrows = sum(change_test(before, after).significant for before, after in pairwise(groups))
    assert 0.03 <= arrows / rounds <= 0.06


def test_a_response_rate_is_of_one_cohort() -> None:
    """Answers are counted by their requests: more than were asked is a fault, nobody asked is no rate."""
    assert response_rate(30, 120) == 0.25
    assert response_rate(0, 0) is None
    for answered, asked in ((2, 1), (-1, 5)):
        with pytest.raises(ValueError, match="one cohort"):
            response_rate(answered, asked)


def test_impossible_numbers_are_refused() -> None:
    """Counts are not negative, and a confidence lies between 0 and 1."""
    with pytest.raises(ValueError, match="fewer than no answers"):
        Counts(-1, 0, 0)
    for confidence in (0.0, 1.0, 95):
        with pytest.raises(ValueError, match="between 0 and 1"):
            adjusted_wald(Counts(1, 1, 1), confidence)
        with pytest.raises(ValueError, match="between 0 and 1"):
            change_test(Counts(), Counts(), confidence)
