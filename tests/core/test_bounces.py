"""Bounces: what mails that came back say, in the formats that servers really use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returning import COMPLAINT, LETTER, OUT_OF_OFFICE, PATH, QMAIL, dsn

from workers.bounces import BounceKind, read_bounce

ADDRESS, LATER, OURS = BounceKind.ADDRESS, BounceKind.LATER, BounceKind.OURS


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("5.1.1", "failed", ADDRESS),
        ("5.1.2", "failed", ADDRESS),
        ("5.1.10", "failed (null MX)", ADDRESS),
        ("5.1.1", "error", ADDRESS),
        ("5.7.1", "failed", OURS),
        ("5.7.26", "failed", OURS),
        ("4.4.7", "failed", LATER),
        ("4.2.2", "failed", LATER),
        ("5.2.2", "failed", LATER),
        ("5.0.0", "failed", LATER),
        ("4.4.1", "delayed", BounceKind.DELAYED),
        ("2.0.0", "delivered", BounceKind.OTHER),
        ("2.0.0", "relayed", BounceKind.OTHER),
    ],
)
def test_a_status_says_what_follows(status: str, action: str, kind: BounceKind) -> None:
    """5.1.x is about the address, 5.7.x about us, everything else is for now; delays and receipts are no bounces."""
    found = read_bounce(dsn(status, action))
    assert (found.kind, found.status) == (kind, status)
    assert PATH in found.paths


def test_a_missing_status_is_read_from_the_diagnosis() -> None:
    """A report without a status of its own takes the one in the server's words."""
    found = read_bounce(dsn("", diagnosis="smtp; 550-5.1.1 The email account does not exist"))
    assert (found.kind, found.status) == (ADDRESS, "5.1.1")


def test_the_diagnosis_keeps_no_address() -> None:
    """Servers repeat the customer's address in their words; it is not kept."""
    found = read_bounce(dsn("5.1.1", diagnosis="smtp; 550 <camille@example.org>: unknown user"))
    assert found.detail == "smtp; 550 <recipient>: unknown user"


def test_a_complaint_names_the_return_path_it_is_about() -> None:
    """A feedback report (RFC 5965) is a complaint, found by the return path inside it, not by its own recipient."""
    found = read_bounce(COMPLAINT)
    assert (found.kind, found.detail, found.paths[0]) == (BounceKind.COMPLAINT, "abuse", PATH)


def test_a_report_that_mail_is_no_spam_is_no_complaint() -> None:
    """`not-spam` is the opposite of a complaint."""
    assert read_bounce(COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")).kind == BounceKind.OTHER


def test_out_of_office_is_neither_answer_nor_bounce() -> None:
    """A machine that answers for a person who is away changes nothing, whatever its text says."""
    assert read_bounce(OUT_OF_OFFICE).kind == BounceKind.AUTO_REPLY


def test_an_old_format_backs_off_and_suppresses_nobody() -> None:
    """A report from before RFC 3464 is believed to have failed, but not that the address is wrong."""
    found = read_bounce(QMAIL)
    assert (found.kind, found.status) == (LATER, "5.0.0")


def test_a_letter_is_left_to_a_person() -> None:
    """A customer who writes back is no bounce."""
    assert read_bounce(LETTER).kind == BounceKind.OTHER


@given(st.binary(max_size=400))
def test_nothing_that_arrives_breaks_the_reader(raw: bytes) -> None:
    """Any bytes at all have a kind."""
    assert isinstance(read_bounce(raw).kind, BounceKind)


@given(st.integers(0, 1500), st.binary(min_size=1, max_size=8), st.sampled_from([dsn("5.1.1"), COMPLAINT, QMAIL]))
def test_a_damaged_report_breaks_nothing(place: int, bytes_there: bytes, report: bytes) -> None:
    """A report with some bytes overwritten has a kind, too."""
    damaged = report[:place] + bytes_there + report[place + len(bytes_there) :]
    assert isinstance(read_bounce(damaged).kind, BounceKind)
