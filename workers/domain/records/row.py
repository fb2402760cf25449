"""A row: what every record has in common, its table, its key and how it is made.

It reads and writes nothing.
"""

from operator import attrgetter
from typing import ClassVar, Self

from msgspec import structs

from workers.structs import Struct

Json = dict[str, object]


class Row(Struct, frozen=True, gc=False):
    """A row of one table; `TABLE` names it and `KEY` its primary key. Nothing that a row holds refers to the row."""

    TABLE: ClassVar[str] = ""
    KEY: ClassVar[tuple[str, ...]] = ("id",)

    def __init_subclass__(cls) -> None:
        """Give each class its own `key`: it is asked for some twenty times an event."""
        values = attrgetter(*cls.KEY)
        single = len(cls.KEY) == 1
        cls.key = (lambda self: (values(self),)) if single else (lambda self: values(self))  # type: ignore[method-assign]  # the same signature

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the fields, in their order: a table's columns."""
        return cls.__struct_fields__

    def but(self, **changes: object) -> Self:
        """Return this row with some fields changed. Raises TypeError for a field that it does not have."""
        return structs.replace(self, **changes)

    def key(self) -> tuple[object, ...]:
        """Return the primary key's values in the order of `KEY`."""
        return tuple(getattr(self, name) for name in self.KEY)
