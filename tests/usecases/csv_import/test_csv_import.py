"""CSV files to events: the mapping decides, a bad row is refused by line, and nothing stops the import."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from csvparts import CODEC
from ordersyear import FILE, SHOP

from workers.cloudevents import Event, Refusal, Rejected
from workers.errors import Misconfigured
from workers.usecases import csv_import

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
HEADER = "order_id,customer_id,purchased_at,delivered_at\n"


def run(csv: str | bytes, mapping: str = SHOP) -> list[tuple[int, Event | Rejected]]:
    """Import a file and parse what comes out, as a door would."""
    stream = io.BytesIO(csv if isinstance(csv, bytes) else csv.encode())
    return [
        (line, CODEC.parse(item, (), NOW) if isinstance(item, bytes) else item)
        for line, item in csv_import.events(stream, csv_import.Mapping.load(mapping, CODEC))
    ]


def only(csv: str, mapping: str = SHOP) -> Event:
    """Import a file that has one good event."""
    [(_, event)] = run(csv, mapping)
    assert isinstance(event, Event), event
    return event


def test_a_row_becomes_its_events() -> None:
    """Columns are filled in, times are local to the mapping's zone, customers come along."""
    results = run(HEADER + "o1,c1,2017-10-02T10:56:00,2017-10-10 21:25:00\n")
    assert [line for line, _ in results] == [2, 2]
    purchase, delivery = [event for _, event in results if isinstance(event, Event)]
    assert (purchase.id, purchase.name, purchase.reference) == ("o1-purchase", "purchase", "o1")
    assert purchase.delivery_expected is True
    assert purchase.occurred_at == datetime(2017, 10, 2, 13, 56, tzinfo=UTC)
    assert delivery.occurred_at == datetime(2017, 10, 11, 0, 25, tzinfo=UTC)
    assert (purchase.crm_id, purchase.customer) == ("c1", {"email": "c1@example.org", "language": "fr"})


def test_an_empty_when_column_means_no_event() -> None:
    """What never happened is no event, and no fault."""
    assert only(HEADER + "o1,c1,2017-10-02T10:56:00, \n").name == "purchase"


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_usual_spellings_of_csv(start: str, delimiter: str, end: str) -> None:
    """Comma, semicolon or tab, with or without byte order mark, either line end."""
    text = start + (HEADER + '"o1",c1,"2017-10-02T10:56:00",\n').replace(",", delimiter).replace("\n", end)
    assert only(text).id == "o1-purchase"


SCORES = """
source: tool
customer: {id: "{who}"}
events:
  - type: boucle.score.v1
    id: "{no}"
    data: {score: "{nps}", comment: "{said}", wants_contact: "{call}", occurred_at: "{at}", request: "{request}"}
"""


def test_one_column_takes_the_schemas_type() -> None:
    """A number, a truth value and a text come out of the same kind of cell; an empty cell is absent."""
    event = only("no,who,nps,said,call,at,request\n7,42,9,007,yes,2026-01-01T00:00:00Z,\n", SCORES)
    assert event.score is not None
    assert (event.crm_id, event.score.score, event.score.comment) == ("42", 9, "007")
    assert (event.score.wants_contact, event.score.request) == (True, "")


@pytest.mark.parametrize(
    ("cell", "reason"), [("11", "bad_score"), ("9.5", "bad_score"), ("nine", "bad_score"), ("", "bad_score")]
)
def test_bad_values_are_the_codecs_to_refuse(cell: str, reason: str) -> None:
    """The import changes nothing it does not understand."""
    [(line, result)] = run(f"no,who,nps,said,call,at,request\n7,42,{cell},,,2026-01-01T00:00:00Z,\n", SCORES)
    assert isinstance(result, Rejected)
    assert (line, result.reason) == (2, reason)


def test_a_time_format_and_change_of_clocks() -> None:
    """Other notations are named once; a skipped hour counts from before the change, a double one is the first."""
    mapping = SHOP.replace("America/Sao_Paulo", 'Europe/Paris\ntime_format: "%d/%m/%Y %H:%M"')
    times = {"31/03/2017 10:00": 8, "26/03/2017 02:30": 1, "29/10/2017 02:30": 0}
    for text, hour in times.items():
        assert only(HEADER + f"o1,c1,{text},\n", mapping).occurred_at.hour == hour


def test_without_a_zone_a_time_without_offset_is_refused() -> None:
    """Nobody guesses whose wall clock it was."""
    [(_, result)] = run(HEADER + "o1,c1,2017-10-02T10:56:00,\n", SHOP.replace("time_zone: America/Sao_Paulo\n", ""))
    assert isinstance(result, Rejected)
    assert result.reason == Refusal.BAD_TIME


