"""Read a table from disk: a folder, a workbook or a DMN file. The only module of the engine that opens files."""

from pathlib import Path

from workers.decision_table.files.reader import DEFINITION, RULES, decode, parse
from workers.decision_table.files.side_files import WaveDate, load_waves
from workers.decision_table.model.limits import MOST_BYTES, check_size
from workers.decision_table.model.table import Table, Unreadable

_WORKBOOK = "rules.xlsx"


def load(folder: Path) -> Table:
    """Read the table in a folder: table.yaml with rules.csv, or with rules.xlsx. Raises Unreadable."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder: a rule table is a folder with {DEFINITION} and {RULES}.")
    if (folder / _WORKBOOK).is_file():
        if (folder / RULES).is_file():
            raise Unreadable(f"{folder} holds both {RULES} and {_WORKBOOK}: keep the one that you edit.")
        from workers.decision_table.files.workbook import read_xlsx  # long to import, and few tables are workbooks

        return read_xlsx(read_file(folder / _WORKBOOK), _beside(folder))
    return parse({name: read_file(folder / name) for name in (DEFINITION, RULES) if (folder / name).is_file()})


def load_path(path: Path, decision: str | None = None, *, definition: str | None = None) -> Table:
    """Read a table from a folder, an .xlsx workbook or a .dmn file. Raises Unreadable.

    `decision` chooses in a DMN file; `definition` is a table.yaml to read a workbook by.
    """
    if not path.exists():
        raise Unreadable(f"{path} does not exist.")
    suffix = path.suffix.lower()
    if path.is_file() and suffix in (".dmn", ".xml"):
        from workers.decision_table.dmn.reader import parse_dmn

        return parse_dmn(read_file(path), decision)
    if path.is_file() and suffix == ".xlsx":
        from workers.decision_table.files.workbook import read_xlsx

        return read_xlsx(read_file(path), definition or _beside(path.parent))
    if path.is_file() and suffix == ".csv":
        return load(path.parent) if path.name == RULES else _loose(path)
    return load(path)


def waves_beside(folder: Path) -> tuple[WaveDate, ...]:
    """Return the days of waves that stand beside a plan; none where they cannot be read, which is told elsewhere."""
    file = folder / "waves.csv"
    try:
        return load_waves(read_file(file)) if folder.is_dir() and file.is_file() else ()
    except Unreadable:
        return ()


def _loose(path: Path) -> Table:
    beside = path.parent / DEFINITION
    if not beside.is_file():
        raise Unreadable(f"{path} has no {DEFINITION} beside it, which says what its columns hold.")
    return parse({DEFINITION: read_file(beside), RULES: read_file(path)})


def read_file(path: Path) -> bytes:
    """Return a file's bytes, no more than any table has. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise Unreadable(f"{path} cannot be read: {fault.strerror}.") from None
    check_size(path.name, len(data))
    return data


def _beside(folder: Path) -> str | None:
    """Return the text of a folder's table.yaml, if there is one."""
    file = folder / DEFINITION
    return decode(DEFINITION, read_file(file)) if file.is_file() else None
