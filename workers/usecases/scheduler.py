"""Scheduler: what waited for its time is taken up: waves, settled answers, due actions, tickets, touchpoints, closings.

Some customers at a time in one short transaction without I/O: lock, decide, move on. Nothing is leased, so a killed
role leaves nothing behind; a wave goes on where its cursor stands.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from workers.domain.customer.merge import join
from workers.domain.customer_case import PENDING, CustomerCase, UnitOfWork
from workers.domain.followup.actions import carry_out, contacts_first
from workers.domain.followup.decision import route
from workers.domain.history import Subject, Why, history
from workers.domain.policy import Policy
from workers.domain.records import Action, AskedMailbox, Customer, Response, SurveyRequest, Touchpoint
from workers.domain.survey.day_quotas import DayQuotas, names_due
from workers.domain.survey.planning import follow_recurrence
from workers.domain.survey.request import ask
from workers.domain.ticket.sla import tickets_wake, told_before
from workers.domain.types import ActionState, CustomerId, MailClass, Reason, RequestState, ResponseState
from workers.errors import NotNow
from workers.store import due, read
from workers.store.apply import apply
from workers.store.connection import Connection, DBAPIError
from workers.store.controls import read_controls, set_control
from workers.store.customer import merge
from workers.store.customer.askings import Mailboxes, remember_askings
from workers.store.engine import Store
from workers.store.survey import waves
from workers.store.survey.quotas import keep_counted, lock_counted
from workers.store.ticket.roster import decide
from workers.structs import replace
from workers.usecases import undone_starts
from workers.usecases.delivery.send_controls import SendBudget, Sending, mails_today, sending_now, state_by
from workers.usecases.delivery.support_pacing import Pacing
from workers.usecases.waves import planning as wave_planning

log = logging.getLogger(__name__)
CUSTOMERS_A_ROUND = 300
LOOKS = 3
"""How often a waker looks that finds customers and nothing to do for them, before it takes it that all is done."""
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


class Scheduler:
    """Takes up what is due; any number of them may run side by side."""

    def __init__(
        self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime], sending: Sending
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending
        self._pacing = Pacing()
        self._broken: dict[CustomerId, Broken] = {}
        self._joined = False
        self._due = due.DueCustomers()
        self._going_on = False

    def wake_all(self, seconds: float = math.inf) -> int:
        """Take up what is due, begin nothing more after some seconds, and return how many customers it touched.

        Answers, actions and tickets come first, in every turn: somebody who is unhappy waits for a call, and must not
        wait for a morning's questions or a wave. A customer whom something breaks is left alone until the next call,
        longer each time, and does not stop the others.
        """
        total, until = 0, time.monotonic() + seconds
        self.take_over()
        for broken in self._broken.values():
            broken.left_alone = broken.until > time.monotonic()
        self._due.begin_anew()
        while True:
            woken = self.wake_some()
            reached = self.spread_wave()
            total += woken + (reached or 0)
            if (not woken and reached is None) or time.monotonic() >= until:
                return total

    def take_over(self) -> None:
        """Do once what a release before left to do; what breaks it must not keep anybody from being woken.

        Raises NotNow while the database is away.
        """
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
        """Take up what is due for some customers in one transaction; 0 when nothing is due.

        Raises NotNow when the database is away.
        """
        now, limit = self._now(), limit or CUSTOMERS_A_ROUND
        if not self._going_on and not self._anything_due(now):
            return self._wake_suspects(now)
        for _ in range(LOOKS):  # whom somebody else woke between the look and the lock has nothing due any more
            taken: list[CustomerId] = []
            woken = self._wake_due(taken, now, limit)
            if woken or not taken:
                break
        self._going_on = woken > 0
        return woken or self._wake_suspects(now)

    def _anything_due(self, now: datetime) -> bool:
        """Tell whether somebody has something due; a role that has nothing to do writes nothing.

        What room support has is counted only where something is: that may be no more than what waits for it.
        """
        with self._store.reading() as connection:
            room = self._room(connection, now)
            if not due.anything_due(connection, self._wanted(room, now)):
                return False
            room = self._with_support(connection, room, now)
            return not room.support_busy() or due.anything_due(connection, self._wanted(room, now))

    def _wanted(self, room: SendBudget, now: datetime) -> due.Wanted:
        """Return what may be taken up now, of everybody but those whom something broke."""
        may_ask = room.may_ask and room.left != 0
        reminded_until, but = told_before(self._policy().calendar, now), frozenset(self._broken)
        patient = tuple(sorted(self._policy().plan.may_wait.items())) if room.support_busy() else ()
        return due.Wanted(now, may_ask, room.paused, room.answers_only, reminded_until, but, patient)

    def _wake_due(self, taken: list[CustomerId], now: datetime, limit: int) -> int:
        """Take up what is due for the customers who wait longest; `taken` gets whom it locked."""

        def work(connection: Connection) -> tuple[int, dict[CustomerId, Exception]]:
            room = self._with_support(connection, self._room(connection, now), now)
            customers = self._due.lock(connection, self._wanted(room, now), limit)
            taken[:] = [customer.id for customer in customers]
            return self._wake(connection, customers, room, now) if customers else (0, {})

        try:
            woken, broken = self._store.write(work)
        except NotNow:
            raise
        except Exception:  # what cannot be written for one customer, a lasting collision, must not stop the others
            log.exception("round failed, taking it customer by customer", extra={"action": "wake.split"})
            return sum(self._wake_alone(customer, now) for customer in taken)
        for customer, error in broken.items():
            self._leave_alone(customer, error)
        return woken + len(broken)

    def _wake_suspects(self, now: datetime) -> int:
        """Try again those whom something broke and who were left alone for long enough."""
        suspects = [customer for customer, broken in self._broken.items() if not broken.left_alone]
        return sum(self._wake_alone(suspect, now) for suspect in suspects)

    def _wake_alone(self, customer: CustomerId, now: datetime) -> int:
        """Take up what is due for one customer; what fails is told, and tried again by itself in a later round."""

        def work(connection: Connection) -> tuple[int, dict[CustomerId, Exception]] | None:
            locked = read.lock_customers(connection, [customer], skip_locked=True)
            room = self._with_support(connection, self._room(connection, now), now)
            return self._wake(connection, locked, room, now) if locked else None

        try:
            done = self._store.write(work)
        except NotNow:
            raise
        except Exception as error:
            done = 0, {customer: error}
        if done is None:
            return 0  # somebody else has them
        woken, broken = done
        if customer in broken:
            self._leave_alone(customer, broken[customer])
            return 1
        self._broken.pop(customer, None)
        return woken

    def _leave_alone(self, customer: CustomerId, error: Exception) -> None:
        """Tell of a customer whom something broke, by a key that says nothing about them, and wait longer each time."""
        log.error("customer failed", exc_info=error, extra={"action": "wake.failed", "customer": customer})
        times = self._broken[customer].times + 1 if customer in self._broken else 1
        pause = min(LONGEST_ALONE_SECONDS, 2.0**times) if times > 1 else 0.0
        self._broken[customer] = Broken(times, time.monotonic() + pause)

    def join_merged(self, limit: int = CUSTOMERS_A_ROUND) -> int:
        """Join merged customers whose rows a release before left apart; return how many, 0 when none is left."""
        now, policy = self._now(), self._policy()

        def join_some(connection: Connection) -> int:
            apart = merge.left_behind(connection, limit)
            for key in apart:
                work = UnitOfWork(policy, now)
                join_pair(connection, work, CustomerId(key))
                apply(connection, work.hand_over(), now)
            return len(apart)

        return self._store.write(join_some)

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
            begins = wave_planning.beginning(connection, policy, now)
            if not begins and not waves.any_due(connection, now):
                return None
            undivided = bool(begins) or waves.undivided(connection, now)

        def divide(connection: Connection) -> None:
            for day in begins:
                waves.announce(connection, day.id, day.at)
            waves.divide(connection, now)

        if undivided:
            self._store.write(divide)
        return self._store.write(lambda connection: wave_planning.spread(connection, policy, now, limit))

    def _room(self, connection: Connection, now: datetime) -> SendBudget:
        state = state_by(read_controls(connection), self._sending)
        left = None
        if self._sending.per_day:
            left = max(0, self._sending.per_day - mails_today(connection, now, self._policy().zone))
        return SendBudget(left, state.paused, state.on, state.clock_leapt)

    def _with_support(self, connection: Connection, room: SendBudget, now: datetime) -> SendBudget:
        support = self._pacing.room(connection, self._policy(), now)
        return replace(room, questions=support.questions) if support else room

    def _wake(
        self, connection: Connection, customers: list[Customer], room: SendBudget, now: datetime
    ) -> tuple[int, dict[CustomerId, Exception]]:
        """Take up what is due for locked customers; return how many it touched, and whom something broke and with what.

        Whom something breaks is rolled back alone; the others are written.
        """
        policy = self._policy()
        work = UnitOfWork(policy, now)
        cases = read.cases_of(connection, work, customers)
        addresses = {customer.id: customer.email for customer in customers if customer.email}
        suppressed = read.suppressed_addresses(connection, set(addresses.values()), policy.ids)
        mailboxes = Mailboxes(connection, [case.customer for case in cases.values() if asks_now(case)], policy)
        for customer, address in addresses.items():  # several customers may share one address
            cases[customer].suppressed = suppressed.get(address, "")
        names = names_due(cases.values())
        quotas = room.quotas = DayQuotas(lock_counted(connection, names, now, policy.zone))
        woken, broken = 0, dict[CustomerId, Exception]()
        for customer, case in cases.items():
            work.settle()
            mark = work.checkpoint()
            case.asked_elsewhere = mailboxes.elsewhere(customer)
            try:
                decide(connection, work, partial(wake, case, room), mark=mark)
            except (DBAPIError, NotNow, OSError, MemoryError):
                raise  # of the database or the machine, which nobody's case can help
            except Exception as error:
                work.roll_back(mark)
                quotas.forget(customer)
                broken[customer] = error
                continue
            woken += work.checkpoint() != mark
            asked = list(work.added_since(mark, SurveyRequest))
            room.take(len(asked))
            mailboxes.learn(asked, work.added_since(mark, AskedMailbox))
        apply(connection, work.hand_over(), now)
        keep_counted(connection, quotas.changed(), now)
        return woken, broken


def asks_now(case: CustomerCase) -> bool:
    """Tell whether a customer has a touchpoint that may be asked now."""
    now = case.now
    return any(touchpoint.wake_at <= now and touchpoint.state in PENDING for touchpoint in case.all(Touchpoint))


def join_pair(connection: Connection, work: UnitOfWork, customer: CustomerId) -> None:
    """Join a customer with whom they were merged into, both locked."""
    (own,) = read.lock_customers(connection, [customer])
    while own.merged_into:
        (own,) = read.lock_customers(connection, [own.merged_into])
    cases = read.cases_of(connection, work, [*read.lock_customers(connection, [customer]), own])
    join(cases[customer], cases[own.id])


def wake(case: CustomerCase, room: SendBudget) -> None:
    """Do everything that is due for one customer, in a fixed order: answers, actions, tickets, asking, closing.

    What somebody waits for comes first, and an answer may cancel the question after it. Raises Missing.
    """
    now = case.now
    for response in sorted(case.all(Response), key=lambda response: (response.settles_at, response.id)):
        if response.state == ResponseState.SETTLING and response.settles_at <= now:
            route(case, response)
    for action in sorted(case.all(Action), key=lambda action: (action.due_at, contacts_first(action), action.id)):
        if action.state in (ActionState.PLANNED, ActionState.HELD) and action.due_at <= now:
            if room.answers_only and action.latest_at is not None and action.latest_at < now:
                continue
            carry_out(case, action)
    if room.answers_only:
        return
    tickets_wake(case)
    ask_what_is_due(case, room)
    for request in case.all(SurveyRequest):
        if request.closes_at <= now and request.state in (RequestState.OPEN, RequestState.ANSWERED):
            close(case, request)


def ask_what_is_due(case: CustomerCase, room: SendBudget) -> None:
    """Ask what has come due, as far as the day's budget goes; what is too late is given up whatever the budget is."""
    before = case.checkpoint()
    if not asks_now(case):
        return
    for touchpoint in [touchpoint for touchpoint in case.pending() if touchpoint.wake_at <= case.now]:
        asked = sum(1 for _ in case.work.added_since(before, SurveyRequest))
        if room.allows(touchpoint.step, asked) or touchpoint.give_up_at < case.now:
            ask(case, touchpoint, support_busy=room.support_busy(asked), quotas=room.quotas)
    if case.checkpoint() != before:
        follow_recurrence(case)


def close(case: CustomerCase, request: SurveyRequest) -> None:
    """Let a request take no answer any more: expired unanswered, or closed with its response."""
    answered = request.state == RequestState.ANSWERED
    state = RequestState.CLOSED if answered else RequestState.EXPIRED
    elsewhere = not answered and request.reason == Reason.ANSWERED
    reason = Reason.ANSWERED if elsewhere else Reason.REQUEST_CLOSED
    case.change(replace(request, state=state, reason=reason, changed_at=case.now))
    case.cancel("request", request.id, Reason.REQUEST_CLOSED, MailClass.SURVEY)
    for response in case.all(Response):
        if response.request == request.id and response.state == ResponseState.DECIDED:
            case.change(replace(response, state=ResponseState.CLOSED))
    if not answered:
        subject = Subject(request.customer, "survey_request", request.id)
        case.add(history(subject, state, Why(reason), case.now, case.ids))
