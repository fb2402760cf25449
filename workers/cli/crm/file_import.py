"""The verb that takes a CSV file in: suggest a mapping, show what would happen, ask, then do it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show

if TYPE_CHECKING:
    from workers.usecases.csv_import.run import Preview

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="import")
@click.argument("file", type=FILE)
@click.option("--mapping", "mapping_file", type=FILE, help="Which events a row stands for (YAML).")
@click.option("--dry-run", is_flag=True, help="Only show what would happen.")
@click.option("--yes", is_flag=True, help="Go on although mails leave at once.")
@click.option("--suggest", is_flag=True, help="Write a first mapping from the columns of FILE, and do nothing else.")
@as_json
def import_(file: Path, mapping_file: Path | None, dry_run: bool, yes: bool, suggest: bool, form: str) -> int:
    """Import events from a CSV file, after showing what they would plan and asking where mails leave at once."""
    from workers.usecases.csv_import import Mapping, rows, suggested
    from workers.usecases.csv_import.run import preview, take_in

    if not file.is_file():
        raise click.UsageError(f"{file} is read twice, once to look: save what comes by it in a file first.")
    if suggest:
        with file.open("rb") as stream:
            text = suggested(stream, note)
        show({"mapping": text}, text, form)
        return 0
    if mapping_file is None:
        raise click.UsageError("Say with --mapping which events a row stands for, or begin with --suggest.")
    boucle = open_boucle()
    mapping = Mapping.load(mapping_file.read_bytes(), boucle.files.codec)
    sentences: dict[str, None] = {}
    with file.open("rb") as stream:
        plan = preview(
            rows(stream, mapping, sentences.setdefault), file.name, boucle.rehearsal, boucle.policies.current().zone
        )
    for sentence in sentences:
        note(sentence)
    if dry_run:
        show(plan.as_dict(), plan.as_text(), form)
        return 0
    if form == "text":
        click.echo(plan.as_text())
    if plan.question and not yes and not agreed(plan, form):
        return 1
    with (
        file.open("rb") as stream,
        click.progressbar(
            length=plan.accepted + plan.duplicates + plan.refused,
            label="importing",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as bar,
    ):
        done = take_in(rows(stream, mapping), file.name, boucle.intake, bar.update)
    text = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in done.as_dict().items())
    show(done.as_dict(), text, form)
    return 0


def note(sentence: str) -> None:
    """Say beside the answer how something was understood."""
    say_fault(f"note: {sentence}")


def agreed(plan: "Preview", form: str) -> bool:
    """Ask whoever sits at the terminal; where nobody does, say what to do and go no further."""
    if form == "text" and sys.stdin.isatty():
        return click.confirm(f"{plan.question} Import?", err=True)
    say_fault(f"{plan.question} Nothing was imported. Look at the plan (--dry-run), then add --yes.")
    return False
