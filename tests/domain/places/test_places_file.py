"""The list of places: what is wrong with it is said in one go, with what to write instead."""

import pytest

from workers.domain.places.listed import USUAL, Limit, PlaceKind, read_places
from workers.errors import Misconfigured


def faults_of(text: str) -> str:
    """Return what is said of a file."""
    with pytest.raises(Misconfigured) as raised:
        read_places(text.encode())
    return " ".join(raised.value.faults)


def test_a_place_needs_a_kind_and_a_label_alone() -> None:
    """Everything else has a usual value; a file of comments lists none."""
    place = read_places(b"door:\n  kind: qr\n  label: The door\n")["door"]
    assert (place.kind, place.label, place.until, dict(place.limits)) == (PlaceKind.QR, "The door", None, dict(USUAL))
    assert read_places(b"# nothing\n") == {}


def test_everybody_at_a_kiosk_comes_from_one_network() -> None:
    """Its limit of a network is that of a day, unless it says otherwise."""
    text = b"a: {kind: kiosk, label: A, limits: {day: 90}}\n"
    wide = read_places(text.replace(b"a:", b"aa:", 1))["aa"]
    assert (wide.limits[Limit.NETWORK], wide.limits[Limit.DAY]) == (90, 90)
    narrow = read_places(b"aa: {kind: kiosk, label: A, limits: {network: 7}}\n")["aa"]
    assert narrow.limits[Limit.NETWORK] == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- door", "must begin with the id of a place"),
        ("Door: {kind: qr, label: x}", "no id of a place"),
        ("door: yes", "write kind and label"),
        ("door: {kind: poster, label: x}", "kind is one of qr, social, kiosk"),
        ("door: {kind: qr}", "label must be one line"),
        ("door: {kind: qr, label: x, untill: 2027-01-01}", "did you mean until?"),
        ("door: {kind: qr, label: x, until: soon}", "such as 2027-12-31"),
        ("door: {kind: qr, label: x, question: stars}", "question is one of nps, csat, ces, not 'stars'"),
        ("door: {kind: qr, label: x, limits: many}", "{minute: 10, network: 20, day: 500}"),
        ("door: {kind: qr, label: x, limits: {hour: 3}}", "there are minute, network, day"),
        ("door: {kind: qr, label: x, limits: {day: 0}}", "from 1 to 100000"),
        ("door: {kind: qr, label: x, limits: {day: 1e3}}", "from 1 to 100000"),
        ("door: [", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text: str, said: str) -> None:
    """Each fault names the place and the way out."""
    assert said in faults_of(text)


def test_all_faults_are_told_at_once() -> None:
    """Nobody mends one line to find the next one."""
    text = faults_of("a1: {kind: x, label: ''}\nb1: {kind: qr, label: y, until: z}")
    assert text.count("rules/places.yaml: a1") == 2
    assert "rules/places.yaml: b1" in text
