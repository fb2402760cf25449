"""A driver: plays a story under the stored clock, in any world, and moves on only when nothing is left to do.

A world is an installation seen from outside: where messages are published and persons act. People answer out of a pure
function of what they were asked, so that two worlds get the same answers. Knows no transport (worlds.py does).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import orjson
from story import DAY, Message, Story

from workers.adapters.kafka import Topic
from workers.domain.records import Customer, Response, SurveyRequest, Testimonial, Ticket
from workers.domain.types import RequestState, TestimonialState, TicketState
from workers.store import read, tables
from workers.store.engine import Store
from workers.usecases.operation import status

SETTLED_AFTER = timedelta(minutes=11)
"""Longer than the settling time of an answer can become."""
STEPS_OF_A_TICKET = ("claimed", "attempt", "done")


class World(Protocol):
    """An installation as the driver sees it."""

    store: Store

    def set_clock(self, at: datetime) -> None:
        """Move business time."""

    def publish(self, messages: list[Message]) -> None:
        """Let messages in, in any order that keeps each key's; nobody is asked before all are in."""

    def settle(self) -> None:
        """Return when everything is consumed, nothing is due and the outbox is empty."""

    def answer(self, request: str, words: "Words") -> None:
        """Answer a survey request as its customer does."""

    def improve(self, response: str, text: str) -> None:
        """Say what would have made it a 9 or 10."""

    def testify(self, response: str, wording: str, scope: str) -> None:
        """Write a testimonial and consent to a scope; an empty scope refuses."""

    def stop_asking(self, request: str) -> None:
        """Press unsubscribe in a survey mail."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a customer says on the answer page."""

    score: int
    comment: str = ""
    wants_contact: bool = False
    phone: str = ""


Act = Callable[[World], None]


def play(
    story: Story,
    world: World,
    *,
    step: timedelta = 3 * DAY,
    before: Callable[[datetime], None] | None = None,
) -> None:
    """Play a story to its end, step by step; a step in which nothing happens and nothing is due is skipped.

    `before` is called before each step: there a test prepares to interfere.
    """
    people = People(story)
    waiting = list(story.messages)
    at = story.start
    while at <= story.end + 30 * DAY:
        due = [message for message in waiting if message.at <= at]
        waiting = waiting[len(due) :]
        if due or busy(world.store, at) or people.will_act(world.store, at):
            if before:
                before(at)
            world.set_clock(at)
            world.settle()
            world.publish(due)
            world.settle()
            if updates := people.messages(world.store, at):
                world.publish(updates)  # by themselves: whether a score joins a ticket depends on which came first
                world.settle()
            for seconds, act in enumerate(people.acts(world.store, at), start=1):
                world.set_clock(at + timedelta(seconds=seconds))  # no two people answer at the very same instant
                act(world)
            world.set_clock(at + SETTLED_AFTER)
            world.settle()
        at += step


def busy(store: Store, at: datetime) -> bool:
    """Tell whether anything is due at a moment."""
    with store.reading() as connection:
        return any(status.due_work(connection, at)[0].values())


