"""What killed runs of the tests left behind goes with the next one, whoever else removes it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import parts
import pytest

FOLDERS, AT_ONCE = 40, 4
Left = Callable[[str], Path]


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """Give what makes a folder of a process that has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def make(kind: str) -> Path:
        folder = tmp_path / f"{kind}-{gone.pid}-{len(list(tmp_path.iterdir()))}"
        (folder / "services").mkdir(parents=True)
        return folder

    return make


def test_runs_that_end_at_once_discard_the_same_leftovers(tmp_path: Path, left: Left) -> None:
    """What one has removed under the other's hands fails neither."""
    for _ in range(FOLDERS):
        left("boucle-tests")
    together = threading.Barrier(AT_ONCE)

    def finish() -> None:
        together.wait()
        parts.discard_leftovers(tmp_path)

    with ThreadPoolExecutor(AT_ONCE) as runs:
        for ended in [runs.submit(finish) for _ in range(AT_ONCE)]:
            ended.result()
    parts.discard_leftovers(tmp_path)  # a folder that one made again while the other removed it
    assert list(tmp_path.iterdir()) == []


def test_a_leftover_that_cannot_be_removed_fails_no_run(tmp_path: Path, left: Left) -> None:
    """It stays for the next run, and the others go."""
    stuck, other = left("boucle-tests"), left("boucle-tests")
    (stuck / "services").rmdir()
    (stuck / "services").write_text("no folder", "ascii")
    parts.discard_leftovers(tmp_path)
    assert not other.exists()
