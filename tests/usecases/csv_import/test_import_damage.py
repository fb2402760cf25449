"""Damaged rows of a CSV file: each costs itself alone, every line is counted, and nobody guesses."""

import io
import random
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from budget import costs, dear
from csvparts import CODEC, HEAD, MAPPING, line
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import Misconfigured
from workers.usecases import csv_import
from workers.usecases.csv_import.records import LONGEST_CELL
from workers.usecases.csv_import.rows import ImportRow


def read(csv: str | bytes, mapping: str = MAPPING, said: list[str] | None = None) -> list[ImportRow]:
    """Return the rows of a file."""
    stream = io.BytesIO(csv if isinstance(csv, bytes) else csv.encode())
    return list(
        csv_import.rows(stream, csv_import.Mapping.load(mapping, CODEC), (said if said is not None else []).append)
    )


def refused(rows: Sequence[ImportRow]) -> list[tuple[int, str]]:
    """Return line and column of the rows that are refused."""
    return [(row.line, row.column) for row in rows if row.rejected is not None]


def only_event(csv: str, mapping: str = MAPPING) -> dict[str, object]:
    """Return the event of a file with one good row."""
    [row] = read(csv, mapping)
    assert row.rejected is None, row.rejected.fault
    return dict(orjson.loads(row.events[0]))


@pytest.mark.parametrize("behind", ['c700,a,"Bo ""X"" L",p,2026-11-20T10:05:00,lamp,no\n', "", 'c700,"a,b\n'])
def test_a_stray_quote_costs_its_own_line(behind: str) -> None:
    """Reading goes on with the next physical line, however far the quote would have reached, and says how far."""
    rows = read(HEAD + line(0) + line(1, name='"Bo') + "".join(line(n) for n in range(2, 700)) + behind + line(701))
    assert refused(rows)[0] == (3, "name")
    assert len(rows) == 701 + bool(behind)
    assert sum(row.rejected is None for row in rows) >= 700
    assert rows[1].rejected is not None
    assert "would have swallowed" in rows[1].rejected.fault


def test_two_stray_quotes_that_make_a_legal_cell_take_nothing() -> None:
    """A record that is legal and as well two or more rows may be either: each line is refused, and counted."""
    for between in (0, 1, 5):
        lines = [line(1, name='"Bo'), *(line(n + 2) for n in range(between)), line(9, name='Bo"')]
        rows = read(HEAD + line(0) + "".join(lines) + line(10))
        assert len(rows) == 4 + between
        assert refused(rows) == [(number, "name") for number in range(3, 5 + between)]


def test_line_breaks_in_quotes_are_one_row() -> None:
    """A comment of several lines is a cell, also where one of its lines looks like a row."""
    [row] = read(HEAD + line(1, label='"a\n\nb, ""c""\n"'))
    assert orjson.loads(row.events[0])["data"]["label"] == 'a\n\nb, "c"'
    [row] = read(HEAD + line(1, label='"a\n' + line(2) + 'b"'))
    assert row.rejected is None
    [row] = read(HEAD + '1,2,"3\n4",5\n')
    assert refused([row]) == [(2, "paid_at")]


QUOTE_SIGNS = st.lists(st.sampled_from(['"', ",", "\n", "a", '""', ',"', '",', "1,2,3,4,5,6,7\n"]), max_size=60)


@given(QUOTE_SIGNS)
def test_no_line_is_lost_and_none_is_read_twice(signs: list[str]) -> None:
    """Whatever quotes a file has, its bytes are in its rows once and in order, but for lines with nothing in them."""
    text = "".join(signs)
    rows = read(HEAD + text)
    at = 0
    for row in rows:
        begins = text.encode().index(bytes(row.raw), at)
        assert not text.encode()[at:begins].replace(b",", b"").replace(b'"', b"").strip()
        at = begins + len(row.raw)
    assert not text.encode()[at:].replace(b",", b"").replace(b'"', b"").strip()
    numbers = [row.line for row in rows]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        ("c2,a2@example.org,Bo,o2,2026-11-20T10:05:00,lamp,no,hi,,\n", True),
        ("c2,a2@example.org,Bo,o2,2026-11-20T10:05:00,lamp,no\n", True),
        ("c2,a2@example.org,Bo,o2,2026-11-20T10:05:00,lamp\n", True),
        ("c2,a2@example.org,Bo,o2,2026-11-20T10:05:00,lamp,no", False),
        ("c2,a2@example.org,Bo,o2\n", False),
        ("c2,a2@example.org,Bo,o2,2026-11-20T10:05:00,lamp,no,hi,there\n", False),
    ],
)
def test_cells_that_excel_left_out_are_empty(row: str, taken: bool) -> None:
    """Empty cells at the end may be missing or too many; a row without what it needs, or the end of a cut-off file,
    is refused.
    """
    [read_row] = read(HEAD.replace("delivery", "delivery,note") + row)
    assert (read_row.rejected is None) is taken
    if not taken:
        assert read_row.column


