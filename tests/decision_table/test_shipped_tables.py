"""The tables as shipped: clean, complete, and with the faults found that people make in them."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from tableparts import FOLLOW_UP, HOME, PLAN, checked, codes, edited

from workers.decision_table import (
    Against,
    Fault,
    Inputs,
    KnownNames,
    OutcomeKind,
    Wait,
    check,
    compile_table,
    load,
    load_calendar,
    load_contrary,
    load_waves,
    parse,
)
from workers.decision_table.trials.cases import parse_cases, run_cases
from workers.decision_table.trials.replay import PastEvent, replay
from workers.errors import BadInput


@pytest.mark.parametrize("folder", [FOLLOW_UP, PLAN])
def test_shipped_tables_have_no_fault(folder: Path) -> None:
    """Both tables are clean, warnings included, and every case beside them passes and every rule has one."""
    table = load(folder)
    cases = parse_cases(table, (folder / "cases.csv").read_bytes())
    assert check(table, Against(cases=cases)) == []
    assert run_cases(compile_table(table), cases).unreached == ()


def test_every_response_has_exactly_one_row() -> None:
    """Each of 3,344 combinations (an invented trigger among them) matches one row of the follow-up table."""
    table = load(FOLLOW_UP)
    compiled = compile_table(table)
    triggers = [*table.inputs[0].values, "invented"]
    points = list(product(triggers, (0, 10, 28, 60), range(11), ("yes", "no"), ("yes", "no")))
    assert len(points) == 3344
    names = ("trigger", "after", "score", "comment", "wants_contact")
    outcomes = [compiled.decide(dict(zip(names, point, strict=True))) for point in points]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.MATCHED}
    assert all(len(outcome.rules) == 1 for outcome in outcomes)


def test_forgetting_zero_is_found_with_the_row_to_paste() -> None:
    """`1-6` in D1 leaves score 0 uncovered there; the fault has box, nearest row and a line that closes it."""
    fault = next(checked_fault for checked_fault in checked(FOLLOW_UP, (";<28d;0-6", ";<28d;1-6")))
    assert (fault.code, fault.rows, fault.columns) == ("E101", (11,), ("trigger", "after", "score", "question"))
    assert fault.box is not None
    assert [dict(entry) for entry in fault.box] == [
        {"column": "trigger", "values": ["purchase", "delivery"]},
        {
            "column": "after",
            "intervals": [{"low": "PT0S", "low_closed": True, "high": "P28D", "high_closed": False}],
        },
        {"column": "score", "intervals": [{"low": 0, "low_closed": True, "high": 0, "high_closed": True}]},
        {"column": "comment", "any": True},
        {"column": "wants_contact", "any": True},
        {"column": "question", "values": ["nps"]},
    ]
    assert "score 0" in fault.message
    assert "row 11 (D1)" in fault.message
    assert fault.paste is not None
    assert not [checked_fault for checked_fault in _with_line(fault.paste) if checked_fault.severity == "error"]


def _with_line(line: str) -> list[Fault]:
    text = (FOLLOW_UP / "rules.csv").read_text("utf-8").replace(";<28d;0-6", ";<28d;1-6")
    files = {"table.yaml": (FOLLOW_UP / "table.yaml").read_bytes(), "rules.csv": f"{text}{line}\n".encode()}
    return check(parse(files))


def test_forgetting_zero_everywhere_is_one_gap() -> None:
    """`1-6` for all detractors leaves score 0 uncovered for every trigger: one gap, not one per row."""
    faults = checked(FOLLOW_UP, (";0-6;", ";1-6;"))
    assert codes(faults) == ["E101"]
    assert "No rule covers score 0, question nps (any trigger" in faults[0].message


@pytest.mark.parametrize("damage", ["06-Jan", "01-juin", "2026-01-06", "06.01.2026"])
def test_a_copy_that_a_spreadsheet_damaged_names_the_cell(damage: str) -> None:
    """A detractor band that became a date is reported as that cell."""
    faults = checked(FOLLOW_UP, (";<28d;0-6", f";<28d;{damage}"))
    assert [(fault.code, fault.rows, fault.columns) for fault in faults] == [("E301", (11,), ("score",))]


def test_a_duration_that_takes_both_ends_overlaps() -> None:
    """`<=28d` beside `>=28d` is an overlap at exactly 28 days, with a sample."""
    faults = checked(FOLLOW_UP, ("D1;purchase,delivery;<28d", "D1;purchase,delivery;<=28d"))
    assert [(fault.code, fault.rules, fault.rows) for fault in faults] == [("E201", ("D1", "D2"), (11, 12))]
    assert "after P28D" in faults[0].message


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("urgent_contact;ack;", "urgent_contct;ack;", "E401", "Did you mean urgent_contact?"),
        ("D1;purchase,delivery", "D1;purchase,delivry", "E403", "Did you mean delivery?"),
        ("thank_you;recovered", "thank_you;recoverd", "E402", "Did you mean recovered?"),
    ],
)
def test_a_misspelt_name_is_found(old: str, new: str, code: str, hint: str) -> None:
    """An action, trigger or template that does not exist is reported with the one that was probably meant."""
    table = edited(FOLLOW_UP, (old, new))
    templates = {str(value) for rule in load(FOLLOW_UP).rules for value in rule.outputs.values()}
    names = KnownNames(templates=dict.fromkeys(templates, frozenset({"en", "fr"})), languages=frozenset({"en", "fr"}))
    fault = next(each for each in check(table, Against(known_names=names)) if each.code == code)
    assert hint in fault.message


def test_a_template_that_lacks_a_language_is_found() -> None:
    """A template must exist in every language."""
    templates = {str(value) for rule in load(FOLLOW_UP).rules for value in rule.outputs.values()}
    every = dict.fromkeys(templates, frozenset({"en", "fr"})) | {"ack": frozenset({"en"})}
    faults = check(load(FOLLOW_UP), Against(known_names=KnownNames(templates=every, languages=frozenset({"en", "fr"}))))
    assert [(fault.code, fault.rules) for fault in faults] == [("E402", (id,)) for id in ("D1", "D2", "D3", "S1", "S5")]


def test_a_trigger_of_ones_own_falls_into_the_not_rows() -> None:
    """A trigger that nobody listed is decided like any other."""
    compiled = compile_table(load(FOLLOW_UP))
    inputs: Inputs = {"trigger": "kiosk", "after": 1, "score": 0, "comment": "no", "wants_contact": "no"}
    assert compiled.decide(inputs).rules[0].id == "D3"


@pytest.mark.parametrize("score", [11, -1, 9.5, True, None, "x"])
def test_a_score_outside_its_domain_is_refused(score: object) -> None:
    """11, 9.5 and the like never reach a rule."""
    compiled = compile_table(load(FOLLOW_UP))
    inputs = {"trigger": "delivery", "after": 1, "score": score, "comment": "no", "wants_contact": "no"}
    with pytest.raises(BadInput, match="score"):
        compiled.decide(inputs)  # type: ignore[arg-type]  # wrong on purpose


def test_true_is_no_score_even_after_a_one() -> None:
    """What was looked up for 1 or for a boolean is not given to the other, although Python holds them for equal."""
    compiled = compile_table(load(FOLLOW_UP))
    inputs: Inputs = {"trigger": "delivery", "after": 1, "score": 1, "comment": "no", "wants_contact": "no"}
    for _ in range(3):
        assert compiled.decide(inputs).rules[0].id == "D1"
        with pytest.raises(BadInput):
            compiled.decide({**inputs, "score": True})
        with pytest.raises(BadInput):
            compiled.decide({**inputs, "comment": 0})
        assert compiled.decide({**inputs, "score": 1.0}).rules[0].id == "D1"
        with pytest.raises(BadInput):
            compiled.decide({**inputs, "score": [1]})  # type: ignore[dict-item]  # wrong on purpose


def test_the_plan_asks_a_purchase_without_delivery_at_once_and_later() -> None:
    """A first purchase plans the question at once and the three milestones and the second year."""
    compiled = compile_table(load(PLAN))
    outcome = compiled.decide({"event": "purchase", "first": "yes", "delivery_expected": "no", "months": None})
    assert [rule.id for rule in outcome.rules] == ["J1", "J4", "J5", "J6", "J7"]
    later = compiled.decide({"event": "purchase", "first": "no", "delivery_expected": "yes", "months": None})
    assert (later.kind, later.rules) == (OutcomeKind.MATCHED, ())


def test_settings_beside_the_columns() -> None:
    """Deadlines and the rest period are read with their tables."""
    rest = load(PLAN).rest
    assert rest is not None
    assert (rest.all_surveys, rest.same_template, rest.at_most, rest.within) == (
        Wait(days=30),
        Wait(days=90),
        6,
        Wait(12),
    )
    assert load(FOLLOW_UP).latest == {"testimonial_request": Wait(days=14)}


def test_side_files_are_read() -> None:
    """Contrary events, waves and the team's calendar are read as plain values."""
    contrary = load_contrary((PLAN / "contrary.csv").read_bytes())
    assert [(rule.effect, rule.scope) for rule in contrary] == [
        ("cancel", "reference"),
        ("cancel", "customer"),
        ("hold", "customer"),
        ("hold", "customer"),
    ]
    assert [rule.until for rule in contrary[2:]] == [{"complaint_closed"}, {"ticket_done"}]
    assert [rule.wait for rule in contrary[2:]] == [Wait(days=7)] * 2
    assert load_waves((PLAN / "waves.csv").read_bytes()) == ()
    calendar = load_calendar((HOME / "rules" / "calendar.yaml").read_bytes())
    assert (calendar.zone, calendar.weekdays, calendar.opens.hour, calendar.closes.hour) == (
        "Europe/Paris",
        frozenset(range(5)),
        9,
        18,
    )


def lost(every: int, orders: int) -> dict[str, float]:
    """Return which share of each touchpoint is lost for customers who order every so many days."""
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    events = []
    for order in range(orders):
        bought = start + timedelta(days=every * order)
        reference = f"o{order}"
        events += [
            PastEvent(f"p{reference}", "c", "purchase", bought, reference, "yes"),
            PastEvent(f"d{reference}", "c", "delivery", bought + timedelta(days=6), reference),
        ]
    fates = replay(compile_table(load(PLAN)), events).fates()
    gone = {name: (counts["dropped"] + counts["too late"]) / counts.total() for name, counts in fates.items()}
    return {name: share for name, share in gone.items() if share}


def test_what_the_shipped_plan_loses_to_its_own_rest_period() -> None:
    """Few orders lose nothing; quarterly ones lose deliveries that meet a milestone; monthly ones lose most."""
    assert lost(every=1, orders=1) == {}
    assert lost(every=200, orders=3) == {}
    assert lost(every=92, orders=4) == {"delivery-now": 0.75, "delivery-6w": 0.25}
    assert lost(every=30, orders=12)["delivery-now"] > 0.5
