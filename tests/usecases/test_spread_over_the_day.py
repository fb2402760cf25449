"""Questions that many wait for: with `spread` they leave evenly over the send window, each at its own moment."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from embedded import START, Embedded, journey
from houses import install

from workers.calendar import next_in_window, parse_send_window, parse_window
from workers.domain.records import SurveyRequest, Touchpoint
from workers.errors import BadInput

__all__ = ["install"]
PEOPLE = [str(number) for number in range(60)]
NIGHT = START.replace(hour=1, minute=0)
HOURS = "mon-sun 09:00-19:00"


def planned(boucle: Embedded) -> dict[str, datetime]:
    """Return when each customer is asked after the delivery."""
    return {row.customer: row.wake_at for row in boucle.rows(Touchpoint) if row.rule == "J2"}


def test_what_waits_for_the_opening_is_spread_and_stays_where_it_is(install: Callable[..., Embedded]) -> None:
    """Sixty deliveries at night: each hour of the day has some, told again and looked at again nothing moves."""
    boucle = install(send_window=f"{HOURS} spread")
    boucle.clock.at = NIGHT
    events = [journey("delivery", who, NIGHT, reference=f"order-{who}") for who in PEOPLE]
    boucle.take(*events)
    moments = planned(boucle)
    opens = next_in_window(NIGHT, parse_window(HOURS), boucle.parts.policies.current().zone)
    hours = [int((moment - opens).total_seconds() // 3600) for moment in moments.values()]
    assert set(hours) == set(range(10))
    assert max(hours.count(hour) for hour in range(10)) < 20
    boucle.take(*reversed(events))
    boucle.clock.at = opens
    boucle.parts.scheduler.wake_all()
    assert {customer: moment for customer, moment in planned(boucle).items() if moment > opens} == {
        customer: moment for customer, moment in moments.items() if moment > opens
    }
    half = opens + timedelta(hours=5)
    boucle.clock.at = half
    boucle.parts.scheduler.wake_all()
    due = {customer for customer, moment in moments.items() if moment <= half}
    assert {request.customer for request in boucle.rows(SurveyRequest)} == due
    boucle.clock.at = opens + timedelta(hours=9, minutes=45)
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == len(PEOPLE)


def test_without_spread_and_within_the_window_nothing_waits(install: Callable[..., Embedded]) -> None:
    """At night all wait for the same opening, as before; what comes due in the open window is asked at once."""
    plain = install(send_window=HOURS)
    plain.clock.at = NIGHT
    plain.take(*(journey("delivery", who, NIGHT, reference=f"order-{who}") for who in PEOPLE[:5]))
    assert len(set(planned(plain).values())) == 1
    spread = install(send_window=f"{HOURS} spread")
    spread.clock.at = noon = START.replace(hour=12)
    spread.take(*(journey("delivery", who, noon, reference=f"order-{who}") for who in PEOPLE[:5]))
    assert set(planned(spread).values()) == {noon}


@pytest.mark.parametrize("text", ["mon-fri 09:00-18:00 spread", "sat,sun 10:00-24:00 spread", "mon-fri 09:00-18:00"])
def test_a_window_that_spreads_reads_back(text: str) -> None:
    """What is written is read as it was."""
    window = parse_send_window(text)
    assert parse_send_window(window.text()) == window
    assert window.spread == text.endswith("spread")


def test_a_window_that_cannot_be_spread_is_told() -> None:
    """`always` never opens, and the hours of the team spread nothing."""
    with pytest.raises(BadInput, match="no opening to spread"):
        parse_send_window("always spread")
    with pytest.raises(BadInput, match="cannot be read"):
        parse_window("mon-fri 09:00-18:00 spread")
