"""List locked packages of which a newer version is out: newer within pyproject.toml's limits, and newer than those.

Run by `make outdated`, which gives the path of uv. Exits 1 when something newer is allowed and not locked, so that a
scheduled job can tell; what pyproject.toml holds back is listed and fails nothing.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def newest(uv: str, source: Path, *arguments: str) -> dict[str, str]:
    """Return the newest versions that a source of requirements allows, by package."""
    command = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--no-annotate",
        "--no-header",
    ]
    run = subprocess.run([*command, str(source), *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(LOCKED.findall(run.stdout))


def without_limits(folder: Path) -> Path:
    """Write what pyproject.toml asks for by name alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = sorted({re.split(r"[<>=!~ ;]", text)[0] for text in wanted})
    path = folder / "names.in"
    path.write_text("\n".join(names) + "\n")
    return path


def main(uv: str) -> int:
    """Print both lists and return the exit code."""
    locked = dict(LOCKED.findall((ROOT / "requirements-test.lock").read_text()))
    allowed = newest(uv, ROOT / "pyproject.toml", "--all-extras", "--group", "build")
    with tempfile.TemporaryDirectory() as folder:
        free = newest(uv, without_limits(Path(folder)))
    late = {name: (locked[name], version) for name, version in allowed.items() if locked.get(name, version) != version}
    held = {name: (locked[name], version) for name, version in free.items() if allowed.get(name, version) != version}
    for title, rows in (("Newer and allowed (make lock LOCK_ARGS=--upgrade):", late), ("Held back:", held)):
        print(title)
        print("\n".join(f"  {name} {old} -> {new}" for name, (old, new) in sorted(rows.items())) or "  nothing")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
