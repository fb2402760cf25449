"""Hand mails to a mail server over SMTP, over a few kept connections, and say how each handing over ended.

Every end is a value (`SendResult`). Exactly once is not possible over SMTP (RFC 1047): when the line is cut after the
content may have left, the end is `unknown`, and the caller decides about a second copy. Nothing here retries a mail.
"""

import asyncio
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import idna

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.bounce_parser import BounceKind, meaning_of
from workers.errors import Misconfigured
from workers.text.plain_text import for_reader, for_store

log = logging.getLogger(__name__)
T = TypeVar("T")
_IDLE_SECONDS = 20.0  # servers close idle connections after some 30 seconds and more
_NOT_ALLOWED = frozenset({530, 534, 535, 538})  # authentication replies (RFC 4954)
_TOO_LARGE = 552
_OUT_OF_STEP = frozenset({502, 503, 504})
"""Commands that a server does not expect here (RFC 5321, 4.2.2): nothing is said of the mail, as 500 may: too long."""
_GO_ON, _CLOSING = 354, 421
_PLAIN = re.compile(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SHOWN = 300  # signs of a server's reply that are kept as the reason
_NO_PORT = " on port None"  # the library's words for a connection that we opened
_TLS = ("offered", "required", "none")
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 90_000}
"""A peer that is gone without a word is noticed within 90 s, though a scanner may take its ten minutes (ms, else s)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that each step may take (RFC 5321, 4.5.3.2); giving up sooner sends second copies to a slow scanner."""

    connect: float = 20.0  # ours: the RFC says nothing of TCP
    greeting: float = 300.0
    command: float = 300.0
    data_begins: float = 120.0
    data_ends: float = 600.0
    goodbye: float = 5.0  # ours: nothing hangs on it

    def at_most(self, seconds: float | None) -> "Patience":
        """Return the same with no step above some seconds."""
        if seconds is None:
            return self
        return Patience(*(min(seconds, getattr(self, field.name)) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server's address: `smtp://[user:password@]host[:port][?tls=offered|required|none]`, or `smtps://`."""

    host: str
    port: int
    implicit_tls: bool
    tls: str
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Read BOUCLE_SMTP_URL; raise Misconfigured when it names no server."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        tls = parse_qs(parts.query).get("tls", ["offered"])[-1]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in _TLS:
            raise Misconfigured(
                ["BOUCLE_SMTP_URL is not like smtp://user:password@host:587 (or smtps://, or ...?tls=required|none)"]
            )
        return cls(
            parts.hostname,
            port or (465 if parts.scheme == "smtps" else 25),
            parts.scheme == "smtps",
            tls,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )

    @property
    def name(self) -> str:
        """Return how people read of this server, and what its state is kept under."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Show the address without the password, which must not reach a log."""
        return f"Server({self.host}:{self.port}, tls={'implicit' if self.implicit_tls else self.tls})"


class _Ended(Exception):
    """A step of the dialogue ended the handing over."""

    def __init__(self, result: SendResult, *, reusable: bool = False) -> None:
        super().__init__(result.text)
        self.result = result
        self.reusable = reusable


class SmtpSender:
    """Send over at most `connections` connections at a time; each is kept and used again.

    `timeout_seconds` shortens every step's time-out; without it each is the one of RFC 5321.
    """

    def __init__(self, url: str, connections: int = 4, *, timeout_seconds: float | None = None) -> None:
        self._server = Server.parse(url)
        self._patience = Patience().at_most(timeout_seconds)
        self._gate = asyncio.Semaphore(connections)
        self._free: list[tuple[aiosmtplib.SMTP, float]] = []
        self._hostname = socket.gethostname() or "localhost"

    @property
    def server(self) -> str:
        """Return the server's name, under which it is kept whether it is away."""
        return self._server.name

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Hand one mail over and return how it ended, without the address. Never raises."""
        return _without(recipient, await self._send(envelope_from, recipient, raw))

    async def _send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        async with self._gate:
            client = self._take()
            reused = client is not None
            while True:
                try:
                    client = client or await self._open()
                    result = await self._hand_over(client, envelope_from, recipient, raw)
                except _Ended as ended:
                    if reused and not ended.reusable and ended.result.code == 0 and ended.result.kind is SendKind.LATER:
                        client, reused = None, False  # the server had closed a kept connection: a fresh one may do
                        continue
                    if client is not None:
                        await self._give_back(client, reusable=ended.reusable)
                    return ended.result
                except BaseException:
                    if client is not None:
                        client.close()  # half a dialogue must not be used again
                    raise
                self._free.append((client, time.monotonic()))
                return result

    async def check(self, seconds: float = 30.0) -> SendResult:
        """Connect, greet and log in without sending a mail; a person waits, so no step may take longer than that."""
        try:
            client = await self._open(self._patience.at_most(seconds))
        except _Ended as ended:
            return _without("", ended.result)
        await self._leave(client)
        return SendResult(SendKind.ACCEPTED, 220, f"{self._server.host}:{self._server.port} answers")

    async def close(self) -> None:
        """Say goodbye on every kept connection; safe to call twice."""
        while self._free:
            await self._leave(self._free.pop()[0])

    async def _open(self, patience: Patience | None = None) -> aiosmtplib.SMTP:
        server, patience = self._server, patience or self._patience
        line = await _step(_dial(server.host, server.port, patience.connect), about_us=True)
        start_tls = {"offered": None, "required": True, "none": False}[server.tls]
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=line,
            username=server.user,
            password=server.password,
            use_tls=server.implicit_tls,
            start_tls=False if server.implicit_tls else start_tls,
            # On the machine itself no certificate can match, and there is no line to listen on.
            validate_certs=server.host not in _LOOPBACK,
            timeout=patience.command,
            local_hostname=self._hostname,
        )
        try:
            await _step(client.connect(timeout=patience.greeting), about_us=True)
            await _step(client.ehlo(), about_us=True)
        except BaseException:
            client.close()  # the line as well
            raise
        return client

    async def _hand_over(self, client: aiosmtplib.SMTP, sender: str, recipient: str, raw: bytes) -> SendResult:
        """Go through MAIL, RCPT and DATA; raise `_Ended` at the step that ends it."""
        sender, recipient = _ascii_domain(sender), _ascii_domain(recipient)
        options, encoding = [], "ascii"
        if not (sender + recipient).isascii():
            if not client.supports_extension("smtputf8"):
                text = "the address is not in ASCII before the @, and the mail server does not offer SMTPUTF8"
                raise _Ended(SendResult(SendKind.NEVER, 553, text), reusable=True)
            options, encoding = ["SMTPUTF8"], "utf-8"
        if _PLAIN.fullmatch(sender) and _PLAIN.fullmatch(recipient) and not options:
            from_us, to_them = f"FROM:<{sender}>".encode(), f"TO:<{recipient}>".encode()
            await _step(_command(client, b"MAIL", from_us), about_us=True, names_a_size=True)
            await _step(_command(client, b"RCPT", to_them))
        else:
            await _step(client.mail(sender, options=options, encoding=encoding), about_us=True, names_a_size=True)
            await _step(client.rcpt(recipient, encoding=encoding))
        begun = await _step(client.execute_command(b"DATA", timeout=self._patience.data_begins))
        if begun.code != _GO_ON:
            raise _Ended(_refused(begun.code, begun.message, about_us=False), reusable=_goes_on(begun.code))
        reply = await _step(_content(client, raw, self._patience.data_ends), content_left=True)
        if not 200 <= reply.code < 300:
            text, ours = f"{reply.code} {reply.message}", 400 <= reply.code < 600
            result = _refused(reply.code, reply.message, about_us=False) if ours else _cut(text, content_left=True)
            raise _Ended(result, reusable=_goes_on(reply.code))
        return SendResult(SendKind.ACCEPTED, reply.code, reply.message)

    def _take(self) -> aiosmtplib.SMTP | None:
        """Return the connection used last, if it is fresh enough; close those that are not."""
        while self._free:
            client, since = self._free.pop()
            if client.is_connected and time.monotonic() - since < _IDLE_SECONDS:
                return client
            client.close()
        return None

    async def _give_back(self, client: aiosmtplib.SMTP, *, reusable: bool) -> None:
        if reusable and client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.rset(timeout=self._patience.goodbye)
                self._free.append((client, time.monotonic()))
                return
        client.close()

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=self._patience.goodbye)
        client.close()


async def _dial(host: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to the first address of a host that takes one; raise OSError when none does in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            refused: OSError = OSError(f"{host} has no address")
            for family, kind, protocol, _, address in addresses:
                line = socket.socket(family, kind, protocol)
                try:
                    line.setblocking(False)
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    for name, value in _KEEP_ALIVE.items():
                        if hasattr(socket, name):
                            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
                    await loop.sock_connect(line, address)
                except OSError as error:
                    line.close()
                    refused = OSError(os.strerror(error.errno)) if error.errno else error
                except BaseException:
                    line.close()
                    raise
                else:
                    return line
            raise refused
    except TimeoutError as error:
        raise OSError(f"no connection to {host} port {port} within {seconds:g} s") from error
    except UnicodeError as error:
        raise OSError(f"{host} is no name that a name server could know") from error


async def _command(client: aiosmtplib.SMTP, name: bytes, argument: bytes) -> aiosmtplib.SMTPResponse:
    """Send MAIL or RCPT with an address that needs no quoting; the library reads it as a header's, which costs more."""
    reply = await client.execute_command(name, argument)
    if reply.code not in (250, 251):
        raise aiosmtplib.SMTPResponseException(reply.code, reply.message)
    return reply


async def _content(client: aiosmtplib.SMTP, raw: bytes, seconds: float) -> aiosmtplib.SMTPResponse:
    """Send the mail and the dot that ends it, and return the server's word. From the first byte on it may have it."""
    line = client.protocol
    if line is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    line.write(_stuffed(raw))
    return await line.read_response(timeout=seconds)


def _stuffed(raw: bytes) -> bytes:
    """Return a mail as it goes over the line: lines end in CRLF, leading dots are doubled, a dot ends it."""
    breaks = raw.count(b"\r\n")
    if raw.count(b"\n") != breaks or raw.count(b"\r") != breaks:  # ours never; what was kept by others may
        raw = re.sub(rb"\r\n|\n|\r", b"\r\n", raw)
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    return (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"


async def _step(
    doing: Awaitable[T], *, about_us: bool = False, names_a_size: bool = False, content_left: bool = False
) -> T:
    """Await one command; raise `_Ended` with what its failure means at this step, also one that nobody foresaw.

    What comes before a mail is named is about us, whatever its number; from MAIL on (`names_a_size`) 552 is the mail's.
    """
    try:
        return await doing
    except aiosmtplib.SMTPResponseException as error:
        if not 400 <= error.code < 600:
            text = f"{error.code} {error.message}"
            raise _Ended(_cut(text, content_left=content_left, everyone=about_us)) from error
        of_mail = names_a_size and error.code == _TOO_LARGE
        result = _refused(error.code, error.message, about_us=about_us and not of_mail)
        raise _Ended(result, reusable=_goes_on(error.code)) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        if about_us and _not_agreed(error):
            text = f"the mail server and BOUCLE_SMTP_URL do not agree: {error.__cause__ or error}"
            raise _Ended(SendResult(SendKind.OURS, 0, text, everyone=True)) from error
        said = str(error).replace(_NO_PORT, "") or type(error).__name__
        raise _Ended(_cut(said, content_left=content_left, everyone=about_us)) from error
    except ValueError as error:  # UnicodeError as well: the library refuses to write such a line
        if content_left:
            raise _Ended(_cut(_unforeseen(error), content_left=True)) from error
        text = "the address cannot be written in SMTP: it has signs that no line may have"
        raise _Ended(SendResult(SendKind.NEVER, 553, text)) from error
    except Exception as error:
        raise _Ended(_cut(_unforeseen(error), content_left=content_left)) from error


def _unforeseen(error: Exception) -> str:
    """Tell the log of what nobody foresaw, and return its name."""
    log.error("handing a mail over failed in a new way", exc_info=error, extra={"action": "smtp.failed"})
    return type(error).__name__


def _not_agreed(error: Exception) -> bool:
    """Say whether TLS or login failed because of settings, not because the server is away."""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return True
    return isinstance(error, aiosmtplib.SMTPException) and not isinstance(error, ConnectionError | TimeoutError)


def _without(recipient: str, result: SendResult) -> SendResult:
    """Return a result that can be kept: servers repeat the address in their replies, and send what is not UTF-8."""
    text = " ".join(for_reader(for_store(result.text)).split())
    if "@" not in text:
        return replace(result, text=text[:_SHOWN])
    for address in {recipient, _ascii_domain(recipient)} - {""}:
        text = re.sub(re.escape(address), "recipient", text, flags=re.IGNORECASE)
    return replace(result, text=text[:_SHOWN])


def _cut(text: str, *, content_left: bool, everyone: bool = False) -> SendResult:
    if content_left:
        return SendResult(SendKind.UNKNOWN, 0, f"cut after the content had left: {text}")
    if everyone:
        return SendResult(SendKind.LATER, 0, f"the mail server is away: {text}", everyone=True)
    return SendResult(SendKind.LATER, 0, f"the connection broke: {text}")


def _refused(code: int, text: str, *, about_us: bool) -> SendResult:
    """Return what a refusal means: 4xx later, 5xx never or ours; whatever comes before a recipient is ours, for all.

    A conversation that is out of step is begun again on another connection: the mail was not looked at.
    """
    if code < 500:
        return SendResult(SendKind.LATER, code, text, everyone=about_us)
    if code in _NOT_ALLOWED or about_us:
        return SendResult(SendKind.OURS, code, text, everyone=True)
    kind, status = meaning_of(f"{code} {text}")
    if code in _OUT_OF_STEP and kind != BounceKind.OURS and not status.startswith("5.1."):
        return SendResult(SendKind.LATER, code, text)
    return SendResult(SendKind.OURS if kind == BounceKind.OURS else SendKind.NEVER, code, text)


def _goes_on(code: int) -> bool:
    """Say whether the connection may be used for the next mail after a refusal."""
    return 400 <= code < 600 and code != _CLOSING and code not in _OUT_OF_STEP


def _ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it; what is no domain stays, and the server refuses it."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address
