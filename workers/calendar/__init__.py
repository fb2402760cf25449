"""When something is due: waits, send windows and working time, in a customer's or a team's own zone.

Every instant in and out is a timezone-aware UTC datetime; zones are IANA names. Pure: reads no clock, and moves nothing
itself; planning, asking and ticketing decide with it.
"""

from workers.calendar.business_hours import (
    MORNING_ENDS,
    Calendar,
    HalfDay,
    HalfDayPart,
    add_working,
    add_working_days,
    half_day_after,
    half_days,
    next_half_day,
    working_between,
    working_lengths,
)
from workers.calendar.country_codes import COUNTRY_CODES
from workers.calendar.days_off import DaysOff, public_holidays, regions_of, see_country
from workers.calendar.durations import Wait, add_wait, parse_wait
from workers.calendar.send_window import (
    SendWindow,
    is_opening,
    next_in_window,
    parse_send_window,
    parse_window,
    spread_over,
)
from workers.calendar.team_hours import Shift, WorkingHours, parse_shifts
from workers.calendar.timezones import IN_USE, OTHERS, as_utc, in_zone, instant_of, known_zone, zone_info

__all__ = [
    "COUNTRY_CODES",
    "IN_USE",
    "MORNING_ENDS",
    "OTHERS",
    "Calendar",
    "DaysOff",
    "HalfDay",
    "HalfDayPart",
    "SendWindow",
    "Shift",
    "Wait",
    "WorkingHours",
    "add_wait",
    "add_working",
    "add_working_days",
    "as_utc",
    "half_day_after",
    "half_days",
    "in_zone",
    "instant_of",
    "is_opening",
    "known_zone",
    "next_half_day",
    "next_in_window",
    "parse_send_window",
    "parse_shifts",
    "parse_wait",
    "parse_window",
    "public_holidays",
    "regions_of",
    "see_country",
    "spread_over",
    "working_between",
    "working_lengths",
    "zone_info",
]
