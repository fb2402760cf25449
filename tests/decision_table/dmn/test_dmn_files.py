"""DMN files: what is read, what is refused by name and place, and what comes out again."""

import pytest
from tableparts import FOLLOW_UP, PLAN, codes, dmn, table

from workers.decision_table import (
    Table,
    Unreadable,
    check,
    compile_table,
    from_content,
    load,
    parse,
    parse_cases,
    propose_cases,
)
from workers.decision_table.decisions.evaluation import evaluate
from workers.decision_table.dmn.reader import decisions_in, parse_dmn
from workers.decision_table.dmn.writer import write_dmn
from workers.decision_table.files.csv_writer import table_files

OUT = [("out", "string", "", "")]


def matches(kind: str, test: str, value: object, *, allowed: str = "") -> bool:
    """Say whether one S-FEEL test lets a value through."""
    read = parse_dmn(dmn([("x", kind, allowed)], OUT, [(test, '"yes"')], "FIRST"))
    answer = evaluate(compile_table(read), {"x": value})
    assert "error" not in answer, answer
    return answer["result"] == "yes"


@pytest.mark.parametrize(
    ("kind", "test", "inside", "outside"),
    [
        ("number", "18", [18, 18.0], [17, 18.5]),
        ("number", "-18", [-18], [18]),
        ("number", "> -1", [0], [-1]),
        ("number", ">= 18", [18], [17.99]),
        ("number", "<18", [17.99], [18]),
        ("number", "[18..21]", [18, 21], [17, 22]),
        ("number", "(18..21)", [18.5], [18, 21]),
        ("number", "]18..21[", [20], [18, 21]),
        ("number", "[18..21[", [18], [21]),
        ("number", "1,2,[5..6]", [1, 2, 5.5], [3]),
        ("number", "not(1,2)", [3], [1, 2]),
        ("number", "not([1..2], >5)", [0, 3], [1.5, 6]),
        ("number", "0.5", [0.5], [0.51]),
        ("number", ".5", [0.5], [5]),
        ("number", "= 3", [3], [4]),
        ("number", "!= 3", [4], [3]),
        ("number", "-", [1, None], []),
        ("number", "", [1, None], []),
        ("number", "null", [None], [0]),
        ("number", "null, 3", [None, 3], [4]),
        ("number", "> 3 // a remark", [4], [3]),
        ("integer", "> 38.3", [39], [38]),
        ("string", '"Medium","Low"', ["Medium", "Low"], ["High", None]),
        ("string", 'not("Medium")', ["Low", None], ["Medium"]),
        ("string", 'not("Medium", null)', ["Low"], ["Medium", None]),
        ("string", "not(null)", ["x"], [None]),
        ("string", '"a\\"b"', ['a"b'], ["ab"]),
        ("string", '"\\u00e9"', ["é"], ["e"]),
        ("string", '"a,b"', ["a,b"], ["a", "b"]),
        ("string", '"not(1)"', ["not(1)"], ["1"]),
        ("string", '""', [""], ["x", None]),
        ("boolean", "true", [True], [False, None]),
        ("boolean", "not(true)", [False, None], [True]),
        ("boolean", "false, true", [False, True], [None]),
        ("date", 'date("2016-10-01")', ["2016-10-01"], ["2016-10-02"]),
        ("date", '> date("2016-10-01")', ["2016-10-02"], ["2016-10-01", None]),
        ("date", '[date("2016-01-01")..@"2016-12-31"]', ["2016-06-01"], ["2017-01-01"]),
        ("date", ">= date(2016, 10, 1)", ["2016-10-01"], ["2016-09-30"]),
        ("time", '< time("12:00:00")', ["11:59:59"], ["12:00:00"]),
        ("time", '[@"08:00:00"..@"17:00:00")', ["08:00:00"], ["17:00:00"]),
        ("dateTime", '> date and time("2016-10-01T12:00:00")', ["2016-10-01T12:00:01"], ["2016-10-01T12:00:00"]),
        ("dateTime", '@"2016-10-01T12:00:00Z"', ["2016-10-01T14:00:00+02:00"], ["2016-10-01T12:00:00+02:00"]),
        ("dayTimeDuration", '> duration("P1D")', ["PT25H"], ["P1D", "PT24H"]),
        ("dayTimeDuration", '@"PT90M"', ["PT1H30M"], ["PT1H"]),
        ("dayTimeDuration", 'duration("-P1D")', ["-P1D"], ["P1D"]),
        ("yearMonthDuration", '>= duration("P1Y")', ["P12M", "P1Y1M"], ["P11M"]),
    ],
)
def test_unary_tests(kind: str, test: str, inside: list[object], outside: list[object]) -> None:
    """Each S-FEEL test lets through what DMN says, null included."""
    for value in inside:
        assert matches(kind, test, value), value
    for value in outside:
        assert not matches(kind, test, value), value


