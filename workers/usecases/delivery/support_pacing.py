"""Pacing: the room that support has for more answers, read where the rules say that questions wait for it.

Off unless the journey plan has a column `may wait`, calendar.yaml says `calls_a_day`, and there is an agent.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workers.domain.policy import Policy
from workers.domain.survey.support_room import NOT_COUNTED, OFF, ON, Past, SupportRoom, calls_left, working_day
from workers.domain.types import Reason, TouchpointState
from workers.store.connection import Connection
from workers.store.counts import running_counts
from workers.store.survey import support_figures

LOOKED_BACK = timedelta(days=90)
SETTLED = timedelta(days=14)
"""How long a question can be answered: only of those asked before it is known how many were."""


@dataclass(slots=True)
class Pacing:
    """Reads the room that support has; how questions were answered in the past is counted once for a working day."""

    _past: Past = field(default_factory=Past)
    _counted_for: datetime | None = None

    def room(self, connection: Connection, policy: Policy, now: datetime) -> SupportRoom | None:
        """Return the room that there is now; None where no question waits for it, without a look at the database."""
        if not (policy.plan.may_wait and policy.calls_a_day):
            return None
        day = working_day(policy.calendar, now)
        load = support_figures.read_load(connection, day.begins, day.works_from, day.ends)
        if not load.agents:
            return None  # they work elsewhere, and how many they are is not known here
        if self._counted_for != day.begins:
            settled = day.begins - SETTLED
            self._past = support_figures.count_past(connection, settled - LOOKED_BACK, settled)
            self._counted_for = day.begins
        return SupportRoom(
            calls=calls_left(load.agents_there, policy.calls_a_day, day),
            to_call=load.to_call,
            unanswered=load.unanswered,
            past=self._past,
            until=day.ends,
            calls_a_day=load.agents_there * policy.calls_a_day,
        )


def read_room(connection: Connection, policy: Policy, now: datetime) -> SupportRoom | None:
    """Return the room that support has now, counted anew; None where no question waits for it."""
    return Pacing().room(connection, policy, now)


def count_waiting(connection: Connection) -> int:
    """Return how many questions wait for support."""
    kept = running_counts.cells(connection, ["touchpoints"]).items()
    return sum(
        n for (_, _, state, reason), n in kept if (state, reason) == (TouchpointState.PLANNED, Reason.SUPPORT_BUSY)
    )


def describe(connection: Connection, policy: Policy, now: datetime) -> dict[str, object]:
    """Return whether questions wait for support, how many do, and by what figures."""
    room, waiting = read_room(connection, policy, now), count_waiting(connection)
    if room is None:
        state = NOT_COUNTED if policy.plan.may_wait else OFF
        return {"state": state, "waiting": waiting}
    return {
        "state": ON,
        "waiting": waiting,
        "questions": room.questions,
        "free_calls": room.free_calls,
        "calls": room.calls,
        "to_call": room.to_call,
        "expected_calls": room.expected_calls,
        "unanswered": room.unanswered,
        "until": room.until.isoformat(),
    }
