"""A seeded story: what customers do over some months, as messages with the moment at which each is published.

The same seed gives the same messages, and what a person answers follows from what they were asked about, never from
the order in which two runs came to ask. Nothing here knows where the messages go.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import orjson

from workers.adapters.kafka import Topic

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = ("Europe/Paris", "Europe/London", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: when it is published, on which topic, under which key."""

    at: datetime
    topic: Topic
    key: str
    body: bytes
    headers: tuple[tuple[str, bytes], ...] = (("content-type", b"application/cloudevents+json"),)


@dataclass(slots=True)
class Story:
    """What some customers do: `messages` in the order of publishing, `bad` of which cannot be accepted."""

    seed: int = 1
    customers: int = 60
    days: int = 210
    bad_events: bool = True
    messages: list[Message] = field(default_factory=list)
    bad: int = 0
    start: datetime = START

    def __post_init__(self) -> None:
        """Tell the whole story."""
        for number in range(self.customers):
            self.messages += Life(self, f"C-{number:04}").messages()
        if self.bad_events:
            wrong = list(bad_messages(START + timedelta(days=min(20, self.days - 1))))
            self.messages += wrong
            self.bad = len(wrong) - 1  # the first of the two that share an id is good
        self.messages.sort(key=lambda message: (message.at, message.key, message.body))

    @property
    def end(self) -> datetime:
        """The moment after which nobody does anything any more."""
        return self.start + timedelta(days=self.days)

    def chance(self, *key: str) -> Random:
        """Return random numbers that follow from the seed and a natural key."""
        return Random("/".join((str(self.seed), *key)))


class Life:
    """One customer's months: orders, deliveries, what goes wrong, what the CRM learns."""

    def __init__(self, story: Story, crm_id: str) -> None:
        self.story = story
        self.crm_id = crm_id
        self.chance = story.chance("life", crm_id)
        self.zone = self.chance.choice(ZONES)
        self.language = self.chance.choice(("fr", "en", "fr-CA", "de"))
        self.events_made = 0

    def messages(self) -> Iterator[Message]:
        """Give everything that is published about this customer; a tenth of it twice."""
        for message in self.lived():
            yield message
            if self.chance.random() < 0.1:
                yield self.later(message, timedelta(hours=self.chance.randrange(1, 200)))

    def lived(self) -> Iterator[Message]:
        """Give every message once."""
        chance, days = self.chance, self.story.days
        start = chance.uniform(0, days * 0.6)
        if chance.random() < 0.3:
            yield self.event("boucle.customer.changed.v1", start - 1, customer=self.card(email="old@example.org"))
        for number in range(chance.choice((1, 1, 2, 2, 3))):
            yield from self.order(start + number * chance.uniform(20, 90), f"{self.crm_id}/{number}")
        for name in ("interaction_ended", "onboarding_finished", "feature_first_used"):
            if chance.random() < 0.3:
                at = start + chance.uniform(0, 60)
                yield self.event(f"boucle.journey.{name}.v1", at, reference=f"{name}-{self.crm_id}", label=name)
        if chance.random() < 0.2:
            months = chance.choice((3, 6))
            yield self.event("boucle.journey.milestone.v1", start + months * 30.5, months=months)
        yield from self.changes(start)
        yield from self.outside_scores(start)

    def order(self, at: float, reference: str) -> Iterator[Message]:
        """Give a purchase, its delivery, and sometimes a refund that may overtake them."""
        chance = self.chance
        expected = chance.random() < 0.7
        label = f"order {reference}"
        customer = self.card() if chance.random() < 0.9 else None
        yield self.event(
            "boucle.journey.purchase.v1",
            at,
            reference=reference,
            label=label,
            delivery_expected=expected,
            customer=customer,
        )
        if expected:
            delivered = at + chance.uniform(1, 12)
            yield self.event("boucle.journey.delivery.v1", delivered, reference=reference, label=label)
            if chance.random() < 0.12:
                late = chance.uniform(0, 20)
                yield self.event("boucle.journey.refund.v1", delivered + late, reference=reference)

    def changes(self, start: float) -> Iterator[Message]:
        """Give what the CRM learns of the person, complaints, and leaving."""
        chance, later = self.chance, start + self.chance.uniform(5, 120)
        kind = chance.random()
        if kind < 0.15:
            yield self.event("boucle.journey.complaint_opened.v1", later, reference=f"complaint-{self.crm_id}")
            yield self.event("boucle.journey.complaint_closed.v1", later + 6, reference=f"complaint-{self.crm_id}")
        elif kind < 0.22:
            yield self.event("boucle.customer.opted_out.v1", later)
        elif kind < 0.27:
            yield self.event("boucle.journey.churned.v1", later)
        elif kind < 0.30:
            yield self.event("boucle.customer.erased.v1", later + 30)
        elif kind < 0.34:
            yield self.event("boucle.customer.merged.v1", later, merged_into=f"{self.crm_id}-again")
            yield self.event(
                "boucle.journey.delivery.v1", later + 5, reference=f"{self.crm_id}/9", customer=self.card()
            )
        elif kind < 0.5:
            self.zone = chance.choice(ZONES)
            yield self.event("boucle.customer.changed.v1", later, customer=self.card())

    def outside_scores(self, start: float) -> Iterator[Message]:
        """Give scores that another tool collected."""
        chance = self.chance
        if chance.random() < 0.25:
            at = start + chance.uniform(10, 100)
            yield self.event(
                "boucle.score.v1",
                at,
                topic=Topic.SCORES,
                source="survey-tool",
                score=chance.randrange(11),
                comment=chance.choice(("", "So-so", "Très bien")),
                trigger=chance.choice(("delivery", "purchase", "other")),
                asked_at=self.moment(at - 1).isoformat(),
                reference=f"{self.crm_id}/0",
                wants_contact=chance.random() < 0.2,
            )

    def card(self, email: str = "") -> dict[str, object]:
        """Return the customer's fields as the CRM has them."""
        return {
            "id": self.crm_id,
            "email": email or f"{self.crm_id.lower()}@customers.example.org",
            "name": f"Camille {self.crm_id}",
            "language": self.language,
            "time_zone": self.zone,
            "segment": "retail" if self.crm_id[-1] in "02468" else "trade",
            "may_promote": True,
        }

    def moment(self, days: float) -> datetime:
        """Return the moment so many days after the start, on a whole second."""
        return (START + timedelta(days=max(days, 0))).replace(microsecond=0)

    def event(
        self,
        type_: str,
        days: float,
        *,
        topic: Topic = Topic.EVENTS,
        source: str = "crm",
        customer: dict[str, object] | None = None,
        **data: object,
    ) -> Message:
        """Return one event, published up to some days after it happened, so that order of arrival means nothing."""
        self.events_made += 1
        at = self.moment(days)
        if customer:
            data["customer"] = customer
        body = {
            "specversion": "1.0",
            "id": f"{self.crm_id}-{self.events_made}",
            "source": source,
            "type": type_,
            "subject": self.crm_id,
            "time": at.isoformat(),
            "data": data,
        }
        delay = self.chance.choice((0.0, 0.0, 0.2, 0.5, 1.5, 4.0))
        return Message(at + timedelta(days=delay), topic, self.crm_id, orjson.dumps(body))

    def later(self, message: Message, wait: timedelta) -> Message:
        """Return the same message published again."""
        return Message(message.at + wait, message.topic, message.key, message.body, message.headers)


