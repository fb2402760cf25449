"""Where returned mails lie: a folder of mails, a Maildir, an mbox file, one mail, or a folder of an IMAP server.

A place gives its mails one by one, the first bytes of each only. Looking changes nothing; the sender, which looks again
and again, puts each mail away when it is done with it: what was read is marked as read, the rest is set aside.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.domain.mail.bounce_parser import HEAD_BYTES
from workers.domain.mail.bounce_parser.letters import Item, Letter
from workers.errors import BadInput

log = logging.getLogger(__name__)
READ, BROKEN = "read", "unreadable"
"""Subfolders of a plain folder into which the sender moves what it is done with."""
ASIDE = ".Unreadable"
"""The folder of a Maildir (Maildir++) for what could not be read."""
_BEGINS = re.compile(rb"From \S*.{0,200}\d{4}\s*$")
"""The line with which an mbox begins a mail: who, and when, with its year; a sentence has none."""
LONGEST_LINE = 65_536


@dataclass(frozen=True, slots=True)
class OneFile:
    """One mail, or an mbox file. It is never put away: its own mail server writes to it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def items(self, *, fresh: bool) -> Iterator[Item]:
        yield Item(self.path.name, letters_of(self.path, self.path.name))

    def put_away(self, name: str, *, readable: bool) -> None:
        """Leave it where it is."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of mails, one a file, with its subfolders."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def items(self, *, fresh: bool) -> Iterator[Item]:
        """Give each file, by name; hidden ones are left out."""
        for file in sorted(kept for kept in self.path.rglob("*") if kept.is_file()):
            inside = file.relative_to(self.path)
            if any(part.startswith(".") for part in inside.parts):
                continue
            if not (fresh and inside.parts[0] in (READ, BROKEN)):
                yield Item(str(inside), letters_of(file, str(inside)))

    def put_away(self, name: str, *, readable: bool) -> None:
        """Move a file into the subfolder of those that were read, or of those that could not be."""
        target = self.path / (READ if readable else BROKEN) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).rename(target)


@dataclass(frozen=True, slots=True)
class Maildir:
    """A Maildir: what is new, and what a reader has seen."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def items(self, *, fresh: bool) -> Iterator[Item]:
        """Give each mail, the oldest name first; with `fresh` those without the flag of a seen one."""
        paths = (
            kept for name in ("cur", "new") if (self.path / name).is_dir() for kept in (self.path / name).iterdir()
        )
        for file in sorted(paths, key=lambda kept: kept.name):
            if file.is_file() and not (fresh and "S" in flags_of(file.name)):
                yield Item(str(file.relative_to(self.path)), letters_of(file, file.name, one_mail=True))

    def put_away(self, name: str, *, readable: bool) -> None:
        """Mark a mail as seen, as any mail reader does; one that could not be read goes to a folder of its own."""
        file = self.path / name
        flags = "".join(sorted({*flags_of(file.name), "S"}))
        folder = self.path if readable else self.path / ASIDE
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        file.rename(folder / "cur" / f"{file.name.partition(':')[0]}:2,{flags}")


def flags_of(name: str) -> str:
    """Return the letters behind `:2,` in the name of a Maildir's file, such as S for seen."""
    return name.partition(":2,")[2]


def place_at(path: Path) -> "OneFile | Folder | Maildir":
    """Return what lies at a path; raises BadInput for nothing."""
    if path.is_dir():
        return Maildir(path) if any((path / name).is_dir() for name in ("cur", "new")) else Folder(path)
    if path.is_file():
        return OneFile(path)
    raise BadInput(f"{path} does not exist. Name a folder of mails, a Maildir, an mbox or one mail.")


def letters_of(path: Path, name: str, *, one_mail: bool = False) -> Iterator[Letter]:
    """Give the mail of a file, or the mails of an mbox; a file that cannot be opened is a letter that says so."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if one_mail or not _BEGINS.match(head.partition(b"\n")[0][:300]):
                yield Letter(name, head)
                return
    except FileNotFoundError:
        return  # another sender put it away
    except OSError as error:
        yield Letter(name, unread=f"{error.strerror}")
        return
    mails = mails_of_mbox(path)
    first = next(mails)
    second = next(mails, None)
    if second is None:
        yield Letter(name, first)
        return
    yield Letter(f"{name}#1", first)
    yield Letter(f"{name}#2", second)
    for number, raw in enumerate(mails, 3):
        yield Letter(f"{name}#{number}", raw)


def mails_of_mbox(path: Path) -> Iterator[bytes]:
    """Give the first bytes of each mail of an mbox, however large the file and its lines are."""
    kept: list[bytes] = []
    size, started, blank = 0, False, True
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            if blank and _BEGINS.match(line[:300]):
                if started:
                    yield b"".join(kept)
                kept, size, started = [], 0, True
            if size < HEAD_BYTES:
                kept.append(line)
                size += len(line)
            blank = line in (b"\n", b"\r\n")
    if started:
        yield b"".join(kept)[:HEAD_BYTES]
