"""Words in quoted-printable (RFC 2045): readable, seven bits, lines of at most 76, the same ones for the same words.

Most lines of a mail stand in all mails of its kind, and are encoded once. In the others stands mostly a link or a name
of plain signs: these stay as they are, and where a line breaks follows from their lengths alone.
"""

import re
from binascii import b2a_qp
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from markupsafe import escape

from workers.text.directions import FSI, PDI

Place = tuple[int, int]
"""Which value stands there, and how often it is escaped."""
Slot = tuple[int, int, int]
"""Which value stands there, and from where to where of it."""
LAYOUTS_AT_MOST = 512
"""Ways in which parts are broken that are kept, of 15 kB each: a kind of mail has one for each length of a name."""
_PLAIN = re.compile(r"(?! )[A-Za-z0-9_ /:?&.,;()#%+'-]*[A-Za-z0-9_/-]")
"""Texts that stay as they are wherever they stand in a line: no space around them, no dot at their end."""
OPEN = ("\r", FSI, PDI)
"""Signs that are not left as they are when a text is finished, or that end a line for some."""
_DIFFERING = re.compile(rb"\x01+")


class WholeLines(bytes):
    """Bytes in which nothing but CRLF ends a line; `stuffed` are the same as SMTP takes them, leading dots doubled.

    None where no line begins with a dot.
    """

    stuffed: bytes | None = None

    @classmethod
    def of(cls, raw: bytes, stuffed: bytes | None) -> "WholeLines":
        """Return bytes with what SMTP takes instead of them."""
        whole = cls(raw)
        if stuffed is not None:
            whole.stuffed = stuffed
        return whole


def stuffed_line(line: bytes, begins: bool = True) -> bytes | None:
    """Return encoded lines as SMTP takes them, None where that is as they are; `begins`: the first is a whole line."""
    if begins and line.startswith(b"."):
        return b"." + line.replace(b"\n.", b"\n..")
    return line.replace(b"\n.", b"\n..") if b"\n." in line else None


class OfAnotherForm(Exception):
    """A value has more lines than its place, or changes what stands around it."""


def encoded(body: str) -> bytes:
    """Return words in quoted-printable."""
    return b"\r\n".join(map(encoded_line, body.split("\n")))


@lru_cache(maxsize=8192)
def encoded_line(line: str) -> bytes:
    """Return one line in quoted-printable; nearly all lines of a mail stand in all mails of its kind."""
    return b2a_qp(line.encode() + b"\r\n", istext=True)[:-2]  # soft breaks end as the line does


class Texts(dict[Place, str]):
    """What stands in each place of a mail, by how often it is escaped; made when it is asked for first."""

    def __init__(self, read: Callable[[int], str]) -> None:
        super().__init__()
        self._read = read
        self._plain: dict[Place, bytes | None] = {}

    def __missing__(self, place: Place) -> str:
        number, times = place
        text = self._read(number) if not times else str(escape(str(self[number, times - 1])))
        self[place] = text
        return text

    def on_a_line(self, place: Place) -> str:
        """Return a text that changes nothing around it. Raises OfAnotherForm."""
        text = self[place]
        if text != text.strip() or "\n" in text or any(sign in text for sign in OPEN):
            raise OfAnotherForm
        return text

    def plain(self, place: Place) -> bytes | None:
        """Return a text that stays as it is when it is encoded; None for any other."""
        if place not in self._plain:
            text = self[place]
            self._plain[place] = text.encode() if _PLAIN.fullmatch(text) else None
        return self._plain[place]


@dataclass(frozen=True, slots=True)
class LineWithPlaces:
    """A line in which values stand between literal texts."""

    literals: tuple[str, ...]
    places: tuple[Place, ...]

    def encoded(self, values: Sequence[str]) -> bytes:
        """Return the line with some values in quoted-printable."""
        between = (piece for pair in zip(values, self.literals[1:], strict=True) for piece in pair)
        return encoded_line("".join((self.literals[0], *between)))

    def slots(self, lengths: Sequence[int]) -> Iterator[bytes | Slot]:
        """Give its pieces around plain values of some lengths, these by their numbers among the line's own.

        It is encoded with other signs in its places: where that differs a value stands.
        """
        one, other = (self.encoded([sign * length for length in lengths]) for sign in "xy")
        number = at = begun = 0
        for run in _DIFFERING.finditer(bytes(map(int.__ne__, one, other))):
            yield one[begun : run.start()]
            left, begun = run.end() - run.start(), run.end()
            while left:
                taken = min(left, lengths[number] - at)
                yield number, at, at + taken
                left, at = left - taken, at + taken
                if at == lengths[number]:
                    number, at = number + 1, 0
        yield one[begun:]


