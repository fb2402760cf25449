"""The folder of an IMAP server that returned mails come to: imaps://USER:PASSWORD@HOST[:PORT]/FOLDER.

Plain `imap://` begins TLS before it signs in, unless the server is on this machine. The first bytes of each mail are
fetched and nothing is marked by it; what the sender is done with is marked as seen, what it cannot read as flagged too.
"""

import imaplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from workers.domain.mail.bounce_parser import HEAD_BYTES
from workers.domain.mail.bounce_parser.letters import Item, Letter
from workers.errors import BadInput, Misconfigured, NotNow

SCHEMES = ("imap", "imaps")
TIMEOUT_SECONDS = 30.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
AWAY = (imaplib.IMAP4.abort, OSError, EOFError)
FETCHED = f"(BODY.PEEK[]<0.{HEAD_BYTES}>)"


@dataclass(slots=True)
class ImapFolder:
    """A folder of an IMAP server; one connection for each reading."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: bool = True
    _client: imaplib.IMAP4 | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "ImapFolder":
        """Read an address; raises Misconfigured for one that names no server, without repeating its password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in SCHEMES or not parts.hostname or not parts.username:
            raise Misconfigured(["BOUCLE_BOUNCES is not like imaps://user:password@host/INBOX"])
        return cls(
            parts.hostname,
            port or (993 if parts.scheme == "imaps" else 143),
            unquote(parts.username),
            unquote(parts.password or ""),
            unquote(parts.path.strip("/")) or "INBOX",
            parts.scheme == "imaps",
        )

    def __str__(self) -> str:
        """Return the address without user and password, for logs and the audit."""
        return f"imap{'s' if self.tls else ''}://{self.host}:{self.port}/{self.folder}"

    def items(self, *, fresh: bool) -> Iterator[Item]:
        """Give each mail of the folder, or each that was not seen yet. Raises NotNow and BadInput."""
        try:
            client = self._client = self._open(read_only=not fresh)
            try:
                _, ids = client.uid("SEARCH", "UNSEEN" if fresh else "ALL")
                for uid in (ids[0] or b"").split():
                    name = f"{self.folder};UID={uid.decode()}"
                    yield Item(name, iter([Letter(name, self._fetch(client, uid.decode()))]))
            finally:
                self._client = None
                self._leave(client)
        except AWAY as error:
            raise NotNow(f"{self} does not answer: {error}") from error
        except imaplib.IMAP4.error as error:
            raise BadInput(f"{self} refuses: {error}") from error

    def put_away(self, name: str, *, readable: bool) -> None:
        """Mark a mail as seen, and one that could not be read as flagged too; only while `items` is being read.

        Raises NotNow.
        """
        flags = "(\\Seen)" if readable else "(\\Seen \\Flagged)"
        if self._client is None:
            raise NotNow(f"{self} is not open")
        try:
            self._client.uid("STORE", name.rpartition("=")[2], "+FLAGS.SILENT", flags)
        except AWAY as error:
            raise NotNow(f"{self} does not answer: {error}") from error

    def _open(self, *, read_only: bool) -> imaplib.IMAP4:
        if self.tls:
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                self.host, self.port, ssl_context=ssl.create_default_context(), timeout=TIMEOUT_SECONDS
            )
        else:
            client = imaplib.IMAP4(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if not self.tls and self.host not in LOOPBACK:
                client.starttls(ssl.create_default_context())
            client.login(self.user, self.password)
            quoted = self.folder.replace("\\", "\\\\").replace('"', '\\"')
            state, answer = client.select(f'"{quoted}"', readonly=read_only)
            if state != "OK":
                raise imaplib.IMAP4.error(f"no folder {self.folder} ({(answer[0] or b'').decode(errors='replace')})")
        except BaseException:
            self._leave(client)
            raise
        return client

    @staticmethod
    def _fetch(client: imaplib.IMAP4, uid: str) -> bytes:
        _, data = client.uid("FETCH", uid, FETCHED)
        return next((bytes(part[1]) for part in data if isinstance(part, tuple)), b"")[:HEAD_BYTES]

    @staticmethod
    def _leave(client: imaplib.IMAP4) -> None:
        try:
            client.logout()
        except (imaplib.IMAP4.error, OSError, EOFError):
            client.shutdown()
