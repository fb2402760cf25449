"""HOME is for the account that runs Boucle alone; business time of a trial is moved by its verbs alone."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from embedded import START, Embedded, journey

from workers import app
from workers.cli.trial.demo import DEMO_HOME, of_its_own
from workers.settings import read
from workers.usecases.outbox_relay import OutboxRelay

if TYPE_CHECKING:
    from verbs import Boucle

AT = "2026-03-03T09:12:00+00:00"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let every account read what is made without saying otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of a folder and of everything in it."""
    return {
        str(path.relative_to(folder.parent)): f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in (folder, *folder.rglob("*"))
    }


@pytest.mark.usefixtures("open_umask")
def test_what_an_installation_makes_is_private(boucle: "Boucle") -> None:
    """Database with its log, mails, outbox and secrets: 0600 in folders of 0700, under any umask."""
    boucle.set(secret="", home=str(boucle.home / "deep" / "inside"))
    boucle("status")
    house = Embedded(boucle.home / "house" / "home")
    with closing(house), house.store.reading():
        house.take(journey("delivery", reference="1", label="lamp"))
        house.later(days=3)
        relaying: OutboxRelay = house.parts.outgoing.outbox_relay()
        relaying.relay_all()
        made = modes(house.parts.settings.home)
    made = {name: mode for name, mode in made.items() if not name.startswith("home/boucle.db")}  # a helper's copy
    parts = boucle.parts()
    with closing(parts.store), parts.store.reading():
        made |= modes(boucle.home / "deep")
    assert any(name.endswith(".eml") for name in made)
    inside = {f"deep/inside/{name}" for name in ("boucle.db", "boucle.db-wal", "boucle.db-shm", "secret", "id-secret")}
    assert {"home/outbox.jsonl", *inside} <= made.keys()
    folders = {"home/mailbox", "deep", "deep/inside"}
    assert {name for name, mode in made.items() if mode == "700"} >= folders
    assert {mode for name, mode in made.items() if name not in folders | {"home"}} == {"600"}


def test_what_others_could_read_is_closed_and_told(boucle: "Boucle") -> None:
    """A HOME of an earlier release is closed at the next start; `check` names it before."""
    boucle("status")
    mail = boucle.home / "mailbox" / "1.eml"
    mail.parent.mkdir()
    mail.write_text("a mail")
    for path in (boucle.home, *boucle.home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert "other accounts can read" in "\n".join(boucle("check", "--format", "json").json()["notes"])
    ended = boucle("status")
    assert f"other accounts could read {boucle.home / 'boucle.db'}; it is closed to them now" in ended.err
    assert set(modes(boucle.home).values()) == {"600", "700"}
    assert "other accounts" not in boucle("status").err


def test_a_folder_with_other_files_keeps_its_mode_and_is_told(boucle: "Boucle") -> None:
    """HOME may be a folder that others use as well: its own mode is theirs to change, and it is said each time."""
    boucle.home.mkdir()
    (boucle.home / "somebody-elses").touch(0o644)
    boucle.home.chmod(0o755)
    ended = boucle("status")
    assert f"close it: chmod go-rwx {boucle.home}" in ended.err
    assert stat.S_IMODE(boucle.home.stat().st_mode) == 0o755
    assert stat.S_IMODE((boucle.home / "somebody-elses").stat().st_mode) == 0o644
    assert stat.S_IMODE((boucle.home / "boucle.db").stat().st_mode) == 0o600


def test_a_demo_lives_beside_the_default_home(tmp_path: Path) -> None:
    """Without BOUCLE_HOME a demo never touches what `boucle run` uses; a home that is named is used."""
    assert of_its_own(read({})).home == DEMO_HOME != read({}).home
    assert of_its_own(read({"BOUCLE_HOME": str(tmp_path)})).home == tmp_path


def test_a_stored_clock_is_set_moved_and_shown(boucle: "Boucle") -> None:
    """A trial's time stands still until it is moved, by durations as tables write them; every move is audited."""
    boucle.set(clock="stored")
    assert boucle("clock", "show", "--format", "json").json()["ticking"] is True
    assert boucle("clock", "set", "2026-03-03T10:12:00+01:00", "--format", "json").json()["at"] == AT
    boucle.set(clock="auto")
    moved = boucle("clock", "advance", "P1M", "--format", "json").json()
    assert moved == {"at": "2026-04-03T09:12:00+00:00", "stored": True, "ticking": False}
    assert boucle("clock", "advance", "PT90M").code == 0
    assert boucle("clock", "show", "--format", "json").json()["at"] == "2026-04-03T10:42:00+00:00"
    assert "goes back" in boucle("clock", "set", AT).err
    acts = [row["act"] for row in boucle("audit", "--format", "json").json()]
    assert acts.count("clock.set") == 4


def test_a_clock_that_ticks_goes_on_ticking(boucle: "Boucle") -> None:
    """Moving a demo's clock leaves it going; --standing stops it."""
    boucle.set(clock="stored")
    assert boucle("clock", "set", AT, "--ticking", "--format", "json").json()["ticking"] is True
    moved = boucle("clock", "advance", "2 weeks", "--format", "json").json()
    assert moved["ticking"] is True
    gone = datetime.fromisoformat(moved["at"]) - (START + timedelta(weeks=2))
    assert timedelta(0) <= gone < timedelta(minutes=5)
    assert boucle("clock", "set", AT, "--standing", "--format", "json").json()["ticking"] is False


def test_what_comes_due_follows_the_trial_s_clock(boucle: "Boucle") -> None:
    """An event is taken in at business time, and the question is due when the clock has been moved there."""
    boucle.set(clock="stored")
    boucle("clock", "set", AT)
    event = {**journey("delivery", "42", START, reference="1"), "id": "1"}
    boucle.take(json.dumps(event).encode())
    assert boucle("status", "--format", "json").json()["touchpoints"]["asked"] == 1
    boucle("clock", "advance", "P50D")
    parts: app.Boucle = boucle.parts()
    with closing(parts.store):
        assert parts.now() == START + timedelta(days=50)
        parts.scheduler.wake_all()
    assert boucle("status", "--format", "json").json()["touchpoints"]["asked"] == 2


def test_the_machine_s_time_is_moved_by_nobody(boucle: "Boucle") -> None:
    """On a real installation `show` tells the machine's time; the others refuse and say how a trial is begun."""
    shown = boucle("clock", "show", "--format", "json").json()
    assert shown["stored"] is False
    assert abs(datetime.fromisoformat(shown["at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    for verb in (("set", AT), ("advance", "P1D")):
        refused = boucle("clock", *verb)
        assert refused.code == 1
        assert "BOUCLE_CLOCK=stored" in refused.err


def test_a_clock_that_leapt_is_confirmed_by_a_verb(boucle: "Boucle") -> None:
    """Also where business time is the machine's; who did it stands in the audit."""
    ended = boucle("clock", "confirm", "--format", "json")
    assert ended.code == 0
    assert set(ended.json()) == {"at", "stored", "ticking"}
    assert "clock.confirm" in boucle("audit").out
