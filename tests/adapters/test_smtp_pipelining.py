"""Several commands in one write: the same ends as one by one, whatever a server makes of them."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress

import pytest
from scripted import HELLO_AT_ONCE, TAKEN, Scripted

from workers.adapters.smtp.sender import SmtpSender
from workers.domain.delivery_result import SendKind, SendResult

FROM = "bounce+token@example.org"
MAIL = b"Subject: Test\r\n\r\n.dot\r\n"
AT_ONCE = re.compile(rb"MAIL FROM:.*\r\nRCPT TO:.*\r\nDATA\r\n")


def send(sender: SmtpSender, *recipients: str) -> list[SendResult]:
    """Send a mail to each, one after the other, and return how each ended."""

    async def everything() -> list[SendResult]:
        ends = [await sender.send(FROM, recipient, MAIL) for recipient in recipients]
        await sender.close()
        return ends

    return asyncio.run(everything())


class Chunks:
    """A server that keeps what came in one piece, and answers each piece with the next ones of a script."""

    def __init__(self, answers: Sequence[Sequence[bytes]]) -> None:
        self.pieces: list[bytes] = []
        self._answers = iter(answers)
        self._talks: list[asyncio.Task[None]] = []

    async def send(self, *recipients: str, seconds: float = 20) -> list[SendResult]:
        """Send mails to it over one sender with one connection."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        sender = SmtpSender(f"smtp://{host}:{port}?tls=none", 1, timeout_seconds=seconds)
        async with server:
            ends = [await sender.send(FROM, recipient, MAIL) for recipient in recipients]
            await sender.close()
            await asyncio.gather(*self._talks)
        return ends

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.append(asyncio.ensure_future(self._talk(reader, writer)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 chunks\r\n")
        while piece := await reader.read(65536):
            self.pieces.append(piece)
            if piece.startswith(b"EHLO"):
                writer.write(b"250-chunks\r\n250 PIPELINING\r\n")
                continue
            for part in next(self._answers, [b"221 bye\r\n"]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)


def test_commands_go_out_in_one_piece_and_answers_are_read_however_they_come() -> None:
    """Two writes a mail; the answers may come together, apart, over several lines, or byte by byte."""
    together = [b"250 ok\r\n250 ok\r\n354 go\r\n"]
    by_lines = [b"250-first\r\n", b"250 second\r\n25", b"0 ok\r\n354", b" go\r\n"]
    by_bytes = [bytes([sign]) for sign in b"250-a\r\n250 b\r\n251 c\r\n354 d\r\n"]
    server = Chunks(
        [step for named in (together, by_lines, by_bytes) for step in (named, [b"250-2.0.0\r\n250 kept\r\n"])]
    )
    ends = asyncio.run(server.send("a@b.example", "c@d.example", "e@f.example"))
    assert [(end.kind, end.code, end.text) for end in ends] == [(SendKind.ACCEPTED, 250, "2.0.0 kept")] * 3
    mails = [piece for piece in server.pieces if piece.startswith(b"MAIL")]
    assert [bool(AT_ONCE.fullmatch(piece)) for piece in mails] == [True] * 3
    assert server.pieces.count(b"Subject: Test\r\n\r\n..dot\r\n.\r\n") == 3


def test_a_refused_recipient_leaves_the_connection_to_the_next_mail() -> None:
    """The refusal counts, not what follows from it; the answers behind it are read, and are nobody's."""
    refused = ["250 ok", "550 5.1.1 No such user", "503 5.5.1 No valid recipients", "250 reset"]
    server = Scripted([*HELLO_AT_ONCE, *refused, *TAKEN, "221 bye"])
    ends = send(SmtpSender(server.url, 1, timeout_seconds=5), "a@b.example", "c@d.example")
    server.close()
    assert [(end.kind, end.code) for end in ends] == [(SendKind.NEVER, 550), (SendKind.ACCEPTED, 250)]
    assert server.connections == 1


@pytest.mark.parametrize("refused", [["250 ok", "550 5.1.1 No such user"], ["452 4.3.1 Disk full", "503 MAIL?"]])
def test_a_server_that_asks_for_content_all_the_same_gets_none(refused: list[str]) -> None:
    """Not even an empty mail: the connection is given up, which ends that conversation without one."""
    server = Scripted([*HELLO_AT_ONCE, *refused, "354 go", "DOT 250 taken"], [*HELLO_AT_ONCE, *TAKEN, "221 bye"])
    ends = send(SmtpSender(server.url, 1, timeout_seconds=5), "a@b.example", "c@d.example")
    server.close()
    assert [end.kind for end in ends] == [SendKind.NEVER if "550" in refused[1] else SendKind.LATER, SendKind.ACCEPTED]
    assert ends[0].everyone is ("452" in refused[0])
    assert (server.connections, server.lines.count(".")) == (2, 1)


@pytest.mark.parametrize(
    ("answers", "everyone"), [([], True), ([b"250 ok\r\n"], False), ([b"250 ok\r\n250 ok\r\n"], False)]
)
def test_a_server_that_answers_only_some_is_given_up_in_time(answers: list[bytes], everyone: bool) -> None:
    """Before MAIL is answered it is the server's fault, for all; after it this mail alone waits."""
    [end] = asyncio.run(Chunks([answers]).send("a@b.example", seconds=0.5))
    assert (end.kind, end.code, end.everyone) == (SendKind.LATER, 0, everyone)


@pytest.mark.parametrize("odd", [[b"250 ok\r\n503 RCPT?\r\n503 DATA?\r\n"], [b"250 ok\r\n"]])
def test_a_server_that_does_not_keep_step_gets_one_command_at_a_time(odd: list[bytes]) -> None:
    """It offers what it does not do: the mail waits, and from then on nothing is sent ahead."""
    server = Chunks([odd, *([answer] for answer in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 taken\r\n"))])
    ends = asyncio.run(server.send("a@b.example", "c@d.example", seconds=0.5))
    assert [end.kind for end in ends] == [SendKind.LATER, SendKind.ACCEPTED]
    commands = [piece for piece in server.pieces if piece.startswith((b"MAIL", b"RCPT", b"DATA"))]
    assert [piece.count(b"\r\n") for piece in commands] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    "nonsense",
    [b"what?\r\n", b"250" + b"-" + b"x" * 9000 + b"\r\n", b"250-more\r\n" * 4000],
    ids=["no code", "line", "all"],
)
def test_nonsense_ends_a_mail_and_fills_no_memory(nonsense: bytes) -> None:
    """An answer that is none, or has no end, is the server's fault; nothing of the mail has left."""
    [end] = asyncio.run(Chunks([[nonsense]]).send("a@b.example", seconds=5))
    assert (end.kind, end.code, end.everyone) == (SendKind.LATER, 0, True)


def test_an_answer_too_many_is_not_that_to_the_next_mail() -> None:
    """What comes behind the last answer is dropped, as what comes between two mails."""
    named, kept = [b"250 ok\r\n250 ok\r\n354 go\r\n"], [b"250 kept\r\n550 5.1.1 No such user\r\n"]
    ends = asyncio.run(Chunks([named, kept, named, kept]).send("a@b.example", "c@d.example"))
    assert [end.kind for end in ends] == [SendKind.ACCEPTED] * 2
