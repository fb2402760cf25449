"""A scenario in which every kind of outcome comes up at least once, driven on a fixed clock, for what counts rows."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import parts
import pytest
import sqlalchemy as sa

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket
from workers.domain.types import Ingress
from workers.store import tables
from workers.store.engine import Store
from workers.store.ledger import Incoming, Outcome
from workers.usecases.operation.migrate import migrate

START = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
"""A Tuesday, 10:12 in Paris."""


class House:
    """One embedded installation whose clock the test moves; all that came in is kept, to send it again."""

    def __init__(self, home: Path, *, secret: str = "test-secret", database: str = "") -> None:
        environment = {
            "BOUCLE_HOME": str(home),
            "BOUCLE_SECRET": secret,
            "BOUCLE_MAIL_PER_SECOND": "0",
            "BOUCLE_MAIL_PER_DAY": "0",
            "BOUCLE_DATABASE_URL": database,
        }
        settings = settings_module.read(environment)
        self.clock = FixedClock(START)
        fresh = app.Boucle(settings, self.clock).store
        migrate(fresh)
        fresh.close()
        self.parts = app.start(settings, clock=self.clock)
        self.sent: list[Incoming] = []

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        self.parts.store.close()

    def take(self, *events: dict[str, object]) -> list[Outcome]:
        """Take events in as from HTTP."""
        batch = [Incoming(orjson.dumps(event), {}, "application/cloudevents+json") for event in events]
        self.sent += batch
        return self.parts.intake.take(batch, Ingress.HTTP)

    def send_again(self) -> None:
        """Take in everything that ever came in, once more and in the same order."""
        for message in self.sent:
            self.parts.intake.take([message], Ingress.HTTP)
        self.settle()

    def settle(self) -> None:
        """Wake and send until nothing is due."""
        dispatching = self.parts.outgoing.delivery()
        while self.parts.scheduler.wake_all() + asyncio.run(dispatching.send_all()):
            pass

    def pass_time(self, **time: float) -> None:
        """Move the clock on, then do what is due."""
        self.clock.at += timedelta(**time)
        self.settle()

    def request_of(self, crm_id: str, step: str = "delivery-now") -> str:
        """Return the id of a survey request."""
        c, q = tables.customer.c, tables.survey_request.c
        with self.parts.store.reading() as connection:
            return str(
                connection.execute(
                    sa.select(q.id).join(tables.customer, c.id == q.customer).where(c.crm_id == crm_id, q.step == step)
                ).scalar_one()
            )

    def response_of(self, crm_id: str) -> str:
        """Return the id of a customer's first response."""
        c, r = tables.customer.c, tables.response.c
        with self.parts.store.reading() as connection:
            query = sa.select(r.id).join(tables.customer, c.id == r.customer).where(c.crm_id == crm_id)
            return str(connection.execute(query.order_by(r.answered_at)).scalars().first())

    def answer(self, crm_id: str, score: int, comment: str = "", step: str = "delivery-now") -> None:
        """Confirm an answer on the page."""
        drivers = ("delivery", "service") if score < 7 else None
        assert self.parts.customer_actions.answer(self.request_of(crm_id, step), score, comment, drivers=drivers)


def event(name: str, subject: str, at: datetime = START, **data: Any) -> dict[str, object]:
    """Return an event of a customer; `email=None` for one without an address."""
    customer: dict[str, object] = {"id": subject, "name": f"Person {subject}", "segment": "North"}
    email = data.pop("email", f"{subject}@example.org")
    customer |= {"email": email} if email else {}
    customer |= {"may_promote": data.pop("may_promote")} if "may_promote" in data else {}
    return {
        "specversion": "1.0",
        "id": f"{name}-{subject}-{data.get('reference', '')}-{at.isoformat()}",
        "source": "shop",
        "type": name if "." in name else f"boucle.journey.{name}.v1",
        "subject": subject,
        "time": at.isoformat(),
        "data": {"customer": customer, **data},
    }


SCORED = {"glad": 9, "keen": 10, "shy": 9, "lukewarm": 7, "wavering": 8, "cross": 2, "changer": 8}


