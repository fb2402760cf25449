"""A clock that leaps asks nobody and gives nothing up; it counts again when a person says so, or when it has stood."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey

from workers.adapters.clock import StoredClock
from workers.domain.records import Response, SurveyRequest, Ticket, Touchpoint
from workers.store import tables
from workers.store.controls import confirm_clock
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation.clock_guard import STANDS_AFTER_SECONDS, ClockGuard

MONTHS_13 = timedelta(days=395)


class Roles:
    """A sender's rounds over an installation whose clock and whose passing of time the test moves apart."""

    def __init__(self, boucle: Embedded) -> None:
        self.boucle = boucle
        self.seconds = 0.0
        self.start()

    def start(self) -> None:
        """Start again: what was in memory is gone."""
        self.guard = ClockGuard(self.boucle.store, lambda _: self.boucle.clock.at, lambda: self.seconds)

    def round(self, *, passed: float = 1.0, leap: timedelta = timedelta()) -> bool:
        """Let time pass, have the clock leap, and do a round as the sender does; say whether the clock is believed."""
        self.seconds += passed
        self.boucle.clock.at += timedelta(seconds=passed) + leap
        believed = self.guard.look()
        self.boucle.settle()
        return believed


@pytest.fixture
def roles(install: Callable[..., Embedded]) -> Roles:
    """Give a sender that has done a round, with a delivery that will be asked about."""
    boucle = install()
    boucle.take(journey("delivery", "1", reference="1001"))
    made = Roles(boucle)
    assert made.round()
    return made


def states(roles: Roles) -> dict[str, str]:
    """Return the states of touchpoints and of the question that was asked at once."""
    state_of = {touchpoint.step: str(touchpoint.state) for touchpoint in roles.boucle.rows(Touchpoint)}
    (request,) = roles.boucle.rows(SurveyRequest)
    return state_of | {"request": str(request.state)}


WAITING = {"delivery-now": "asked", "delivery-6w": "planned", "request": "open"}


@pytest.mark.parametrize("leap", [MONTHS_13, timedelta(days=2), -timedelta(hours=1), -MONTHS_13])
def test_a_leap_stops_asking_and_giving_up_and_going_back_undoes_nothing(roles: Roles, leap: timedelta) -> None:
    """Thirteen months forward for twelve seconds cost not one question."""
    assert not roles.round(leap=leap)
    assert states(roles) == WAITING
    with roles.boucle.store.reading() as connection:
        state = sending_now(connection, roles.boucle.parts.sending)
    assert (state.on, state.clock_leapt) == (False, True)
    assert "boucle clock confirm" in state.reason
    assert not roles.round(passed=12, leap=-leap)
    assert states(roles) == WAITING
    for _ in range(10):
        roles.round(passed=STANDS_AFTER_SECONDS / 10)
    assert roles.round()
    roles.boucle.clock.at += timedelta(days=30)
    roles.start()
    assert not roles.guard.look()
    roles.boucle.store.write(lambda connection: confirm_clock(connection, roles.boucle.clock.at, "lea"))
    assert roles.round()


def test_a_clock_that_stands_counts_again_by_itself(roles: Roles) -> None:
    """Ten minutes later, when it has not leapt again, it was right: what is due is done."""
    assert not roles.round(leap=timedelta(days=60))
    assert not roles.round(passed=STANDS_AFTER_SECONDS - 1)
    assert states(roles) == WAITING
    assert roles.round(passed=1)
    assert states(roles)["delivery-6w"] != "planned"
    assert states(roles)["request"] == "expired"


def test_a_person_may_confirm_it_at_once(roles: Roles) -> None:
    """Whoever knows why the clock leapt need not wait, and no role doubts it again."""
    assert not roles.round(leap=timedelta(days=2))
    assert roles.boucle.store.write(lambda connection: confirm_clock(connection, roles.boucle.clock.at, "lea"))
    assert roles.round()


def test_who_is_unhappy_has_a_ticket_all_the_same(roles: Roles) -> None:
    """Answers are routed by a doubted clock: only asking and giving up wait."""
    (request,) = roles.boucle.rows(SurveyRequest)
    assert roles.boucle.parts.customer_actions.answer(request.id, 2, "It came broken")
    assert not roles.round(passed=120, leap=MONTHS_13)
    assert [response.score for response in roles.boucle.rows(Response)] == [2]
    assert len(roles.boucle.rows(Ticket)) == 1
    (request,) = roles.boucle.rows(SurveyRequest)
    assert request.state == "answered"


@pytest.mark.parametrize(("away", "believed"), [(timedelta(hours=8), True), (timedelta(days=3), False)])
def test_a_start_after_days_looks_twice(roles: Roles, away: timedelta, believed: bool) -> None:
    """A role that was off for a night goes on; after more than a day it waits for a person, or ten minutes."""
    roles.boucle.clock.at += away
    roles.start()
    assert roles.round() is believed


def test_a_clock_that_slows_or_stands_still_is_no_leap(roles: Roles) -> None:
    """A stored clock that stands, and a machine's that is corrected by a minute, are believed."""
    assert roles.round(passed=7_200, leap=-timedelta(seconds=7_200))
    assert roles.round(leap=-timedelta(minutes=1))


def test_who_moves_a_stored_clock_means_it(install: Callable[..., Embedded]) -> None:
    """The verbs and the demo move it by years; a row that is changed by hand is a leap."""
    boucle = install()
    clock = StoredClock(boucle.store)
    clock.set(START)
    guard = ClockGuard(boucle.store, clock.now_in)
    assert guard.look()
    clock.set(START + MONTHS_13)
    assert guard.look()

    def by_hand(at: datetime) -> None:
        boucle.store.write(lambda connection: connection.execute(sa.update(tables.clock).values(at=at)))

    by_hand(START + 2 * MONTHS_13)
    assert not guard.look()


def test_a_clock_moved_while_it_is_looked_at_is_no_leap(install: Callable[..., Embedded]) -> None:
    """Clock and controls are of one snapshot: who moves both in one transaction is not taken for a leap."""
    boucle = install()
    mover, clock = StoredClock(boucle.store), StoredClock(boucle.store)
    clock.set(START)
    leaps = iter(START + number * MONTHS_13 for number in range(1, 4))

    def moved_meanwhile(connection: sa.Connection) -> datetime:
        mover.set(next(leaps))
        return clock.now_in(connection)

    guard = ClockGuard(boucle.store, moved_meanwhile)
    assert [guard.look() for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize(
    ("leap", "believed"),
    [
        (timedelta(hours=23, minutes=59), True),
        (timedelta(hours=24, minutes=1), False),
        (timedelta(days=36_500), False),
        (-timedelta(minutes=4), True),
        (-timedelta(minutes=6), False),
        (-timedelta(days=1), False),
        (-timedelta(days=400), False),
    ],
    ids=str,
)
def test_leaps_of_any_size(roles: Roles, leap: timedelta, believed: bool) -> None:
    """More than a day forward, or five minutes back, is doubted, and nothing is given up by it."""
    assert roles.round(passed=30, leap=leap) is believed
    if not believed:
        assert states(roles) == WAITING
