"""Files made to stop whoever reads them: each is refused with a sentence, within seconds and a bounded memory."""

import io
import json
import random
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import DOORS, rows, workbook
from tableparts import FOLLOW_UP, HOME, dmn, table

from workers.decision_table import Unreadable, load, parse, parse_dmn, read_xlsx, write_xlsx
from workers.decision_table.model.cells import either
from workers.decision_table.model.limits import LONGEST_CELL, MOST_COLUMNS, MOST_FAULTS, TABLE
from workers.decision_table.model.spans import Span, common
from workers.errors import BadInput
from workers.text.yaml_text import DEEPEST, MOST_NODES, read_yaml

SECONDS, MEGABYTES = 20, 700
"""What one file may take, and what all of a door's may: five times and more of what they take."""


def limited() -> None:
    """End a process that takes far more than the test allows, so that a fault does not take the machine with it."""
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (240, 240))


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_a_budget(door: str) -> None:
    """Every file of a door is read or refused in seconds, and together they need a bounded memory."""
    program = [sys.executable, str(Path(__file__).parent / "hostile.py"), door]
    done = subprocess.run(program, capture_output=True, text=True, cwd=HOME, check=False, preexec_fn=limited)
    assert done.returncode == 0, done.stderr[-2000:]
    measured = json.loads(done.stdout)
    slow = {name: reading for name, reading in measured["files"].items() if reading["seconds"] > SECONDS}
    assert not slow
    assert measured["megabytes"] < MEGABYTES
    assert all(len(file["said"]) < 1_500 for file in measured["files"].values())
    assert "Error" not in "".join(file["said"] for file in measured["files"].values())


