"""What happens in one simulated story: a CRM's messages, and persons who answer, change their mind, and call back.

A person's acts follow from what they were asked about and when, never from how a run went, so that the same story with
and without faults has the same acts. Holds no test.
"""

import heapq
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import orjson
from story import DAY, Message, Story

from workers.adapters.kafka import Topic
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.testimonials import Testimonials

CUSTOMER = "JOIN customer ON customer.id = {}.customer"
REQUESTS = (
    "SELECT r.id, r.asked_at, customer.crm_id, (SELECT d.id FROM dispatch d WHERE d.request = r.id AND d.action IS NULL"
    " AND d.template = r.template) AS mail FROM survey_request r " + CUSTOMER.format("r")
)
RESPONSES = "SELECT r.id, r.answered_at, r.band, customer.crm_id FROM response r " + CUSTOMER.format("r")
TESTIMONIALS = "SELECT t.response, t.asked_at, customer.crm_id FROM testimonial t " + CUSTOMER.format("t")
TICKETS = "SELECT t.id, t.opened_at, t.reopened, customer.crm_id FROM ticket t " + CUSTOMER.format("t")
"""What persons are asked by now."""
STEPS_OF_A_TICKET = ("claimed", "attempt", "done")
MESSAGES_AT_MOST = (1, 2, 2, 3, 3, 5)
"""How many messages of a customer's months a story keeps, by chance: few, so that many stories are told."""
STORIES_DAYS = 300
HORIZON = timedelta(days=400)
GRID = timedelta(days=6)
"""The clock stops every six days, where there is something to do."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The messages of a story, each at one of the clock's stops; `kept` are the places of those that a run keeps."""

    seed: int
    messages: tuple[Message, ...]
    end: datetime

    @classmethod
    def of(cls, seed: int, kept: frozenset[int] | None = None) -> "Plot":
        """Tell the story of a seed, or some of its messages."""
        chance = Random(f"plot {seed}")
        story = Story(seed, chance.choice((1, 1, 1, 1, 2)), STORIES_DAYS, bad_events=chance.random() < 0.1)
        some = sorted(
            chance.sample(range(len(story.messages)), min(len(story.messages), chance.choice(MESSAGES_AT_MOST)))
        )
        messages = [
            replace(story.messages[place], at=stop_after(story.messages[place].at, story.start)) for place in some
        ]
        chosen = [message for place, message in enumerate(messages) if kept is None or place in kept]
        return cls(seed, tuple(chosen), story.start + HORIZON)

    @property
    def start(self) -> datetime:
        """The clock's first stop."""
        return Story(0, 0, 1, bad_events=False).start

    def by_http(self, message: Message) -> bool:
        """Tell whether a message comes over HTTP and not by Kafka; the same in every run."""
        return Random(f"door {self.seed} {message.body!r}").random() < 0.35

    def chance(self, *key: str) -> Random:
        """Return random numbers that follow from the story and a natural key."""
        return Random("/".join(("person", str(self.seed), *key)))


