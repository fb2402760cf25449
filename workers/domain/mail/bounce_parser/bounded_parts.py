"""A returned mail taken apart within bounds: its size, its depth and the number of its parts are limited first.

Python's parser calls itself once for each level and keeps an object for each part, so a mail of three kilobytes can end
it, and one of three megabytes can hold it for minutes. What is looked at here is counted before it is parsed.
"""

import email
import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

HEAD_BYTES = 300_000
"""How much of a mail is read: a report stands before the mail it returns, and ours is below 102 kB."""
CONTAINERS_AT_MOST = 40
"""Parts that may hold others; a report has three, one returned by a mailing list some eight."""
BOUNDARIES_AT_MOST = 1_000
BLOCKS_AT_MOST = 10_000
"""Blank lines of a mail: each may begin another block of a delivery status."""
HEADER_LINES_AT_MOST = 20_000
PARTS_AT_MOST = 100
TEXT_AT_MOST = 20_000
"""Characters of a part that are looked at."""
VALUES_AT_MOST, VALUE_AT_MOST = 20, 5_000
"""Headers of one name, and characters of each, that are looked at."""
_ADDRESS = re.compile(  # RFC 5321's lengths; it begins at a word's beginning, so a long word is looked at once
    r"(?<![^\s<>;:,()\"'\[\]])[^\s<>;:,()\"'@\[\]]{1,64}@[^\s<>;:,()\"'@\[\]]{1,255}"
)
_CONTAINER = re.compile(rb"(?:message|multipart)/", re.IGNORECASE)
_BOUNDARY = re.compile(rb"^--", re.MULTILINE)
_BLANK = re.compile(rb"^\r?$", re.MULTILINE)
_FIELD = re.compile(rb"^[!-9;-~]{1,200}:", re.MULTILINE)
_STRUCTURE = re.compile(
    rb"^content-(?:type|disposition):[^\n]{0,9999}(?:\n[ \t][^\n]{0,9999}){0,999}", re.IGNORECASE | re.MULTILINE
)
STRUCTURE_AT_MOST = 4_000
"""Bytes of the header that says how a part is built: its parameters are read again and again."""
_TAG = re.compile(r"<[^<>]{0,500}>")
_HIDDEN = re.compile(r"<(style|script)\b[^<>]{0,500}>[^<]{0,20000}", re.IGNORECASE)


class Unreadable(Exception):
    """A mail that is not looked into, with the bound that it is over."""


def parse(raw: bytes) -> Message:
    """Return a mail, its first HEAD_BYTES only; raises Unreadable for one that has too many parts or levels."""
    head = raw[:HEAD_BYTES]
    bounds = (
        (_CONTAINER, CONTAINERS_AT_MOST, "parts within parts"),
        (_BOUNDARY, BOUNDARIES_AT_MOST, "parts"),
        (_BLANK, BLOCKS_AT_MOST, "blocks"),
        (_FIELD, HEADER_LINES_AT_MOST, "header lines"),
    )
    for pattern, at_most, what in bounds:
        if over(pattern, head, at_most):
            raise Unreadable(f"more than {at_most} {what}")
    if any(len(match[0]) > STRUCTURE_AT_MOST for match in _STRUCTURE.finditer(head)):
        raise Unreadable(f"a Content-Type of more than {STRUCTURE_AT_MOST} bytes")
    try:
        return email.message_from_bytes(head)
    except Exception as error:  # a mail is hostile input: whatever its parser breaks on is that mail's own end
        raise Unreadable(f"its parser ended with {type(error).__name__}") from error


def over(pattern: re.Pattern[bytes], head: bytes, at_most: int) -> bool:
    """Tell whether something occurs more often than a bound, and stop counting there."""
    return any(number >= at_most for number, _ in enumerate(pattern.finditer(head)))


def parts_of(message: Message) -> Iterator[Message]:
    """Give a mail and its parts, the outer first, at most PARTS_AT_MOST; the mail it returns is not entered."""
    waiting = [message]
    for _ in range(PARTS_AT_MOST):
        if not waiting:
            return
        part = waiting.pop(0)
        yield part
        payload = part.get_payload()
        if isinstance(payload, list) and part.get_content_maintype() == "multipart":
            waiting = [inner for inner in payload[:PARTS_AT_MOST] if isinstance(inner, Message)] + waiting


def enclosed(part: Message) -> list[Message]:
    """Return the mail that a message/rfc822 part encloses, if it has one."""
    payload = part.get_payload()
    return [mail for mail in payload[:1] if isinstance(mail, Message)] if isinstance(payload, list) else []


def fields_of(part: Message) -> Message:
    """Return the fields of a machine-readable part, however its parser nested them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        first = payload[0] if payload else None
        return first if isinstance(first, Message) else Message()
    return email.message_from_string(str(payload)[:TEXT_AT_MOST])


def status_blocks(part: Message) -> Iterator[Message]:
    """Give the blocks of fields of a delivery status, each a message of headers, however its parser nested them."""
    payload = part.get_payload()
    nested = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    encoded = str(part.get("Content-Transfer-Encoding", "")).strip().lower() in ("base64", "quoted-printable")
    if nested and not encoded:
        yield from nested[:PARTS_AT_MOST]
        rest = nested[-1].get_payload()
    else:
        plain = Message()
        plain["Content-Transfer-Encoding"] = str(part.get("Content-Transfer-Encoding", "7bit"))
        plain.set_payload("\n".join(str(block) for block in nested) if nested else str(payload)[: 4 * TEXT_AT_MOST])
        rest = text_of(plain)
    if isinstance(rest, str) and ":" in rest:
        for text in re.split(r"\r?\n[ \t]*\r?\n", rest[:TEXT_AT_MOST])[:PARTS_AT_MOST]:
            yield email.message_from_string(text)


def text_of(part: Message) -> str:
    """Return the words of a text part, at most TEXT_AT_MOST characters of them; tags of HTML are left out."""
    try:
        payload = part.get_payload(decode=True)
        raw = payload[: 4 * TEXT_AT_MOST] if isinstance(payload, bytes) else b""
        text = raw.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError, AssertionError):
        text = str(part.get_payload())[: 4 * TEXT_AT_MOST]
    if part.get_content_subtype() == "html":
        text = html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
    return text[:TEXT_AT_MOST]


def header(message: Message, name: str) -> str:
    """Return the first header of a name on one line, cut to what is looked at; empty without one."""
    return next(headers(message, name), "")


def headers(message: Message, name: str) -> Iterator[str]:
    """Give the headers of a name, each on one line; a mail may repeat them as often as it likes."""
    for value in message.get_all(name, [])[:VALUES_AT_MOST]:
        yield " ".join(decoded(str(value)[:VALUE_AT_MOST]).split())


def decoded(value: str) -> str:
    """Return a header's text with its encoded words (RFC 2047) read; those that cannot be read stay."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def addresses_in(text: str) -> list[str]:
    """Return the addresses in a text; its cost is linear in the text's length, whatever stands there."""
    return [address.strip(".") for address in _ADDRESS.findall(text)]


def with_addresses_as(word: str, text: str) -> str:
    """Return a text on one line with a word in the place of each address that it repeats."""
    return _ADDRESS.sub(word, " ".join(text.split()))
