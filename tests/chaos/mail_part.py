"""A mail server in a process of its own, which can be killed and stopped: keeps what it takes in a journal of lines.

`python mail_part.py PORT JOURNAL`. Addresses that begin with `refused-` are answered 550, those with `later-` 450 the
first time. A line is written before the 250 is said, as a real server queues a mail before it says so.
"""

import asyncio
import email
import email.policy
import hashlib
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from crowd import LATER, REFUSED

ANSWER = re.compile(r"/a/([A-Za-z0-9_.~=%-]+)")


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of the journal: a mail that was taken, or (without Message-ID) an address that was put off."""

    recipient: str
    message_id: str = ""
    digest: str = ""
    link: str = ""


class Keeper:
    """Takes mails."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._put_off = {mail.recipient for mail in read_journal(journal) if not mail.message_id}

    def _keep(self, taken: Taken) -> None:
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(taken)) + "\n")

    async def handle_RCPT(  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, put it off once, or refuse it."""
        if address.startswith(REFUSED):
            return "550 5.1.1 No such mailbox"
        if address.startswith(LATER) and address not in self._put_off:
            self._put_off.add(address)
            self._keep(Taken(address))
            return "450 4.2.1 Mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # as above
        """Keep a mail, then say so."""
        content = bytes(envelope.original_content or b"")
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain",))
        link = ANSWER.search(body.get_content() if body is not None else "")
        digest = hashlib.sha256(content).hexdigest()
        self._keep(Taken(envelope.rcpt_tos[0], str(message["Message-ID"]), digest, link[1] if link else ""))
        return "250 2.0.0 OK: kept"


def read_journal(journal: Path, skip: int = 0) -> list[Taken]:
    """Return what the journal has after so many lines; what a kill has torn was not kept."""
    try:
        lines = journal.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [Taken(**json.loads(line)) for line in lines[skip:] if line.endswith("}")]


async def serve(port: int, journal: Path) -> None:
    """Serve until killed."""
    controller = Controller(
        Keeper(journal), hostname="127.0.0.1", port=port, enable_SMTPUTF8=True, ready_timeout=20, server_hostname="part"
    )
    controller.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
