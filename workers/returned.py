"""Give the mails of a Maildir, an mbox file or a single file, as bytes; nothing in it is changed."""

import mailbox
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from workers.words import BadInput

LARGEST_BYTES = 20_000_000
"""A returned mail holds ours, which is below 102 kB; what is far larger is none."""


def mails_in(path: Path) -> Iterator[bytes]:
    """Give each mail, the oldest name first; raises BadInput for a place that holds none."""
    if path.is_dir():
        yield from maildir(path)
        return
    with path.open("rb") as file:
        head = file.read(5)
    if head == b"From ":
        with closing(mailbox.mbox(path, create=False)) as box:
            yield from (message.as_bytes() for message in box)
    elif path.stat().st_size <= LARGEST_BYTES:
        yield path.read_bytes()


def maildir(path: Path) -> Iterator[bytes]:
    """Give each mail of a Maildir, read or unread."""
    folders = [path / name for name in ("cur", "new") if (path / name).is_dir()]
    if not folders:
        raise BadInput(f"{path} is no Maildir: it has neither cur nor new. Name a Maildir, an mbox file or one mail.")
    for file in sorted((one for folder in folders for one in folder.iterdir()), key=lambda one: one.name):
        if file.is_file() and file.stat().st_size <= LARGEST_BYTES:
            yield file.read_bytes()
