"""The wheel: what is built from the source distribution runs by itself, data included, without the checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = """
import os, sys, tarfile
from hatchling import build
made, work = sys.argv[1], sys.argv[2]
sdist = build.build_sdist(made)
with tarfile.open(os.path.join(made, sdist)) as archive:
    archive.extractall(work, filter="data")
os.chdir(os.path.join(work, os.listdir(work)[0]))
print(os.path.join(made, build.build_wheel(made)))
"""
EVENT = (
    '{"specversion": "1.0", "id": "1", "source": "shop", "type": "boucle.journey.delivery.v1", "subject": "42",'
    ' "time": "%s", "data": {"customer": {"id": "42", "email": "a@b.example"}, "reference": "1"}}\n'
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel, built from the source distribution and not from the checkout."""
    folder = tmp_path_factory.mktemp("built")
    run = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder / "made"), str(folder / "work")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def boucle(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the command as installed into an environment that has the libraries but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    libraries = [path for path in Path(sysconfig.get_path("purelib")).iterdir() if "boucle" not in path.name.lower()]
    for path in libraries:
        if path.suffix != ".pth" and path.name != "__pycache__":
            (site / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    command = folder / "bin" / "boucle"
    command.write_text(f"#!{folder / 'bin' / 'python'}\nfrom workers.cli import main\nmain()\n")
    command.chmod(0o755)
    return command


def run(command: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder of its own, without anything from the checkout."""
    environment = {"PATH": os.environ["PATH"], "BOUCLE_HOME": str(folder / "home"), "LANG": "C.UTF-8"}
    return subprocess.run(
        [command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_wheel_has_one_package_and_its_data(wheel: Path) -> None:
    """One import package with rules, templates, schemas and migrations inside; no tests, no caches."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"workers"}
    for wanted in (
        "workers/_data/rules/follow-up/rules.csv",
        "workers/_data/templates/brand.yaml",
        "workers/_data/schemas/asyncapi.yaml",
        "workers/migrations/versions/r0001.py",
        "workers/migrations/script.py.mako",
    ):
        assert wanted in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".db", ".pyc"))]
    assert not [name for name in names if name.startswith("workers/devservices")]


def test_services_say_where_they_are_to_be_had(boucle: Path, tmp_path: Path) -> None:
    """What starts real parts for trials is not installed: each of its verbs says so in one sentence, and what to do."""
    for verb in ("up", "down", "status"):
        ended = run(boucle, tmp_path, "services", verb)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1
        assert "checkout" in ended.stderr
        assert "BOUCLE_KAFKA_BOOTSTRAP" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_the_installed_command_runs(boucle: Path, tmp_path: Path) -> None:
    """Help, check and plan work from the wheel alone, with its own data and its own database."""
    ended = run(boucle, tmp_path, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Close the loop" in ended.stdout
    checked = run(boucle, tmp_path, "check")
    assert checked.returncode == 0, checked.stderr
    assert "Every part works, and mail reaches no customer yet" in checked.stdout
    events = tmp_path / "events.jsonl"
    events.write_text(EVENT % "2026-03-03T09:12:00Z")
    planned = run(boucle, tmp_path, "events", "plan", str(events), "--format", "json")
    assert planned.returncode == 0, planned.stderr
    assert '"delivery-6w"' in planned.stdout


def test_the_installed_command_is_not_the_checkout(boucle: Path, tmp_path: Path) -> None:
    """What was run is the wheel's own code."""
    python = boucle.with_name("python")
    where = subprocess.run(
        [python, "-c", "import workers; print(workers.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(boucle.parents[1]) in where.stdout
