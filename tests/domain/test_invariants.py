"""The books as values: what makes two of them equal, and what makes a sum fail."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain import invariants
from workers.domain.invariants import SUMS, Books, Sum

AT = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)


def tallies(**more: int) -> dict[str, int]:
    """Return counts with which every sum holds, except where a test says otherwise."""
    counts = {name: 0 for equation in SUMS for name in (*equation.left, *equation.right)}
    return counts | {name.replace("__", "."): n for name, n in more.items()}


def book(counts: dict[str, int], *lines: str) -> Books:
    """Return books with one table."""
    mark, n = invariants.fingerprint(lines)
    return Books(counts, {"customer": mark}, {"customer": n})


def test_every_sum_holds_in_empty_books() -> None:
    """An empty installation has no fault to report."""
    empty = book(tallies())
    assert empty.ok()
    assert {line["left"] for line in empty.sums()} == {0}


@pytest.mark.parametrize("equation", SUMS, ids=lambda equation: equation.name)
def test_every_sum_can_fail(equation: Sum) -> None:
    """No sum counts the same thing on both sides: one more on the left alone is seen."""
    assert not set(equation.left) & set(equation.right)
    counts = tallies()
    counts[equation.left[0]] += 1
    failed = [line["name"] for line in book(counts).sums() if not line["ok"]]
    assert equation.name in failed


def test_every_sum_has_a_name_of_its_own() -> None:
    """A reader can tell which sum does not hold."""
    assert len({equation.name for equation in SUMS}) == len(SUMS)


def test_sums_come_in_the_shape_that_scripts_rely_on() -> None:
    """name, left, right and ok, and the digest, whatever else is printed."""
    books = book(tallies(received__events=3, received__accepted=2)).as_dict()
    assert {"sums", "digest"} <= set(books)
    first = book(tallies(received__events=3, received__accepted=2)).sums()[0]
    assert first == {"name": "received = accepted + duplicate + dead letter", "left": 3, "right": 2, "ok": False}


@given(st.lists(st.text(max_size=8), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(lines: list[str], random: object) -> None:
    """A database gives rows back in any order; the digest does not care."""
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert invariants.fingerprint(lines) == invariants.fingerprint(shuffled)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=12))
def test_a_row_twice_is_another_book(lines: list[str]) -> None:
    """Doubling a row, or losing one, changes the digest."""
    mark, _ = invariants.fingerprint(lines)
    assert invariants.fingerprint([*lines, lines[0]])[0] != mark
    assert invariants.fingerprint(lines[1:])[0] != mark


def test_the_digest_names_the_table() -> None:
    """The same rows in another table are other books."""
    mark, n = invariants.fingerprint(["row"])
    left, right = Books({}, {"customer": mark}, {"customer": n}), Books({}, {"journey": mark}, {"journey": n})
    assert left.digest() != right.digest()
    assert len(left.digest()) == 64


def test_instants_are_compared_in_utc() -> None:
    """PostgreSQL and SQLite give the same instant back in their own ways."""
    paris = timezone(timedelta(hours=1))
    assert invariants.line({"at": AT.astimezone(paris)}, {}) == invariants.line({"at": AT}, {})


def test_personal_text_is_compared_but_not_shown() -> None:
    """A listing of the books can be sent around: addresses, names and comments are hashes in it."""
    line = invariants.line({"email": "anne@example.org", "comment": "Broken", "name": None}, {})
    assert "anne" not in line
    assert "Broken" not in line
    assert line != invariants.line({"email": "anna@example.org", "comment": "Broken", "name": None}, {})


def test_a_reference_to_a_ticket_is_compared_by_what_the_ticket_is_about() -> None:
    """Our own ids differ from one installation to the next."""
    left = invariants.line({"reference": "id-1"}, {"id-1": "ticket about delivery 1042"})
    right = invariants.line({"reference": "id-2"}, {"id-2": "ticket about delivery 1042"})
    assert left == right


def test_the_moment_of_sending_is_not_compared() -> None:
    """`after` runs to the sender's tick; every other input of a decision is compared."""
    left = invariants.line({"inputs": {"after": 0.1, "score": 3}}, {})
    assert left == invariants.line({"inputs": {"after": 0.2, "score": 3}}, {})
    assert left != invariants.line({"inputs": {"after": 0.1, "score": 4}}, {})


def test_a_difference_names_the_rows_of_each_side() -> None:
    """What only one of two books has is listed with its table, doubled rows too."""
    left = [("ticket", "a"), ("ticket", "b"), ("ticket", "b")]
    right = [("ticket", "b"), ("journey", "c")]
    assert list(invariants.difference(left, right)) == ["+ journey c", "- ticket a", "- ticket b"]
    assert list(invariants.difference(left, list(reversed(left)))) == []


def test_what_does_not_hold_is_read_first() -> None:
    """The text begins with the sums that fail and says what to do."""
    text = invariants.as_text(book(tallies(revisions=2)))
    assert "WRONG         2         0  revisions = versions of all responses" in text.splitlines()[1]
    assert "1 of" in text
    assert "boucle explain" in text
    assert "Every sum holds." in invariants.as_text(book(tallies()))
