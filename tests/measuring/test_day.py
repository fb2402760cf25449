"""A day with a morning peak (bench/day.py): every event is taken in, asked about and mailed, on both databases."""

import json
from collections.abc import Iterator
from datetime import timedelta

import parts
import pytest

from bench import day


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give an empty database of each kind; none for SQLite, which the bench makes itself."""
    if request.param == "sqlite":
        yield ""
        return
    with parts.migrated(request, tmp_path_factory.mktemp("day")) as store:
        yield store.engine.url.render_as_string(hide_password=False)


def test_a_day_is_played_to_its_end(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each hour tells what came; every role did all its work, and more time than it needs leaves nothing waiting."""
    exit_code = day.main(["--sample", "60", "--a-day", "60", "--format", "json", "--database", url])
    played = json.loads(capsys.readouterr().out)
    assert exit_code == 0
    assert sum(hour["arrived"] for hour in played["hours"]) == 60
    assert played["roles"]["intake"]["done"] == 60
    assert played["roles"]["sending"]["done"] >= 10
    assert played["caught_up"] == dict.fromkeys(day.ROLES, 0)
    assert all(0 <= share <= 1 for hour in played["hours"] for share in hour["busy"].values())


def test_a_role_has_no_more_time_than_its_own() -> None:
    """What one piece of work takes too long is taken from the ticks after it; a look that finds nothing is free."""
    now, waiting = [0.0], [4]

    def work() -> int:
        now[0] += 3.0 if waiting[0] else 1.0
        waiting[0] -= 1 if waiting[0] else 0
        return 1 if waiting[0] >= 0 and now[0] <= 12.0 else 0

    role = day.Role(work)
    busy = [role.go_on(2.0, lambda: now[0]) for _ in range(8)]
    assert busy == [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0]
    assert (role.done, role.seconds_used) == (4, 12.0)


def test_the_peak_is_in_the_morning() -> None:
    """Events lie within the day, in order, and the hours before noon have more of them when a peak is asked for."""
    usual, peak = (day.arrivals(2_000, factor, 1) for factor in (1.0, 3.0))
    assert [at for at, _ in usual] == sorted(at for at, _ in usual)
    assert all(day.DAY <= at < day.DAY + timedelta(days=1) for at, _ in usual)
    morning = [sum(8 <= at.astimezone(day.DAY.tzinfo).hour <= 11 for at, _ in events) for events in (usual, peak)]
    assert morning[1] > 1.5 * morning[0]
