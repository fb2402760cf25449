"""Bounces: what follows from a mail that came back, for its dispatch, its request, its customer and all sending.

Only a return path that we signed is believed, and only about the one mail that left with it. Each mail is looked into
by itself. Every mail may be read again: what is known changes nothing.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.customer.profile import opt_out
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.history import Subject, Why, history
from workers.domain.mail.bounce_parser import Bounce, BounceKind, read_bounce
from workers.domain.mail.bounce_parser.letters import Letter
from workers.domain.mailbox_keys import address_key, address_keys
from workers.domain.policy import Policy
from workers.domain.records import Dispatch, Suppression
from workers.domain.survey.planning import note, put
from workers.domain.types import NOBODY, DispatchState, Reason, TouchpointState
from workers.errors import Conflict, NotNow
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer.suppressions import kinds_of
from workers.store.delivery.claim import put_off_capped
from workers.store.delivery.returned_mails import add_returned
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.structs import replace
from workers.usecases.delivery.mailbox_health import HARD_BOUNCE, failures_of, given_up, suppress
from workers.usecases.delivery.outcomes import undeliverable
from workers.usecases.delivery.send_controls import count_refusal

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(days=3), timedelta(days=30)
"""How long a person is not asked after a mail that came back for now; doubled with each one (our choice)."""
UNTRUSTED, KNOWN, DELAYED, UNREADABLE, LEFT = "untrusted", "known", "delayed", "unreadable", "left"
"""What is counted beside the kinds: no return path of ours; read before; still tried; over a bound, or broken; not yet
taken, because other writers were in the way."""
COUNTED = (*map(str, BounceKind), DELAYED, UNTRUSTED, KNOWN, UNREADABLE, LEFT)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one letter says, and what followed: one of COUNTED."""

    name: str
    bounce: Bounce
    followed: str

    def as_dict(self) -> dict[str, str]:
        """Return it as `bounces read` prints it."""
        bounce = self.bounce
        return {"file": self.name, "kind": bounce.kind, "status": bounce.status, "recipient": bounce.recipient}


@dataclass(frozen=True, slots=True)
class Returned:
    """One mail of ours that came back, and what is known of its customer."""

    dispatch: Dispatch
    bounce: Bounce
    case: CustomerCase | None