class People:
    """Customers who answer and agents who call, as the natural key of what they are asked makes them."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.done: set[str] = set()

    def will_act(self, store: Store, at: datetime) -> bool:
        """Tell whether somebody has something to do."""
        before = set(self.done)
        will_act = bool(self.messages(store, at)) or any(True for _ in self.acts(store, at))
        self.done = before
        return will_act

    def once(self, key: str) -> bool:
        """Tell, once, that something is to be done."""
        fresh = key not in self.done
        self.done.add(key)
        return fresh

    def acts(self, store: Store, at: datetime) -> Iterator[Act]:
        """Give what customers do by now and did not do yet, in the order of natural keys."""
        with store.reading() as connection:
            names = {customer.id: customer.crm_id or "" for customer in read.rows(connection, Customer)}
            requests = read.rows(connection, SurveyRequest)
            responses = read.rows(connection, Response)
            testimonials = read.rows(connection, Testimonial)
        for request in sorted(requests, key=lambda row: (names[row.customer], row.step, row.reference)):
            yield from self.of_request(request, (names[request.customer], request.step, request.reference), at)
        for response in sorted(responses, key=lambda row: row.id):
            yield from self.of_response(response, names[response.customer], at)
        for testimonial in sorted(testimonials, key=lambda row: row.id):
            if testimonial.state == TestimonialState.ASKED and at - testimonial.asked_at > 2 * DAY:
                yield from self.of_testimonial(testimonial.response)

    def of_request(self, request: SurveyRequest, key: tuple[str, ...], at: datetime) -> Iterator[Act]:
        """Give the answer to a request, a change of mind, or an unsubscription."""
        chance = self.story.chance("answer", *key)
        kind, days = chance.random(), chance.randrange(0, 9)
        score = chance.choice((0, 2, 3, 5, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 10))
        comment = chance.choice(("", "", "Fine", "Très bien, merci", "It arrived broken"))
        contact = chance.random() < 0.1
        words = Words(score, comment, contact, "+33 1 23 45 67 89" if contact else "")
        changed = Words((words.score + chance.randrange(1, 10)) % 11, "On reflection")
        open_ = request.state in (RequestState.OPEN, RequestState.ANSWERED)
        if not open_ or at < request.asked_at + days * DAY:
            return
        if kind < 0.4 and self.once(f"answer {request.id}"):
            yield lambda world: world.answer(request.id, words)
        if kind < 0.08 and at >= request.asked_at + (days + 1) * DAY and self.once(f"change {request.id}"):
            yield lambda world: world.answer(request.id, changed)
        if kind > 0.96 and self.once(f"stop {request.id}"):
            yield lambda world: world.stop_asking(request.id)

    def of_response(self, response: Response, crm_id: str, at: datetime) -> Iterator[Act]:
        """Give what a passive customer would like better."""
        chance = self.story.chance("improve", crm_id, response.touchpoint, response.reference)
        asked = response.band == "passive" and at > response.answered_at + 2 * DAY
        if asked and chance.random() < 0.5 and self.once(f"improve {response.id}"):
            yield lambda world: world.improve(response.id, f"Faster, says {crm_id}")

    def of_testimonial(self, response: str) -> Iterator[Act]:
        """Give a promoter's words, or the refusal."""
        scope = self.story.chance("testimonial", response).choice(("", "text_only", "name_and_text"))
        if self.once(f"testimonial {response}"):
            yield lambda world: world.testify(response, "They called the same day.", scope)

    def messages(self, store: Store, at: datetime) -> list[Message]:
        """Return what other systems say by now: scores that answer our requests, and the helpdesk's updates."""
        return [*self.scores(store, at), *self.updates(store, at)]

    def scores(self, store: Store, at: datetime) -> list[Message]:
        """Return answers to our requests that another channel collected."""
        with store.reading() as connection:
            names = {customer.id: customer.crm_id or "" for customer in read.rows(connection, Customer)}
            requests = read.rows(connection, SurveyRequest, tables.survey_request.c.state == RequestState.OPEN)
        messages = []
        for request in sorted(requests, key=lambda row: (names[row.customer], row.step, row.reference)):
            chance = self.story.chance("phone", names[request.customer], request.step, request.reference)
            by_phone = chance.random() < 0.1 and at >= request.asked_at + 3 * DAY
            if by_phone and self.once(f"phone {request.id}"):
                messages.append(score_of(request, names[request.customer], chance.randrange(11), at))
        return messages

    def updates(self, store: Store, at: datetime) -> list[Message]:
        """Return the helpdesk's updates that are due by now: claimed, called, done, a day apart."""
        with store.reading() as connection:
            names = {customer.id: customer.crm_id or "" for customer in read.rows(connection, Customer)}
            tickets = read.rows(connection, Ticket, tables.ticket.c.state != TicketState.DONE)
        messages = []
        for ticket in sorted(tickets, key=lambda row: row.id):
            for days, step in enumerate(STEPS_OF_A_TICKET, start=1):
                name = f"{step} {ticket.id} {ticket.reopened}"
                if at >= ticket.opened_at + days * DAY and self.once(name):
                    messages.append(update(ticket, names[ticket.customer], step, name, at))
                    break
        return messages


def score_of(request: SurveyRequest, crm_id: str, score: int, at: datetime) -> Message:
    """Return an answer to one of our requests as a call centre publishes it."""
    said = {"score": score, "request": request.id, "channel": "phone", "agent": "noor", "comment": "on the phone"}
    body = {
        "specversion": "1.0",
        "id": f"call-{request.id}",
        "source": "call-centre",
        "type": "boucle.score.v1",
        "subject": crm_id,
        "time": at.isoformat(),
        "data": said,
    }
    return Message(at, Topic.SCORES, crm_id, orjson.dumps(body))


def update(ticket: Ticket, crm_id: str, step: str, name: str, at: datetime) -> Message:
    """Return one update of a ticket as a helpdesk publishes it."""
    data: dict[str, object] = {
        "ticket": ticket.id,
        "by": "lea",
        "at": at.isoformat(),
        "text": f"{step} by the helpdesk",
    }
    if step == "done":
        data |= {"outcome": "solved", "root_cause": "delivery/late", "sentence": "We sent a new one."}
    body = {
        "specversion": "1.0",
        "id": name,
        "source": "helpdesk",
        "type": f"boucle.ticket.{step}.v1",
        "subject": crm_id,
        "time": at.isoformat(),
        "data": data,
    }
    return Message(at, Topic.TICKET_UPDATES, crm_id, orjson.dumps(body))


def books_of(store: Store) -> list[tuple[str, str]]:
    """Return every comparable row of a world."""
    with store.reading() as connection:
        return list(status.book_rows(connection))