@pytest.mark.parametrize(
    ("test", "quoted"),
    [
        ("dateE", "the name dateE"),
        ("[numB..numC]", "the name numB"),
        ("? > 5", "an expression over `?`"),
        ("contains(?, 1)", "the function contains"),
        ("1 + 2", r"'\+'"),
        ("> 2 and < 5", "'and'"),
        ("[1, 2]", "'..'"),
        ("{a: 1}", "'{' is no literal"),
        ("[1..2", "closing bracket"),
        ("not(1", r"'\)' is expected"),
        ('date("2016-13-01")', "is not a date"),
        ("1,,2", "',' is no literal"),
        ("if true then 1 else 2", "the name if"),
    ],
)
def test_an_unsupported_cell_is_quoted_with_its_place(test: str, quoted: str) -> None:
    """What S-FEEL does not have is refused with decision, rule, input and the text of the cell."""
    with pytest.raises(Unreadable, match=quoted) as caught:
        parse_dmn(dmn([("x", "number", "")], OUT, [("-", '"a"'), (test, '"yes"')]))
    assert "Decision, rule 2, input x" in str(caught.value)
    assert test in str(caught.value)


@pytest.mark.parametrize("text", ["x + 1", "Symptom", "[1, 2]", 'concat("a")', '"a", "b"'])
def test_an_output_that_is_no_literal_is_refused(text: str) -> None:
    """Outputs are literals; anything else is refused with its place."""
    with pytest.raises(Unreadable, match="Decision, rule 1, output out"):
        parse_dmn(dmn([("x", "number", "")], OUT, [("-", text)]))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not xml", "is not XML"),
        (b"<a/>", "is not DMN"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><definitions>&e;</definitions>', "document type"),
        (b"<definitions/>", "no decision table"),
        (b"<definitions><decision name='d'><literalExpression/></decision></definitions>", "literalExpression"),
        (dmn([("a + b", "number", "")], OUT, [("-", '"x"')]), "input expression 'a [+] b'"),
        (dmn([("x", "number", "")], OUT, [("-", '"x"')], "SOMETIMES"), "hit policy 'SOMETIMES'"),
        (dmn([("x", "number", "")], OUT, [("-",)]), "0 outputEntry elements"),
        (dmn([("x", "", "")], OUT, [("1", '"x"'), ('"a"', '"y"')]), "of several"),
    ],
)
def test_a_file_that_is_no_table_is_refused(data: bytes, said: str) -> None:
    """What is not one decision table says what it is instead."""
    with pytest.raises(Unreadable, match=said):
        parse_dmn(data)


def test_scripts_are_refused_by_language() -> None:
    """An expression language other than FEEL is refused by name."""
    data = dmn([("x", "number", "")], OUT, [("1", '"x"')]).replace(
        b"<inputEntry>", b'<inputEntry expressionLanguage="groovy">'
    )
    with pytest.raises(Unreadable, match="groovy"):
        parse_dmn(data)


def test_one_of_several_decisions_is_named() -> None:
    """A file with several tables needs the name of one, and says which there are."""
    only = dmn([("x", "number", "")], OUT, [("1", '"x"')]).decode()
    two = only.replace("</definitions>", only[only.index("<decision") :].replace('name="Decision"', 'name="Second"'))
    with pytest.raises(Unreadable, match="Decision, Second"):
        parse_dmn(two.encode())
    assert parse_dmn(two.encode(), "Second").name == "Second"
    assert decisions_in(two.encode()) == ("Decision", "Second")
    with pytest.raises(Unreadable, match="Did you mean Second"):
        parse_dmn(two.encode(), "Secnd")


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
    ],
)
def test_every_version_of_dmn_is_read(namespace: str) -> None:
    """Files of DMN 1.1 to 1.5 are read alike."""
    data = dmn([("x", "feel:number", "")], OUT, [("1", '"x"')], namespace=namespace)
    assert evaluate(compile_table(parse_dmn(data)), {"x": 1})["result"] == "x"


