"""One contract of everything that takes mails: it never raises, whatever it is given and however its other side fails.

Run on the local mailbox, on SMTP against servers in this process, and on the fake of the tests, which fails as they do.
"""

import asyncio
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path

import mailcatcher
import pytest
from postroom import LATER, NEVER, NO_SUCH, OURS, Postman
from scripted import HELLO, TAKEN, Scripted

from workers.adapters.file_mailbox import MailboxSender
from workers.adapters.smtp.sender import SmtpSender
from workers.domain.delivery_result import SendKind, SendResult
from workers.usecases.delivery.handing_over import MailSender

FROM = "bounce+token@example.org"
RAW = b"From: a@example.org\r\nTo: b@example.org\r\nX-Boucle-Dispatch: 1-2-3\r\nSubject: x\r\n\r\n.dot\r\n"
NAMES = count(1)
ADDRESSES = {
    "plain": "camille@example.com",
    "empty": "",
    "no domain": "camille",
    "accents": "zoé@exämple.fr",
    "line break": "a@example.com>\r\nRCPT TO:<b@example.com",
    "nul": "a\x00b@example.com",
    "surrogate": "a\udce9b@example.com",
    "long": "a" * 5_000 + "@example.com",
    "bad domain": "a@" + "x" * 70 + ".é..com",
    "spaces": " a b @ c ",
}
BODIES = {
    "plain": RAW,
    "empty": b"",
    "no header": b"hello",
    "nul": b"\x00" * 50,
    "8 bit": RAW + b"\xe9\xff\r\n",
    "lone line ends": RAW + b"a\rb\nc",
    "dots": RAW + b".\r\n..\r\n.\r\nMAIL FROM:<x@example.org>\r\n",
    "path": RAW.replace(b"1-2-3", b"../../etc/passwd"),
}
Make = Callable[[], MailSender]


