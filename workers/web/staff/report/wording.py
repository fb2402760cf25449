"""How the report says its numbers and what they are about.

One place for the page, the files and the lists of answers, so that they say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_decimal

from workers.calendar import in_zone
from workers.domain.customer_inputs import COMPUTED
from workers.domain.drivers import Drivers, name_of
from workers.domain.mail.translations import Catalog
from workers.domain.records import Response
from workers.domain.records.choices import codes_in
from workers.domain.reporting import EVERYBODY, NONE, Filters
from workers.usecases.report.groups import BETWEEN
from workers.usecases.report.sections import Review
from workers.web.staff.report.addresses import Addresses
from workers.web.staff.report.time_axis import TimeAxis
from workers.web.staff.times import span

BAND_BEFORE = "last_band"
MINUS = "\u2212"
TIGHT = "\u202f"


def signed(points: float | None) -> str:
    """Return points with a sign, such as "+47"; a dash for none."""
    if points is None:
        return "–"
    whole = round(points)
    return f"{MINUS if whole < 0 else '+' if whole else ''}{abs(whole)}"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language for one report, with its line of time and the addresses behind its figures."""

    catalog: Catalog
    zone: str
    addresses: Addresses
    axis: TimeAxis
    theme_names: Mapping[int, str] = field(default_factory=dict)
    drivers: Drivers = field(default_factory=dict)

    def text(self, id: str, **values: object) -> str:
        """Return the catalog's text `report.ID`."""
        return self.catalog.text(f"report.{id}", values)

    def word(self, kind: str, value: str) -> str:
        """Return the catalog's word for a trigger, touchpoint or the like; an operator's own one as it is."""
        id = f"{kind}.{value}"
        return self.catalog.text(id, {}) if id in self.catalog.ids else value.replace("_", " ")

    def trigger(self, value: str) -> str:
        """Return the word for a trigger, with a capital."""
        said = self.word("trigger", value)
        return said[:1].upper() + said[1:]

    def touchpoint(self, value: str) -> str:
        """Return the report's word for a touchpoint of the journey plan, which operators may rename."""
        return self.word("report.touchpoint", value)

    def segment(self, value: str) -> str:
        """Return what a segment is called; the CRM's own word, with a capital."""
        if value == EVERYBODY:
            return self.text("everybody")
        return self.text("no-segment") if value == NONE else value[:1].upper() + value[1:]

    def language(self, tag: str) -> str:
        """Return what a language is called in the reader's; a tag that has no name, such as fr-DE, as it is."""
        try:
            return str(Locale.parse(tag, sep="-").get_display_name(self.catalog.locale) or tag)
        except (ValueError, UnknownLocaleError):
            return tag

    def dimension(self, name: str) -> str:
        """Return what it is called by what answers are set side by side; an attribute by its own name."""
        id = f"report.filter.{name}"
        return self.catalog.text(id, {}) if id in self.catalog.ids else name.replace("_", " ").capitalize()

    def grouping(self) -> str:
        """Return by what this report's answers are set side by side, such as "Plan and segment"; "" for nothing."""
        first, *others = [self.dimension(dimension.name) for dimension in self.addresses.filters.by] or [""]
        return self.text("by.two", first=first, second=others[0]) if others else first

    def group(self, name: str) -> str:
        """Return what a group is called: of two dimensions both, in the words of each."""
        by = self.addresses.filters.by
        parts = name.split(BETWEEN, len(by) - 1) if by else [name]
        return BETWEEN.join(self.part(dimension.name, part) for dimension, part in zip(by, parts, strict=False)) or name

    def part(self, dimension: str, value: str) -> str:
        """Return a value of one dimension in words; an attribute's own word as it is."""
        said = {"trigger": self.trigger, "touchpoint": self.touchpoint, "segment": self.segment}
        if dimension in said:
            return said[dimension](value)
        if value == NONE and dimension != BAND_BEFORE:  # of which none is an answer as well
            return self.text("no-value")
        if dimension == "language":
            return self.language(value)
        return self.word("report.value", value) if value in ("yes", "no") or dimension in COMPUTED else value

    def flag(self, flag: str) -> str:
        """Return how few answers there are in words, "" for enough of them."""
        return self.text(f"flag.{flag.replace(' ', '-')}") if flag else ""

    def cause(self, value: str) -> str:
        """Return `AREA/CAUSE` of a ticket in words, "Area: cause"; either may be an operator's own."""
        area, _, cause = value.partition("/")
        if not cause:
            return self.word("cause", area)
        return f"{self.word('cause', area)}: {self.word('cause.' + area, cause)}"

    def theme(self, id: int) -> str:
        """Return a theme's name; of a theme that is gone its number."""
        return self.theme_names.get(id) or (self.text("no-theme") if not id else f"#{id}")

    def driver(self, code: str) -> str:
        """Return what a driver is called; an answer that names none has a word too."""
        if code == NONE:
            return self.text("no-driver")
        return name_of(code, self.drivers, self.catalog.language, self.catalog.text("driver.other", {}))

    def drivers_of(self, response: Response) -> str:
        """Return what an answer names as the reason for its score."""
        return ", ".join(map(self.driver, codes_in(response.drivers)))

    def points(self, value: float | None) -> str:
        """Return points as every page has them."""
        return signed(value)

    def interval(self, low: float | None, high: float | None) -> str:
        """Return the bounds of an NPS in points, or nothing below five answers."""
        return "" if low is None else self.text("interval", low=self.points(low), high=self.points(high))

    def share(self, value: float | None) -> str:
        """Return a share in per cent, a dash for none."""
        return "–" if value is None else self.text("percent", n=round(100 * value))

    def mean(self, value: float | None) -> str:
        """Return the mean of answers with one digit behind the point, a dash for none."""
        return "–" if value is None else format_decimal(value, "0.0", locale=self.catalog.locale)

    def whole(self, n: int) -> str:
        """Return a count with narrow spaces between its thousands, in every language."""
        return f"{n:,}".replace(",", TIGHT)

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
        """Return `Addresses.query`, for page templates: operators have their own copies, which call it here."""
        return self.addresses.query(**more)


def words_of_review(review: Review, catalog: Catalog) -> Words:
    """Return the words of a report that was read; it has the same zone as its filters."""
    return Words(
        catalog,
        review.zone,
        Addresses(review.filters, review.zone),
        TimeAxis(catalog, review.stretches),
        review.theme_names,
    )


def words_of_list(
    filters: Filters,
    zone: str,
    catalog: Catalog,
    *,
    theme_names: Mapping[int, str] | None = None,
    drivers: Drivers | None = None,
) -> Words:
    """Return the words of a list of answers, questions or drivers, which has no line of time."""
    return Words(catalog, zone, Addresses(filters, zone), TimeAxis(catalog), theme_names or {}, drivers or {})