def stop_after(at: datetime, start: datetime) -> datetime:
    """Return the clock's first stop at or after a moment."""
    steps = -((start - at) // GRID)
    return start + steps * GRID


@dataclass(order=True, slots=True)
class Act:
    """Something that a person or another system does; those of one person happen one after the other."""

    at: datetime
    key: str
    customer: str = field(compare=False)
    kind: str = field(compare=False)
    values: tuple[object, ...] = field(compare=False, default=())
    message: Message | None = field(compare=False, default=None)

    def carry_out(self, serving: CustomerActions, testimonials: Testimonials) -> bool:
        """Do it at the page that the person has open; False when it is not taken any more."""
        do = {
            "answer": lambda: serving.answer(*self.values[:3], wants_contact=bool(self.values[3])),  # type: ignore[arg-type]  # as written below
            "stop": lambda: serving.stop_asking(str(self.values[0])),
            "improve": lambda: serving.improve(*map(str, self.values)),
            "testify": lambda: testimonials.write(*map(str, self.values)),
            "refuse": lambda: testimonials.refuse(str(self.values[0])),
        }
        return do[self.kind]()


class Persons:
    """Customers, agents and a call centre: what they will do, as soon as they are asked."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self._noticed: set[str] = set()
        self._coming: list[Act] = []

    def next_at(self) -> datetime | None:
        """Return when somebody does something next."""
        return self._coming[0].at if self._coming else None

    def due(self, now: datetime) -> list[Act]:
        """Return, once, what is done by now."""
        due_acts = []
        while self._coming and self._coming[0].at <= now:
            due_acts.append(heapq.heappop(self._coming))
        return due_acts

    def notice(self, look: sqlite3.Connection) -> None:
        """Look at what is asked by now, and decide what will be done about it."""
        for row in look.execute(REQUESTS):
            self._once(f"request {row['id']}", lambda row=row: self._asked(row))  # type: ignore[misc]  # bound at once
        for row in look.execute(RESPONSES):
            self._once(f"response {row['id']}", lambda row=row: self._improves(row))  # type: ignore[misc]  # bound at once
        for row in look.execute(TESTIMONIALS):
            self._once(f"testimonial {row['response']}", lambda row=row: self._testifies(row))  # type: ignore[misc]  # bound at once
        for row in look.execute(TICKETS):
            self._once(f"ticket {row['id']} {row['reopened']}", lambda row=row: self._calls(row))  # type: ignore[misc]  # bound at once

    def _once(self, key: str, acts: Callable[[], Iterator[Act]]) -> None:
        if key in self._noticed:
            return
        self._noticed.add(key)
        for act in acts():
            heapq.heappush(self._coming, act)

    def _asked(self, row: sqlite3.Row) -> Iterator[Act]:
        request, asked = str(row["id"]), datetime.fromisoformat(row["asked_at"])
        chance = self._plot.chance(request)
        kind, days = chance.random(), chance.randrange(0, 5)
        score = chance.choice((0, 2, 3, 5, 6, 6, 7, 8, 9, 10, 10))
        changed = (score + chance.randrange(1, 10)) % 11
        comment = chance.choice(("", "Fine", "It arrived broken"))
        at = asked + days * DAY
        customer = str(row["crm_id"])
        if kind < 0.6:
            yield Act(at, request, customer, "answer", (request, score, comment, chance.random() < 0.1))
        if kind < 0.15:
            yield Act(at + DAY, f"{request} again", customer, "answer", (request, changed, "On reflection", False))
        elif 0.6 < kind < 0.7:
            data = {"score": score, "request": request, "channel": "phone", "agent": "noor"}
            message = event(at, Topic.SCORES, "boucle.score.v1", customer, f"call {request}", data)
            yield Act(at, request, customer, "message", message=message)
        if kind > 0.95:
            yield Act(at, request, customer, "stop", (str(row["mail"]),))

    def _improves(self, row: sqlite3.Row) -> Iterator[Act]:
        response, at = str(row["id"]), datetime.fromisoformat(row["answered_at"]) + 2 * DAY
        if row["band"] == "passive" and self._plot.chance(response).random() < 0.5:
            yield Act(at, response, str(row["crm_id"]), "improve", (response, "Faster"))

    def _testifies(self, row: sqlite3.Row) -> Iterator[Act]:
        response, at = str(row["response"]), datetime.fromisoformat(row["asked_at"]) + 2 * DAY
        scope = self._plot.chance(response, "scope").choice(("", "text_only", "name_and_text"))
        words = (response, "They called the same day.", "Camille", "Lyon", scope)
        yield Act(at, response, str(row["crm_id"]), *(("testify", words) if scope else ("refuse", (response,))))

    def _calls(self, row: sqlite3.Row) -> Iterator[Act]:
        opened, customer = datetime.fromisoformat(row["opened_at"]), str(row["crm_id"])
        for turn, step in enumerate(STEPS_OF_A_TICKET, start=1):
            name = f"{step} {row['id']} {row['reopened']}"
            at = opened + turn * GRID + row["reopened"] * 9 * GRID
            data: dict[str, object] = {"ticket": row["id"], "by": "lea", "at": at.isoformat(), "text": step}
            if step == "done":
                data |= {"outcome": "solved", "root_cause": "delivery/late", "sentence": "We sent a new one."}
            message = event(at, Topic.TICKET_UPDATES, f"boucle.ticket.{step}.v1", customer, name, data)
            yield Act(at, name, customer, "message", message=message)


def event(at: datetime, topic: Topic, type_: str, customer: str, name: str, data: dict[str, object]) -> Message:
    """Return what another system publishes about a request or a ticket of ours."""
    body = {"specversion": "1.0", "id": name, "source": "elsewhere", "type": type_, "subject": customer}
    return Message(at, topic, customer, orjson.dumps(body | {"time": at.isoformat(), "data": data}))
