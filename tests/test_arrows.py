"""The arrows: modules import downwards only, importing does nothing, and a response takes three files."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKERS = ROOT / "workers"
IMPORT_ALL = """
import importlib, os, pkgutil, socket, sys, threading
def no(*arguments, **more): raise RuntimeError("importing opened something")
socket.socket.connect = no
before = {name: value for name, value in os.environ.items()}
import workers
names = [one.name for one in pkgutil.walk_packages(workers.__path__, "workers.")]
for name in names:
    if not name.endswith(("__main__", ".env")) and ".migrations.versions" not in name:
        importlib.import_module(name)
assert dict(os.environ) == before, "importing changed the environment"
assert threading.active_count() == 1, threading.enumerate()
print(len(names))
"""


def test_modules_import_downwards_only() -> None:
    """The layers of pyproject.toml hold; a new module is given its place there."""
    program = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"Give each module its place in [tool.importlinter] of pyproject.toml:\n{run.stdout}"


LARGEST_FOLDER = 18
"""Modules that one takes in at a glance; a folder with more is divided by who uses them."""


def test_a_folder_is_taken_in_at_a_glance() -> None:
    """No folder has more modules than its reader can hold; revisions of the schema are a list and stay one."""
    sizes = Counter(path.parent for path in WORKERS.rglob("*.py") if path.name != "__init__.py")
    crowded = {str(folder.relative_to(WORKERS)): size for folder, size in sizes.items() if size > LARGEST_FOLDER}
    assert {name: size for name, size in crowded.items() if name != "migrations/versions"} == {}


def test_importing_does_nothing(tmp_path: Path) -> None:
    """Importing every module opens no connection, starts no thread, writes no file and says nothing."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALL], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 100
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


def imported(module: str) -> set[str]:
    """Return the modules of ours that a module imports, names it takes from them included."""
    path = WORKERS / f"{module.replace('.', '/')}.py"
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("workers"):
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


@pytest.mark.parametrize(
    "path",
    [
        ("streams.scores", "usecases.intake", "store.apply"),
        ("streams.journey_events", "usecases.intake", "store.apply"),
        ("streams.ticket_updates", "usecases.intake", "store.apply"),
        ("web.public.answer", "usecases.customer_actions", "store.apply"),
        ("web.api.events", "usecases.intake", "store.apply"),
    ],
)
def test_a_response_is_followed_in_three_files(path: tuple[str, ...]) -> None:
    """From the door to the commit there is one use case in between, whichever door it is."""
    door, use_case, write = path
    assert f"workers.{use_case}" in imported(door) | {
        name for name in imported("web.http.requests.context") if "web." in door
    }
    assert f"workers.{write}" in imported(use_case)
    assert f"workers.{write}" not in imported(door)


def test_the_readme_names_the_three_files_of_a_response() -> None:
    """The path of one response in README.md is the one that is walked above: three files, each there."""
    section = (ROOT / "README.md").read_text().partition("## The path of one response")[2].partition("\n## ")[0]
    steps = [line for line in section.splitlines() if re.match(r"\d\. ", line)]
    named = [re.findall(r"`workers/([a-z_/]+)\.py`", step) for step in steps]
    assert [files[0].replace("/", ".") for files in named] == [
        "streams.scores",
        "usecases.intake",
        "store.apply",
    ]
    assert [name for files in named for name in files if not (WORKERS / f"{name}.py").is_file()] == []


RUNS_STATEMENTS = frozenset({"execute", "exec_driver_sql", "scalar", "scalars", "scalar_one"})


def runs_statements(path: Path) -> bool:
    """Tell whether a module calls what runs a statement on a connection, or reads what came of it."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNS_STATEMENTS
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_statements_are_run_in_the_store() -> None:
    """A connection is passed on and never asked: what imports no sqlalchemy could still run a text of its own."""
    offenders = {
        path.relative_to(WORKERS).with_suffix("").as_posix()
        for path in WORKERS.rglob("*.py")
        if path.relative_to(WORKERS).parts[0] not in ("store", "migrations") and runs_statements(path)
    }
    assert offenders == set()
