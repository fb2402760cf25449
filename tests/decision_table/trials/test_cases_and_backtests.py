"""Cases beside a table, past responses through two tables, and a candidate that decides in the shadow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ownrules import plan_with, table_with
from tableparts import FOLLOW_UP, PLAN, SCORE, edited, table

from workers.decision_table import Against, Inputs, Unreadable, Value, check, compile_table, explain, load
from workers.decision_table.files.side_files import load_contrary
from workers.decision_table.trials.backtest import PastResponse, backtest
from workers.decision_table.trials.cases import parse_cases, run_cases
from workers.decision_table.trials.past_files import read_events, read_responses
from workers.decision_table.trials.proposed_cases import propose_cases
from workers.decision_table.trials.replay import Fate, PastEvent, backtest_plan, replay
from workers.decision_table.trials.shadow import compare

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SEVENS = ((";0-6;", ";0-7;"), (";7-8;", ";8;"), (";7-10;", ";8-10;"))


def response(number: int, **inputs: Value) -> PastResponse:
    """Return a past response to a delivery, by default a 9 without comment."""
    given: Inputs = {
        "trigger": "delivery",
        "after": timedelta(days=3),
        "score": 9,
        "comment": "no",
        "wants_contact": "no",
    }
    return PastResponse(f"r{number}", "c", START + timedelta(days=number), {**given, "wants_contact": "no", **inputs})


def test_cases_pass_fail_and_count() -> None:
    """A case expects rules, outputs, otherwise or nothing; what differs is said, and each rule counted."""
    three_bands = table("id;score;then\nA;0-6;x\nB;7-9;y\notherwise;;z\n")
    text = "score;rule;then\n3;A;\n3;B;\n8;;y\n8;;x\n10;otherwise;z\n11;A;\n"
    report = run_cases(compile_table(three_bands), parse_cases(three_bands, text.encode()))
    assert [result.message for result in report.results] == [
        "",
        "expected B, but A applies.",
        "",
        "expected then x, but B gives y.",
        "",
        "score 11 is outside its domain.",
    ]
    assert report.coverage == {"A": 2, "B": 2}


def test_failing_cases_and_rules_without_one_are_faults() -> None:
    """A failing case is an error, a rule that no case reaches a warning."""
    two_bands = table("id;score;then\nA;0-6;x\nB;7-10;y\n")
    faults = check(two_bands, Against(cases=parse_cases(two_bands, b"score;rule\n3;B\n")))
    assert [(fault.code, fault.file, fault.rows) for fault in faults] == [
        ("E601", "cases.csv", (2,)),
        ("W602", "rules.csv", (3,)),
    ]


@pytest.mark.parametrize("text", ["scor;rule\n3;A\n", "score;rule\nx;A\n"])
def test_a_cases_file_that_makes_no_sense_is_unreadable(text: str) -> None:
    """A column that the table does not have, or a value that is none, is named."""
    with pytest.raises(Unreadable, match=r"cases\.csv"):
        parse_cases(table("id;score;then\nA;-;x\n"), text.encode())


@pytest.mark.parametrize("folder", [FOLLOW_UP, PLAN])
def test_proposed_cases_reach_every_rule_and_pass(folder: Path) -> None:
    """The proposal covers each rule and both sides of each boundary, is small, and is true."""
    compiled = compile_table(load(folder))
    cases = parse_cases(compiled.table, propose_cases(compiled).encode())
    report = run_cases(compiled, cases)
    assert (report.failed, report.unreached) == ((), ())
    assert len(cases) <= 2 * len(compiled.table.rules)


def test_proposed_cases_stand_on_both_sides_of_each_boundary() -> None:
    """Of 6 and 7 both are proposed, of 28 days the day itself and the one before."""
    compiled = compile_table(load(FOLLOW_UP))
    text = propose_cases(compiled)
    scores = {line.split(";")[2] for line in text.splitlines()[1:]}
    ages = {line.split(";")[1] for line in text.splitlines()[1:]}
    assert {"6", "7", "8", "9"} <= scores
    assert {"27d", "28d"} <= ages


def test_an_explanation_names_rule_cells_and_near_misses() -> None:
    """The rule, each cell in words, and what kept the nearest rules from applying."""
    compiled = compile_table(load(FOLLOW_UP))
    inputs: Inputs = {"trigger": "delivery", "after": "P40D", "score": 3, "comment": "no", "wants_contact": "no"}
    explanation = explain(compiled, inputs).as_json()
    assert (explanation["rules"], explanation["row"], explanation["version"]) == (["D2"], 12, compiled.table.version)
    cells = explanation["cells"]
    assert isinstance(cells, list)
    assert {
        "column": "score", "value": 3, "cell": "0-6", "matches": True, "message": "score 3 is in 0 to 6",
    } in cells  # fmt: skip
    misses = explanation["near_misses"]
    assert isinstance(misses, list)
    assert {
        "rule": "D1", "row": 11, "columns": ["after"],
        "message": "D1 would have applied, but after is P40D, not under 28 days.",
    } in misses  # fmt: skip


def test_an_explanation_without_a_rule_shows_the_nearest() -> None:
    """Where nothing matches, the nearest rule is held against the inputs."""
    compiled = compile_table(table("id;score;then\nA;0-3;x\nB;7-10;y\n"))
    explanation = explain(compiled, {"score": 5})
    assert explanation.rules == ()
    assert explanation.row is None
    assert [cell.matches for cell in explanation.cells] == [False]
    assert {miss.rule for miss in explanation.near_misses} == {"A", "B"}


def test_a_table_against_itself_changes_nothing() -> None:
    """The same table twice: no change, no ticket, no day that differs."""
    compiled = compile_table(load(FOLLOW_UP))
    result = backtest(compiled, compiled, [response(n, score=n % 11) for n in range(50)])
    assert (result.compared, result.unchanged, result.not_replayable) == (50, 50, 0)
    assert (result.changes, result.new_tickets, result.lost_tickets, result.per_day) == ((), (), (), ())


def test_a_change_is_counted_by_kind_with_tickets_and_mails() -> None:
    """Sevens become detractors: who newly gets a ticket, and which mails move from which day."""
    old, new = compile_table(load(FOLLOW_UP)), compile_table(edited(FOLLOW_UP, *SEVENS))
    past = [response(0, score=7), response(1, score=7), response(2, score=9), response(3, score=99)]
    result = backtest(old, new, past)
    assert (result.compared, result.unchanged, result.not_replayable) == (3, 1, 1)
    assert [(change.before, change.after, change.count) for change in result.changes] == [
        ("improvement_question improve-now P1D", "urgent_contact ack now; ticket due PT4H; play solve", 2)
    ]
    assert result.new_tickets == ("r0", "r1")
    assert result.lost_tickets == ()
    days = {load.day.isoformat(): load for load in result.per_day}
    first = days["2026-03-02"]
    assert (first.old_tickets, first.new_tickets, first.old_mails, first.new_mails) == (0, 1, 0, 1)
    second = days["2026-03-03"]
    assert (second.old_tickets, second.new_tickets, second.old_mails, second.new_mails) == (0, 1, 1, 1)
    shown = result.as_json()
    assert set(shown) >= {
        "compared", "unchanged", "not_replayable", "changes", "new_tickets", "lost_tickets", "per_day",
    }  # fmt: skip
    back = backtest(new, old, past)
    assert (back.new_tickets, back.lost_tickets) == ((), ("r0", "r1"))


def test_responses_are_read_from_csv() -> None:
    """A CSV of responses gives inputs typed by column; a bad value is counted, not hidden."""
    text = (
        "id,customer,received_at,trigger,after,score,comment,wants_contact\n"
        "a,c1,2026-03-02T10:00:00Z,delivery,P3D,7,no,no\n"
        "b,c2,2026-03-02 11:00:00,delivery,40,9,no,no\n"
        "c,c3,2026-03-02,delivery,3d,eleven,no,no\n"
    )
    compiled = compile_table(load(FOLLOW_UP))
    past = read_responses(compiled.table, text.encode())
    assert [(response_read.id, response_read.received_at.isoformat()) for response_read in past[:2]] == [
        ("a", "2026-03-02T10:00:00+00:00"),
        ("b", "2026-03-02T11:00:00+00:00"),
    ]
    assert past[1].inputs["after"] == timedelta(days=40)
    assert backtest(compiled, compiled, past).not_replayable == 1
    with pytest.raises(Unreadable, match="lacks trigger"):
        read_responses(compiled.table, b"id,score\na,3\n")


def test_a_shadow_reports_only_disagreement() -> None:
    """A candidate that would do the same is silent; one that would not, or that refuses, is reported."""
    live, candidate = compile_table(load(FOLLOW_UP)), compile_table(edited(FOLLOW_UP, *SEVENS))
    assert compare(live, candidate, response(0).inputs) is None
    disagreement = compare(live, candidate, response(0, score=7).inputs)
    assert disagreement is not None
    assert (disagreement.live_rules, disagreement.candidate_rules) == (("N1",), ("D1",))
    assert disagreement.candidate_version == candidate.table.version
    narrow = compile_table(table("id;score;then\nA;-;x\n", SCORE.replace("0..10", "0..5")))
    wide = compile_table(table("id;score;then\nA;-;x\n"))
    refused = compare(wide, narrow, {"score": 7})
    assert refused is not None
    assert refused.candidate.startswith("refused")


def test_the_plan_against_itself_changes_nothing() -> None:
    """A journey plan replayed against itself differs nowhere."""
    compiled = compile_table(load(PLAN))
    events = [PastEvent(f"e{n}", f"c{n % 3}", "delivery", START + timedelta(days=n), f"o{n}") for n in range(30)]
    result = backtest_plan(compiled, compiled, events)
    assert result.empty
    shown = result.as_json()
    assert (shown["changes"], shown["per_week"], shown["mails_per_customer"]) == ([], [], [])


def test_the_replay_keeps_the_rest_period_and_gives_up() -> None:
    """Within 30 days a second delivery question is deferred at most ten days, then too late; drop drops at once."""
    compiled = compile_table(load(PLAN))
    near = replay(compiled, [_delivery(0, "a"), _delivery(25, "b")])
    assert near.fates()["delivery-now"] == {Fate.ASKED: 1, Fate.TOO_LATE: 1}
    interaction = PastEvent("i", "c", "interaction_ended", START + timedelta(days=5), "i1")
    assert replay(compiled, [_delivery(0, "a"), interaction]).fates()["interaction"] == {Fate.DROPPED: 1}


def test_the_replay_leaves_out_who_comes_when_the_day_is_full() -> None:
    """Two a day of twelve in three days; a quota by groups, which events do not tell of, leaves nobody out."""
    events = [replace(_delivery(n % 3, f"o{n}"), id=f"d{n}", customer=f"c{n}") for n in range(12)]
    for quota, asked in (("2", 6), ("", 12), ("2 by segment", 12)):
        done = replay(compile_table(plan_with(["at most a day: text"], {"J2": [quota]})), events)
        fates = done.fates()["delivery-now"]
        assert (fates[Fate.ASKED], fates[Fate.QUOTA_FULL]) == (asked, 12 - asked)
        assert sum(week["delivery-now"] for week in done.per_week().values()) == asked


def test_the_replay_asks_once_per_key_and_stops() -> None:
    """One touchpoint per reference; a refund stops what is about its order, a complaint holds until its end."""
    compiled = compile_table(load(PLAN))
    contrary = load_contrary((PLAN / "contrary.csv").read_bytes())
    twice = replay(compiled, [_delivery(0, "a"), _delivery(1, "a")])
    assert twice.fates()["delivery-now"].total() == 1
    refund = PastEvent("r", "c", "refund", START + timedelta(days=10), "a")
    assert replay(compiled, [_delivery(0, "a"), refund], contrary).fates()["delivery-6w"] == {Fate.STOPPED: 1}
    opened = PastEvent("k", "c", "complaint_opened", START + timedelta(days=40))
    closed = PastEvent("l", "c", "complaint_closed", START + timedelta(days=45))
    held = replay(compiled, [_delivery(0, "a"), opened, closed], contrary)
    assert held.fates()["delivery-6w"] == {Fate.DEFERRED: 1}
    assert replay(compiled, [_delivery(0, "a"), opened], contrary).fates()["delivery-6w"] == {Fate.STOPPED: 1}


def _delivery(day: int, reference: str) -> PastEvent:
    return PastEvent(f"d{day}", "c", "delivery", START + timedelta(days=day), reference)


def test_a_changed_plan_shows_its_weeks_and_customers() -> None:
    """A plan that asks after a week instead of at once moves questions to other weeks."""
    old, new = (
        compile_table(load(PLAN)),
        compile_table(edited(PLAN, ("delivery-now;delivery;event;now", "delivery-now;delivery;event;P7D"))),
    )
    shown = backtest_plan(old, new, [_delivery(0, "a")]).as_json()
    assert shown["per_week"] == [
        {"week": "2026-W10", "old": {"delivery-now": 1}, "new": {}},
        {"week": "2026-W11", "old": {}, "new": {"delivery-now": 1}},
    ]


def test_events_are_read_from_csv() -> None:
    """A CSV of events is read for a replay."""
    events = read_events(b"customer;event;at;reference;months\nc;milestone;2026-03-02T10:00:00Z;;3\n")
    assert replay(compile_table(load(PLAN)), events).fates() == {"milestone-3m": {Fate.ASKED: 1}}


def test_a_plan_that_asks_about_the_customer_is_not_replayed_where_it_does() -> None:
    """What was known of a customer is not kept with events: neither asked nor left out, but counted; others go on."""
    line = "plan: {type: text, values: [free, pro], may be unknown: yes}"
    old, new = load(PLAN), table_with("journey-plan", line, {"J2": "pro"})
    events = [
        PastEvent("1", "a", "delivery", datetime(2026, 3, 3, tzinfo=UTC), "o-1"),
        PastEvent("2", "b", "customer_started", datetime(2026, 3, 3, tzinfo=UTC), "c-1"),
    ]
    whole = backtest_plan(compile_table(old), compile_table(old), events)
    some = backtest_plan(compile_table(old), compile_table(new), events)
    assert whole.new.not_replayable == 0
    assert some.new.not_replayable == 1
    assert {step.customer for step in some.new.steps} == {"b"}
