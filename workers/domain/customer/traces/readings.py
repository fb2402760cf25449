"""Readings: every text that some bytes may be, with its escapes taken out.

A refused event was refused because something about it is odd: another encoding, a cut, a list, a text inside a text.
Total, and linear in the size of the bytes.
"""

import base64
import binascii
import html
import re
import unicodedata
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

ROUNDS = 3
"""How often escapes are taken out again: a JSON text in a JSON text in a percent-encoded field."""
ONE_BYTE = ("latin-1", "cp1252", "mac_roman", "cp850")
"""Encodings that western files came in before UTF-8: of Unix, Windows, Macintosh and DOS, whose exports still live."""
MOST_UNPACKED, MOST_UNPACKED_INSIDE = 10_000_000, 1_000_000
"""Bytes that compressed ones are unpacked to: a message, and all that stand in a text as base64 together."""
PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How gzip (RFC 1952) and zlib (RFC 1950) begin."""
EITHER_WINDOW = 47  # zlib's sign for: gzip or zlib, whichever it is
MOST_NULS = 8  # one byte in so many is NUL: that is UTF-16 or UTF-32
ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([\"\\/bfnrt]))")
SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
QUOTED_PRINTABLE = re.compile(r"=(?:([0-9A-F]{2})|\r?\n)")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
URL_SAFE = str.maketrans("-_", "+/")
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Default-ignorable characters: they stand between two letters and nobody sees them."""


def readings(body: bytes) -> list[str]:
    """Return every text that the bytes may be, each in normal form."""
    texts: dict[str, None] = {}
    for text in decoded(unpacked(body)):
        for form in unfolded(text, ROUNDS):
            texts[normal(form)] = None
        for form in read_otherwise(text):
            texts[normal(form)] = None
    return list(texts)


def normal(text: str) -> str:
    """Return text in compatibility form (NFKC) without what cannot be seen."""
    if text.isascii():
        return text
    return INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def unpacked(body: bytes, most: int = MOST_UNPACKED) -> bytes:
    """Return bytes that gzip or zlib packed, at most so many, also of the beginning of a packed message."""
    if most <= 0 or not body.startswith(PACKED):
        return body
    try:
        return zlib.decompressobj(EITHER_WINDOW).decompress(body, most) or body
    except zlib.error:
        return body


def decoded(body: bytes) -> Iterator[str]:
    """Give the texts of bytes whose encoding is not known; a wrong one harms nothing, because it names nobody."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or body.count(0) * MOST_NULS > len(body):
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            yield body.decode(encoding, "replace")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield body.decode("utf-8", "replace")
        for encoding in ONE_BYTE:
            yield body.decode(encoding, "replace")
        return
    yield text
    if not text.isascii():
        yield from misread(text)


def misread(text: str) -> Iterator[str]:
    """Give the text that somebody read in one byte a letter and wrote in UTF-8 again."""
    for encoding in ONE_BYTE:
        try:
            yield text.encode(encoding).decode()
        except UnicodeError:
            continue


def unfolded(text: str, rounds: int) -> Iterator[str]:
    """Give a text, and what stands in it once its escapes are taken out."""
    yield text
    if not rounds:
        return
    plain = unescaped(text)
    if plain != text:
        yield from unfolded(plain, rounds - 1)
    inner = "\n".join(encoded_in(text))
    if inner:
        yield from unfolded(inner, rounds - 1)


def unescaped(text: str) -> str:
    """Return text without the escapes of JSON, URLs and HTML."""
    if "\\" in text:
        text = joined(ESCAPED.sub(one_escape, text))
    if "%" in text:
        text = unquote(text)
    if "&" in text:
        text = html.unescape(text)
    return text


def read_otherwise(text: str) -> Iterator[str]:
    """Give what a text says if its escapes are those of mails, or stand for bytes that are no UTF-8.

    By themselves: in a form, x=42 is no escape.
    """
    if "=" in text:
        plain = printable(text)
        yield plain
        yield from misread(plain)
    if "%" in text:
        yield unquote(text, "latin-1")


def printable(text: str) -> str:
    """Return text without the escapes of quoted-printable (RFC 2045), in Latin-1."""
    return QUOTED_PRINTABLE.sub(lambda match: chr(int(match[1], 16)) if match[1] else "", text)


def one_escape(match: re.Match[str]) -> str:
    """Return the character of an escape; a number above Unicode's last one is that one."""
    code = match[1] or match[2] or match[3]
    if code is None:
        return SHORT.get(match[4], match[4])
    return chr(min(int(code, 16), 0x10FFFF))


def joined(text: str) -> str:
    """Return text whose surrogate pairs are the characters that they mean."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encoded_in(text: str) -> Iterator[str]:
    """Give the texts that stand in a text as base64, unpacked; what decodes to no text is left out."""
    left = MOST_UNPACKED_INSIDE
    for match in BASE64.finditer(text):
        run = match[0].rstrip("=").translate(URL_SAFE)
        try:
            raw = base64.b64decode(run + "=" * (-len(run) % 4))
        except (binascii.Error, ValueError):
            continue
        plain = unpacked(raw, left)
        left -= 0 if plain is raw else len(plain)
        for inner in decoded(plain):
            if inner.isprintable() or "{" in inner:
                yield inner
