"""Rules of an operator's own: the shipped ones with a column about the customer. Holds no test."""

import csv
import io
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from workers.decision_table import Table, parse

RULES = Path(__file__).parents[1] / "rules"


def files_with(table: str, line: str, cells: Mapping[str, str], also: str = "") -> dict[str, bytes]:
    """Return the files of a shipped table with one more input: its line of table.yaml, and its cells by the row's id.

    Other cells hold anything; `also` are rows to add, with the new column where the first input stands.
    """
    definition = (RULES / table / "table.yaml").read_text("utf-8")
    definition = definition.replace("inputs:\n", f"inputs:\n  {line}\n", 1)
    rows = list(csv.reader(io.StringIO((RULES / table / "rules.csv").read_text("utf-8")), delimiter=";"))
    name = line.partition(":")[0]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    for number, row in enumerate(rows):
        writer.writerow([row[0], name if not number else cells.get(row[0], "-"), *row[1:]])
    return {"table.yaml": definition.encode(), "rules.csv": f"{out.getvalue()}{also}".encode()}


def table_with(table: str, line: str, cells: Mapping[str, str], also: str = "") -> Table:
    """Return a shipped table with one more input."""
    return parse(files_with(table, line, cells, also))


def plan_files(
    columns: Sequence[str], cells: Mapping[str, Sequence[str]], also: str = "", without: Collection[str] = ()
) -> dict[str, bytes]:
    """Return the files of the shipped journey plan with more outputs: their lines of table.yaml, and their cells by id.

    Other cells are empty; `also` is a row to add, with the new columns last, and `without` are ids of rows to take out.
    """
    plan = RULES / "journey-plan"
    lines = "".join(f"  {column}\n" for column in columns)
    definition = (plan / "table.yaml").read_text("utf-8").replace("  reminder: wait\n", f"  reminder: wait\n{lines}")
    head, *rows = (plan / "rules.csv").read_text("utf-8").splitlines()
    names, empty = [column.partition(":")[0] for column in columns], [""] * len(columns)
    ids = {row: row.partition(";")[0] for row in rows}
    longer = [";".join([row, *cells.get(ids[row], empty)]) for row in rows if ids[row] not in without]
    body = "\n".join([";".join([head, *names]), *longer, *([also] if also else [])]) + "\n"
    return {"table.yaml": definition.encode(), "rules.csv": body.encode()}


def plan_with(
    columns: Sequence[str], cells: Mapping[str, Sequence[str]], also: str = "", without: Collection[str] = ()
) -> Table:
    """Return the shipped journey plan with more outputs."""
    return parse(plan_files(columns, cells, also, without))


def write_plan(own: Path, columns: Sequence[str], cells: Mapping[str, Sequence[str]]) -> Path:
    """Write the shipped journey plan with more outputs, and all that stands beside it."""
    folder = own / "rules" / "journey-plan"
    shutil.copytree(RULES / folder.name, folder)
    for name, body in plan_files(columns, cells).items():
        (folder / name).write_bytes(body)
    return own


def write_rules(own: Path, attributes: str, **tables: Mapping[str, bytes]) -> None:
    """Write rules of an operator's own: attributes.yaml, and tables by name with `_` for `-`."""
    (own / "rules").mkdir(parents=True, exist_ok=True)
    (own / "rules" / "attributes.yaml").write_text(attributes, "utf-8")
    for name, files in tables.items():
        folder = own / "rules" / name.replace("_", "-")
        shutil.copytree(RULES / folder.name, folder, dirs_exist_ok=True)
        (folder / "cases.csv").unlink(missing_ok=True)
        for file, body in files.items():
            (folder / file).write_bytes(body)
