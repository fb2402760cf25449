"""Each check with its code: what it reports, and what it leaves alone."""

import random
from datetime import date

import pytest
from tableparts import FOLLOW_UP, PLAN, SCORE, checked, codes, edited, table

from workers.decision_table import Against, Inputs, KnownNames, Severity, check, load, parse, refuse
from workers.decision_table.checks.checker import fault_json
from workers.errors import Misconfigured

UNKNOWN = "inputs:\n  months: {type: integer 0..12, may be unknown: yes}\noutputs:\n  then: text\n"
TWO = "inputs:\n  score: integer 0..10\n  colour: {type: text, values: [red, blue]}\noutputs:\n  then: text\n"


def under(policy: str, rows: str, yaml: str = SCORE) -> list[str]:
    """Return the codes that a table under a hit policy gives, notes included."""
    return codes(check(table(rows, yaml, f"name: t\nhit policy: {policy}\n"), Against(allowed=True)))


def test_bands_do_not_cover_the_unknown_value() -> None:
    """`<6` and `>=6` leave the unknown value uncovered: E102, with a row that closes it."""
    faults = check(table("id;months;then\nA;<6;x\nB;>=6;y\n", UNKNOWN))
    assert codes(faults) == ["E102"]
    assert faults[0].box is not None
    assert dict(faults[0].box[0]) == {"column": "months", "unknown": True}
    assert faults[0].paste == "G1;unknown;x"
    assert not check(table("id;months;then\nA;<6;x\nB;>=6;y\nC;unknown;z\n", UNKNOWN))


def test_a_gap_of_known_and_unknown_values_is_a_plain_gap() -> None:
    """A box that holds known values too is E101, and says that it holds the unknown one."""
    faults = check(table("id;months;then\nA;<6;x\n", UNKNOWN))
    assert codes(faults) == ["E101"]
    assert faults[0].box is not None
    assert faults[0].box[0]["unknown"] is True
    assert faults[0].paste == "G1;6-12,unknown;x"


def test_no_more_than_fifty_gaps_are_listed_with_a_note() -> None:
    """A table with very many gaps lists fifty and says that there are more."""
    yaml = "inputs:\n" + "".join(f"  c{n}: integer 0..10\n" for n in range(5)) + "outputs:\n  then: text\n"
    draw = random.Random(1)
    rows = "id;c0;c1;c2;c3;c4;then\n" + "".join(
        f"R{n};{';'.join(str(draw.randrange(11)) for _ in range(5))};x{n}\n" for n in range(150)
    )
    found_codes = codes(check(table(rows, yaml)))
    assert found_codes.count("E101") == 50
    assert found_codes.count("I101") == 1


def test_gaps_that_responses_fell_into_come_first() -> None:
    """With past responses, the gap that was hit most is first, with its count."""
    rows = "id;score;colour;then\nA;0-3;-;x\nB;7-10;red;y\n"
    past: list[Inputs] = []
    for score, colour, times in ((5, "red", 2), (9, "blue", 5), (99, "red", 1)):
        past += [{"score": score, "colour": colour}] * times
    gaps = [fault for fault in check(table(rows, TWO), Against(responses=past)) if fault.code == "E101"]
    assert gaps[0].responses == 5
    assert "past responses fell in it" in gaps[0].message


def test_overlaps_by_hit_policy() -> None:
    """Overlaps are errors, warnings or notes, as the hit policy says."""
    different = "id;score;then\nA;0-6;x\nB;6-10;y\n"
    equal = "id;score;then\nA;0-6;x\nB;6-10;x\n"
    assert under("UNIQUE", different) == ["E201"]
    assert under("UNIQUE", equal) == ["W202"]
    assert under("ANY", different) == ["E201"]
    assert under("ANY", equal) == ["I201"]
    assert under("FIRST", different) == ["W205", "I201"]
    assert under("COLLECT", different) == ["I201"]
    assert under("RULE ORDER", different) == ["I201"]
    assert codes(check(table(different, SCORE, "name: t\nhit policy: COLLECT\n"))) == []


def test_an_overlap_names_both_rows_and_a_sample() -> None:
    """The sentence has both rows and one input that both match."""
    fault = check(table("id;score;then\nA;0-6;x\nB;6-10;y\n"))[0]
    assert (fault.rules, fault.rows) == (("A", "B"), (2, 3))
    assert "Rows 2 (A) and 3 (B) both match score 6, for example score 6." in fault.message


