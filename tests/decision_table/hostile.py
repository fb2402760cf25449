"""Files that were made to stop whoever reads them, by door: each is small, and each took minutes or gigabytes once.

Run as a program (`python hostile.py DOOR`) it reads them all, and prints what each took and what was said.
"""

import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tableparts import FOLLOW_UP, dmn

from workers.decision_table import Unreadable, load, load_calendar, parse, parse_dmn, read_xlsx, write_xlsx
from workers.errors import BadInput
from workers.text.yaml_text import read_yaml

COLUMNS = (
    b"name: t\ninputs:\n  score: integer 0..10\n  word: {type: text, other values: allowed}\noutputs:\n  then: text\n"
)
OUT = [("out", "string", "", "")]
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CELLS = {
    "numbers": ",".join(map(str, range(100_000))),
    "quotes": '"\\' * 60_000,
    "short quotes": '"\\' * 4_900,
    "dots": "]" + "." * 9_900,
    "open dots": "[" + " " * 3_000 + "." * 3_000 + " " * 3_000,
    "nots": "not(" * 2_400,
    "commas": "," * 9_900,
    "blanks": "1" + " " * 9_900 + "2",
    "words": ",".join(f"w{number}" for number in range(1_800)),
    "turned words": ",".join(f"!=w{number}" for number in range(1_200)),
    "remarks": "/*" * 4_900,
    "digits": "9" * 9_900,
}


