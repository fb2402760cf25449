"""Returned mails of any shape: each is read or set aside, follows only from a path of ours, and stops nothing."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest
from bouncecorpus import cases
from campaign import Campaign, smaller_bytes
from embedded import Embedded, journey
from mutations import PIECES, changed_bytes, changed_lines
from returnedmails import COMPLAINT, LETTER, NESTED, OUT_OF_OFFICE, PATH, QMAIL, dsn

from workers.domain.mail.bounce_parser.letters import Letter
from workers.domain.records import Dispatch
from workers.usecases.bounces.intake import COUNTED, UNREADABLE

MAILS = 5_000
SIGNED = b"bounce+SIGNED@boucle.example"
MAIL_PIECES = (
    *PIECES,
    *(
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: multipart/report; boundary=b\n\n--b\n",
        b"\n--b\n",
        b"--b--",
    ),
    *(
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: uuencode\n",
        b"; charset=idna\n",
        b"=?x?q?=?=",
    ),
    *(
        b"charset*0*=utf-8''%ff; charset*1=x",
        b"Status: 5.1.1\n",
        b"Status: 9.9.9\n",
        b"Action: delayed\n",
        b"=?b?B?/?=",
    ),
    *(b"Final-Recipient: rfc822;\n", b"Final-Recipient: utf-8; \\x{1F600}@x\n", b"Content-Type: a/b; a*=''; a*1*=b\n"),
    *(b"Auto-Submitted: auto-replied\n", b"From MAILER Mon Jan  1 00:00:00 2026\n", b"Date: x, 99 Foo 99999 99:99\n"),
    *(
        b"Diagnostic-Code: smtp; 550-5.1.1 ",
        b"Content-Type: text/html\n\n<style>",
        b"&#x110000;",
        b"&#xd800;",
        b"(" * 400,
    ),
)


@cache
def mails() -> tuple[bytes, ...]:
    """Return the mails that are changed: the corpus, and forms of all kinds."""
    more = (
        COMPLAINT,
        LETTER,
        NESTED[:2_000],
        OUT_OF_OFFICE,
        QMAIL,
        dsn("5.1.1"),
        dsn("4.2.2", "delayed"),
        dsn("5.7.1"),
    )
    return (*(case.raw for case in cases()), *more)


def make_mail(draw: Random) -> bytes:
    """Return a mail that came back, changed some times; about half name a mail of ours as their path."""
    raw = draw.choice(mails())
    for _ in range(draw.choice((0, 1, 1, 2, 3, 8))):
        raw = draw.choice((changed_bytes, changed_lines, changed_lines))(draw, raw, MAIL_PIECES)
    if draw.random() < 0.1:
        head, gap, body = raw.partition(b"\n\n")
        raw = head.replace(b"\n", b"\r\n") + gap + draw.choice((body, raw, body + draw.choice(mails())))
    if draw.random() < 0.5:
        raw = raw.replace(PATH.encode(), SIGNED)
    return raw


class Mailbox:
    """An installation that sent a mail, whose returned mails are read."""

    def __init__(self, home: Path) -> None:
        self.boucle = Embedded(home)
        self.boucle.take(*(journey("delivery", f"canary{n}", reference=str(n)) for n in range(30)))
        self.boucle.settle()
        self.bouncing = self.boucle.parts.outgoing.bounce_intake()
        paths = [
            self.boucle.parts.links.return_path(dispatch.id, "boucle.example")
            for dispatch in self.boucle.rows(Dispatch)
        ]
        self.paths = [path.encode() for path in paths]
        assert self.paths
        self.number = 0

    def take(self, raw: bytes) -> None:
        """Take one mail as the sender does."""
        self.number += 1
        signed = raw.replace(SIGNED, self.paths[self.number % len(self.paths)])
        taken = self.bouncing.take_letter(Letter("", signed))
        assert taken.followed in COUNTED
        assert taken.followed != UNREADABLE or taken.bounce.unreadable, "a mail broke something"
        assert "parser ended" not in taken.bounce.unreadable, taken.bounce.unreadable
        assert len(taken.bounce.detail) < 5_000
        assert len(taken.bounce.status) < 20


@pytest.mark.timeout(14_400)
def test_returned_mails_of_any_shape_are_read_or_set_aside(tmp_path: Path) -> None:
    """None of them breaks its reader, and a plain report is understood behind all of them as before them."""
    logging.getLogger("workers.usecases.bounces.intake").setLevel(logging.ERROR)
    mailbox = Mailbox(tmp_path)
    Campaign[bytes]("bounces", MAILS, make_mail, mailbox.take, smaller).run()
    letter = Letter("", dsn("5.1.1").replace(PATH.encode(), mailbox.paths[0]))
    assert mailbox.bouncing.take_letter(letter).bounce.kind == "hard"
    mailbox.boucle.close()


def smaller(raw: bytes) -> Iterator[bytes]:
    """Give the mail without pieces of it."""
    return smaller_bytes(raw)
