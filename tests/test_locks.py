"""The locks: what is installed is what pyproject.toml asks for, each file by its hash, and NOTICE names it."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
AGAIN = "Run `make lock`."
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """Return the versions of a lock by package."""
    return {canonicalize_name(package): version for package, version in PINNED.findall((ROOT / name).read_text())}


def wanted(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for, with some extras and what builds the checkout."""
    project = PROJECT["project"]
    texts = [*project["dependencies"], *PROJECT["dependency-groups"]["build"]]
    texts += [text for extra in extras for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("requirements.lock", ()), ("requirements-test.lock", tuple(PROJECT["project"]["optional-dependencies"]))],
)
def test_a_lock_has_everything_in_a_version_that_is_allowed(lock: str, extras: tuple[str, ...]) -> None:
    """A library that pyproject.toml asks for is locked, in a version that it allows."""
    versions = locked(lock)
    wrong = [
        str(requirement)
        for requirement in wanted(*extras)
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert wrong == [], AGAIN


def test_what_runs_is_what_is_tested() -> None:
    """Every library that runs has the same version in the tests' lock."""
    tested = locked("requirements-test.lock")
    assert {name: tested.get(name) for name in locked("requirements.lock")} == locked("requirements.lock"), AGAIN


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock", "requirements-tools.lock"])
def test_every_file_has_a_hash_and_no_address(lock: str) -> None:
    """A lock holds versions and hashes, and names no place that files come from."""
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_notice_names_every_library_that_runs() -> None:
    """NOTICE has each library that runs, in its locked version, with a licence, and no other."""
    lines = re.findall(r"^([A-Za-z0-9._-]+) (\S+): (.+)$", (ROOT / "NOTICE").read_text(), re.MULTILINE)
    assert {canonicalize_name(name): version for name, version, _ in lines} == locked("requirements.lock"), AGAIN
