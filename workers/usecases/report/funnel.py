"""The funnel: of the questions asked in a period, how many arrived, were opened, answered, commented; and what was not
asked, by reason.

Every line adds up from the one above it. People who did not answer stay what they are: silent. Changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from workers.domain.explain import clause
from workers.domain.explain.words import sentence
from workers.domain.reporting import Filters
from workers.domain.types import TouchpointState
from workers.store.connection import Connection
from workers.store.counts import running_counts
from workers.store.report.fates import Fate
from workers.store.report.funnel import Funnel, count_asked, count_not_asked, count_recovery_not_asked

__all__ = ["Fate", "Funnel", "asked", "funnel", "not_asked", "reason_of"]


def funnel(
    connection: Connection, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, object]:
    """Return the funnel of a period, and the touchpoints due in it that were not asked, by state and reason."""
    period = Filters(since, until)
    counted = asked(connection, period, whole_period=True)
    return {**asdict(counted), "not_asked": not_asked(connection, period, whole_period=True)}


def asked(connection: Connection, filters: Filters, *, whole_period: bool = False) -> Funnel:
    """Count the questions that a report is about by what became of them; or, with `whole_period`, all of its period."""
    return count_asked(connection, filters, whole_period=whole_period)


def not_asked(connection: Connection, filters: Filters, *, whole_period: bool = False) -> list[dict[str, object]]:
    """Count the touchpoints due in a period that were not asked, most frequent reason first, each in a sentence.

    Those of all time are counted while they are written; a filter other than the kind of question has them read.
    """
    if filters == Filters(by=filters.by, question=filters.question):
        counts = never_asked(connection, recovery=whole_period)
    else:
        counts = count_not_asked(connection, filters, whole_period=whole_period)
    return [
        {"state": state, "code": code, "reason": reason_of(code), "n": n}
        for (state, code), n in sorted(counts.items(), key=lambda count: (-count[1], count[0]))
        if n
    ]


def never_asked(connection: Connection, *, recovery: bool) -> Mapping[tuple[str, str], int]:
    """Return how many touchpoints of all time were not asked by state and reason, with or without recovery surveys."""
    counts: Counter[tuple[str, str]] = Counter()
    for (_, _, state, reason), n in running_counts.cells(connection, ["touchpoints"]).items():
        if state != TouchpointState.ASKED:
            counts[state, reason] += n
    if not recovery:
        counts.subtract(count_recovery_not_asked(connection))
    return counts


def reason_of(code: str) -> str:
    """Return a reason code as a sentence; a planned touchpoint without one is not due yet."""
    return sentence(clause(code, {}) if code else "it is not due yet")
