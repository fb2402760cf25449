"""The verbs around files: rules export, import."""

from collections.abc import Callable
from pathlib import Path

import click

from workers.cli.team.rules.shared import decision_option, load_table, path_argument, readable, stop
from workers.decision_table import Table, check
from workers.decision_table.dmn.writer import write_dmn
from workers.decision_table.files.csv_writer import table_files, write_rules
from workers.decision_table.files.loader import load_path, read_file
from workers.decision_table.files.reader import decode
from workers.decision_table.files.workbook import write_xlsx


@click.command("export")
@path_argument
@decision_option
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="FILE.csv, FILE.xlsx or FILE.dmn.")
def export_command(path: Path, decision: str | None, target: Path) -> None:
    """Write a table's rows as CSV, as a workbook with drop-downs, or as DMN 1.3."""
    table = load_table(path, decision)
    writers: dict[str, Callable[[Table], bytes]] = {
        ".csv": lambda table_written: write_rules(table_written).encode(),
        ".xlsx": write_xlsx,
        ".dmn": write_dmn,
    }
    write = writers.get(target.suffix.lower())
    if write is None:
        stop(f"{target} must end in .csv, .xlsx or .dmn.")
    data = readable(lambda: write(table))
    readable(lambda: target.write_bytes(data))
    click.echo(f"{target}: {len(table.rules)} rules written.", err=True)


@click.command("import")
@path_argument
@decision_option
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--force", is_flag=True, help="Write over a table that is already there.")
def import_command(path: Path, decision: str | None, target: Path, force: bool) -> None:
    """Turn a .dmn file, a workbook or a folder into a table's folder, and say what `check` finds in it."""
    definition = target / "table.yaml"
    has_own = path.suffix.lower() == ".xlsx" and definition.is_file()
    beside = readable(lambda: decode(definition.name, read_file(definition))) if has_own else None
    table = readable(lambda: load_path(path, decision, definition=beside))
    if (target / "rules.csv").exists() and not force:
        stop(f"{target} already holds a table: choose another folder, or say --force to write over it.")
    files = readable(lambda: table_files(table))
    readable(lambda: target.mkdir(parents=True, exist_ok=True))
    for name, text in files.items():
        readable(lambda name=name, text=text: (target / name).write_text(text, "utf-8"))  # type: ignore[misc]  # bound
    faults = check(table)
    click.echo(f"{target}: {len(table.rules)} rules written, {len(faults)} faults.", err=True)
    for fault in faults:
        click.echo(f"{fault.code} {fault.severity.value}: {fault.message}", err=True)
