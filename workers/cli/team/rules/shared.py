"""What the rules commands share: options, reading with an exit code, printing."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from workers.decision_table import Table
from workers.decision_table.files.loader import load_path
from workers.decision_table.trials.installation import Nothing, Stored
from workers.errors import BadInput, NotNow
from workers.text.plain_text import for_reader, json_text

_T = TypeVar("_T")
PAST_IS_AWAY = "workers.cli.team.rules.past_is_away"


form_option = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
path_argument = click.argument("path", type=click.Path(path_type=Path))
decision_option = click.option("--decision", help="Which decision of a DMN file.")


def stored_of(context: click.Context) -> Stored:
    """Return the installation behind the command, or one that knows nothing."""
    installation = context.obj.get("rules") if isinstance(context.obj, dict) else context.obj
    return installation if installation is not None and hasattr(installation, "decision_inputs") else Nothing()


def readable(read: Callable[[], _T]) -> _T:
    """Run a reader; what cannot be read ends the command with exit 2 and the reason."""
    try:
        return read()
    except BadInput as fault:
        stop(str(fault))
    except OSError as fault:
        stop(f"{fault.filename}: {fault.strerror}")


def past_if_there(read: Callable[[], Iterable[_T]]) -> list[_T]:
    """Return what the database remembers; nothing, said once, while it is away: a table is whole without its past."""
    try:
        return list(read())
    except NotNow as away:
        meta = click.get_current_context().meta
        if meta.setdefault(PAST_IS_AWAY, str(away)) is not None:
            click.echo(for_reader(f"note: past answers and versions are not looked at. {away}"), err=True)
            meta[PAST_IS_AWAY] = None
        return []


def stop(message: str) -> NoReturn:
    """End the command with exit 2 and the reason on standard error."""
    click.echo(for_reader(message), err=True)
    sys.exit(2)


def load_table(path: Path, decision: str | None = None) -> Table:
    """Read a table of any form, or end the command."""
    return readable(lambda: load_path(path, decision))


def show(form: str, value: object, lines: Iterable[str]) -> None:
    """Print a value as JSON, or its lines as text."""
    if form == "json":
        print_json(value)
    else:
        print_lines(lines)


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(for_reader(line))


def print_json(value: object) -> None:
    """Print a value as JSON; what JSON has no type for, such as dates, is printed as text."""
    click.echo(json_text(value))
