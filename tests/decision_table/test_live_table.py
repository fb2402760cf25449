"""A table in use while people edit it: good changes are taken, bad ones refused once, and the old one goes on."""

import shutil
from pathlib import Path

import pytest
from tableparts import FOLLOW_UP

from workers.decision_table import Inputs, load
from workers.decision_table.files.side_files import load_contrary
from workers.decision_table.live import LiveFile, LiveTable, Refused, Swapped
from workers.errors import BadInput, Misconfigured

ZERO: Inputs = {"trigger": "delivery", "after": 3, "score": 0, "comment": "no", "wants_contact": "no"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the follow-up table's folder."""
    return Path(shutil.copytree(FOLLOW_UP, tmp_path / "follow-up"))


def edit(folder: Path, old: str, new: str, name: str = "rules.csv") -> None:
    """Replace a text in a file of the folder."""
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), "utf-8")


def test_a_good_edit_is_taken(folder: Path) -> None:
    """A change without errors is swapped in, with both versions named."""
    live = LiveTable(folder)
    before = live.table.version
    assert live.refresh() is None
    edit(folder, ";PT4H;solve;", ";PT2H;solve;")
    assert live.refresh() == Swapped(before, live.table.version)
    assert live.table.version != before
    assert live.refresh() is None


def test_a_bad_edit_is_refused_once_and_the_old_table_goes_on(folder: Path) -> None:
    """Forgetting score 0 is refused with its faults, once; decisions go on; the mended file clears the refusal."""
    live = LiveTable(folder)
    version = live.table.version
    edit(folder, ";<28d;0-6", ";<28d;1-6")
    refused = live.refresh()
    assert isinstance(refused, Refused)
    assert refused.live_version == version
    assert any("E101 No rule covers" in fault for fault in refused.faults)
    assert live.refresh() is None
    assert live.refused == refused
    assert live.compiled.decide(ZERO).rules[0].id == "D1"
    edit(folder, ";<28d;1-6", ";<28d;0-6")
    assert live.refresh() is None
    assert live.refused is None


def test_an_unreadable_file_is_refused_too(folder: Path) -> None:
    """A file that is no table, or gone, does not take the live table down."""
    live = LiveTable(folder)
    edit(folder, "id;trigger", "id;triger")
    assert isinstance(live.refresh(), Refused)
    (folder / "rules.csv").unlink()
    assert isinstance(live.refresh(), Refused)
    assert live.compiled.decide(ZERO).rules[0].id == "D1"


def test_a_failing_case_refuses_a_change(folder: Path) -> None:
    """The cases beside the table are run before it is taken."""
    live = LiveTable(folder)
    edit(folder, ";27d;6;yes;yes;D1", ";27d;6;yes;yes;D2", "cases.csv")
    refused = live.refresh()
    assert isinstance(refused, Refused)
    assert any("E601" in fault for fault in refused.faults)


def test_a_spelling_that_means_the_same_swaps_nothing(folder: Path) -> None:
    """Writing a band in another way keeps version and table."""
    live = LiveTable(folder)
    edit(folder, ";<28d;0-6", ";<4w;<=6")
    assert live.refresh() is None
    assert live.refused is None


def test_a_bad_table_at_start_stops_the_start(folder: Path) -> None:
    """There is no old table to go on with, so the faults are raised."""
    edit(folder, ";<28d;0-6", ";<28d;1-6")
    with pytest.raises(Misconfigured, match="E101"):
        LiveTable(folder)


def test_at_start_an_earlier_table_may_go_on(folder: Path) -> None:
    """With what was in use before at hand, a bad table at start is refused like a bad edit, and mended like one."""
    before = load(folder)
    edit(folder, ";<28d;0-6", ";<28d;1-6")
    live = LiveTable(folder, earlier=lambda: before)
    assert live.table == before
    assert live.refused is not None
    assert live.refused.live_version == before.version
    assert live.refresh() is None
    edit(folder, ";<28d;1-6", ";<28d;0-6")
    assert live.refresh() is None
    assert live.refused is None


def test_a_folder_that_moved_is_read_in_its_new_place(folder: Path, tmp_path: Path) -> None:
    """The operator's own folder may appear beside the shipped one while the table is in use."""
    live = LiveTable(folder)
    before = live.table.version
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    assert live.refresh(other) is None
    edit(other, ";PT4H;solve;", ";PT2H;solve;")
    assert live.refresh(other) == Swapped(before, live.table.version)
    edit(other, "id;trigger", "id;triger")
    assert isinstance(live.refresh(other), Refused)


CONTRARY = b"event;effect;scope;until\nrefund;cancel;reference;\n"


def test_a_small_file_is_taken_and_refused_in_the_same_way(tmp_path: Path) -> None:
    """Good changes are taken, bad ones and a file that is gone are refused once; what was in use goes on."""
    path = tmp_path / "contrary.csv"
    path.write_bytes(CONTRARY)
    live = LiveFile(path.name, path.read_bytes, load_contrary)
    before = live.version
    assert live.refresh() is None
    path.write_bytes(CONTRARY + b"churned;cancel;customer;\n")
    assert live.refresh() == Swapped(before, live.version)
    path.write_bytes(CONTRARY.replace(b"cancel", b"cancle"))
    assert isinstance(live.refresh(), Refused)
    assert live.refresh() is None
    assert len(live.value) == 2
    path.unlink()
    assert isinstance(live.refresh(), Refused)
    assert live.refresh() is None
    path.write_bytes(CONTRARY)
    assert live.refresh() is not None
    assert (live.refused, live.version) == (None, before)


def test_a_small_file_that_is_bad_at_start(tmp_path: Path) -> None:
    """It stops the start, unless what was in use before is at hand."""
    path = tmp_path / "contrary.csv"
    path.write_bytes(CONTRARY.replace(b"cancel", b"cancle"))
    with pytest.raises(BadInput, match="cancle"):
        LiveFile(path.name, path.read_bytes, load_contrary)
    live = LiveFile(path.name, path.read_bytes, load_contrary, lambda: CONTRARY)
    assert live.data == CONTRARY
    assert live.refused is not None
    assert live.refused.live_version == live.version
