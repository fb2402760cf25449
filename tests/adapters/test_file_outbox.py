"""The file that stands for a broker: whole lines only, whatever the disk or a kill does to it."""

import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from workers.adapters.file_outbox import FileOutlet

MESSAGES = [
    ("boucle.tickets", f"c{number}", orjson.dumps({"number": number, "text": "x" * 300})) for number in range(9)
]

ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from workers.adapters.file_outbox import FileOutlet
from workers.errors import NotNow

outlet = FileOutlet(Path(sys.argv[1]))
messages = [("boucle.tickets", f"c{n}", b'{"n": %d, "text": "%s"}' % (n, b"x" * 300)) for n in range(9)]
outlet.publish(messages)
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 700, before[1]))
for _ in range(3):
    try:
        outlet.publish(messages)
    except NotNow as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, before)
outlet.publish(messages)
"""


def keys(path: Path) -> list[str]:
    """Return the keys of the messages in a file, each line of which is whole."""
    return [json.loads(line)["key"] for line in path.read_bytes().splitlines()]


def test_a_full_disk_leaves_whole_lines_and_is_waited_for(tmp_path: Path) -> None:
    """What does not fit leaves nothing behind, is told once, and is there once when there is room again."""
    path = tmp_path / "home" / "outbox.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.count("nothing is lost") == 3
    assert done.stderr.count("cannot be written") == 1
    assert keys(path) == [f"c{number}" for number in range(9)] * 2


@pytest.mark.parametrize("kept", [0, 1, 5, 200])
def test_half_a_line_that_a_kill_left_is_cut_off(tmp_path: Path, kept: int) -> None:
    """The message of a torn line comes again, on a line of its own."""
    path = tmp_path / "outbox.jsonl"
    outlet = FileOutlet(path)
    outlet.publish(MESSAGES[:2])
    whole = path.read_bytes()
    first, _, second = whole.partition(b"\n")
    path.write_bytes(first + b"\n" + second[:kept])
    outlet.publish(MESSAGES[1:])
    assert keys(path) == [f"c{number}" for number in range(9)]


def test_a_file_of_half_a_long_line_begins_anew(tmp_path: Path) -> None:
    """A torn line that is longer than what is read at a time is found to its beginning."""
    path = tmp_path / "outbox.jsonl"
    path.write_bytes(b'{"topic": "' + b"x" * 200_000)
    FileOutlet(path).publish(MESSAGES)
    assert keys(path) == [f"c{number}" for number in range(9)]
