"""Small things at the door: times without seconds, packed bodies, names that are nobody's, an answer told twice."""

from datetime import UTC, datetime

import orjson
import pytest
from envelopeparts import NOW as CODEC_NOW
from envelopeparts import SCHEMAS, delivery
from eventparts import NOW, Person, score_told
from hypothesis import given
from hypothesis import strategies as st

from workers.cloudevents import Codec, Event, EventMap, Refusal, Rejected
from workers.domain.mail.links import AFTER_A_LINK
from workers.domain.records import History, Response
from workers.errors import Misconfigured
from workers.text.plain_text import name_of_somebody, without_placeholders

CODEC = Codec(SCHEMAS)
WORDS_OF_NAMES = (
    "Camille",
    "Roux",
    "Null",
    "null",
    "NULL",
    "nil",
    "no",
    "Name",
    "first",
    "test",
    "sans",
    "nom",
    "Straße",
)


@pytest.mark.parametrize(
    "text", ["2026-03-03T09:12Z", "2026-03-03T09:12:00+0000", "2026-03-03T10:12+0100", "2026-03-03T09:12:00.0-0000"]
)
def test_times_that_mean_one_thing_are_read(text: str) -> None:
    """Without seconds, and with an offset without its colon."""
    event = CODEC.parse(orjson.dumps(delivery(time=text)), (), CODEC_NOW)
    assert isinstance(event, Event)
    assert event.time == datetime(2026, 3, 3, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"\x28\xb5\x2f\xfdrest", "Zstandard"),
        (b"PK\x03\x04rest", "workbook"),
        (b"Obj\x01rest", "Avro"),
        (b"\x00\x00\x00\x00\x07" + orjson.dumps(delivery()), "schema id 7"),
        (b"\x00\x00\x01\x86\xa0\x02rest", "schema id 100000"),
        (orjson.dumps(delivery()).decode().encode("utf-16-be"), "UTF-16"),
        (orjson.dumps(delivery()).decode().encode("utf-32-be"), "UTF-32"),
    ],
)
def test_a_packed_body_is_called_what_it_is(body: bytes, word: str) -> None:
    """Whoever compressed it, or used a registry's serialiser, reads that."""
    refused = CODEC.parse(body, (), CODEC_NOW)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refusal.WRONG_ENCODING
    assert word in refused.fault


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("null", ""),
        ("Null Null", ""),
        ("undefined undefined", ""),
        ("{{first_name}}", ""),
        ("*|FNAME|* *|LNAME|*", ""),
        ("%FIRSTNAME% Roux", "Roux"),
        ("${customer.name}", ""),
        ("[object Object]", ""),
        ("#N/A", ""),
        ("n.a.", ""),
        ("N/A", ""),
        ("(none)", ""),
        ("-", ""),
        (" ", ""),
        ("null,null", ""),
        ("\\N", ""),
        ("[First Name]", ""),
        ("<first name>", ""),
        ("%%First_Name%%", ""),
        ("||FNAME||", ""),
        ("@firstname", ""),
        ("$first_name", ""),
        ("Prénom", ""),
        ("keine Angabe", ""),
        ("No Name", ""),
        ("Lena Nombre", "Lena Nombre"),
        ("null Dupont", "Dupont"),
        ("Marie undefined", "Marie"),
        ("Christopher Null", "Christopher Null"),
        ("Noname Nonesuch", "Noname Nonesuch"),
        ("Anne-Marie d'Été", "Anne-Marie d'Été"),
    ],
)
def test_what_programs_write_for_no_name_is_nobodys(text: str, name: str) -> None:
    """Nobody reads "Bonjour null,"; and a person called Null keeps the name."""
    assert name_of_somebody(text) == name
    event = CODEC.parse(orjson.dumps(delivery(data={"customer": {"id": "C-1", "name": text}})), (), CODEC_NOW)
    assert isinstance(event, Event)
    assert event.customer["name"] == (name or None)


def test_one_answer_under_two_ids_counts_once() -> None:
    """The same source, score, time and question: the first one's history says so. Anything else is another answer."""
    person = Person()
    same = {"reference": "1", "trigger": "delivery", "comment": "late"}
    person.hear(score_told(2, NOW, id="a", **same))
    changes = person.hear(score_told(2, NOW, id="b", **same))
    assert [str(response.external_id)[-1] for response in person.rows(Response)] == ["a"]
    (mark,) = [row for row in changes.rows_added() if isinstance(row, History)]
    assert (mark.reason, mark.detail[-2:]) == ("counted_once", "/b")
    for n, other in enumerate(({"comment": "very late"}, {"reference": "2"}, {"trigger": "purchase"})):
        person.hear(score_told(2, NOW, id=f"other {n}", **{**same, **other}))
    assert len(person.rows(Response)) == 4


def test_punctuation_behind_a_link_is_no_part_of_its_token() -> None:
    """Mail programs take a bracket along."""
    links = Person().policy.links
    token = links.sign("answer", "0195e9a0-5d2c-8aaa-9bbb-0123456789ab")
    assert {links.read("answer", token + sign) for sign in [*AFTER_A_LINK, ")>.", '")']} == {
        "0195e9a0-5d2c-8aaa-9bbb-0123456789ab"
    }
    assert links.read("answer", token + "x") is None
    assert links.read("answer", ")" + token) is None


@pytest.mark.parametrize(
    ("value", "unit"),
    [(1772529120, "seconds"), ("1772529120", "seconds"), (1772529120000, "milliseconds"), (1772529120.0, "seconds")],
)
def test_times_since_1970_are_read_where_their_unit_is_declared(value: object, unit: str) -> None:
    """rules/events.csv says what a number counts; nothing is guessed from its size."""
    rows = f"type;kind;name;customer.id;occurred_at\nshop.sent;journey;delivery;who;at.sent as epoch {unit}\n"
    codec = Codec(SCHEMAS, EventMap.load(rows.encode()))
    given = delivery(type="shop.sent", data={"who": "C-1", "at": {"sent": value}})
    event = codec.parse(orjson.dumps(given), (), CODEC_NOW)
    assert isinstance(event, Event)
    assert event.occurred_at == datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
    wrongs: list[object] = [True, [], "soon", 1e300, -1e300, "nan", 0]
    for wrong in wrongs:
        given = delivery(type="shop.sent", data={"who": "C-1", "at": {"sent": wrong}})
        refused = codec.parse(orjson.dumps(given), (), CODEC_NOW)
        assert isinstance(refused, Rejected)
        assert {each.pointer for each in refused.faults} == {"/data/at/sent"}


def test_only_a_time_is_counted_from_1970() -> None:
    """The table is refused with the row and the column."""
    rows = b"type;kind;name;customer.id;label\nshop.sent;journey;delivery;who;at as epoch seconds\n"
    with pytest.raises(Misconfigured, match="line 2: label is no time"):
        Codec(SCHEMAS, EventMap.load(rows))


@given(st.lists(st.sampled_from(WORDS_OF_NAMES), min_size=1, max_size=4), st.sampled_from((" ", "  ", "-", ".")))
def test_a_name_of_plain_words_is_read_as_any_other(words: list[str], between: str) -> None:
    """The short way that most names take ends where the long one does."""
    text = between.join(words)
    assert name_of_somebody(text) == without_placeholders(text)
