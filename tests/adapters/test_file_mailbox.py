"""The local mailbox: a folder of readable mails."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workers.adapters.file_mailbox import MailboxSender
from workers.adapters.resources import Data
from workers.domain.delivery_result import SendKind
from workers.domain.mail.compose import Brand, Templates, compose
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.errors import Never

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def kept(box: MailboxSender, *, count: int = 1, template: str = "ask-delivery") -> list[str]:
    """Keep some mails and return their dispatch ids, oldest first."""
    templates = Templates.load(Data(), Brand.load(Data()))
    ids = []
    for n in range(count):
        mail = sample_mail(template, "fr", SAMPLE_FACTS)
        made = compose(mail, templates, Links(["k"], "http://127.0.0.1:8080"), AT)
        id = f"0195f2a0-000{n}-8000-8000-000000000001"
        raw = made.raw.replace(mail.dispatch_id.encode(), id.encode())
        asyncio.run(box.send(made.return_path, made.recipient, raw))
        ids.append(id)
    return ids


def test_a_mail_can_be_read_with_both_bodies(tmp_path: Path) -> None:
    """Who looks sees subject, recipient, date, text and HTML."""
    box = MailboxSender(tmp_path / "mailbox")
    [id] = kept(box)
    opened = box.read(id)
    assert opened.kept.recipient == "camille@sample.example"
    assert opened.kept.subject.replace("\xa0", " ") == "Votre commande 1042 : une seule question"
    assert opened.kept.at == AT
    assert opened.kept.language == "fr"
    assert "Bonjour Camille" in opened.text
    assert "?score=10" in opened.html
    assert (tmp_path / "mailbox" / f"{id}.eml").read_bytes() == opened.raw


def test_the_newest_mails_come_first_a_page_at_a_time(tmp_path: Path) -> None:
    """The list is cut into pages and knows how many there are."""
    box = MailboxSender(tmp_path)
    ids = kept(box, count=5)
    assert [mail.id for mail in box.list(2)] == ids[:2:-1]
    assert [mail.id for mail in box.list(2, 4)] == ids[:1]
    assert box.count() == 5


def test_the_same_mail_again_is_the_same_file(tmp_path: Path) -> None:
    """A resend replaces, and no half-written file stays behind."""
    box = MailboxSender(tmp_path)
    kept(box)
    kept(box)
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_mailbox_is_empty(tmp_path: Path) -> None:
    """A folder that does not exist yet is no error."""
    box = MailboxSender(tmp_path / "none")
    assert box.list() == []
    assert box.count() == 0


@pytest.mark.parametrize("id", ["../../etc/passwd", "..", ".hidden", "", "none", "a/b", "x" * 200])
def test_only_mails_of_the_mailbox_are_read(tmp_path: Path, id: str) -> None:
    """No id leads out of the folder."""
    (tmp_path / ".hidden.eml").write_text("x")
    with pytest.raises(Never):
        MailboxSender(tmp_path).read(id)


def test_a_mail_without_a_dispatch_is_refused(tmp_path: Path) -> None:
    """A mail that names no dispatch, or one that leads elsewhere, is not written."""
    for raw in (b"Subject: x\r\n\r\nX-Boucle-Dispatch: in-the-body\r\n", b"X-Boucle-Dispatch: ../x\r\n\r\n"):
        end = asyncio.run(MailboxSender(tmp_path).send("a@b.example", "c@d.example", raw))
        assert (end.kind, "X-Boucle-Dispatch" in end.text) == (SendKind.NEVER, True)
    assert list(tmp_path.iterdir()) == []


ON_A_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from workers.adapters.file_mailbox import MailboxSender

raw = b"X-Boucle-Dispatch: 0195f2a0-0000-8000-8000-000000000001\\r\\n\\r\\n" + b"x" * 5000
box, before = MailboxSender(Path(sys.argv[1])), resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
print(asyncio.run(box.send("shop@lamps.example", "ada@example.org", raw)).code)
print(len(list(Path(sys.argv[1]).iterdir())))
resource.setrlimit(resource.RLIMIT_FSIZE, before)
print(asyncio.run(box.send("shop@lamps.example", "ada@example.org", raw)).code)
"""


def test_a_full_disk_keeps_nothing_of_a_mail(tmp_path: Path) -> None:
    """What could not be written is taken away again, because half a mail is personal data that nobody looks for."""
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["452", "0", "250"]


def test_half_a_mail_that_a_kill_left_is_taken_by_the_next_try(tmp_path: Path) -> None:
    """The same mail has the same name while it is written, whichever process writes it."""
    (tmp_path / ".0195f2a0-0000-8000-8000-000000000001.half").write_bytes(b"Return-Path: <left by a kill")
    kept(MailboxSender(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["0195f2a0-0000-8000-8000-000000000001.eml"]
