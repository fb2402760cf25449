"""Shipped settings do not contradict each other, and a plan whose own steps rest each other away is told of."""

from datetime import date, timedelta

import pytest
from budget import processor_seconds
from tableparts import PLAN, edited

from workers.decision_table import Table
from workers.decision_table.files.loader import load
from workers.decision_table.files.reader import parse
from workers.decision_table.files.side_files import WaveDate
from workers.decision_table.trials.rest_clashes import rest_clashes

SPRING = date(2027, 4, 1)


def waves(every: int, count: int = 5) -> list[WaveDate]:
    """Return days of a list so many days apart."""
    return [WaveDate(SPRING + timedelta(days=n * every), f"wave {n}") for n in range(count)]


def rested(old: str, new: str) -> Table:
    """Return the shipped plan with its rest period edited."""
    text = (PLAN / "table.yaml").read_text("utf-8")
    assert old in text
    rules = (PLAN / "rules.csv").read_bytes()
    return parse({"table.yaml": text.replace(old, new).encode(), "rules.csv": rules})


def lost(table: Table, days: list[WaveDate] | None = None) -> set[str]:
    """Return the touchpoints that the check names."""
    return {fault.message.split(" ")[0].rstrip(":") for fault in rest_clashes(table, days or [])}


@pytest.mark.parametrize("every", [89, 90, 91, 92, 122])
def test_the_shipped_plan_takes_three_or_four_waves_a_year(every: int) -> None:
    """Nothing of the plan is lost to itself, with or without a list of quarterly waves."""
    assert rest_clashes(load(PLAN), waves(every)) == []


def test_a_rest_as_long_as_the_interval_of_a_wave_is_told_with_its_days() -> None:
    """89 days are less than 90: every second wave would ask nobody."""
    old = edited(PLAN, ("defer;wave;P5D;ask-relationship;P60D", "drop;wave;P5D;ask-relationship;"))
    (second, fourth) = rest_clashes(old, waves(89))
    assert "2027-06-29 asks nobody who was asked in the waves before it: 89 days after" in second.message
    assert (second.code, second.severity.value, second.rules) == ("W803", "warning", ("J14",))
    assert "2027-12-24" in fourth.message
    assert len(rest_clashes(old, waves(89))) == 2
    assert [clash.message for clash in rest_clashes(old, waves(89), date(2027, 7, 1))] == [fourth.message]
    assert rest_clashes(old, waves(90)) == []


def test_milestones_that_waves_leave_no_day_to_are_told() -> None:
    """Without a clock of their own, milestones rest for ever between waves of the same text."""
    without = edited(PLAN, ("customer;P5D;ask-relationship;P60D", "customer;P5D;ask-relationship;"))
    assert lost(without, waves(60, 7)) >= {"milestone-3m", "milestone-6m"}
    assert lost(without, waves(91, 5)) == set(), "a day is left to them, now and then"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("all surveys: P30D", "all surveys: P61D", {"delivery-6w"}),
        ("all surveys: P30D", "all surveys: P4M", {"delivery-6w", "milestone-6m"}),
        ("at most: 6", "at most: 1", {"delivery-6w", "milestone-6m", "milestone-12m"}),
    ],
)
def test_steps_of_one_journey_that_rest_each_other_away_are_told(old: str, new: str, expected: set[str]) -> None:
    """The period over all surveys, or the maximum, against the distances of the plan's own steps."""
    assert lost(rested(old, new)) >= expected


def test_a_calendar_edge_is_found() -> None:
    """Three months are 89 days for some: who begins on such a day is named, and the others are asked."""
    table = edited(
        PLAN,
        ("milestone-6m;milestone;start;P6M;P30D;defer;customer;P5D;ask-relationship;P60D",
         "milestone-6m;milestone;start;P6M;P30D;drop;customer;P5D;ask-relationship;"),
    )  # fmt: skip
    (clash,) = [fault for fault in rest_clashes(table) if fault.message.startswith("milestone-6m")]
    assert "is not asked of who begins on" in clash.message
    assert set(clash.rules) == {"J5", "J9"}


def test_a_plan_of_thousands_of_rows_is_checked_in_a_moment() -> None:
    """The work is bounded, whatever the table: the budget is generous, and the time is the process's own."""
    head, first, *_ = (PLAN / "rules.csv").read_text("utf-8").splitlines()
    rows = [first.replace("J1;", f"K{n};").replace("purchase-now", f"step-{n}") for n in range(1500)]
    table = parse({"table.yaml": (PLAN / "table.yaml").read_bytes(), "rules.csv": "\n".join([head, *rows]).encode()})
    assert processor_seconds(lambda: rest_clashes(table, waves(89))) < 20