Piece = bytes | Slot | LineWithPlaces
KINDS: tuple[type, ...] = (bytes, tuple, LineWithPlaces)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a part is encoded around plain values of some lengths; its lines with other values are encoded anew.

    Its pieces are numbered: those that stay, then the slots, then the lines; `ordered` picks them in their order.
    `first` are the slots that begin a line, by their numbers; `stuffed` are pieces that stay, as SMTP takes them.
    """

    stays: Sequence[bytes]
    slots: Sequence[Slot]
    lines: Sequence[LineWithPlaces]
    ordered: Callable[[Sequence[bytes]], Iterable[bytes]]
    first: Sequence[int]
    stuffed: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class QuotedPart:
    """One part of a mail, line by line, with the places of its values, each once."""

    lines: Sequence[LineWithPlaces]
    places: Sequence[Place]

    @classmethod
    def of(cls, lines: Sequence[LineWithPlaces]) -> "QuotedPart":
        """Return a part of some lines."""
        return cls(lines, tuple(dict.fromkeys(place for line in lines for place in line.places)))

    def fill(self, texts: Texts) -> WholeLines:
        """Return the part of one mail. Raises OfAnotherForm."""
        values = [texts.plain(place) for place in self.places]
        layout = layout_of(self, tuple([None if value is None else len(value) for value in values]))
        plain: list[bytes] = [value or b"" for value in values]
        pieces = [*layout.stays, *[plain[which][begin:end] for which, begin, end in layout.slots]]
        stuffed = {number: b"." + pieces[number] for number in layout.first if pieces[number].startswith(b".")}
        for line in layout.lines:
            pieces.append(line.encoded([texts.on_a_line(place) for place in line.places]))
            if (dotted := stuffed_line(pieces[-1])) is not None:
                stuffed[len(pieces) - 1] = dotted
        raw = b"".join(layout.ordered(pieces))
        if not stuffed and not layout.stuffed:
            return WholeLines(raw)
        for number, piece in (*layout.stuffed.items(), *stuffed.items()):
            pieces[number] = piece
        return WholeLines.of(raw, b"".join(layout.ordered(pieces)))


@lru_cache(LAYOUTS_AT_MOST)
def layout_of(part: QuotedPart, lengths: Sequence[int | None]) -> Layout:
    """Return how a part is encoded around values of some lengths, in the order of its places; None: not a plain one."""
    pieces = [*joined(pieces_of(part, lengths)), b"", b""]
    begins = [not number or ends_a_line(pieces[number - 1]) for number in range(len(pieces))]
    placed = list(zip(pieces, begins, strict=True))
    every = list(dict.fromkeys(placed))
    every.sort(key=lambda piece: KINDS.index(type(piece[0])))
    stays, slots, lines = ([piece for piece, _ in every if type(piece) is kind] for kind in KINDS)
    number_of = {piece: number for number, piece in enumerate(every)}
    return Layout(
        stays,  # type: ignore[arg-type]  # of one kind each
        slots,  # type: ignore[arg-type]
        lines,  # type: ignore[arg-type]
        itemgetter(*[number_of[piece] for piece in placed]),
        [number for number, (piece, is_first) in enumerate(every) if type(piece) is tuple and is_first],
        {
            number: stuffed
            for number, (piece, is_first) in enumerate(every)
            if isinstance(piece, bytes) and (stuffed := stuffed_line(piece, is_first)) is not None
        },
    )


def pieces_of(part: QuotedPart, lengths: Sequence[int | None]) -> Iterator[Piece]:
    """Give what a part is made of around values of some lengths."""
    known = dict(zip(part.places, enumerate(lengths), strict=True))
    for number, line in enumerate(part.lines):
        if number:
            yield b"\r\n"
        values = [known[place] for place in line.places]
        plain = [length for _, length in values if length is not None]
        if len(plain) < len(values):
            yield line
            continue
        for piece in line.slots(plain):
            yield piece if isinstance(piece, bytes) else (values[piece[0]][0], piece[1], piece[2])


def joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Give pieces with those that stay as one where they follow each other."""
    staying = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            staying += piece
            continue
        yield staying
        yield piece
        staying = b""
    yield staying


def ends_a_line(piece: Piece) -> bool:
    """Tell whether what follows a piece begins a line."""
    return isinstance(piece, bytes) and piece.endswith(b"\n")