def test_headers_as_programs_write_them() -> None:
    """Line breaks, spaces and capitals in names, `sep=`, a byte order mark, semicolons, old line ends."""
    for text in (
        HEAD.replace("label", '"label\n(as on the invoice)"') + line(1),
        HEAD.replace("label", '"  Label "') + line(1),
        "sep=;\r\n" + (HEAD + line(1)).replace(",", ";").replace("\n", "\r\n"),
        '"sep=|"\n' + (HEAD + line(1)).replace(",", "|"),
        "\ufeff" + HEAD + line(1),
        (HEAD + line(1)).replace("\n", "\r"),
    ):
        assert only_event(text)["id"] == "p1-purchase", text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_other_encodings_are_converted_and_said(encoding: str) -> None:
    """UTF-16 with and without its mark, and Windows-1252, are read as what they are, and a sentence says so."""
    said: list[str] = []
    [row] = read((HEAD + line(1, name="Zoë €")).encode(encoding), said=said)
    assert orjson.loads(row.events[0])["data"]["customer"]["name"] == "Zoë €"
    assert any(word in said[0] for word in ("UTF-16", "UTF-32", "Windows-1252"))


@pytest.mark.parametrize(
    ("beginning", "says"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"\x1f\x8b\x08\x00", "Unpack"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xef\xbb\xbf<html><table>", "web page"),
        (b'[{"customer_id": 1}]', "JSON"),
        (b'{"customer_id": 1}\n', "JSON"),
    ],
)
def test_what_is_no_csv_is_called_what_it_is(beginning: bytes, says: str) -> None:
    """A workbook, a packed file, a PDF or a web page handed over as CSV is named, with what to do."""
    with pytest.raises(Misconfigured, match=says):
        read(beginning + bytes(range(256)) * 20)


def test_an_encoding_may_be_declared_and_a_mixed_file_is_not_guessed() -> None:
    """What the mapping names is used; a file that is UTF-8 elsewhere has a damaged row, not another encoding."""
    event = only_event((HEAD + line(1, name="Žofie")).encode("cp1250").decode("latin-1"), MAPPING)
    assert event["id"] == "p1-purchase"
    [row] = read((HEAD + line(1, name="Žofie")).encode("cp1250"), MAPPING + "encoding: cp1250\n")
    assert orjson.loads(row.events[0])["data"]["customer"]["name"] == "Žofie"
    rows = read((HEAD + line(1, name="Zoë")).encode() + line(2, name="Zoë").encode("cp1252"))
    assert [row.rejected is None for row in rows] == [True, False]
    for name in ("utf-99", "rot13", "cp037"):
        with pytest.raises(Misconfigured, match="encoding"):
            read(HEAD, MAPPING + f"encoding: {name}\n")


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026-11-20", "2026-11-19T23:00:00Z"),
        ("2026-11-20 10:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20T10:00:00.000+0000", "2026-11-20T10:00:00Z"),
        ("2026-11-20 10:00:00 +0100", "2026-11-20T09:00:00Z"),
        ("2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00Z"),
        ("20/11/2026 10:00", "2026-11-20T09:00:00Z"),
        ("11/20/2026 3:05 PM", "2026-11-20T14:05:00Z"),
        ("11/20/2026 12:05 am", "2026-11-19T23:05:00Z"),
        ("3.4.2026 10:00", "2026-04-03T08:00:00Z"),
        ("2026/4/3 9:30", "2026-04-03T07:30:00Z"),
        ("05/05/2026", "2026-05-04T22:00:00Z"),
        ("Nov 20, 2026 10:00 AM", "2026-11-20T09:00:00Z"),
        ("Fri, 20 Nov 2026 10:00:00 GMT", "2026-11-20T10:00:00Z"),
        ("1795168800", "2026-11-20T10:00:00Z"),
        ("1795168800000", "2026-11-20T10:00:00Z"),
        ("46346.416666", "2026-11-20T09:00:00Z"),
        ("46346,5", "2026-11-20T11:00:00Z"),
        ("20261120", "2026-11-19T23:00:00Z"),
        ("20261120T100000Z", "2026-11-20T10:00:00Z"),
        ("20261120100000", "2026-11-20T09:00:00Z"),
    ],
)
def test_times_that_can_mean_one_instant_are_read(cell: str, at: str) -> None:
    """Notations of programs and spreadsheets that leave no doubt need no word in the mapping."""
    event = only_event(HEAD.replace(",", ";") + f"c;;;o;{cell};;no\n")
    assert event["time"] == at


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("03/04/2026 10:00", "may be 03 April or 04 March"),
        ("20/11/26", "two digits"),
        ("2026-02-30", "exists"),
        ("31/02/2026", "exists"),
        ("13:05", "known here"),
        ("20 Brumaire 2026", "English"),
        ("12345", "number"),
        ("tomorrow", "known here"),
    ],
)
def test_times_that_can_mean_two_are_told_how_to_be_made_plain(cell: str, says: str) -> None:
    """The event keeps what stood in the cell, and the column's advice says what to write instead."""
    [row] = read(HEAD + f"c,,,o,{cell},,no\n")
    assert orjson.loads(row.events[0])["time"] == cell
    column, value, advice = row.filled[0].cell_of("/time")
    assert (column, value) == ("paid_at", cell)
    assert says in advice


