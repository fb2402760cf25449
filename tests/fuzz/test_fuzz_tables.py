"""Tables, DMN files and workbooks of any shape: each is refused with a sentence, or read, checked and decided with."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import pytest
from campaign import Campaign, smaller_bytes
from mutations import PIECES, changed_bytes, changed_lines
from tableparts import FOLLOW_UP, HOME, PLAN, dmn

from workers.decision_table import (
    Severity,
    check,
    compile_table,
    load,
    load_calendar,
    load_contrary,
    load_waves,
    parse,
    parse_cases,
    parse_dmn,
    read_xlsx,
    write_dmn,
    write_xlsx,
)
from workers.decision_table.model.table import Table
from workers.decision_table.trials.candidate import inputs_of
from workers.errors import BadInput

TABLES = 5_000
TABLE_PIECES = (
    *PIECES,
    *(
        b";-;",
        b"0-6",
        b"9..1",
        b"[1..",
        b"(0..10]",
        b"not(",
        b">=",
        b"< 5",
        b"!= a",
        b"unknown",
        b"any",
        b"never",
        b"*",
    ),
    *(b"06-Jan", b"2026-01-06", b"06.01.2026", b"1e5", b"40 days", b"P7D", b"P99999999999Y", b"-P1D", b"1h 99999999m"),
    *(b"mon-fri 09:00-18:00", b"25:00", b"Europe/Paris", b"integer 0..10", b"integer 10..0", b"text", b"duration"),
    *(
        b"&a",
        b"*a",
        b"!!int ",
        b"? ",
        b"- ",
        b": ",
        b"<<: ",
        b"---\n",
        b"|\n",
        b"<a>",
        b"</a>",
        b"<!ENTITY a 'b'>",
        b"&a;",
    ),
    *(b'date("2026-02-30")', b'duration("P1Y2M")', b"&gt;", b"&quot;", b'typeRef="number"', b'hitPolicy="COLLECT"'),
    *(b'aggregation="SUM"', b"\xe2\x80\xa6", b"\xe2\x88\x92", b"\xc2\xa0", b"00000000000000000000001", b"9" * 5_000),
)


@dataclass(frozen=True, slots=True)
class Brought:
    """Files of one table as somebody brings them; `form` says how they are read."""

    form: str
    files: tuple[tuple[str, bytes], ...]


@cache
def seeds() -> tuple[Brought, ...]:
    """Return good files of every form."""
    brought = []
    for folder in (FOLLOW_UP, PLAN):
        files = tuple((path.name, path.read_bytes()) for path in sorted(folder.glob("*.*")) if path.suffix != ".md")
        brought += [Brought("csv", files)] * 3
        table = load(folder)
        brought += [Brought(form, (("table.xlsx", write_xlsx(table)),)) for form in ("xlsx", "xlsx text")]
        brought.append(Brought("dmn", (("table.dmn", write_dmn(table)),)))
    inputs = [("x", "number", "[0..10]"), ("y", "string", '"a","b"'), ("z", "date", "")]
    rules = [(">1", '"a"', 'date("2026-01-01")', '"a"'), ("-", 'not("b")', "-", '"b"')]
    first = dmn(inputs, [("o", "string", '"a"', '"b"')], rules, "FIRST")
    summed = [("[1..3)", "1"), ("> 2", "2.5")]
    collect = dmn([("x", "number", "")], [("o", "number", "", "")], summed, "COLLECT", aggregation="SUM")
    brought += [Brought("dmn", (("t.dmn", content),)) for content in (first, collect)]
    brought.append(Brought("yaml", (("calendar.yaml", (HOME / "rules" / "calendar.yaml").read_bytes()),)))
    return tuple(brought)


def make_table(draw: Random) -> Brought:
    """Return a table with one of its files changed some times, as text or inside its archive."""
    seed = draw.choice(seeds())
    at = draw.randrange(len(seed.files))
    name, content = seed.files[at]
    for _ in range(draw.choice((0, 1, 1, 2, 4))):
        if seed.form == "xlsx":
            content = changed_archive(draw, content)
        elif seed.form == "xlsx text":
            content = changed_bytes(draw, content)
        else:
            content = draw.choice((changed_bytes, changed_lines, changed_lines))(draw, content, TABLE_PIECES)
    return replace(seed, files=(*seed.files[:at], (name, content), *seed.files[at + 1 :]))


def changed_archive(draw: Random, book: bytes) -> bytes:
    """Return a workbook in which one part is changed, left out, doubled or named otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        names = archive.namelist()
        sheets = [name for name in names if "sheet" in name or "shared" in name]
        chosen, way = draw.choice((names, sheets))[0:], draw.randrange(12)
        target = draw.choice(chosen)
        for name in dict.fromkeys(names):
            content = archive.read(name)
            if name != target:
                changed.writestr(name, content)
            elif way == 1:
                changed.writestr(name + "x", content)
            elif way > 1:
                changed.writestr(name, changed_bytes(draw, content, TABLE_PIECES))
    return out.getvalue()


def smaller(brought: Brought) -> Iterator[Brought]:
    """Give the same files without pieces of one; an archive stays as it is."""
    if brought.form.startswith("xlsx"):
        return
    for at, (name, content) in enumerate(brought.files):
        for less in smaller_bytes(content):
            yield replace(brought, files=(*brought.files[:at], (name, less), *brought.files[at + 1 :]))


def attempt(brought: Brought) -> None:
    """Read, check, decide, write and read again; complain of what is no sentence."""
    try:
        table = read(brought)
    except BadInput as refusal:
        check_sentence(str(refusal))
        return
    if table is None:
        return
    faults = check(table)
    for fault in faults:
        check_sentence(fault.message)
    if not any(fault.severity is Severity.ERROR for fault in faults):
        decide(table)


def decide(table: Table) -> None:
    """Decide with what people may type, and write the table in every form."""
    compiled = compile_table(table)
    for typed in ("", "3", "yes", "delivery", "40d", "2026-03-03", "\ufeff"):
        try:
            compiled.decide(inputs_of(table, {column.name: typed for column in table.inputs}))
        except BadInput as fault:
            check_sentence(str(fault))
    for write in (write_xlsx, write_dmn):
        try:
            write(table)
        except BadInput as fault:
            check_sentence(str(fault))


def read(brought: Brought) -> Table | None:
    """Read files as the door for their form does; cases and side files too."""
    files = dict(brought.files)
    if brought.form == "yaml":
        load_calendar(files["calendar.yaml"])
        return None
    if brought.form.startswith("xlsx"):
        return read_xlsx(files["table.xlsx"])
    if brought.form == "dmn":
        (content,) = files.values()
        return parse_dmn(content)
    table = parse({name: files[name] for name in ("table.yaml", "rules.csv")})
    for name, side in (("contrary.csv", load_contrary), ("waves.csv", load_waves)):
        if name in files:
            side(files[name])
    parse_cases(table, files["cases.csv"])
    return table


def check_sentence(said: str) -> None:
    """Hold a message against what a person can use: some words, not a page of them, no name of an error of ours."""
    assert said.strip()
    assert len(said) < 3_000, said[:300]
    assert "Traceback" not in said
    assert "Error:" not in said, said[:500]


@pytest.mark.timeout(14_400)
def test_tables_of_any_shape_are_refused_or_used() -> None:
    """No file ends its reader, and what is read without a fault can be decided with and written."""
    Campaign("tables", TABLES, make_table, attempt, smaller).run()
