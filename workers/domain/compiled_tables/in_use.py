"""A table in use, and the versions of it that were in use before."""

from collections.abc import Callable, Mapping
from typing import Generic, Self, TypeVar

from workers.decision_table import Compiled, Table, compile_table, from_content
from workers.decision_table.files.reader import ON
from workers.errors import BadInput

T = TypeVar("T")


class Versions(Generic[T]):
    """Tables that were in use before, by version; each is compiled when it is first asked for."""

    def __init__(
        self, contents: Mapping[str, str], make: Callable[[Table], T], numbers: Mapping[str, str] | None = None
    ) -> None:
        """Take the content of each version, and the versions for which a number may stand, by that."""
        self._contents = contents
        self._make = make
        self._numbers = numbers or {}
        self._made: dict[str, T | None] = {}

    def get(self, version: str) -> T | None:
        """Return the table of a version or its number, or None when it is not known or can no longer be read."""
        version = self._numbers.get(version, version)
        if version not in self._made:
            content = self._contents.get(version)
            try:
                self._made[version] = None if content is None else self._make(from_content(content))
            except (BadInput, KeyError):  # written by a release that knew another format
                self._made[version] = None
        return self._made[version]


class TableInUse:
    """A table in use, its earlier versions and a candidate; `dated` when some rows hold on some days only."""

    def __init__(self, table: Table, earlier: "Versions[Self] | None" = None, candidate: Table | None = None) -> None:
        self.table = table
        self.version = table.version
        self.written_as = self.version
        """What rows say for the version: the number that the store keeps it under, or itself where there is none."""
        self.dated = is_dated(table) or (candidate is not None and is_dated(candidate))
        self.asks = frozenset(column.name for each in (table, candidate) if each for column in each.inputs)
        """The inputs of the table, and of the candidate beside it."""
        self._earlier = earlier
        self._compiled: Compiled = compile_table(table)
        self._candidate = compile_table(candidate) if candidate else None

    def at(self, version: str) -> Self | None:
        """Return the table as it was in a version, told in full or as rows tell it, or None when that is not known or
        cannot be read any more."""
        if version == self.written_as or version == self.version:
            return self
        return self._earlier.get(version) if self._earlier else None


def is_dated(table: Table) -> bool:
    """Tell whether a table has rows that hold on some days only."""
    return any(column.name == ON for column in table.inputs)