def test_notes_do_not_make_outcomes_differ() -> None:
    """Two rows that differ in a note alone do the same."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  then: text\n  why: {type: text, names: note}\n"
    assert codes(check(table("id;score;then;why\nA;0-6;x;one\nB;6-10;x;two\n", yaml))) == ["W202"]


@pytest.mark.parametrize(
    ("rows", "masked"),
    [
        ("A;-;x\nB;0-6;y\n", ["B"]),
        ("A;0-3;x\nB;4-10;y\nC;2-8;z\n", ["C"]),
        ("A;0-3;x\nB;2-8;z\nC;4-10;y\n", []),
        ("A;0-6;x\nB;0-6;y\nC;7-10;z\n", ["B"]),
    ],
)
def test_a_rule_that_never_wins_is_masked(rows: str, masked: list[str]) -> None:
    """Under FIRST a rule that those above it cover, alone or together, is reported."""
    faults = check(table("id;score;then\n" + rows, SCORE, "name: t\nhit policy: FIRST\n"))
    assert [fault.rules[0] for fault in faults if fault.code == "E203"] == masked


def test_priority_masks_by_rank_and_not_by_row() -> None:
    """Under PRIORITY the rule of lower rank is masked, wherever it stands."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  then: {type: text, values: [high, low]}\n"
    faults = check(table("id;score;then\nA;0-6;low\nB;-;high\n", yaml, "name: t\nhit policy: PRIORITY\n"))
    assert [fault.rules[0] for fault in faults if fault.code == "E203"] == ["A"]


def test_rows_that_differ_in_one_column_are_mergeable() -> None:
    """Rows with equal outputs that differ in one column are proposed as one row."""
    faults = check(table("id;score;colour;then\nA;0-6;red;x\nB;0-6;blue;x\nC;7-10;-;y\n", TWO))
    assert [(fault.code, fault.rules, fault.columns) for fault in faults] == [("W204", ("A", "B"), ("colour",))]
    assert "A;0-6;-;x" in faults[0].message


def test_an_id_that_stands_twice_or_is_missing() -> None:
    """Ids must be there and unique: decisions refer to them."""
    faults = check(table("id;score;then\nA;0-3;x\nA;4-6;y\n;7-10;z\n"))
    assert [(fault.code, fault.rows) for fault in faults] == [("E501", (2, 3)), ("E501", (4,))]


def test_an_id_that_meant_something_else_before() -> None:
    """Reusing an id for another rule is a warning; narrowing or widening a rule is not."""
    old = table("id;score;then\nA;0-6;x\nB;7-10;y\n")
    swapped = table("id;score;then\nA;7-10;y\nB;0-6;x\n")
    wider = table("id;score;then\nA;0-5;x\nB;6-10;y\n")
    assert codes(check(swapped, Against(earlier=[old]))) == ["W502", "W502"]
    assert codes(check(wider, Against(earlier=[old]))) == []


def test_a_rule_that_no_response_matched() -> None:
    """With past responses, a rule that none matched is pointed out."""
    two_bands = table("id;score;then\nA;0-6;x\nB;7-10;y\n")
    assert codes(check(two_bands, Against(responses=[{"score": 3}]))) == ["W603"]
    assert codes(check(two_bands, Against(responses=[]))) == []


def test_a_rule_that_has_run_out() -> None:
    """A last day in the past is a warning from the next day on."""
    expiring = table("id;score;valid until;then\nA;-;2026-03-31;x\n")
    assert "W503" not in codes(check(expiring, Against(today=date(2026, 3, 31))))
    assert "W503" in codes(check(expiring, Against(today=date(2026, 4, 1))))


def test_a_text_column_needs_its_values() -> None:
    """A text input without a list of values is an error of the table, not a check that is left out."""
    yaml = "inputs:\n  colour: text\noutputs:\n  then: text\n"
    faults = check(table("id;colour;then\nA;red;x\nB;not(red);y\n", yaml))
    assert [(fault.code, fault.file, fault.columns) for fault in faults] == [("E306", "table.yaml", ("colour",))]


def test_an_output_outside_its_list() -> None:
    """An output with a list of values holds one of them."""
    assert codes(checked(PLAN, (";event;now;P7D;drop", ";event;now;P7D;dorp"))) == ["E302"]


def test_a_plan_knows_its_events() -> None:
    """A misspelt event of the journey plan is found, unless it is known elsewhere."""
    bad = edited(PLAN, ("J2;delivery;", "J2;delivrey;"))
    assert codes(check(bad)) == ["E403"]
    names = {str(rule.outputs["trigger"]) for rule in bad.rules}
    assert codes(check(bad, Against(known_names=KnownNames(triggers=frozenset({*names, "delivrey"}))))) == []


