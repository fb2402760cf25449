"""One `boucle run` in a process of its own, whose rules are edited while it runs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from embedded import journey, score

from workers.domain.records import Decision
from workers.store import read
from workers.store.engine import Store

RULES = Path(__file__).parents[3] / "rules"
SECONDS = 60.0
KEY = "test-key"


class Running:
    """The process, the operator's own rules, and the verbs beside it."""

    def __init__(self, folder: Path) -> None:
        self.own = folder / "own"
        shutil.copytree(RULES, self.own / "rules")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.base = f"http://{address}"
        self.log, self.home = folder / "log", folder / "home"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")},
            "BOUCLE_HOME": str(self.home),
            "BOUCLE_OVERRIDES": str(self.own),
            "BOUCLE_HTTP_BIND": address,
            "BOUCLE_API_KEYS": KEY,
            "BOUCLE_SETTLING_SECONDS": "0",
            "BOUCLE_TICK_SECONDS": "0.1",
            "BOUCLE_LOG": "json",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command("run"), env=self._environment, stdout=log, stderr=log)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-c", "from workers.cli import main; main()", *arguments]

    def status(self) -> Any:
        """Return what `boucle status` says of the rules, beside the process."""
        command = self._command("status", "--format", "json")
        done = subprocess.run(command, env=self._environment, capture_output=True, timeout=SECONDS, check=False)
        return json.loads(done.stdout)["rules"]

    def decisions(self) -> list[Decision]:
        """Return the stored decisions, oldest first."""
        store = Store(f"sqlite:///{self.home / 'boucle.db'}")
        with store.reading() as connection:
            rows = read.rows(connection, Decision)
        store.close()
        return sorted(rows, key=lambda decision: decision.at)

    def edit(self, old: str, new: str) -> None:
        """Replace a text in the rows of the follow-up table."""
        path = self.own / "rules" / "follow-up" / "rules.csv"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def ready(self) -> str:
        """Return what /readyz says of the tables, nothing while it does not answer."""
        try:
            return str(httpx.get(f"{self.base}/readyz", timeout=5).json()["checks"]["tables"]["detail"])
        except httpx.TransportError:
            return ""

    def decision(self, who: str) -> Decision:
        """Let a customer answer after a delivery, and return the decision once it is there."""
        now, before = datetime.now(UTC), len(self.decisions())
        for event in (journey("delivery", who, now, reference=f"o-{who}"), score(3, who, now, trigger="delivery")):
            sent = httpx.post(
                f"{self.base}/v1/events",
                content=orjson.dumps(event),
                headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/cloudevents+json"},
                timeout=20,
            )
            assert sent.status_code == 202, sent.text
        until(lambda: len(self.decisions()) > before)
        return self.decisions()[-1]


def until(look: Callable[[], Any]) -> Any:
    """Return what is found as soon as there is something."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if value := look():
            return value
        time.sleep(0.05)
    raise TimeoutError


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Start Boucle, and end it with SIGTERM."""
    made = Running(tmp_path)
    until(made.ready)
    yield made
    made.process.terminate()
    assert made.process.wait(SECONDS) == 0, made.log.read_text()


def test_an_edit_while_it_runs(running: Running) -> None:
    """A bad edit stops nothing and is told of; a good one decides within seconds; old decisions keep their version."""
    first = running.decision("ann")
    running.edit(";<28d;0-6", ";<28d;1-6")
    until(lambda: "refused" in running.ready())
    rules = running.status()
    assert rules["in_use"]["follow-up"] == first.version
    assert "E101" in rules["refused"]["follow-up"]["faults"][0]
    assert "rules.refused" in running.log.read_text()
    assert running.decision("bob").version == first.version
    running.edit(";<28d;1-6", ";<28d;0-6")
    running.edit(";PT4H;solve;", ";PT2H;solve;")
    until(lambda: "refused" not in running.ready() and first.version[:12] not in running.ready())
    later = running.decision("cyd")
    assert later.version[:12] in running.ready()
    assert [decision.version for decision in running.decisions()] == [first.version, first.version, later.version]
