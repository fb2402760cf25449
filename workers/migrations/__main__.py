"""`python -m workers.migrations`: writes a revision from what the tables are today. For developers of Boucle."""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from workers.store.engine import Store
from workers.usecases.operation.migrate import SCHEMA, script_of, upgrade

USE = """python -m workers.migrations first          write revision 0001 anew; only until 0.1.0 is released
python -m workers.migrations new "Message"  write the next revision: what differs from the newest one"""
FIRST = "0001"


def write(config: Config, number: str, message: str) -> Path:
    """Write one revision: what the tables have and a database of the revision before has not.

    Raises RuntimeError when Alembic writes none, or several.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/before.db")
        with store.engine.begin() as connection:
            if number != FIRST:
                upgrade(connection)
            config.attributes["connection"] = connection
            made = command.revision(config, message, autogenerate=True, rev_id=number)
        store.close()
    if made is None or isinstance(made, list):
        raise RuntimeError("one revision was asked for, Alembic wrote another number of them")
    return tidied(Path(made.path))


def tidied(path: Path) -> Path:
    """Leave out what Alembic writes beside the statements, and format the rest."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("# ###")]
    path.write_text("\n".join(lines).replace("autoincrement=False, ", "") + "\n")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    return path


def main(arguments: list[str]) -> int:
    """Do what the arguments ask and return the exit code."""
    config = script_of()
    if arguments == ["first"]:
        (Path(__file__).parent / "versions" / f"r{FIRST}.py").unlink(missing_ok=True)
        path = write(config, FIRST, "The tables of 0.1.0")
    elif len(arguments) == 2 and arguments[0] == "new":
        path = write(config, f"{SCHEMA + 1:04}", arguments[1])
        print(f"Raise SCHEMA in workers/usecases/operation/migrate.py to {SCHEMA + 1}.")
    else:
        print(USE, file=sys.stderr)
        return 2
    print(f"{path}: read it before you commit it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