def test_refusing_lists_every_error_and_no_warning() -> None:
    """A faulty table stops the start with all its errors in one message."""
    bad = table("id;score;then\nA;06-Jan;x\nB;6-0;y\n")
    with pytest.raises(Misconfigured) as caught:
        refuse(bad, check(bad))
    assert len(caught.value.faults) == 2
    assert caught.value.faults[0].startswith("t: E301 Row 2 (A)")
    warned = table("id;score;then\nA;0-6;x\nB;6-10;x\n")
    refuse(warned, check(warned))


def test_a_fault_as_json_has_every_field() -> None:
    """The JSON of a fault has the fields that others rely on."""
    fault = fault_json(check(table("id;score;then\nA;0-6;x\n"))[0])
    assert list(fault) == [
        "file", "code", "severity", "rules", "rows", "columns", "message", "box", "paste", "responses",
    ]  # fmt: skip
    assert fault["severity"] == Severity.ERROR.value
    assert fault["paste"] == "G1;7-10;x"


REVIEW = "public_review_request;review;now"
NO_REVIEW = "thank_you;thanks;now"


def gated(*rows: str, extra: str = "") -> list[str]:
    """Return the gating codes of a follow-up table made of rows `score;action;template;wait`."""
    head = f"id;trigger;after;score;comment;wants_contact;action 1;template 1;wait 1{extra and ';' + extra}\n"
    lines = []
    for number, row in enumerate(rows):
        score, rest = row.split(";", 1)
        lines.append(f"R{number};-;-;{score};-;-;{rest}\n")
    files = {"table.yaml": (FOLLOW_UP / "table.yaml").read_bytes(), "rules.csv": (head + "".join(lines)).encode()}
    return [code for code in codes(check(parse(files))) if code.startswith("E7")]


def test_a_public_review_for_all_alike_is_allowed() -> None:
    """Asking everybody for a public review, in one row or in several that do the same, is no gating."""
    assert gated(f"-;{REVIEW}") == []
    assert gated(f"0-6;{REVIEW}", f"7-8;{REVIEW}", f"9-10;{REVIEW}") == []


@pytest.mark.parametrize(
    "rows",
    [
        (f"9-10;{REVIEW}", f"0-8;{NO_REVIEW}"),
        (f"9-10;{REVIEW}",),
        (f"0-6;{NO_REVIEW}", f"7-8;{REVIEW}", f"9-10;{REVIEW}"),
        (f"9-10;{REVIEW}", "0-8;public_review_request;review;P60D"),
        (f"1-10;{REVIEW}", f"0;{NO_REVIEW}"),
    ],
)
def test_a_public_review_that_depends_on_the_score_is_refused(rows: tuple[str, ...]) -> None:
    """Asking only some scores for a public review, directly, by rows that together do, or later, is an error."""
    assert set(gated(*rows)) == {"E701"}


def test_gating_through_rows_that_overlap_a_wide_one() -> None:
    """Rows that together ask all scores only for one trigger, and some scores for another, are gating."""
    head = "id;trigger;after;score;comment;wants_contact;action 1;template 1;wait 1\n"
    rows = f"A;delivery;-;-;-;-;{REVIEW}\nB;not(delivery);-;0-6;-;-;{NO_REVIEW}\nC;not(delivery);-;7-10;-;-;{REVIEW}\n"
    files = {"table.yaml": (FOLLOW_UP / "table.yaml").read_bytes(), "rules.csv": (head + rows).encode()}
    assert codes(check(parse(files))) == ["E701"]
    fine = rows.replace(f"C;not(delivery);-;7-10;-;-;{REVIEW}", f"C;not(delivery);-;7-10;-;-;{NO_REVIEW}")
    files["rules.csv"] = (head + fine).encode()
    assert not [code for code in codes(check(parse(files))) if code.startswith("E7")]


def test_a_testimonial_may_depend_on_the_score() -> None:
    """The shipped table asks promoters for a testimonial of one's own, which is allowed."""
    assert not check(load(FOLLOW_UP))


def test_an_incentive_tied_to_the_score_is_refused() -> None:
    """A voucher for high scores only is an error; one for all is not."""
    assert gated("9-10;thank_you;thanks;now;voucher", "0-8;thank_you;thanks;now;", extra="incentive") == ["E702"]
    assert gated("-;thank_you;thanks;now;voucher", extra="incentive") == []


def test_first_hit_gates_too() -> None:
    """Under FIRST a row above that takes the low scores away gates the review below it."""
    yaml = "inputs:\n  score: integer 0..10\noutputs:\n  action: {type: text, names: action}\n"
    rows = "id;score;action\nA;0-6;thank_you\nB;-;public_review_request\n"
    assert "E701" in codes(check(table(rows, yaml, "name: t\nhit policy: FIRST\n")))
