"""Wall time in a customer's zone, and the one instant that it means.

The rule for clock changes lives here and nowhere else. Nothing here reads a clock; the zone database is the only
thing looked up, once per zone and process: of the system's and the packaged one the newer, because governments change
clocks at short notice, and either may be years old.
"""

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

from workers.errors import BadInput

# In the zone database by accident: the machine's own zone, and a placeholder that means "not set up".
_NOT_ZONES = frozenset({"localtime", "Factory"})


PACKAGED = "the package tzdata"
_VERSION = re.compile(r"(?:#\s*version\s+)?(\d{4})([a-z]*)", re.ASCII)
_VERSION_FILES = ("tzdata.zi", "+VERSION", "version")
_FIRST_LINE_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class ZoneData:
    """One zone database: its release, such as 2026f (empty: it does not say), and where it is."""

    version: str
    place: str

    def age(self) -> tuple[str, int, str]:
        """Return what orders releases, the newest last: the year, then the letters (z comes before za)."""
        match = _VERSION.fullmatch(self.version)
        return (match[1], len(match[2]), match[2]) if match else ("", 0, "")


def known_databases(paths: Sequence[str]) -> list[ZoneData]:
    """Return the zone databases in these folders that are there, then the packaged one."""
    databases = [ZoneData(version_in(Path(path)), path) for path in paths if Path(path).is_dir()]
    return [*databases, ZoneData(tzdata.IANA_VERSION, PACKAGED)]


def version_in(folder: Path) -> str:
    """Return the release that a folder of zones names, or nothing."""
    for name in _VERSION_FILES:
        try:
            with (folder / name).open("r", encoding="ascii", errors="replace") as file:
                match = _VERSION.match(file.readline(_FIRST_LINE_AT_MOST))
        except OSError:
            continue
        if match:
            return match[1] + match[2]
    return ""


def use_newest(paths: Sequence[str]) -> tuple[ZoneData, tuple[ZoneData, ...]]:
    """Let this process take its zones from the newest database; return it and the others. Of equal ones the first."""
    databases = known_databases(paths)
    newest = max(databases, key=ZoneData.age)
    zoneinfo.reset_tzpath(to=() if newest.place == PACKAGED else (newest.place,))
    ZoneInfo.clear_cache()
    return newest, tuple(other for other in databases if other is not newest)


IN_USE, OTHERS = use_newest(zoneinfo.TZPATH)
"""The zone database that this process uses, and those that it does not."""


@cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES


def known_zone(name: str) -> bool:
    """Return whether `name` is an IANA time zone, spelt as the database spells it."""
    return name in _names()


@lru_cache(maxsize=1024)  # more than there are zones
def zone_info(name: str) -> ZoneInfo:
    """Return the zone of that IANA name; raise BadInput when there is none."""
    # Only listed names reach the file system: a name comes from outside and must not become a path.
    if not known_zone(name):
        raise BadInput(f"There is no time zone {name[:64]!r}. Use an IANA name such as Europe/Paris.")
    return ZoneInfo(name)


def as_utc(at: datetime) -> datetime:
    """Return the same instant in UTC; raise ValueError for a time without a zone, which names no instant."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no zone, so it is no instant: attach UTC where it is made.")
    return at.astimezone(UTC)


def in_zone(at: datetime, zone: str) -> datetime:
    """Return the same instant as wall time in `zone`."""
    return as_utc(at).astimezone(zone_info(zone))


@lru_cache(maxsize=16_384)  # the days of some years in the zones of a company
def steady_offset(day: int, zone: str) -> timedelta | None:
    """Return the offset from UTC that holds in a zone all through a day and the two beside it; None where it changes.

    `day` is the ordinal of a date, in UTC or on the wall: every instant of it lies within the three days. So a wall
    time of that day is one instant, the one at this offset. Since 1970 no zone changed its clocks twice within
    a week, so midnights tell it all. Raises BadInput for an unknown zone.
    """
    info = zone_info(zone)
    try:
        midnights = [datetime.fromordinal(day + near).replace(tzinfo=UTC) for near in (-1, 0, 1, 2)]
        offsets = {midnight.astimezone(info).utcoffset() for midnight in midnights}
    except (OverflowError, ValueError):  # at the ends of the calendar
        return None
    return offsets.pop() if len(offsets) == 1 else None


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a wall time: the first of two, and past a gap by the length of the gap.

    Where clocks go back, a wall time comes twice: the first is meant. Where they go forward, a wall time does not come
    at all: it is read with the offset before the change, as if nobody had touched the clock, so 02:30 becomes 03:30.
    Source: RFC 5545, section 3.3.5; `fold=0` of PEP 495 is the same rule. Any zone on `wall` is replaced.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
