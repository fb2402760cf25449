"""The state of each receiver of webhooks, shared by all senders: how often it failed in a row, until when it is left
alone, and whether it said that it wants no more.

One row a target, written once for each group of dispatches. Nothing here decides what a failure means.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState
from workers.store import tables

TABLE = tables.webhook_target


@dataclass(frozen=True, slots=True)
class TargetState:
    """How one receiver stands; `reason` is the last failure in its own words."""

    target: str
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    gone_at: datetime | None = None
    reason: str = ""
    changed_at: datetime | None = None


def state_of(connection: Connection, target: str, *, lock: bool = False) -> TargetState:
    """Return how a receiver stands; one that nothing is known of stands well."""
    query = sa.select(TABLE).where(TABLE.c.target == target)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return TargetState(*row) if row else TargetState(target)


def list_targets(connection: Connection) -> list[TargetState]:
    """Return every receiver that was written to, by name."""
    return [TargetState(*row) for row in connection.execute(sa.select(TABLE).order_by(TABLE.c.target))]


def keep_state(connection: Connection, state: TargetState, now: datetime) -> None:
    """Keep how a receiver stands; idempotent. The rows of receivers that the settings named before go."""
    values = {
        "failures": state.failures,
        "failing_since": state.failing_since,
        "paused_until": state.paused_until,
        "gone_at": state.gone_at,
        "reason": state.reason,
        "changed_at": now,
    }
    changed = connection.execute(sa.update(TABLE).where(TABLE.c.target == state.target).values(**values))
    if not changed.rowcount:
        connection.execute(sa.delete(TABLE).where(TABLE.c.target != state.target))
        connection.execute(sa.insert(TABLE).values(target=state.target, **values))


def forget_targets(connection: Connection, now: datetime) -> int:
    """Forget what is known of every receiver and let what waits be tried now; return how many webhooks wait.

    Their attempts stay counted.
    """
    connection.execute(sa.delete(TABLE))
    waiting = sa.and_(tables.dispatch.c.kind == "webhook", tables.dispatch.c.state == DispatchState.READY)
    return connection.execute(sa.update(tables.dispatch).where(waiting).values(not_before=now)).rowcount
