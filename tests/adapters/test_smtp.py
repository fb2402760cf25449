"""Handing mails over: one contract for the mailbox, a server in this process and a real one; then SMTP's own faults."""

import asyncio
import email
import email.policy
import shutil
import socket
import ssl
import subprocess
import uuid
from base64 import encodebytes
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import mailcatcher
import parts
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Session
from scripted import HELLO, HELLO_AT_ONCE, TAKEN, Scripted

from workers.adapters.file_mailbox import MailboxSender
from workers.adapters.smtp.sender import SmtpSender
from workers.devservices.places import free_port
from workers.domain.delivery_result import SendKind, SendResult
from workers.errors import Misconfigured

Sender = MailboxSender | SmtpSender
FROM = "bounce+token@example.org"
BODY = "Été\r\n.dot\r\n\r\n..two dots\r\n" + "long " * 150


@dataclass(frozen=True, slots=True)
class Place:
    """One implementation: how to send, and how to read what arrived for an address."""

    make: Callable[[], Sender]
    arrived: Callable[[str, int], list[EmailMessage]]


@pytest.fixture(params=["mailbox", "catcher", "postfix"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each implementation in turn; postfix only where the machine has it."""
    if request.param == "mailbox":
        return Place(lambda: MailboxSender(tmp_path), lambda to, n: in_mailbox(MailboxSender(tmp_path), to))
    if request.param == "catcher":
        catcher: mailcatcher.MailCatcher = request.getfixturevalue("smtp_catcher")
        return Place(lambda: SmtpSender(catcher.url, 3), lambda to, n: [mail.message for mail in catcher.to(to)])
    real: parts.RealMail = request.getfixturevalue("real_smtp")
    return Place(lambda: SmtpSender(real.url, 3), lambda to, n: real.wait_for(to, n))


def in_mailbox(box: MailboxSender, to: str) -> list[EmailMessage]:
    """Return the mails that were kept for an address."""
    mails = [box.read(kept.id) for kept in box.list(1000) if kept.recipient == to]
    return [email.message_from_bytes(mail.raw, policy=email.policy.default) for mail in mails]


def mail(to: str) -> bytes:
    """Return a mail with a dispatch id of its own."""
    head = f"From: a@example.org\r\nTo: {to}\r\nSubject: Test\r\nX-Boucle-Dispatch: {uuid.uuid4()}\r\n"
    kind = 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return (head + kind).encode() + encodebytes(BODY.encode()).replace(b"\n", b"\r\n")


def fresh(name: str = "camille") -> str:
    """Return an address that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:10]}@example.com"


def send(sender: Sender, *mails: tuple[str, bytes]) -> list[SendResult]:
    """Send mails at the same time and return how each ended."""

    async def everything() -> list[SendResult]:
        try:
            return list(await asyncio.gather(*(sender.send(FROM, to, raw) for to, raw in mails)))
        finally:
            await sender.close()

    return asyncio.run(everything())


def test_an_accepted_mail_arrives_as_it_was(place: Place) -> None:
    """What is accepted can be read at the other end, dots, accents and long lines included."""
    to = fresh()
    [result] = send(place.make(), (to, mail(to)))
    assert result.kind is SendKind.ACCEPTED
    assert result.code == 250
    [arrived] = place.arrived(to, 1)
    assert arrived["Subject"] == "Test"
    assert arrived.get_content().replace("\r\n", "\n") == BODY.replace("\r\n", "\n")
    assert FROM in str(arrived["Return-Path"] or FROM)


def test_many_mails_at_once_arrive_once_each(place: Place) -> None:
    """More mails than connections wait for their turn; none is lost, none comes twice."""
    addresses = [fresh("many") for _ in range(20)]
    results = send(place.make(), *((to, mail(to)) for to in addresses))
    assert {result.kind for result in results} == {SendKind.ACCEPTED}
    assert [len(place.arrived(to, 1)) for to in addresses] == [1] * 20


def test_a_check_sends_nothing(place: Place) -> None:
    """Asking whether the other side is there is no mail."""

    async def check(sender: Sender) -> SendResult:
        try:
            return await sender.check()
        finally:
            await sender.close()

    assert asyncio.run(check(place.make())).kind is SendKind.ACCEPTED


@pytest.fixture(params=["catcher", "postfix"])
def server(request: pytest.FixtureRequest) -> str:
    """Give the URL of a server that refuses `refused-...` for ever and `later-...` for now."""
    if request.param == "postfix":
        return str(request.getfixturevalue("real_smtp").url)
    return str(request.getfixturevalue("smtp_catcher").url)


