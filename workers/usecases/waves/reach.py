"""Reach: how many people a wave will come to, and why not the others, before it is announced.

Each customer is played forward from now: what is planned before the wave is asked as it would be, then the wave comes.
The functions that decide are those that will decide; nothing is written. A wave that has begun is counted instead.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from workers.decision_table.model.rest_period import Asked
from workers.domain.customer_case import PENDING, CustomerCase, UnitOfWork
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import Customer, Journey, Response, Row, SurveyRequest, Touchpoint
from workers.domain.survey.day_quotas import DayQuotas
from workers.domain.survey.planning import JourneyEvent, plan, wave_ends, wave_event, wave_rows
from workers.domain.survey.request import ask, question_of, rest_of
from workers.domain.survey.support_room import SupportRoom
from workers.domain.types import CustomerId, Reason, TouchpointState
from workers.store import read
from workers.store.connection import Connection
from workers.store.customer.askings import Mailboxes
from workers.store.engine import Store
from workers.store.survey import waves
from workers.store.survey.quotas import read_counted
from workers.store.survey.waves import Wave
from workers.usecases.delivery.support_pacing import read_room

CUSTOMERS_A_ROUND = 500
MOST_STEPS = 200
"""Turns that are played for one customer; nobody has as much planned."""
LOOKED_BACK = timedelta(days=100)
"""For how long a wave that is over is shown: a quarter."""
A_DAY = timedelta(days=1)
"""Beyond a wave's end, so that what it gave up is seen."""
FOR_REACH: tuple[type[Row], ...] = (*read.FOR_PLANNING, SurveyRequest)


@dataclass(frozen=True, slots=True)
class WaveReach:
    """One wave: whom it reaches (some of them `later`, because they rest first), and whom not, by reason.

    `looked_at` of `customers` were played; fewer only where a sample was wanted. A wave that has begun is `counted`.
    `support_days` is for how many working days the answers keep support busy, of a wave to come that may wait for it.
    """

    id: str
    name: str
    at: datetime
    until: datetime
    state: str
    customers: int
    looked_at: int
    reached: int
    later: int
    not_reached: Mapping[str, int]
    support_days: int | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return {
            "wave": self.id,
            "name": self.name,
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            "state": self.state,
            "counted": self.state in (SPREADING, DONE),
            "customers": self.customers,
            "looked_at": self.looked_at,
            "reached": self.reached,
            "later": self.later,
            "not_reached": sum(self.not_reached.values()),
            "support_days": self.support_days,
            "reasons": [
                {"reason": reason.partition(": ")[0], "cause": reason.partition(": ")[2], "customers": count}
                for reason, count in sorted(self.not_reached.items(), key=lambda item: (-item[1], item[0]))
            ],
        }


LISTED, ANNOUNCED, SPREADING, DONE = "listed", "announced", "spreading", "done"


@dataclass(slots=True)
class Tally:
    """What becomes of the customers of one wave."""

    reached: int = 0
    later: int = 0
    missed: Counter[str] = field(default_factory=Counter)


