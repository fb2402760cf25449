"""Hand mails to a mail server over SMTP, over a few kept connections, and say how each handing over ended.

Every end is a value (`SendResult`). Exactly once is not possible over SMTP (RFC 1047): when the line is cut after the
content may have left, the end is `unknown`, and the caller decides about a second copy. Nothing here retries a mail.
"""

import asyncio
import logging
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import aiosmtplib

from workers.adapters.smtp.answers import Ended, ascii_domain, cut, goes_on, refused, step, without_address
from workers.adapters.smtp.pipelining import CONTENT_AWAITED, TAKEN, Answers, Pipeline
from workers.adapters.smtp.server import Patience, Server, dial
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.compose.quoted import WholeLines
from workers.text.plain_text import for_log

log = logging.getLogger(__name__)
_IDLE_SECONDS = 20.0  # servers close idle connections after some 30 seconds and more
_PLAIN = re.compile(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection, with what asks several things at once where its server offers that."""

    client: aiosmtplib.SMTP
    pipeline: Pipeline | None


class SmtpSender:
    """Send over at most `connections` connections at a time; each is kept and used again.

    `timeout_seconds` shortens every step's time-out; without it each is the one of RFC 5321.
    """

    def __init__(self, url: str, connections: int = 4, *, timeout_seconds: float | None = None) -> None:
        self._server = Server.parse(url)
        self._patience = Patience().at_most(timeout_seconds)
        self._gate = asyncio.Semaphore(connections)
        self._free: list[tuple[Line, float]] = []
        self._one_by_one = False
        self._hostname = socket.gethostname() or "localhost"

    @property
    def server(self) -> str:
        """Return the server's name, under which it is kept whether it is away."""
        return self._server.name

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Hand one mail over and return how it ended, without the address. Never raises."""
        return without_address(recipient, await self._send(envelope_from, recipient, raw))

    async def _send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        async with self._gate:
            line = self._take()
            reused = line is not None
            while True:
                try:
                    line = line or await self._open()
                    result = await self._hand_over(line, envelope_from, recipient, raw)
                except Ended as ended:
                    if reused and not ended.reusable and ended.result.code == 0 and ended.result.kind is SendKind.LATER:
                        line, reused = None, False  # the server had closed a kept connection: a fresh one may do
                        continue
                    if line is not None:
                        await self._give_back(line, reusable=ended.reusable)
                    return ended.result
                except BaseException:
                    if line is not None:
                        line.client.close()  # half a dialogue must not be used again
                    raise
                self._free.append((line, time.monotonic()))
                return result

    async def check(self, seconds: float = 30.0) -> SendResult:
        """Connect, greet and log in without sending a mail; a person waits, so no step may take longer than that."""
        try:
            line = await self._open(self._patience.at_most(seconds))
        except Ended as ended:
            return without_address("", ended.result)
        await self._leave(line.client)
        return SendResult(SendKind.ACCEPTED, 220, f"{self._server.host}:{self._server.port} answers")

    async def close(self) -> None:
        """Say goodbye on every kept connection, on all at once; safe to call twice."""
        lines, self._free = self._free, []
        await asyncio.gather(*(self._leave(line.client) for line, _ in lines))

    async def _open(self, patience: Patience | None = None) -> Line:
        server, patience = self._server, patience or self._patience
        dialled = await step(dial(server.host, server.port, patience.connect), about_us=True)
        start_tls = {"offered": None, "required": True, "none": False}[server.tls]
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=dialled,
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
            await step(client.connect(timeout=patience.greeting), about_us=True)
            await step(client.ehlo(), about_us=True)
            return Line(client, await step(_pipeline_of(client), about_us=True))
        except BaseException:
            client.close()  # the line as well
            raise

    async def _hand_over(self, line: Line, sender: str, recipient: str, raw: bytes) -> SendResult:
        """Go through MAIL, RCPT and DATA; raise `Ended` at the step that ends it."""
        sender, recipient = ascii_domain(sender), ascii_domain(recipient)
        is_plain = _PLAIN.fullmatch(sender) and _PLAIN.fullmatch(recipient)
        if is_plain and line.pipeline is not None and not self._one_by_one:
            reply = await self._hand_over_at_once(line.pipeline, sender, recipient, _stuffed(raw))
            return SendResult(SendKind.ACCEPTED, reply.code, reply.message)
        if is_plain:
            from_us, to_them = f"FROM:<{sender}>".encode(), f"TO:<{recipient}>".encode()
            await step(_command(line.client, b"MAIL", from_us), about_us=True, names_a_size=True)
            await step(_command(line.client, b"RCPT", to_them))
            begun = await self._begin(line.client)
        else:
            begun = await self._name_oddly(line.client, sender, recipient)
        see_begun(begun)
        reply = await step(self._content(line, raw), content_left=True)
        see_taken(reply)
        return SendResult(SendKind.ACCEPTED, reply.code, reply.message)

    async def _hand_over_at_once(
        self, pipeline: Pipeline, sender: str, recipient: str, content: bytes
    ) -> aiosmtplib.SMTPResponse:
        """Send MAIL, RCPT and DATA in one write, and the content once all are taken; judge the answers one by one."""
        commands = f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
        patience = self._patience
        waits = (patience.command, patience.command, patience.data_begins)
        answers = await pipeline.ask(commands, waits, (content, patience.data_ends))
        if answers.accepted is not None:
            return answers.accepted
        try:
            await step(_named(answers, 0), about_us=True, names_a_size=True)
            await step(_named(answers, 1))
            begun = await step(answers.nth(2))
        except Ended as ended:
            ended.reusable = ended.reusable and answers.are_over
            if answers.given and (isinstance(answers.error, TimeoutError) or ended.is_out_of_step):
                self._one_by_one = True
                log.warning(
                    "the mail server offers PIPELINING and did not keep step: %s; it gets one command at a time",
                    for_log(ended.result.text),
                    extra={"action": "smtp.one_by_one"},
                )
            raise
        see_begun(begun)
        reply = await step(answers.nth(3), content_left=True)
        see_taken(reply)
        return reply

    async def _name_oddly(self, client: aiosmtplib.SMTP, sender: str, recipient: str) -> aiosmtplib.SMTPResponse:
        """Go through MAIL, RCPT and DATA with addresses that need quoting, or SMTPUTF8."""
        options, encoding = [], "ascii"
        if not (sender + recipient).isascii():
            if not client.supports_extension("smtputf8"):
                text = "the address is not in ASCII before the @, and the mail server does not offer SMTPUTF8"
                raise Ended(SendResult(SendKind.NEVER, 553, text), reusable=True)
            options, encoding = ["SMTPUTF8"], "utf-8"
        await step(client.mail(sender, options=options, encoding=encoding), about_us=True, names_a_size=True)
        await step(client.rcpt(recipient, encoding=encoding))
        return await self._begin(client)

    async def _begin(self, client: aiosmtplib.SMTP) -> aiosmtplib.SMTPResponse:
        return await step(client.execute_command(b"DATA", timeout=self._patience.data_begins))

    async def _content(self, line: Line, raw: bytes) -> aiosmtplib.SMTPResponse:
        """Send the mail and the dot that ends it; return the server's word. From the first byte on it may have it."""
        seconds = self._patience.data_ends
        if line.pipeline is not None:
            return await (await line.pipeline.ask(_stuffed(raw), (seconds,))).nth(0)
        protocol = line.client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(_stuffed(raw))
        return await protocol.read_response(timeout=seconds)

    def _take(self) -> Line | None:
        """Return the connection used last, if it is fresh enough; close those that are not."""
        while self._free:
            line, since = self._free.pop()
            if line.client.is_connected and time.monotonic() - since < _IDLE_SECONDS:
                return line
            line.client.close()
        return None

    async def _give_back(self, line: Line, *, reusable: bool) -> None:
        if reusable and line.client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await line.client.rset(timeout=self._patience.goodbye)
                self._free.append((line, time.monotonic()))
                return
        line.client.close()

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        try:
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=self._patience.goodbye)
        finally:
            client.close()


