"""Put a mail into bytes: headers that nobody can add to, two parts, the same bytes for the same mail.

Written by hand instead of with email.message: an encoded line break in a subject made a real `Bcc:` header there
(CPython 3.11.7), and its quoted-printable in Python is the slowest step. The head of every mail is read again, line by
line, and its header names are compared. What is the same in many mails is encoded once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

import idna

from workers.domain.mail.compose.quoted import WholeLines
from workers.errors import Never
from workers.text.mail_addresses import ascii_form
from workers.text.plain_text import UNSAFE

FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]|=\\?")
_LOCAL = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]{1,64}")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_LINE_BREAKS = re.compile("\r\n|\r|\n")
_HEADS = {
    kind: f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
    for kind in ("plain", "html")
}
_FIELD = re.compile(r"([!-9;-~]+): [^\x00-\x08\x0a-\x1f\x7f]*")
"""A line that begins a header (RFC 5322, 2.2); one that begins with a space or a tab goes on with it."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready to leave; `raw` never changes again."""

    message_id: str
    raw: bytes
    subject: str
    return_path: str
    recipient: str
    language: str


def survey_message_id(request_id: str, domain: str) -> str:
    """Return the Message-ID of a survey mail, so that later mails can name the survey they belong to."""
    return f"<survey.{request_id}@{domain}>"


def message_id(dispatch_id: str, domain: str) -> str:
    """Return the Message-ID of every other mail: the effect key, the same on each resend."""
    return f"<{dispatch_id}@{domain}>"


def ascii_domain(address: str) -> str:
    """Return an address in its envelope form; raise Never, with the reason, when it is no address."""
    local, at, domain = address.strip().rpartition("@")
    try:
        ascii_name = ascii_form(domain)
    except idna.IDNAError as error:
        raise Never(f"the domain of the recipient's address is not valid: {error}") from error
    if (
        not at
        or not _LOCAL.fullmatch(local)
        or "=?" in local
        or UNSAFE.search(local)
        or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", ascii_name)
    ):
        raise Never("the recipient's address is not a mail address; correct it in the CRM")
    return f"{local}@{ascii_name}"


def mailbox(name: str, address: str) -> str:
    """Return a header value that shows a name and holds an address."""
    return f"{_shown(name)} <{address}>" if name else address


@lru_cache(maxsize=1024)
def _shown(name: str) -> str:
    if not name.isascii():
        return Header(name, "utf-8", maxlinelen=70).encode(linesep="\r\n")
    return name if _ATOMS.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=1024)
def subject_header(subject: str) -> str:
    """Return a subject as header value, in encoded words where it is not ASCII (RFC 2047)."""
    if subject.isascii() and len(subject) < 66:
        return subject
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


@lru_cache(maxsize=64)
def date_header(at: datetime) -> str:
    """Return an instant as RFC 5322 (3.3) writes it, with its own offset."""
    return format_datetime(at)


def refuse_unsafe(name: str, value: str) -> str:
    """Return a header's text; raise Never when it could end the header or begin an encoded word."""
    if FORBIDDEN.search(value):
        raise Never(f"the header {name} would hold a control character or '=?'; the mail is not sent")
    return value


def assemble(headers: Sequence[tuple[str, str]], text: bytes, html: bytes, boundary: str) -> bytes:
    """Return the mail's bytes, of parts in quoted-printable: WholeLines, where these are.

    Raises Never unless exactly the headers that were put in can be read in them.
    """
    every = [*headers, ("MIME-Version", "1.0"), ("Content-Type", f'multipart/alternative; boundary="{boundary}"')]
    head = "".join(f"{name}: {value}\r\n" for name, value in every)
    if header_names(head) != [name for name, _ in every]:
        raise Never("the mail's headers are not those that were meant; it is not sent")
    mark = f"--{boundary}".encode()
    pieces = (
        b"%b\r\n%b\r\n%b" % (head.encode(), mark, _HEADS["plain"]),
        text,
        b"\r\n%b\r\n%b" % (mark, _HEADS["html"]),
        html,
        b"\r\n%b--\r\n" % mark,
    )
    raw = b"".join(pieces)
    if not isinstance(text, WholeLines) or not isinstance(html, WholeLines):
        return raw
    if not head.count("\r") == head.count("\n") == head.count("\r\n"):
        return raw
    if text.stuffed is None and html.stuffed is None:
        return WholeLines(raw)
    stuffed = b"".join((pieces[0], text.stuffed or text, pieces[2], html.stuffed or html, pieces[4]))
    return WholeLines.of(raw, stuffed)


def header_names(head: str) -> list[str] | None:
    """Return the names of the headers that a reader finds, whatever it takes for the end of a line.

    None where a line neither begins a header nor goes on with one: there a reader may end the head.
    """
    names: list[str] = []
    for line in _LINE_BREAKS.split(head.removesuffix("\r\n")):
        if line[:1] in (" ", "\t") and names and line.strip():
            continue
        begun = _FIELD.fullmatch(line)
        if begun is None:
            return None
        names.append(begun[1])
    return names
