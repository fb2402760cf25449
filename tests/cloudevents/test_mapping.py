"""A CRM's own types: rules/events.csv says what they mean and where their data has ours."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from workers.cloudevents import Codec, Event, EventMap, Kind, Refusal, Rejected, read_schemas
from workers.errors import Misconfigured

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SCHEMAS = read_schemas(
    {
        str(path.relative_to(ROOT / "schemas")): path.read_bytes()
        for path in (ROOT / "schemas").rglob("*.json")
        if path.name != "openapi.json"
    }
)
MAP = """# the shop's types
type;kind;name;customer.id;reference;label;occurred_at;delivery_expected;months;customer.email
com.shop.order.paid;journey;purchase;order.customer;order.number;order.title;;order.shipped;;order.mail
com.shop.parcel;journey;delivery;customer_no;/parcel/0/order;;parcel_at;;;
com.shop.refunded;contrary;refund;customer_no;order;;;;;
com.shop.year;journey;milestone;customer_no;;;;;=12;
com.shop.blog;journey;blog_read;visitor;article;;;;;
"""


def parse(type_: str, data: object, text: str = MAP, **attributes: object) -> Event | Rejected:
    """Parse an event of the shop's."""
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "shop",
        "type": type_,
        "time": "2026-03-31T14:05:00Z",
        "data": data,
        **attributes,
    }
    return Codec(SCHEMAS, EventMap.load(text.encode())).parse(orjson.dumps(event), (), NOW)


def test_fields_are_found_where_the_map_says() -> None:
    """Dotted paths, with numbers taken as text and words as truth values; the type stays the CRM's."""
    order = {"customer": 42, "number": 5001, "title": "lamp", "shipped": "yes", "mail": "a@b.org"}
    event = parse("com.shop.order.paid", {"order": order, "colour": "red"}, subject="order 5001")
    assert isinstance(event, Event)
    assert (event.kind, event.name, event.type) == (Kind.JOURNEY, "purchase", "com.shop.order.paid")
    assert (event.crm_id, event.reference, event.label) == ("42", "5001", "lamp")
    assert (event.delivery_expected, event.customer.get("email")) == (True, "a@b.org")
    assert event.details == {"colour": "red"}


def test_pointers_and_times() -> None:
    """JSON pointers reach into lists; the time found counts."""
    data = {"customer_no": "7", "parcel": [{"order": "5001"}], "parcel_at": "2026-03-30T00:00:00Z"}
    event = parse("com.shop.parcel", data)
    assert isinstance(event, Event)
    assert (event.reference, event.occurred_at) == ("5001", datetime(2026, 3, 30, tzinfo=UTC))


def test_constants() -> None:
    """A cell =12 is the value itself."""
    event = parse("com.shop.year", {"customer_no": "7"})
    assert isinstance(event, Event)
    assert event.months == 12


def test_a_trigger_of_the_operators_own() -> None:
    """A name nobody has heard of is a journey event of the general shape, from one row."""
    event = parse("com.shop.blog", {"visitor": "7", "article": "spring"})
    assert isinstance(event, Event)
    assert (event.kind, event.name, event.reference) == (Kind.JOURNEY, "blog_read", "spring")


def test_our_own_naming_may_be_used_for_it() -> None:
    """boucle.journey.<new trigger>.v1 can be mapped with every field in its usual place."""
    text = "type,kind,name\nboucle.journey.meeting_booked.v1,journey,meeting_booked\n"
    event = parse("boucle.journey.meeting_booked.v1", {"customer": {"id": "7"}, "label": "demo"}, text)
    assert isinstance(event, Event)
    assert (event.name, event.crm_id, event.label) == ("meeting_booked", "7", "demo")


def test_faults_point_into_the_crms_own_data() -> None:
    """The CRM engineer sees the place in the event that was sent."""
    result = parse("com.shop.order.paid", {"order": {"customer": {"no": 1}, "number": ["x"], "shipped": "soon"}})
    assert isinstance(result, Rejected)
    assert {"/data/order/number", "/data/order/shipped"} <= {fault.pointer for fault in result.faults}


def test_a_missing_customer_is_named() -> None:
    """Where the mapped place is empty, no subject is taken for a customer: it may be an order."""
    result = parse("com.shop.refunded", {"order": "5001"}, subject="order 5001")
    assert isinstance(result, Rejected)
    assert result.reason == Refusal.MISSING_CUSTOMER


def test_the_shipped_map_is_empty_and_good() -> None:
    """Nothing is mapped until an operator does; the commented examples are correct once active."""
    shipped = (ROOT / "rules/events.csv").read_text()
    assert EventMap.load(shipped.encode()).types == {}
    examples = [line.removeprefix("# ") for line in shipped.splitlines() if line.startswith("# com.")]
    header = shipped.splitlines()[-1]
    event_map = EventMap.load("\n".join([header, *examples]).encode())
    assert len(event_map.types) == len(examples) >= 4
    Codec(SCHEMAS, event_map)


def test_all_faults_of_the_file_at_once() -> None:
    """Every bad row is named with its line."""
    text = (
        "type;kind;name;Customer ID;reference\n"
        "a.b;jorney;purchase;;\n;journey;purchase;;\nc.d;journey;Big Word;;\n"
        "e.f;journey;wave;;order..id\ng.h;journey;wave;;\ng.h;journey;wave;;\ni.j;journey;wave;;a;b\n"
    )
    with pytest.raises(Misconfigured) as caught:
        EventMap.load(text.encode())
    lines = [fault.partition(":")[0] for fault in caught.value.faults]
    assert lines == [f"rules/events.csv, line {number}" for number in (1, 2, 3, 4, 5, 7, 8)]


def test_what_only_the_schemas_can_tell() -> None:
    """Own types, unknown names of a closed kind, and fields our data does not have are refused at start."""
    text = "type;kind;name;months\nboucle.score.v1;score;;\na.b;customer;renamed;\nc.d;journey;delivery;=3\n"
    with pytest.raises(Misconfigured) as caught:
        Codec(SCHEMAS, EventMap.load(text.encode()))
    assert len(caught.value.faults) == 3


def test_a_file_in_another_encoding_is_refused_with_its_line() -> None:
    """Latin-1 from a spreadsheet is named, not mangled."""
    with pytest.raises(Misconfigured, match="line 2"):
        EventMap.load("type;kind;name\na.é;journey;wave\n".encode("latin-1"))


def test_scores_of_another_tool_can_be_mapped() -> None:
    """A survey tool's own type is a score with its own field names."""
    text = "type;kind;name;score;comment;customer.id\nnet.tool.answer;score;;nps;text;who\n"
    event = parse("net.tool.answer", {"nps": "9", "text": "fine", "who": 3}, text)
    assert isinstance(event, Event)
    assert event.score is not None
    assert (event.score.score, event.score.comment, event.crm_id) == (9, "fine", "3")
