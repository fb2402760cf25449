"""Of the system's and the packaged zone database the newest counts, wherever it stands, and `check` says which."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import tzdata

from workers.calendar.timezones import PACKAGED, ZoneData, known_databases, version_in

OFFSET = """
from datetime import datetime
from zoneinfo import ZoneInfo
before = ZoneInfo("America/Vancouver")
from workers.cli.operator.check import zones_note
from workers.calendar import in_zone, known_zone
assert known_zone("Europe/Paris")
print(in_zone(datetime.fromisoformat("2027-01-10T20:00:00+00:00"), "America/Vancouver").utcoffset())
print(ZoneInfo("America/Vancouver").utcoffset(datetime(2027, 1, 10)))
print(zones_note())
"""


def system(folder: Path, version: str, said_in: str = "tzdata.zi") -> Path:
    """Return a system's database of a release in which Vancouver has the clocks of Tokyo; other zones are missing."""
    zone = folder / "America" / "Vancouver"
    zone.parent.mkdir(parents=True)
    tokyo = files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    zone.write_bytes(tokyo)
    text = {"tzdata.zi": f"# version {version}\nR d 1 o", "+VERSION": version}[said_in]
    (folder / said_in).write_text(text, encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("version", "said_in", "newer"),
    [
        ("2025b", "tzdata.zi", False),
        ("2099a", "tzdata.zi", True),
        ("2099a", "+VERSION", True),
        ("", "tzdata.zi", False),
    ],
)
def test_the_newest_database_is_used_by_the_whole_process(
    tmp_path: Path, version: str, said_in: str, newer: bool
) -> None:
    """Also by whoever asked for a zone before, and for zones that the newest one lacks."""
    folder = system(tmp_path / "zones", version, said_in)
    run = subprocess.run(
        [sys.executable, "-c", OFFSET],
        env={**os.environ, "PYTHONTZPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, theirs, note = run.stdout.splitlines()
    assert ours == theirs
    assert (ours == "9:00:00") is newer
    place = str(folder) if newer else PACKAGED
    assert note.startswith(f"Time zones are those of release {version if newer else tzdata.IANA_VERSION}, from {place}")
    assert "not used, because it is no newer" in note


def test_releases_are_ordered_by_year_and_letters(tmp_path: Path) -> None:
    """2026f comes after 2025z, za after z; one that does not say is the oldest."""
    releases = ["", "2025b", "2025z", "2025za", "2026", "2026f"]
    assert sorted(set(releases), key=lambda version: ZoneData(version, "x").age()) == releases
    assert version_in(tmp_path) == ""
    assert [known_database.place for known_database in known_databases([str(tmp_path / "nowhere")])] == [PACKAGED]
