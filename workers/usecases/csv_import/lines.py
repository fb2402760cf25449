"""Physical lines of a file as text, with the bytes they came from; memory stays bounded, whatever the file holds."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from workers.cloudevents import KEPT_BYTES, Refusal, Unreadable

LONGEST_LINE = 1_000_000
"""Bytes; a longer line is no row of a table. Of such a line the beginning is kept, with the size and the digest."""


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line: its number from 1, its bytes, its text, and why it cannot be read as text, if so."""

    number: int
    raw: bytes
    text: str
    fault: str = ""
    reason: Refusal = Refusal.BAD_ROW

    @property
    def ended(self) -> bool:
        """Return whether the line has its end, as every line but the last of a cut-off file has."""
        return self.raw.endswith(b"\n")


class Lines:
    """The lines of a stream in order; some may be put back to be read again."""

    def __init__(self, stream: BinaryIO, encoding: str = "utf-8", *, recoded: bool = False) -> None:
        """`recoded`: the stream was brought to UTF-8, and what could not be read stands in it as U+FFFD."""
        self._stream = stream
        self._encoding = encoding
        self._recoded = recoded
        self._again: deque[Line] = deque()
        self._number = 0

    def next(self) -> Line | None:
        """Return the next line; None at the end. One that is too long or badly encoded says so itself."""
        if self._again:
            return self._again.popleft()
        raw = self._stream.readline(LONGEST_LINE)
        if not raw:
            return None
        self._number += 1
        if len(raw) >= LONGEST_LINE and not raw.endswith(b"\n"):
            return self._too_long(raw)
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as wrong:
            detail = f"The row is not {self._encoding.upper()} (byte {raw[wrong.start]:#04x}). Save the file as UTF-8."
            return Line(self._number, raw, raw.decode(self._encoding, "replace"), detail, Refusal.WRONG_ENCODING)
        if self._recoded and "\ufffd" in text:
            detail = "The row has characters that could not be read. Save the file as UTF-8."
            return Line(self._number, raw, text, detail, Refusal.WRONG_ENCODING)
        return Line(self._number, raw, text)

    def put_back(self, lines: Sequence[Line]) -> None:
        """Have these lines read again, before what follows."""
        self._again.extendleft(reversed(lines))

    def _too_long(self, beginning: bytes) -> Line:
        """Step over the rest of a line; its beginning is kept."""
        digest, size, piece = hashlib.sha256(beginning), len(beginning), beginning
        while not piece.endswith(b"\n") and (piece := self._stream.readline(LONGEST_LINE)):
            digest.update(piece)
            size += len(piece)
        detail = (
            f"The line has {size:,} bytes; a row may have {LONGEST_LINE:,}. Look for a quote or a line end too few."
        )
        kept = Unreadable.beginning(beginning[:KEPT_BYTES], size, digest.hexdigest(), Refusal.TOO_LARGE, detail)
        return Line(self._number, kept, kept.decode(self._encoding, "replace"), detail, Refusal.TOO_LARGE)