@pytest.fixture(params=["mailbox", "smtp", "fake"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Each implementation in turn, with another side that takes what it can."""
    if request.param == "mailbox":
        return lambda: MailboxSender(tmp_path)
    if request.param == "fake":
        return Postman
    catcher: mailcatcher.MailCatcher = request.getfixturevalue("smtp_catcher")
    return lambda: SmtpSender(catcher.url, 1, timeout_seconds=10)


def send(sender: MailSender, *mails: tuple[str, bytes], envelope_from: str = FROM) -> list[SendResult]:
    """Send mails one after the other and return how each ended."""

    async def everything() -> list[SendResult]:
        try:
            return [await sender.send(envelope_from, to, raw) for to, raw in mails]
        finally:
            if isinstance(sender, SmtpSender):
                await sender.close()

    return asyncio.run(everything())


def fits(end: SendResult) -> None:
    """Check what every end must be: storable text on one short line, and a kind that goes with its code."""
    assert isinstance(end, SendResult)
    assert end.text.encode("utf-8").decode("utf-8").isprintable()
    assert len(end.text) <= 300
    assert end.kind is not SendKind.ACCEPTED or 200 <= end.code < 300
    assert not (end.everyone and end.kind in (SendKind.ACCEPTED, SendKind.UNKNOWN, SendKind.NEVER))


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_whatever_the_address_a_sender_answers(make: Make, address: str) -> None:
    """An address that cannot be written is that mail's own end, and the next mail goes on."""
    odd, good = send(make(), (address, RAW), ("good@example.com", RAW))
    fits(odd)
    assert odd.kind in (SendKind.ACCEPTED, SendKind.NEVER)
    assert good.kind is SendKind.ACCEPTED


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
def test_whatever_the_mail_a_sender_answers(make: Make, raw: bytes) -> None:
    """Bytes that are no mail leave nothing behind that breaks the next one."""
    odd, good = send(make(), ("a@example.com", raw), ("good@example.com", RAW))
    fits(odd)
    assert odd.kind in (SendKind.ACCEPTED, SendKind.NEVER)
    assert good.kind is SendKind.ACCEPTED


def test_what_a_mail_holds_begins_no_other_mail(smtp_catcher: mailcatcher.MailCatcher) -> None:
    """A dot alone on its line is content."""
    before = len(smtp_catcher.mails)
    [end] = send(SmtpSender(smtp_catcher.url, 1), ("dots@example.com", BODIES["dots"]))
    assert end.kind is SendKind.ACCEPTED
    assert len(smtp_catcher.mails) == before + 1
    assert smtp_catcher.to("dots@example.com")[0].content.replace(b"\r\n..", b"\r\n.").count(b"MAIL FROM") == 1


@pytest.mark.parametrize("where", ["file", "missing", "name"])
def test_a_folder_that_cannot_be_written_is_later(tmp_path: Path, where: str) -> None:
    """The mailbox's own faults: nothing is lost, it is tried again."""
    (tmp_path / "taken").write_text("a file where the folder should be", encoding="utf-8")
    folder = {"file": tmp_path / "taken", "missing": tmp_path / "taken" / "under", "name": tmp_path / ("x" * 300)}[
        where
    ]
    [end] = send(MailboxSender(folder), ("a@example.com", RAW))
    fits(end)
    assert end.kind is SendKind.LATER
    assert not end.everyone


REPLIES = {
    "latin": b"250 accept\xe9",
    "binary": b"\xff\xfe\x00\x01",
    "nul": b"250 o\x00k",
    "escape": b"250 \x1b[2Jok\xc2\x85",
    "no code": b"hello there",
    "short": b"25",
    "odd code": b"999 what",
    "minus": b"-50 what",
    "wide digits": "２５０ ok".encode(),
    "long": b"250 " + b"x" * 9_000,
    "endless": b"250-x\r\n" * 6_000 + b"250 x",
    "later": b"451 4.3.0 sp\xe4ter",
    "never": b"550 5.1.1 gibt\xb4s nicht",
    "cut": b"",
}
STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "end")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_whatever_a_server_says_at_any_step_is_an_end(reply: bytes, step: str) -> None:
    """Only after the content has left is an end unknown; only there does 250 take it."""
    script: list[str | bytes] = [*HELLO, *TAKEN]
    place = STEPS.index(step)
    script[place] = b"DOT " + reply if step == "end" and reply else reply
    if step == "data" and reply[:1] in (b"4", b"5"):
        script[place + 1 :] = ["250 reset", "221 bye"]
    server = Scripted(script, [])
    [end] = send(SmtpSender(server.url, 1, timeout_seconds=5), ("a@example.com", RAW))
    fits(end)
    assert end.kind is not SendKind.UNKNOWN or step == "end"
    assert not end.everyone or place <= STEPS.index("mail")
    taken_as_250 = reply.startswith(b"250") and len(reply) < 1_000
    if step == "end":
        expected = {"later": SendKind.LATER, "never": SendKind.NEVER}
        named = next(name for name, value in REPLIES.items() if value == reply)
        assert end.kind is expected.get(named, SendKind.ACCEPTED if taken_as_250 else SendKind.UNKNOWN)
    elif not taken_as_250:
        assert end.kind in (SendKind.LATER, SendKind.OURS, SendKind.NEVER)


@pytest.mark.parametrize("url", ["smtp://a..b:25", "smtp://" + "x" * 70 + ".example:25", "smtp://no.such.invalid:25"])
def test_a_name_that_no_name_server_knows_is_a_server_that_is_away(url: str) -> None:
    """Whatever the resolver raises for it."""
    [end] = send(SmtpSender(url, 1, timeout_seconds=10), ("a@example.com", RAW))
    fits(end)
    assert (end.kind, end.everyone) == (SendKind.LATER, True)


def test_a_server_that_hangs_up_at_once_is_away() -> None:
    """Connections that are taken and dropped say nothing about a mail."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    [end] = send(SmtpSender(f"smtp://127.0.0.1:{port}", 1), ("a@example.com", RAW))
    assert (end.kind, end.everyone, end.code) == (SendKind.LATER, True, 0)


@pytest.mark.parametrize("end", [LATER, NEVER, NO_SUCH, OURS], ids=lambda end: str(end.kind))
def test_the_fake_fails_as_servers_do(smtp_catcher: mailcatcher.MailCatcher, end: SendResult) -> None:
    """What a test scripts for the fake is what SMTP gives for the same reply."""
    to = f"same-{next(NAMES)}@example.com"
    smtp_catcher.refuse(to, end.text)
    [real] = send(SmtpSender(smtp_catcher.url, 1), (to, RAW))
    [fake] = send(Postman({to: [end]}), (to, RAW))
    assert (real.kind, real.code, real.everyone) == (fake.kind, fake.code, fake.everyone)
