"""Files as offices have them, from the command: the dry run tells what the real run does, and mails are asked about."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from verbs import Boucle, Ended

MAPPING = """\
source: shop
time_zone: Europe/Paris
customer: {id: "{customer}", email: "{email}", language: fr}
events:
  - type: boucle.journey.purchase.v1
    id: "{order}"
    time: "{at}"
    data: {reference: "{order}", label: "{label}", delivery_expected: "{delivery}"}
  - {type: boucle.journey.delivery.v1, id: "{order}-d", time: "{arrived}", when: arrived, data: {reference: "{order}"}}
"""
HEAD = "customer,email,order,at,label,delivery,arrived\n"
DAMAGED = (
    HEAD
    + """\
a,a@example.org,1,2020-03-03 10:00,lamp,yes,2020-03-05 10:00
a,a@example.org,1,2020-03-03 10:00,lamp,yes,2020-03-05 10:00
a,a@example.org,1,2020-03-03 11:00,chair,yes,
b,"b@example.org,2,2020-03-03 10:00,lamp,yes,
c,c@example.org,3,03/04/2020 10:00,lamp,yes,
0,d@example.org,4,2020-03-03 10:00,lamp,yes,
e,e@example.org; f@example.org,5,2020-03-03 10:00,lamp,yes,
f,f@example.org,6,2020-03-03 10:00,lamp,perhaps,
g,g@example.org,7,2020-03-03 10:00,lamp,yes,2120-03-03 10:00
h,h@example.org,4.71E+12,2020-03-03 10:00,lamp,yes,
i,i@example.org
j,j@example.org,10,2020-03-03 10:00,lamp,yes,
"""
)
REFUSED = [
    (4, "order", "1", "conflicting_duplicate"),
    (5, "email", "b,", "bad_row"),
    (6, "at", "03/04/2020 10:00", "bad_time"),
    (7, "customer", "0", "bad_row"),
    (8, "email", "e@example.org; f@example.org", "bad_row"),
    (9, "delivery", "perhaps", "schema"),
    (10, "arrived", "2120-03-03 10:00", "future"),
    (11, "order", "4.71E+12", "bad_row"),
    (12, "order", "i,", "bad_row"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the mapping."""
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return tmp_path


def import_(boucle: "Boucle", folder: Path, csv: str | bytes, *more: str) -> "Ended":
    """Import a file by the folder's mapping."""
    path = folder / "orders.csv"
    path.write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    return boucle("events", "import", str(path), "--mapping", str(folder / "mapping.yaml"), *more)


def test_a_dry_run_tells_what_the_real_run_does(boucle: "Boucle", folder: Path) -> None:
    """The same refusals, by line, column, value and reason, each with advice; duplicates and conflicts in the file."""
    plan = import_(boucle, folder, DAMAGED, "--dry-run", "--format", "json").json()
    refusals = plan["refusals"]
    assert [(refusal["line"], refusal["column"], refusal["reason"]) for refusal in refusals] == [
        (a, b, d) for a, b, _, d in REFUSED
    ]
    for refusal, (_, _, value, _) in zip(refusals, REFUSED, strict=True):
        assert refusal["value"].startswith(value)
        assert len(refusal["advice"]) > 20
        assert "/data" not in refusal["advice"]
    counts = {name: plan[name] for name in ("rows", "events", "accepted", "duplicates", "refused")}
    assert counts == {"rows": 12, "events": 10, "accepted": 4, "duplicates": 2, "refused": 9}
    assert boucle("status", "--format", "json").json()["events"]["total"] == 0
    real = import_(boucle, folder, DAMAGED, "--format", "json")
    assert (real.code, real.json()) == (
        0,
        {"rows": 12, "events": 10, "accepted": 4, "duplicates": 2, "dead_letters": 9},
    )
    letters = boucle("dead-letters", "list", "--format", "json").json()
    ended = sorted((letter["line"], letter["column"], letter["reason"], letter["file"]) for letter in letters)
    assert ended == [(a, b, d, "orders.csv") for a, b, _, d in REFUSED]
    advice = {refusal["line"]: refusal["advice"] for refusal in refusals}
    assert all(
        letter["fault"].endswith(advice[letter["line"]]) for letter in letters if letter["reason"] != "future"
    )  # names now
    again = import_(boucle, folder, DAMAGED, "--dry-run", "--format", "json").json()
    assert [refusal["line"] for refusal in again["refusals"]] == [line for line, *_ in REFUSED]
    assert (again["accepted"], again["duplicates"]) == (0, 6)


def test_the_plan_reads_like_a_letter(boucle: "Boucle", folder: Path) -> None:
    """At the terminal each refusal is a sentence with line and column, and so it is in the list of dead letters."""
    ended = import_(boucle, folder, DAMAGED)
    assert ended.code == 0
    assert 'Line 7, column customer: "0" stands for a customer without an account' in ended.out
    assert "12 rows, 10 events: 4 accepted, 2 known already, 9 refused" in ended.out
    listed = boucle("dead-letters", "list").out
    assert "orders.csv:7" in listed
    assert "Line 7, column customer:" in listed


