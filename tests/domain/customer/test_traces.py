"""Traces: a person is found in a refused event however it is written, and nobody is taken for another."""

import base64
import gzip
import json
import quopri
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import any_text

from workers.domain.customer.traces import Person, canonical_address, held_address, pieces, readings
from workers.domain.types import Ids

IDS = Ids(b"secret")
ADDRESS = "Jérôme.Dupont@Exämple.fr"


def look_for(*crm_ids: str, address: str = ADDRESS) -> Person:
    """Return somebody to look for, by ids and one address."""
    hashed = frozenset({held_address(address, IDS)}) if address else frozenset()
    return Person(frozenset(crm_ids), addresses=hashed, hashed=lambda text: IDS.keyed_hash("held address", text))


def names_somebody(body: bytes | str, *crm_ids: str) -> bool:
    """Tell whether a message names somebody."""
    raw = body if isinstance(body, bytes) else body.encode()
    return bool(look_for(*crm_ids).traces_in(readings(raw)))


MAIL = f'{{"data": {{"customer": {{"email": "{ADDRESS}"}}, "comment": "été"}}}}'
WAYS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "capitals": lambda text: text.upper().encode(),
    "JSON escapes": lambda text: json.dumps(json.loads(text)).replace("@", "\\u0040").encode(),
    "truncated": lambda text: text[:-20].encode(),
    "Latin-1": lambda text: text.encode("latin-1"),
    "Windows-1252": lambda text: f"{text}€".encode("cp1252"),
    "Mac Roman": lambda text: text.encode("mac_roman"),
    "DOS (code page 850)": lambda text: text.encode("cp850"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without its mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32-le"),
    "read in Latin-1, written in UTF-8": lambda text: text.encode().decode("latin-1").encode(),
    "read in Mac Roman, written in UTF-8": lambda text: text.encode().decode("mac_roman").encode(),
    "read in code page 850, written in UTF-8": lambda text: text.encode().decode("cp850").encode(),
    "decomposed": lambda text: text.replace("é", "e\u0301").replace("ô", "o\u0302").replace("ä", "a\u0308").encode(),
    "full width": lambda text: text.replace("@", "\uff20").replace("fr", "\uff46\uff52").encode(),
    "an invisible sign": lambda text: text.replace("Dupont", "Du\u200bpont").encode(),
    "punycode": lambda text: text.replace("Exämple", "xn--exmple-cua").encode(),
    "a dot behind": lambda text: text.replace(".fr", ".fr.").encode(),
    "a form": lambda text: f"a=1&email={quote(ADDRESS)}&b=2".encode(),
    "an entity": lambda text: text.replace("@", "&#64;").encode(),
    "quoted-printable": lambda text: "".join(
        chr(byte) if 32 < byte < 127 and byte not in b"=@" else f"={byte:02X}" for byte in text.encode("latin-1")
    ).encode(),
    "quoted-printable of UTF-8": lambda text: quopri.encodestring(text.encode()),
    "percent-encoded Latin-1": lambda text: f"x={quote(ADDRESS, encoding='latin-1')}".encode(),
    "base64 of Latin-1": lambda text: base64.b64encode(text.encode("latin-1")),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")),
    "base64 of gzip": lambda text: b'{"data_base64": "' + base64.b64encode(gzip.compress(text.encode())) + b'"}',
    "MessagePack": lambda text: b"\x81\xa5email\xbe" + ADDRESS.encode(),
    "Protocol Buffers": lambda text: b"\x0a\x1a" + ADDRESS.encode() + b"\x12\x02hi",
    "an invisible tag": lambda text: text.replace("Dupont", "Du\U000e0041pont").encode(),
    "base64": lambda text: b'{"data_base64": "' + base64.b64encode(text.encode()) + b'"}',
    "base64 for URLs": lambda text: b"x=" + base64.urlsafe_b64encode(text.encode()),
    "JSON in JSON": lambda text: json.dumps({"payload": json.dumps({"inner": text})}).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib, cut off": lambda text: zlib.compress((text + "x" * 50_000).encode())[:-4],
    "a batch": lambda text: f'[{{"a": 1}}, {text}]'.encode(),
    "a frame before": lambda text: b"\x00\x00\x00\x00\x07" + text.encode(),
    "mailto": lambda text: f"<a href='mailto:{ADDRESS}?subject=x'>".encode(),
    "in a sentence": lambda text: f"Please write to {ADDRESS}.".encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_address_is_found_however_it_is_written(way: str) -> None:
    """Every encoding, escape and spelling that a broken sender may use says the same address."""
    assert names_somebody(WAYS[way](MAIL))


@pytest.mark.parametrize(
    "other", ["erome.dupont@exämple.fr", "jérôme.dupont@exämple.frr", "jérôme.dupont@example.fr", "jérôme.dupont"]
)
def test_another_address_is_not_taken_for_it(other: str) -> None:
    """A part of an address, or one that looks alike, is somebody else's."""
    assert not names_somebody(MAIL.replace(ADDRESS, other))


SAID = (
    *(
        '{"subject": 42}',
        '{"subject": "42"',
        '{"data": {"customer": {"name": {"first": "A"}, "id": 42',
        "customer_id=42",
    ),
    *('{"customerId": "42"}', "<order><customerId>42</customerId></order>"),
    *('<order><customer type="x" id="42"/></order>', "<customer-id><![CDATA[42]]></customer-id>"),
    *('{"merged_into": "42"}', "ce_subject: 42"),
    *('{"customers": [41, 42]}', '{"customers": [{"id": "42"}]}', '{"payload": "{\\"customer\\": {\\"id\\": 42}}"}'),
    *(
        "customer%5Bid%5D=42",
        '{"Contact": {"ID": 42.0}}',
        '{"user_id": "0042"}',
        '[{"subject": "7"}, {"subject": "42"}]',
    ),
)
NOT_SAID = (
    *(
        '{"subject": "43", "score": 42}',
        '{"subject": "142"}',
        '{"subject": "42-7"}',
        '{"subject": "42.5"}',
        "amount=42",
    ),
    *('{"subject": "7", "data": {"customer": {"id": "7", "orders": [{"id": 42}], "age": 42}}}', '{"id": "42"}', "42"),
    *(
        '{"data": {"reference": "42"}}',
        '{"text": "42 people"}',
        '<customer name="A"><order id="42"/>',
        '{"customers": 2, "total": 42}',
        "x-customer-42-y",
    ),
)


@pytest.mark.parametrize("body", SAID)
def test_a_short_id_counts_where_it_says_whose(body: str) -> None:
    """As a number or a text, cut off, nested, in a form, in XML, in a list: the field says that it is somebody."""
    assert names_somebody(body, "42")


@pytest.mark.parametrize("body", NOT_SAID)
def test_a_short_number_elsewhere_is_nobody(body: str) -> None:
    """An amount, an order or a part of a longer id does not wipe another customer's letter."""
    assert not names_somebody(body, "42")


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ("I am CUST-1042, call me", True),
        ("order CUST-10421", False),
        ("XCUST-1042", False),
        ("https://crm/CUST-1042?tab=1", True),
        ("CUST-1042.", True),
        ("CUST-1042.b", False),
        ("see gid://shop/Customer/7 here", True),
        ("see gid://shop/Customer/77 here", False),
        ("camille said so", False),
        ('{"customer": "camille"}', True),
    ],
)
def test_an_id_that_looks_like_nothing_else_counts_anywhere(body: str, is_one: bool) -> None:
    """As a whole token in any text; a usual word only as somebody's id."""
    assert names_somebody(body, "CUST-1042", "gid://shop/Customer/7", "camille") is is_one


