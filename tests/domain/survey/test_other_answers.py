"""Who has answered another way is not asked the same: a planned, held or asked question is satisfied by that answer."""

from datetime import timedelta

import pytest
from eventhistories import lives, orders, scores
from eventparts import DAY, NOW, Person, an_event, asked, say, score_told
from hypothesis import given, settings
from hypothesis import strategies as st
from mergedparts import Pair

from workers.cloudevents import Event
from workers.domain.records import Dispatch, Response, SurveyRequest, Touchpoint
from workers.domain.types import DispatchState

HOUR = timedelta(hours=1)
CARD = {"email": "42@example.org"}


def answered(at: timedelta = HOUR, **more: object) -> Event:
    """Return a score from elsewhere about the delivery of order A."""
    return score_told(9, NOW + at, **{"trigger": "delivery", "reference": "A", **more})


def heard(*events: Event, now: timedelta = HOUR, email: str | None = "42@example.org") -> Person:
    """Return a customer of whom these events were told, nothing asked yet."""
    person = Person(email=email)
    person.now = NOW + now
    person.hear(*events)
    return person


@pytest.mark.parametrize("score_first", [True, False])
@pytest.mark.parametrize("trigger", ["delivery", ""])
def test_a_question_about_the_same_is_not_asked(score_first: bool, trigger: str) -> None:
    """Whichever of the two is told first; a reference alone says what is meant."""
    events = [an_event("delivery", NOW, reference="A"), answered(trigger=trigger)]
    person = heard(*(reversed(events) if score_first else events))
    assert person.states()["delivery-now"] == ("cancelled", "answered")
    assert person.states()["delivery-6w"][0] == "planned"
    person.wake(NOW + 2 * HOUR)
    assert not person.rows(SurveyRequest)


def test_a_held_question_is_satisfied_as_well() -> None:
    """For want of an address, or by a complaint."""
    for more in ({"email": None}, {}):
        person = Person(**more)  # type: ignore[arg-type]  # an address or none
        person.hear(an_event("complaint_opened", NOW, reference="c"), an_event("delivery", NOW, reference="A"))
        assert person.states()["delivery-now"][0] == "held"
        person.now = NOW + HOUR
        person.hear(answered())
        assert person.states()["delivery-now"] == ("cancelled", "answered")


@pytest.mark.parametrize(
    "other",
    [
        {"reference": "B"},
        {"trigger": "interaction_ended"},
        {"trigger": "", "reference": ""},
        {"trigger": "purchase", "reference": ""},
    ],
)
def test_an_answer_about_something_else_satisfies_nothing(other: dict[str, object]) -> None:
    """Another purchase, another occasion, or nobody knows what about."""
    person = heard(an_event("delivery", NOW, reference="A"), answered(HOUR, **other))
    assert person.states()["delivery-now"][0] == "planned"


def test_six_weeks_later_the_same_purchase_may_be_asked_about() -> None:
    """An answer counts for a rest period; one of the fifth week counts for the question of the sixth."""
    person = heard(an_event("delivery", NOW, reference="A"), answered())
    person.wake(NOW + 42 * DAY)
    assert [row.step for row in person.rows(SurveyRequest)] == ["delivery-6w"]
    later = heard(an_event("delivery", NOW, reference="A"), answered(35 * DAY), now=35 * DAY)
    assert later.states()["delivery-6w"] == ("cancelled", "answered")


def test_a_question_about_the_customer_needs_its_own_trigger() -> None:
    """A milestone is satisfied by a score of the milestone, of any reference; the next milestone is not."""
    purchase = an_event("purchase", NOW - 89 * DAY, reference="A", delivery_expected=True)
    for trigger, reference, state in (("milestone", "", "cancelled"), ("milestone", "x", "cancelled")):
        person = heard(purchase, answered(trigger=trigger, reference=reference))
        assert person.states()["milestone-3m"][0] == state
        assert person.states()["milestone-6m"][0] == "planned"
    person = heard(purchase, answered(trigger="purchase"))
    assert person.states()["milestone-3m"][0] == "planned"