class BounceIntake:
    """Reads returned mails."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        read_return_path: Callable[[str], str | None],
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._read_return_path = read_return_path

    def take_all(self, letters: Iterable[Letter], place: str, by: str) -> list[Taken]:
        """Take every letter of a place and leave one audit row of how many there were of each kind."""
        taken = list(self.take_each(letters))
        self.record(taken, place, by)
        return taken

    def take_each(self, letters: Iterable[Letter]) -> Iterator[Taken]:
        """Give what came of each letter; one that breaks something is that letter's own end.

        Raises NotNow when the database is away.
        """
        for letter in letters:
            yield self.take_letter(letter)

    def record(self, taken: Iterable[Taken], place: str, by: str) -> None:
        """Leave one audit row of a reading, and count what could not be read."""
        now, counted = self._now(), count(taken)

        def work(connection: Connection) -> None:
            add_returned(connection, {UNREADABLE: counted[UNREADABLE]})
            record_act(connection, now, by, "bounces.read", place, counted)

        self._store.write(work)

    def take_letter(self, letter: Letter) -> Taken:
        """Take one letter. Idempotent. Raises NotNow when the database is away."""
        bounce = Bounce(BounceKind.NONE, unreadable=letter.unread) if letter.unread else read_bounce(letter.raw)
        if bounce.unreadable:
            said = "the returned mail %s is not read: %s"
            log.warning(said, letter.name, bounce.unreadable, extra={"action": "bounces.unreadable"})
            return Taken(letter.name, bounce, UNREADABLE)
        try:
            return Taken(letter.name, bounce, self.follow(bounce))
        except NotNow:
            raise
        except Conflict as error:
            log.warning("the returned mail %s is left: %s", letter.name, error, extra={"action": "bounces.conflict"})
            return Taken(letter.name, bounce, LEFT)
        except Exception:  # what breaks on one mail is that mail's own end
            log.exception("the returned mail %s broke something", letter.name, extra={"action": "bounces.failed"})
            return Taken(letter.name, bounce, UNREADABLE)

    def take(self, raw: bytes) -> str:
        """Take one returned mail and return its kind, or why nothing followed from it. Idempotent."""
        return self.take_letter(Letter("", raw)).followed

    def follow(self, bounce: Bounce) -> str:
        """Do what follows from a returned mail, when it names a mail of ours."""
        if bounce.delayed:
            return DELAYED
        if bounce.kind in (BounceKind.AUTO_REPLY, BounceKind.NONE):
            return str(bounce.kind)
        dispatch = next(filter(None, map(self._read_return_path, bounce.paths)), None)
        if dispatch is None:
            return UNTRUSTED
        policy, now = self._policy(), self._now()
        return self._store.write(lambda connection: take(connection, dispatch, bounce, policy, now))


def count(taken: Iterable[Taken]) -> dict[str, int]:
    """Return how many letters there were of each kind, and how many changed nothing."""
    counted = Counter(letter.followed for letter in taken)
    return {name: counted[name] for name in COUNTED}


def take(connection: Connection, ident: str, bounce: Bounce, policy: Policy, now: datetime) -> str:
    """Do what follows from a returned mail, under the lock of its customer."""
    dispatch = read.by_key(connection, Dispatch, ident)
    if dispatch is None or not dispatch.recipient:
        return UNTRUSTED  # forgotten since
    locked = read.lock_customers(connection, [dispatch.customer] if dispatch.customer else [])
    work = UnitOfWork(policy, now)
    case = read.cases_of(connection, work, locked).get(locked[0].id) if locked else None
    returned = Returned(read.by_key(connection, Dispatch, ident) or dispatch, bounce, case)
    if bounce.kind == BounceKind.COMPLAINT:
        followed = complain(connection, work, returned)
    elif returned.dispatch.state != DispatchState.ACCEPTED:
        followed = KNOWN
    else:
        followed = come_back(connection, work, returned)
    if followed != KNOWN:
        add_returned(connection, {followed: 1})
    return followed


def complain(connection: Connection, work: UnitOfWork, returned: Returned) -> str:
    """Suppress the address for every kind of mail and opt its customer out."""
    policy, now = work.policy, work.now
    address = address_key(returned.dispatch.recipient, policy.ids)
    every = address_keys(returned.dispatch.recipient, policy.ids)
    if "complaint" in kinds_of(connection, every):
        return KNOWN
    if returned.case is not None and is_customers(returned.dispatch, policy):
        opt_out(returned.case, how="complaint")
    work.add(Suppression(address, "complaint", now, returned.bounce.detail))
    apply(connection, work.hand_over(), now)
    return str(BounceKind.COMPLAINT)


def come_back(connection: Connection, work: UnitOfWork, returned: Returned) -> str:
    """Record a mail as bounced, and suppress, back off or pause, as its status says."""
    dispatch, bounce, policy, now = returned.dispatch, returned.bounce, work.policy, work.now
    said = f"{bounce.status} {bounce.detail}".strip()
    why = Why(Reason.BOUNCED, said)
    work.change(replace(dispatch, state=DispatchState.BOUNCED, reason=why.reason, detail=said, changed_at=now))
    if dispatch.customer:
        subject = Subject(dispatch.customer, "dispatch", dispatch.id)
        work.add(history(subject, DispatchState.BOUNCED, why, now, policy.ids))
    if bounce.kind == BounceKind.OURS:
        alarm(connection, dispatch, said, policy, now)
    elif not is_customers(dispatch, policy):
        log.error("a mail to the team came back: %s", said, extra={"action": "bounces.team", "dispatch": dispatch.id})
    elif bounce.kind == BounceKind.HARD:
        work.add(suppress(dispatch, HARD_BOUNCE, said, policy, now))
    elif returned.case is not None:
        failures = [now, *failures_of(connection, dispatch, policy, now)]
        for row in given_up(dispatch, failures, policy, now):
            work.add(row)
        back_off(connection, returned.case, now + pause_after(len(failures)))
    apply(connection, work.hand_over(), now)
    if dispatch.request:
        undeliverable(connection, dispatch, Reason.BOUNCED, now)
    return str(bounce.kind)


def is_customers(dispatch: Dispatch, policy: Policy) -> bool:
    """Tell whether a mail went to its customer, not to the team."""
    nobodys = dispatch.customer in (None, NOBODY)
    return not nobodys and dispatch.recipient.lower() != policy.agents_address.lower()


def alarm(connection: Connection, dispatch: Dispatch, said: str, policy: Policy, now: datetime) -> None:
    """Count who refuses us by the address that we wrote to, and tell a person; several unrelated ones pause all mail.

    What the report says of the domain is not believed: whoever got one mail of ours can write a report about it.
    """
    if count_refusal(connection, dispatch.recipient, said, now, policy.refusals):
        log.error("sending is paused, mails come back because of us: %s", said, extra={"action": "bounces.alarm"})
    else:
        log.warning("a mail came back because of us: %s", said, extra={"action": "bounces.ours"})


def pause_after(failures: int) -> timedelta:
    """Return how long a person is not asked after so many soft failures in a row."""
    doubled: int = 2 ** min(failures - 1, 5)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doubled)


def back_off(connection: Connection, case: CustomerCase, until: datetime) -> None:
    """Put off what waits for a customer whose mailbox takes nothing for now."""
    why = Why(Reason.BOUNCED, until.isoformat())
    for touchpoint in case.pending():
        if touchpoint.state == TouchpointState.PLANNED and touchpoint.wake_at < until:
            later = put(touchpoint, TouchpointState.PLANNED, why, case.now, wake_at=until)
            case.change(later)
            note(case, later, touchpoint.state)
    put_off_capped(connection, case.id, until)
