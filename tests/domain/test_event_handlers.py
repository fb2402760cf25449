"""What is known of a customer follows from the set of events told of them: not from order, batches or repetition."""

from eventhistories import histories, lives
from eventparts import Person
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.cloudevents import Event
from workers.domain.records import Decision, FormerAddress, Response
from workers.domain.types import DecisionState


def heard(events: list[Event]) -> dict[str, object]:
    """Return what is known of a customer of whom these events were told, in this order."""
    person = Person(email=None)
    person.hear(*events)
    return person.portrait()


@settings(max_examples=400, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_gives_the_same_customer(events: list[Event], chance: object) -> None:
    """Touchpoints with state, reason and due time, journeys, profile and stops, whatever came first."""
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, as hypothesis types it
    assert heard(shuffled) == heard(events)


def answered(events: list[Event]) -> dict[str, object]:
    """Return what became of the scores among these events: what each is about, and the row that answers."""
    person = Person()
    person.hear(*events)
    current = {row.response: row.rule for row in person.rows(Decision) if row.state == DecisionState.CURRENT}
    return {
        str(row.external_id): (
            *(row.score, row.trigger, row.reference, row.label, row.anchor_at, row.after_days, row.previous_band),
            current.get(row.id),
        )
        for row in person.rows(Response)
    }


@settings(max_examples=150, deadline=None)
@given(lives, st.randoms(use_true_random=False))
def test_any_order_of_scores_and_journeys_gives_the_same_decisions(events: list[Event], chance: object) -> None:
    """Scores and journeys come by topics of their own: whichever is read first, the same rows answer."""
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, as hypothesis types it
    assert answered(shuffled) == answered(events)


@settings(max_examples=150, deadline=None)
@given(histories)
def test_events_told_again_change_nothing(events: list[Event]) -> None:
    """With no memory of what was accepted, a replay of everything leaves the same customer, and adds no row."""
    person = Person(email=None)
    person.hear(*events)
    before = person.portrait()
    again = person.hear(*events)
    assert person.portrait() == before
    assert not [row for row in again.rows_added() if not isinstance(row, FormerAddress)]  # the store keeps one
