"""The crowd: customers who open their mails, agents who work on tickets, through the same use cases as anybody.

They notice what has reached them since the last look, and act at times of their own.
"""

import heapq
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from random import Random

from workers.app import Boucle
from workers.calendar import add_working
from workers.demo import reactions, shop
from workers.demo.absences import AGENTS, agents_there, plan_absences
from workers.demo.shop import Person, ShopEvent, was_late
from workers.demo.texters import Texters
from workers.demo.till import Till
from workers.demo.visitors import Visitors
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket
from workers.domain.types import RequestState, TicketState
from workers.store.demo.crowd import ArrivedMail, mails_arrived, texts_arrived, tickets_opened
from workers.usecases.ticket_actions import TicketAct

STILL_OPEN, LATE_ONES = (shop.END - timedelta(days=days) for days in (11, 8))
"""Tickets opened since then wait for something, or nobody has reached the customer yet: so the inbox is not empty."""
READ_EVERY, READ_AFTER, READ_LAST = timedelta(days=14), timedelta(hours=4), timedelta(days=30)
READINGS = 28
"""An agent reads what came by SMS and no machine understood; what came since the last time waits on its page."""
PROMISED = "The new shade has been ordered; call again when it is here."


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """Something a person does at a time; ordered by time and natural key, so that every run has the same order."""

    at: datetime
    key: str
    do: Callable[[], object] = field(compare=False)


class News(Enum):
    """What people may have to look at: mails or SMS that left, tickets that may have opened."""

    MAIL = auto()
    TEXT = auto()
    TICKET = auto()