def bad_messages(at: datetime) -> Iterator[Message]:
    """Give one message of each kind that cannot be accepted."""
    good: dict[str, object] = {
        "specversion": "1.0",
        "source": "crm",
        "type": "boucle.journey.delivery.v1",
        "subject": "C-BAD",
        "time": at.isoformat(),
    }
    score = {**good, "type": "boucle.score.v1"}
    far = (at + timedelta(days=3650)).isoformat()
    wrong: list[dict[str, object]] = [
        {**good, "id": "bad-type", "type": "com.unknown.thing"},
        {key: value for key, value in good.items() if key != "subject"} | {"id": "bad-customer"},
        {**good, "id": "bad-date", "time": "2026-02-30T10:00:00Z"},
        {**good, "id": "bad-future", "time": far},
        {**score, "id": "bad-11", "data": {"score": 11}},
        {**score, "id": "bad-half", "data": {"score": 9.5}},
        {**good, "id": "bad-size", "data": {"label": "x" * 300_000}},
        {"id": "bad-event"},
    ]
    bodies = [orjson.dumps(event) for event in wrong]
    bodies += [b"{not json", '{"id": "é"}'.encode("latin-1"), b""]
    for body in bodies:
        yield Message(at, Topic.EVENTS, "C-BAD", body)
    twice = {**good, "id": "twice", "subject": "C-TWICE", "time": (at - 6 * DAY).isoformat()}
    yield Message(at - 5 * DAY, Topic.EVENTS, "C-TWICE", orjson.dumps(twice))
    changed = {**twice, "data": {"reference": "other"}}
    yield Message(at, Topic.EVENTS, "C-TWICE", orjson.dumps(changed))
