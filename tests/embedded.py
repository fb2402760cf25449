"""One embedded installation with a clock that the test moves, and the events that a CRM would send it.

Holds no test. Nothing here depends on the machine's time, so that what it leaves behind is the same on every day.
"""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import orjson

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain.mail.compose import Templates
from workers.domain.records import Row
from workers.domain.types import Ingress
from workers.store import read
from workers.store.engine import Store
from workers.store.ledger import Incoming, Outcome
from workers.usecases.operation.migrate import migrate

R = TypeVar("R", bound=Row)
START = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
STRUCTURED = "application/cloudevents+json"


@cache
def empty_database() -> bytes:
    """Return the file of a migrated database; made once, because migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        store = Store(f"sqlite:///{path}")
        migrate(store)
        store.close()
        return path.read_bytes()


@cache
def shipped_templates() -> Templates:
    """Return the shipped templates, all of them tried out; made once, as above."""
    return app.Boucle(settings_module.read({"BOUCLE_SECRET": "test-secret", "BOUCLE_HOME": "unused"})).files.templates


class Embedded:
    """An installation in a folder of the test; settings are given without BOUCLE_."""

    def __init__(self, home: Path, at: datetime = START, **more: str) -> None:
        environment = {"BOUCLE_HOME": str(home), "BOUCLE_SECRET": "test-secret", "BOUCLE_MAIL_PER_SECOND": "0"}
        environment |= {f"BOUCLE_{name.upper()}": value for name, value in more.items()}
        settings = settings_module.read(environment)
        self.clock = FixedClock(at)
        if "database_url" in more:
            fresh = app.Boucle(settings).store
            migrate(fresh)
            fresh.close()
        else:
            home.mkdir(parents=True, exist_ok=True)
            Path(settings.database.removeprefix("sqlite:///")).write_bytes(empty_database())
        self.parts = app.Boucle(settings, self.clock)
        if "overrides" not in more:
            vars(self.parts)["templates"] = shipped_templates()
        assert self.parts.inspection.faults() == []
        self.parts.policies.remember(self.parts.store, at)
        self.store = self.parts.store

    def take(self, *events: dict[str, object]) -> list[Outcome]:
        """Take events in as from HTTP."""
        batch = [Incoming(orjson.dumps(event), {}, STRUCTURED) for event in events]
        return self.parts.intake.take(batch, Ingress.HTTP)

    def settle(self) -> None:
        """Wake and send until nothing is due."""
        dispatching = self.parts.outgoing.delivery()
        while self.parts.scheduler.wake_all() + asyncio.run(dispatching.send_all()):
            pass
        self.parts.letter_search().search_all()

    def later(self, **time: float) -> None:
        """Move the clock on, then do what is due."""
        self.clock.at += timedelta(**time)
        self.settle()

    def rows(self, kind: type[R]) -> list[R]:
        """Return every row of a table."""
        with self.store.reading() as connection:
            return read.rows(connection, kind)

    def close(self) -> None:
        """Close the database."""
        self.store.close()


def journey(name: str, subject: str = "42", at: datetime = START, **data: object) -> dict[str, Any]:
    """Return a journey event about a customer with an address."""
    who = {"id": subject, "email": f"{subject}@example.org", "name": "Camille Roux", "language": "fr"}
    return cloud_event(f"boucle.journey.{name}.v1", subject, at, customer=who, **data)


def about(name: str, subject: str = "42", at: datetime = START, **data: object) -> dict[str, Any]:
    """Return a customer event: changed, merged, opted_out, erased."""
    return cloud_event(f"boucle.customer.{name}.v1", subject, at, **data)


def score(value: int, subject: str = "42", at: datetime = START, **data: object) -> dict[str, Any]:
    """Return a score from another tool."""
    return cloud_event("boucle.score.v1", subject, at, score=value, **data)


def cloud_event(kind: str, subject: str, at: datetime, **data: object) -> dict[str, Any]:
    """Return a CloudEvent; its id follows from what it is about, so that the same one twice is a duplicate."""
    about_what = data.get("reference") or at.isoformat()
    return {
        "specversion": "1.0",
        "id": f"{kind}/{subject}/{about_what}",
        "source": "shop",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "data": data,
    }
