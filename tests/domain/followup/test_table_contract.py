"""A table that is sound by itself is refused where it could not be used: before it decides, not while it does."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from ownrules import files_with, plan_with, table_with

from workers.decision_table import Column, Table, parse
from workers.domain.attributes import columns_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.customer_inputs import COMPUTED, PROFILE
from workers.domain.followup.table_contract import fit_follow_up, fit_plan, line_of, without_follow_up
from workers.domain.types import QuestionKind
from workers.errors import Misconfigured

RULES = Path(__file__).parents[3] / "rules"


def changed(name: str, *edits: tuple[str, str, str]) -> Table:
    """Return a shipped table with texts replaced: file, old, new."""
    files = {file: (RULES / name / file).read_text("utf-8") for file in ("table.yaml", "rules.csv")}
    for file, old, new in edits:
        assert old in files[file]
        files[file] = files[file].replace(old, new)
    return parse({file: text.encode() for file, text in files.items()})


def test_what_is_shipped_fits() -> None:
    """Both tables."""
    fit_plan(changed("journey-plan"))
    fit_follow_up(changed("follow-up"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("table.yaml", "score: integer 0..10", "score: integer 1..10"), "score will be 0"),
        (("table.yaml", "    other values: allowed", "    other values: refused"), "trigger"),
        (("table.yaml", "ticket due: wait", "ticket due: text"), "ticket due must be of type wait"),
        (("table.yaml", "hit policy: UNIQUE", "hit policy: COLLECT"), "use UNIQUE"),
        (("rules.csv", "action 1", "note 1"), "column action 1 is missing"),
    ],
)
def test_a_follow_up_table_that_cannot_be_used(edit: tuple[str, str, str], message: str) -> None:
    """An answer gives what it gives: a table that takes it for a fault would leave the customer without an answer."""
    if edit[2].startswith("note"):
        edits = [edit, ("table.yaml", "  action:\n", "  note: {type: text, repeat: 9}\n  action:\n")]
    elif "refused" in edit[2]:
        edits = [("table.yaml", edit[1], "")]
    elif "score" in edit[1]:
        edits = [edit, ("rules.csv", ";0-6;", ";1-6;")]
    else:
        edits = [edit]
    with pytest.raises(Misconfigured, match=message):
        fit_follow_up(changed("follow-up", *edits))


def test_a_plan_that_cannot_be_used() -> None:
    """Columns that every row needs, and inputs that nobody gives, are named."""
    with pytest.raises(Misconfigured, match="give up after is missing"):
        fit_plan(
            changed(
                "journey-plan",
                ("rules.csv", ";give up after;", ";give up;"),
                ("table.yaml", "  give up after: wait", "  give up: wait"),
            )
        )
    with pytest.raises(Misconfigured, match="nothing gives the input weather"):
        fit_plan(
            changed(
                "journey-plan",
                ("rules.csv", "id;event;first;", "id;event;weather;"),
                ("table.yaml", "  first:", "  weather:"),
            )
        )


DECLARED = columns_of(
    read_attributes(
        b"plan: {type: text, values: [free, pro]}\nseats: {type: integer, domain: 1..500}\nends: {type: date}\n"
        b"partner: {type: boolean, may be unknown: no, if missing: no}\nrevenue: {type: number}\n"
        b"term: {type: months, domain: P1M..P5Y}\n"
    )
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plam: {type: text, values: [free]}", r"nothing gives the input plam; .* Did you mean plan\? Declare it"),
        ("plan: {type: text, values: [free, pro]}", "may be unknown, and cannot be here"),
        ("plan: {type: integer, may be unknown: yes}", "is of type text, and stands here as integer"),
        ("plan: {type: text, values: [free], may be unknown: yes}", "may be pro, and cannot be here"),
        ("seats: {type: integer, domain: 1..100, may be unknown: yes}", "may be more than what is written here"),
        ("seats: {type: number, may be unknown: yes}", "is of type integer"),
        ("segment: {type: text, values: [gold], may be unknown: yes}", "may be any word"),
        ("orders: {type: integer, domain: 1..}", "may be more than"),
        ("phase: {type: text, values: [loyal]}", "may be unknown"),
    ],
)
def test_a_column_about_the_customer_that_does_not_take_all_that_may_be_known(line: str, message: str) -> None:
    """The fault says how it differs from what is declared, and the line to write; with that line the table fits."""
    with pytest.raises(Misconfigured, match=message) as refused:
        fit_follow_up(table_with("follow-up", line, {}), DECLARED)
    (fault,) = refused.value.faults
    if "Write `" in fault:
        mended = fault.partition("Write `")[2].partition("`")[0]
        fit_follow_up(table_with("follow-up", mended, {}), DECLARED)


@pytest.mark.parametrize("column", [*DECLARED.values(), *PROFILE.values(), *COMPUTED.values()], ids=lambda c: c.name)
def test_every_input_about_the_customer_fits_by_its_line(column: Column) -> None:
    """In the follow-up table, whatever its type."""
    fit_follow_up(table_with("follow-up", line_of(column, column), {}), DECLARED)


PLANS = "plan: {type: text, values: [free, pro], may be unknown: yes}"


def test_rows_of_a_plan_that_tell_customers_apart() -> None:
    """One row for some customers fits; two for one touchpoint, or rows that stand back behind others, do not."""
    fit_plan(table_with("journey-plan", PLANS, {"J2": "pro"}), DECLARED)
    rows = (RULES / "journey-plan" / "rules.csv").read_text("utf-8").splitlines()
    (second,) = [row for row in rows if row.startswith("J2;")]
    twice = f"J2b;free,unknown;{second.partition(';')[2]}\n"
    with pytest.raises(Misconfigured, match=r"\(J2\) and .*\(J2b\) plan the same touchpoint.*give each a touchpoint"):
        fit_plan(table_with("journey-plan", PLANS, {"J2": "pro"}, twice), DECLARED)
    files = files_with("journey-plan", PLANS, {"J2": "pro"})
    files["table.yaml"] = files["table.yaml"].replace(b"hit policy: COLLECT", b"hit policy: FIRST")
    with pytest.raises(Misconfigured, match="plan that asks for plan needs hit policy COLLECT"):
        fit_plan(parse(files), DECLARED)


def plan_with_reminders(columns: tuple[str, ...], *cells: str) -> Table:
    """Return the shipped plan with these reminder columns in place of its own, the cells in its first row."""
    plan = RULES / "journey-plan"
    head, *rows = plan.joinpath("rules.csv").read_text("utf-8").splitlines()
    place = head.split(";").index("reminder")
    lines = []
    for number, line in enumerate([head, *rows]):
        own = list(columns) if number == 0 else [*cells] if number == 1 else [""] * len(columns)
        before = line.split(";")
        lines.append(";".join([*before[:place], *own, *before[place + 1 :]]))
    outputs = "".join(f"  {name}: wait\n" for name in columns)
    table = plan.joinpath("table.yaml").read_text("utf-8").replace("  reminder: wait\n", outputs)
    return parse({"table.yaml": table.encode(), "rules.csv": ("\n".join(lines) + "\n").encode()})


THREE = ("reminder 1", "reminder 2", "reminder 3")


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        (THREE, ("P2D", "P4D", "P7D")),
        (THREE, ("P2D", "", "")),
        (THREE, ("", "", "")),
        (("reminder", "reminder 2"), ("P2D", "P5D")),
    ],
)
def test_reminders_that_can_leave_are_taken(columns: tuple[str, ...], cells: tuple[str, ...]) -> None:
    """Up to three, in order, until the row gives up; `reminder` is the first of them."""
    fit_plan(plan_with_reminders(columns, *cells))


@pytest.mark.parametrize(
    ("columns", "cells", "message"),
    [
        (("reminder", *THREE), ("P2D", "", "P4D", ""), "are the same reminder: take one"),
        (THREE, ("", "P4D", ""), r"row 2 \(J1\): reminder 2 stands without reminder 1"),
        (THREE, ("P2D", "", "P4D"), "reminder 3 stands without reminder 2"),
        (THREE, ("P4D", "P4D", ""), "reminder 2 must come after reminder 1"),
        (THREE, ("now", "", ""), "reminder 1 must come after the question"),
        (THREE, ("P2D", "P8D", ""), "reminder 2 would come after the row gives up"),
        (THREE, ("P2D", "P14D", ""), "reminder 2 would come when the question is closed, 14 days"),
        (THREE, ("P2D", "P1M", ""), "reminder 2 would come when the question is closed"),
    ],
)
def test_reminders_that_could_not_leave_are_told(
    columns: tuple[str, ...], cells: tuple[str, ...], message: str
) -> None:
    """A reminder that nobody would get, or two for one number, are named with their row and what to do."""
    with pytest.raises(Misconfigured, match=message):
        fit_plan(plan_with_reminders(columns, *cells))


def plan_with_every(every: str, **cells: str) -> Table:
    """Return the shipped plan with a column `every`, filled in its row J4, and other cells of that row changed."""
    plan = RULES / "journey-plan"
    head, *rows = plan.joinpath("rules.csv").read_text("utf-8").splitlines()
    names = head.split(";")
    lines = [f"{head};every"]
    for row in rows:
        values = dict(zip(names, row.split(";"), strict=True))
        mine = values["id"] == "J4"
        values |= {name.replace("_", " "): cell for name, cell in cells.items()} if mine else {}
        lines.append(";".join([*values.values(), every if mine else ""]))
    columns = plan.joinpath("table.yaml").read_text("utf-8")
    table = columns.replace("  reminder: wait", "  every: wait\n  reminder: wait")
    return parse({"table.yaml": table.encode(), "rules.csv": ("\n".join(lines) + "\n").encode()})


@pytest.mark.parametrize("every", ["", "P6M", "P60D", "90d"])
def test_a_row_that_can_ask_again_is_taken(every: str) -> None:
    """An empty cell asks once; a period as long as the row's rest is long enough."""
    fit_plan(plan_with_every(every))