def test_refusals_are_told_apart(server: str, request: pytest.FixtureRequest) -> None:
    """4xx is later, 5xx is never, and both leave the connection fit for the next mail."""
    refused, later, good = fresh("refused"), fresh("later"), fresh("good")
    if "catcher" in request.node.callspec.id:
        catcher: mailcatcher.MailCatcher = request.getfixturevalue("smtp_catcher")
        catcher.refuse(refused)
        catcher.refuse(later, "450 4.2.1 Mailbox busy, try again later")
    ends = send(SmtpSender(server, 1), *((to, mail(to)) for to in (refused, later, good)))
    assert [end.kind for end in ends] == [SendKind.NEVER, SendKind.LATER, SendKind.ACCEPTED]
    assert [end.code for end in ends] == [550, 450, 250]
    assert "No such mailbox" in ends[0].text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("550 5.7.1 Relaying denied", SendKind.OURS),
        ("554 5.7.26 Unauthenticated mail is not accepted", SendKind.OURS),
        ("530 Authentication required", SendKind.OURS),
        ("550 5.1.8 Bad sender's system address", SendKind.OURS),
        ("550 5.7.13 User account disabled", SendKind.NEVER),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", SendKind.NEVER),
        ("550 This account is locked", SendKind.NEVER),
        ("550 5.7.1 No such user here", SendKind.NEVER),
        ("550 5.1.1 No such user", SendKind.NEVER),
        ("552 5.2.2 Mailbox full", SendKind.NEVER),
        ("550 no", SendKind.NEVER),
        ("451 4.7.1 Greylisted", SendKind.LATER),
        ("421 4.3.2 Shutting down", SendKind.LATER),
        ("502 5.5.1 Not implemented", SendKind.LATER),
        ("503 Bad sequence of commands", SendKind.LATER),
        ("503 5.5.1 No valid recipients", SendKind.LATER),
        ("504 5.5.4 Parameter not implemented", SendKind.LATER),
        ("504 5.5.2 here: Helo command rejected: need fully-qualified hostname", SendKind.OURS),
        ("501 5.1.3 Bad recipient address syntax", SendKind.NEVER),
        ("503 5.1.1 No such user", SendKind.NEVER),
    ],
)
def test_a_refusal_because_of_us_is_not_the_recipients(
    smtp_catcher: mailcatcher.MailCatcher, answer: str, kind: SendKind
) -> None:
    """5.7.x and missing authentication pause sending; nobody is suppressed for it."""
    at_recipient, after_data = fresh(), fresh()
    smtp_catcher.refuse(at_recipient, answer)
    smtp_catcher.refuse_data(after_data, answer)
    ends = send(SmtpSender(smtp_catcher.url, 2), (at_recipient, mail(at_recipient)), (after_data, mail(after_data)))
    assert [end.kind for end in ends] == [kind, kind]


def test_a_line_cut_before_250_is_unknown(smtp_catcher: mailcatcher.MailCatcher) -> None:
    """The server may have the mail; only the caller can decide about a second copy. The next mail goes on."""
    cut, good = fresh(), fresh()
    smtp_catcher.cut_before_250(cut)
    ends = send(SmtpSender(smtp_catcher.url, 1), (cut, mail(cut)), (good, mail(good)))
    assert [end.kind for end in ends] == [SendKind.UNKNOWN, SendKind.ACCEPTED]
    assert len(smtp_catcher.to(cut)) == 1


def test_a_server_that_is_away_is_later(unused_port: int) -> None:
    """Nothing was sent, so nothing is lost."""
    [end] = send(SmtpSender(f"smtp://127.0.0.1:{unused_port}"), (fresh(), mail("a@b.example")))
    assert end.kind is SendKind.LATER
    assert "away" in end.text


@pytest.fixture
def unused_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_kept_connection_that_the_server_closed_is_replaced(tmp_path: Path) -> None:
    """A server may close an idle connection at any time; the mail goes over a fresh one."""
    server = Scripted([*HELLO, *TAKEN, ""], [*HELLO, *TAKEN, "221 bye"])

    async def two() -> list[SendResult]:
        sender = SmtpSender(server.url, 1)
        ends = [await sender.send(FROM, "a@b.example", mail("a@b.example")) for _ in range(2)]
        await sender.close()
        return ends

    assert [end.kind for end in asyncio.run(two())] == [SendKind.ACCEPTED] * 2
    server.close()
    assert server.connections == 2


