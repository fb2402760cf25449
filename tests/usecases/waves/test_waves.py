"""A relationship wave asks everybody once: from an event or from the list of dates, in chunks, whatever breaks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from embedded import START, STRUCTURED, Embedded, about, journey
from waveparts import people, wave, with_dates

from workers.domain.records import Customer, Journey, SurveyRequest, Touchpoint
from workers.store import tables
from workers.store.ledger import Incoming
from workers.usecases.operation.status import due_work


def planned(boucle: Embedded) -> list[tuple[str, str, str]]:
    """Return the touchpoints of waves: reference, state, reason."""
    return sorted(
        (touchpoint.reference, str(touchpoint.state), touchpoint.reason)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "wave"
    )


def test_a_wave_without_a_customer_asks_everybody_once(boucle: Embedded) -> None:
    """One event plans and asks for all; told again under another id, it asks nobody twice."""
    people(boucle, 7)
    boucle.take(wave())
    with boucle.store.reading() as connection:
        assert due_work(connection, START)[0]["waves"] == 1
    boucle.settle()
    assert planned(boucle) == [("spring", "asked", "")] * 7
    boucle.take({**wave(at=START + timedelta(hours=1)), "id": "told again"})
    boucle.later(days=2)
    assert len(boucle.rows(SurveyRequest)) == 7
    with boucle.store.reading() as connection:
        assert due_work(connection, boucle.clock.now())[0]["waves"] == 0


def test_a_customer_named_by_a_wave_event_is_not_asked_again_by_the_wave_for_everybody(boucle: Embedded) -> None:
    """The wave's name is the key, whichever way it comes."""
    people(boucle, 2)
    boucle.take(journey("wave", "c0", reference="spring"))
    boucle.settle()
    boucle.take(wave())
    boucle.settle()
    assert planned(boucle) == [("spring", "asked", "")] * 2
    assert len(boucle.rows(Journey)) == 2


def test_two_waves_of_other_names_ask_whom_the_rest_period_lets(boucle: Embedded) -> None:
    """A second wave plans for everybody, and drops who rests; a quarter later everybody is asked again."""
    people(boucle, 3)
    boucle.take(wave("spring"))
    boucle.settle()
    boucle.clock.at += timedelta(days=40)
    boucle.take(wave("early", boucle.clock.at))
    boucle.settle()
    assert planned(boucle) == [("early", "skipped", "resting")] * 3 + [("spring", "asked", "")] * 3
    boucle.clock.at += timedelta(days=49)
    boucle.take(wave("summer", boucle.clock.at))
    boucle.settle()
    assert planned(boucle)[6:] == [("summer", "asked", "")] * 3, "89 days after spring"


def test_a_wave_comes_to_its_customers_in_committed_chunks(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chunk is one transaction; after a failure the wave goes on where its cursor stands, and nobody is left."""
    people(boucle, 7)
    boucle.take(wave())
    assert boucle.parts.scheduler.spread_wave(3) == 3
    assert len(planned(boucle)) == 3

    def broken(*_args: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr("workers.store.survey.waves.advance", broken)
        with pytest.raises(RuntimeError, match="killed here"):
            boucle.parts.scheduler.spread_wave(3)
    assert len(planned(boucle)) == 3, "what was not committed is not there"
    assert [boucle.parts.scheduler.spread_wave(3) for _ in range(3)] == [3, 1, None]
    assert len(planned(boucle)) == 7
    with boucle.store.reading() as connection:
        (row,) = connection.execute(sa.select(tables.wave))
    assert (row.id, row.at, row.done_at) == ("spring", START, START)


def test_a_wave_that_a_release_before_began_goes_on_behind_its_cursor(boucle: Embedded) -> None:
    """Whom it came to by its one cursor is not gone through again; everybody behind it is."""
    people(boucle, 12)
    boucle.take(wave())
    keys = sorted(customer.id for customer in boucle.rows(Customer))
    begun = sa.update(tables.wave).values(cursor=keys[4])
    boucle.store.write(lambda connection: connection.execute(begun))
    while boucle.parts.scheduler.spread_wave(3) is not None:
        pass
    assert sorted(row.customer for row in boucle.rows(Touchpoint) if row.step == "wave") == keys[5:]


def test_a_wave_leaves_the_erased_and_the_gone_alone(boucle: Embedded) -> None:
    """Erased people get no row; who has opted out or left gets one that says why."""
    people(boucle, 4)
    boucle.take(about("erased", "c0"), about("opted_out", "c1"), journey("churned", "c2"))
    boucle.take(wave())
    boucle.settle()
    assert planned(boucle) == [
        ("spring", "asked", ""),
        ("spring", "cancelled", "opted_out"),
        ("spring", "cancelled", "stopped"),
    ]


def test_an_old_wave_mails_nobody(boucle: Embedded) -> None:
    """Past `give up after` a wave is too late for everybody."""
    people(boucle, 2)
    boucle.take(wave(at=START - timedelta(days=15)))
    boucle.settle()
    assert planned(boucle) == [("spring", "skipped", "too_late")] * 2


def test_a_wave_told_twice_begins_at_the_earlier_instant(boucle: Embedded) -> None:
    """The order in which two events name one wave does not matter."""
    later, earlier = START - timedelta(days=1), START - timedelta(days=2)
    boucle.take({**wave(at=later), "id": "later"}, {**wave(at=earlier), "id": "earlier"})
    with boucle.store.reading() as connection:
        (row,) = connection.execute(sa.select(tables.wave))
    assert row.at == earlier


def test_the_list_of_dates_starts_a_wave_when_the_team_does(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """On the day, at the opening of the team's day in the brand's zone; a date long past starts nothing."""
    boucle = install(overrides=with_dates(tmp_path, "2026-03-05;spring", "2026-01-05;winter"))
    people(boucle, 3)
    boucle.clock.at = datetime(2026, 3, 5, 7, 59, tzinfo=UTC)
    boucle.settle()
    assert planned(boucle) == []
    boucle.clock.at = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    boucle.settle()
    assert planned(boucle) == [("2026-03-05", "asked", "")] * 3
    assert {request.label for request in boucle.rows(SurveyRequest)} == {"spring"}
    boucle.later(days=3)
    assert len(boucle.rows(SurveyRequest)) == 3


def test_a_date_missed_while_nobody_was_there_is_caught_up(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """Two days late is not too late."""
    boucle = install(overrides=with_dates(tmp_path, "2026-03-05;"))
    people(boucle, 1)
    boucle.clock.at = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
    boucle.settle()
    assert planned(boucle) == [("2026-03-05", "asked", "")]


def test_a_wave_in_a_dry_run_is_nothing(boucle: Embedded) -> None:
    """Trying a wave out begins none."""
    people(boucle, 1)
    list(boucle.parts.intake.dry_run([Incoming(orjson.dumps(wave()), {}, STRUCTURED)]))
    with boucle.store.reading() as connection:
        assert connection.execute(sa.select(tables.wave)).first() is None
    assert len(boucle.rows(Customer)) == 1
