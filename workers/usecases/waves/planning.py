"""Waves: which of the operator's days have come, and the touchpoints of the next customers behind a wave's cursors."""

from collections.abc import Sequence
from datetime import datetime

from workers.domain.customer_case import UnitOfWork
from workers.domain.policy import Policy, WaveDay
from workers.domain.survey.planning import plan, wave_event
from workers.domain.survey.planning.journey import JourneyEvent
from workers.domain.types import CustomerId
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.survey import waves


def beginning(connection: Connection, policy: Policy, now: datetime) -> list[WaveDay]:
    """Return the days of the operator's list that have come and are not over, and were not announced yet.

    A day stands only in the list until it comes, so that the operator can take it back.
    """
    days = [day for day in policy.waves if day.at <= now <= day.until]
    announced = waves.announced_among(connection, [day.id for day in days])
    return [day for day in days if day.id not in announced]


def spread(connection: Connection, policy: Policy, now: datetime, limit: int) -> int | None:
    """Plan the oldest due wave for its next customers, and move its cursors on; return how many there were.

    One share after the other, until there are so many customers; None when no share of any wave is free.
    """
    share = waves.take(connection, now)
    if share is None:
        waves.end(connection, now)
        return None
    label = next((day.label for day in policy.waves if day.id == share.wave), "")
    happening = wave_event(share.wave, share.at, label)
    reached: list[CustomerId] = []
    while share is not None and len(reached) < limit:
        room = limit - len(reached)
        ids = waves.following(connection, share, room)
        waves.advance(connection, share, ids[-1] if ids else share.cursor, now if len(ids) < room else None)
        reached += ids
        share = waves.take(connection, now, share)
    plan_for(connection, reached, happening, policy, now)
    waves.end(connection, now)
    return len(reached)


def plan_for(
    connection: Connection, ids: Sequence[CustomerId], happening: JourneyEvent, policy: Policy, now: datetime
) -> None:
    """Plan a wave for some customers."""
    customers = [
        customer
        for customer in read.lock_customers(connection, ids)
        if customer.erased_at is None and customer.merged_into is None
    ]
    work = UnitOfWork(policy, now)
    for case in read.cases_of(connection, work, customers, read.FOR_PLANNING).values():
        plan(case, happening)
    apply(connection, work.hand_over(), now)
