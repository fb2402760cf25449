"""Days off: the public holidays of a country, for every year, and dates that an operator adds.

Public holidays come from the library holidays, which knows the rules of some 250 countries and their regions; what it
says is looked up once per country, region and year.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from workers.calendar.country_codes import COUNTRY_CODES
from workers.errors import BadInput


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Whole days on which a team does not work; a container of dates that never runs out of years."""

    dates: frozenset[date] = frozenset()
    country: str = ""
    region: str = ""

    def __contains__(self, day: object) -> bool:
        """Tell whether a day is off."""
        if not isinstance(day, date):
            return False
        return day in self.dates or (bool(self.country) and day in public_holidays(self.country, self.region, day.year))


@lru_cache(maxsize=1024)
def public_holidays(country: str, region: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country (ISO 3166-1, such as FR) and region (ISO 3166-2) in a year.

    Raises BadInput for a country or region that is not known.
    """
    import holidays  # loading it takes a tenth of a second, and few processes need it

    try:
        days = holidays.country_holidays(country, subdiv=region or None, years=year)
    except NotImplementedError:
        where = f"{country}, region {region}" if region else country
        raise BadInput(f"No public holidays are known for {where[:60]!r}.") from None
    return frozenset(day for day in days if day.year == year)


def see_country(country: str) -> None:
    """Raise BadInput for a country whose holidays are not known; loads the rules of none."""
    if country in COUNTRY_CODES:
        return
    from holidays.registry import EntityLoader  # the library's own list of all countries loads each of them

    if country not in EntityLoader.get_country_codes():
        raise BadInput(f"No public holidays are known for the country {country[:40]!r}: write an ISO code such as FR.")


def regions_of(country: str) -> Collection[str]:
    """Return the regions of a country whose holidays are known; raises BadInput for a country that is not.

    This loads the rules of every country, a tenth of a second: ask only where a region is named.
    """
    import holidays

    see_country(country)
    regions: tuple[str, ...] = getattr(holidays, country).subdivisions
    return regions
