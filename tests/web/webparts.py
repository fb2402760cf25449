"""A web role over one embedded installation, with a clock that the test moves. conftest.py gives these to the tests:

site          Site: .client (no redirects followed) .clock .parts .web, and ways to get a question asked
open_site     makes a Site with settings of its own: open_site(rate_limit="3")
"""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import orjson
import pytest
from sqlalchemy.engine import Connection
from starlette.testclient import TestClient

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain.invariants import Books
from workers.domain.records import Row, SurveyRequest
from workers.domain.types import Ingress
from workers.roles import web_of
from workers.store import read
from workers.store.counts.books import tallies
from workers.store.ledger import Incoming, Outcome
from workers.usecases.operation.migrate import migrate
from workers.web.app import create_app
from workers.web.http.middleware.compression import LEVEL

R = TypeVar("R", bound=Row)
START = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
HERE = ("127.0.0.1", 50_000)
LARGEST = 90_000
"""Bytes that a page may weigh on the way: it is below 100 kB with a tenth to spare."""


class Site:
    """One installation and the web role over it."""

    def __init__(self, home: Path, **more: str) -> None:
        environment = {"BOUCLE_HOME": str(home), "BOUCLE_SECRET": "test-secret", "BOUCLE_MAIL_PER_SECOND": "0"}
        environment |= {f"BOUCLE_{name.upper()}": value for name, value in {"rate_limit": "0", **more}.items()}
        settings = settings_module.read(environment)
        self.clock = FixedClock(START)
        self.parts = app.Boucle(settings, self.clock)
        shared = read_once()
        self.parts.files.__dict__.update(
            {name: shared[name] for name in shared if name not in own_files(more.get("overrides", ""))}
        )
        migrate(self.parts.store)
        self.ticks = 0.0
        self.web = web_of(self.parts)
        self.app = create_app(self.web, ticks=lambda: self.ticks)
        self.client = self.client_from(HERE)

    def client_from(self, address: tuple[str, int]) -> TestClient:
        """Return a client that asks from an address."""
        return TestClient(self.app, base_url="http://127.0.0.1:8080", client=address, follow_redirects=False)

    def events(self, *events: dict[str, object]) -> list[Outcome]:
        """Take events in."""
        batch = [Incoming(orjson.dumps(event), {}, "application/cloudevents+json") for event in events]
        return self.parts.intake.take(batch, Ingress.FILE)

    def settle(self) -> None:
        """Wake and send until nothing is due."""
        dispatching = self.parts.outgoing.delivery()
        while self.parts.scheduler.wake_all() + asyncio.run(dispatching.send_all()):
            pass
        self.parts.letter_search().search_all()

    def pass_time(self, **time: float) -> None:
        """Move the clock on, then do what is due."""
        self.clock.at += timedelta(**time)
        self.settle()

    def rows(self, kind: type[R]) -> list[R]:
        """Return every row of a table."""
        with self.parts.store.reading() as connection:
            return read.rows(connection, kind)

    def request(self, reference: str) -> SurveyRequest:
        """Return the question about a reference."""
        return next(request for request in self.rows(SurveyRequest) if request.reference == reference)

    def ask(self, name: str = "delivery", **customer: object) -> SurveyRequest:
        """Have a customer asked about an order, and return the question."""
        self.events(event(name, at=self.clock.at, customer=customer, reference="1042", label="lamp, order 1042"))
        self.settle()
        return self.rows(SurveyRequest)[-1]

    def link(self, purpose: str, id: str) -> str:
        """Return the path of a link in a mail."""
        return f"/{purpose[0]}/{self.parts.links.sign(purpose, id)}"

    def asked(self, **customer: object) -> str:
        """Have a customer asked, and return the path of the link in the mail."""
        return self.link("answer", self.ask(**customer).id)  # type: ignore[arg-type]  # fields of a customer

    def answered(self, score: int, comment: str = "", **customer: object) -> str:
        """Have a customer asked, answer, let it settle, and return the path of the link."""
        request = self.ask(**customer)  # type: ignore[arg-type]  # fields of a customer
        assert self.parts.customer_actions.answer(request.id, score, comment)
        self.pass_time(minutes=2)
        return self.link("answer", request.id)


def failing_sums(connection: Connection) -> list[str]:
    """Return the sums of the books that do not hold."""
    return [line["name"] for line in Books(tallies(connection), {}, {}).sums() if not line["ok"]]


def travelling(content: bytes) -> int:
    """Return what a browser gets of a page, compressed as the server does it."""
    return len(gzip.compress(content, LEVEL))


def own_files(overrides: str) -> set[str]:
    """Return what a site with a folder of its own cannot share with the others."""
    if not overrides:
        return set()
    return {"data", "templates"} if (Path(overrides) / "templates").is_dir() else {"data"}


@lru_cache(maxsize=1)
def read_once() -> dict[str, object]:
    """Return the files that no test changes, read and checked once for all tests."""
    files = app.Boucle(settings_module.read({"BOUCLE_SECRET": "test-secret"})).files
    return {name: getattr(files, name) for name in ("data", "brand", "templates", "codec")}


def event(
    name: str, subject: str = "42", *, at: datetime = START, customer: dict[str, object] | None = None, **data: object
) -> dict[str, object]:
    """Return a journey event of a customer with an address."""
    fields = {"id": subject, "email": f"{subject}@example.org", "name": "Camille Roux", "language": "fr"}
    return {
        "specversion": "1.0",
        "id": f"{name}-{subject}",
        "source": "shop",
        "type": f"boucle.journey.{name}.v1",
        "subject": subject,
        "time": at.isoformat(),
        "data": {"customer": {**fields, **(customer or {})}, **data},
    }


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Give a maker of sites with settings of their own."""
    opened: list[Site] = []

    def make(**more: str) -> Site:
        opened.append(Site(tmp_path / str(len(opened)), **more))
        return opened[-1]

    yield make
    for site in opened:
        site.parts.store.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """Give a site with the usual settings."""
    return open_site()
