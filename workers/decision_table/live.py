"""The table in use: reread from its folder when it changes, swapped only for one without errors.

Compiles, checks and runs the cases beside the live table; a bad edit is refused once, loudly, and the old one goes on.
Reads files through `files.loader` only, and looks at no clock: when `refresh` is called is the caller's choice.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from workers.decision_table.checks.checker import Against, check, refuse
from workers.decision_table.decisions.compiled import Compiled, compile_table
from workers.decision_table.files.loader import load, read_file
from workers.decision_table.model.limits import total
from workers.decision_table.model.table import KnownNames, Table
from workers.decision_table.trials.cases import CASES, parse_cases
from workers.errors import BadInput, Misconfigured

T = TypeVar("T")
FAULTS = (Misconfigured, BadInput, OSError)
"""What reading a file may raise that its editor can mend."""
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

    def __init__(
        self,
        folder: Path,
        known_names: Callable[[], KnownNames | None] = lambda: None,
        earlier: Callable[[], Table | None] = lambda: None,
        fit: Callable[[Table], None] | None = None,
    ) -> None:
        """Load the table. A faulty one raises Misconfigured or Unreadable, unless an `earlier` one may go on.

        `fit` raises Misconfigured for a table that is sound, and cannot be used in this place.
        """
        self._folder = folder
        self._known_names = known_names
        self._fit = fit
        self._seen = _digest(folder)
        self.refused: Refused | None = None
        try:
            table = _accepted(folder, known_names(), fit)
        except FAULTS as fault:
            former = earlier()
            if former is None:
                raise
            table, self.refused = former, Refused(former.version, faults_of(fault))
        self.compiled: Compiled = compile_table(table)

    @property
    def table(self) -> Table:
        return self.compiled.table

    def forget(self) -> None:
        """Judge the folder anew at the next refresh, also when nothing in it changes."""
        self._seen = ""

    def refresh(self, folder: Path | None = None) -> Swapped | Refused | None:
        """Look at the folder: swap to a good change, refuse a bad one once, and say nothing when nothing changed.

        `folder` is where the table stands now, when that is another place than before.
        """
        self._folder = folder or self._folder
        digest = _digest(self._folder)
        if digest == self._seen:
            return None
        self._seen = digest
        try:
            table = _accepted(self._folder, self._known_names(), self._fit)
            compiled = compile_table(table)
        except FAULTS as fault:
            self.refused = Refused(self.table.version, faults_of(fault))
            return self.refused
        self.refused = None
        if table.version == self.table.version:
            return None
        swapped = Swapped(self.table.version, table.version)
        self.compiled = compiled
        return swapped


class LiveFile(Generic[T]):
    """A small file beside the tables, in its newest good state. One caller at a time may refresh."""

    def __init__(
        self,
        name: str,
        read: Callable[[], bytes],
        parse: Callable[[bytes], T],
        earlier: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """Read the file. A faulty one raises what `parse` raises, unless an `earlier` content may go on."""
        self.name = name
        self._read = read
        self._parse = parse
        self.refused: Refused | None = None
        self.data = read()
        self._seen: bytes | None = self.data
        try:
            self.value = parse(self.data)
        except FAULTS as fault:
            former = earlier()
            if former is None:
                raise
            self.data, self.value = former, parse(former)
            self.refused = Refused(self.version, faults_of(fault))

    @property
    def version(self) -> str:
        """Return the SHA-256 of the file's name and bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.data).hexdigest()

    def refresh(self) -> Swapped | Refused | None:
        """Look at the file: take a good change, refuse a bad one once, and say nothing when nothing changed."""
        former, before = self.version, self.refused
        seen, self._seen = self._seen, None
        try:
            data = self._read()
            self._seen = data
            if data == seen:
                return None
            value = self._parse(data)
        except FAULTS as fault:
            self.refused = Refused(former, faults_of(fault))
            return None if self.refused == before else self.refused
        self.data, self.value, self.refused = data, value, None
        return Swapped(former, self.version) if self.version != former else None


def faults_of(fault: Misconfigured | BadInput | OSError) -> tuple[str, ...]:
    """Split an error into its sentences, one per fault."""
    if isinstance(fault, OSError):
        return (f"{fault.filename} cannot be read: {fault.strerror}.",)
    return tuple(fault.faults) if isinstance(fault, Misconfigured) else tuple(str(fault).splitlines())


@total
def _accepted(folder: Path, known_names: KnownNames | None, fit: Callable[[Table], None] | None) -> Table:
    """Return the table of a folder when it has no error, fits, and its cases pass. Raises Misconfigured, Unreadable."""
    table = load(folder)
    cases = folder / CASES
    parsed = parse_cases(table, read_file(cases)) if cases.is_file() else ()
    refuse(table, check(table, Against(known_names=known_names, cases=parsed, fit=fit)))
    return table


def _digest(folder: Path) -> str:
    """Return a hash of the files of a table; a file that is not there counts as empty."""
    sums = hashlib.sha256()
    for name in _WATCHED:
        file = folder / name
        try:
            data = read_file(file) if file.is_file() else b""
        except (OSError, BadInput) as fault:  # reading the table says so to the editor
            data = str(fault).encode()
        sums.update(f"{name} {len(data)}\n".encode() + data)
    return sums.hexdigest()
