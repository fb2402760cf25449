"""Tables as people save them: encodings, delimiters, look-alike characters, and what cannot be read at all."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from tableparts import FOLLOW_UP, HOME, PLAN, SCORE, codes, table

from workers.decision_table import Against, Inputs, Unreadable, Wait, check, compile_table, from_content, load, parse
from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.decisions.explanation import explain
from workers.decision_table.files.cell_writer import write_cell
from workers.decision_table.files.definition import parse_definition
from workers.decision_table.model.cells import CellError, parse_cell
from workers.decision_table.model.grid import build_grid
from workers.decision_table.model.table import Column, HitPolicy, OutcomeKind, Rule, Table

ROWS = "id;score;then\nA;0-6;x\nB;7-10;y\n"


def columns_of(*lines: str) -> dict[str, Column]:
    """Return input columns by name from lines of table.yaml."""
    text = "inputs:\n" + "\n".join(f"  {line}" for line in lines) + "\noutputs:\n  then: text\n"
    return {column.name: column for column in parse_definition(text).inputs}


COLUMNS = columns_of(
    "score: integer 0..10",
    "after: duration 0d..",
    "amount: number",
    "colour: {type: text, values: [red, green, blue]}",
    "word: {type: text, values: [a, b], other values: allowed}",
    "day: date",
    "months: {type: integer 0.., may be unknown: yes}",
    "flag: boolean",
)


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode("utf-8-sig"),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace(";", ",").encode(),
        ROWS.replace(";", "\t").encode(),
        ROWS.replace("0-6", "0–6").encode(),
        ROWS.replace("0-6", " 0\u00a0-\u00a06 ").encode(),
        ROWS.replace("0-6", "“0-6”").encode(),
        ROWS.replace("0-6", "0..6").replace("7-10", ">=7").encode(),
        ROWS.replace("0-6", "[0..6]").replace("7-10", "(6..10]").encode(),
        ROWS.replace("0-6", "0 to 6").replace("7-10", "not(0-6)").encode(),
        ROWS.replace("0-6", "0-3,4,5-6").replace("7-10", "7,8,9,10").encode(),
        ROWS.replace("0-6", "≤6").replace("7-10", "]6..11[").encode(),
        ROWS.replace("id;score;then", "ID;Score; then ").encode(),
        b"id;then;score\nA;x;0-6\nB;y;7-10\n",
        (ROWS + "\n\n;;\n# a remark;;\n").encode(),
    ],
)
def test_a_table_means_the_same_however_it_is_saved(data: bytes) -> None:
    """Encoding, delimiter, line ends, look-alikes, column order and the way a band is written do not matter."""
    parsed = parse({"table.yaml": f"name: t\n{SCORE}".encode(), "rules.csv": data})
    assert not parsed.faults
    assert parsed.version == table(ROWS).version


@pytest.mark.parametrize(
    ("old", "new"), [("0-6", "0-5"), (";x", ";z"), ("A;", "C;"), ("A;0-6;x\nB;7-10;y", "B;7-10;y\nA;0-6;x")]
)
def test_a_change_of_meaning_changes_the_version(old: str, new: str) -> None:
    """A cell, an output, an id or the order of rows makes another version."""
    assert table(ROWS.replace(old, new)).version != table(ROWS).version


@pytest.mark.parametrize(
    ("column", "text", "inside", "outside"),
    [
        ("score", "9-10", [9, 10], [0, 8]),
        ("score", "9..10", [9, 10], [8]),
        ("score", "9 to 10", [9, 10], [8]),
        ("score", "[9..10]", [9, 10], [8]),
        ("score", "(6..10]", [7, 10], [6]),
        ("score", "[6..10)", [6, 9], [10]),
        ("score", ">=9", [9, 10], [8]),
        ("score", "> 8", [9], [8]),
        ("score", "7,8", [7, 8], [6, 9]),
        ("score", "not(0-6)", [7, 10], [0, 6]),
        ("score", "not(7,8)", [0, 9], [7, 8]),
        ("score", "= 7", [7], [6]),
        ("score", "!= 7", [6, 8], [7]),
        ("score", "-", [0, 10], []),
        ("score", "", [0, 10], []),
        ("score", "Any", [0, 10], []),
        ("after", "<28d", ["P0D", "P27D"], ["P28D"]),
        ("after", "14d..60d", ["P14D", "P59D"], ["P60D", "P13D"]),
        ("after", "14d-60d", ["P14D"], ["P60D"]),
        ("after", "[14d..60d]", ["P60D"], ["P61D"]),
        ("after", "2w..P60D", ["P14D"], ["P60D"]),
        ("after", ">=14 days", [14], [13.9]),
        ("after", '@"PT4H"', ["PT4H"], ["PT5H"]),
        ("after", '>= duration("PT4H")', ["PT4H"], ["PT3H"]),
        ("amount", "-5..-1", [-5, -1], [0]),
        ("amount", "0.5", [0.5], [0.4]),
        ("colour", "red,green", ["red", "green"], ["blue"]),
        ("colour", "not(red)", ["green", "blue"], ["red"]),
        ("colour", '"red", blue', ["red", "blue"], ["green"]),
        ("colour", "!= red", ["green"], ["red"]),
        ("word", "not(a)", ["b", "new"], ["a"]),
        ("word", "a,new", ["a", "new"], ["b"]),
        ("day", "[2026-01-01..2026-01-31]", ["2026-01-31"], ["2026-02-01"]),
        ("day", '>= @"2026-01-01"', ["2026-01-01"], ["2025-12-31"]),
        ("months", "3", [3], [4, None]),
        ("months", "unknown", [None], [3]),
        ("months", "3,unknown", [3, None], [4]),
        ("months", "not(3)", [4], [3, None]),
        ("months", "not(unknown)", [0, 99], [None]),
        ("months", "-", [0, None], []),
        ("flag", "true", [True, "yes"], [False]),
        ("flag", "no", [False], [True]),
    ],
)
def test_cell_forms(column: str, text: str, inside: list[object], outside: list[object]) -> None:
    """Each way of writing a cell lets through what it says, and is written back with the same meaning."""
    cell = parse_cell(text, COLUMNS[column])
    again = parse_cell(write_cell(COLUMNS[column], cell), COLUMNS[column])
    for form in (cell, again):
        rule = Rule("R", 2, (form,), {"then": "x"})
        small = Table("t", HitPolicy.COLLECT, (COLUMNS[column],), (), (rule,))
        compiled = Compiled(small, build_grid(small.inputs, small.rules))
        for value in inside:
            assert compiled.decide({column: value}).rules, value  # type: ignore[dict-item]  # sample values
        for value in outside:
            outcome = compiled.decide({column: value})  # type: ignore[dict-item]  # sample values
            assert outcome.kind is OutcomeKind.MATCHED
            assert not outcome.rules, value


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("score", "06-Jan", "E301"),
        ("score", "6-janv.", "E301"),
        ("score", "01-juin", "E301"),
        ("score", "juil-08", "E301"),
        ("score", "2026-01-06", "E301"),
        ("score", "2026-01-06 00:00:00", "E301"),
        ("score", "06.01.2026", "E301"),
        ("score", "06/01/2026", "E301"),
        ("score", "01-Jun-26", "E301"),
        ("score", "7,06-Jan", "E301"),
        ("score", "11", "E302"),
        ("score", "0-11", "E302"),
        ("score", ">10", "E302"),
        ("score", "<=11", "E302"),
        ("score", "9.5", "E302"),
        ("score", "nine", "E302"),
        ("score", "46028", "E302"),
        ("score", "7,,8", "E302"),
        ("score", "6-0", "E303"),
        ("score", "(6..6)", "E303"),
        ("score", "[9..10", "E304"),
        ("score", "9..10]", "E304"),
        ("score", "not(9", "E304"),
        ("colour", '"red', "E304"),
        ("colour", "gren", "E302"),
        ("after", "<28", "E305"),
        ("after", "14..60d", "E305"),
        ("after", "P1M", "E305"),
        ("after", ">=1 month", "E305"),
        ("after", "60d..14d", "E303"),
        ("after", "1-Jun", "E301"),
        ("flag", "maybe", "E302"),
    ],
)
def test_bad_cells_have_a_code(column: str, text: str, code: str) -> None:
    """A cell that makes no sense is refused with the code for what is wrong with it."""
    with pytest.raises(CellError) as caught:
        parse_cell(text, COLUMNS[column])
    assert caught.value.code == code


def test_a_bad_cell_says_where_it_is_and_what_to_do() -> None:
    """The fault names row, rule and column, and what was probably meant."""
    damaged = table("id;score;then\n\nA;06-Jan;x\nB;7-10;y\n")
    assert [fault.rows for fault in damaged.faults] == [(3,)]
    assert "Row 3 (A), column score" in damaged.faults[0].message
    assert "probably 1-6" in damaged.faults[0].message


def test_a_bad_cell_causes_no_second_fault() -> None:
    """What a damaged row may have meant to cover is not reported as a gap beside it."""
    assert codes(check(table("id;score;then\nA;06-Jan;x\nB;7-10;y\n"))) == ["E301"]


def test_all_bad_cells_are_listed_at_once() -> None:
    """Every bad cell of a table is in the list."""
    faults = check(table("id;score;then\nA;06-Jan;x\nB;6-0;y\nC;[9..10;z\nD;12;w\n"))
    assert codes(faults) == ["E301", "E303", "E304", "E302"]


def test_a_wait_that_a_spreadsheet_damaged_is_found() -> None:
    """Waits in output columns are checked too: a date, and a number without a unit."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  wait: wait\n"
    assert codes(table("id;score;wait\nA;0-6;01-Jun\nB;7-10;10\n", yaml).faults) == ["E301", "E305"]


