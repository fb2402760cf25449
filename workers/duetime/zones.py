"""Wall time in a customer's zone, and the one instant that it means.

The rule for clock changes lives here and nowhere else. Nothing here reads a clock; the zone database is the only
thing looked up, once per zone and process.
"""

import zoneinfo
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from workers.words import BadInput

# In the zone database by accident: the machine's own zone, and a placeholder that means "not set up".
_NOT_ZONES = frozenset({"localtime", "Factory"})


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


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a wall time: the first of two, and past a gap by the length of the gap.

    Where clocks go back, a wall time comes twice: the first is meant. Where they go forward, a wall time does not come
    at all: it is read with the offset before the change, as if nobody had touched the clock, so 02:30 becomes 03:30.
    Source: RFC 5545, section 3.3.5; `fold=0` of PEP 495 is the same rule. Any zone on `wall` is replaced.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
