"""Put a mail into bytes: headers that nobody can add to, two parts, the same bytes for the same mail.

Written by hand instead of with email.message: an encoded line break in a subject made a real `Bcc:` header there
(CPython 3.11.7), and its quoted-printable in Python is the slowest step. Every mail is parsed again and its header
names are compared.
"""

import re
from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import format_datetime

import idna

from workers.errors import Never
from workers.text.mail_addresses import ascii_form
from workers.text.plain_text import UNSAFE

FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]|=\\?")
_LOCAL = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]{1,64}")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_PARSER = BytesHeaderParser(policy=compat32)


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
    if not name:
        return address
    if not name.isascii():
        return f"{Header(name, 'utf-8', maxlinelen=70).encode(linesep=chr(13) + chr(10))} <{address}>"
    quoted = name if _ATOMS.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{quoted} <{address}>"


def subject_header(subject: str) -> str:
    """Return a subject as header value, in encoded words where it is not ASCII (RFC 2047)."""
    if subject.isascii() and len(subject) < 66:
        return subject
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


def date_header(at: datetime) -> str:
    """Return an instant as RFC 5322 writes it."""
    return format_datetime(at)


def refuse_unsafe(name: str, value: str) -> str:
    """Return a header's text; raise Never when it could end the header or begin an encoded word."""
    if FORBIDDEN.search(value):
        raise Never(f"the header {name} would hold a control character or '=?'; the mail is not sent")
    return value


def assemble(headers: Sequence[tuple[str, str]], text: str, html: str, boundary: str) -> bytes:
    """Return the mail's bytes; raise Never unless a parser finds exactly the headers that were put in."""
    every = [*headers, ("MIME-Version", "1.0"), ("Content-Type", f'multipart/alternative; boundary="{boundary}"')]
    head = "".join(f"{name}: {value}\r\n" for name, value in every).encode()
    found = _PARSER.parsebytes(head + b"\r\n").keys()
    if found != [name for name, _ in every]:
        raise Never("the mail's headers are not those that were meant; it is not sent")
    mark = f"--{boundary}".encode()
    return b"\r\n".join(
        (head, mark, _part("plain", text), mark, _part("html", html), mark + b"--", b""),
    )


def _part(kind: str, body: str) -> bytes:
    """Return one part in quoted-printable: readable, seven bits, lines of at most 76 (RFC 2045)."""
    encoded = b2a_qp(body.encode().replace(b"\n", b"\r\n"), istext=True)
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
        + encoded
    )
