"""A table in use while people edit it: good changes are taken, bad ones refused once, and the old one goes on."""

import shutil
from pathlib import Path

import pytest
from building import FOLLOW_UP

from workers.ruletable import Inputs
from workers.ruletable.live import LiveTable, Refused, Swapped
from workers.words import Misconfigured

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
