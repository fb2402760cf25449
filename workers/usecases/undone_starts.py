"""What a release before took of refunds: it cancelled their purchase, and left the questions of the relationship.

From 0.2.0 on a refund moves those questions as it is taken; this does it once for the refunds that were there already.
"""

from collections.abc import Sequence
from datetime import datetime

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.policy import Policy
from workers.domain.records import Stop
from workers.domain.survey.planning import follow_start
from workers.domain.types import CustomerId, Effect
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer.undone_purchases import CUSTOMER, undone_purchases
from workers.structs import replace


def untold(connection: Connection) -> list[CustomerId]:
    """Return the customers of whom a purchase was undone without their profile saying so, in order of their keys."""
    return sorted({customer for customer, cause, firsts in undone_purchases(connection) if cause not in firsts})


def move_starts(connection: Connection, customers: Sequence[CustomerId], policy: Policy, now: datetime) -> None:
    """Let the questions of the relationship hang on the first purchase that stands; idempotent."""
    work = UnitOfWork(policy, now)
    for case in read.cases_of(connection, work, read.lock_customers(connection, customers)).values():
        move_start(case)
    apply(connection, work.hand_over(), now)


def move_start(case: CustomerCase) -> None:
    """Let it be known of a customer what was undone, and move or cancel what hangs on it."""
    firsts = dict(case.customer.firsts)
    for stop in case.all(Stop):
        if stop.effect == Effect.CANCEL and stop.scope != CUSTOMER:
            firsts[stop.cause] = min(stop.from_at.isoformat(), firsts.get(stop.cause, "~"))
    if firsts != case.customer.firsts:
        case.change(replace(case.customer, firsts=firsts))
        follow_start(case)
