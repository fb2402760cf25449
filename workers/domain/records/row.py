"""A row: what every record has in common, its table, its key and how it is made."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from operator import attrgetter
from typing import Any, ClassVar, Self, cast

Json = dict[str, object]


def quick_init(kind: type) -> Callable[..., None]:
    """Return an `__init__` like the one of a frozen dataclass with slots, that sets its slots directly.

    The one it replaces calls `object.__setattr__` by name for each field and takes twice as long, 4 % of the intake.
    """
    namespace: dict[str, object] = {"MISSING": MISSING}
    signature, body = ["self"], ["pass"]
    for column in fields(kind):
        namespace[f"set_{column.name}"] = vars(kind)[column.name].__set__
        value = column.name
        if column.default_factory is not MISSING:
            namespace[f"new_{column.name}"] = column.default_factory
            value = f"new_{column.name}() if {column.name} is MISSING else {column.name}"
        elif column.default is not MISSING:
            namespace[f"default_{column.name}"] = column.default
        default = f"default_{column.name}" if column.default is not MISSING else "MISSING"
        required = column.default is MISSING and column.default_factory is MISSING
        signature.append(column.name if required else f"{column.name}={default}")
        body.append(f"set_{column.name}(self, {value})")
    source = f"def __init__({', '.join(signature)}):\n  " + "\n  ".join(body)
    exec(compile(source, f"<{kind.__name__}>", "exec"), namespace)
    return cast("Callable[..., None]", namespace["__init__"])


def quick_copy(kind: type) -> Callable[..., Any]:
    """Return a method that copies a row with some fields changed, as `dataclasses.replace` does, at a fifth of its
    price."""
    names = [column.name for column in fields(kind)]
    taken = ", ".join(f"{name}=KEEP" for name in names)
    values = ", ".join(f"self.{name} if {name} is KEEP else {name}" for name in names)
    namespace: dict[str, Any] = {"KEEP": object(), "KIND": kind}
    exec(f"def but(self, *, {taken}):\n  return KIND({values})", namespace)
    return cast("Callable[..., Any]", namespace["but"])


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
