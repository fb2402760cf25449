"""Conditions that exclude no row and tell one database by which index to find those that others name."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class on_sqlite(FunctionElement[bool]):  # noqa: N801  # reads like the function it renders as
    """A condition that SQLite alone is told, because it follows from the others."""

    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: Any = None) -> "on_sqlite":
        """Stay as it is in a condition, as `in_array` does."""
        return self


@compiles(on_sqlite, "postgresql")
def on_sqlite_on_postgresql(element: on_sqlite, compiler: Any, **more: Any) -> str:
    """Render nothing that excludes a row."""
    return "true"


@compiles(on_sqlite, "sqlite")
def on_sqlite_on_sqlite(element: on_sqlite, compiler: Any, **more: Any) -> str:
    """Render the condition."""
    return " AND ".join(compiler.process(clause, **more) for clause in element.clauses)
