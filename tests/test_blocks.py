"""Every block of the documents can be pasted as it stands: commands are run in a fresh folder, data is read.

A block of commands is marked `sh`. It runs with `make` only saying what it would do, and on a port of the test's own.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import parts
import pytest
import yaml

from workers.devservices.places import free_port

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("rules/**/README.md"),
    *ROOT.glob("templates/**/README.md"),
    *ROOT.glob("schemas/**/README.md"),
)
FENCED = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
READ: dict[str, Callable[[str], object]] = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}
"""Blocks of other languages (nginx, sql) are tried where their tool is, by the tests of what they set up."""
PORT = "8081"
"""What the documents use beside the demo's 8080."""
READIED = Path(__file__).with_name("readied.py")
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a document."""

    place: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    """Give every block of the documents."""
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for match in FENCED.finditer(text):
            line = text[: match.start()].count("\n") + 1
            yield Block(f"{path.relative_to(ROOT)}:{line}", match["language"], match["text"])


BLOCKS = list(blocks())


def test_every_block_says_what_it_is() -> None:
    """A reader, and this test, knows which blocks are commands and which are files."""
    assert [block.place for block in BLOCKS if not block.language] == []
    assert sum(block.language == "sh" for block in BLOCKS) >= 4


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the line of a shell script that is the command `boucle`; whatever it left running is ended."""
    address = tmp_path_factory.mktemp("readied") / "socket"
    server = subprocess.Popen(
        [sys.executable, READIED, "serve", address],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield f'exec {sys.executable} -S -E {READIED} call {address} "$@"'
        os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture
def clone(tmp_path: Path, command: str) -> Path:
    """Give a folder that looks like a fresh clone after `make run`: the data, and the command in `.venv/bin`."""
    for name in ("rules", "templates", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in (*ROOT.glob("Makefile"), *ROOT.glob("*.toml"), *ROOT.glob("*.lock")):
        (tmp_path / path.name).symlink_to(path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, line in (("boucle", command), ("make", f'exec {shutil.which("make")} --dry-run "$@"')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return tmp_path


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "sh"], ids=lambda block: block.place)
def test_commands_can_be_pasted(clone: Path, block: Block) -> None:
    """Each command ends well, one after the other, in a folder that holds nothing but the clone."""
    for tool in ("bash", "curl"):
        if not shutil.which(tool):
            parts.missing(f"a block of the documents needs {tool}")
    environment = {"PATH": f"{clone / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(clone), "BOUCLE_LOG": "json"}
    output = clone / "output"
    with output.open("wb") as file:  # no pipe: what a block leaves running would keep it open
        shell = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace(PORT, str(free_port()))],
            cwd=clone,
            env=environment,
            stdout=file,
            stderr=file,
            timeout=SECONDS,
            check=False,
        )
    printed = output.read_text("utf-8")
    assert shell.returncode == 0, printed
    assert "Traceback" not in printed
    if "/v1/events" in block.text:
        assert re.search(r'"accepted": ?1\b', printed), printed


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in READ], ids=lambda block: block.place)
def test_data_can_be_read(block: Block) -> None:
    """A block of JSON, YAML or TOML is that."""
    assert READ[block.language](block.text)
