"""Bounces: what mails that came back say, in the formats that servers really use."""

from collections import Counter

import pytest
from bouncecorpus import Case, cases
from hypothesis import given
from hypothesis import strategies as st
from returnedmails import COMPLAINT, LETTER, OUT_OF_OFFICE, PATH, QMAIL, dsn

from workers.domain.mail.bounce_parser import BounceKind, read_bounce
from workers.text.plain_text import UNSAFE

HARD, SOFT, OURS, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.OURS, BounceKind.POLICY


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("5.1.1", "failed", HARD),
        ("5.1.2", "failed", HARD),
        ("5.1.10", "failed (null MX)", HARD),
        ("5.1.1", "error", HARD),
        ("5.7.1", "failed", OURS),
        ("5.7.26", "failed", OURS),
        ("4.4.7", "failed", SOFT),
        ("4.2.2", "failed", SOFT),
        ("5.2.2", "failed", SOFT),
        ("5.0.0", "failed", SOFT),
        ("4.4.1", "delayed", BounceKind.NONE),
        ("2.0.0", "delivered", BounceKind.NONE),
        ("2.0.0", "relayed", BounceKind.NONE),
    ],
)
def test_a_status_says_what_follows(status: str, action: str, kind: BounceKind) -> None:
    """5.1.x is about the address, 5.7.x about us, everything else is for now; delays and receipts are no bounces."""
    bounce = read_bounce(dsn(status, action))
    assert (bounce.kind, bounce.status) == (kind, status)
    assert PATH in bounce.paths


def test_a_missing_status_is_read_from_the_diagnosis() -> None:
    """A report without a status of its own takes the one in the server's words."""
    bounce = read_bounce(dsn("", diagnosis="smtp; 550-5.1.1 The email account does not exist"))
    assert (bounce.kind, bounce.status) == (HARD, "5.1.1")


def test_nearly_every_hard_bounce_of_the_corpus_is_one() -> None:
    """At least 95 of 100 that mean "no such mailbox" suppress it, and none of the others does."""
    corpus = list(cases())
    read = Counter((case.kind, str(read_bounce(case.raw).kind)) for case in corpus)
    hard = sum(case.kind == HARD for case in corpus)
    assert hard >= 80
    assert read[(HARD, HARD)] >= 0.95 * hard
    assert [case.said for case in corpus if case.kind != HARD and read_bounce(case.raw).kind == HARD] == []


@pytest.mark.parametrize("case", [case for case in cases() if case.kind != HARD], ids=lambda case: case.said[:60])
def test_the_rest_of_the_corpus_is_what_its_text_means(case: Case) -> None:
    """Full mailboxes, refusals because of us, recipients' own choices, delays, receipts, letters and absences."""
    bounce = read_bounce(case.raw)
    assert (str(bounce.kind), bounce.unreadable) == (case.kind, "")


@pytest.mark.parametrize(
    ("status", "diagnosis", "kind", "code"),
    [
        ("5.1.1", "smtp; 552 5.2.2 over quota", SOFT, "5.2.2"),
        ("5.1.1", "smtp; 550 5.7.1 blacklisted", OURS, "5.7.1"),
        ("5.0.0", "smtp; 550 5.1.1 no", HARD, "5.1.1"),
        ("5.7.1", "smtp; 550 5.1.1 no", HARD, "5.1.1"),
        ("5.1.1", "smtp; 550 5.0.0 no", HARD, "5.1.1"),
        ("5.1.1", "smtp; 451 4.4.1 connection lost", SOFT, "4.4.1"),
        ("5.1.1", "smtp; 450 no", SOFT, "5.1.1"),
        ("4.4.7", "smtp; 550 5.1.1 no", HARD, "5.1.1"),
        ("5.1.1", "smtp; 550 the mailbox is full", SOFT, "5.1.1"),
        ("5.1.7", "", OURS, "5.1.7"),
        ("5.1.8", "", OURS, "5.1.8"),
        ("5.1.0", "smtp; 550 sender rejected", OURS, "5.1.0"),
        ("5.1.0", "smtp; 550 Address rejected", HARD, "5.1.0"),
        ("5.7.13", "", POLICY, "5.7.13"),
        ("5.7.124", "", POLICY, "5.7.124"),
        ("5.7.133", "", POLICY, "5.7.133"),
        ("5.7.1", "smtp; 550 account locked", POLICY, "5.7.1"),
        ("5.7.12", "", POLICY, "5.7.12"),
        ("5.7.1", "smtp; 550 Recipient has blocked sender", POLICY, "5.7.1"),
        ("5.7.1", "smtp; 554 sender was refused by the user", POLICY, "5.7.1"),
        ("5.7.1", "smtp; 554 sender is blocked by our spam filter", OURS, "5.7.1"),
        ("5.3.0", "smtp; 554 the account is temporarily locked", SOFT, "5.3.0"),
        ("", "smtp; 550 mailbox locked by another process", SOFT, ""),
        ("5.0.0", "smtp; 550 user suspended temporarily", SOFT, "5.0.0"),
        ("5.1.1", "smtp; 550 mailbox temporarily unavailable", SOFT, "5.1.1"),
        ("5.2.0", "smtp; 550 mailbox locked because nobody used it", POLICY, "5.2.0"),
        ("5.001.001", "", HARD, "5.1.1"),
        ("5.0.0", "x-unix; host 192.0.5.1.1 said 5.1.1.9", SOFT, "5.0.0"),
    ],
)
def test_the_most_exact_statement_decides(status: str, diagnosis: str, kind: BounceKind, code: str) -> None:
    """The server's own code before the status field beside it, a code with a cause before a general one, then words."""
    bounce = read_bounce(dsn(status, diagnosis=diagnosis))
    assert (bounce.kind, bounce.status) == (kind, code)