def test_notations_that_the_mapping_names_are_the_only_ones() -> None:
    """One or several patterns, or a word for numbers; what is written otherwise is not guessed at."""
    named = MAPPING + 'time_format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]\n'
    assert only_event(HEAD + "c,,,o,03/04/2026 10:00,,no\n", named)["time"] == "2026-04-03T08:00:00Z"
    assert only_event(HEAD + "c,,,o,03/04/2026,,no\n", named)["time"] == "2026-04-02T22:00:00Z"
    [row] = read(HEAD + "c,,,o,2026-04-03,,no\n", named)
    assert "time_format: %d/%m/%Y %H:%M or %d/%m/%Y" in row.filled[0].cell_of("/time")[2]
    for word, cell in (("epoch", "1795168800"), ("epoch_ms", "1795168800000"), ("excel1904", "44884.458333")):
        event = only_event(HEAD + f"c,,,o,{cell},,no\n", MAPPING + f"time_format: {word}\n")
        assert event["time"] == "2026-11-20T10:00:00Z"
    with pytest.raises(Misconfigured, match="Did you mean epoch"):
        read(HEAD, MAPPING + "time_format: epoc\n")


@pytest.mark.parametrize("given", ["0", "00", "0.0", "NULL", "None", "n/a", "guest", "-"])
def test_guests_are_never_one_customer(given: str) -> None:
    """An id that stands for nobody is refused, or replaced by what the mapping says guests are known by."""
    csv = HEAD + f"{given},g1@example.org,,o1,2026-11-20T10:00:00,,no\n,g2@example.org,,o2,2026-11-20T10:00:00,,no\n"
    nobody, empty = read(csv)
    assert (nobody.column, nobody.value) == ("customer_id", given)
    assert empty.rejected is None  # the codec says that the customer is missing
    guests = read(csv, MAPPING + 'guest: "guest-{email}"\n')
    assert [orjson.loads(row.events[0])["subject"] for row in guests] == [
        "guest-g1@example.org",
        "guest-g2@example.org",
    ]
    assert [orjson.loads(row.events[0])["data"]["customer"]["id"] for row in guests] == [
        "guest-g1@example.org",
        "guest-g2@example.org",
    ]


@pytest.mark.parametrize("cell", ["4.71235E+12", "4,71235e+12", "#NAME?", "########", "#REF!"])
@pytest.mark.parametrize("column", ["customer_id", "order_id"])
def test_ids_that_a_spreadsheet_spoiled_are_refused(cell: str, column: str) -> None:
    """Digits that are gone cannot be guessed, and an error is no id."""
    cells = {"customer_id": "c", "order_id": "o", column: cell}
    [row] = read(HEAD.replace(",", ";") + f"{cells['customer_id']};;;{cells['order_id']};2026-11-20T10:00:00;;no\n")
    assert (row.column, row.value, row.events) == (column, cell, ())


def test_a_cell_that_names_several_customers_is_refused() -> None:
    """Ids in a list are nobody's id; a number with a comma in a text is one."""
    rows = read(HEAD.replace(",", ";") + '"10151;10152";;;o;2026-11-20T10:00:00;;no\nA,1;;;p;2026-11-20T10:00:00;;no\n')
    assert [row.column for row in rows] == ["customer_id", ""]


@pytest.mark.parametrize(
    ("cell", "taken"),
    [("a@example.org; b@example.org", False), ("no address", False), ("Bo <b@example.org>", True), ("", True)],
)
def test_one_address_or_a_sentence(cell: str, taken: bool) -> None:
    """Who is only asked needs one address that can be told; a stop counts whatever stands there."""
    text = HEAD.replace(",", ";") + f'c;"{cell}";;o;2026-11-20T10:00:00;;no\n'
    [row] = read(text)
    assert (row.rejected is None) is taken
    stop = MAPPING.replace("journey.purchase", "customer.opted_out")
    [row] = read(text, stop)
    assert row.rejected is None


