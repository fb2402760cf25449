"""The table in use: reread from its folder when it changes, swapped only for one without errors.

Compiles, checks and runs the cases beside the live table; a bad edit is refused once, loudly, and the old one goes on.
Reads files through `loading` only, and looks at no clock: who calls `refresh`, and how often, is the caller's choice.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.ruletable.cases import CASES, parse_cases
from workers.ruletable.checking import check, refuse
from workers.ruletable.deciding import Compiled, compile_table
from workers.ruletable.loading import load
from workers.ruletable.model import Known, Table
from workers.words import BadInput, Misconfigured

_WATCHED = ("table.yaml", "rules.csv", "rules.xlsx", CASES)


@dataclass(frozen=True, slots=True)
class Swapped:
    """The folder holds another table now, and it is the one in use."""

    old_version: str
    new_version: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The folder holds a table that is not taken: every fault, as sentences for the editor and the operator."""

    live_version: str
    faults: tuple[str, ...]


class LiveTable:
    """A compiled table and the folder it comes from. One caller at a time may refresh; anybody may decide."""

    def __init__(self, folder: Path, known: Callable[[], Known | None] = lambda: None) -> None:
        """Load the table. Raises Misconfigured or Unreadable when it is faulty: a bad file at start stops the start."""
        self._folder = folder
        self._known = known
        self._seen = _digest(folder)
        self.compiled: Compiled = compile_table(_accepted(folder, known()))
        self.refused: Refused | None = None

    @property
    def table(self) -> Table:
        """Return the table in use."""
        return self.compiled.table

    def refresh(self) -> Swapped | Refused | None:
        """Look at the folder: swap to a good change, refuse a bad one once, and say nothing when nothing changed."""
        digest = _digest(self._folder)
        if digest == self._seen:
            return None
        self._seen = digest
        try:
            table = _accepted(self._folder, self._known())
            compiled = compile_table(table)
        except Misconfigured as fault:
            self.refused = Refused(self.table.version, tuple(fault.faults))
            return self.refused
        except BadInput as fault:
            self.refused = Refused(self.table.version, (str(fault),))
            return self.refused
        self.refused = None
        if table.version == self.table.version:
            return None
        swapped = Swapped(self.table.version, table.version)
        self.compiled = compiled
        return swapped


def _accepted(folder: Path, known: Known | None) -> Table:
    """Return the table of a folder when it has no error and its cases pass. Raises Misconfigured, Unreadable."""
    table = load(folder)
    cases = folder / CASES
    found = parse_cases(table, cases.read_bytes()) if cases.is_file() else ()
    refuse(table, check(table, known=known, cases=found))
    return table


def _digest(folder: Path) -> str:
    """Return a hash of the files of a table; a file that is not there counts as empty."""
    sums = hashlib.sha256()
    for name in _WATCHED:
        file = folder / name
        data = file.read_bytes() if file.is_file() else b""
        sums.update(f"{name} {len(data)}\n".encode() + data)
    return sums.hexdigest()
