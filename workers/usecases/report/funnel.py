"""The funnel: of the questions asked in a period, how many arrived, were opened, answered, commented; and what was not
asked, by reason.

Every line adds up from the one above it. People who did not answer stay what they are: silent. Changes nothing.
"""

from dataclasses import asdict
from datetime import datetime

from workers.domain.explain import clause
from workers.domain.explain.words import sentence
from workers.domain.reporting import Filters
from workers.store.connection import Connection
from workers.store.report.fates import Fate
from workers.store.report.funnel import Funnel, count_asked, count_not_asked

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
    """Count the touchpoints due in a period that were not asked, most frequent reason first, each in a sentence."""
    return [
        {"state": state, "code": code, "reason": reason_of(code), "n": n}
        for state, code, n in count_not_asked(connection, filters, whole_period=whole_period)
    ]


def reason_of(code: str) -> str:
    """Return a reason code as a sentence; a planned touchpoint without one is not due yet."""
    return sentence(clause(code, {}) if code else "it is not due yet")
