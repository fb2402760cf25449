"""The command `boucle`: verbs and their output, no logic. Each module has the verbs of one kind of user.

Exit 0: good; 1: faults or not found; 2: unreadable or wrong use. Imports almost nothing by itself, so that a role hears
the signal to stop from its first moments on.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workers.process import stop_signal
from workers.process.startup_heap import collect_less_often

if TYPE_CHECKING:
    from workers.cli.command import boucle as boucle

ROLES = frozenset({"run", "stream", "send", "web"})
"""Verbs that run until they are told to stop."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; an expected failure is a sentence on standard error, no traceback."""
    if arguments is None and len(sys.argv) > 1 and sys.argv[1] in ROLES:
        stop_signal.listen()
    collect_less_often()
    from workers.cli.command import run

    run(arguments)


def __getattr__(name: str) -> Any:
    """Import the group of verbs when somebody asks for it."""
    if name != "boucle":
        raise AttributeError(name)
    from workers.cli.command import boucle

    return boucle
