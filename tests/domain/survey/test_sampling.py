"""A row of the plan that asks a share: who is drawn stays drawn, whatever the order, and the share comes true."""

import pytest
from eventparts import DAY, NOW, Person, an_event
from hypothesis import given
from hypothesis import strategies as st
from ownrules import plan_with
from ticketparts import shipped

from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.policy import Policy
from workers.domain.survey.planning.sampling import is_drawn
from workers.domain.types import CustomerId
from workers.structs import replace

PEOPLE = 2_000


def sampling(**shares: str) -> Policy:
    """Return the shipped policy with a share for some rows of the plan, by their ids."""
    table = plan_with(["share: integer 0..100"], {rule: [share] for rule, share in shares.items()})
    return replace(shipped(), plan=JourneyPlan(table))


def drawn_of(policy: Policy, customer: str, year: int = 2026) -> bool:
    """Tell whether a customer's delivery is asked about."""
    person = Person(policy=policy)
    person.hear(an_event("delivery", NOW.replace(year=year), reference="a"))
    touchpoint = replace(person.touchpoint("delivery-now"), customer=CustomerId(customer))
    person.case.id = CustomerId(customer)
    return is_drawn(person.case, touchpoint)


@pytest.mark.parametrize(
    ("share", "state"), [("0", ("skipped", "not_sampled")), ("100", ("planned", "")), ("", ("planned", ""))]
)
def test_a_share_of_none_asks_nobody_and_one_of_all_everybody(share: str, state: tuple[str, str]) -> None:
    """An empty cell is everybody; the other rows are as they were."""
    person = Person(policy=sampling(J2=share))
    person.hear(an_event("delivery", reference="a"))
    assert person.states()["delivery-now"] == state
    assert person.states()["delivery-6w"] == ("planned", "")


def test_as_many_are_drawn_as_the_row_says() -> None:
    """Of two thousand customers a quarter, within four standard deviations."""
    policy = sampling(J2="25")
    person = Person(policy=policy)
    person.hear(an_event("delivery", reference="a"))
    touchpoint = person.touchpoint("delivery-now")
    drawn = 0
    for n in range(PEOPLE):
        person.case.id = CustomerId(f"customer {n}")
        drawn += is_drawn(person.case, touchpoint)
    assert abs(drawn - PEOPLE / 4) < 4 * (PEOPLE * 0.25 * 0.75) ** 0.5


@given(st.integers(0, 100), st.integers(0, 100), st.text(min_size=1, max_size=8))
def test_who_is_drawn_for_a_share_is_drawn_for_a_larger_one(less: int, more: int, customer: str) -> None:
    """A share that is raised adds people and leaves nobody out."""
    less, more = sorted((less, more))
    assert drawn_of(sampling(J2=str(less)), customer) <= drawn_of(sampling(J2=str(more)), customer)


def test_a_customer_is_in_or_out_all_year_and_drawn_anew_the_next() -> None:
    """Two deliveries of a year are one draw; over years nobody is left out for good."""
    policy = sampling(J2="50")
    person = Person(policy=policy)
    person.hear(*(an_event("delivery", NOW + n * DAY, reference=str(n)) for n in range(3)))
    assert len({row for step, row in person.states().items() if step == "delivery-now"}) == 1
    assert {drawn_of(policy, "42", year) for year in range(2000, 2020)} == {True, False}


def test_a_stop_comes_before_the_draw() -> None:
    """Who was not drawn and then opts out is told to have opted out, in either order."""
    for events in (
        (an_event("delivery", reference="a"), an_event("opted_out")),
        (an_event("opted_out"), an_event("delivery", reference="a")),
    ):
        person = Person(policy=sampling(J2="0"))
        person.hear(*events)
        assert person.states()["delivery-now"] == ("cancelled", "opted_out")
