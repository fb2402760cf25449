"""Bouncing: what follows from a mail that came back, for its dispatch, its request, its customer and all sending.

Only a return path that we signed is believed. Every mail may be read again: what is known changes nothing.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.bounces import Bounce, BounceKind, read_bounce
from workers.changes import Changes
from workers.controls import pause, read_controls
from workers.dispatching import undeliverable
from workers.facts import Facts
from workers.planning import history, note
from workers.policy import Policy
from workers.profile import address_key, opt_out
from workers.records import Dispatch, Suppression
from workers.store import read
from workers.store import tables as t
from workers.store.apply import apply
from workers.store.auditlog import record_act
from workers.store.claim import CAPPED
from workers.store.engine import Store
from workers.words import DispatchState, Reason, TouchpointState

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(days=3), timedelta(days=30)
"""How long a person is not asked after a mail that came back for now; doubled with each one (our choice)."""
UNTRUSTED, KNOWN = "untrusted", "known"
"""What is counted beside the kinds: no return path of ours; read before."""


@dataclass(frozen=True, slots=True)
class Returned:
    """One mail of ours that came back, and what is known of its customer."""

    dispatch: Dispatch
    bounce: Bounce
    facts: Facts | None


class Bouncing:
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

    def take_all(self, mails: Iterable[bytes], place: str, by: str) -> dict[str, int]:
        """Take every returned mail of a place and return how many there were of each kind."""
        counted = Counter(self.take(raw) for raw in mails)
        found = {str(name): counted[name] for name in (*BounceKind, UNTRUSTED, KNOWN)}
        now = self._now()
        self._store.write(lambda connection: record_act(connection, now, by, "bounces.read", place, found))
        return found

    def take(self, raw: bytes) -> str:
        """Take one returned mail and return its kind, or why nothing followed from it. Idempotent."""
        bounce = read_bounce(raw)
        if bounce.kind in (BounceKind.AUTO_REPLY, BounceKind.OTHER):
            return bounce.kind
        dispatch = next(filter(None, map(self._read_return_path, bounce.paths)), None)
        if dispatch is None:
            return UNTRUSTED
        policy, now = self._policy(), self._now()
        return self._store.write(lambda connection: take(connection, dispatch, bounce, policy, now))


def take(connection: Connection, ident: str, bounce: Bounce, policy: Policy, now: datetime) -> str:
    """Do what follows from a returned mail, under the lock of its customer."""
    found = read.one(connection, Dispatch, ident)
    if found is None or not found.recipient:
        return UNTRUSTED  # forgotten since
    locked = read.lock_customers(connection, [found.customer] if found.customer else [])
    facts = read.facts_of(connection, locked).get(locked[0].id) if locked else None
    returned = Returned(read.one(connection, Dispatch, ident) or found, bounce, facts)
    if bounce.kind == BounceKind.DELAYED:
        return bounce.kind
    if bounce.kind == BounceKind.COMPLAINT:
        return complain(connection, returned, policy, now)
    if returned.dispatch.state != DispatchState.ACCEPTED:
        return KNOWN
    come_back(connection, returned, policy, now)
    return bounce.kind


def complain(connection: Connection, returned: Returned, policy: Policy, now: datetime) -> str:
    """Suppress the address for every kind of mail and opt its customer out."""
    address = address_key(returned.dispatch.recipient, policy.ids)
    kinds = sa.select(t.suppression.c.kind).where(t.suppression.c.address == address)
    if "complaint" in connection.execute(kinds).scalars().all():
        return KNOWN
    changes = Changes()
    changes.add(Suppression(address, "complaint", now, returned.bounce.detail))
    if returned.facts is not None and is_customers(returned.dispatch, policy):
        changes.merge(opt_out(returned.facts, policy, now, how="complaint"))
    apply(connection, changes, now)
    return BounceKind.COMPLAINT


def come_back(connection: Connection, returned: Returned, policy: Policy, now: datetime) -> None:
    """Record a mail as bounced, and suppress, back off or pause, as its status says."""
    dispatch, bounce = returned.dispatch, returned.bounce
    said = f"{bounce.status} {bounce.detail}".strip()
    changes = Changes()
    changes.change(replace(dispatch, state=DispatchState.BOUNCED, reason=Reason.BOUNCED, detail=said, changed_at=now))
    if dispatch.customer:
        bounced = DispatchState.BOUNCED
        changes.add(history(dispatch.customer, "dispatch", dispatch.id, bounced, Reason.BOUNCED, said, now, policy))
    if bounce.kind == BounceKind.OURS:
        alarm(connection, said, now)
    elif not is_customers(dispatch, policy):
        log.error("a mail to the team came back: %s", said, extra={"action": "bounces.team", "dispatch": dispatch.id})
    elif bounce.kind == BounceKind.ADDRESS:
        changes.add(Suppression(address_key(dispatch.recipient, policy.ids), "bounce", now, said))
    elif returned.facts is not None:
        back_off(connection, returned.facts, policy, now, changes)
    apply(connection, changes, now)
    if dispatch.request:
        undeliverable(connection, dispatch, Reason.BOUNCED, now)


def is_customers(dispatch: Dispatch, policy: Policy) -> bool:
    """Tell whether a mail went to its customer, not to the team."""
    return dispatch.customer is not None and dispatch.recipient.lower() != policy.agents_address.lower()


def alarm(connection: Connection, said: str, now: datetime) -> None:
    """Pause all sending and tell a person: other servers refuse us, and each mail more makes it worse."""
    if "paused" not in read_controls(connection):
        pause(connection, now, "boucle", why=f"mails came back because of us: {said}")
    log.error("sending is paused, mails come back because of us: %s", said, extra={"action": "bounces.alarm"})


def back_off(connection: Connection, facts: Facts, policy: Policy, now: datetime, changes: Changes) -> None:
    """Put off what waits for a customer whose mailbox takes nothing for now; each bounce doubles the pause."""
    d = t.dispatch.c
    mine = d.customer == facts.customer.id
    counted = sa.select(sa.func.count()).select_from(t.dispatch).where(mine, d.state == DispatchState.BOUNCED)
    before = int(connection.execute(counted).scalar_one())
    until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(before, 5))
    for touchpoint in facts.pending():
        if touchpoint.state == TouchpointState.PLANNED and touchpoint.wake_at < until:
            later = replace(touchpoint, wake_at=until, reason=Reason.BOUNCED, detail=until.isoformat(), changed_at=now)
            changes.change(later)
            note(later, touchpoint.state, policy, changes)
    put_off(connection, facts.customer.id, until)


def put_off(connection: Connection, customer: str, until: datetime) -> None:
    """Let the surveys and promotions that are ready for a customer wait until an instant at least."""
    d = t.dispatch.c
    waiting = (d.customer == customer, d.state == DispatchState.READY, d.mail_class.in_(CAPPED), d.not_before < until)
    connection.execute(sa.update(t.dispatch).where(*waiting).values(not_before=until))