def live_through(house: House) -> None:
    """Let a month pass in which every kind of outcome comes up; at the end one answer is still settling."""
    for name in (*SCORED, "silent", "gone"):
        more: dict[str, Any] = {"may_promote": False} if name == "shy" else {}
        house.take(event("delivery", name, reference=f"order-{name}", label="lamp", **more))
    house.take(event("delivery", "late", START - timedelta(days=30), reference="order-late"))
    house.take(event("delivery", "hidden", reference="order-hidden", email=None))
    house.take(
        event("purchase", "sorry", reference="order-sorry", delivery_expected=False),
        event("refund", "sorry", START + timedelta(seconds=1), reference="order-sorry"),
    )
    twice = event("interaction_ended", "caller", reference="call-1")
    house.take(twice, twice, event("boucle.journey.nonsense.v1", "caller"))
    house.settle()
    house.pass_time(hours=1)
    for name, score in SCORED.items():
        house.answer(name, score, "Too late" if score < 7 else "")
    house.take(outside_score("other-tool-1", "caller", 6, house.clock.at))
    house.pass_time(minutes=2)
    house.answer("wavering", 3, "On second thoughts")
    assert house.parts.customer_actions.stop_asking(mail_of(house, "gone"))
    house.pass_time(minutes=2)
    work_on_tickets(house)
    house.pass_time(days=10)
    house.answer("cross", 3, "Still broken", "recovery")
    more = {"score": 2, "trigger": "interaction_ended", "answered_at": house.clock.at.isoformat()}
    house.take(event("boucle.score.v1", "unreachable", house.clock.at, email=None, reference="call-2", **more))
    house.parts.testimonials.write(house.response_of("glad"), "A fine lamp.", "G.", "Lyon", "text_only")
    house.pass_time(minutes=2)
    house.answer("changer", 9)  # nothing is woken any more: this change stays unsettled


def outside_score(ident: str, subject: str, score: int, at: datetime) -> dict[str, object]:
    """Return a score that another tool collected about a call."""
    more = {"score": score, "trigger": "interaction_ended", "answered_at": at.isoformat(), "reference": "call-1"}
    return {**event("boucle.score.v1", subject, at, **more), "id": ident, "source": "telephone"}


def mail_of(house: House, crm_id: str) -> str:
    """Return the id of a customer's survey mail."""
    c, d = tables.customer.c, tables.dispatch.c
    with house.parts.store.reading() as connection:
        query = sa.select(d.id).join(tables.customer, c.id == d.customer)
        return str(connection.execute(query.where(c.crm_id == crm_id, d.template == "ask-delivery")).scalars().one())


def work_on_tickets(house: House) -> None:
    """Try once to call about each ticket; the first is then done, so that it is asked about again."""
    with house.parts.store.reading() as connection:
        tickets = connection.execute(
            sa.select(tables.ticket.c.number, tables.customer.c.crm_id).join(
                tables.customer, tables.customer.c.id == tables.ticket.c.customer
            )
        ).all()
    for number, crm_id in sorted(tickets):
        act = partial(_call, reached=crm_id == "cross")
        assert house.parts.ticket_actions.act(number, act)
        if crm_id == "cross":
            assert house.parts.ticket_actions.act(number, _done)


def lively_store(request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """Give the store of such a month in a folder, or on PostgreSQL where the fixture's parameter says so."""
    with ExitStack() as ends:
        url = ""
        if request.param == "postgresql":
            url = ends.enter_context(parts.empty_database(request.getfixturevalue("postgres_server")))
        house = ends.enter_context(House(folder, database=url))
        live_through(house)
        yield house.parts.store


def _call(case: CustomerCase, ticket: Ticket, *, reached: bool) -> None:
    ticketing.attempt(case, ticket, ticketing.Call("anna", reached=reached))


def _done(case: CustomerCase, ticket: Ticket) -> None:
    ending = ticketing.Ending("solved", "delivery/late", sentence="A new lamp is on its way.")
    ticketing.done(case, ticket, "anna", ending)
