"""What a release before took of refunds: it cancelled their purchase, and left the questions of the relationship.

From 0.2.0 on a refund moves those questions as it is taken; this does it once for the refunds that were there already.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Stop
from workers.domain.survey.planning import follow_start
from workers.domain.types import CustomerId, Effect
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer.undone_purchases import CUSTOMER, undone_purchases


def untold(connection: Connection) -> list[CustomerId]:
    """Return the customers of whom a purchase was undone without their profile saying so, in order of their keys."""
    return sorted({customer for customer, cause, firsts in undone_purchases(connection) if cause not in firsts})


def move_starts(connection: Connection, customers: Sequence[CustomerId], policy: Policy, now: datetime) -> None:
    """Let the questions of the relationship hang on the first purchase that stands; idempotent."""
    for facts in read.facts_of(connection, read.lock_customers(connection, customers)).values():
        apply(connection, moved(facts, policy, now), now)


def moved(facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a customer of whom it is known what was undone, and what that moves or cancels."""
    changes = ChangeSet()
    firsts = dict(facts.customer.firsts)
    for stop in facts.all(Stop):
        if stop.effect == Effect.CANCEL and stop.scope != CUSTOMER:
            firsts[stop.cause] = min(stop.from_at.isoformat(), firsts.get(stop.cause, "~"))
    if firsts == facts.customer.firsts:
        return changes
    changes.change(replace(facts.customer, firsts=firsts))
    known = facts.copy()
    known.absorb(changes)
    changes.merge(follow_start(known, policy, now))
    return changes
