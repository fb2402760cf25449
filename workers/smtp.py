"""Hand mails to a mail server over SMTP, over a few kept connections, and say how each handing over ended.

Every end is a value (`SendResult`). Exactly once is not possible over SMTP (RFC 1047): when the line is cut after the
content may have left, the end is `unknown`, and the caller decides about a second copy. Nothing here retries a mail.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import idna

from workers.bounces import BounceKind, meaning_of
from workers.handover import SendKind, SendResult
from workers.words import Misconfigured

_IDLE_SECONDS = 20.0  # servers close idle connections after some 30 seconds and more
_NOT_ALLOWED = frozenset({530, 534, 535, 538})  # authentication replies (RFC 4954)
_TOO_LARGE = 552
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SHOWN = 300  # signs of a server's reply that are kept as the reason
_TLS = ("offered", "required", "none")


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
    """Send over at most `connections` connections at a time; each is kept and used again."""

    def __init__(self, url: str, connections: int = 4, *, timeout_seconds: float = 30.0) -> None:
        self._server = Server.parse(url)
        self._timeout = timeout_seconds
        self._gate = asyncio.Semaphore(connections)
        self._free: list[tuple[aiosmtplib.SMTP, float]] = []
        self._hostname = socket.gethostname() or "localhost"

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Hand one mail over and return how it ended, without the address: no server fault is raised as an error."""
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

    async def check(self) -> SendResult:
        """Connect, greet and log in without sending a mail."""
        try:
            client = await self._open()
        except _Ended as ended:
            return ended.result
        await self._leave(client)
        return SendResult(SendKind.ACCEPTED, 220, f"{self._server.host}:{self._server.port} answers")

    async def close(self) -> None:
        """Say goodbye on every kept connection; safe to call twice."""
        while self._free:
            await self._leave(self._free.pop()[0])

    async def _open(self) -> aiosmtplib.SMTP:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.implicit_tls,
            start_tls=False if server.implicit_tls else {"offered": None, "required": True, "none": False}[server.tls],
            # On the machine itself no certificate can match, and there is no line to listen on.
            validate_certs=server.host not in _LOOPBACK,
            timeout=self._timeout,
            local_hostname=self._hostname,
        )
        await _step(client.connect(), about_us=True)
        await _step(client.ehlo(), about_us=True)
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
        await _step(client.mail(sender, options=options, encoding=encoding), about_us=True)
        await _step(client.rcpt(recipient, encoding=encoding))
        reply = await _step(client.data(raw), content_left=True)
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
                await client.rset()
                self._free.append((client, time.monotonic()))
                return
        client.close()

    @staticmethod
    async def _leave(client: aiosmtplib.SMTP) -> None:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()
        client.close()


async def _step(
    doing: Awaitable[aiosmtplib.SMTPResponse], *, about_us: bool = False, content_left: bool = False
) -> aiosmtplib.SMTPResponse:
    """Await one command; raise `_Ended` with what its failure means at this step."""
    try:
        return await doing
    except aiosmtplib.SMTPResponseException as error:
        if not 400 <= error.code < 600:
            raise _Ended(_cut(f"{error.code} {error.message}", content_left=content_left)) from error
        result = _refused(error.code, error.message, about_us=about_us)
        raise _Ended(result, reusable=error.code != 421) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        if about_us and _not_agreed(error):
            text = f"the mail server and BOUCLE_SMTP_URL do not agree: {error.__cause__ or error}"
            raise _Ended(SendResult(SendKind.OURS, 0, text, everyone=True)) from error
        raise _Ended(_cut(str(error) or type(error).__name__, content_left=content_left)) from error


def _not_agreed(error: Exception) -> bool:
    """Say whether TLS or login failed because of settings, not because the server is away."""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return True
    return isinstance(error, aiosmtplib.SMTPException) and not isinstance(error, ConnectionError | TimeoutError)


def _without(recipient: str, result: SendResult) -> SendResult:
    """Servers repeat the address in their replies; it belongs into no log and no reason."""
    text = " ".join(result.text.split())
    for address in (recipient, _ascii_domain(recipient)):
        text = re.sub(re.escape(address), "recipient", text, flags=re.IGNORECASE)
    return replace(result, text=text[:_SHOWN])


def _cut(text: str, *, content_left: bool) -> SendResult:
    if content_left:
        return SendResult(SendKind.UNKNOWN, 0, f"cut after the content had left: {text}")
    return SendResult(SendKind.LATER, 0, f"the mail server is away: {text}")


def _refused(code: int, text: str, *, about_us: bool) -> SendResult:
    """Return what a refusal means: 4xx later, 5xx never or ours; whatever comes before a recipient is ours, for all."""
    if code < 500:
        return SendResult(SendKind.LATER, code, text)
    if code in _NOT_ALLOWED or (about_us and code != _TOO_LARGE):
        return SendResult(SendKind.OURS, code, text, everyone=True)
    kind, _ = meaning_of(f"{code} {text}")
    return SendResult(SendKind.OURS if kind == BounceKind.OURS else SendKind.NEVER, code, text)


def _ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it; what is no domain stays, and the server refuses it."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address