def test_types_come_from_item_definitions_and_input_data() -> None:
    """A type of one's own brings its base type and its allowed values; a missing one comes from the input data."""
    more = (
        '<itemDefinition name="tRisk"><typeRef>string</typeRef><allowedValues><text>"High", "Low"</text>'
        '</allowedValues></itemDefinition><inputData name="Age"><variable name="Age" typeRef="number"/></inputData>'
    )
    data = dmn([("Risk", "tns:tRisk", ""), ("Age", "", "")], OUT, [('"High"', "-", '"x"')], more=more)
    read = parse_dmn(data)
    assert [(column.kind.value, column.values) for column in read.inputs] == [("text", ("High", "Low")), ("number", ())]
    assert codes(check(read)) == ["E101"]


def test_a_list_type_is_what_many_hits_answer_with() -> None:
    """A table of many hits may have a list type; its values rank the outputs. An input of a list type is refused."""
    more = (
        '<itemDefinition name="tList" isCollection="true"><typeRef>string</typeRef><allowedValues><text>"b", "a"</text>'
        "</allowedValues></itemDefinition>"
    )
    rules = [("> 1", '"a"'), ("> 2", '"b"')]
    data = dmn([("n", "number", "")], [("out", "tList", "", "")], rules, "OUTPUT ORDER", more=more)
    assert evaluate(compile_table(parse_dmn(data)), {"n": 3})["result"] == ["b", "a"]
    with pytest.raises(Unreadable, match="tList is a collection"):
        parse_dmn(dmn([("n", "tList", "")], OUT, [("-", '"x"')], more=more))


def test_listed_numbers_are_shown_as_values_and_as_intervals() -> None:
    """A gap of an enumeration of numbers names its values."""
    data = dmn([("n", "number", "0,1,2,3")], OUT, [("[0..1]", '"a"')])
    fault = check(parse_dmn(data))[0]
    assert fault.box is not None
    assert fault.box[0]["values"] == [2, 3]
    assert fault.paste == "G1;2,3;a"


def test_a_path_is_looked_up_in_the_input() -> None:
    """An input expression may be a path into a structure."""
    read = parse_dmn(dmn([("order.price", "number", "")], OUT, [("> 10", '"x"')]))
    assert evaluate(compile_table(read), {"order": {"price": 11}})["result"] == "x"
    assert evaluate(compile_table(read), {"order.price": 9})["result"] is None


def test_gaps_and_overlaps_of_a_dmn_file() -> None:
    """A DMN table is checked like one of our own; numbers are continuous unless their values are listed."""
    continuous = dmn([("n", "number", "[0..10]")], OUT, [("[0..6]", '"a"'), ("[7..10]", '"b"')])
    fault = check(parse_dmn(continuous))[0]
    assert fault.code == "E101"
    assert fault.box is not None
    assert fault.box[0]["intervals"] == [{"low": 6, "low_closed": False, "high": 7, "high_closed": False}]
    listed = dmn([("n", "number", "0,1,2,3")], OUT, [("[0..1]", '"a"'), ("[2..3]", '"b"')])
    assert not check(parse_dmn(listed))
    whole = dmn([("n", "integer", "[0..10]")], OUT, [("[0..6]", '"a"'), ("[7..10]", '"b"')])
    assert not check(parse_dmn(whole))
    both = dmn([("n", "number", "[0..10]")], OUT, [("[0..6]", '"a"'), ("[6..10]", '"b"')])
    assert [(overlap.code, overlap.rules, overlap.rows) for overlap in check(parse_dmn(both))] == [
        ("E201", ("r1", "r2"), (1, 2))
    ]


def test_a_text_column_without_values_is_an_error_and_checked_all_the_same() -> None:
    """A string input without allowed values is E306; what can be found besides is found."""
    data = dmn([("s", "string", "")], OUT, [('"a"', '"x"'), ('"a", "b"', '"y"')])
    assert codes(check(parse_dmn(data))) == ["E306", "E101", "E201"]


def test_null_is_a_gap_only_where_it_may_come() -> None:
    """A column whose allowed values hold null needs a row for it."""
    rules = [("< 5", '"a"'), (">= 5", '"b"')]
    assert codes(check(parse_dmn(dmn([("n", "number", "")], OUT, rules)))) == []
    assert codes(check(parse_dmn(dmn([("n", "number", "[0..10], null")], OUT, rules)))) == ["E102"]


