"""CSV files to events: a mapping says which events a row stands for, and each goes on as bytes like from any door."""

from workers.imports.mapping import Mapping
from workers.imports.rows import ImportRow, events, rows
from workers.imports.suggestion import suggested

__all__ = ["ImportRow", "Mapping", "events", "rows", "suggested"]
