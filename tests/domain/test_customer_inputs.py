"""What a table may ask about a customer: profile, attributes and what is computed, as of one moment."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from eventparts import DAY, NOW, Person, an_event, asked, say, settle

from workers.domain.customer_inputs import COMPUTED, customer_inputs
from workers.domain.records import Response

HOUR = timedelta(hours=1)


def computed(person: Person, at_day: int = 0) -> Mapping[str, object]:
    """Return what is computed of a customer so many days from now."""
    return customer_inputs(person.case, NOW + at_day * DAY, COMPUTED)


def test_nothing_is_computed_of_nobody() -> None:
    """Who is only known by name has no tenure and no phase, no orders, and has not answered."""
    assert computed(Person()) == {
        "tenure": None,
        "orders": 0,
        "last_band": "none",
        "since_answer": None,
        "phase": None,
    }


def test_tenure_and_orders_count_from_what_happened_until_the_moment() -> None:
    """The first purchase begins; each reference counts once, in any order; what comes later counts for nothing."""
    person = Person()
    person.hear(
        an_event("purchase", NOW - DAY, reference="o-2"),
        an_event("purchase", NOW - 40 * DAY, reference="o-1"),
        an_event("purchase", NOW - 39 * DAY, reference="o-1", id="again"),
        an_event("purchase", NOW + 5 * DAY, reference="o-3"),
    )
    assert (computed(person)["tenure"], computed(person)["orders"]) == (40, 2)
    assert (computed(person, 6)["tenure"], computed(person, 6)["orders"]) == (46, 3)
    person.hear(an_event("refund", NOW, reference="o-2"))
    assert computed(person)["orders"] == 1


@pytest.mark.parametrize(
    ("events", "at_day", "phase"),
    [
        ((("customer_started", -10),), 0, "onboarding"),
        ((("customer_started", -89),), 0, "onboarding"),
        ((("customer_started", -90),), 0, "established"),
        ((("customer_started", -10), ("onboarding_finished", -1)), 0, "established"),
        ((("customer_started", -10), ("onboarding_finished", 1)), 0, "onboarding"),
        ((("customer_started", -10), ("onboarding_finished", -1), ("feature_first_used", -1)), 0, "new_feature"),
        ((("purchase", -5),), 0, "established"),
        ((("purchase", -800),), 0, "loyal"),
        ((("purchase", -729),), 0, "established"),
        ((("purchase", -729),), 1, "loyal"),
        ((("purchase", -800), ("feature_first_used", -29)), 0, "new_feature"),
        ((("purchase", -800), ("feature_first_used", -30)), 0, "loyal"),
    ],
)
def test_the_phase_is_the_first_that_holds(events: tuple[tuple[str, int], ...], at_day: int, phase: str) -> None:
    """Onboarding, then a new feature, then two years, else established; in any order of events."""
    for ordered in (events, events[::-1]):
        person = Person()
        person.hear(*(an_event(name, NOW + day * DAY, reference=name) for name, day in ordered))
        assert computed(person, at_day)["phase"] == phase


def test_the_last_band_is_that_of_the_answer_before() -> None:
    """An answer is not its own last one."""
    person, request = asked()
    say(person, request, 3)
    settle(person)
    (answered_at,) = [response.answered_at for response in person.rows(Response)]
    assert customer_inputs(person.case, answered_at, COMPUTED)["last_band"] == "none"
    assert customer_inputs(person.case, answered_at + HOUR, COMPUTED)["last_band"] == "detractor"
    days = [customer_inputs(person.case, answered_at + n * DAY, COMPUTED)["since_answer"] for n in (0, 0.5, 1, 90)]
    assert days == [None, 0, 1, 90]


def test_the_language_is_the_tag_without_its_country_and_unknown_names_are_left_out() -> None:
    """`fr-CA` is French for a table; nothing is computed for a name that nobody asks."""
    person = Person()
    person.hear(an_event("changed", NOW - DAY, customer={"language": "fr-CA", "segment": "gold"}))
    assert customer_inputs(person.case, NOW, ("language", "segment", "weather")) == {
        "segment": "gold",
        "language": "fr",
    }
    assert customer_inputs(person.case, NOW, ()) == {}
