"""The command `boucle` with all its verbs: each module has those of one kind of user. Importing this takes long."""

import sys
from collections.abc import Sequence

import click
import sqlalchemy as sa

from workers.cli import (
    admin,
    bounces,
    checking,
    clock,
    demo,
    events,
    looking,
    people,
    privacy,
    running,
    sending,
    suppressions,
    tickets,
    waves,
)
from workers.cli.shared import say_fault
from workers.cli.tables import Installed
from workers.rules_cli import rules
from workers.store.engine import first_line
from workers.words import BadInput, Conflict, Misconfigured, Never, NotFound, NotNow


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="boucle")
def boucle() -> None:
    """Close the loop on a Net Promoter Score: ask at the right moment, act on every answer, tell the customer."""


for module in (
    demo,
    running,
    checking,
    clock,
    events,
    looking,
    sending,
    bounces,
    suppressions,
    tickets,
    waves,
    people,
    privacy,
    admin,
):
    for command in module.COMMANDS:
        boucle.add_command(command)
boucle.add_command(rules)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; an expected failure is a sentence on standard error, no traceback."""
    try:
        result = boucle.main(args=arguments, standalone_mode=False, prog_name="boucle", obj={"rules": Installed()})
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Misconfigured as error:
        for fault in error.faults:
            say_fault(fault)
        sys.exit(1)
    except BadInput as error:
        say_fault(str(error))
        sys.exit(1 if isinstance(error, NotFound) else 2)
    except (NotNow, Never, Conflict) as error:
        say_fault(str(error))
        sys.exit(1)
    except sa.exc.DBAPIError as error:
        say_fault(f"The database refuses this: {first_line(error)}. `boucle check` looks at the settings.")
        sys.exit(1)
    except OSError as error:
        say_fault(f"The system refuses this: {error.filename or ''} {error.strerror or error}".replace("  ", " "))
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
