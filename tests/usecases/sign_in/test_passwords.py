"""Which passwords may be set: a length, and nothing that is guessed first; no rule about capitals or signs."""

from contextlib import suppress

import pytest
from argon2 import PasswordHasher
from budget import processor_seconds

from workers.errors import CodedFault
from workers.usecases.sign_in.passwords import LONGEST, SHORTEST, check_new_password, hash_password, is_password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "marmelade soleil tracteur",
        "le chat dort bien",
        "xkq7plw3mmbz",
        "ΠΡΟΣΟΧΗ γάτα κοιμάται",
        "        marge du lac        ",
        "🌱🪴🌵🎋🍀🌿☘️🌾🌳🌲🌴🎄",
        "x9!kQ" + "correct horse " * 70,
    ],
)
def test_a_long_password_of_any_signs_is_taken(password: str) -> None:
    """Spaces, small letters, every script: what people keep in mind is not refused for its looks."""
    check_new_password(password, ("Léa",))


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Passw0rd2024!",
        "123456789012",
        "aaaaaaaaaaaaaaaaaaaa",
        "azertyuiop123",
        "qwertyuiopasdf",
        "motdepasse123",
        "iloveyou1234",
        "Boucleboucle",
        "Wilhelmine1984",
        "abcabcabcabcabc",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    """Known from breaches, made of a name, a row of keys, a repetition."""
    with pytest.raises(CodedFault) as caught:
        check_new_password(password, ("Wilhelmine",))
    assert caught.value.code == "guessable"


@pytest.mark.parametrize(("length", "code"), [(0, "short"), (SHORTEST - 1, "short"), (LONGEST + 1, "long")])
def test_the_length_is_bounded_on_both_sides(length: int, code: str) -> None:
    """Too short to stand, or long enough to cost."""
    with pytest.raises(CodedFault) as caught:
        check_new_password(("kq7 plw3 mmb ö " * 100)[:length])
    assert caught.value.code == code


@pytest.mark.parametrize("piece", ["a", "ab", "0101", "aA1!", "4@8({[<3", "qwerty", "abcabd", "password", "1a2b3c"])
def test_no_password_keeps_the_estimate_busy(piece: str) -> None:
    """The estimate looks at a bounded length: repetitions of what has many readings stay cheap."""

    def check_both() -> None:
        for password in (piece * LONGEST, (piece * LONGEST)[:LONGEST]):
            with suppress(CodedFault):
                check_new_password(password)

    assert processor_seconds(check_both) < 2


def test_an_accent_is_the_same_on_every_keyboard() -> None:
    """One keyboard sends é as one sign, another as two."""
    hashed = hash_password(CHEAP, "cafe\u0301 du matin")
    assert is_password(CHEAP, hashed, "caf\u00e9 du matin")
    assert not is_password(CHEAP, hashed, "cafe du matin")


def test_a_longer_text_is_not_the_password_that_it_begins_with() -> None:
    """What is too long to be set is not verified by its beginning."""
    password = "x" * LONGEST
    hashed = hash_password(CHEAP, password)
    assert is_password(CHEAP, hashed, password)
    assert not is_password(CHEAP, hashed, password + "x")