class Reach:
    """Tells of the waves to come and of the last ones."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def waves(self, sample: int | None = None) -> list[WaveReach]:
        """Return every wave that is not long over, in order; of those to come, played for all customers or a `sample`.

        Customers stand in the order of their keys, which are hashes: the first of them are as good as drawn.
        """
        now, policy = self._now(), self._policy()
        listed, counted = self._list_waves(policy, now)
        coming = [wave for wave in listed if wave.state in (LISTED, ANNOUNCED)]
        reach_by_wave = {wave.id: self._counted(wave, counted) for wave in listed if wave not in coming}
        if coming:
            with self._store.reading() as connection:
                room = read_room(connection, policy, now)
            played = self._played(coming, counted, policy, now, sample)
            reach_by_wave |= {id: paced(wave, room, policy) for id, wave in played.items()}
        return [reach_by_wave[wave.id] for wave in listed]

    def _list_waves(self, policy: Policy, now: datetime) -> tuple[list["KnownWave"], int]:
        """Return the waves of the list and those that were announced, and how many customers there are."""
        with self._store.reading() as connection:
            announced = waves.since(connection, now - LOOKED_BACK)
            customers = waves.count_people(connection)
        names = {day.id: day.label for day in policy.waves}
        stages = {
            wave.id: KnownWave(
                wave.id,
                names.get(wave.id, ""),
                wave.at,
                wave_ends(wave.at, policy.plan, policy.zone),
                begun(wave, done),
            )
            for wave, done in announced
        }
        for day in policy.waves:
            if day.id not in stages and day.until >= now:
                stages[day.id] = KnownWave(day.id, day.label, day.at, day.until, LISTED)
        return sorted(stages.values(), key=lambda wave: (wave.at, wave.id)), customers

    def _counted(self, wave: "KnownWave", customers: int) -> WaveReach:
        """Return what became of a wave that has begun."""
        tally = Tally()
        with self._store.reading() as connection:
            for state, reason, detail, count in waves.became_of(connection, wave.id, undated=RESTING):
                if state == TouchpointState.ASKED:
                    tally.reached += count
                elif state in PENDING and reason in RESTING:
                    tally.reached += count
                    tally.later += count
                elif state == TouchpointState.PLANNED:
                    tally.reached += count
                else:
                    tally.missed[why(reason, detail)] += count
        looked_at = tally.reached + tally.missed.total()
        return wave.reach(customers, looked_at, tally)

    def _played(
        self, coming: Sequence["KnownWave"], customers: int, policy: Policy, now: datetime, sample: int | None
    ) -> dict[str, WaveReach]:
        """Return what will become of the waves to come, by id."""
        tallies = {wave.id: Tally() for wave in coming}
        looked_at = 0
        asked: dict[str, list[Asked]] = {}
        quotas = self._quotas(policy, customers, sample)
        for case in self._people(policy, now, sample):
            looked_at += 1
            mailbox = mailbox_of(case.customer, policy)
            case.asked_elsewhere = (*case.asked_elsewhere, *asked.get(mailbox, ()))
            fates = play(case, coming, quotas)
            if mailbox:  # somebody else with this address rests from then on
                own = asked.setdefault(mailbox, [])
                own += [
                    Asked(fate.asked_at, fate.touchpoint, fate.template) for fate in fates if fate.asked_at is not None
                ]
            for wave, fate in zip(coming, fates, strict=True):
                tally = tallies[wave.id]
                if fate.asked_at is None:
                    tally.missed[fate.reason] += 1
                else:
                    tally.reached += 1
                    tally.later += fate.rested
        return {wave.id: wave.reach(customers, looked_at, tallies[wave.id]) for wave in coming}

    def _quotas(self, policy: Policy, customers: int, sample: int | None) -> DayQuotas:
        """Return the quotas of the days to come, a sample's part of each; what was asked today counts."""
        if not policy.plan.quotas:
            return DayQuotas()
        with self._store.reading() as connection:
            counted = read_counted(connection)
        return DayQuotas(counted, part=min(1.0, sample / customers) if sample and customers else 1.0)

    def _people(self, policy: Policy, now: datetime, sample: int | None) -> Iterator[CustomerCase]:
        """Give the case of every customer who may be asked anything, or of a sample, some at a time."""
        left, cursor = sample, ""
        while left is None or left > 0:
            limit = min(CUSTOMERS_A_ROUND, left or CUSTOMERS_A_ROUND)
            with self._store.reading() as connection:
                ids = waves.people(connection, cursor, limit)
                cases = cases_of(connection, ids, policy, now)
            yield from cases
            if len(ids) < limit:
                return
            cursor = ids[-1]
            left = None if left is None else left - len(cases)


@dataclass(frozen=True, slots=True)
class KnownWave:
    """One wave of the list or of the store, and how far it has come."""

    id: str
    name: str
    at: datetime
    until: datetime
    state: str

    def reach(self, customers: int, looked_at: int, tally: Tally) -> WaveReach:
        """Return the wave with what becomes of its customers."""
        return WaveReach(
            *(self.id, self.name, self.at, self.until, self.state),
            *(customers, looked_at, tally.reached, tally.later, dict(tally.missed)),
        )


@dataclass(frozen=True, slots=True)
class Fate:
    """When a customer is asked by a wave, or why not; `rested` when the rest period put it off."""

    asked_at: datetime | None = None
    reason: str = ""
    rested: bool = False
    touchpoint: str = ""
    template: str = ""


RESTING = (Reason.RESTING, Reason.YEARLY_MAXIMUM, Reason.SAME_MAILBOX)
WITH_CAUSE = (Reason.STOPPED, Reason.SUPPRESSED, Reason.HOLD)


