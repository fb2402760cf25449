"""Fixtures of installations: embedded, each on a database of the test's own, with a clock that the test moves.

A conftest.py takes them in; nothing here is a test.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from embedded import START, Embedded


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Embedded]]:
    """Give a maker of installations, each in a folder of its own; settings are given without BOUCLE_."""
    made: list[Embedded] = []

    def make(at: datetime = START, **settings: str) -> Embedded:
        made.append(Embedded(tmp_path / f"home{len(made)}", at, **settings))
        return made[-1]

    yield make
    for program in made:
        program.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings of either database, for an installation that behaves alike on both."""
    return {} if request.param == "sqlite" else {"database_url": str(request.getfixturevalue("postgres"))}


@pytest.fixture
def boucle(install: Callable[..., Embedded]) -> Embedded:
    """Give one installation with the shipped settings."""
    return install()