def test_waits_keep_their_text() -> None:
    """Waits are read in ISO 8601 and in words, and now is no wait."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  wait: wait\n"
    rows = "id;score;wait\nA;0;now\nB;1;P10D\nC;2;PT4H\nD;3;P3M\nE;4;2w\nF;5;14 days\nG;6;\n"
    waits = [rule.outputs["wait"] for rule in table(rows, yaml).rules]
    assert waits == [Wait(), Wait(days=10), Wait(seconds=4 * 3600), Wait(3), Wait(days=14), Wait(days=14), None]


def test_the_otherwise_line_is_a_default_and_hides_no_gap() -> None:
    """Otherwise answers when no rule does, and the gap is reported all the same."""
    with_default = table("id;score;then\nA;0-6;x\notherwise;;z\n")
    assert codes(check(with_default)) == ["E101"]
    outcome = compile_table(with_default).decide({"score": 8})
    assert (outcome.kind, outcome.outputs) == ("otherwise", ({"then": "z"},))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "table.yaml is missing"),
        ({"table.yaml": b"name: t\n"}, "rules.csv is missing"),
        ({"table.yaml": b"a: [", "rules.csv": b"id\n"}, "not YAML"),
        ({"table.yaml": SCORE.encode(), "rules.csv": b""}, "is empty"),
        ({"table.yaml": SCORE.encode(), "rules.csv": b"id;then\nA;x\n"}, "lacks score"),
        ({"table.yaml": SCORE.encode(), "rules.csv": b"score;then\n1;x\n"}, "lacks id"),
        ({"table.yaml": SCORE.encode(), "rules.csv": b"id;score;thn\nA;1;x\n"}, "Did you mean then?"),
        ({"table.yaml": SCORE.encode(), "rules.csv": b"id;score;then\nA;1;x;more\n"}, "row 2 has more cells"),
        ({"table.yaml": SCORE.encode(), "rules.csv": "id;score;then\nA;1;é\n".encode("latin-1")}, "not UTF-8"),
        ({"table.yaml": b"inputz:\n", "rules.csv": b"id\n"}, "Did you mean inputs?"),
        ({"table.yaml": b"hit policy: MAYBE\n" + SCORE.encode(), "rules.csv": b"id\n"}, "not one of UNIQUE"),
        (
            {"table.yaml": b"inputs:\n  a: interger 0..3\noutputs: {}\n", "rules.csv": b"id;a\n"},
            "Did you mean integer?",
        ),
        ({"table.yaml": SCORE.encode(), "rules.csv": b"id;score;score;then\n"}, "stands twice"),
    ],
)
def test_what_cannot_be_read_says_why(files: dict[str, bytes], said: str) -> None:
    """A table that cannot be read at all is refused with what to change."""
    with pytest.raises(Unreadable, match=said.replace("?", r"\?")):
        parse(files)


def test_a_folder_that_is_not_there_is_unreadable() -> None:
    """Loading a folder that does not exist says so."""
    with pytest.raises(Unreadable, match="not a folder"):
        load(HOME / "rules" / "no-such-table")


@pytest.mark.parametrize("folder", [FOLLOW_UP, PLAN])
def test_a_shipped_table_is_rebuilt_from_its_content(folder: Path) -> None:
    """The stored content of a table gives back the same version, so that old decisions stay explainable."""
    loaded = load(folder)
    assert from_content(loaded.content).version == loaded.version


def test_a_period_of_validity_is_part_of_the_conditions() -> None:
    """A row counts from its first to its last day; the gap after the last day is reported."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  then: text\n"
    periods = table("id;score;valid from;valid until;then\nA;-;;2026-03-31;x\nB;-;2026-04-01;;y\n", yaml)
    assert not check(periods)
    compiled = compile_table(periods)
    assert compiled.decide({"score": 3, "on": date(2026, 3, 31)}).rules[0].id == "A"
    assert compiled.decide({"score": 3, "on": date(2026, 4, 1)}).rules[0].id == "B"
    assert codes(check(periods, Against(today=date(2026, 5, 1)))) == ["W503"]


