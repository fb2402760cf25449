"""Where data is found: the operator's folder before the shipped copy."""

from pathlib import Path

import pytest

from workers.adapters.resources import Data
from workers.errors import Misconfigured


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders: the operator's and the shipped one."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for path, text in (
        (shipped / "templates/a.txt", "shipped a"),
        (shipped / "templates/b.txt", "shipped b"),
        (shipped / "rules/follow-up/rules.csv", "shipped"),
        (shipped / "rules/follow-up/cases.csv", "shipped"),
        (own / "templates/a.txt", "own a"),
        (own / "rules/follow-up/rules.csv", "own"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return own, shipped


def test_files_are_overridden_one_by_one(places: tuple[Path, Path]) -> None:
    """An operator's file replaces the shipped one; its neighbours stay."""
    data = Data(places[0], shipped=places[1])
    assert data.read("templates/a.txt") == b"own a"
    assert data.read("templates/b.txt") == b"shipped b"
    assert data.list("templates") == ["a.txt", "b.txt"]
    assert data.shipped().read("templates/a.txt") == b"shipped a"


def test_a_rule_table_is_replaced_whole(places: tuple[Path, Path]) -> None:
    """Files of two tables are never mixed."""
    data = Data(places[0], shipped=places[1])
    assert [path.name for path in data.folder("rules/follow-up").iterdir()] == ["rules.csv"]
    assert data.folder("rules/follow-up").is_relative_to(places[0])


def test_what_is_missing_is_named_with_the_places(places: tuple[Path, Path]) -> None:
    """A missing file says where it was looked for."""
    data = Data(places[0], shipped=places[1])
    with pytest.raises(Misconfigured, match=r"nowhere\.txt is missing"):
        data.read("templates/nowhere.txt")
    with pytest.raises(Misconfigured, match="rules/none"):
        data.folder("rules/none")
    assert not data.exists("templates/nowhere.txt")
    assert data.list("templates/none") == []


def test_an_override_folder_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    """A misspelt folder is not silently ignored."""
    with pytest.raises(Misconfigured, match="BOUCLE_OVERRIDES"):
        Data(tmp_path / "misspelt")


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "templates/../../x"])
def test_paths_stay_inside(places: tuple[Path, Path], path: str) -> None:
    """No path leads out of the data folders."""
    with pytest.raises(ValueError, match="inside"):
        Data(places[0], shipped=places[1]).read(path)


def test_the_shipped_data_is_found_from_here() -> None:
    """Without any setting the checkout or the installed package answers."""
    assert b"msgid" in Data().read("templates/catalogs/en.po")
