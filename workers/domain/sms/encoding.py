"""How a text travels as SMS: in GSM's 7-bit alphabet or in UCS-2, and how many parts it takes.

Source: 3GPP TS 23.038 (alphabet, 6.2.1, and extension table, 6.2.1.1) and TS 23.040 (a joined part gives 6 bytes to its
header). One sign outside the alphabet makes the whole text UCS-2, which holds less than half as much.
"""

import unicodedata
from dataclasses import dataclass

ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Signs that take two places: an escape, and the sign."""
GSM7, UCS2 = "GSM-7", "UCS-2"
ALONE = {GSM7: 160, UCS2: 70}
"""Places of a text that is one message."""
JOINED = {GSM7: 153, UCS2: 67}
"""Places of each part of a longer one."""
MOST_PARTS = 2
"""More than this is a letter, and is paid for as so many messages."""
PLAIN = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{SINGLE LOW-9 QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
        "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}": "'",
        "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}": "'",
        "\N{ACUTE ACCENT}": "'",
        "`": "'",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{FIGURE DASH}": "-",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL BAR}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{BULLET}": "-",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{THIN SPACE}": " ",
        "\N{SOFT HYPHEN}": "",
        "\N{ZERO WIDTH SPACE}": "",
        "\N{WORD JOINER}": "",
        "\N{ZERO WIDTH NO-BREAK SPACE}": "",
        "\N{LEFT-TO-RIGHT MARK}": "",
        "\N{FIRST STRONG ISOLATE}": "",
        "\N{POP DIRECTIONAL ISOLATE}": "",
        "\N{LATIN SMALL LIGATURE OE}": "oe",
        "\N{LATIN CAPITAL LIGATURE OE}": "OE",
        "\t": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Size:
    """What a text takes: the coding, its places, and the parts it is sent in."""

    coding: str
    places: int
    parts: int


def size_of(text: str) -> Size:
    """Return what a text takes as it stands; an empty text is one part."""
    if all(sign in ALPHABET or sign in EXTENSION for sign in text):
        coding, widths = GSM7, [2 if sign in EXTENSION else 1 for sign in text]
    else:
        coding, widths = UCS2, [len(sign.encode("utf-16-be")) // 2 for sign in text]
    places = sum(widths)
    return Size(coding, places, 1 if places <= ALONE[coding] else parts_of(widths, JOINED[coding]))


def parts_of(widths: list[int], room: int) -> int:
    """Return into how many parts signs of these widths go; none is cut in two, so a part may stay one place short."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


def without_accents(text: str) -> str:
    """Return a text without accents and other marks on its letters; a ligature becomes its letters."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def simplified(text: str) -> str:
    """Return a text in the signs of GSM's alphabet where it loses no letter by it: quotes, dashes, spaces and accents.

    Ê becomes E, because it would cost as much as ninety letters. A text with letters that have no simpler form (Greek
    in small letters, Arabic, Polish ł) stays as it was.
    """
    plain = text.translate(PLAIN)
    signs: list[str] = []
    for sign in unicodedata.normalize("NFC", plain):
        if sign in ALPHABET or sign in EXTENSION:
            signs.append(sign)
            continue
        base = without_accents(sign)
        if not base or any(letter not in ALPHABET for letter in base):
            return text
        signs.append(base)
    return "".join(signs)
