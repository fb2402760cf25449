"""What is away is told once when it goes and once when it is back, by every role, to whoever asks."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from embedded import START, Embedded

from workers.errors import NotNow
from workers.process.outages import DATABASE, KAFKA, QUIET_SECONDS, Outages
from workers.store import tables
from workers.store.delivery import told_outages
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import status
from workers.usecases.operation.outage_watch import Observing


class Time:
    """Seconds and instants that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the instant."""
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
def time() -> Time:
    """Give a time of the test's own."""
    return Time()


@pytest.fixture
def outages(time: Time) -> Outages:
    """Give outages by that time."""
    return Outages(lambda: time.seconds, time.now)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged about parts."""
    return [record.getMessage() for record in caplog.records if getattr(record, "action", "").startswith("part.")]


def test_a_thousand_failures_are_one_line_and_its_end_another(
    outages: Outages, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the log sees when a part went, why in its own words, and for how long it was away."""
    caplog.set_level(logging.INFO)
    for _ in range(1000):
        outages.note(DATABASE, "a lock was not had in time", "canceling statement due to lock timeout")
        time.seconds += 0.06
    assert [outage.since for outage in outages.current()] == [START]
    time.seconds += QUIET_SECONDS
    outages.clear(DATABASE)
    assert outages.current() == []
    gone, back = lines_of(caplog)
    assert gone == "database is away: a lock was not had in time (canceling statement due to lock timeout)"
    assert back == "database is back after 65 s (a lock was not had in time)"


def test_a_part_that_answers_some_and_fails_others_stays_away(
    outages: Outages, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """One locked table among many fails every second try: that is one outage, not thousands."""
    for _ in range(500):
        outages.note(DATABASE, "a lock was not had in time")
        time.seconds += 0.5
        outages.clear(DATABASE)
    assert len(outages.current()) == 1
    assert len(lines_of(caplog)) == 1


def test_what_nobody_misses_costs_nothing(outages: Outages) -> None:
    """Clearing what is not away does nothing."""
    outages.clear(KAFKA)
    assert outages.current() == []


def test_status_says_what_a_role_finds_away_since_when_and_what_waits(install: Callable[..., Embedded]) -> None:
    """Another process reads it in the database, as long as a role that lives says so."""
    boucle = install()
    answers: list[bool] = [False]

    def kafka() -> None:
        if not answers[0]:
            raise NotNow("Kafka at 127.0.0.1:1 does not answer.")

    boucle.store.write(
        lambda connection: connection.execute(sa.insert(tables.outbox).values(topic="t", key="k", value=b"v"))
    )
    observing = Observing(boucle.store, "one", kafka)
    assert observing.look() == 1
    (outage,) = status_of(boucle)
    assert (outage["part"], outage["waiting"], outage["reason"]) == (KAFKA, 1, "it does not answer")
    assert abs(datetime.fromisoformat(str(outage["since"])) - datetime.now(UTC)) < timedelta(minutes=1)

    def long_ago(connection: sa.Connection) -> None:
        old = datetime.now(UTC) - timedelta(minutes=5)
        connection.execute(sa.update(tables.outage).values(seen_at=old))

    boucle.store.write(long_ago)
    assert status_of(boucle) == []  # its role has ended
    for _ in range(4):
        observing.look()
    assert len(status_of(boucle)) == 1  # it had not
    answers[0] = True
    boucle.store.outages = Outages(lambda: 1e9)  # as if time had passed
    assert observing.look() == 0
    assert status_of(boucle) == []


def status_of(boucle: Embedded) -> list[dict[str, object]]:
    """Return what `boucle status` says is away."""
    with boucle.store.reading() as connection:
        state = sending_now(connection, boucle.parts.sending)
        value = status.status(connection, boucle.clock.at, sending=state)
    text = status.as_text(value)
    away = value["away"]
    assert isinstance(away, list)
    assert text.count("\naway ") == len(away)
    return away


def test_two_roles_that_miss_a_part_are_one_outage(install: Callable[..., Embedded]) -> None:
    """It began when the first of them noticed."""
    boucle = install()
    for name, seconds in (("late", 30.0), ("early", 0.0)):
        time = Time()
        time.seconds = seconds
        outages = Outages(lambda: 0.0, time.now)
        outages.note(KAFKA, f"as {name} sees it")
        boucle.store.write(partial(told_outages.keep, seen_by=name, outages=outages.current()))
    with boucle.store.reading() as connection:
        (outage,) = told_outages.list_away(connection)
    assert (outage.since, outage.reason) == (START, "as early sees it")
