"""Find the data that operators read and edit: templates, rule tables, schemas.

Looked for in this order: the operator's override folder, the copy inside the package, the checkout. Files are taken
one by one; a rule table is a folder and is taken whole, never merged. Nothing here knows what the files mean.
"""

from pathlib import Path, PurePosixPath

from workers.errors import Misconfigured

MOST_BYTES = 10_000_000
"""Of one data file: a logo, a catalog, a table."""
_PACKAGE = Path(__file__).parents[1]


def _shipped() -> Path:
    """Return the copy inside an installed package, else the checkout that this file stands in."""
    bundled = _PACKAGE / "_data"
    return bundled if bundled.is_dir() else _PACKAGE.parent


class Data:
    """Read data files, the operator's own before the shipped ones."""

    def __init__(self, overrides: Path | None = None, *, shipped: Path | None = None) -> None:
        self._shipped = shipped or _shipped()
        if overrides is not None and not overrides.is_dir():
            raise Misconfigured(
                [f"BOUCLE_OVERRIDES names {overrides}, which is not a folder: create it or unset the variable"]
            )
        self._roots = (self._shipped,) if overrides is None else (overrides, self._shipped)

    def shipped(self) -> "Data":
        """Return the same data without the operator's overrides."""
        return Data(shipped=self._shipped)

    def read(self, relative: str) -> bytes:
        """Return one file's bytes, such as `templates/brand.yaml`; raise Misconfigured when no place has it."""
        for root in self._roots:
            path = root / self._inside(relative)
            if path.is_file():
                with path.open("rb") as file:
                    data = file.read(MOST_BYTES + 1)
                if len(data) > MOST_BYTES:
                    raise Misconfigured([f"{relative} has more than {MOST_BYTES:,} bytes, the most that is read"])
                return data
        raise Misconfigured([f"{relative} is missing in {self._places()}: restore it from the release"])

    def exists(self, relative: str) -> bool:
        """Say whether any place has this file or folder."""
        return any((root / self._inside(relative)).exists() for root in self._roots)

    def folder(self, relative: str) -> Path:
        """Return a folder that is taken whole, such as `rules/follow-up`: the operator's replaces the shipped one.

        Raises Misconfigured where neither is there.
        """
        for root in self._roots:
            path = root / self._inside(relative)
            if path.is_dir():
                return path
        raise Misconfigured([f"the folder {relative} is missing in {self._places()}: restore it from the release"])

    def place(self, relative: str) -> Path | None:
        """Return where this file or folder is taken from, or None when no place has it."""
        places = (root / self._inside(relative) for root in self._roots)
        return next((path for path in places if path.exists()), None)

    def list(self, relative: str) -> list[str]:
        """Return the sorted names in a folder, those of all places together; hidden names are left out."""
        names: set[str] = set()
        for root in self._roots:
            path = root / self._inside(relative)
            if path.is_dir():
                names.update(entry.name for entry in path.iterdir() if not entry.name.startswith((".", "__")))
        return sorted(names)

    def files(self, relative: str) -> tuple[str, ...]:
        """Return the sorted paths of all files in a folder and below it, or of the file itself; no hidden ones."""
        names: set[str] = set()
        for root in self._roots:
            path = root / self._inside(relative)
            if path.is_file():
                names.add(relative)
            for file in path.rglob("*") if path.is_dir() else ():
                parts = file.relative_to(root).parts
                if file.is_file() and not any(part.startswith((".", "__")) for part in parts):
                    names.add("/".join(parts))
        return tuple(sorted(names))

    def _places(self) -> str:
        return " and ".join(str(root) for root in self._roots)

    @staticmethod
    def _inside(relative: str) -> PurePosixPath:
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{relative!r} does not stay inside the data folders")
        return path
