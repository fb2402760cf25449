"""A small SMTP server for this machine that keeps every mail in a Maildir and sends none on.

A program of its own (`python -m workers.devservices.catcher PORT MAILDIR`), so that it outlives the command that
started it. It takes whatever is handed to it: for trying things out, not for the outside world.
"""

import mailbox
import signal
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL_BYTES = 10_000_000


class Keeper:
    """Put each accepted mail into a Maildir, with its envelope as the headers a mail server adds."""

    def __init__(self, directory: str) -> None:
        self.directory = mailbox.Maildir(directory, create=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """Store the mail, then accept it."""
        content = envelope.original_content or b""
        recipients = "".join(f"X-Original-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
        self.directory.add(f"Return-Path: <{envelope.mail_from}>\r\n{recipients}".encode() + content)
        return "250 OK: kept"


def main(port: int, directory: str) -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    over = threading.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: over.set())
    controller = Controller(
        Keeper(directory), hostname="127.0.0.1", port=port, data_size_limit=LARGEST_MAIL_BYTES, enable_SMTPUTF8=True
    )
    controller.start()
    over.wait()
    controller.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