def paced(wave: WaveReach, room: SupportRoom | None, policy: Policy) -> WaveReach:
    """Return a wave with the working days that its answers take; of a sample, as many as all would."""
    steps = wave_rows(wave.at, policy.plan, policy.zone)
    if room is None or not wave.looked_at or not any(step.touchpoint in policy.plan.may_wait for step in steps):
        return wave
    return replace(wave, support_days=room.days_for(wave.reached * wave.customers // wave.looked_at))


def begun(wave: Wave, done: bool) -> str:
    """Return how far an announced wave has come."""
    return DONE if done else SPREADING if wave.begun else ANNOUNCED


def cases_of(connection: Connection, ids: Sequence[CustomerId], policy: Policy, now: datetime) -> list[CustomerCase]:
    """Return what asking needs to know of these customers, without those who are gone; each is played by itself."""
    rows = read.with_ids(connection, Customer, ids) if ids else []
    customers = [row for row in rows if row.erased_at is None and row.merged_into is None]
    by_answers = policy.plan.about or any(step.after_answer for step in policy.plan.recurring.values())
    kinds: tuple[type[Row], ...] = (*FOR_REACH, Response) if by_answers else FOR_REACH
    cases = read.cases_of(connection, UnitOfWork(policy, now), customers, kinds)
    suppressed = read.suppressed_addresses(
        connection, {customer.email for customer in customers if customer.email}, policy.ids
    )
    mailboxes = Mailboxes(connection, customers, policy, lock=False)
    for customer in customers:
        cases[customer.id].suppressed = suppressed.get(customer.email or "", "")
        cases[customer.id].asked_elsewhere = mailboxes.elsewhere(customer.id)
    return [cases[customer.id] for customer in customers]


def mailbox_of(customer: Customer, policy: Policy) -> str:
    """Return the mailbox of which only one customer is asked; empty for a shared one, or without an address."""
    alone = bool(customer.email) and not policy.shares(customer.email or "")
    return address_key(customer.email or "", policy.ids) if alone else ""


def play(case: CustomerCase, coming: Sequence[KnownWave], quotas: DayQuotas) -> list[Fate]:
    """Return what becomes of each wave for one customer to whom nothing else happens meanwhile; all is taken back."""
    fates, at_first = [], case.checkpoint()
    for wave in coming:
        ask_until(case, max(wave.at, case.now), quotas)
        event = wave_event(wave.id, wave.at, wave.name)
        plan(case, event)
        planned = case.checkpoint()
        fates.append(fate_of(case, event, wave.until, quotas))
        case.roll_back(planned)
    case.roll_back(at_first)
    return fates


def ask_until(case: CustomerCase, end: datetime, quotas: DayQuotas) -> None:
    """Let everything that is planned before `end` be asked, or not, in its order; then it is `end`, or later."""
    for _ in range(MOST_STEPS):
        waiting = [touchpoint for touchpoint in case.pending() if touchpoint.wake_at < end]
        if not waiting:
            break
        due = min(waiting, key=lambda touchpoint: (touchpoint.wake_at, touchpoint.due_at, touchpoint.key()))
        case.work.pass_time(due.wake_at)
        ask(case, due, quotas=quotas)
    case.work.pass_time(end)


def fate_of(case: CustomerCase, event: JourneyEvent, until: datetime, quotas: DayQuotas) -> Fate:
    """Return what becomes of a customer's touchpoint of a wave, played until it is decided."""
    rested = any(rests(case, touchpoint) for touchpoint in own_touchpoints(case, event))
    ask_until(case, until + A_DAY, quotas)
    own = own_touchpoints(case, event)
    asked = [touchpoint for touchpoint in own if touchpoint.state == TouchpointState.ASKED]
    if asked:
        first = min(asked, key=lambda touchpoint: touchpoint.changed_at)
        return Fate(first.changed_at, rested=rested, touchpoint=first.step, template=first.template)
    missed = min(own, key=lambda touchpoint: touchpoint.key(), default=None)
    if missed is None:
        return Fate(reason=Reason.NO_SUCH_RULE)
    return Fate(reason=why(missed.reason, missed.detail) or str(missed.state))


def own_touchpoints(case: CustomerCase, event: JourneyEvent) -> list[Touchpoint]:
    """Return a customer's touchpoints in the journeys that a wave began."""
    of_it = {row.id for row in case.all(Journey) if row.began == event.name and row.reference == event.reference}
    return [touchpoint for touchpoint in case.all(Touchpoint) if touchpoint.journey in of_it]


def rests(case: CustomerCase, touchpoint: Touchpoint) -> bool:
    """Tell whether the rest period puts a touchpoint off when its time comes."""
    if touchpoint.state != TouchpointState.PLANNED or touchpoint.if_resting == "exempt":
        return False
    before = case.checkpoint()
    case.work.pass_time(touchpoint.wake_at)
    resting = rest_of(case, question_of(touchpoint, case.policy))
    case.roll_back(before)
    return resting is not None


def why(reason: str, detail: str) -> str:
    """Return why somebody is not reached, with the cause where many share it; what came too late, by what held it."""
    if reason == Reason.TOO_LATE and detail in set(Reason):
        return detail
    return f"{reason}: {detail}" if reason in WITH_CAUSE and detail else reason