@pytest.mark.parametrize(
    ("allowed", "test", "code"),
    [
        ("[0..10]", "11", "E302"),
        ("[0..10]", "[5..11]", "E302"),
        ("[0..10]", "> 10", "E302"),
        ("[0..10]", "[5..1]", "E303"),
        ("[0..10]", '"a"', "E302"),
        ("1,3,5", "2", "E302"),
    ],
)
def test_a_cell_outside_the_allowed_values(allowed: str, test: str, code: str) -> None:
    """A readable cell that cannot be meant is a fault with its code."""
    faults = check(parse_dmn(dmn([("n", "number", allowed)], OUT, [(test, '"a"')])))
    assert [fault.code for fault in faults] == [code]
    assert faults[0].rows == (1,)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.50", 1.5),
        ("-3", -3),
        ('"a\\nb"', "a\nb"),
        ("true", True),
        ("null", None),
        ("", None),
        ('date("2016-10-01")', "2016-10-01"),
        ('time("10:00:00Z")', "10:00:00Z"),
        ('date and time("2016-10-01T10:00:00")', "2016-10-01T10:00:00"),
        ('duration("P1Y2M")', "P1Y2M"),
        ('duration("P1DT2H")', "P1DT2H"),
        ('@"PT36H"', "P1DT12H"),
    ],
)
def test_outputs_as_json(text: str, value: object) -> None:
    """Output literals come out as JSON values, dates and durations as ISO text."""
    read = parse_dmn(dmn([("n", "number", "")], [("out", "Any", "", "")], [("-", text)]))
    assert evaluate(compile_table(read), {"n": 1})["result"] == value


def decisions(table: Table) -> list[object]:
    """Return what a follow-up table answers to a grid of inputs."""
    compiled = compile_table(table)
    return [
        [rule.id for rule in compiled.decide(
            {"trigger": t, "after": a, "score": s, "comment": c, "wants_contact": w, "question": q}
        ).rules]
        for t in ("delivery", "purchase", "wave", "recovery", "invented")
        for a in ("P0D", "P27D", "P28D", "P90D")
        for s in range(11)
        for c in ("yes", "no")
        for w in ("yes", "no")
        for q in ("nps", "csat")
    ]  # fmt: skip


def test_the_shipped_tables_survive_the_way_through_dmn() -> None:
    """Exported to DMN and read again, the follow-up table decides the same and is still clean; so does the plan."""
    original = load(FOLLOW_UP)
    back = parse_dmn(write_dmn(original))
    assert decisions(back) == decisions(original)
    assert codes(check(back)) == []
    plan = parse_dmn(write_dmn(load(PLAN)))
    given = {"event": "purchase", "first": "yes", "delivery_expected": "no"}
    assert [rule.id for rule in compile_table(plan).decide(given).rules] == ["J1", "J4", "J5", "J6", "J7"]
    assert plan.rules[3].outputs["due"] == load(PLAN).rules[3].outputs["due"]


@pytest.mark.parametrize(
    "data",
    [
        dmn(
            [("n", "number", "[0..10]"), ("s", "string", '"a","b, c"')], OUT, [("not(3)", "-", '"x"'), ("3", '"a"', "")]
        ),
        dmn([("d", "date", ""), ("t", "time", "")], OUT, [('> @"2026-01-01"', '< @"10:00:00"', '"x"')]),
        dmn([("s", "string", '"a", null')], OUT, [('not("a")', '"x"'), ("null", '"y"')], "FIRST"),
        dmn([("b", "boolean", ""), ("m", "yearMonthDuration", "")], OUT, [("not(true)", '>= @"P1Y"', '"x"')]),
        dmn([("n", "number", "")], [("o", "number", "3, 2, 1", "1")], [("(0..1.5]", "2")], "PRIORITY"),
        dmn([("n", "number", "")], [("o", "number", "", "")], [("> 1", "2")], "COLLECT", aggregation="MAX"),
    ],
)
def test_an_imported_folder_means_what_the_dmn_file_means(data: bytes) -> None:
    """Written as a folder, and as DMN again, a DMN table keeps its version."""
    read = parse_dmn(data)
    folder = parse({name: text.encode() for name, text in table_files(read).items()})
    assert folder.version == read.version
    assert parse_dmn(write_dmn(read)).version == read.version
    assert from_content(read.content).version == read.version


def test_ids_that_are_no_xml_names_survive() -> None:
    """A rule id that XML does not allow is kept beside the one that it does."""
    read = load(FOLLOW_UP)
    from dataclasses import replace

    odd = replace(read, rules=(replace(read.rules[0], id="1 a/b"), *read.rules[1:]))
    assert parse_dmn(write_dmn(odd)).rules[0].id == "1 a/b"


