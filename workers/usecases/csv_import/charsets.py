"""Which characters a file is written in: UTF-8, UTF-16, Windows-1252, or what the mapping says; nothing is guessed
where two readings are possible, and whatever is not plain UTF-8 is told.
"""

import codecs
import io
from collections.abc import Callable
from typing import BinaryIO

from workers.errors import Misconfigured

Said = Callable[[str], object]
"""Hears, in a sentence, how something in the file was understood."""

SAMPLE = 1_000_000
"""Bytes by which a file's kind of line end and UTF-16 without a mark are recognised."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_CSV = (
    (b"PK\x03\x04", "an Excel workbook or another packed file", "Open it, and save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel", "Open it, and save it as CSV UTF-8"),
    (b"\x1f\x8b", "packed with gzip", "Unpack it"),
    (b"%PDF", "a PDF", "Export the table as CSV"),
    (b"[{", "JSON", "Export the table as CSV"),
    (b'{"', "JSON", "Export the table as CSV"),
    (b"<", "a web page or XML", "Export the table as CSV, or open it in Excel and save it as CSV UTF-8"),
)
"""How files begin that are handed over as CSV by mistake, what they are, and what to do."""
_NOT_IN_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_ODD = bytes([*range(1, 9), *range(14, 27), *range(28, 32), 127])
"""Control signs, without NUL, tab, the ends of lines and pages, and the escape sign."""
FEWEST_ODD = 2
NO_TEXT = (
    "the file is not text, so it holds no rows: it looks like a picture, a program or a damaged file. "
    "Export the table as CSV, and import that."
)
_SHOWN = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32": "UTF-32"}


class Recoded(io.RawIOBase):
    """A stream of another encoding, or with old line ends, as UTF-8 whose lines end in a newline."""

    def __init__(self, stream: BinaryIO, encoding: str, *, returns_end_lines: bool = False) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._returns_end_lines = returns_end_lines
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any buffer will do
        """Fill the buffer with UTF-8; 0 at the end."""
        while not self._waiting:
            chunk = self._stream.read(65_536)
            text = self._decoder.decode(chunk, final=not chunk)
            if self._returns_end_lines:
                text = text.replace("\r", "\n")
            self._waiting = text.encode("utf-8", "replace")
            if not chunk:
                break
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size


def check_encoding(name: str) -> None:
    """Raise ValueError unless `name` is an encoding of text that a file can be read in."""
    try:
        codec = codecs.lookup(name)
        plain = codec.name.startswith(("utf-16", "utf-32")) or "a,b;c\n".encode(name) == b"a,b;c\n"
    except (LookupError, UnicodeError, TypeError):
        plain = False
    if not plain:
        raise ValueError(f"encoding: {name[:60]} is no encoding that is read here. Write one such as utf-8 or cp1250.")


def opened(stream: BinaryIO, declared: str, said: Said) -> tuple[BinaryIO, str]:
    """Return the stream to read lines from, and the encoding of its lines. A stream that cannot go back is UTF-8.

    Raises Misconfigured for a file that is no text at all.
    """
    if not stream.seekable():
        return stream, declared or "utf-8"
    start = stream.tell()
    sample = stream.read(SAMPLE)
    for beginning, what, do in _NOT_CSV:
        if sample.removeprefix(codecs.BOM_UTF8).startswith(beginning):
            raise Misconfigured([f"the file is {what}, not CSV. {do}, and import that."])
    encoding = declared or _wide(sample)
    if not is_wide(encoding) and is_no_text(sample):
        raise Misconfigured([NO_TEXT])
    if not encoding:
        encoding = _narrow(stream, sample, start)
        if encoding == "cp1252":
            said(
                "The file is not UTF-8; it is read as Windows-1252 (Western European). If names look wrong, save it as "
                "UTF-8, or write `encoding:` into the mapping."
            )
    stream.seek(start)
    wide = is_wide(encoding)
    if wide and not declared:
        said(f"The file is {_SHOWN[encoding]}; it is read as such.")
    text = sample.decode(encoding, "replace") if wide else sample.decode("latin-1")
    old = "\r" in text and "\n" not in text
    if old:
        said("The lines of the file end as on an old Macintosh (CR only); they are read as such.")
    if wide or old:
        recoded = io.BufferedReader(Recoded(stream, encoding, returns_end_lines=old))
        return recoded, "utf-8"
    return stream, encoding


def is_wide(encoding: str) -> bool:
    """Return whether an encoding has several bytes for every character."""
    return bool(encoding) and codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def is_no_text(sample: bytes) -> bool:
    """Return whether bytes are those of a picture, a program or noise: control signs that no table holds, and often.

    A NUL or a single odd sign here and there is a fault of its row.
    """
    odd = len(sample) - len(sample.translate(None, _ODD))
    return odd >= FEWEST_ODD and odd * 40 > len(sample)


def _wide(sample: bytes) -> str:
    """Return UTF-16 or UTF-32 where the beginning says so, else nothing."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    head = sample[:400]
    evens, odds = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 4 and odds > len(head) // 3 and not evens:
        return "utf-16-le"
    if len(head) >= 4 and evens > len(head) // 3 and not odds:
        return "utf-16-be"
    return ""


def _narrow(stream: BinaryIO, sample: bytes, start: int) -> str:
    """Return cp1252 for a file of which no line is UTF-8 beyond ASCII and some are Windows-1252; else UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk = sample
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = stream.read(SAMPLE)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "utf-8" if _has_other_text(stream, start) else "cp1252"
    return "utf-8"


def _has_other_text(stream: BinaryIO, start: int) -> bool:
    """Return whether some line is UTF-8 beyond ASCII, or has bytes that Windows-1252 does not know."""
    stream.seek(start)
    while line := stream.readline(SAMPLE):
        if line.isascii():
            continue
        if any(byte in line for byte in _NOT_IN_1252):
            return True
        try:
            line.decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def no_header() -> Misconfigured:
    """Return the refusal of a file that begins with nothing."""
    return Misconfigured(["the file is empty, or its first line is. Give it a header with the columns."])
