"""The command `boucle` with all its verbs: each module has those of one kind of user, imported when one is asked for.

What is imported here, every command pays for before it does anything.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import click

from workers.cli.command_index import VERBS
from workers.errors import BadInput, Conflict, Misconfigured, Never, NotFound, NotNow
from workers.text.plain_text import for_reader


class Verbs(click.Group):
    """A group whose verbs are known by name, and imported when one is run or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        found: Sequence[click.Command] = import_module(VERBS[cmd_name].module).COMMANDS
        return next(command for command in found if command.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, VERBS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, shortened(VERBS[name].summary, width)) for name in sorted(VERBS)])


def shortened(summary: str, width: int) -> str:
    """Return a verb's line, cut after a whole word where it is too long for the terminal."""
    if len(summary) <= width:
        return summary
    return summary[: width - 2].rpartition(" ")[0] + "..."


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="boucle")
def boucle() -> None:
    """Close the loop on a Net Promoter Score: ask at the right moment, act on every answer, tell the customer."""


class RulesPast:
    """What `boucle rules` asks of the installation around it, opened at its first question."""

    @cached_property
    def _installed(self) -> Any:
        from workers.cli.team.tables import Installed

        return Installed()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._installed, name)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; an expected failure is a sentence on standard error, no traceback."""
    try:
        result = boucle.main(args=arguments, standalone_mode=False, prog_name="boucle", obj={"rules": RulesPast()})
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Misconfigured as error:
        end(error.faults, 1)
    except BadInput as error:
        end([str(error)], 1 if isinstance(error, NotFound) else 2)
    except (NotNow, Never, Conflict) as error:
        end([str(error)], 1)
    except OSError as error:
        end([f"The system refuses this: {error.filename or ''} {error.strerror or error}".replace("  ", " ")], 1)
    except Exception as error:
        refusals = list(refused_by_database(error))
        if not refusals:
            raise
        end(refusals, 1)
    sys.exit(result if isinstance(result, int) else 0)


def refused_by_database(error: Exception) -> Iterator[str]:
    """Give what to say of a database that refuses a statement; nothing for any other error.

    What never imported SQLAlchemy had no database to be refused by.
    """
    if "sqlalchemy" not in sys.modules:
        return
    from workers.store.connection import DBAPIError
    from workers.store.engine import first_line

    if isinstance(error, DBAPIError):
        yield f"The database refuses this: {first_line(error)}. `boucle check` looks at the settings."


def end(faults: Sequence[str], code: int) -> None:
    """Print the faults on standard error and exit."""
    for fault in faults:
        click.echo(for_reader(fault), err=True)
    sys.exit(code)
