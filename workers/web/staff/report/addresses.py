"""The addresses behind the report's figures: its filters as the query of an address, with more of them set.

One place for the page, the tables and the lists, so that a figure opens what it counts. Pure.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from workers.calendar import in_zone
from workers.domain.reporting import NONE, Filters
from workers.usecases.report.sections import day_of


@dataclass(frozen=True, slots=True)
class Addresses:
    """The queries of one report: its filters, and the brand's zone in which their days begin."""

    filters: Filters
    zone: str

    def query(self, **more: object) -> str:
        """Return the report's filters with `more` set; a name with an empty value is left out."""
        return urlencode({name: str(value) for name, value in {**self.chosen(), **more}.items() if value != ""})

    def chosen(self) -> dict[str, str]:
        """Return every filter as the address has it, "" for one that is not set; both days are within the report."""
        f = self.filters
        return {
            "since": day_of(f.since, self.zone) if f.since else "",
            "until": day_of(f.until - timedelta(seconds=1), self.zone) if f.until else "",
            "trigger": f.trigger,
            "segment": f.segment,
            "language": f.language,
            "touchpoint": f.touchpoint,
            "without": f.without,
            "by": f.by[0].name if f.by else "",
            "and": f.by[1].name if len(f.by) > 1 else "",
            "question": f.question,
        }

    def days(self, since: date, until: date) -> dict[str, str]:
        """Return the filters for the answers from a day to another, both within it, never beyond the report's own."""
        f = self.filters
        if f.since:
            since = max(since, in_zone(f.since, self.zone).date())
        if f.until:
            until = min(until, in_zone(f.until - timedelta(seconds=1), self.zone).date())
        return {"since": since.isoformat(), "until": until.isoformat()}


def asked_at(trigger: str, touchpoint: str) -> dict[str, str]:
    """Return the filters for a touchpoint: its name suffices, but for what another tool asked."""
    return {"trigger": trigger, "touchpoint": touchpoint} if touchpoint == NONE else {"touchpoint": touchpoint}