def test_another_spelling_is_told_apart() -> None:
    """`cust-1042` may be CUST-1042 or somebody else: the caller, who knows the customers, decides."""
    person = look_for("CUST-1042")
    assert person.traces_in(["cust-1042"]).spellings == {"cust-1042"}
    assert not person.traces_in(["cust-1042"]).sure
    assert person.traces_in(["cust-1042 CUST-1042"]).sure


def test_an_address_has_one_form() -> None:
    """Capitals, width, invisible signs, punycode and a dot at the end are no other mailbox."""
    forms = (
        "jean@exämple.fr",
        "JEAN@EXÄMPLE.FR",
        "jean@xn--exmple-cua.fr",
        "\u200bjean@exämple.fr. ",
        "<jean@exämple.fr>",
    )
    assert len({canonical_address(form) for form in forms}) == 1
    assert canonical_address("nonsense") == "@nonsense"


def test_a_batch_has_pieces() -> None:
    """Items as they are written, and what cannot be read behind them as one more; no list is one piece."""
    assert pieces(b' [{"a": 1} , {"b":"]"}]') == ['{"a": 1}', '{"b":"]"}']
    assert pieces(b'[{"a": 1}, {"b": "tru') == ['{"a": 1}', '{"b": "tru']
    assert pieces(b'{"a": 1}') == ['{"a": 1}']
    assert pieces(b"[]") == []
    assert pieces(b'["\xe9"]')[0].encode("utf-8", "surrogateescape") == b'"\xe9"'


@given(st.one_of(any_text().map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=200)))
def test_any_bytes_can_be_searched(body: bytes) -> None:
    """Whatever was refused: nothing raises, and where the person stands in it they are found."""
    for around in (body, b"[" + body, b'{"a": "' + body + b'"}'):
        look_for("42").traces_in(readings(around))
        pieces(around)
    assert names_somebody(b"\n jean@example.org \n", "42") is False
    if not body.startswith((b"\x1f\x8b", b"\x78")) and b"\x00" not in body:
        assert bool(look_for(address="jean@example.org").traces_in(readings(body + b"\n jean@example.org \n")))