@pytest.mark.parametrize(
    ("test", "inside", "outside"),
    [
        ('< "b"', ["", "B", "a", "azzz"], ["b", "ba", "é", None]),
        ('<= "b"', ["b", "a"], ["b ", "ba"]),
        ('> "b"', ["ba", "é"], ["b", "B", None]),
        ('>= "b"', ["b", "ba"], ["azzz"]),
        ('["a".."k"]', ["a", "jjj", "k"], ["ka", "Z", None]),
        ('("a".."k")', ["aa", "jjj"], ["a", "k"]),
        (']"a".."k"]', ["aa", "k"], ["a"]),
        ('< "b", "x", > "y"', ["a", "x", "ya"], ["b", "y"]),
        ('not(< "b")', ["b", "x"], ["a"]),
        ('not(["b".."d"], "x")', ["a", "e"], ["b", "x", "c"]),
        ('!= "b", < "a"', ["a", "c"], ["b"]),
        ('< "b", null', ["a", None], ["c"]),
    ],
)
@pytest.mark.parametrize(
    "allowed",
    ["", '"", "B", "a", "aa", "azzz", "b", "b ", "ba", "c", "d", "e", "jjj", "k", "ka", "x", "y", "ya", "Z", "é"'],
)
def test_texts_are_compared_sign_by_sign(test: str, inside: list[object], outside: list[object], allowed: str) -> None:
    """Comparisons and ranges of texts are S-FEEL, with or without a list of what may come."""
    for value in inside:
        assert matches("string", test, value, allowed=allowed), value
    for value in outside:
        if value is not None or not allowed:
            assert not matches("string", test, value, allowed=allowed), value


def test_a_table_of_text_ranges_is_checked_and_written_like_any_other() -> None:
    """Gaps and overlaps are found, with rows to paste; CSV and DMN give the same table back."""
    rules = [('< "b"', '"low"'), ('["b".."k")', '"middle"'), ('> "k"', '"high"'), ('"go to", "a..b"', '"named"')]
    read = parse_dmn(dmn([("x", "string", "")], OUT, rules))
    faults = check(read)
    assert [fault.code for fault in faults if fault.code.startswith("E1")] == ["E101"]
    assert "x k" in faults[0].message
    assert "E201" in codes(faults)
    whole = parse_dmn(dmn([("x", "string", "")], OUT, [*rules[:2], ('>= "k"', '"high"')]))
    assert not [fault for fault in check(whole) if fault.severity == "error"]
    files = {name: text.encode() for name, text in table_files(whole).items()}
    texts = ["", "a", "b", "c", "k", "ka", "é"]
    for other in (parse(files), parse_dmn(write_dmn(whole)), from_content(whole.content)):
        for text in texts:
            assert (
                evaluate(compile_table(other), {"x": text})["rules"]
                == evaluate(compile_table(whole), {"x": text})["rules"]
            )
    assert parse_cases(whole, propose_cases(compile_table(whole)).encode())


@pytest.mark.parametrize("policy", ["PRIORITY", "OUTPUT ORDER"])
def test_an_order_of_outputs_must_be_said(policy: str) -> None:
    """Without output values nothing says which rule goes first: the file is refused, and so is table.yaml."""
    with pytest.raises(Unreadable, match="outputValues"):
        parse_dmn(dmn([("x", "number", "")], OUT, [("-", '"a"'), ("1", '"b"')], policy))
    with pytest.raises(Unreadable, match="list them"):
        table("id;score;then\nR1;-;a\n", head=f"name: t\nhit policy: {policy}\n")
    ranked = [("out", "string", '"b", "a"', "")]
    assert parse_dmn(dmn([("x", "number", "")], ranked, [("-", '"a"'), ("1", '"b"')], policy)).rules


@pytest.mark.parametrize("written", ["PT0S", "P0D", "P0DT0H", "-P0D", "PT0M"])
def test_no_time_is_written_one_way(written: str) -> None:
    """Every way of writing a duration of nothing is one value, and comes out as PT0S."""
    read = parse_dmn(
        dmn(
            [("x", "dayTimeDuration", "")],
            [("out", "dayTimeDuration", "", "")],
            [(f'duration("{written}")', f'duration("{written}")')],
        )
    )
    assert evaluate(compile_table(read), {"x": "P0D"})["result"] == "PT0S"
    assert evaluate(compile_table(read), {"x": "PT0S"})["result"] == "PT0S"
    assert b'duration("PT0S")' in write_dmn(read)
    assert (
        read.version
        == parse_dmn(
            dmn(
                [("x", "dayTimeDuration", "")],
                [("out", "dayTimeDuration", "", "")],
                [('duration("PT0S")', 'duration("PT0S")')],
            )
        ).version
    )
