"""Waves: which of the operator's days have come, and the touchpoints of the next customers behind a wave's cursor."""

from datetime import datetime

from workers.domain.customer_case import UnitOfWork
from workers.domain.policy import Policy, WaveDay
from workers.domain.survey.planning import plan, wave_event
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


def spread(connection: Connection, wave: waves.Wave, policy: Policy, now: datetime, limit: int) -> int:
    """Plan the wave for the customers after its cursor, and move the cursor on; return how many there were."""
    label = next((day.label for day in policy.waves if day.id == wave.id), "")
    happening = wave_event(wave.id, wave.at, label)
    ids = waves.following(connection, wave, limit)
    customers = [
        customer
        for customer in read.lock_customers(connection, ids)
        if customer.erased_at is None and customer.merged_into is None
    ]
    work = UnitOfWork(policy, now)
    for case in read.cases_of(connection, work, customers, read.FOR_PLANNING).values():
        plan(case, happening)
    apply(connection, work.hand_over(), now)
    waves.advance(connection, wave, ids[-1] if ids else wave.cursor, now if len(ids) < limit else None)
    return len(ids)