def broken_workbooks() -> dict[str, bytes]:
    """Return workbooks with one part each that the library stumbles over, while opening or while reading cells."""
    inner = {
        "a style that there is not": '<row r="1"><c r="A1" s="9999"><v>1</v></c></row>',
        "a text that there is not": '<row r="1"><c r="A1" t="s"><v>99999</v></c></row>',
        "a text that is no number": '<row r="1"><c r="A1" t="s"><v>x</v></c></row>',
        "a number that is none": '<row r="1"><c r="A1"><v>1e</v></c></row>',
        "a place that is none": '<row r="1"><c r="1A"><v>1</v></c></row>',
        "a row that is none": '<row r="first"><c><v>1</v></c></row>',
        "an unknown type": '<row r="1"><c r="A1" t="zz"><v>1</v></c></row>',
        "a date beyond the calendar": '<row r="1"><c r="A1" t="d"><v>99999-01-01</v></c></row>',
    }
    workbooks = {name: workbook(rows(xml)) for name, xml in inner.items()}
    good = write_xlsx(load(FOLLOW_UP))
    parts = (
        "[Content_Types].xml",
        "xl/workbook.xml",
        "xl/styles.xml",
        "xl/sharedStrings.xml",
        "xl/_rels/workbook.xml.rels",
    )
    for part in parts:
        workbooks[f"no {part}"] = replaced(good, part, None)
        workbooks[f"empty {part}"] = replaced(good, part, b"")
        workbooks[f"other {part}"] = replaced(good, part, b"<a/>")
    workbooks["half a file"] = good[: len(good) // 2]
    workbooks["another archive"] = replaced(b"", "a.txt", b"a")
    return workbooks


def replaced(book: bytes, name: str, content: bytes | None) -> bytes:
    """Return an archive with one part replaced, or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        if book:
            with zipfile.ZipFile(io.BytesIO(book)) as archive:
                for part in archive.namelist():
                    if part != name:
                        changed.writestr(part, archive.read(part))
        if content is not None:
            changed.writestr(name, content)
    return out.getvalue()


def test_a_malformed_workbook_is_refused_with_a_sentence() -> None:
    """Whatever the library raises, and wherever, the reader of the sentence learns what to do."""
    for name, data in broken_workbooks().items():
        assert refusal(lambda data=data: read_xlsx(data)).endswith((".", "?", "")), name  # type: ignore[misc]  # bound


@pytest.mark.parametrize("seed", range(6))
def test_a_workbook_with_any_byte_changed_is_read_or_refused(seed: int) -> None:
    """A byte changed anywhere in any part ends in a table or in a refusal."""
    good = write_xlsx(load(FOLLOW_UP))
    draw = random_of(seed)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        for part in archive.namelist():
            content = bytearray(archive.read(part))
            for _ in range(draw.randrange(1, 4)):
                content[draw.randrange(len(content))] = draw.randrange(256)
            changed = replaced(good, part, bytes(content))
            refusal(lambda changed=changed: read_xlsx(changed))  # type: ignore[misc]  # bound


@pytest.mark.parametrize("seed", range(20))
def test_a_file_with_any_bytes_changed_is_read_or_refused(seed: int) -> None:
    """The same for CSV, table.yaml and DMN: parsing is total."""
    draw = random_of(seed)
    lines, columns = (FOLLOW_UP / "rules.csv").read_bytes(), (FOLLOW_UP / "table.yaml").read_bytes()
    other = dmn(
        [("x", "number", "1,2"), ("y", "string", "")], [("o", "string", '"a"', '"b"')], [(">1", '"u"', '"a"')] * 5
    )
    for _ in range(20):
        files = {"rules.csv": damaged(draw, lines), "table.yaml": columns}
        others = {"rules.csv": lines, "table.yaml": damaged(draw, columns)}
        data = damaged(draw, other)
        for read in (lambda: parse(files), lambda: parse(others), lambda: parse_dmn(data)):  # noqa: B023  called at once
            assert "cannot be read (" not in refusal(read)


def refusal(read: Callable[[], object]) -> str:
    """Return why something is refused, or nothing where it is read; anything but a refusal escapes and fails."""
    try:
        read()
    except BadInput as fault:
        return str(fault)
    return ""


def random_of(seed: int) -> random.Random:
    """Return a source of chance that gives the same every time."""
    return random.Random(seed)


def damaged(draw: random.Random, data: bytes) -> bytes:
    """Return the bytes with some pieces written over, doubled or taken out."""
    for _ in range(draw.randrange(1, 5)):
        at, length = draw.randrange(len(data)), draw.randrange(1, 12)
        piece = draw.choice(
            (b'"', b"\\", b"[", b"not(", b"..", b"\x00", b"\xff", b"9" * 50, b"-", b"", data[at : at + 30])
        )
        data = data[:at] + piece + data[at + length :]
    return data


def test_what_is_just_within_the_limits_is_read() -> None:
    """The widest table, the longest cell and every row up to the limit are taken; one more is refused by its figure."""
    names = [f"c{number}" for number in range(MOST_COLUMNS - 2)]
    yaml = "inputs:\n" + "".join(f"  {name}: integer 0..10\n" for name in names) + "outputs:\n  then: text\n"
    widest = ";".join(["id", *names, "then"])
    assert len(table(f"{widest}\n", yaml).inputs) == MOST_COLUMNS - 2
    with pytest.raises(Unreadable, match=rf"has {MOST_COLUMNS + 1} columns; at most {MOST_COLUMNS}"):
        table(f"{widest};more\n", yaml)
    assert table(f"{widest}{';' * 20_000}\n", yaml).inputs
    note = "a" * LONGEST_CELL
    assert table(f"id;score;then\nR1;3;{note}\n").rules[0].outputs["then"] == note
    with pytest.raises(Unreadable, match=r"cell of 10,001 signs"):
        table(f"id;score;then\nR1;3;{note}a\n")
    assert len(table("id;score;then\n" + "R1;3;a\n" * (TABLE.rows - 1)).rules) == TABLE.rows - 1
    with pytest.raises(Unreadable, match=r"more than 20,000 rows"):
        table("id;score;then\n" + "R1;3;a\n" * TABLE.rows)


def test_a_file_without_a_readable_cell_is_refused_after_some_faults() -> None:
    """A thousand faults are listed; a file with more is another kind of file."""
    assert len(table("id;score;then\n" + "R1;no;a\n" * MOST_FAULTS).faults) == MOST_FAULTS
    with pytest.raises(Unreadable, match=r"More than 1,000 cells cannot be read. The first: Row 2"):
        table("id;score;then\n" + "R1;no;a\n" * (MOST_FAULTS + 1))


def test_an_alias_counts_as_often_as_it_stands() -> None:
    """Aliases are taken, and counted in full; a text that holds itself is refused."""
    assert read_yaml("a: &a [1, 2]\nb: *a\n", "x") == {"a": [1, 2], "b": [1, 2]}
    assert read_yaml("[" * DEEPEST + "]" * DEEPEST, "x")
    with pytest.raises(BadInput, match=f"more than {MOST_NODES:,} keys"):
        read_yaml(f"a: &a [{', '.join('x' * 1_000)}]\nb: [{', '.join(['*a'] * 60)}]", "x")
    with pytest.raises(BadInput, match="something that holds it"):
        read_yaml("&a [*a]", "x")


@pytest.mark.parametrize("number", ["1:" * 240_000 + "1", "+1:" + "59:" * 150_000 + "0.5", "9" * 501])
def test_a_number_without_an_end_is_refused_before_it_is_counted(number: str) -> None:
    """Base 60 of half a megabyte took 13 s; in quotes, or short, it is what it is."""
    with pytest.raises(BadInput, match=r"x has a number of [0-9,]+ signs"):
        read_yaml(f"a: {number}", "x")
    assert read_yaml(f'a: "{number}"', "x") == {"a": number}
    assert read_yaml("a: 1:30", "x") == {"a": 90}


def test_the_union_of_turned_sets() -> None:
    """Sets of words, some turned round, join as the texts that one of them lets through."""
    a, b, c = frozenset("a"), frozenset("ab"), frozenset("bc")
    assert either([(a, False), (c, False)]) == (frozenset("abc"), False)
    assert either([(b, True), (c, True)]) == (frozenset("b"), True)
    assert either([(b, True), (a, False)]) == (frozenset("b"), True)
    assert either([]) == (frozenset(), False)


def test_what_two_sets_of_spans_share_is_found_from_either_side() -> None:
    """Many short spans against few long ones, ends open and closed, give the same from both sides."""
    draw = random_of(1)
    for _ in range(200):
        first, second = ([draw.randrange(60) for _ in range(2 * draw.randrange(1, 6))] for _ in range(2))
        sets = []
        for ends in (first, second):
            ends = sorted(set(ends))[: len(set(ends)) // 2 * 2]
            sets.append(tuple(Span((low, 0), (high, 0)) for low, high in zip(ends[::2], ends[1::2], strict=True)))
        few_spans, other_spans = sets
        wanted = {n for n in range(60) if all(any(s.low <= (n, 0) < s.high for s in each) for each in sets)}  # type: ignore[operator]  # both ends are given
        for shared in (common(few_spans, other_spans), common(other_spans, few_spans)):
            assert {n for n in range(60) if any(s.low <= (n, 0) < s.high for s in shared)} == wanted  # type: ignore[operator]  # as above
