"""How the team's pages say times: in the team's zone, near days by name, what is left in hours of work.

Words only; what is due when is decided elsewhere.
"""

from datetime import date, datetime, timedelta

from babel.dates import format_time

from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog

HOUR, MINUTE = 3600, 60


def when(at: datetime, zone: str, now: datetime, catalog: Catalog) -> str:
    """Return day and time, such as "today at 14:12" or "Monday 9 March at 12:30"."""
    local, here = in_zone(at, zone), in_zone(now, zone)
    return catalog.text("staff.when", {"day": day(local.date(), here.date(), catalog), "time": clock(local, catalog)})


def day(of: date, today: date, catalog: Catalog) -> str:
    """Return a day by its name: today, tomorrow, yesterday, else the weekday with its date, else with its year."""
    away = (of - today).days
    near = {0: "staff.today", 1: "staff.tomorrow", -1: "staff.yesterday"}.get(away)
    if near:
        return catalog.text(near, {})
    return catalog.date(of, "format.weekday" if abs(away) < 180 else "format.date")


def clock(local: datetime, catalog: Catalog) -> str:
    """Return the time of day as people write it in the catalog's language."""
    return str(format_time(local, catalog.text("format.time", {}), locale=catalog.locale))


def span(length: timedelta, catalog: Catalog) -> str:
    """Return a length in hours and minutes, such as "2 h 40 min"."""
    seconds = max(0, int(length.total_seconds()))
    hours, minutes = seconds // HOUR, seconds % HOUR // MINUTE
    if not hours:
        return catalog.text("staff.minutes", {"n": minutes})
    return (
        catalog.text("staff.hours", {"h": hours, "m": f"{minutes:02}"})
        if minutes
        else catalog.text("staff.full-hours", {"n": hours})
    )