def test_a_question_that_has_left_sends_no_reminder_and_takes_an_answer() -> None:
    """The customer has the link: what they say by it counts, and nobody asks them again."""
    person, request = asked()
    person.now = NOW + HOUR
    changes = person.hear(answered(reference="1042"))
    (kept,) = person.rows(SurveyRequest)
    assert (str(kept.state), kept.reason) == ("open", "answered")
    assert [cancellation.value for cancellation in changes.cancelled] == [request.id]
    say(person, request, 3)
    (kept,) = person.rows(SurveyRequest)
    assert (str(kept.state), kept.reason) == ("answered", "")
    assert sorted(row.score for row in person.rows(Response)) == [3, 9]


def test_a_question_that_was_not_answered_by_its_link_says_why_when_it_closes() -> None:
    """Not "not answered in time": the answer came another way."""
    person, _ = asked()
    person.now = NOW + HOUR
    person.hear(answered(reference="1042"))
    person.wake(NOW + 15 * DAY)
    (kept,) = person.rows(SurveyRequest)
    assert (str(kept.state), kept.reason) == ("expired", "answered")


def test_a_question_that_has_not_left_is_called_back() -> None:
    """It counts neither as asked nor against the rest period."""
    person = heard(an_event("delivery", NOW, reference="A"))
    person.wake()
    person.hear(answered())
    (kept,) = person.rows(SurveyRequest)
    assert (str(kept.state), kept.reason) == ("withdrawn", "answered")


def test_a_stop_counts_before_an_answer() -> None:
    """Whichever comes first, the purchase that was taken back is what is told."""
    events = [an_event("delivery", NOW, reference="A"), answered(), an_event("refund", NOW, reference="A")]
    for order in ((0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)):
        assert heard(*(events[place] for place in order)).states()["delivery-now"] == ("cancelled", "stopped")


def test_an_answer_that_turns_out_to_be_about_another_purchase_frees_the_first() -> None:
    """A score without a reference is about the last delivery before it, also where that is told last."""
    score = answered(2 * HOUR, reference="", asked_at=NOW + 2 * HOUR)
    first, second = an_event("delivery", NOW, reference="A"), an_event("delivery", NOW + HOUR, reference="B")
    for events in ((first, second, score), (first, score, second), (score, second, first)):
        person = heard(*events, now=2 * HOUR)
        states = {row.reference: str(row.state) for row in person.rows(Touchpoint) if row.step == "delivery-now"}
        assert states == {"A": "planned", "B": "cancelled"}


@pytest.mark.parametrize("merge_at", [0, 1, 2])
def test_an_answer_under_one_id_satisfies_the_question_under_the_other(merge_at: int) -> None:
    """Two ids, one person, whenever the CRM finds out."""
    pair = Pair()
    for place, (event, second) in enumerate(
        [(an_event("delivery", NOW, reference="A", customer=CARD), False), (answered(), True)]
    ):
        if place == merge_at:
            pair.merge()
        pair.hear(event, second=second)
    if not pair.merged:
        pair.merge()
    pair.wake(2 * HOUR)
    (touchpoint,) = [row for row in pair.second.rows(Touchpoint) if row.step == "delivery-now"]
    assert (str(touchpoint.state), touchpoint.reason) == ("cancelled", "answered")
    assert not pair.second.rows(SurveyRequest)


def test_what_an_earlier_release_left_planned_is_not_asked() -> None:
    """It took the score without looking at the question; the look at asking finds it."""
    person = heard(an_event("delivery", NOW, reference="A"))
    score = heard(answered())
    (response,) = score.rows(Response)
    person.case.know(response)
    person.wake()
    assert person.states()["delivery-now"] == ("cancelled", "answered")
    assert not [row for row in person.rows(Dispatch) if row.state == DispatchState.READY and row.request]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(lives, st.lists(st.one_of(orders, scores), max_size=6, unique_by=lambda event: event.id)), st.randoms()
)
def test_any_order_of_scores_and_journeys_leaves_the_same_questions(events: list[Event], chance: object) -> None:
    """What is asked is a function of the set of events."""

    def questions(order: list[Event]) -> object:
        person = Person()
        person.hear(*order)
        return person.portrait()["touchpoints"]

    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, as hypothesis types it
    assert questions(shuffled) == questions(events)