def test_a_row_that_is_replayed_says_to_import_it_again(boucle: "Boucle", folder: Path) -> None:
    """A row is no event: a replay refuses it with what to do, and makes no second letter of it."""
    import_(boucle, folder, DAMAGED)
    before = boucle("dead-letters", "list", "--format", "json").json()
    ended = boucle("dead-letters", "replay", "--reason", "bad_row", "--format", "json")
    assert (ended.code, ended.json()) == (1, {"replayed": 0, "refused": 5})
    assert "import it again" in ended.err
    assert boucle("dead-letters", "list", "--format", "json").json() == before


def test_what_is_left_out_of_a_row_is_told(boucle: "Boucle", folder: Path) -> None:
    """A fault in an optional field costs that field; the plan names it by line and column."""
    row = f"a,a@example.org,1,2020-03-03 10:00,{'x' * 300},yes,\n"
    plan = import_(boucle, folder, HEAD + row, "--dry-run", "--format", "json").json()
    [left_out] = plan["left_out"]
    assert (plan["accepted"], left_out["line"], left_out["column"]) == (1, 2, "label")


def fresh_order(delivery: str = "no") -> str:
    """Return a file whose one order asks its customer at once."""
    return HEAD + f"a,a@example.org,1,{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z,lamp,{delivery},\n"


def test_mails_that_leave_at_once_are_asked_about(boucle: "Boucle", folder: Path) -> None:
    """Without a terminal nothing is imported, and a sentence says what to do; --yes goes on; later mails need none."""
    ended = import_(boucle, folder, fresh_order(), "--format", "json")
    assert (ended.code, ended.out) == (1, "")
    assert "1 mail would leave at once, 4 later. Nothing was imported." in ended.err
    assert "--yes" in ended.err
    assert boucle("status", "--format", "json").json()["events"]["total"] == 0
    assert import_(boucle, folder, fresh_order("yes"), "--format", "json").json()["accepted"] == 1
    yes = import_(boucle, folder, fresh_order().replace(",1,", ",2,"), "--yes", "--format", "json")
    assert (yes.code, yes.json()["accepted"]) == (0, 1)


@pytest.mark.parametrize(("answer", "accepted"), [("y\n", 1), ("\n", 0)])
def test_at_a_terminal_a_question_is_asked(
    boucle: "Boucle", folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, accepted: int
) -> None:
    """Whoever sits there sees the plan and answers; no answer is no."""
    monkeypatch.setattr("sys.stdin", Typed(answer))
    ended = import_(boucle, folder, fresh_order())
    assert "leave at once" in ended.err
    assert ended.code == (0 if accepted else 1)
    assert boucle("status", "--format", "json").json()["events"]["accepted"] == accepted


class Typed:
    """A terminal at which somebody types one line."""

    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True

    def readline(self, *_: Any) -> str:
        """Return what was typed."""
        return self._text


def test_other_encodings_are_said_beside_the_answer(boucle: "Boucle", folder: Path) -> None:
    """The answer stays one JSON value; how the file was understood is a note on standard error."""
    csv = (HEAD + "a,a@example.org,1,2020-03-03,Zoë,yes,\n").encode("cp1252")
    ended = import_(boucle, folder, csv, "--dry-run", "--format", "json")
    assert ended.json()["accepted"] == 1
    assert "note: The file is not UTF-8; it is read as Windows-1252" in ended.err
    assert "note: Dates without a time are read as midnight" in ended.err


def test_without_a_mapping_the_verb_says_how_to_get_one(boucle: "Boucle", folder: Path) -> None:
    """Neither --mapping nor --suggest is wrong use (exit 2) with both named."""
    (folder / "orders.csv").write_text(HEAD)
    ended = boucle("events", "import", str(folder / "orders.csv"))
    assert ended.code == 2
    assert "--mapping" in ended.err
    assert "--suggest" in ended.err


def test_a_suggestion_is_shown_and_nothing_else(boucle: "Boucle", folder: Path) -> None:
    """`--suggest` writes a mapping to standard output that can be used once it is read; no database is made."""
    (folder / "orders.csv").write_text(HEAD + "a,a@example.org,1,2020-03-03 10:00,lamp,yes,2020-03-05 10:00\n")
    ended = boucle("events", "import", str(folder / "orders.csv"), "--suggest")
    assert ended.code == 0
    assert not (boucle.home / "boucle.db").exists()
    (folder / "mapping.yaml").write_text(ended.out)
    plan = boucle(
        "events", "import", str(folder / "orders.csv"), "--mapping", str(folder / "mapping.yaml"), "--dry-run"
    )
    assert plan.code == 0, plan.err


def test_an_empty_cell_is_told_in_the_words_of_a_table(boucle: "Boucle", folder: Path) -> None:
    """Which column is empty and what belongs there; nobody who exports a table knows of RFC 3339 or `subject`."""
    rows = ("a,a@example.org,1,,lamp,yes,\n", ",b@example.org,2,2020-03-03 10:00,lamp,yes,\n")
    ended = import_(boucle, folder, HEAD + "".join(rows), "--dry-run")
    assert 'The column "at" is empty in this row. Write there when it happened, such as 2026-03-31 14:05' in ended.out
    assert 'The column "customer" is empty in this row. Write there the customer\'s number or id' in ended.out
    assert "RFC" not in ended.out
