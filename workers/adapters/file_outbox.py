"""Where the outbox goes when there is no broker: a file of lines."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from workers.adapters.home import PRIVATE_FILE, make_private_folder
from workers.errors import NotNow

log = logging.getLogger(__name__)
LOOK_BACK = 1 << 16
"""How many bytes at a time are looked through for the end of the last whole line."""


class FileOutlet:
    """Appends each message as one line of JSON: topic, key, value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_away = False

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Append the messages in order: all of them, or none and raise NotNow, as on a full disk.

        Half a line that a killed process left is cut off first: its message is among these again.
        """
        lines = b"".join(
            orjson.dumps({"topic": topic, "key": key, "value": orjson.loads(value)}) + b"\n"
            for topic, key, value in messages
        )
        try:
            make_private_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                append_all(file, lines)
        except OSError as error:
            if not self._is_away:
                log.warning("outbox.jsonl cannot be written: %s", error.strerror, extra={"action": "outlet.away"})
            self._is_away = True
            raise NotNow(f"outbox.jsonl cannot be written ({error.strerror}); nothing is lost, it waits.") from error
        if self._is_away:
            log.warning("outbox.jsonl is written again", extra={"action": "outlet.back"})
        self._is_away = False

    def close(self) -> None:
        """Do nothing: the file is opened for each round."""


def append_all(file: BinaryIO, lines: bytes) -> None:
    """Append whole lines after the last whole line, or leave the file with whole lines only and raise OSError."""
    end = end_of_lines(file)
    file.truncate(end)
    file.seek(end)
    rest = memoryview(lines)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(end)
        raise


def end_of_lines(file: BinaryIO) -> int:
    """Return the byte behind the last whole line; what follows was cut off when a process died."""
    size = file.seek(0, os.SEEK_END)
    while size:
        start = max(0, size - LOOK_BACK)
        file.seek(start)
        newline = file.read(size - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0