def test_connections_are_used_again() -> None:
    """Mails one after the other go over one connection."""
    server = Scripted([*HELLO, *TAKEN, *TAKEN, *TAKEN, "221 bye"])

    async def three() -> set[SendKind]:
        sender = SmtpSender(server.url, 1)
        ends = [await sender.send(FROM, "a@b.example", mail("a@b.example")) for _ in range(3)]
        await sender.close()
        return {end.kind for end in ends}

    assert asyncio.run(three()) == {SendKind.ACCEPTED}
    server.close()
    assert server.connections == 1


@pytest.mark.parametrize("hello", [HELLO, HELLO_AT_ONCE], ids=["one by one", "pipelining"])
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (["554 go away"], SendKind.OURS),
        (["421 busy"], SendKind.LATER),
        ([*HELLO, "550 5.1.8 Bad sender"], SendKind.OURS),
        (["451 4.3.2 Come back"], SendKind.LATER),
        ([*HELLO, "452 4.3.1 Disk full"], SendKind.LATER),
        ([*HELLO, "552 5.3.4 Too large"], SendKind.NEVER),
        ([*HELLO, "250 ok", "250 ok", "554 no content"], SendKind.NEVER),
        ([*HELLO, "250 ok", "250 ok", ""], SendKind.LATER),
        ([*HELLO, "250 ok", "250 ok", "250 odd"], SendKind.LATER),
        ([*HELLO, "250 ok", "250 ok", "451 4.3.0 Not now"], SendKind.LATER),
        ([*HELLO, "250 ok", ""], SendKind.LATER),
        ([*HELLO, "250 ok", "250 ok", "354 go", ""], SendKind.UNKNOWN),
        ([*HELLO, "250 ok", "250 ok", "354 go", "DOT nonsense"], SendKind.UNKNOWN),
    ],
)
def test_each_step_ends_as_it_should(script: list[str], kind: SendKind, hello: list[str | bytes]) -> None:
    """Before a recipient is named a 5xx is about us; before the content has left a cut is later; after it unknown."""
    server = Scripted([*hello, *script[2:]] if script[:2] == HELLO else script)
    [end] = send(SmtpSender(server.url, 1, timeout_seconds=5), ("a@b.example", mail("a@b.example")))
    assert end.kind is kind
    named_a_recipient = any(line.startswith("RCPT") for line in server.lines)
    assert end.everyone is (kind in (SendKind.OURS, SendKind.LATER) and not named_a_recipient)
    server.close()


@pytest.mark.parametrize("hello", [HELLO, HELLO_AT_ONCE], ids=["one by one", "pipelining"])
@pytest.mark.parametrize("step", [["503 RCPT?"], ["250 ok", "503 DATA?"], ["250 ok", "354 go", "503 what?"]])
def test_a_conversation_out_of_step_is_begun_again_on_another_connection(
    step: list[str], hello: list[str | bytes]
) -> None:
    """The server lost its place, not the mailbox: the mail waits, and the next one does not meet the same state."""
    server = Scripted([*hello, "250 ok", *step, "221 bye"], [*hello, *TAKEN, "221 bye"])

    async def two() -> list[SendKind]:
        sender = SmtpSender(server.url, 1, timeout_seconds=5)
        ends = [await sender.send(FROM, "a@b.example", mail("a@b.example")) for _ in range(2)]
        await sender.close()
        return [end.kind for end in ends]

    assert asyncio.run(two()) == [SendKind.LATER, SendKind.ACCEPTED]
    server.close()


BEFORE_A_MAIL: dict[str, list[str | bytes]] = {
    "greeting": [],
    "EHLO and HELO": ["220 scripted"],
    "AUTH": ["220 scripted", b"250-scripted\r\n250 AUTH PLAIN"],
}


@pytest.mark.parametrize("code", [421, 451, 454, 500, 521, 550, 552, 553, 554])
@pytest.mark.parametrize("step", list(BEFORE_A_MAIL))
def test_whatever_is_refused_before_a_mail_is_named_is_no_mails_fault(step: str, code: int) -> None:
    """No number that a server gives to a stranger, or to a login, ends a mail: all wait, and one asks again."""
    said = f"{code} 5.5.0 no"
    server = Scripted([*BEFORE_A_MAIL[step], said, said, said])
    url = server.url.replace("smtp://", "smtp://me:secret@") if step == "AUTH" else server.url
    [end] = send(SmtpSender(url, 1, timeout_seconds=5), ("a@b.example", mail("a@b.example")))
    assert end.everyone
    assert end.kind is (SendKind.LATER if code < 500 else SendKind.OURS)
    server.close()


