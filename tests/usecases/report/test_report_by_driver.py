"""The report by driver, held against counting by hand, on both databases."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from shopyear import fill

from workers.domain.records import Response
from workers.domain.reporting import Filters
from workers.store import read
from workers.store.engine import Store
from workers.usecases.operation.migrate import migrate
from workers.usecases.report import drivers, nps_by_dimension


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give a year of answers on either database."""
    url = f"sqlite:///{tmp_path / 'b.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    opened = Store(url)
    migrate(opened)
    fill(opened, answers=300)
    yield opened
    opened.close()


def by_hand(answers: list[Response]) -> tuple[dict[str, Fraction], dict[str, int]]:
    """Return what each driver contributes in points, and how many bad scores name it, the slow way."""
    points: dict[str, Fraction] = {}
    bad: Counter[str] = Counter()
    for answer in answers:
        value = (answer.score >= 9) - (answer.score <= 6)
        codes = (answer.drivers or "").split() or ["none"]
        for code in codes:
            points[code] = points.get(code, Fraction()) + Fraction(100 * value, len(codes) * len(answers))
            bad[code] += value < 0
    return points, bad


def test_it_counts_as_one_would_by_hand(store: Store) -> None:
    """Every driver, and for each touchpoint every driver again; what they contribute is the NPS of each."""
    with store.reading() as connection:
        rows = [row for row in read.rows(connection, Response) if row.trigger != "recovery"]
        report: dict[str, Any] = nps_by_dimension.report(connection, by="driver", now=rows[0].asked_at)
        steps = nps_by_dimension.report(connection, by="touchpoint", now=rows[0].asked_at)
    points, bad = by_hand(rows)
    shown = {group["group"]: group for group in report["groups"]}
    assert {code: group["contribution"] for code, group in shown.items()} == pytest.approx(
        {code: float(value) for code, value in points.items()}, abs=1e-5
    )
    assert {code: group["detractors"] for code, group in shown.items()} == {code: bad[code] for code in points}
    assert sum(group["contribution"] for group in shown.values()) == pytest.approx(report["nps"], abs=0.01)
    groups: Any = steps["groups"]
    scores = {group["group"]: group["nps"] for group in groups}
    summed: dict[str, float] = dict.fromkeys(scores, 0.0)
    for group in shown.values():
        for step in group["touchpoints"]:
            summed[step["touchpoint"]] += step["contribution"] or 0.0
    assert {step: summed[step] for step, score in scores.items() if score is not None} == pytest.approx(
        {step: score for step, score in scores.items() if score is not None}, abs=0.01
    )


def test_the_terminal_gives_a_mixture_no_points(store: Store) -> None:
    """A driver over several questions has counts; below it stands each question with its points."""
    with store.reading() as connection:
        now = read.rows(connection, Response)[0].asked_at
        lines = nps_by_dimension.as_text(nps_by_dimension.report(connection, by="driver", now=now)).splitlines()
    [whole] = [line.split() for line in lines if line.startswith("delivery ")]
    assert len(whole) == 5
    assert any(line.startswith("  delivery-now") and len(line.split()) == 8 for line in lines)
    assert any("not what a change would bring" in line for line in lines)


def test_the_period_before_is_as_long(store: Store) -> None:
    """A page with a first day compares with the days before it, and only then."""
    with store.reading() as connection:
        rows = sorted(read.rows(connection, Response), key=lambda row: row.asked_at)
        middle, last = rows[len(rows) // 2].asked_at, rows[-1].asked_at
        period = Filters(since=middle, until=last)
        review = drivers.review(connection, period, last)
        former = drivers.period_before(period, last)
        assert former is not None
        assert (former.since, former.until) == (middle - (last - middle), middle)
        assert set(review.before) == {each.code for each in drivers.contributions_of(connection, former)[1]}
        assert drivers.review(connection, Filters(), last).before == {}
