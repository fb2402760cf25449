"""A row: what every record has in common, its table, its key and how it is made."""

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import ClassVar, Self

from workers.slots import quick_copy, quick_init

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of one table; `TABLE` names it and `KEY` its primary key."""

    TABLE: ClassVar[str] = ""
    KEY: ClassVar[tuple[str, ...]] = ("id",)

    def __init_subclass__(cls) -> None:
        """Give each class its own `key`: it is asked for some twenty times an event."""
        if "__slots__" in vars(cls):  # the finished class, not the one that dataclass() makes it from
            cls.__init__ = quick_init(cls)  # type: ignore[method-assign]  # the same signature
            cls.but = quick_copy(cls)  # type: ignore[method-assign]  # the same signature
        values = attrgetter(*cls.KEY)
        single = len(cls.KEY) == 1
        cls.key = (lambda self: (values(self),)) if single else (lambda self: values(self))  # type: ignore[method-assign]  # the same signature

    def but(self, **changes: object) -> Self:
        """Return this row with some fields changed; each class gets one of its own. Raises TypeError for a field that
        it does not have."""
        return replace(self, **changes)

    def key(self) -> tuple[object, ...]:
        """Return the primary key's values in the order of `KEY`."""
        return tuple(getattr(self, name) for name in self.KEY)
