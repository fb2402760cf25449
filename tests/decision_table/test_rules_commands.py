"""The commands as scripts use them: exit codes, JSON on standard output, files written."""

import json
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook
from tableparts import FOLLOW_UP, PLAN, dmn

from workers.cli.team.rules import rules
from workers.decision_table import Inputs, KnownNames, Table, load
from workers.decision_table.files.workbook import read_xlsx
from workers.decision_table.trials.backtest import PastResponse
from workers.decision_table.trials.installation import Sample
from workers.decision_table.trials.replay import PastEvent


def run(*args: object, stored: object = None) -> Result:
    """Run `boucle rules` with arguments."""
    return CliRunner().invoke(rules, [str(arg) for arg in args], obj=stored)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the follow-up table's folder."""
    return Path(shutil.copytree(FOLLOW_UP, tmp_path / "follow-up"))


def damage(folder: Path, old: str, new: str) -> None:
    """Replace a text in a folder's rules.csv."""
    text = (folder / "rules.csv").read_text("utf-8")
    assert old in text
    (folder / "rules.csv").write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("path", [FOLLOW_UP, PLAN])
def test_check_of_a_clean_table(path: Path) -> None:
    """A clean table: exit 0, an empty list."""
    result = run("check", path, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_check_of_a_faulty_table(folder: Path) -> None:
    """A gap: exit 1, the fault as JSON and as a sentence."""
    damage(folder, ";<28d;0-6", ";<28d;1-6")
    faults = json.loads(run("check", folder, "--format", "json").stdout)
    assert [(fault["code"], fault["file"], fault["rows"]) for fault in faults if fault["severity"] == "error"] == [
        ("E101", "rules.csv", [11])
    ]
    text = run("check", folder)
    assert text.exit_code == 1
    assert "E101 error: No rule covers" in text.stdout


def test_check_of_something_unreadable(folder: Path) -> None:
    """What cannot be read: exit 2 and the reason on standard error."""
    damage(folder, "id;trigger", "id;triger")
    result = run("check", folder)
    assert result.exit_code == 2
    assert "trigger" in result.stderr
    assert run("check", folder / "nothing").exit_code == 2


def test_a_failing_case_is_an_error_of_the_table(folder: Path) -> None:
    """Cases beside the table are part of its check."""
    (folder / "cases.csv").write_text("trigger;after;score;comment;wants_contact;rule\ndelivery;3d;9;no;no;D1\n")
    faults = json.loads(run("check", folder, "--format", "json").stdout)
    assert [fault["code"] for fault in faults].count("E601") == 1


def test_warnings_alone_are_exit_zero(folder: Path) -> None:
    """Warnings do not refuse a table."""
    (folder / "cases.csv").write_text("trigger;after;score;comment;wants_contact;rule\ndelivery;3d;9;no;no;P1\n")
    result = run("check", folder, "--format", "json")
    assert result.exit_code == 0
    assert {fault["code"] for fault in json.loads(result.stdout)} == {"W602"}


def test_check_counts_responses_of_a_file(folder: Path, tmp_path: Path) -> None:
    """With a CSV of past responses, a gap says how many fell into it."""
    damage(folder, ";<28d;0-6", ";<28d;1-6")
    past = tmp_path / "past.csv"
    past.write_text("id,trigger,after,score,comment,wants_contact\na,delivery,P1D,0,no,no\nb,delivery,P1D,0,no,no\n")
    faults = json.loads(run("check", folder, "--format", "json", "--responses", past).stdout)
    assert [fault["responses"] for fault in faults if fault["code"] == "E101"] == [2]


def test_explain_by_options() -> None:
    """Inputs are options named like the columns, with - or _."""
    result = run(
        "explain", FOLLOW_UP, "--score", "3", "--trigger", "delivery", "--after", "P40D", "--comment", "no",
        "--wants_contact=no", "--format", "json",
    )  # fmt: skip
    assert result.exit_code == 0
    explanation = json.loads(result.stdout)
    assert set(explanation) >= {"rules", "row", "version", "cells", "near_misses"}
    assert explanation["rules"] == ["D2"]
    text = run("explain", FOLLOW_UP, "--score", "3", "--trigger", "delivery", "--after", "40", "--comment", "no",
               "--wants-contact", "no")  # fmt: skip
    assert "D2 (row 12) applies." in text.stdout


def test_explain_takes_no_comment_and_no_wish_for_granted() -> None:
    """Who does not say whether there is a comment or a wish for contact means that there is none."""
    result = run("explain", FOLLOW_UP, "--score", "3", "--trigger", "delivery", "--after", "P40D", "--format", "json")
    explanation = json.loads(result.stdout)
    assert (explanation["rules"], [cell["value"] for cell in explanation["cells"][3:5]]) == (["D2"], ["no", "no"])


@pytest.mark.parametrize(
    "args", [("--scor", "3"), ("--score",), ("--score", "11"), ("score", "3"), ("--trigger", "delivery")]
)
def test_explain_with_wrong_inputs(args: tuple[str, ...]) -> None:
    """An unknown option, a missing value or an input outside its domain: exit 2 with the reason."""
    result = run("explain", FOLLOW_UP, *args)
    assert result.exit_code == 2
    assert result.stderr


class Installation:
    """A stored installation with one response, one decision and two versions of the table."""

    total = 0

    def known_names(self) -> KnownNames | None:
        return None

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        inputs: Inputs = {"trigger": "delivery", "after": 3, "score": 7, "comment": "no", "wants_contact": "no"}
        return [PastResponse("r1", "c1", datetime(2026, 3, 2, tzinfo=UTC), inputs)]

    def sample(self, most: int) -> Sample:
        sampled = list(self.responses(None))[:most]
        return Sample(sampled, self.total or len(sampled))

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        return [PastEvent("e1", "c1", "delivery", datetime(2026, 3, 2, tzinfo=UTC), "o1")]

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        chosen = next((response for response in self.responses(None) if response.id == response_id), None)
        return None if chosen is None else (chosen.inputs, load(FOLLOW_UP).content)

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        return [(datetime(2026, 3, 2, tzinfo=UTC), load(FOLLOW_UP))] if name == "follow-up" else []


def test_a_check_by_a_sample_says_its_share() -> None:
    """Of many past answers some are looked at, and the check says how many of how many."""
    installation = Installation()
    installation.total = 300
    result = run("check", FOLLOW_UP, "--format", "json", stored=installation)
    assert "1 of 300 past answers are looked at (0.3 %)" in result.stderr
    assert "past answers" not in run("check", FOLLOW_UP, "--format", "json", stored=Installation()).stderr


def test_explain_of_a_stored_response() -> None:
    """A stored response is explained by its id; an unknown id is exit 1."""
    result = run("explain", FOLLOW_UP, "--response", "r1", "--format", "json", stored=Installation())
    assert json.loads(result.stdout)["rules"] == ["N1"]
    assert run("explain", FOLLOW_UP, "--response", "r2", stored=Installation()).exit_code == 1


def test_backtest_on_stored_and_given_responses(folder: Path, tmp_path: Path) -> None:
    """Both sources give the same shape; a table against itself is empty."""
    for old, new in ((";0-6;", ";0-7;"), (";7-8;", ";8;"), (";7-10;", ";8-10;")):
        damage(folder, old, new)
    stored = json.loads(run("backtest", FOLLOW_UP, folder, "--format", "json", stored=Installation()).stdout)
    assert (stored["compared"], stored["new_tickets"]) == (1, ["r1"])
    past = tmp_path / "past.csv"
    past.write_text(
        "id,customer,received_at,trigger,after,score,comment,wants_contact\n"
        "a,c1,2026-03-02T10:00:00Z,delivery,P3D,7,no,no\nb,c1,2026-02-02T10:00:00Z,delivery,P3D,7,no,no\n"
    )
    given = run("backtest", FOLLOW_UP, folder, "--responses", past, "--since", "2026-03-01", "--format", "json")
    assert json.loads(given.stdout)["new_tickets"] == ["a"]
    same = json.loads(run("backtest", FOLLOW_UP, FOLLOW_UP, "--responses", past, "--format", "json").stdout)
    assert (same["changes"], same["new_tickets"], same["lost_tickets"], same["per_day"]) == ([], [], [], [])
    assert "New tickets: 2." in run("backtest", FOLLOW_UP, folder, "--responses", past).stdout


def test_backtest_of_an_exported_table_against_itself_is_empty(tmp_path: Path) -> None:
    """DMN knows neither notes nor waits: a single file is read with the columns of the table it would replace."""
    past = tmp_path / "past.csv"
    past.write_text(
        "id,customer,received_at,trigger,after,score,comment,wants_contact\n"
        "a,c1,2026-03-02T10:00:00Z,delivery,P3D,7,no,no\nb,c1,2026-02-02T10:00:00Z,delivery,P3D,10,no,no\n"
    )
    exported = tmp_path / "follow-up.dmn"
    assert run("export", FOLLOW_UP, "--to", exported).exit_code == 0
    result = run("backtest", FOLLOW_UP, exported, "--responses", past, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["changes"]) == (0, [])


def test_backtest_of_a_plan(tmp_path: Path) -> None:
    """A journey plan is backtested on stored events."""
    plan = Path(shutil.copytree(PLAN, tmp_path / "plan"))
    damage(
        plan, "J2;delivery;-;-;-;delivery-now;delivery;event;now", "J2;delivery;-;-;-;delivery-now;delivery;event;P7D"
    )
    result = json.loads(run("backtest", PLAN, plan, "--format", "json", stored=Installation()).stdout)
    assert [entry["week"] for entry in result["per_week"]] == ["2026-W10", "2026-W11"]
    assert run("backtest", PLAN, PLAN, stored=Installation()).exit_code == 0


def test_evaluate() -> None:
    """One input gives one answer, a file a list; an input outside its domain is an error."""
    good = {"trigger": "delivery", "after": "P3D", "score": 9, "comment": "no", "wants_contact": "no"}
    result = run("evaluate", FOLLOW_UP, "--input", json.dumps(good))
    assert json.loads(result.stdout)["rules"] == ["P1"]
    assert run("evaluate", FOLLOW_UP, "--input", json.dumps(good), "--format", "json").stdout == result.stdout
    bad = run("evaluate", FOLLOW_UP, "--input", json.dumps({**good, "score": 9.5}))
    assert list(json.loads(bad.stdout)) == ["error"]
    assert run("evaluate", FOLLOW_UP, "--input", "[1]").exit_code == 2
    assert run("evaluate", FOLLOW_UP).exit_code == 2


def test_evaluate_a_file_of_inputs_on_dmn(tmp_path: Path) -> None:
    """A .dmn file is evaluated directly; what it does not support is exit 2, quoting the cell."""
    table, lines = tmp_path / "t.dmn", tmp_path / "in.jsonl"
    table.write_bytes(dmn([("n", "number", "")], [("out", "number", "", "")], [("> 1", "2.5"), ("[5..9]", "3")]))
    lines.write_text('{"n": 2}\n{"n": 6}\n\n{"n": null}\n{}\n')
    result = run("evaluate", table, "--inputs", lines)
    answers = json.loads(result.stdout)
    assert answers[0] == {"result": 2.5, "rules": ["r1"]}
    assert "error" in answers[1]
    assert answers[2:] == [{"result": None, "rules": []}] * 2
    table.write_bytes(dmn([("n", "number", "")], [("out", "number", "", "")], [("> other", "2.5")]))
    refused = run("evaluate", table, "--input", "{}")
    assert refused.exit_code == 2
    assert "> other" in refused.stderr


def test_test_runs_cases_and_generates_them(folder: Path) -> None:
    """The shipped cases pass; generated ones can be kept and pass; a wrong one is exit 1."""
    assert run("test", FOLLOW_UP).exit_code == 0
    generated = run("test", folder, "--generate").stdout
    (folder / "cases.csv").write_text(generated, "utf-8")
    report = json.loads(run("test", folder, "--format", "json").stdout)
    assert (report["failed"], min(report["coverage"].values()) > 0) == ([], True)
    (folder / "cases.csv").write_text(generated.replace(";D1", ";D2"), "utf-8")
    assert run("test", folder).exit_code == 1
    (folder / "cases.csv").unlink()
    assert run("test", folder).exit_code == 1


def test_version_and_history() -> None:
    """A version is 64 hexadecimal digits; history lists what has been live."""
    version = run("version", FOLLOW_UP).stdout.strip()
    assert len(version) == 64
    entries = json.loads(run("history", FOLLOW_UP, "--format", "json", stored=Installation()).stdout)
    assert [entry["version"] for entry in entries] == [version]
    assert run("history", "no-such-table", stored=Installation()).exit_code == 1


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "dmn"])
def test_export_and_import(suffix: str, tmp_path: Path) -> None:
    """Each form that is written is read back: CSV and workbook with the same version, DMN with the same decisions."""
    file = tmp_path / f"rules.{suffix}"
    assert run("export", FOLLOW_UP, "--to", file).exit_code == 0
    if suffix == "csv":
        shutil.copy(FOLLOW_UP / "table.yaml", tmp_path)
    target = tmp_path / "imported"
    assert run("import", file, "--to", target).exit_code == 0
    assert run("check", target).exit_code == 0
    if suffix != "dmn":
        assert load(target).version == load(FOLLOW_UP).version
    assert run("import", file, "--to", target).exit_code == 2
    assert run("import", file, "--to", target, "--force").exit_code == 0