def test_conditions_choose_the_rows() -> None:
    """`when` names a column that is filled, or the values that it must have; a row without events is a row still."""
    mapping = MAPPING.replace('time: "{paid_at}"', 'time: "{paid_at}"\n    when: {label: [Paid, "Sent "], name: Bo}')
    rows = read(
        HEAD + line(1, label="paid") + line(2, label="open") + line(3, "Cy", "sent") + line(4, "BO", "SENT"), mapping
    )
    assert [len(row.events) for row in rows] == [1, 0, 0, 1]
    with pytest.raises(Misconfigured, match="has no value"):
        read(HEAD, mapping.replace("name: Bo", "name: []"))


def test_names_of_two_columns_and_none() -> None:
    """A text of several columns is trimmed, and absent where all of them are empty."""
    mapping = MAPPING.replace('name: "{name}"', 'name: "{name} {label}"')
    names = [
        orjson.loads(row.events[0])["data"]["customer"].get("name")
        for row in read(HEAD + line(1, "", "B") + line(2, "", ""), mapping)
    ]
    assert names == ["B", None]


def test_a_line_or_cell_over_its_limit_is_one_row() -> None:
    """A line of three megabytes is one refused row, of which the beginning, the size and the digest are kept."""
    rows = read(HEAD + line(1) + "x" * 3_000_000 + "\n" + line(2, label="y" * (LONGEST_CELL + 1)) + line(3))
    assert [(row.line, row.rejected is None) for row in rows] == [(2, True), (3, False), (4, False), (5, True)]
    assert rows[2].column == "label"
    assert len(rows[1].raw) == 65_536


SETUP = """
    import io
    from csvparts import CODEC, HEAD, MAPPING, line
    from workers.usecases import csv_import as imports
    from workers.errors import Misconfigured
    mapping = imports.Mapping.load(MAPPING, CODEC)
    def read(text, rows):
        count = 0
        try:
            for row in imports.rows(io.BytesIO(text.encode()), mapping):
                count += 1
        except Misconfigured:
            count = -1
        assert count == rows, count
    read(HEAD + line(1), 1)
"""
HOSTILE = {
    "20,000 columns": "read(','.join(f'column {n}' for n in range(20_000)) + chr(10), -1)",
    "2,000 columns like those that are missing": "read(','.join(f'customer_i{n}' for n in range(1_990)) + chr(10), -1)",
    "a header of a megabyte without an end": "read('a,' * 600_000, -1)",
    "a header that is one name": "read('a' * 900_000, -1)",
    "a header whose quote never ends": """read('"a' + 'b,' * 40 + chr(10) * 500_000, -1)""",
    "300,000 delimiters a row": "read(HEAD + (',' * 300_000 + 'x' + chr(10)) * 10, 10)",
    "20,000 lines that each open a quote": """read(HEAD + 'a,"b' * 1 + (chr(10) + 'x",y"z,"') * 20_000, 20_001)""",
    "a quote before 100,000 lines": """read(HEAD + '"' + ''.join(line(n) for n in range(60_000)), 60_000)""",
    "ten megabytes without a line end": "read(HEAD + 'x' * 10_000_000, 1)",
}


def test_a_hostile_file_costs_little(tmp_path: Path) -> None:
    """Columns, cells, rows and quotes are bounded before the work; a file costs what its size costs."""
    setup = (
        'import sys; from budget import TESTS; sys.path.append(str(TESTS / "usecases/csv_import"))\n'
        + SETUP.replace("\n    ", "\n")
    )
    assert dear(costs(setup, HOSTILE, tmp_path), 5.0, 150.0) == {}


@pytest.mark.parametrize(("lines", "said"), [(1, "swallowed the line after it,"), (2, "swallowed 2 lines;")])
def test_what_a_quote_would_have_swallowed_is_counted_in_words(lines: int, said: str) -> None:
    """One line is one line."""
    rows = read(HEAD + line(1, name='"Bo') + "".join(line(n + 2) for n in range(lines)))
    assert rows[0].rejected is not None
    assert said in rows[0].rejected.fault


@pytest.mark.parametrize("size", [40, 400, 40_000])
@pytest.mark.parametrize("seed", range(3))
def test_noise_is_called_no_text(size: int, seed: int) -> None:
    """Not "save it as UTF-8": no program can save a picture as that."""
    with pytest.raises(Misconfigured, match="not text"):
        read(random.Random(seed).randbytes(size))


def test_single_odd_signs_are_the_fault_of_their_row() -> None:
    """A NUL here and there, a control sign that a till printed: the other rows are read."""
    rows = read(HEAD + line(0) + line(1, name="B\0o") + line(2, name="B\x02o") + "".join(map(line, range(3, 9))))
    assert len(rows) == 9
    assert sum(row.rejected is None for row in rows) >= 7
