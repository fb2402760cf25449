"""How a choice of drivers is kept in a row: sorted codes with a space between, so that one choice is one text."""

from collections.abc import Collection


def joined(codes: Collection[str]) -> str:
    """Return chosen codes as they are kept: the same choice is the same text in whatever order it is told."""
    return " ".join(sorted(set(codes)))


def codes_in(kept: str | None) -> tuple[str, ...]:
    """Return the codes of a kept choice."""
    return tuple((kept or "").split())