def test_bad_rows_are_refused_by_line_and_the_rest_goes_on() -> None:
    """Wrong cells, bad quotes, bad bytes, no id, a day that does not exist: each refused, the good ones taken."""
    good = b"o9,c9,2017-10-02T10:56:00,\n"
    rows = [
        b"o1,c1\n",
        b'o2,"c2"x,2017-10-02T10:56:00,\n',
        b"o3,c\xe9\xc3\xa9,2017-10-02T10:56:00,\n",
        b",c4,2017-10-02T10:56:00,\n",
        b"o5,c5,2017-02-30T10:56:00,\n",
        b"o6,c\x006,2017-10-02T10:56:00,\n",
        b"\n",
        b",,,\n",
    ]
    csv = HEADER.encode() + "oé,cé,2017-10-02T10:56:00,\n".encode() + b"".join(row + good for row in rows)
    results = run(csv)[1:]
    refused = {line: result.reason for line, result in results if isinstance(result, Rejected)}
    assert refused == {
        3: Refusal.BAD_ROW,
        5: Refusal.BAD_ROW,
        7: Refusal.WRONG_ENCODING,
        9: Refusal.BAD_ROW,
        11: Refusal.BAD_TIME,
        13: Refusal.WRONG_ENCODING,
    }
    assert sum(isinstance(result, Event) for _, result in results) == len(rows)


def test_a_refused_row_keeps_its_bytes() -> None:
    """A dead letter shows what stood in the file."""
    csv = HEADER.encode() + b'o1,"c\n\xc3\xa9"\n'
    [row] = csv_import.rows(io.BytesIO(csv), csv_import.Mapping.load(SHOP, CODEC))
    assert (row.line, row.raw, row.events) == (2, b'o1,"c\n\xc3\xa9"\n', ())
    assert row.rejected is not None
    assert "2 cells, the header 4" in row.rejected.fault


class Endless(io.RawIOBase):
    """A stream of rows that counts what was read."""

    def __init__(self, row: bytes, times: int) -> None:
        self.read_rows = 0
        self._row, self._times = row, times

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next row, or nothing after the last."""
        self.read_rows += 1
        if self.read_rows == 1:
            return HEADER.encode()
        return self._row if self.read_rows <= self._times else b""


def test_it_streams() -> None:
    """A row is out before the next is read, however long the file; a line without end stays bounded."""
    stream = Endless(b"o1,c1,2017-10-02T10:56:00,\n", 1_000_000)
    rows = csv_import.events(stream, csv_import.Mapping.load(SHOP, CODEC))  # type: ignore[arg-type]  # raw streams read lines too
    assert next(rows)[0] == 2
    assert stream.read_rows == 2
    endless: Iterator[tuple[int, Event | Rejected]] = iter(run(HEADER.encode() + b"x" * 3_000_000))
    assert all(isinstance(result, Rejected) for _, result in endless)


def test_the_header_must_have_the_columns() -> None:
    """All missing columns at once, with a guess; doubled ones too; an empty or foreign file is named."""
    with pytest.raises(Misconfigured) as caught:
        run("orderid,customer_id,customer_id,delivered_at\n")
    assert len(caught.value.faults) == 3
    assert "Did you mean orderid?" in str(caught.value)
    for content in (b"", b"\n", b"a,\xff\xc3\xa9\x81\n", "a,b\n".encode("utf-16")):
        with pytest.raises(Misconfigured):
            run(content)


def test_all_faults_of_a_mapping_at_once() -> None:
    """A slip in a key, a type, a zone, an id without a column: one look is enough."""
    mapping = """
sorce: shop
time_zone: Mars/Base
customer: {email: "{x}"}
events:
  - {type: boucle.journey.purchas.v1, id: same, whem: a, data: 3}
  - 5
"""
    with pytest.raises(Misconfigured) as caught:
        csv_import.Mapping.load(mapping, CODEC)
    text = str(caught.value)
    assert len(caught.value.faults) == 10
    for hint in ("Did you mean source?", "Did you mean boucle.journey.purchase.v1?", "Did you mean when?", "Mars/Base"):
        assert hint in text


@pytest.mark.parametrize("text", ["", "- a", "{", "\x00"])
def test_what_is_no_mapping(text: str) -> None:
    """Anything but a YAML object is refused with a sentence."""
    with pytest.raises(Misconfigured):
        csv_import.Mapping.load(text, CODEC)


@pytest.mark.skipif(not FILE.is_file(), reason="the shared orders are not on this machine")
def test_the_shared_orders() -> None:
    """5,000 real orders: a purchase each, a delivery where one arrived, and nothing refused."""
    with FILE.open("rb") as stream:
        mapping = csv_import.Mapping.load(SHOP, CODEC)
        rows = list(csv_import.rows(stream, mapping))
    events = [CODEC.parse(event, (), NOW) for row in rows for event in row.events]
    names = Counter(event.name for event in events if isinstance(event, Event))
    lines = FILE.read_text().splitlines()
    column = lines[0].split(",").index("delivered_at")
    delivered = sum(bool(line.split(",")[column]) for line in lines[1:])
    assert len(rows) == 5_000
    assert names == {"purchase": 5_000, "delivery": delivered}
    assert len(events) == sum(names.values())
    assert orjson.loads(rows[0].events[0])["source"] == "shop"
