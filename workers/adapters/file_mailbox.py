"""Keep mails in a folder instead of sending them: one readable file for each, for the laptop, the demo and tests.

Takes the same calls as the SMTP sender, and accepts what it can write. Writing the same mail again replaces its file.
"""

import email
import email.parser
import email.policy
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from workers.adapters.home import make_private_folder, open_private
from workers.domain.delivery_result import SendKind, SendResult
from workers.errors import Never

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_DISPATCH = re.compile(rb"^X-Boucle-Dispatch: *([^\r\n]+)\r?$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One line of the mailbox: `id` is the dispatch, `recipient` the address that it was handed over for."""

    id: str
    recipient: str
    to: str
    subject: str
    at: datetime | None
    language: str


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """One mail of the mailbox with both of its bodies and its bytes."""

    kept: KeptMail
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    raw: bytes


class MailboxSender:
    """Write each mail to `folder/<dispatch id>.eml`; half a file is never seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def server(self) -> str:
        """Return nothing: a folder is never away."""
        return ""

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Keep one mail, with the two lines that a mail server adds when it delivers. Never raises.

        A folder that cannot be written now is later; a mail without a name is never.
        """
        try:
            return self._keep(envelope_from, recipient, raw)
        except Never as error:
            return SendResult(SendKind.NEVER, 554, str(error))
        except OSError as error:
            return SendResult(SendKind.LATER, 452, f"the mailbox cannot be written: {error.strerror or error}")
        except Exception as error:  # the port promises not to raise
            log.exception("a mail cannot be kept", extra={"action": "mailbox.failed"})
            return SendResult(SendKind.LATER, 451, f"the mailbox failed: {type(error).__name__}")

    def _keep(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Write one mail; raise Never when it has no name, OSError when the folder cannot be written."""
        id = _dispatch_id(raw)
        make_private_folder(self._folder)
        head = f"Return-Path: <{_line(envelope_from)}>\r\nDelivered-To: {_line(recipient)}\r\n".encode()
        half = self._folder / f".{id}.half"  # one name, so that the next try takes what a killed process left
        try:
            with open_private(half) as file:
                file.write(head + raw)
        except OSError:
            half.unlink(missing_ok=True)
            raise
        half.replace(self._folder / f"{id}.eml")
        return SendResult(SendKind.ACCEPTED, 250, f"kept as {id}.eml")

    async def check(self) -> SendResult:
        """Say that the folder can be written."""
        make_private_folder(self._folder)
        return SendResult(SendKind.ACCEPTED, 250, f"mails are kept in {self._folder}")

    async def close(self) -> None:
        """Do nothing: there is nothing open."""

    def count(self) -> int:
        """Count the mails that are wholly written."""
        names = os.listdir(self._folder) if self._folder.is_dir() else []  # noqa: PTH208  # ten times faster
        return sum(name.endswith(".eml") and name[0] != "." for name in names)

    def list(self, limit: int = 50, offset: int = 0) -> Sequence[KeptMail]:
        """Return mails, the one that was written last first."""
        return list(self._opened(self._ids()[offset : offset + limit]))

    def read(self, id: str) -> OpenedMail:
        """Return one mail; raise Never when there is none of that id."""
        path = self._path(id)
        if not path.is_file():
            raise Never(f"there is no mail {id} in the mailbox; it may have been cleared")
        raw = path.read_bytes()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        headers = tuple((name, str(value)) for name, value in message.items())
        return OpenedMail(_kept(id, message), headers, _body(message, "plain"), _body(message, "html"), raw)

    def _ids(self) -> Sequence[str]:
        """Return the ids, the mail that was written last first; at one instant, the later dispatch."""
        if not self._folder.is_dir():
            return []
        with os.scandir(self._folder) as files:
            kept = [
                (file.stat().st_mtime_ns, file.name[:-4])
                for file in files
                if file.name.endswith(".eml") and file.name[0] != "."
            ]
        return [id for _, id in sorted(kept, reverse=True)]

    def _opened(self, ids: Sequence[str]) -> Iterator[KeptMail]:
        parser = email.parser.BytesHeaderParser(policy=email.policy.default)
        for id in ids:
            with self._path(id).open("rb") as file:
                yield _kept(id, parser.parse(file))

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id) or id.startswith("."):
            raise Never(f"{id!r} is not the id of a mail")
        return self._folder / f"{id}.eml"


def _dispatch_id(raw: bytes) -> str:
    match = _DISPATCH.search(raw.partition(b"\r\n\r\n")[0])
    id = match[1].decode("ascii", "replace").strip() if match else ""
    if not _ID.fullmatch(id) or id.startswith("."):
        raise Never("the mail has no X-Boucle-Dispatch header, so it has no name in the mailbox")
    return id


def _line(value: str) -> str:
    return value if value.isprintable() else "".join(sign for sign in value if sign.isprintable())


def _kept(id: str, message: EmailMessage) -> KeptMail:
    date = message["Date"]
    at = date.datetime.astimezone(UTC) if date is not None and date.datetime is not None else None
    text = {name: str(message.get(name, "")) for name in ("Delivered-To", "To", "Subject", "Content-Language")}
    return KeptMail(id, text["Delivered-To"], text["To"], text["Subject"], at, text["Content-Language"])


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