@pytest.mark.parametrize(
    ("every", "cells", "message"),
    [
        ("P6M", {"once_per": "reference"}, r"row 5 \(J4\): every asks a customer again, and once per is reference"),
        ("P6M", {"once_per": "wave"}, "write customer there, or empty every"),
        ("P59D", {}, "every P59D is shorter than its rest, P60D"),
        ("P80D", {"rest": ""}, "every P80D is shorter than the rest period of its template, P90D"),
        ("P1M", {"rest": "P1D"}, "every P1M is shorter than the rest period over all surveys, P30D"),
        ("PT4H", {}, "every PT4H is less than a day"),
        ("P3M", {"give_up_after": "P90D"}, "the next question would come before this one is given up"),
    ],
)
def test_a_row_that_could_not_ask_again_is_told(every: str, cells: dict[str, str], message: str) -> None:
    """A period that rests away its own question, or that is not about a customer, is named with its row."""
    with pytest.raises(Misconfigured, match=message):
        fit_plan(plan_with_every(every, **cells))


def test_every_is_a_wait_or_words_that_say_one() -> None:
    """A column of words is read as well, for it may say from when; one of numbers would ask nobody, unseen."""
    fit_plan(plan_with(["every: text"], {"J4": ["P6M after answered"], "J8": ["P6M after answered"]}))
    with pytest.raises(Misconfigured, match=r"row 5 \(J4\): every"):
        fit_plan(plan_with(["every: integer 0..99"], {"J4": ["6"], "J8": ["6"]}))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"J4": "P18D", "J8": "P18D"}, ""),
        ({"J4": "P19D", "J8": "P19D"}, r"row 5 \(J4\): may wait must end 3 days before the row gives up"),
        ({"J4": "P5D"}, r"row 9 \(J8\): milestone-3m may wait otherwise in row 5 \(J4\): write the same in both"),
        ({"J4": "P5D", "J8": "P6D"}, "write the same in both"),
    ],
)
def test_a_row_waits_for_support_within_its_time_and_like_its_likes(cells: dict[str, str], message: str) -> None:
    """A wait that would run into the last days of its question, or differs within a touchpoint, is named."""
    table = plan_with(["may wait: wait"], {rule: [cell] for rule, cell in cells.items()})
    with pytest.raises(Misconfigured, match=message) if message else nullcontext():
        fit_plan(table)


