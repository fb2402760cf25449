"""The fixture `boucle`: runs verbs of the command in this process, in an installation of its own. Holds no test."""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from embedded import STRUCTURED

from workers import app
from workers import settings as settings_module
from workers.adapters.resources import Data
from workers.cli import main
from workers.domain.mail.compose import Brand, Templates
from workers.domain.types import Ingress
from workers.store.ledger import Incoming, Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """How a verb ended: exit code, what it printed, what it said beside."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON value on standard output."""
        return json.loads(self.out)


class Boucle:
    """One installation, driven by its command."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.set(home=str(home), secret="a-test-secret", mail_per_second="0")

    def set(self, **values: str) -> None:
        """Set variables, named without BOUCLE_."""
        for name, value in values.items():
            self._monkeypatch.setenv(f"BOUCLE_{name.upper()}", value)

    def __call__(self, *arguments: str) -> Ended:
        """Run a verb and return how it ended."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = self._capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, printed.out, printed.err)

    def parts(self) -> app.Boucle:
        """Return the parts of the installation as the verbs see it."""
        return app.start(settings_module.read(os.environ))

    def take(self, *bodies: bytes) -> list[Outcome]:
        """Take messages in as from HTTP."""
        self("status")  # makes the database
        installation = self.parts()
        outcomes = installation.intake.take([Incoming(body, {}, STRUCTURED) for body in bodies], Ingress.HTTP)
        installation.scheduler.wake_all()
        installation.store.close()
        return outcomes


@pytest.fixture(scope="module", autouse=True)
def templates_read_once() -> Iterator[None]:
    """Read the same templates for the same brand once: every verb reads and tries all of them, in 0.3 s."""
    load = Templates.load
    templates_by_key: dict[str, Templates] = {}

    def once(data: Data, brand: Brand) -> Templates:
        key = f"{data.folder('templates')} {brand}"
        if key not in templates_by_key:
            templates_by_key[key] = load(data, brand)
        return templates_by_key[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Templates, "load", once)
        yield


@pytest.fixture
def boucle(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Boucle]:
    """Give the command, in an installation of the test's own; the log's handlers are put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {
        name: logger.level for name, logger in root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    }
    yield Boucle(tmp_path / "home", capsys, monkeypatch)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
