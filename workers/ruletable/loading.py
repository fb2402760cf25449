"""Read a table's folder from disk. The only module of the engine that opens files."""

from pathlib import Path

from workers.ruletable.model import Table, Unreadable
from workers.ruletable.reading import parse

_FILES = ("table.yaml", "rules.csv")


def load(folder: Path) -> Table:
    """Read the table in a folder. Raises Unreadable with what is missing or cannot be read."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder: a rule table is a folder with {' and '.join(_FILES)}.")
    return parse({name: _read(folder / name) for name in _FILES if (folder / name).is_file()})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise Unreadable(f"{path} cannot be read: {fault.strerror}.") from None
