"""The months that the report's charts and its table over time share: which days a period has, where a day stands.

The words for them are the catalog's. Pure.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from workers.domain.mail.translations import Catalog
from workers.domain.reporting import Period


class Run(Protocol):
    """A run of stretches: the place of the first, and that behind the last."""

    @property
    def first(self) -> int:
        """The place of the first stretch."""

    @property
    def behind(self) -> int:
        """The place behind the last one."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The line of time of one report in one language.

    `stretches` are its months in order (2025-12), each cut where a dated note begins within it (2025-12-08).
    """

    catalog: Catalog
    stretches: tuple[str, ...] = ()

    @property
    def months(self) -> tuple[str, ...]:
        """Each month once, as 2025-12."""
        return tuple(dict.fromkeys(stretch[:7] for stretch in self.stretches))

    def days(self, period: Run) -> tuple[date, date]:
        """Return the first and the last day of a period, both within it."""
        behind = self.stretches[period.behind] if period.behind < len(self.stretches) else ""
        last = first_day(behind) - timedelta(days=1) if behind else last_day(first_day(self.stretches[-1]))
        return first_day(self.stretches[period.first]), last

    def place(self, day: date) -> float:
        """Return where a day stands between the first and the last month, as a share: months are equally wide."""
        months = self.months
        begins, length = day.replace(day=1), last_day(day).day
        passed = (begins.year - int(months[0][:4])) * 12 + begins.month - int(months[0][5:])
        return (passed + (day.day - 1) / length) / len(months)

    def month(self, month: str) -> str:
        """Return 2025-12 as "Dec 2025"."""
        return self.catalog.date(first_day(month), "report.format.month")

    def period(self, period: Run) -> str:
        """Return the months of a period, or its days where a note begins or ends it within a month."""
        begins, ends = self.days(period)
        whole_months = begins.day == 1 and ends == last_day(ends)
        wording = "report.format.month" if whole_months else "report.format.day"
        first, last = (self.catalog.date(day, wording) for day in (begins, ends))
        return first if first == last else self.catalog.text("report.from-to", {"first": first, "last": last})

    def when_changed(self, before: Period, period: Period) -> str:
        """Return when the step to a period happened: at a dated note, else somewhere in the two periods beside it."""
        begins, ends = self.days(before)[0], self.days(period)
        if period.at_note:
            return self.catalog.date(ends[0], "report.format.day")
        first, last = (self.catalog.date(day, "report.format.month") for day in (begins, ends[1]))
        return self.catalog.text("report.uncertain", {"first": first, "last": last})


def first_day(stretch: str) -> date:
    """Return the first day of 2025-12, or of 2025-12-08 and the days after it."""
    return date.fromisoformat(stretch if len(stretch) > len("2025-12") else f"{stretch}-01")


def last_day(day: date) -> date:
    """Return the last day of the month that a day is in."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
