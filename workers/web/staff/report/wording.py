"""How the report says numbers, months and words, and the addresses behind its figures.

One place for the page, the files and the lists of answers, so that they say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog
from workers.domain.reporting import EVERYBODY, NONE, Filters, Period
from workers.usecases.report.sections import day_of
from workers.web.staff.times import span

MINUS = "\u2212"
TIGHT = "\u202f"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language for one report."""

    catalog: Catalog
    filters: Filters
    zone: str
    stretches: tuple[str, ...]
    theme_names: Mapping[int, str]

    @property
    def months(self) -> tuple[str, ...]:
        """Return the months that the stretches are of."""
        return tuple(dict.fromkeys(stretch[:7] for stretch in self.stretches))

    def text(self, id: str, **values: object) -> str:
        """Return a text of the report."""
        return self.catalog.text(f"report.{id}", values)

    def word(self, kind: str, value: str) -> str:
        """Return the catalog's word for a trigger, touchpoint or the like; an operator's own one as it is."""
        id = f"{kind}.{value}"
        return self.catalog.text(id, {}) if id in self.catalog.ids else value.replace("_", " ")

    def trigger(self, value: str) -> str:
        """Return what a trigger is called."""
        said = self.word("trigger", value)
        return said[:1].upper() + said[1:]

    def touchpoint(self, value: str) -> str:
        """Return what a touchpoint is called."""
        return self.word("report.touchpoint", value)

    def segment(self, value: str) -> str:
        """Return what a segment is called; the CRM's own word, with a capital."""
        if value == EVERYBODY:
            return self.text("everybody")
        return self.text("no-segment") if value == NONE else value[:1].upper() + value[1:]

    def cause(self, value: str) -> str:
        """Return a root cause in words: area and cause."""
        area, _, cause = value.partition("/")
        if not cause:
            return self.word("cause", area)
        return f"{self.word('cause', area)}: {self.word('cause.' + area, cause)}"

    def theme(self, id: int) -> str:
        """Return a theme's name; of a theme that is gone its number."""
        return self.theme_names.get(id) or (self.text("no-theme") if not id else f"#{id}")

    def points(self, value: float | None) -> str:
        """Return points with a sign, such as "+47"; a dash for none."""
        if value is None:
            return "–"
        whole = round(value)
        return f"{MINUS if whole < 0 else '+' if whole else ''}{abs(whole)}"

    def interval(self, low: float | None, high: float | None) -> str:
        """Return the interval, or nothing."""
        return "" if low is None else self.text("interval", low=self.points(low), high=self.points(high))

    def share(self, value: float | None) -> str:
        """Return a share in per cent, a dash for none."""
        return "–" if value is None else self.text("percent", n=round(100 * value))

    def whole(self, n: int) -> str:
        """Return a number with its thousands apart."""
        return f"{n:,}".replace(",", TIGHT)

    def month(self, month: str) -> str:
        """Return a month, such as "Dec 2025"."""
        return self.catalog.date(first_day(month), "report.format.month")

    def period(self, one: Period) -> str:
        """Return the months of a period, or its days where a note begins or ends it within a month."""
        begins, ends = self.days(one)
        if begins.day == 1 and ends == last_day(ends):
            first, last = (self.catalog.date(day, "report.format.month") for day in (begins, ends))
        else:
            first, last = (self.catalog.date(day, "report.format.day") for day in (begins, ends))
        return first if first == last else self.text("from-to", first=first, last=last)

    def days(self, period: Period) -> tuple[date, date]:
        """Return the first and the last day of a period."""
        behind = self.stretches[period.behind] if period.behind < len(self.stretches) else ""
        last = first_day(behind) - timedelta(days=1) if behind else last_day(first_day(self.stretches[-1]))
        return first_day(self.stretches[period.first]), last

    def place(self, day: date) -> float:
        """Return where a day stands between the first and the last month, as a share: months are equally wide."""
        months = self.months
        begins, length = day.replace(day=1), last_day(day).day
        passed = (begins.year - int(months[0][:4])) * 12 + begins.month - int(months[0][5:])
        return (passed + (day.day - 1) / length) / len(months)

    def when_changed(self, before: Period, period: Period) -> str:
        """Return when the step to a period happened: at a dated note, else somewhere in the two periods beside it."""
        begins, ends = self.days(before)[0], self.days(period)
        if period.at_note:
            return self.catalog.date(ends[0], "report.format.day")
        first, last = (self.catalog.date(day, "report.format.month") for day in (begins, ends[1]))
        return self.text("uncertain", first=first, last=last)

    def day(self, at: datetime) -> str:
        """Return the day of an instant in the brand's zone."""
        return self.catalog.date(in_zone(at, self.zone).date())

    def length(self, length: timedelta | None) -> str:
        """Return a length in hours and minutes, days beyond two, a dash for none."""
        if length is None:
            return "–"
        if length >= timedelta(days=2):
            return self.text("days", n=round(length / timedelta(days=1)))
        return span(length, self.catalog)

    def query(self, **more: object) -> str:
        """Return the query of an address: the report's filters with more of them set."""
        return urlencode({name: str(value) for name, value in {**self.chosen(), **more}.items() if value != ""})

    def chosen(self) -> dict[str, str]:
        """Return the filters as the address has them."""
        f = self.filters
        return {
            "since": day_of(f.since, self.zone) if f.since else "",
            "until": day_of(f.until - timedelta(seconds=1), self.zone) if f.until else "",
            "trigger": f.trigger,
            "segment": f.segment,
            "language": f.language,
            "touchpoint": f.touchpoint,
            "without": f.without,
        }

    def asked_at(self, trigger: str, touchpoint: str) -> dict[str, str]:
        """Return what an address says of a touchpoint: its name suffices, but for what another tool asked."""
        return {"trigger": trigger, "touchpoint": touchpoint} if touchpoint == NONE else {"touchpoint": touchpoint}

    def months_query(self, period: Period) -> dict[str, str]:
        """Return the days of a period for an address, never beyond the report's own."""
        since, until = self.days(period)
        f = self.filters
        if f.since:
            since = max(since, in_zone(f.since, self.zone).date())
        if f.until:
            until = min(until, in_zone(f.until - timedelta(seconds=1), self.zone).date())
        return {"since": since.isoformat(), "until": until.isoformat()}


def first_day(stretch: str) -> date:
    """Return the first day of a stretch: a month such as 2025-12, or 2025-12-08 and the days after it."""
    return date.fromisoformat(stretch if len(stretch) > len("2025-12") else f"{stretch}-01")


def last_day(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