def test_export_needs_a_known_suffix(tmp_path: Path) -> None:
    """Another suffix is wrong use."""
    assert run("export", FOLLOW_UP, "--to", tmp_path / "rules.txt").exit_code == 2


def test_a_workbook_has_text_cells_and_drop_downs(tmp_path: Path) -> None:
    """Every cell is text, so that 7-8 stays 7-8, and columns with a list of values offer it."""
    file = tmp_path / "rules.xlsx"
    run("export", FOLLOW_UP, "--to", file)
    sheet = load_workbook(file)["rules"]
    assert {cell.number_format for row in sheet.iter_rows(max_row=20) for cell in row} == {"@"}
    assert all(isinstance(cell.value, str | None) for row in sheet.iter_rows() for cell in row)
    offered = {str(rule.sqref).split(":")[0] for rule in sheet.data_validations.dataValidation}
    assert {"B2", "E2", "F2", "G2"} <= offered


def test_a_date_that_a_spreadsheet_made_is_found_in_a_workbook(tmp_path: Path) -> None:
    """A real date cell in the workbook is reported as a damaged band; a number stays a number."""
    file = tmp_path / "rules.xlsx"
    run("export", FOLLOW_UP, "--to", file)
    book = load_workbook(file)
    book["rules"]["D11"] = datetime(2026, 1, 6)  # noqa: DTZ001  as spreadsheets have them
    book.save(file)
    result = run("check", file, "--format", "json")
    assert [(fault["code"], fault["rows"]) for fault in json.loads(result.stdout)] == [("E301", [11])]
    book["rules"]["D11"] = 0
    book["rules"]["D11"].number_format = "General"
    book["rules"]["D16"] = "0-6"
    book.save(file)
    assert not read_xlsx(file.read_bytes()).faults


def test_a_folder_may_hold_a_workbook_instead_of_csv(folder: Path) -> None:
    """rules.xlsx beside table.yaml is read like rules.csv."""
    run("export", FOLLOW_UP, "--to", folder / "rules.xlsx")
    assert "holds both" in run("check", folder).stderr
    (folder / "rules.csv").unlink()
    assert load(folder).version == load(FOLLOW_UP).version
