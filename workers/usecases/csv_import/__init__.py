"""CSV files to events: a mapping says which events a row stands for, and each goes on as bytes like from any door."""

from workers.usecases.csv_import.mapping import Mapping
from workers.usecases.csv_import.rows import ImportRow, events, rows
from workers.usecases.csv_import.suggestion import suggested

__all__ = ["ImportRow", "Mapping", "events", "rows", "suggested"]
