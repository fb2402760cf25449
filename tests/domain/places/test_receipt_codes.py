"""Codes on receipts: only the key of a place makes them, and they are read as people type them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.places.listed import read_places
from workers.domain.places.receipt_codes import key_faults, read_receipt, receipt_code

KEY = b"0123456789abcdef0123456789abcdef"
PAGE = Path(__file__).parents[3] / "docs" / "places.md"


def test_a_code_is_read_by_either_key_of_its_place_alone() -> None:
    """A place may change its key; another place's key, or its own with another place's name, opens nothing."""
    code = receipt_code(KEY, "till", "A-1042/7")
    assert code.startswith("A-1042/7-")
    assert read_receipt(code, [b"newer", KEY], "till") == "A-1042/7"
    assert read_receipt(code, [b"newer"], "till") is None
    assert read_receipt(code, [KEY], "door") is None
    assert read_receipt(code, [], "till") is None


@pytest.mark.parametrize("wrong", ["", "-", "A-1042", "B-1042", "A-1042 ", "\u0410-1042", "A" * 41])
def test_what_no_place_has_signed_is_none(wrong: str) -> None:
    """Nor is a reference without, or with another's, signature."""
    signed = receipt_code(KEY, "till", "A-1042").rpartition("-")[2]
    assert read_receipt(wrong, [KEY], "till") is None
    if wrong.strip() != "A-1042":
        assert read_receipt(f"{wrong}-{signed}", [KEY], "till") is None


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}", fullmatch=True), st.integers(1, 5))
def test_a_code_is_read_as_people_type_it(reference: str, every: int) -> None:
    """In small letters, in groups, with a nought for the letter O and a one for I."""
    code = receipt_code(KEY, "till", reference)
    head, _, signed = code.rpartition("-")
    typed = f"{head}-{signed.replace('O', '0').replace('I', '1')}".lower()
    spaced = " ".join(typed[n : n + every] for n in range(0, len(typed), every))
    assert read_receipt(typed, [KEY], "till") == reference.upper()
    assert read_receipt(spaced, [KEY], "till") in (reference.upper(), None)
    assert len(spaced) > 80 or read_receipt(spaced, [KEY], "till") == reference.upper()


@given(st.text(max_size=100))
def test_any_text_is_read_or_is_none(text: str) -> None:
    """Whatever is typed fails nothing."""
    assert read_receipt(text, [KEY], "till") is None


def test_a_reference_that_no_code_can_carry_is_refused() -> None:
    """It is said at the till, not to the customer."""
    for reference in ("", "-1", "a b", "é", "A" * 41):
        with pytest.raises(ValueError, match="up to 40 letters"):
            receipt_code(KEY, "till", reference)


def test_the_check_names_places_without_a_key_and_keys_without_a_place() -> None:
    """Each with what to do."""
    places = read_places(b"till: {kind: receipt, label: T}\ndoor: {kind: qr, label: D}\n")
    assert key_faults(places, {"till": [KEY]}) == []
    missing, stray = key_faults(places, {"door": [KEY]})
    assert "till has no key" in missing
    assert "BOUCLE_PLACE_KEYS=till:KEY" in missing
    assert "'door' is no place of the kind receipt" in stray


def example(language: str) -> str:
    """Return the example of the page in a language."""
    match = re.search(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert match
    return match[1]


def test_the_examples_of_the_page_sign_good_codes() -> None:
    """What the page shows in Python signs as Boucle does; in Node and PHP too, where this machine has them."""
    space: dict[str, object] = {}
    exec(example("python"), space)  # the page's own code
    function = space["receipt_code"]
    assert callable(function)
    signed = {"python": function(KEY.decode(), "till", "1042-7")}
    for command, ending in (("node", 'console.log(receiptCode("{}", "till", "1042-7"))'), ("php", "")):
        if ending and shutil.which(command):
            program = example("js") + ending.format(KEY.decode())
            signed[command] = subprocess.run([command, "-e", program], capture_output=True, text=True).stdout.strip()
    assert set(signed.values()) == {receipt_code(KEY, "till", "1042-7")}
