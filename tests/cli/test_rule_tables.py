"""`boucle rules` beside a database: what was decided, what was live, and what a change would have done."""

import shutil
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from embedded import START, journey, score
from verbs import Boucle

from workers.domain.records import Response
from workers.store import read

RULES = Path(__file__).parents[2] / "rules"
FOLLOW_UP, PLAN = RULES / "follow-up", RULES / "journey-plan"


def edited(folder: Path, target: Path, old: str, new: str) -> Path:
    """Return a copy of a table's folder with a text replaced in its rows."""
    shutil.copytree(folder, target)
    text = (target / "rules.csv").read_text("utf-8")
    assert old in text
    (target / "rules.csv").write_text(text.replace(old, new), "utf-8")
    return target


@pytest.fixture
def answered(boucle: Boucle) -> Boucle:
    """Give an installation in which two customers answered, and one bought."""
    boucle.set(settling_seconds="0")
    later = START + timedelta(hours=1)
    events = [journey("delivery", name, reference="o-1") for name in ("ann", "bob")]
    events += [score(value, name, at=later, trigger="delivery") for name, value in (("ann", 3), ("bob", 10))]
    events.append(journey("purchase", "cyd", reference="o-2", delivery_expected=False))
    boucle.take(*(orjson.dumps(event) for event in events))
    return boucle


def response_of(boucle: Boucle, value: int) -> str:
    """Return the id of the response with this score."""
    parts = boucle.parts()
    with parts.store.reading() as connection:
        response_ids = [response.id for response in read.rows(connection, Response) if response.score == value]
    parts.store.close()
    return response_ids[0]


def test_history_lists_what_was_live(answered: Boucle) -> None:
    """The version in use stands in the history, by folder and by name."""
    version = answered("rules", "version", str(FOLLOW_UP)).out.strip()
    entries = answered("rules", "history", "follow-up", "--format", "json").json()
    assert [entry["version"] for entry in entries] == [version]
    assert answered("rules", "history", str(PLAN)).code == 0


def test_a_stored_response_is_explained(answered: Boucle) -> None:
    """The inputs come from the decision; an id that is not known is exit 1."""
    ident = response_of(answered, 3)
    ended = answered("rules", "explain", str(FOLLOW_UP), "--response", ident, "--format", "json").json()
    assert ended["rules"] == ["D1"]
    assert answered("rules", "explain", "--response", ident, "--format", "json").json() == ended
    assert answered("rules", "explain", str(FOLLOW_UP), "--response", "nobody").code == 1
    assert answered("rules", "explain").code == 2


def test_a_backtest_runs_on_what_is_stored(answered: Boucle, tmp_path: Path) -> None:
    """A table against itself: empty. A stricter one: exactly the response that changes; --since leaves it out."""
    same = answered("rules", "backtest", str(FOLLOW_UP), str(FOLLOW_UP), "--format", "json").json()
    assert (same["compared"], same["changes"], same["not_replayable"]) == (2, [], 0)
    other = edited(FOLLOW_UP, tmp_path / "other", "ack;now;;;;PT4H;solve", "ack;now;;;;;solve")
    ended = answered("rules", "backtest", str(FOLLOW_UP), str(other), "--format", "json").json()
    assert (ended["compared"], len(ended["changes"])) == (2, 1)
    late = f"{START.date().replace(day=START.day + 1)}"
    after = answered("rules", "backtest", str(FOLLOW_UP), str(other), "--since", late, "--format", "json").json()
    assert after["compared"] == 0


def test_a_plan_is_backtested_on_what_is_stored(answered: Boucle, tmp_path: Path) -> None:
    """The stored purchase plans what the live plan planned; a plan without a row asks one question less."""
    same = answered("rules", "backtest", str(PLAN), str(PLAN), "--format", "json").json()
    assert same["compared"] > 0
    assert same["changes"] == []
    other = edited(PLAN, tmp_path / "other", "P6M;P30D;defer", "P6M;P31D;defer")
    assert answered("rules", "backtest", str(PLAN), str(other)).code == 0


def test_a_gap_says_how_many_past_responses_it_hits(answered: Boucle, tmp_path: Path) -> None:
    """Leaving the detractors out is a gap with one past response in it."""
    other = edited(FOLLOW_UP, tmp_path / "other", ";<28d;0-6", ";<28d;4-6")
    faults = answered("rules", "check", str(other), "--format", "json").json()
    assert [fault["responses"] for fault in faults if fault["code"] == "E101"] == [1]