def test_durations_are_given_as_timedelta_days_or_text() -> None:
    """A duration input is a timedelta, a number of days or ISO text."""
    compiled = compile_table(load(FOLLOW_UP))
    base: Inputs = {"trigger": "delivery", "score": 2, "comment": "no", "wants_contact": "no"}
    for after in (timedelta(days=28), 28, 28.0, "P28D", "28d"):
        assert compiled.decide({**base, "after": after}).rules[0].id == "D2"
    assert compiled.decide({**base, "after": timedelta(days=27, hours=23)}).rules[0].id == "D1"


def test_an_input_may_be_left_out_by_rows_files_and_decisions() -> None:
    """It is what `if missing` says, in an empty cell and in a decision; a file without the column has no such input."""
    definition = (
        b"inputs:\n  score: integer 0..10\n  kind: {type: text, values: [a, b], if missing: a, may be left out: yes}\n"
        b"outputs:\n  then: text\n"
    )
    whole = parse({"table.yaml": definition, "rules.csv": b"id;score;then;kind\nA;0-6;x\nB;7-10;y;a\nC;-;z;b\n"})
    assert codes(check(whole)) == []
    decide = compile_table(whole).decide
    firing: list[tuple[Inputs, str]] = [
        ({"score": 3}, "A"),
        ({"score": 9, "kind": "a"}, "B"),
        ({"score": 3, "kind": "b"}, "C"),
    ]
    for inputs, rule in firing:
        assert [fired.id for fired in decide(inputs).rules] == [rule]
    before = parse({"table.yaml": definition, "rules.csv": ROWS.encode()})
    assert [column.name for column in before.inputs] == ["score"]
    plain = definition.replace(b"  kind: {type: text, values: [a, b], if missing: a, may be left out: yes}\n", b"")
    assert before.version == parse({"table.yaml": plain, "rules.csv": ROWS.encode()}).version


@pytest.mark.parametrize(
    "column",
    ["integer, domain: 0..100000", "number, domain: 0..10", "integer, domain: 0..10", "duration", "date"],
)
def test_what_is_left_out_may_be_of_any_type(column: str) -> None:
    """A decision, every row that matches and an explanation take the same for it, also where rows are bands."""
    missing = {"duration": "P5D", "date": "2026-01-05"}.get(column, "5")
    definition = (
        f"inputs:\n  score: integer 0..10\n  more: {{type: {column}, if missing: {missing}, may be left out: yes}}\n"
        "outputs:\n  then: text\n"
    )
    rows = f"id;score;then;more\nA;-;x;<={missing}\nB;-;y;>{missing}\n"
    compiled = compile_table(parse({"table.yaml": definition.encode(), "rules.csv": rows.encode()}))
    explained = explain(compiled, {"score": 3})
    for rules in (compiled.decide({"score": 3}).rules, compiled.hits({"score": 3}), explained.outcome.rules):
        assert [rule.id for rule in rules] == ["A"]
