"""Quotas: of how many customers a question is asked on a day, where a row of the plan says so (`at most a day`).

Who comes due first is in; who comes due when that many were asked is left out for good, as one who was not drawn. Those
who wait for an opening, or for a wave, have each a moment of their own by hash, so that these are drawn and not picked.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from workers.calendar import in_zone
from workers.domain.compiled_tables.cells import Quota
from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import customer_inputs
from workers.domain.records import Touchpoint
from workers.domain.types import CustomerId, Reason

UNKNOWN = "unknown"
GROUP = "\t"
"""Stands between a touchpoint and the group of customers whose quota it is."""
DIGITS = 12
"""Of the hash that names a group of customers: what they have in common may be personal."""
Key = tuple[str, str]
"""A day in the brand's zone (ISO 8601), and whose quota it is: a touchpoint, with the group of customers where told."""
Admitted = tuple[CustomerId, str, str]
"""A question that found room: whose, and the key of its touchpoint."""


class DayQuotas:
    """What was asked by day and quota, and which questions found room since. Admitting one again changes nothing.

    `counted` is what was asked before; where only some customers are looked at, `part` of each quota is theirs.
    """

    def __init__(self, counted: Mapping[Key, int] | None = None, part: float = 1.0) -> None:
        self._counted = dict(counted or {})
        self._part = part
        self._admitted: dict[Key, set[Admitted]] = defaultdict(set)

    def admit(self, case: CustomerCase, touchpoint: Touchpoint) -> bool:
        """Let a question be asked now and count it, or tell that as many were asked today as may be.

        What a person sends now is counted and never refused; nor is what has no quota, which is not counted.
        """
        quota = case.policy.plan.quotas.get(touchpoint.step)
        if quota is None:
            return True
        key = day_of(case.policy.zone, case.now), name_of(case, touchpoint.step, quota)
        admitted, question = self._admitted[key], (case.id, touchpoint.journey, touchpoint.step)
        has_room = self._counted.get(key, 0) + len(admitted) < max(1, round(quota.most * self._part))
        if has_room or question in admitted or touchpoint.reason == Reason.OPERATOR:
            admitted.add(question)
            return True
        return False

    def forget(self, customer: CustomerId) -> None:
        """Give back the room that a customer's questions found, whose transaction was rolled back."""
        for admitted in self._admitted.values():
            admitted -= {question for question in admitted if question[0] == customer}

    def changed(self) -> dict[Key, int]:
        """Return what was asked by now, of each day and quota that counted something more."""
        return {key: self._counted.get(key, 0) + len(them) for key, them in self._admitted.items() if them}


def day_of(zone: str, now: datetime) -> str:
    """Return the day (ISO 8601) whose quota counts."""
    return in_zone(now, zone).date().isoformat()


def name_of(case: CustomerCase, touchpoint: str, quota: Quota) -> str:
    """Return whose quota a customer's question counts against: the touchpoint's, or that of their group at it."""
    if not quota.by:
        return touchpoint
    value = customer_inputs(case, case.now, (quota.by,)).get(quota.by)
    group = UNKNOWN if value is None else case.ids.keyed_hash("quota", str(value))[:DIGITS]
    return f"{touchpoint}{GROUP}{group}"


def names_due(cases: Collection[CustomerCase]) -> set[str]:
    """Return whose quotas some customers may count against now; none where the plan has none."""
    names: set[str] = set()
    for case in cases:
        quotas = case.policy.plan.quotas
        if quotas:
            due = [row for row in case.pending() if row.step in quotas and min(row.due_at, row.wake_at) <= case.now]
            names |= {name_of(case, row.step, quotas[row.step]) for row in due}
    return names
