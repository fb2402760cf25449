"""Queue control: a person looks at what is planned, and cancels it, sends it now, pauses a touchpoint or lets it go on.

Nobody is asked against a rule by it: opt-outs, holds, rest periods and the send window are looked at as ever. Each act
says first how many people it touches, and stands in the audit log.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from workers.calendar import in_zone, instant_of, zone_info
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.history import Subject, Why, history
from workers.domain.policy import Policy
from workers.domain.records import Action, Customer, Touchpoint
from workers.domain.sending_state import SendingState
from workers.domain.survey.day_quotas import GROUP, day_of
from workers.domain.survey.planning import assess, follow_recurrence, put
from workers.domain.types import ActionState, Reason, TouchpointState
from workers.errors import BadInput
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.store.survey import queue
from workers.store.survey.queue import ACTION, TOUCHPOINT, Chosen, Counted
from workers.store.survey.quotas import read_counted
from workers.structs import replace
from workers.usecases.delivery import send_controls, support_pacing
from workers.usecases.delivery.send_controls import Sending, sending_now

DAYS = 14
CUSTOMERS_A_ROUND = 200
LISTED = 200


@dataclass(frozen=True, slots=True)
class Day:
    """What is planned on one day, as kind, name and count."""

    date: date
    planned: tuple[tuple[str, str, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.planned)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is planned for the days to come, and what is not asked, and why."""

    days: tuple[Day, ...]
    held: list[tuple[str, str, str, int]]
    left_out: list[tuple[str, str, str, int]]
    steps: list[str]
    sending: SendingState
    support: Mapping[str, object]
    """What `support_pacing.describe` says of the questions that wait for support."""
    quotas: list[tuple[str, str, int]]
    """Touchpoints that are asked of so many customers a day, how many that is, and how many were asked today."""