def test_a_server_that_hangs_up_is_told_without_a_port_that_is_none() -> None:
    """The reason is read by operators."""
    server = Scripted([""])
    [end] = send(SmtpSender(server.url, 1, timeout_seconds=5), ("a@b.example", mail("a@b.example")))
    assert "away" in end.text
    assert "None" not in end.text
    server.close()


def test_a_silent_server_does_not_hold_us_for_ever() -> None:
    """A time-out before the content is later."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        [end] = send(SmtpSender(url, 1, timeout_seconds=0.2), ("a@b.example", mail("a@b.example")))
    assert end.kind is SendKind.LATER


def test_a_local_part_outside_ascii_needs_the_server_to_say_so(smtp_catcher: mailcatcher.MailCatcher) -> None:
    """With SMTPUTF8 it is sent, without it it fails with that reason; a domain outside ASCII always works."""
    [sent] = send(SmtpSender(smtp_catcher.url), ("zoé@example.com", mail("x@example.com")))
    assert sent.kind is SendKind.ACCEPTED
    assert smtp_catcher.to("zoé@example.com")
    server = Scripted([*HELLO, "250 reset", "221 bye"])
    [refused] = send(SmtpSender(server.url, 1), ("zoé@example.com", mail("x@example.com")))
    server.close()
    assert refused.kind is SendKind.NEVER
    assert "SMTPUTF8" in refused.text
    [idn] = send(SmtpSender(smtp_catcher.url), ("anna@bücher.example", mail("x@example.com")))
    assert idn.kind is SendKind.ACCEPTED
    assert smtp_catcher.to("anna@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "url", ["localhost:25", "http://mail.example", "smtp://", "smtp://h:port", "smtp://h?tls=maybe"]
)
def test_a_wrong_address_of_the_server_stops_the_start(url: str) -> None:
    """The message says how the setting is written."""
    with pytest.raises(Misconfigured, match="BOUCLE_SMTP_URL"):
        SmtpSender(url)


def test_the_password_is_not_shown() -> None:
    """A log line with the server has no secret."""
    assert "hunter2" not in repr(SmtpSender("smtp://me:hunter2@mail.example:587")._server)


def test_reasons_do_not_repeat_the_address(smtp_catcher: mailcatcher.MailCatcher) -> None:
    """A reply that quotes the recipient is kept without it: reasons stand in logs."""
    to = fresh()
    smtp_catcher.refuse(to, f"550 5.1.1 <{to.upper()}>: no such mailbox {to}")
    [end] = send(SmtpSender(smtp_catcher.url), (to, mail(to)))
    assert end.text == "5.1.1 <recipient>: no such mailbox recipient"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    program = shutil.which("openssl") or parts.missing("There is no openssl: apt-get install openssl.")
    folder = tmp_path_factory.mktemp("tls")
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=mail.example"]
    subprocess.run([program, "req", "-x509", "-nodes", *curve, *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


class TlsServer:
    """A server that offers STARTTLS and remembers whether mails came over it."""

    def __init__(self, host: str, certificate: ssl.SSLContext) -> None:
        self.over_tls: list[bool] = []
        self.controller = Controller(self, hostname=host, port=free_port(), tls_context=certificate)
        self.url = f"smtp://{host}:{self.controller.port}"

    async def handle_DATA(self, server: object, session: Session, envelope: object) -> str:  # aiosmtpd's name
        self.over_tls.append(session.ssl is not None)
        return "250 OK"


@pytest.mark.parametrize(
    ("host", "query", "kind", "over_tls"),
    [
        ("127.0.0.1", "", SendKind.ACCEPTED, [True]),
        ("127.0.0.1", "?tls=none", SendKind.ACCEPTED, [False]),
        ("127.0.0.2", "", SendKind.OURS, []),  # stands for any other machine
    ],
)
def test_starttls_is_used_when_offered_and_its_certificate_checked(
    certificate: ssl.SSLContext, host: str, query: str, kind: SendKind, over_tls: list[bool]
) -> None:
    """Mails are protected on their way where the server can; a certificate that cannot be trusted stops sending."""
    server = TlsServer(host, certificate)
    server.controller.start()
    try:
        [end] = send(SmtpSender(server.url + query), ("a@b.example", mail("a@b.example")))
    finally:
        server.controller.stop()
    assert (end.kind, server.over_tls) == (kind, over_tls)


def test_required_protection_that_is_not_offered_stops_sending(smtp_catcher: mailcatcher.MailCatcher) -> None:
    """With tls=required nothing is sent in clear."""
    [end] = send(SmtpSender(f"{smtp_catcher.url}?tls=required"), ("a@b.example", mail("a@b.example")))
    assert end.kind is SendKind.OURS
    assert smtp_catcher.mails == []
