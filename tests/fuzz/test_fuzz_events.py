"""Events of any shape: each is accepted, a duplicate or a dead letter; what was accepted leads to mails and pages."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from campaign import Campaign
from event_inputs import KINDS, STRUCTURED, Message, examples, make_batch, smaller_batch
from pages import PAGES
from staffparts import Team
from webparts import Site

from workers.domain.records import Customer, DeadLetter
from workers.domain.types import Ingress
from workers.store.ledger import Incoming, Outcome, Taken

EVENTS = 100_000
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
"""After the examples of the schemas."""
EVENTS_A_SITE = 1_500
EVERY_BATCHES, EVERY_HTTP = 40, 8
FILES = ("/metrics", "/report.xlsx", "/report/responses.xlsx", "/report/responses.csv")


class Errors(logging.Handler):
    """Keeps the errors that are logged: what breaks inside is caught there, and told nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.lines.append(logging.Formatter().format(record)[-1_500:])

    def taken(self) -> list[str]:
        """Return what was told since."""
        lines, self.lines = self.lines, []
        return lines


class Doors:
    """The doors of an installation, which is another one after some events: most are letters, which pile up."""

    def __init__(self, home: Path) -> None:
        self.home, self.errors = home, Errors()
        self.batches = self.sites = self.events = 0
        self.site = self.open()

    def open(self) -> Site:
        """Open another installation."""
        self.sites += 1
        site = Site(self.home / str(self.sites))
        site.clock.at = NOW
        return site

    def close(self) -> None:
        """Open every page with what the events left behind, then close the installation."""
        look_at_everything(self.site)
        assert self.errors.taken() == []
        self.site.parts.store.close()

    def take(self, batch: tuple[Message, ...]) -> None:
        """Take a batch in as from Kafka, and some of it by HTTP; complain of what was not borne."""
        incoming = [
            Incoming(message.body, list(message.headers), None, "boucle.events", 0, number)  # type: ignore[arg-type]  # Kafka's null
            for number, message in enumerate(batch)
        ]
        outcomes = self.site.parts.intake.take(incoming, Ingress.KAFKA)
        assert len(outcomes) == len(batch)
        for outcome in outcomes:
            self.judge(outcome)
        self.batches += 1
        if self.batches % EVERY_HTTP == 0:
            self.post(batch[0], KINDS[self.batches // EVERY_HTTP % len(KINDS)])
            self.post(
                Message(b"[" + b",".join(message.body for message in batch) + b"]"),
                "application/cloudevents-batch+json",
            )
        assert self.errors.taken() == []

    def go_on(self, number: int, batch: tuple[Message, ...]) -> None:
        """Let days pass after some batches, and go to another installation after some more."""
        self.events += len(batch)
        if number % EVERY_BATCHES == 0:
            self.site.clock.at += timedelta(days=3, hours=5)
            self.site.settle()
            assert self.errors.taken() == []
        if self.events >= EVENTS_A_SITE:
            self.close()
            self.events, self.site = 0, self.open()

    def judge(self, outcome: Outcome) -> None:
        """A refusal says why, and its reason is none of ours."""
        if outcome.taken == Taken.REJECTED:
            assert outcome.rejected
            said = " ".join(fault.detail for fault in outcome.rejected.faults)
            assert said
            assert "failed here" not in said, said
            assert len(said) < 20_000, "a refusal repeats what was sent"

    def post(self, message: Message, kind: str) -> None:
        """Send one message by HTTP, its Kafka headers as HTTP's."""
        headers = [(b"content-type", kind.encode())] if kind else []
        for name, value in message.headers:
            if name.startswith("ce_") and name.isascii() and name.isprintable():
                headers.append((f"ce-{name[3:]}".encode(), value or b""))
        answer = self.site.client.post("/v1/events", content=message.body, headers=headers)
        assert answer.status_code in (202, 400, 413, 415), (answer.status_code, answer.text[:500])
        assert "failed here" not in answer.text, answer.text[:1_000]


@pytest.mark.timeout(14_400)
def test_events_of_any_shape_are_taken_or_kept(tmp_path: Path) -> None:
    """Whatever comes, no batch fails, no refusal is our own fault, and all pages go on with what was accepted."""
    doors = Doors(tmp_path)
    logging.getLogger().addHandler(doors.errors)
    try:
        Campaign("events", EVENTS, make_batch, doors.take, smaller_batch, len).run(doors.go_on)
        doors.close()
    finally:
        logging.getLogger().removeHandler(doors.errors)


def look_at_everything(site: Site) -> None:
    """Open the pages of the team, and of some people, with what such events left behind."""
    client = Team(site).client("Olga")
    people = [
        f"/customers/{customer.crm_id}"
        for customer in site.rows(Customer)[:60]
        if customer.crm_id and customer.crm_id.isalnum()
    ]
    for path in (*PAGES, *FILES, *people):
        answer = client.get(path)
        assert answer.status_code in (200, 303, 403, 404), (path, answer.status_code)
    letters = site.rows(DeadLetter)
    assert letters
    assert all(letter.fault and letter.size is not None for letter in letters)


@pytest.mark.parametrize("kind", [STRUCTURED, ""])
def test_a_good_event_is_still_taken(tmp_path: Path, kind: str) -> None:
    """The campaign's own examples are events: what it changes is what makes them bad."""
    site = Site(tmp_path)
    site.clock.at = NOW
    outcomes = site.parts.intake.take(
        [Incoming(orjson.dumps(example), {"content-type": kind} if kind else {}) for example in examples()],
        Ingress.KAFKA,
    )
    assert sum(outcome.taken == Taken.ACCEPTED for outcome in outcomes) > len(outcomes) // 3
    site.parts.store.close()