def test_the_one_reminder_of_an_older_plan_means_what_it_meant() -> None:
    """A plan with the column `reminder` alone is taken as before, also where it would come late."""
    fit_plan(plan_with_reminders(("reminder",), "P20D"))


def asking(word: str) -> Table:
    """Return the shipped plan with a question in its row J11."""
    return plan_with(["question: text"], {"J11": [word]})


def test_a_question_that_there_is_not_is_refused() -> None:
    """A slip in the plan's column would ask everybody something else: it is told with what there is."""
    fit_plan(asking("CSAT"))
    with pytest.raises(Misconfigured, match=r"J11: the question 'csta' is none.*nps, csat, ces"):
        fit_plan(asking("csta"))


def test_a_plan_that_asks_more_than_the_follow_up_table_answers_is_told() -> None:
    """A follow-up table without the column is for NPS scores: each row that asks another kind is named."""
    shipped = changed("follow-up")
    own = changed(
        "follow-up",
        ("rules.csv", ";question\n", "\n"),
        ("rules.csv", shipped.files["rules.csv"].partition("S1;")[2], ""),
        ("rules.csv", "S1;", ""),
    )
    fit_follow_up(own)
    assert list(without_follow_up(asking("csat"), shipped)) == []
    (fault,) = without_follow_up(asking("csat"), own)
    (at_a_place,) = without_follow_up(asking("nps"), own, {"rules/places.yaml: till": QuestionKind.CES})
    assert at_a_place.startswith("rules/places.yaml: till asks ces, and ")
    assert "J11 asks csat" in fault
    assert list(without_follow_up(changed("journey-plan"), own)) == []
