"""Scheduler: what waited for its time is taken up: waves, settled answers, due actions, tickets, touchpoints, closings.

Some customers at a time in one short transaction without I/O: lock, decide, move on. Nothing is leased, so a killed
role leaves nothing behind; a wave goes on where its cursor stands.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from workers.domain.changeset import ChangeSet
from workers.domain.customer.merge import join
from workers.domain.customer_state import CustomerState
from workers.domain.followup.actions import carry_out, contacts_first
from workers.domain.followup.decision import route
from workers.domain.policy import Policy, WaveDay
from workers.domain.records import Action, Response, SurveyRequest
from workers.domain.survey.planning import history, plan, wave_event
from workers.domain.survey.request import ask
from workers.domain.ticket import TicketAllocator
from workers.domain.ticket.sla import tickets_wake, told_before
from workers.domain.types import ActionState, CustomerId, MailClass, Reason, RequestState, ResponseState
from workers.errors import NotNow
from workers.store import due, read
from workers.store.apply import apply
from workers.store.controls import read_controls, set_control
from workers.store.customer import merge
from workers.store.customer.askings import Mailboxes, remember_askings
from workers.store.engine import Store
from workers.store.roster import desk
from workers.store.rules import waves
from workers.usecases import undone_starts
from workers.usecases.delivery.send_controls import Sending, mails_today, sending_now

log = logging.getLogger(__name__)
CUSTOMERS_A_ROUND = 200
ASKINGS = "askings"
"""The control that says that the mailboxes of earlier requests are remembered."""
ASKED_WITHIN = timedelta(days=800)
"""How far back they are: longer than any sensible rest period."""
CUSTOMERS_A_CHUNK = 500
"""How many customers a wave comes to in one transaction."""


LONGEST_ALONE_SECONDS = 300.0
"""How long a customer whom something breaks again and again is left alone at most."""


@dataclass(slots=True)
class Broken:
    """A customer whom something broke: how often, and until when (monotonic seconds) they are left alone."""

    times: int
    until: float
    left_alone: bool = True


@dataclass(slots=True)
class SendBudget:
    """How many survey mails may still be asked for today; None: any number."""

    left: int | None
    paused: frozenset[str] = frozenset()
    may_ask: bool = True
    answers_only: bool = False
    """While the clock is doubted: answers are routed and their tickets opened; nothing else is taken up or given up."""

    def take(self, changes: ChangeSet) -> None:
        """Count the survey mails that the changes add."""
        if self.left is not None:
            self.left -= sum(isinstance(row, SurveyRequest) for row in changes.rows_added())

    def allows(self, step: str) -> bool:
        """Tell whether a touchpoint may be asked now."""
        return self.may_ask and step not in self.paused and (self.left is None or self.left > 0)


class Scheduler:
    """Takes up what is due; any number of them may run side by side."""

    def __init__(
        self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime], sending: Sending
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending
        self._broken: dict[CustomerId, Broken] = {}
        self._joined = False

    def wake_all(self, seconds: float = math.inf) -> int:
        """Take up what is due, begin nothing more after some seconds, and return how many customers it touched.

        Answers, actions and tickets come first, in every turn: somebody who is unhappy waits for a call, and must not
        wait for a morning's questions or a wave. A customer whom something breaks is left alone until the next call,
        longer each time, and does not stop the others.
        """
        total, until = 0, time.monotonic() + seconds
        self._take_over()
        for broken in self._broken.values():
            broken.left_alone = broken.until > time.monotonic()
        while True:
            woken = self.wake_some()
            reached = self.spread_wave()
            total += woken + (reached or 0)
            if (not woken and reached is None) or time.monotonic() >= until:
                return total

    def _take_over(self) -> None:
        """Do once what a release before left to do; what breaks it must not keep anybody from being woken."""
        if self._joined:
            return
        try:
            while self.join_merged():
                pass
            self.move_starts()
        except NotNow:
            raise
        except Exception:
            log.exception("a duty of the upgrade waits for the next start", extra={"action": "wake.take_over_failed"})
        self._joined = self.remember_askings()

    def wake_some(self, limit: int | None = None) -> int:
        """Take up what is due for some customers in one transaction; 0 when nothing is due."""
        now, limit = self._now(), limit or CUSTOMERS_A_ROUND
        with self._store.reading() as connection:
            room = self._room(connection, now)
            may_ask = room.may_ask and room.left != 0
            most = limit + len(self._broken)
            if room.answers_only:
                found = due.customers_with_answers(connection, now, most)
            else:
                told = told_before(self._policy().calendar, now)
                found = due.customers_due(connection, now, most, may_ask=may_ask, paused=room.paused, told=told)
        suspects = [one for one in found if one in self._broken and not self._broken[one].left_alone]
        waiting = [one for one in found if one not in self._broken][:limit]
        if not waiting:
            return sum(self._wake_alone(one, now) for one in suspects)
        try:
            return self._store.write(lambda connection: self._wake(connection, waiting, now))
        except NotNow:
            raise
        except Exception:  # whatever breaks for one customer, a lasting collision too, must not stop the others
            log.exception("round failed, taking it customer by customer", extra={"action": "wake.split"})
            return sum(self._wake_alone(one, now) for one in waiting)

    def _wake_alone(self, customer: CustomerId, now: datetime) -> int:
        """Take up what is due for one customer; what fails is told, and tried again by itself in a later round."""
        try:
            woken = self._store.write(lambda connection: self._wake(connection, [customer], now))
        except NotNow:
            raise
        except Exception:  # told with the customer's key, which says nothing about the person
            log.exception("customer failed", extra={"action": "wake.failed", "customer": customer})
            times = self._broken[customer].times + 1 if customer in self._broken else 1
            pause = min(LONGEST_ALONE_SECONDS, 2.0**times) if times > 1 else 0.0
            self._broken[customer] = Broken(times, time.monotonic() + pause)
            return 1
        self._broken.pop(customer, None)
        return woken

    def join_merged(self, limit: int = CUSTOMERS_A_ROUND) -> int:
        """Join merged customers whose rows a release before left apart; return how many, 0 when none is left."""
        now, policy = self._now(), self._policy()

        def work(connection: Connection) -> int:
            apart = merge.left_behind(connection, limit)
            for key in apart:
                pair = joined_by(connection, CustomerId(key), policy, now)
                apply(connection, pair, now)
            return len(apart)

        return self._store.write(work)

    def move_starts(self, limit: int = CUSTOMERS_A_ROUND) -> int:
        """Let refunds that a release before took move what hangs on their purchases; return of how many customers."""
        now, policy = self._now(), self._policy()
        with self._store.reading() as connection:
            waiting = undone_starts.untold(connection)
        for begin in range(0, len(waiting), limit):
            some = waiting[begin : begin + limit]
            self._store.write(partial(undone_starts.move_starts, customers=some, policy=policy, now=now))
        return len(waiting)

    def remember_askings(self) -> bool:
        """Remember what the mailboxes were asked by a release that kept no memory of it; once for a database."""
        now, policy = self._now(), self._policy()
        after: str | None = ""

        def some(connection: Connection, start: str) -> str | None:
            return remember_askings(connection, policy.ids, now - ASKED_WITHIN, start)

        if self._store.write(lambda connection: ASKINGS in read_controls(connection)):
            return True
        while after is not None:
            after = self._store.write(partial(some, start=after))
        self._store.write(lambda connection: set_control(connection, ASKINGS, now.isoformat(), now, "boucle"))
        return True

    def spread_wave(self, limit: int = CUSTOMERS_A_CHUNK) -> int | None:
        """Plan a due wave for its next customers in one transaction; return how many, None when no wave is due."""
        now, policy = self._now(), self._policy()
        with self._store.reading() as connection:
            if sending_now(connection, self._sending).clock_leapt:
                return None
            begins = beginning(connection, policy, now)
            if not begins and not waves.any_due(connection, now):
                return None

        def work(connection: Connection) -> int | None:
            for day in begins:
                waves.announce(connection, day.id, day.at)
            wave = waves.take(connection, now)
            return spread(connection, wave, policy, now, limit) if wave else None

        return self._store.write(work)

    def _room(self, connection: Connection, now: datetime) -> SendBudget:
        state = sending_now(connection, self._sending)
        left = None
        if self._sending.per_day:
            left = max(0, self._sending.per_day - mails_today(connection, now, self._policy().zone))
        return SendBudget(left, state.paused, state.on, state.clock_leapt)

    def _wake(self, connection: Connection, waiting: list[CustomerId], now: datetime) -> int:
        policy = self._policy()
        room = self._room(connection, now)
        customers = read.lock_customers(connection, waiting, skip_locked=True)
        facts = read.facts_of(connection, customers)
        addresses = {one.id: one.email for one in customers if one.email}
        suppressed = read.suppressed_addresses(connection, set(addresses.values()), policy.ids)
        mailboxes = Mailboxes(connection, [one.customer for one in facts.values() if asks_now(one, now)], policy)
        for customer, address in addresses.items():  # several customers may share one address
            facts[customer].suppressed = suppressed.get(address, "")
        changes = ChangeSet()
        at_desk = desk(connection, now)
        woken = 0
        for customer in sorted(facts, key=waiting.index):
            facts[customer].asked_elsewhere = mailboxes.elsewhere(customer)
            more = wake(facts[customer], policy, now, room, at_desk)
            woken += bool(more)
            changes.merge(more)
            mailboxes.learn(more)
        apply(connection, changes, now)
        return woken


def asks_now(facts: CustomerState, now: datetime) -> bool:
    """Tell whether a customer has a touchpoint that may be asked now."""
    return any(one.wake_at <= now for one in facts.pending())


def joined_by(connection: Connection, customer: CustomerId, policy: Policy, now: datetime) -> ChangeSet:
    """Return a customer joined with whom they were merged into, both locked."""
    (own,) = read.lock_customers(connection, [customer])
    while own.merged_into:
        (own,) = read.lock_customers(connection, [own.merged_into])
    facts = read.facts_of(connection, [*read.lock_customers(connection, [customer]), own])
    return join(facts[customer], facts[own.id], policy, now)


def beginning(connection: Connection, policy: Policy, now: datetime) -> list[WaveDay]:
    """Return the days of the operator's list that have come and are not over, and were not announced yet.

    A day stands only in the list until it comes, so that the operator can take it back.
    """
    days = [day for day in policy.waves if day.at <= now <= day.until]
    announced = waves.known(connection, [day.id for day in days])
    return [day for day in days if day.id not in announced]


def spread(connection: Connection, wave: waves.Wave, policy: Policy, now: datetime, limit: int) -> int:
    """Plan the wave for the customers after its cursor, and move the cursor on; return how many there were."""
    label = next((day.label for day in policy.waves if day.id == wave.id), "")
    happening = wave_event(wave.id, wave.at, label)
    ids = waves.following(connection, wave, limit)
    customers = [
        one for one in read.lock_customers(connection, ids) if one.erased_at is None and one.merged_into is None
    ]
    changes = ChangeSet()
    for facts in read.facts_of(connection, customers, read.FOR_PLANNING).values():
        changes.merge(plan(happening, facts, policy, now))
    apply(connection, changes, now)
    waves.advance(connection, wave, ids[-1] if ids else wave.cursor, now if len(ids) < limit else None)
    return len(ids)


def wake(facts: CustomerState, policy: Policy, now: datetime, room: SendBudget, desk: TicketAllocator) -> ChangeSet:
    """Return everything that is due for one customer, in a fixed order: answers, actions, tickets, asking, closing.

    What somebody waits for comes first, and an answer may cancel the question after it.
    """
    changes = ChangeSet()
    known = facts.copy()

    def take(more: ChangeSet) -> None:
        known.absorb(more)
        changes.merge(more)

    for response in sorted(known.all(Response), key=lambda one: (one.settles_at, one.id)):
        if response.state == ResponseState.SETTLING and response.settles_at <= now:
            take(route(response, known, policy, now, desk))
    for action in sorted(known.all(Action), key=lambda one: (one.due_at, contacts_first(one), one.id)):
        if action.state in (ActionState.PLANNED, ActionState.HELD) and action.due_at <= now:
            if room.answers_only and action.latest_at is not None and action.latest_at < now:
                continue
            take(carry_out(action, None, known, policy, now, desk))
    if room.answers_only:
        return changes
    take(tickets_wake(known, policy, now, desk))
    for touchpoint in known.pending():
        if touchpoint.wake_at <= now and (room.allows(touchpoint.step) or touchpoint.give_up_at < now):
            more = ask(touchpoint, known, policy, now)
            room.take(more)
            take(more)
    for request in list(known.all(SurveyRequest)):
        if request.closes_at <= now and request.state in (RequestState.OPEN, RequestState.ANSWERED):
            take(close(request, known, policy, now))
    return changes


def close(request: SurveyRequest, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a request that takes no answer any more: expired unanswered, or closed with its response."""
    changes = ChangeSet()
    answered = request.state == RequestState.ANSWERED
    state = RequestState.CLOSED if answered else RequestState.EXPIRED
    elsewhere = not answered and request.reason == Reason.ANSWERED
    reason = Reason.ANSWERED if elsewhere else Reason.REQUEST_CLOSED
    changes.change(replace(request, state=state, reason=reason, changed_at=now))
    changes.cancel("request", request.id, Reason.REQUEST_CLOSED, MailClass.SURVEY)
    for response in facts.all(Response):
        if response.request == request.id and response.state == ResponseState.DECIDED:
            changes.change(replace(response, state=ResponseState.CLOSED))
    if not answered:
        changes.add(history(request.customer, "survey_request", request.id, state, reason, "", now, policy))
    return changes
