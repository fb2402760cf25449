"""Bounce mail as a door: whatever comes, one mail costs little time and memory, and ends nothing but itself."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from returnedmails import NESTED, dsn

from workers.domain.mail.bounce_parser import BounceKind, read_bounce

TESTS = Path(__file__).parents[2]
LINES = b"From: MAILER-DAEMON@mx.example.org\n"
PARTS = b"Content-Type: multipart/mixed; boundary=b\n\n"
STATUS = b"Content-Type: message/delivery-status\n\n"
MANY: dict[str, bytes] = {
    "levels": NESTED,
    "levels of another kind": LINES + b"Content-Type: MESSAGE/x\n\n" * 1_000,
    "multiparts": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_000)),
    "parts": LINES + PARTS + b"--b\n\nx\n" * 30_000,
    "parts of a digest": LINES + PARTS.replace(b"mixed", b"digest") + b"--b\n\nA: b\n\nx\n" * 30_000,
    "blocks of a status": LINES + STATUS + b"A: b\n\n" * 60_000,
    "headers": b"A: b\n" * 60_000,
    "parameters": b"Content-Type: multipart/report; " + b"a=b; " * 50_000 + b"\n\n",
}
LONG: dict[str, bytes] = {
    "address": LINES + b"To: " + b"a" * 20_000 + b"\n\n550 user unknown",
    "longer address": LINES + b"To: " + b"a" * 3_000_000 + b"\n\nx",
    "addresses": LINES + b"To: " + b"a@" * 1_000_000 + b"\n\nx",
    "subject": LINES + b"Subject: " + b"delivery " * 100_000 + b"\n\nx",
    "encoded subject": LINES + b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\nx",
    "users": LINES + b"\n" + b"user " * 100_000,
    "words": LINES + b"\n" + b"your ip host mail message quota sender unable to deliver " * 20_000,
    "tags": LINES + b"Content-Type: text/html\n\n" + b"<style " * 100_000,
    "codes": LINES + b"\n" + b"5.1." * 100_000,
    "quoted": LINES + b"\n" + b"> " * 200_000,
    "lines": b"\r" * 1_000_000,
    "empty lines": LINES + b"\n" + b"\n" * 4_000,
    "quoted lines": LINES + b"\n" + b"> \n" * 8_000,
    "lines of signs in a report": dsn("5.1.1").replace(b"\n\n", b"\n\n" + b"-=_\t\n" * 5_000, 1),
    "base64": LINES + b"Content-Transfer-Encoding: base64\n\n" + b"!" * 1_000_000,
    "uuencode": LINES + b"Content-Transfer-Encoding: uuencode\n\nbegin 6 x\n" + b"M\n" * 500_000,
    "charset": LINES + b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 500_000,
    "mail": dsn("5.1.1") + b"x" * 30_000_000,
}
SECONDS, MEGABYTES = 2.0, 300
"""What one mail may cost: ten times and twice what the worst of these did."""


@pytest.mark.parametrize("name", sorted(MANY))
def test_a_mail_of_too_many_is_not_looked_into(name: str) -> None:
    """Counted before it is parsed: the reader says which bound it is over, and whose mail it was is not guessed."""
    bounce = read_bounce(MANY[name])
    assert bounce.kind == BounceKind.NONE
    assert bounce.unreadable.startswith(("more than", "a Content-Type of more than"))


def test_a_report_before_a_mail_of_any_size_is_read() -> None:
    """Only the beginning is looked at, and there the report stands."""
    assert read_bounce(LONG["mail"]).kind == BounceKind.HARD
    assert read_bounce(LONG["address"]).kind == BounceKind.HARD


def test_no_mail_costs_much_time_or_memory(tmp_path: Path) -> None:
    """Each of them, read in a process of its own that is ended when it takes more than it may."""
    for number, raw in enumerate([*MANY.values(), *LONG.values()]):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    program = f"""
        import resource, sys, time
        from pathlib import Path
        from workers.domain.mail.bounce_parser import read_bounce
        from workers.adapters.returned_mails import place_at
        sys.path.insert(0, {str(TESTS)!r})
        from peakmemory import peak_megabytes
        before = peak_megabytes()
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        begun = time.process_time()
        for item in place_at(Path(sys.argv[1])).items(fresh=False):
            for letter in item.letters:
                read_bounce(letter.raw)
            took, begun = time.process_time() - begun, time.process_time()
            assert took < {SECONDS}, (item.name, took)
        assert peak_megabytes() - before < {MEGABYTES}
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