class QueueControl:
    """Shows and steers what is planned."""

    def __init__(
        self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime], sending: Sending
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending

    def outlook(self) -> Outlook:
        """Return the calendar of the days to come, what is held now, and what was left out in the days before."""
        now = self._now()
        today = self.today()
        dates = [today + timedelta(days=n) for n in range(DAYS + 1)]
        with self._store.reading() as connection:
            planned = queue.per_day(connection, [self.midnight(day) for day in dates])
            days = tuple(Day(on, tuple(counts)) for on, counts in zip(dates, planned, strict=False))
            held, left_out = queue.held(connection), queue.left_out(connection, now - timedelta(days=DAYS))
            steps = sorted(queue.steps(connection))
            support = support_pacing.describe(connection, self._policy(), now)
            state, quotas = sending_now(connection, self._sending), self._asked_today(connection, now)
            return Outlook(days, held, left_out, steps, state, support, quotas)

    def _asked_today(self, connection: Connection, now: datetime) -> list[tuple[str, str, int]]:
        """Return each quota of the plan with what was asked today; without any no statement is made."""
        policy = self._policy()
        if not policy.plan.quotas:
            return []
        today, counted = day_of(policy.zone, now), read_counted(connection)
        asked: Counter[str] = Counter()
        for (day, name), n in counted.items():
            if day == today:
                asked[name.partition(GROUP)[0]] += n
        return [(step, str(quota), asked[step]) for step, quota in sorted(policy.plan.quotas.items())]

    def today(self) -> date:
        """Return the day it is in the brand's zone."""
        return in_zone(self._now(), self._policy().zone).date()

    def midnight(self, on: date) -> datetime:
        """Return the instant at which a day begins in the brand's zone."""
        return instant_of(datetime.combine(on, datetime.min.time()), zone_info(self._policy().zone))

    def choose(self, kind: str, name: str = "", on: date | None = None, key: str = "") -> Chosen:
        """Return what is meant; of today, what is due already as well. Raises BadInput for another kind."""
        if kind not in (TOUCHPOINT, ACTION) or not name or (key and not read.is_id(key)):
            raise BadInput("Choose a touchpoint or an action by its name, or one of them by its key.")
        if on is None:
            return Chosen(kind, name, key=key)
        begins = None if on <= self.today() else self.midnight(on)
        return Chosen(kind, name, begins, self.midnight(on + timedelta(days=1)), key)

    def count(self, chosen: Chosen) -> Counted:
        """Return how many rows of how many people an act would touch."""
        with self._store.reading() as connection:
            return queue.count(connection, chosen)

    def people(self, chosen: Chosen) -> list[tuple[Touchpoint | Action, Customer]]:
        """Return whom a choice touches, at most LISTED of them."""
        with self._store.reading() as connection:
            return queue.people(connection, chosen, LISTED)

    def cancel(self, chosen: Chosen, by: str) -> int:
        """Cancel what is chosen, and return how much that was. Doing it again changes nothing."""
        return self._each(chosen, by, "queue.cancel", cancel)

    def send_now(self, chosen: Chosen, by: str) -> int:
        """Let what is chosen be taken up at once, and return how much that was; every rule is looked at again then."""
        return self._each(chosen, by, "queue.send_now", hurry)

    def pause(self, touchpoint: str, by: str) -> None:
        """Pause a touchpoint: what is due waits, nothing is lost."""
        now = self._now()

        def work(connection: Connection) -> None:
            send_controls.pause(connection, now, by, touchpoint=touchpoint)
            record_act(connection, now, by, "sending.pause", touchpoint)

        self._store.write(work)

    def resume(self, touchpoint: str, by: str) -> None:
        """Let a paused touchpoint go on."""
        now = self._now()

        def work(connection: Connection) -> None:
            send_controls.resume(connection, self._sending, now, by, touchpoint=touchpoint)
            record_act(connection, now, by, "sending.resume", touchpoint)

        self._store.write(work)

    def _each(self, chosen: Chosen, by: str, act: str, turn: "Turn") -> int:
        """Do an act on every chosen row, some people at a time in one transaction each."""
        after, total = "", 0
        while True:
            some = partial(self._some, chosen=chosen, by=by, act=act, turn=turn, after=after)
            after, done = self._store.write(some)
            total += done
            if not after:
                return total

    def _some(
        self, connection: Connection, *, chosen: Chosen, by: str, act: str, turn: "Turn", after: str
    ) -> tuple[str, int]:
        policy, now = self._policy(), self._now()
        ids = queue.customers_of(connection, chosen, after, CUSTOMERS_A_ROUND)
        if not ids:
            return "", 0
        customers = read.lock_customers(connection, ids)
        rows = queue.rows_of(connection, chosen, ids)
        work = UnitOfWork(policy, now)
        cases = read.cases_of(connection, work, customers)
        for row in rows:
            turn(cases[row.customer], row, by)
        apply(connection, work.hand_over(), now)
        record_act(connection, now, by, act, chosen.name or chosen.key, {"kind": chosen.kind, "count": len(rows)})
        return (ids[-1] if len(ids) == CUSTOMERS_A_ROUND else ""), len(rows)


Turn = Callable[[CustomerCase, Touchpoint | Action, str], None]


def cancel(case: CustomerCase, row: Touchpoint | Action, by: str) -> None:
    """Let a row wait no more, because a person decided so."""
    if isinstance(row, Touchpoint):
        case.change(put(row, TouchpointState.CANCELLED, Why(Reason.OPERATOR, by), case.now))
        follow_recurrence(case)
    else:
        ended = {"state": ActionState.CANCELLED, "reason": Reason.OPERATOR, "detail": by, "changed_at": case.now}
        case.change(replace(row, **ended))  # type: ignore[arg-type]  # columns by name
    note_act(case, row, "cancelled", by)


def hurry(case: CustomerCase, row: Touchpoint | Action, by: str) -> None:
    """Let a row be due now; what holds or forbids it still does."""
    now = case.now
    if isinstance(row, Touchpoint):
        plan = case.policy.plan  # it waits for support no more, and has room on its day
        why = Reason.OPERATOR if row.step in plan.may_wait or row.step in plan.quotas else ""
        early = replace(row, state=TouchpointState.PLANNED, reason=why, detail="", wake_at=now, changed_at=now)
        case.change(assess(case, early))
    else:
        case.change(replace(row, due_at=min(row.due_at, now), changed_at=now))
    note_act(case, row, "planned", f"send now, {by}")


def note_act(case: CustomerCase, row: Touchpoint | Action, state: str, detail: str) -> None:
    """Keep in the history who decided so."""
    kind, key = (TOUCHPOINT, f"{row.journey}/{row.step}") if isinstance(row, Touchpoint) else (ACTION, row.id)
    case.add(history(Subject(row.customer, kind, key), state, Why(Reason.OPERATOR, detail), case.now, case.ids))
