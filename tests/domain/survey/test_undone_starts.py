"""What hangs on a purchase that was undone hangs on the first one that stands, in any order."""

from datetime import timedelta
from itertools import permutations

import pytest
from eventparts import DAY, NOW, Person, an_event

from workers.cloudevents import Event
from workers.domain.records import Touchpoint

FIRST, SECOND = NOW - 3 * DAY, NOW - 1 * DAY
MILESTONES = ("milestone-3m", "milestone-6m", "milestone-12m", "loyal-2y")


def bought(reference: str, at: object = FIRST) -> Event:
    """Return a purchase with a delivery to come."""
    return an_event("purchase", at, reference=reference, delivery_expected=True)  # type: ignore[arg-type]  # an instant


def anchors(person: Person) -> dict[str, tuple[str, object]]:
    """Return the state and the anchor of the relationship's touchpoints."""
    return {
        touchpoint.step: (str(touchpoint.state), touchpoint.anchor_at)
        for touchpoint in person.rows(Touchpoint)
        if touchpoint.step in MILESTONES
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("undone", ["refund", "order_cancelled"])
def test_the_relationship_begins_with_the_first_purchase_that_stands(order: tuple[int, ...], undone: str) -> None:
    """Refunded, the first is not where it began; whatever is told first."""
    events = [bought("1"), bought("2", SECOND), an_event(undone, NOW, reference="1")]
    person = Person()
    person.hear(*(events[at] for at in order))
    assert anchors(person) == dict.fromkeys(MILESTONES, ("planned", SECOND))


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_without_a_purchase_that_stands_nobody_is_asked(order: tuple[int, ...]) -> None:
    """Everything that was planned because of it is cancelled, and says so."""
    events = [bought("1"), an_event("refund", NOW, reference="1")]
    person = Person()
    person.hear(*(events[at] for at in order))
    assert {state for state, _ in anchors(person).values()} <= {"cancelled"}
    person.hear(bought("3", NOW))
    assert anchors(person) == dict.fromkeys(MILESTONES, ("planned", NOW))


def test_a_later_refund_leaves_the_start_alone() -> None:
    """Only what is undone is."""
    person = Person()
    person.hear(bought("1"), bought("2", SECOND), an_event("refund", NOW, reference="2"))
    assert anchors(person) == dict.fromkeys(MILESTONES, ("planned", FIRST))


def test_what_was_asked_stays_asked() -> None:
    """A refund after a question does not ask it again because of another purchase."""
    person = Person()
    person.hear(bought("1", NOW - 100 * DAY), bought("2", NOW - 90 * DAY))
    person.now = NOW - timedelta(days=8)
    person.wake()
    asked = {touchpoint.step for touchpoint in person.rows(Touchpoint) if str(touchpoint.state) == "asked"}
    assert asked == {"milestone-3m"}
    person.hear(an_event("refund", NOW - 7 * DAY, reference="1"))
    assert anchors(person)["milestone-3m"] == ("asked", NOW - 100 * DAY)
    assert anchors(person)["milestone-6m"] == ("planned", NOW - 90 * DAY)


def test_a_partial_refund_cancels_nothing() -> None:
    """What stays bought is asked about."""
    person = Person()
    person.hear(an_event("delivery", NOW, reference="1"), bought("1"))
    before = person.portrait()
    person.hear(an_event("refund", NOW, reference="1", partial=True))
    assert person.portrait() == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_refund_that_names_nothing_is_about_all_before_it(order: tuple[int, ...]) -> None:
    """Better one question too few: what began before it is cancelled, what begins later is not."""
    events = [
        an_event("delivery", NOW - DAY, reference="1"),
        an_event("refund", NOW),
        an_event("delivery", NOW + timedelta(hours=1), reference="2"),
    ]
    person = Person()
    person.hear(*(events[at] for at in order))
    states = {
        touchpoint.reference: str(touchpoint.state)
        for touchpoint in person.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert states == {"1": "cancelled", "2": "planned"}
