"""Letters: mails as they lie in a place that returned mails come to, not read yet."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail of a place: its file or number there, and its first bytes; `unread` says why it could not be had."""

    name: str
    raw: bytes = b""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a place that is put away as a whole: a file, which may hold several mails, or a message."""

    name: str
    letters: Iterator[Letter]