class Crowd:
    """Customers and agents of the demo who react to mails and tickets, each act planned for its own time."""

    def __init__(
        self, parts: Boucle, persons: dict[str, Person], seed: int, site_key: bytes, send_texts: Callable[[], object]
    ) -> None:
        self._parts = parts
        self._persons = persons
        self._seed = seed
        self._acts: list[Act] = []
        self._worked_on: set[tuple[str, int]] = set()
        self._texters = Texters(parts, seed, self.plan, send_texts)
        self._visitors = Visitors(parts, site_key, seed, self.plan)
        self._till = Till(parts, seed, self.plan)

    def due(self, until: datetime) -> Iterator[Act]:
        """Give the acts up to an instant, in order; an act may plan further ones."""
        while self._acts and self._acts[0].at <= until:
            yield heapq.heappop(self._acts)

    def plan(self, at: datetime, key: str, do: Callable[[], object]) -> None:
        """Keep an act for its time; acts of one second come in the order of their keys, which a seed fixes."""
        heapq.heappush(self._acts, Act(at.astimezone(UTC).replace(microsecond=0), key, do))

    def plan_ahead(self, events: list[ShopEvent]) -> None:
        """Plan what follows from what customers order: who comes to the site or the till, who reads SMS."""
        self._visitors.plan_visits(events, self._persons)
        self._till.plan_answers(list(self._persons.values()))
        plan_absences(self._parts, self.plan)
        for number in range(READINGS):
            at = shop.END - READ_LAST - number * READ_EVERY
            self.plan(at, f"sms/{number}", lambda: self._texters.read_by_hand(AGENTS[0], READ_AFTER))

    def notice(self, after: datetime, until: datetime, news: Collection[News]) -> None:
        """See what left and which tickets opened since the last look, of the kinds in `news`; plan what follows."""
        with self._parts.store.reading() as connection:
            mails = mails_arrived(connection, after, until) if News.MAIL in news else []
            texts = texts_arrived(connection, after, until) if News.TEXT in news else []
            opened = tickets_opened(connection) if News.TICKET in news else []
        for text in texts:
            texter = self._persons.get(text.crm_id or "")
            if texter is not None:
                self._texters.read(text, texter, until)
        for mail in mails:
            person = self._persons.get(mail.crm_id or "")
            if person is not None:
                self._react(mail, person)
        for ticket, crm_id in opened:
            self._work_on(ticket, self._persons[crm_id])

    def _react(self, mail: ArrivedMail, person: Person) -> None:
        """Plan what a customer does with one mail."""
        key = f"{mail.step}/{mail.reference}" if mail.step == "delivery-now" else f"{mail.step}/{mail.anchor_at}"
        response = mail.response
        if mail.template.startswith("ask-"):
            self._answer(mail, person, key)
        elif mail.template == "reminder" and mail.request_state == RequestState.OPEN:
            random = Random(f"{self._seed}/reminded/{person.id}/{key}")
            if random.random() < reactions.REMINDED_RATE:
                self._answer(mail, person, f"{key}/reminded")
        elif mail.template.startswith("improve-") and response and mail.response_anchor:
            late = was_late(person, mail.response_anchor)
            text = reactions.improvement_of(self._seed, person, key, late=late)
            if text:
                at = mail.accepted_at + timedelta(hours=5)
                self.plan(at, f"{person.id}/{key}/i", lambda: self._parts.customer_actions.improve(response, text))
        elif mail.template in ("testimonial", "thanks-testimonial") and response:
            praise = reactions.praise_of(self._seed, person, key)
            if praise is not None:
                wording, scope = praise
                name = person.name.split(" ")[0]
                self.plan(
                    mail.accepted_at + timedelta(hours=20),
                    f"{person.id}/{key}/t",
                    lambda: self._parts.testimonials.write(response, wording, name, person.region, scope),
                )

    def _answer(self, mail: ArrivedMail, person: Person, key: str) -> None:
        """Plan the answer to a survey mail, or the click without one."""
        if mail.survey is None or mail.anchor_at is None:
            return
        reply = reactions.reply_to(self._seed, person, key, mail.survey, mail.anchor_at, mail.accepted_at)
        if reply is None:
            return
        actions, request = self._parts.customer_actions, str(mail.request)
        score = reactions.on_scale(reply.score, mail.question)
        self.plan(
            reply.at - timedelta(minutes=1),
            f"{person.id}/{key}/click",
            lambda: actions.click(request, score, "GET"),
        )
        if not reply.clicks_only:
            phone = person.phone if reply.wants_contact else ""
            self.plan(
                reply.at,
                f"{person.id}/{key}/post",
                lambda: actions.answer(
                    request,
                    score,
                    reply.comment,
                    wants_contact=reply.wants_contact,
                    phone=phone,
                    drivers=None if mail.question else reply.drivers,
                    competitor=None if mail.question else reply.competitor,
                ),
            )

    def _work_on(self, ticket: Ticket, person: Person) -> None:
        """Plan how an agent works on an open ticket: calls that nobody answers, then one that ends it."""
        if (ticket.id, ticket.reopened) in self._worked_on:
            return
        self._worked_on.add((ticket.id, ticket.reopened))
        key = f"{person.id}/{ticket.trigger}/{ticket.due_at.isoformat()}/{ticket.reopened}"
        call = reactions.call_of(self._seed, person, key, ticket.comment)
        calendar = self._parts.policies.current().calendar
        at = add_working(ticket.opened_at, call.after, calendar)
        agent = Random(f"{self._seed}/agent/{key}").choice(agents_there(at))
        number = ticket.number
        self.plan(at, f"{key}/0", lambda: self._act(number, agent, "claim", call))
        for miss in range(call.misses):
            at = add_working(at, timedelta(minutes=7), calendar)
            self.plan(at, f"{key}/1{miss}", lambda: self._act(number, agent, "miss", call))
            at = add_working(at, timedelta(hours=4, minutes=40), calendar)
        if ticket.opened_at > LATE_ONES and call.misses:
            return
        at = add_working(at, timedelta(minutes=25), calendar)
        last = "done" if ticket.opened_at <= STILL_OPEN else "wait"
        self.plan(at, f"{key}/2", lambda: self._act(number, agent, "reach", call))
        self.plan(
            add_working(at, timedelta(hours=3), calendar), f"{key}/3", lambda: self._act(number, agent, last, call)
        )

    def _act(self, number: int, agent: str, what: str, call: reactions.Call) -> None:
        """Do one act on a ticket, unless it was done by somebody else meanwhile."""
        ending = ticketing.Ending(call.outcome, call.cause, sentence=call.sentence)
        acts: dict[str, TicketAct] = {
            "claim": lambda case, ticket: ticketing.claim(case, ticket, agent),
            "miss": lambda case, ticket: ticketing.attempt(case, ticket, ticketing.Call(agent)),
            "reach": lambda case, ticket: ticketing.attempt(case, ticket, ticketing.Call(agent, reached=True)),
            "wait": lambda case, ticket: ticketing.wait(
                case, ticket, agent, shop.END + timedelta(days=1 + ticket.number % 3), PROMISED
            ),
            "done": lambda case, ticket: ticketing.done(case, ticket, agent, ending),
        }

        def unless_done(case: CustomerCase, ticket: Ticket) -> None:
            if ticket.state != TicketState.DONE:
                acts[what](case, ticket)

        self._parts.ticket_actions.act(number, unless_done)
