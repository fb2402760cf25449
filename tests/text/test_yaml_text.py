"""YAML that people write: what the library would take without a word and lose is refused."""

import pytest

from workers.errors import BadInput, Misconfigured
from workers.text.yaml_text import read_named, read_operators_file, read_yaml


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("name: a\nzone: b\nname: c\n", "name", "lines 1 and 3"),
        ("apart:\n  testimonial_request: P12M\n  testimonial_request: P1M\n", "testimonial_request", "lines 2 and 3"),
        ("{a: 1, a: 2}", "a", "lines 1 and 1"),
        ("- x: 1\n- {y: 1, 'y': 2}\n", "y", "lines 2 and 2"),
        ("1: a\n1: b\n", "1", "lines 1 and 2"),
    ],
)
@pytest.mark.parametrize("texts", [True, False])
def test_a_key_that_stands_twice_is_refused(text: str, key: str, lines: str, texts: bool) -> None:
    """At any depth and in either way of writing, with the lines: the last one would have won unseen."""
    with pytest.raises(BadInput, match=f"file.yaml has the key {key} twice, in {lines}: keep one."):
        read_yaml(text, "file.yaml", texts=texts)


def test_the_same_key_in_two_places_is_two_keys() -> None:
    """Beside each other, below each other, and by an alias."""
    text = "a: &one {x: 1}\nb: {x: 2, a: {x: 3}}\nc: [{x: 4}, {x: 5}]\nd: *one\n"
    assert read_yaml(text, "file.yaml") == {
        "a": {"x": 1},
        "b": {"x": 2, "a": {"x": 3}},
        "c": [{"x": 4}, {"x": 5}],
        "d": {"x": 1},
    }
    assert read_yaml("", "file.yaml") is None


@pytest.mark.parametrize("below", ["\n  shop: {label: x}\n  till: {label: y}", "\n- id: shop", " [shop]"])
def test_a_heading_over_all_names_is_told(below: str) -> None:
    """Many tools want one: the sentence says that it is left out, and no key below it is taken for a wrong one."""
    with pytest.raises(Misconfigured, match=r"rules/places\.yaml: leave the line `places:` out"):
        read_named(f"places:{below}".encode(), "rules/places.yaml", ("kind", "label"))


@pytest.mark.parametrize("text", ["places: {label: x}", "places: {}\nshop: {}", "shop: {places: {}}", "places: x", ""])
def test_a_name_that_looks_like_a_heading_is_a_name(text: str) -> None:
    """Where a known key stands below it, or another name beside it."""
    assert read_named(text.encode(), "rules/places.yaml", ("kind", "label")) == (
        read_operators_file(text.encode(), "rules/places.yaml")
    )
