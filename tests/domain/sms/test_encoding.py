"""What a text costs as SMS is known before it is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.sms.encoding import ALPHABET, EXTENSION, GSM7, UCS2, simplified, size_of


@pytest.mark.parametrize(
    ("text", "coding", "places", "parts"),
    [
        ("", GSM7, 0, 1),
        ("a" * 160, GSM7, 160, 1),
        ("a" * 161, GSM7, 161, 2),
        ("a" * 306, GSM7, 306, 2),
        ("a" * 307, GSM7, 307, 3),
        ("\u20ac" * 80, GSM7, 160, 1),
        ("a" * 152 + "\u20ac" * 5, GSM7, 162, 2),
        ("\u00ea" * 70, UCS2, 70, 1),
        ("\u00ea" * 71, UCS2, 71, 2),
        ("\U0001f600" * 35, UCS2, 70, 1),
        ("\U0001f600" * 36, UCS2, 72, 2),
        ("\U0001f600" * 67, UCS2, 134, 3),
    ],
)
def test_parts_are_counted_as_they_are_paid_for(text: str, coding: str, places: int, parts: int) -> None:
    """160 or 70 places alone, 153 or 67 a joined part, and no sign is cut in two."""
    size = size_of(text)
    assert (size.coding, size.places, size.parts) == (coding, places, parts)


def test_typesetting_does_not_double_the_price() -> None:
    """Quotes, dashes, narrow spaces and accents that GSM's alphabet lacks become what it has."""
    text = "L\u2019\u0153uvre\u00a0: \u00ab\u202fpr\u00eat \u00e0 l\u2019h\u00f4tel\u202f\u00bb \u2013 \u00e7a va\u2026"
    assert simplified(text) == "L'oeuvre : \" pret \u00e0 l'hotel \" - ca va..."
    assert size_of(simplified(text)).coding == GSM7
    assert simplified("\u2022 \u2039x\u203a \u2015 \u2012 l\u00b4eau \u2068a\u2069\u200e\ufeff") == "- 'x' - - l'eau a"


@pytest.mark.parametrize(
    "text", ["\u0645\u0631\u062d\u0628\u0627", "\u043f\u0440\u0438\u0432\u0435\u0442", "\u017c\u00f3\u0142ty"]
)
def test_letters_without_a_simpler_form_stay(text: str) -> None:
    """A text in another script, or with a letter that has no plain one, is sent as it is."""
    assert simplified(text) == text


@given(st.text(max_size=400))
def test_simpler_is_never_dearer_than_plain_letters(text: str) -> None:
    """What was made simpler is in GSM's alphabet, or is the text as it was; twice is once."""
    simple = simplified(text)
    assert simple == text or set(simple) <= ALPHABET | EXTENSION
    assert simplified(simple) == simple
