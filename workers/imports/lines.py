"""Lines of a file as text, with the bytes they came from: memory stays bounded, wrong encoding harms one row only."""

from typing import BinaryIO

from workers.words import Misconfigured

# A longer line is no row of a table; it is refused in pieces, so that memory stays bounded (bytes).
LONGEST_LINE = 1_000_000


class Lines:
    """Lines of a stream as text, with the bytes they came from since the last `take`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._raw: list[bytes] = []
        self._readable = True
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(LONGEST_LINE)
        if not raw:
            raise StopIteration
        self.number += raw.endswith(b"\n")
        self._raw.append(raw)
        self._readable = self._readable and b"\x00" not in raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._readable = False
            return raw.decode("utf-8", "replace")

    def header(self) -> str:
        """Return the first line; raise Misconfigured when there is none in UTF-8."""
        first = next(self, "")
        if not first.strip():
            raise Misconfigured(["the file is empty, or its first line is. Give it a header with the columns."])
        _, readable = self.take()
        if not readable:
            raise Misconfigured(["the file is not UTF-8 (perhaps UTF-16 or Latin-1). Save it as UTF-8."])
        return first.removeprefix("\ufeff")

    def take(self) -> tuple[bytes, bool]:
        """Return the bytes read since the last call, and whether all of them were UTF-8 text."""
        raw, readable = b"".join(self._raw), self._readable
        self._raw, self._readable = [], True
        return raw, readable