def test_without_a_database_the_files_suffice(boucle: Boucle, tmp_path: Path) -> None:
    """Checks and backtests on files need no database and make none; names are known all the same."""
    assert boucle("rules", "check", str(FOLLOW_UP)).code == 0
    assert boucle("rules", "backtest", str(FOLLOW_UP), str(FOLLOW_UP)).code == 0
    assert boucle("rules", "history", "follow-up").code == 1
    other = edited(FOLLOW_UP, tmp_path / "other", "thanks;now", "thansk;now")
    assert "Did you mean thanks" in boucle("rules", "check", str(other)).out
    assert not boucle.home.exists()


def test_a_refused_edit_is_told_by_every_verb(answered: Boucle, tmp_path: Path) -> None:
    """`check` fails with the faults; `status` lists them, and goes on with what was in use, as other verbs do."""
    own = tmp_path / "own"
    edited(FOLLOW_UP, own / "rules" / "follow-up", ";<28d;0-6", ";<28d;1-6")
    before = answered("status", "--format", "json").json()["rules"]["in_use"]["follow-up"]
    answered.set(overrides=str(own))
    assert "E101" in answered("check").err
    ended = answered("status", "--format", "json")
    rules = ended.json()["rules"]
    assert rules["in_use"]["follow-up"] == before
    assert "E101" in rules["refused"]["follow-up"]["faults"][0]
    assert "the edit is refused" in ended.err
    text = answered("status").out
    assert "refused     follow-up" in text
    assert "No rule covers" in text
    assert answered("tickets", "list").code == 0
    refused = answered("web")
    assert refused.code == 1
    assert "E101" in refused.err


def test_a_candidate_that_disagrees_is_listed(answered: Boucle, tmp_path: Path) -> None:
    """`rules shadow` says from what to what, and how often; before a candidate there is nothing to list."""
    assert answered("rules", "shadow").out == "No candidate has disagreed.\n"
    own = tmp_path / "own"
    edited(FOLLOW_UP, own / "rules" / "follow-up-candidate", "ack;now;;;;PT4H;solve;", "ack;now;;;;PT2H;solve;")
    answered.set(overrides=str(own))
    later = START + timedelta(hours=2)
    events = [journey("delivery", "dan", reference="o-1"), score(2, "dan", at=later, trigger="delivery")]
    answered.take(*(orjson.dumps(event) for event in events))
    (ended,) = answered("rules", "shadow", "--format", "json").json()
    assert (ended["table"], ended["rules"], ended["candidate_rules"], ended["count"]) == ("follow-up", "D1", "D1", 1)
    assert "PT2H" in ended["to"]
    assert "D1 -> D1" in answered("rules", "shadow").out
    assert answered("rules", "shadow", "--since", "2030-01-01").out == "No candidate has disagreed.\n"


def test_check_says_what_the_roles_refused(answered: Boucle, tmp_path: Path) -> None:
    """While roles run, `check` tells which version they go on with, besides the faults of the files."""
    own = tmp_path / "own"
    folder = edited(FOLLOW_UP, own / "rules" / "follow-up", ";PT4H;solve;", ";PT2H;solve;")
    answered.set(overrides=str(own))
    role = answered.parts()
    version = role.policies.current().follow_up.version
    rows = folder / "rules.csv"
    rows.write_text(rows.read_text("utf-8").replace(";<28d;0-6", ";<28d;1-6"), "utf-8")
    role.look_at_rules()
    ended = answered("check", "--format", "json").json()
    assert any("E101" in fault for fault in ended["faults"])
    assert any(f"go on with version {version[:12]}" in note for note in ended["notes"])
    rows.write_text(rows.read_text("utf-8").replace(";<28d;1-6", ";<28d;0-6"), "utf-8")
    role.look_at_rules()
    role.store.close()
    ended = answered("check", "--format", "json").json()
    assert (ended["faults"], [note for note in ended["notes"] if "refused" in note]) == ([], [])


def test_an_id_that_meant_something_else_is_found(answered: Boucle, tmp_path: Path) -> None:
    """Decisions are stored under D1: a new rule of that name would make them lie, and gets a warning."""
    other = edited(FOLLOW_UP, tmp_path / "other", "P1;", "X1;")
    rows = other / "rules.csv"
    rows.write_text(rows.read_text("utf-8").replace("D1;", "P9;").replace("X1;", "D1;"), "utf-8")
    faults = answered("rules", "check", str(other), "--format", "json").json()
    assert [fault["rules"] for fault in faults if fault["code"] == "W502"] == [["D1"]]
