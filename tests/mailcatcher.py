"""A mail server in the test's own process: keeps what it takes, and answers with faults that a test scripts.

Faults are set by recipient, because a recipient is what a test chooses. It stores nothing on disk.
"""

import asyncio
import email
import email.policy
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from workers.devservices.places import free_port


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail as it was handed over."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)


@dataclass(slots=True)
class Fault:
    """An answer other than 250 and how many times it is still given; `times` below 0: always."""

    answer: str
    times: int


@dataclass  # without slots: aiosmtpd looks at every attribute, and Python 3.11.2 breaks on the one slots add
class MailCatcher:
    """The server as tests see it: `url`, `mails`, and the faults to answer with."""

    port: int = field(default_factory=free_port)
    caught: list[CaughtMail] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    at_recipient: dict[str, Fault] = field(default_factory=dict)
    after_data: dict[str, Fault] = field(default_factory=dict)
    cuts: dict[str, Fault] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """The address for BOUCLE_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[CaughtMail]:
        """Every mail whose last byte arrived, also those whose sender was not told 250."""
        with self.changed:
            return list(self.caught)

    def to(self, recipient: str) -> list[CaughtMail]:
        """Return the mails to one recipient."""
        return [mail for mail in self.mails if recipient in mail.recipients]

    def refuse(self, recipient: str, answer: str = "550 5.1.1 No such mailbox", times: int = -1) -> None:
        """Answer RCPT TO for this recipient with a fault: 4xx is later, 5xx is never."""
        self.at_recipient[recipient] = Fault(answer, times)

    def refuse_data(self, recipient: str, answer: str = "554 5.7.1 Not accepted", times: int = -1) -> None:
        """Answer the mail itself with a fault, after its last byte; such a mail is not kept."""
        self.after_data[recipient] = Fault(answer, times)

    def cut_before_250(self, recipient: str, times: int = 1) -> None:
        """Keep the mail, but cut the connection before 250, so that the sender cannot know."""
        self.cuts[recipient] = Fault("", times)

    def wait_for(self, count: int, seconds: float = 30.0) -> list[CaughtMail]:
        """Return all mails once there are at least `count`; fail the test when they do not come."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while len(self.caught) < count:
                if not self.changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    pytest.fail(f"Waited {seconds:g} s in vain for {count} mails; {len(self.caught)} came.")
            return list(self.caught)

    def clear(self) -> None:
        """Forget mails, attempts and faults."""
        with self.changed:
            self.caught.clear()
            self.attempts.clear()
        for faults in (self.at_recipient, self.after_data, self.cuts):
            faults.clear()

    async def handle_RCPT(  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or answer with the scripted fault."""
        with self.changed:
            self.attempts[address] += 1
        if fault := due(self.at_recipient, [address]):
            return fault.answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # as above
        """Keep the mail, or answer with the scripted fault, or cut the line."""
        if fault := due(self.after_data, envelope.rcpt_tos):
            return fault.answer
        mail = CaughtMail(envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.original_content or b""))
        with self.changed:
            self.caught.append(mail)
            self.changed.notify_all()
        if due(self.cuts, envelope.rcpt_tos):
            transport = server.transport
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        return "250 2.0.0 OK: kept"


def due(faults: dict[str, Fault], recipients: list[str]) -> Fault | None:
    """Return the fault for one of the recipients if it is still to be given, and count it."""
    for recipient in recipients:
        fault = faults.get(recipient)
        if fault is not None and fault.times != 0:
            fault.times -= 1
            return fault
    return None


def serve(catcher: MailCatcher) -> Controller:
    """Start serving in a thread of its own; the caller stops the controller."""
    controller = Controller(
        catcher,
        hostname="127.0.0.1",
        port=catcher.port,
        enable_SMTPUTF8=True,
        ready_timeout=20,
        server_hostname="catcher",
    )
    controller.start()
    return controller
