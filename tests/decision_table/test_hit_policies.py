"""What each hit policy answers, on a table of our own format and on DMN files."""

import pytest
from tableparts import SCORE, dmn, table

from workers.decision_table import compile_table
from workers.decision_table.decisions.evaluation import evaluate
from workers.decision_table.dmn.reader import parse_dmn

ROWS = "id;score;then\nA;0-6;low\nB;5-10;high\n"
RANKED = "inputs:\n  score: integer 0..10\noutputs:\n  then: {type: text, values: [high, low]}\n"


@pytest.mark.parametrize(
    ("policy", "result", "rules"),
    [
        ("ANY", None, None),
        ("UNIQUE", None, None),
        ("FIRST", "low", ["A"]),
        ("PRIORITY", "high", ["B"]),
        ("COLLECT", ["low", "high"], ["A", "B"]),
        ("RULE ORDER", ["low", "high"], ["A", "B"]),
        ("OUTPUT ORDER", ["high", "low"], ["B", "A"]),
    ],
)
def test_two_rules_that_match(policy: str, result: object, rules: list[str] | None) -> None:
    """Two hits are parked, chosen, ranked or collected, as the policy says; never anything silent."""
    compiled = compile_table(table(ROWS, RANKED, f"name: t\nhit policy: {policy}\n"))
    answer = evaluate(compiled, {"score": 5})
    if rules is None:
        assert "error" in answer
    else:
        assert answer == {"result": result, "rules": rules}
    assert evaluate(compiled, {"score": 1})["rules"] == ["A"]


def test_any_takes_equal_outputs() -> None:
    """ANY answers when all hits agree."""
    compiled = compile_table(table(ROWS.replace("high", "low"), SCORE, "name: t\nhit policy: ANY\n"))
    assert evaluate(compiled, {"score": 5}) == {"result": "low", "rules": ["A"]}


NUMBERS = [("n", "number", "")]


@pytest.mark.parametrize(
    ("aggregation", "result"), [("SUM", 60.3), ("MIN", 10.1), ("MAX", 30.1), ("COUNT", 3), ("", [10.1, 20.1, 30.1])]
)
def test_collect_with_an_aggregator(aggregation: str, result: object) -> None:
    """COLLECT gives a list, or its sum, smallest, largest or count; sums are exact."""
    rules = [("> 1", "10.1"), ("> 2", "20.1"), ("> 3", "30.1"), ("> 9", "0")]
    data = dmn(NUMBERS, [("out", "number", "", "")], rules, "COLLECT", aggregation=aggregation)
    assert evaluate(compile_table(parse_dmn(data)), {"n": 5})["result"] == result


def test_aggregators_work_column_by_column() -> None:
    """With several outputs each column is aggregated by itself."""
    rules = [("> 1", "10", "1"), ("> 2", "20", "2")]
    outputs = [("a", "number", "", ""), ("b", "number", "", "")]
    data = dmn(NUMBERS, outputs, rules, "COLLECT", aggregation="SUM")
    assert evaluate(compile_table(parse_dmn(data)), {"n": 5})["result"] == {"a": 30, "b": 3}


@pytest.mark.parametrize("policy", ["UNIQUE", "FIRST", "COLLECT", "RULE ORDER"])
def test_nothing_matches_in_dmn(policy: str) -> None:
    """DMN answers null when nothing matches, and the default output when there is one."""
    plain = dmn(NUMBERS, [("out", "string", "", "")], [("> 1", '"x"')], policy)
    assert evaluate(compile_table(parse_dmn(plain)), {"n": 0}) == {"result": None, "rules": []}
    default = dmn(NUMBERS, [("out", "string", '"x", "d"', '"d"')], [("> 1", '"x"')], policy)
    assert evaluate(compile_table(parse_dmn(default)), {"n": 0}) == {"result": "d", "rules": []}


def test_priority_goes_left_to_right_over_the_outputs() -> None:
    """With several ranked outputs the left one decides, then the next, then the row."""
    outputs = [("a", "string", '"high", "low"', ""), ("b", "string", '"x", "y"', "")]
    rules = [("> 1", '"low"', '"x"'), ("> 1", '"high"', '"y"'), ("> 1", '"high"', '"x"')]
    assert evaluate(compile_table(parse_dmn(dmn(NUMBERS, outputs, rules, "PRIORITY"))), {"n": 2})["rules"] == ["r3"]
    ordered = evaluate(compile_table(parse_dmn(dmn(NUMBERS, outputs, rules, "OUTPUT ORDER"))), {"n": 2})
    assert ordered["rules"] == ["r3", "r2", "r1"]


def test_several_outputs_are_an_object() -> None:
    """A table of several outputs answers with an object by output name."""
    outputs = [("Rate", "string", "", ""), ("Approved/Declined", "boolean", "", "")]
    data = dmn(NUMBERS, outputs, [("> 1", '"Best"', "true")])
    answer = evaluate(compile_table(parse_dmn(data)), {"n": 2})
    assert answer == {"result": {"Rate": "Best", "Approved/Declined": True}, "rules": ["r1"]}
