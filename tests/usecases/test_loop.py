"""The whole loop, embedded: an event becomes a survey, and its score what the follow-up table says."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain.records import Action, Decision, Dispatch, Response, SurveyRequest, Ticket, Touchpoint
from workers.domain.types import Ingress
from workers.store import read
from workers.store.ledger import Incoming, Outcome, Taken
from workers.usecases.operation.migrate import migrate

START = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)


class Loop:
    """One embedded installation with a clock that the test moves."""

    def __init__(self, home: Path, **more: str) -> None:
        environment = {"BOUCLE_HOME": str(home), "BOUCLE_SECRET": "test-secret", "BOUCLE_MAIL_PER_SECOND": "0"}
        environment |= {f"BOUCLE_{name.upper()}": value for name, value in more.items()}
        settings = settings_module.read(environment)
        self.clock = FixedClock(START)
        boucle = app.Boucle(settings, self.clock)
        migrate(boucle.store)
        self.parts = app.start(settings, clock=self.clock)

    def events(self, *events: dict[str, object]) -> list[Outcome]:
        """Take events in as from HTTP."""
        batch = [Incoming(orjson.dumps(event), {}, "application/cloudevents+json") for event in events]
        return self.parts.intake.take(batch, Ingress.HTTP)

    def settle(self) -> None:
        """Wake and send until nothing is due."""
        dispatching = self.parts.outgoing.delivery()
        while self.parts.scheduler.wake_all() + asyncio.run(dispatching.send_all()):
            pass

    def pass_time(self, **time: float) -> None:
        """Move the clock on, then do what is due."""
        self.clock.at += timedelta(**time)
        self.settle()

    def rows(self, kind: type) -> list:  # type: ignore[type-arg]  # any record class
        """Return every row of a table."""
        with self.parts.store.reading() as connection:
            return read.rows(connection, kind)


def event(name: str, subject: str = "42", at: datetime = START, **data: object) -> dict[str, object]:
    """Return a journey event of a customer with an address."""
    customer = {"id": subject, "email": f"{subject}@example.org", "name": "Camille Roux", "language": "fr"}
    return {
        "specversion": "1.0",
        "id": f"{name}-{subject}-{at.isoformat()}",
        "source": "shop",
        "type": f"boucle.journey.{name}.v1",
        "subject": subject,
        "time": at.isoformat(),
        "data": {"customer": customer, **data},
    }


@pytest.fixture
def loop(tmp_path: Path) -> Callable[..., Loop]:
    """Return a maker of installations."""
    return lambda **more: Loop(tmp_path, **more)


def test_a_delivery_is_asked_about_and_a_low_score_opens_a_ticket(loop: Callable[..., Loop]) -> None:
    """One delivery event leads to one mail; the score 2 to a ticket, an acknowledgement and a mail to the team."""
    boucle = loop()
    outcomes = boucle.events(event("delivery", reference="1042", label="lamp"))
    assert [outcome.taken for outcome in outcomes] == [Taken.ACCEPTED]
    boucle.settle()
    assert {touchpoint.step: str(touchpoint.state) for touchpoint in boucle.rows(Touchpoint)} == {
        "delivery-now": "asked",
        "delivery-6w": "planned",
    }
    (request,) = boucle.rows(SurveyRequest)
    assert boucle.parts.customer_actions.answer(
        request.id, 2, "It arrived broken", wants_contact=True, phone="+33 1 23"
    )
    boucle.pass_time(minutes=2)
    (response,) = boucle.rows(Response)
    assert (response.score, response.band, str(response.state)) == (2, "detractor", "decided")
    (decision,) = boucle.rows(Decision)
    assert decision.rule == "D1"
    (ticket,) = boucle.rows(Ticket)
    assert (ticket.number, ticket.score, ticket.comment, ticket.play) == (1, 2, "It arrived broken", "solve")
    assert ticket.due_at == datetime(2026, 3, 3, 13, 12, tzinfo=UTC)
    mails = sorted((dispatch.template, str(dispatch.state)) for dispatch in boucle.rows(Dispatch))
    assert mails == [
        ("ack", "accepted"),
        ("ask-delivery", "accepted"),
        ("reminder", "cancelled"),
        ("ticket", "accepted"),
    ]


def test_a_promoter_is_thanked_and_asked_for_a_testimonial_ten_days_later(loop: Callable[..., Loop]) -> None:
    """A 9 at once gives a thank-you now and a testimonial request after its wait."""
    boucle = loop()
    boucle.events(event("delivery", reference="1042"))
    boucle.settle()
    (request,) = boucle.rows(SurveyRequest)
    boucle.parts.customer_actions.answer(request.id, 9)
    boucle.pass_time(minutes=2)
    assert [(action.name, str(action.state)) for action in boucle.rows(Action)] == [
        ("thank_you", "done"),
        ("testimonial_request", "planned"),
    ]
    boucle.pass_time(days=10)
    assert {dispatch.template for dispatch in boucle.rows(Dispatch) if dispatch.state == "accepted"} == {
        "ask-delivery",
        "thanks",
        "testimonial",
    }


def test_the_same_event_twice_changes_nothing(loop: Callable[..., Loop]) -> None:
    """Redelivery is a no-op; the same id with other content is a dead letter."""
    boucle = loop()
    boucle.events(event("delivery", reference="1042"))
    again = boucle.events(event("delivery", reference="1042"), event("delivery", reference="1043"))
    assert [outcome.taken for outcome in again] == [Taken.DUPLICATE, Taken.REJECTED]
    assert again[1].rejected is not None
    assert again[1].rejected.reason == "conflicting_duplicate"
    assert len(boucle.rows(Touchpoint)) == 2
