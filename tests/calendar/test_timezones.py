"""Zones: which names are known, and that a name from outside reaches no file."""

import zoneinfo
from datetime import UTC, datetime

import pytest

from workers.calendar import as_utc, in_zone, known_zone, zone_info
from workers.errors import BadInput


@pytest.mark.parametrize("name", ["Europe/Paris", "America/Argentina/Ushuaia", "UTC", "Asia/Kathmandu", "Etc/GMT+5"])
def test_iana_names_are_known(name: str) -> None:
    """Names of the zone database are accepted, with its spelling."""
    assert known_zone(name)
    assert zone_info(name).key == name


@pytest.mark.parametrize(
    "name",
    ["", "Paris", "europe/paris", "Europe", "../etc/passwd", "/etc/passwd", "localtime", "Factory", "posixrules",
     "right/Europe/Paris", "Europe/Paris\0", "CET-1", "x" * 5000],
)  # fmt: skip
def test_other_names_are_refused_in_a_sentence(name: str) -> None:
    """What is no IANA zone is not known, and using it says what to write."""
    assert not known_zone(name)
    with pytest.raises(BadInput, match="Use an IANA name") as refused:
        zone_info(name)
    assert len(str(refused.value)) < 400


def test_every_known_zone_can_be_used() -> None:
    """Each zone of the database loads and shows a wall time."""
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    usable = [name for name in zoneinfo.available_timezones() if known_zone(name)]
    assert len(usable) > 400
    assert all(in_zone(at, name) == at for name in usable)


def test_an_instant_is_kept_and_a_naive_time_refused() -> None:
    """Changing the zone changes no instant; a time without a zone is no instant."""
    paris = in_zone(datetime(2026, 7, 1, 12, tzinfo=UTC), "Europe/Paris")
    assert (paris.hour, as_utc(paris).hour, as_utc(paris).tzinfo) == (14, 12, UTC)
    with pytest.raises(ValueError, match="no zone"):
        as_utc(datetime(2026, 7, 1))  # noqa: DTZ001 - the fault under test
