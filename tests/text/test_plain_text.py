"""Plain text: each format gets text that it can hold, and text that fits already is not touched."""

import json

import pytest
from hypothesis import given
from lxml import etree
from texts import NASTY, any_text

from workers.decision_table import load
from workers.decision_table.dmn.writer import write_dmn
from workers.text.plain_text import for_log, for_reader, for_store, for_xml, json_text

FINE = "Été à l'œuvre, 東京 😀\nand a second\tline: 1 < 2 & “3”"


@pytest.mark.parametrize("fit", [for_reader, for_store, for_xml])
def test_usual_text_is_not_touched(fit: object) -> None:
    """Accents, other scripts, emoji, lines and tabs stay, for every format."""
    assert callable(fit)
    assert fit(FINE) == FINE
    assert json.loads(json_text(FINE)) == FINE


@given(any_text())
def test_any_text_can_be_written_in_every_format(text: str) -> None:
    """UTF-8 holds it, XML parses with the words inside, JSON says it back, a log line is one line."""
    for fit in (for_reader, for_store, for_xml, for_log):
        fit(text).encode()
        assert fit(fit(text)) == fit(text)
    node = etree.Element("a", b=for_xml(text))
    node.text = for_xml(text)
    assert etree.fromstring(etree.tostring(node)).tag == "a"
    said = json.loads(json_text({"a": text}).encode())["a"]
    assert said == "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    assert len(for_log(text).splitlines()) <= 1
    assert for_log(text).isprintable() or not text.isprintable()


@pytest.mark.parametrize("text", NASTY)
def test_no_reader_gets_what_cannot_be_seen(text: str) -> None:
    """No terminal is told to clear its screen, and no text turns the words around it."""
    shown = for_reader(text)
    assert not [sign for sign in shown if sign not in "\n\t" and ord(sign) < 0x20]
    assert not set(shown) & set("\x7f\x9b\u202e\u2066\ufeff\ufffe\ud800\r\u2028")


def test_a_rule_table_with_any_sign_is_written_as_dmn() -> None:
    """An operator's note with U+FFFE or a control sign does not stop the export of the table."""
    from dataclasses import replace
    from pathlib import Path

    table = load(Path("rules/follow-up"))
    noted = replace(table, name=table.name + "\ufffe\x01")
    assert etree.fromstring(write_dmn(noted)) is not None