def workbook(sheet: str) -> bytes:
    """Return a workbook whose first sheet is the XML given."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write_xlsx(load(FOLLOW_UP)))) as good,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for part in good.infolist():
            first = part.filename == "xl/worksheets/sheet1.xml"
            bad.writestr(part.filename, sheet if first else good.read(part.filename))
    return out.getvalue()


def rows(inner: str) -> str:
    """Return a sheet that holds the rows given."""
    return f'<worksheet xmlns="{NAMESPACE}"><sheetData>{inner}</sheetData></worksheet>'


def in_last_column(count: int, cell: str) -> str:
    """Return a sheet whose only cells stand in the last column there is."""
    return rows("".join(f'<row r="{n}"><c r="XFD{n}"{cell}</row>' for n in range(1, count)))


def csv_with(cell: str) -> Callable[[], object]:
    """Return what reads a table with this input cell, in a column of numbers and in one of words."""
    quoted = '"' + cell.replace('"', '""') + '"'
    text = f"id;score;word;then\nR1;{quoted};{quoted};x\n".encode()
    return lambda: parse({"table.yaml": COLUMNS, "rules.csv": text})


def dmn_with(kind: str, cell: str) -> Callable[[], object]:
    """Return what reads a DMN table with this input entry."""
    return lambda: parse_dmn(dmn([("x", kind, "")], OUT, [(cell, '"y"')]))


def csv_of(text: bytes) -> Callable[[], object]:
    """Return what reads these rows."""
    return lambda: parse({"table.yaml": COLUMNS, "rules.csv": text})


def laughs() -> bytes:
    """Return YAML in which nine lines stand for nine to the ninth values."""
    lines = [b"a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [b"%c: &%c [%s]" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 9)) for n in range(9)]
    return b"\n".join(lines)


def entities() -> bytes:
    """Return XML in which entities of entities stand for gigabytes."""
    defined = b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(8))
    return b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">' + defined + b']><definitions name="&i;"><decision>&i;</decision>'


def yaml_of(text: bytes) -> Callable[[], object]:
    """Return what reads this text by every door that takes YAML."""

    def read() -> None:
        doors: tuple[Callable[[], object], ...] = (
            lambda: parse({"table.yaml": text, "rules.csv": b"id\n"}),
            lambda: load_calendar(text),
            lambda: read_yaml(text, "brand.yaml"),
        )
        for door in doors:
            try:
                door()
            except BadInput:
                continue
        load_calendar(text)

    return read


DOORS: Mapping[str, Mapping[str, Callable[[], object]]] = {
    "csv": {
        "20,000 columns": csv_of(";".join(f"c{n}" for n in range(20_000)).encode()),
        "a million empty columns": csv_of(b"id;score;word;then" + b";" * 1_000_000 + b"\n"),
        "a stray quote": csv_of(b'id;score;word;then\nR1;"3;x;y\n' + b"R2;4;x;y\n" * 100_000),
        "200,000 rows": csv_of(b"id;score;word;then\n" + b"R2;4;x;y\n" * 200_000),
        "20,000 broken cells": csv_of(b"id;score;word;then\n" + b"R2;four;x;y\n" * 19_000),
        "11 MB": csv_of(b"id;score;word;then\n" + b" " * 11_000_000),
    }
    | {f"a cell of {name}": csv_with(cell) for name, cell in CELLS.items()},
    "xlsx": {
        "texts in XFD": lambda: read_xlsx(workbook(in_last_column(2_000, ' t="inlineStr"><is><t>x</t></is></c>'))),
        "numbers in XFD": lambda: read_xlsx(workbook(in_last_column(2_000, "><v>1</v></c>"))),
        "formats in XFD": lambda: read_xlsx(workbook(in_last_column(20_000, ' s="1"/>'))),
        "a row of a million": lambda: read_xlsx(workbook(rows("<row>" + "<c/>" * 1_000_000 + "</row>"))),
        "the last row": lambda: read_xlsx(workbook(rows('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'))),
        "a bomb": lambda: read_xlsx(workbook(rows(" " * 60_000_000))),
        "a bomb just in bounds": lambda: read_xlsx(workbook(rows(" " * 45_000_000))),
        "deep": lambda: read_xlsx(workbook(rows("<a>" * 100_000))),
        "entities": lambda: read_xlsx(workbook(entities().decode())),
        "a cell of 2 MB": lambda: read_xlsx(workbook(rows(f"<row><c><v>{'1' * 2_000_000}</v></c></row>"))),
    },
    "dmn": {
        "20,000 inputs": lambda: parse_dmn(
            dmn([(f"x{n}", "number", "") for n in range(20_000)], OUT, [["-"] * 20_000 + ['"y"']])
        ),
        "a million elements": lambda: parse_dmn(b"<definitions>" + b"<a/>" * 1_000_000 + b"</definitions>"),
        "entities": lambda: parse_dmn(entities()),
        "deep": lambda: parse_dmn(b"<definitions>" * 100_000),
        "11 MB": lambda: parse_dmn(b"<definitions>" + b" " * 11_000_000 + b"</definitions>"),
        "an impossible character": dmn_with("string", '"\\UFFFFFF"'),
        "half a character": dmn_with("string", '"\\uD800"'),
        "a long date": dmn_with("date", f"date({'9' * 5_000}, 1, 1)"),
    }
    | {
        f"a cell of {name}, {kind}": dmn_with(kind, cell)
        for name, cell in CELLS.items()
        for kind in ("number", "string")
    },
    "yaml": {
        "open brackets": yaml_of(b"[" * 100_000),
        "open braces": yaml_of(b"{" * 100_000),
        "dashes": yaml_of(b"- " * 100_000),
        "question marks": yaml_of(b"? " * 100_000),
        "laughs": yaml_of(laughs()),
        "laughs as holidays": yaml_of(
            b"zone: Europe/Paris\nworking_days: [mon]\nworking_hours: 09:00-18:00\n" + laughs() + b"\nholidays: [*j]\n"
        ),
        "itself": yaml_of(b"holidays: &a [*a]"),
        "60,000 keys": yaml_of(b"".join(b"k%d: 1\n" % n for n in range(60_000))),
        "no day": yaml_of(b"zone: 2026-99-99"),
        "5,000 digits": yaml_of(b"zone: " + b"9" * 5_000),
        "a tag": yaml_of(b"!!python/object/apply:os.system [ls]"),
        "a NUL": yaml_of(b"\x00"),
        "600 kB": yaml_of(b"a" * 600_000),
    },
}


def main(door: str) -> None:
    """Read all of a door's files; print seconds, what was said, and the peak of memory in MB, as JSON."""
    readings = {}
    for name, read in DOORS[door].items():
        begun = time.process_time()
        try:
            read()
            said = ""
        except Unreadable as fault:
            said = str(fault)
        readings[name] = {"seconds": time.process_time() - begun, "said": said}
    from peakmemory import peak_megabytes

    print(json.dumps({"files": readings, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    main(sys.argv[1])