@given(st.sampled_from(["5.1.1", "5.1.2", "5.0.0", "5.1.10"]), st.sampled_from(["4.2.2", "5.2.2", "4.4.1", "4.7.1"]))
def test_no_status_field_makes_a_soft_answer_hard(field: str, own: str) -> None:
    """Whatever stands in the status field, a server that says "not now" is believed."""
    assert read_bounce(dsn(field, diagnosis=f"smtp; 552 {own} something else")).kind == SOFT


def test_a_report_wrapped_by_a_filter_on_the_way_is_found() -> None:
    """A gateway that puts its disclaimer around everything hides no report."""
    inner = dsn("5.1.1")
    wrapped = b"From: MAILER-DAEMON@x\nContent-Type: multipart/mixed; boundary=w\n\n--w\n\nConfidential!\n--w\n"
    bounce = read_bounce(wrapped + b"Content-Type: message/rfc822\n\n" + inner + b"\n--w--\n")
    assert (bounce.kind, bounce.status) == (HARD, "5.1.1")


def test_the_diagnosis_keeps_no_address() -> None:
    """Servers repeat the customer's address in their words; it is not kept."""
    bounce = read_bounce(dsn("5.1.1", diagnosis="smtp; 550 <camille@example.org>: unknown user"))
    assert bounce.detail == "smtp; 550 <recipient>: unknown user"


def test_a_complaint_names_the_return_path_it_is_about() -> None:
    """A feedback report (RFC 5965) is a complaint, found by the return path inside it, not by its own recipient."""
    complaint = read_bounce(COMPLAINT)
    assert (complaint.kind, complaint.detail, complaint.paths[0]) == (BounceKind.COMPLAINT, "abuse", PATH)


def test_a_report_that_mail_is_no_spam_is_no_complaint() -> None:
    """`not-spam` is the opposite of a complaint."""
    assert read_bounce(COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")).kind == BounceKind.NONE


def test_out_of_office_is_neither_answer_nor_bounce() -> None:
    """A machine that answers for a person who is away changes nothing, whatever its text says."""
    assert read_bounce(OUT_OF_OFFICE).kind == BounceKind.AUTO_REPLY


def test_an_old_format_is_read_like_a_new_one() -> None:
    """A report from before RFC 3464 says in words, and in a code behind them, what is wrong."""
    bounce = read_bounce(QMAIL)
    assert (bounce.kind, bounce.status, bounce.recipient) == (HARD, "5.1.1", "camille@example.org")


def test_a_letter_is_left_to_a_person() -> None:
    """A customer who writes back is no bounce."""
    assert read_bounce(LETTER).kind == BounceKind.NONE


def test_what_is_kept_of_a_mail_can_be_kept_anywhere() -> None:
    """NUL, lone surrogates and terminal escapes in a diagnosis or an address reach neither database nor terminal."""
    raw = dsn("5.1.1", diagnosis="smtp; 550 no\0such\x1b[31m user").replace(b"camille@", b"cam\0ille\xff@")
    bounce = read_bounce(raw)
    assert bounce.kind == HARD
    assert UNSAFE.search(bounce.detail + bounce.recipient) is None


@given(st.binary(max_size=400))
def test_nothing_that_arrives_breaks_the_reader(raw: bytes) -> None:
    """Any bytes at all have a kind."""
    assert isinstance(read_bounce(raw).kind, BounceKind)


@given(st.integers(0, 1500), st.binary(min_size=1, max_size=8), st.sampled_from([dsn("5.1.1"), COMPLAINT, QMAIL]))
def test_a_damaged_report_breaks_nothing(place: int, bytes_there: bytes, report: bytes) -> None:
    """A report with some bytes overwritten has a kind, too."""
    damaged = report[:place] + bytes_there + report[place + len(bytes_there) :]
    assert isinstance(read_bounce(damaged).kind, BounceKind)