def see_begun(answer: aiosmtplib.SMTPResponse) -> None:
    """Raise `Ended` unless a server awaits the content."""
    if answer.code != CONTENT_AWAITED:
        raise Ended(refused(answer.code, answer.message, about_us=False), reusable=goes_on(answer.code))


def see_taken(answer: aiosmtplib.SMTPResponse) -> None:
    """Raise `Ended` unless a server took the content."""
    if not 200 <= answer.code < 300:
        text, ours = f"{answer.code} {answer.message}", 400 <= answer.code < 600
        result = refused(answer.code, answer.message, about_us=False) if ours else cut(text, content_left=True)
        raise Ended(result, reusable=goes_on(answer.code))


async def _pipeline_of(client: aiosmtplib.SMTP) -> Pipeline | None:
    """Return what asks several things at once, where the server offers it."""
    return Pipeline(client) if client.supports_extension("pipelining") else None


async def _command(client: aiosmtplib.SMTP, name: bytes, argument: bytes) -> aiosmtplib.SMTPResponse:
    """Send MAIL or RCPT with an address that needs no quoting; the library reads it as a header's, which costs more."""
    return _taken(await client.execute_command(name, argument))


async def _named(answers: Answers, number: int) -> aiosmtplib.SMTPResponse:
    """Return the answer to MAIL or RCPT."""
    return _taken(await answers.nth(number))


def _taken(reply: aiosmtplib.SMTPResponse) -> aiosmtplib.SMTPResponse:
    """Return the answer of a server that takes a sender or a recipient; raise the one of a server that does not."""
    if reply.code not in TAKEN:
        raise aiosmtplib.SMTPResponseException(reply.code, reply.message)
    return reply


def _stuffed(raw: bytes) -> bytes:
    """Return a mail as it goes over the line: lines end in CRLF, leading dots are doubled, a dot ends it."""
    if isinstance(raw, WholeLines):  # its writer looked already, while it was in pieces
        return (raw if raw.stuffed is None else raw.stuffed) + b".\r\n"
    breaks = raw.count(b"\r\n")
    if raw.count(b"\n") != breaks or raw.count(b"\r") != breaks:  # ours never; what was kept by others may
        raw = re.sub(rb"\r\n|\n|\r", b"\r\n", raw)
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    return (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"
