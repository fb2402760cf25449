"""Several commands in one write, where a server offers it (RFC 2920), and what it answered to each.

The library reads one answer to each command and drops what comes with it. So a connection that it has opened gets this
protocol in front: while several answers are awaited they are read here, and everything else goes on to the library's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiosmtplib

_LONGEST_LINE = 8192
_LONGEST_ANSWER = 4 * _LONGEST_LINE
"""Bytes, as the library has them: an answer without an end must not fill the memory."""
_AFTER_REFUSAL = 5.0
"""Seconds that the answers behind a refusal may take: nothing hangs on them but the connection."""
CONTENT_AWAITED = 354
ANSWERS_TO_A_MAIL = 4
"""To MAIL, RCPT, DATA and the content."""
TAKEN = (250, 251)
"""How a server answers to a sender or a recipient that it takes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a server answered to some commands, in their order, and what kept it from answering the rest."""

    given: Sequence[aiosmtplib.SMTPResponse]
    wanted: int
    error: Exception | None = None

    async def nth(self, number: int) -> aiosmtplib.SMTPResponse:
        """Return one answer; raise what kept it from coming."""
        if number < len(self.given):
            return self.given[number]
        raise self.error or aiosmtplib.SMTPServerDisconnected("Connection lost")

    @property
    def accepted(self) -> aiosmtplib.SMTPResponse | None:
        """Return the last answer where a mail was taken with its content; None where anything was otherwise."""
        is_whole = len(self.given) == ANSWERS_TO_A_MAIL and 200 <= self.given[-1].code < 300
        return self.given[-1] if is_whole else None

    @property
    def are_over(self) -> bool:
        """Tell whether the next command may follow: all came, and the server awaits no content."""
        return len(self.given) == self.wanted and self.given[-1].code != CONTENT_AWAITED


class Pipeline(asyncio.Protocol):
    """Asks several things at once over a connection that the library has opened."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        if client.protocol is None or client.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._library = client.protocol
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._answers: list[aiosmtplib.SMTPResponse] = []
        self._waits: Sequence[float] = ()
        self._content: tuple[bytes, float] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = bytearray()
        client.transport.set_protocol(self)

    async def ask(self, commands: bytes, waits: Sequence[float], content: tuple[bytes, float] | None = None) -> Answers:
        """Send commands and return an answer to each, or those that came; `waits` has the seconds each may take.

        `content` is a mail, with the seconds that its answer may take: it follows MAIL, RCPT and DATA by itself when
        the server takes all three, so that nobody has to be woken for it, and its answer comes as the fourth.
        """
        self._answers, self._waits, self._content = [], waits, content
        self._waiter = waiter = self._loop.create_future()
        self._until = self._loop.time() + waits[0]
        self._timer = self._loop.call_at(self._until, self._look_at_the_clock)
        try:
            self._library.write(commands)
            await waiter
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answers(self._answers, len(self._waits), error)
        finally:
            self._waiter = self._content = None
            self._timer.cancel()
            self._buffer.clear()
        return Answers(self._answers, len(self._waits))

    def data_received(self, data: bytes) -> None:
        """Read answers while some are awaited; everything else is the library's affair."""
        if self._waiter is None:
            self._library.data_received(data)
            return
        self._buffer += data
        try:
            while len(self._answers) < len(self._waits) and (answer := self._read()) is not None:
                self._answers.append(answer)
                self._prolong(answer)
            if self._content is not None and awaits_content(self._answers):
                self._go_on(*self._content)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._fail(error)
        if len(self._answers) == len(self._waits) and not self._waiter.done():
            self._waiter.set_result(None)

    def eof_received(self) -> bool | None:
        """End what is awaited: no more will come."""
        self._fail(aiosmtplib.SMTPServerDisconnected("Unexpected EOF received"))
        return self._library.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is awaited, and let the library know."""
        lost = aiosmtplib.SMTPServerDisconnected("Connection lost")
        lost.__cause__ = exc
        self._fail(lost)
        self._library.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the other side reads slowly."""
        self._library.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the other side reads again."""
        self._library.resume_writing()

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _prolong(self, answer: aiosmtplib.SMTPResponse) -> None:
        """Let the next answer take its own time, and little where this one is a refusal."""
        if len(self._answers) < len(self._waits):
            wait = self._waits[len(self._answers)]
            self._until = self._loop.time() + (wait if answer.code < 400 else min(wait, _AFTER_REFUSAL))
            if self._timer is not None and self._until < self._timer.when():
                self._timer.cancel()
                self._timer = self._loop.call_at(self._until, self._look_at_the_clock)

    def _go_on(self, content: bytes, seconds: float) -> None:
        """Send what the server awaits; its answer is one more that is waited for."""
        self._content, self._waits = None, (*self._waits, seconds)
        self._buffer.clear()  # what came before it is no answer to it
        self._until = self._loop.time() + seconds
        self._library.write(content)

    def _look_at_the_clock(self) -> None:
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look_at_the_clock)
        else:
            self._fail(aiosmtplib.SMTPReadTimeoutError("Timed out waiting for server response"))

    def _read(self) -> aiosmtplib.SMTPResponse | None:
        """Take one whole answer out of what has come; None while it is not whole. Raises SMTPResponseException."""
        begin, texts = 0, list[bytes]()
        while (end := self._buffer.find(b"\n", begin)) >= 0:
            line = bytes(self._buffer[begin : end + 1])
            if len(line) > _LONGEST_LINE or end >= _LONGEST_ANSWER:
                break
            if not line[:3].isdigit():
                said = line.decode("utf-8", "ignore")
                raise aiosmtplib.SMTPResponseException(-1, f"Malformed SMTP response line: {said}")
            begin = end + 1
            texts.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                del self._buffer[:begin]
                text = b"\n".join(texts).lstrip(b"\n")
                return aiosmtplib.SMTPResponse(int(line[:3]), text.decode("utf-8", "surrogateescape"))
        if end >= 0 or len(self._buffer) > _LONGEST_ANSWER:
            raise aiosmtplib.SMTPResponseException(-1, "Response too long")
        return None


def awaits_content(answers: Sequence[aiosmtplib.SMTPResponse]) -> bool:
    """Tell whether a server has taken MAIL and RCPT, and awaits what follows DATA."""
    if len(answers) < ANSWERS_TO_A_MAIL - 1:
        return False
    mail, recipient, data = answers
    return mail.code in TAKEN and recipient.code in TAKEN and data.code == CONTENT_AWAITED
