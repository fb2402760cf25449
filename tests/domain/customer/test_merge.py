"""Two customers are one person: from the merge on, and for what was done before, there is one case."""

from datetime import timedelta

import pytest
from eventhistories import histories
from eventparts import DAY, NOW, Person, an_event, asked, say, score_told, settle
from hypothesis import given, settings
from hypothesis import strategies as st
from mergedparts import OTHER, Pair

from workers.cloudevents import Event
from workers.domain.customer.merge import join, merge_customers
from workers.domain.customer.profile import new_customer
from workers.domain.customer_case import CustomerCase
from workers.domain.records import (
    Action,
    Journey,
    Response,
    Stop,
    SurveyRequest,
    Testimonial,
    Ticket,
    TicketEntry,
    Touchpoint,
)
from workers.domain.types import TicketState
from workers.structs import replace


def merged(first: Person, second: Person) -> Person:
    """Merge one person into another and return the one that goes on."""
    pair = Pair()
    pair.first, pair.second = first, second
    pair.second.now = max(first.now, second.now)
    pair.merge()
    return pair.second


def somebody(now: object = NOW, **card: object) -> Person:
    """Return a person of the second id with some fields of the profile."""
    person = Person(email=None)
    person.case = CustomerCase(replace(new_customer(OTHER, person.policy.ids, NOW), **card), person.case.work)  # type: ignore[arg-type]  # fields by name
    return person


def outcome(case: CustomerCase) -> dict[str, object]:
    """Return what became of everything that was planned, asked, answered and done, without ids and keys."""
    names = {row.id: (row.trigger, row.reference) for row in case.all(Journey)}
    return {
        "touchpoints": sorted(
            (*names[row.journey], row.step, row.state, row.reason, row.due_at, row.give_up_at)
            for row in case.all(Touchpoint)
        ),
        "requests": sorted((row.step, row.reference, row.asked_at, row.state) for row in case.all(SurveyRequest)),
        "responses": sorted((row.reference, row.score, row.answered_at, row.state) for row in case.all(Response)),
        "actions": sorted((row.name, row.template, row.state, row.reason, row.due_at) for row in case.all(Action)),
        "tickets": sorted((row.score, row.state, row.opened_at, row.due_at) for row in case.all(Ticket)),
        "testimonials": sorted((row.state, row.asked_at) for row in case.all(Testimonial)),
        "stops": sorted((row.cause, row.effect, row.reference, row.from_at) for row in case.all(Stop)),
    }


# Against the twin who never had two ids

hours = st.sampled_from((0, 1, 20, 30, 24 * 6, 24 * 15, 24 * 40, 24 * 95, 24 * 200))
happenings = st.one_of(
    st.tuples(st.sampled_from(("purchase", "delivery", "interaction_ended")), st.sampled_from(("A", "B"))),
    st.tuples(
        st.sampled_from(("refund", "complaint_opened", "complaint_closed", "churned")), st.sampled_from(("A", ""))
    ),
    st.tuples(st.just("score"), st.sampled_from((0, 5, 7, 8, 9, 10))),
)
stories = st.lists(st.tuples(hours, happenings), min_size=2, max_size=7)


def event_of(what: tuple[str, object], at: timedelta) -> Event:
    """Return an event at some time of the story."""
    name, detail = what
    card: dict[str, object] = {"email": "n@example.org", "language": "en", "may_promote": True}
    if name == "score":
        return score_told(int(str(detail)), NOW + at, id=str(at), trigger="delivery", reference="A", customer=card)
    more = {"delivery_expected": False} if name == "purchase" else {}
    return an_event(name, NOW + at, reference=str(detail), customer=card, id=str(at), **more)


@settings(max_examples=100, deadline=None)
@given(stories, st.integers(0, 7), st.integers(0, 2**7))
def test_a_merge_at_any_place_of_a_story_changes_nothing(
    story: list[tuple[int, tuple[str, object]]], place: int, ids: int
) -> None:
    """Touchpoints, questions, answers, actions and tickets are those of the twin who always had one id."""
    pair, twin, at = Pair(), Person(email=None), timedelta()
    for number, (wait, what) in enumerate(story):
        if number == place:
            pair.merge()
        at += timedelta(hours=wait, minutes=1)
        event = event_of(what, at)
        for person in (pair.first, pair.second, twin):
            person.now = NOW + at
        pair.hear(event)
        twin.hear(event)
        pair.wake(at)
        twin.wake(NOW + at)
    if not pair.merged:
        pair.merge()
    assert outcome(pair.second.case) == outcome(twin.case)


@settings(max_examples=100, deadline=None)
@given(histories, st.integers(0, 2**9))
def test_what_is_planned_under_two_ids_is_planned_once(events: list[Event], ids: int) -> None:
    """Whichever id an event was told under before the merge, the plan is the one of the twin."""
    pair, twin = Pair(), Person(email=None)
    twin.hear(*events)
    for number, event in enumerate(events):
        pair.hear(event, second=bool(ids >> number & 1))
    pair.merge()
    wanted, merged_portrait = twin.portrait(), pair.second.portrait()
    assert merged_portrait["touchpoints"] == wanted["touchpoints"]
    assert merged_portrait["journeys"] == wanted["journeys"]
    assert merged_portrait["stamps"] == wanted["stamps"]
    assert merged_portrait["stops"] == wanted["stops"]


# What a merge must not undo


def test_no_testimonial_is_asked_for_while_a_ticket_is_open() -> None:
    """The ticket came under the first id, the 10 under the second."""
    first, second = Person(), somebody(email="42@example.org", may_promote=True)
    first.hear(score_told(1, NOW, trigger="purchase", reference="o1"))
    person = merged(first, second)
    person.now = NOW + 3 * DAY
    person.hear(an_event("milestone", person.now, months=3), score_told(10, person.now, trigger="milestone"))
    person.wake(person.now + 30 * DAY)
    asked_for = [row for row in person.rows(Action) if row.name == "testimonial_request"]
    assert [(str(row.reason), row.detail[:11]) for row in asked_for] == [("fell_back", "open_ticket")]
    assert not person.rows(Testimonial)


def test_a_planned_testimonial_gives_way_to_a_later_low_score() -> None:
    """The promoter's request waits under the first id, the 0 comes under the second."""
    first, second = Person(), somebody(email="42@example.org", may_promote=True)
    first.hear(an_event("delivery", NOW, reference="o1"), score_told(10, NOW, trigger="delivery", reference="o1"))
    assert any(row.state == "planned" for row in first.rows(Action))
    person = merged(first, second)
    person.now = NOW + DAY
    person.hear(score_told(0, person.now, trigger="purchase"))
    person.wake(person.now + 40 * DAY)
    assert not person.rows(Testimonial)


def test_the_rest_period_of_one_id_holds_for_the_other() -> None:
    """Asked yesterday under the first id: today's question under the second is not sent."""
    first, _ = asked("interaction_ended", person=Person())
    person = merged(first, somebody(email="42@example.org"))
    person.now = NOW + DAY
    person.hear(an_event("interaction_ended", person.now, reference="other"))
    person.wake(person.now)
    assert len(person.rows(SurveyRequest)) == 1


def test_two_open_tickets_become_one() -> None:
    """The other one ends as a duplicate; what it said stands in the history of the one that goes on."""
    first, second = Person(), somebody(email="42@example.org")
    first.hear(score_told(1, NOW, trigger="purchase", comment="late"))
    second.now = NOW + timedelta(hours=1)
    second.hear(score_told(2, NOW + timedelta(hours=1), trigger="purchase", comment="broken"))
    person = merged(first, second)
    still_open = [row for row in person.rows(Ticket) if row.state != TicketState.DONE]
    ended = [row for row in person.rows(Ticket) if row.state == TicketState.DONE]
    assert [row.score for row in still_open] == [1]
    assert [(row.score, row.outcome) for row in ended] == [(2, "duplicate")]
    joined = [row.text for row in person.rows(TicketEntry) if row.kind == "joined"]
    assert any("broken" in text for text in joined)
    person.hear(an_event("delivery", person.now, reference="o2"))
    person.wake(person.now)
    assert person.touchpoint("delivery-now").state == "held"


def test_the_ticket_that_somebody_works_on_stays() -> None:
    """An agent has claimed the later one: it goes on, and is due no later than the other was."""
    first, second = Person(), somebody(email="42@example.org")
    first.hear(score_told(1, NOW, trigger="purchase"))
    second.now = NOW + timedelta(hours=1)
    second.hear(score_told(2, NOW + timedelta(hours=1), trigger="purchase"))
    (idle,), (busy,) = first.rows(Ticket), second.rows(Ticket)
    second.case.know(replace(busy, owner="Nadia", state=TicketState.CLAIMED))
    first.case.know(replace(idle, owner=""))
    person = merged(first, second)
    (going_on,) = [row for row in person.rows(Ticket) if row.state != TicketState.DONE]
    assert (going_on.id, going_on.owner, going_on.due_at) == (busy.id, "Nadia", min(idle.due_at, busy.due_at))


def test_a_question_asked_under_one_id_is_not_asked_under_the_other() -> None:
    """The same delivery is known under both ids; it was asked about under the first."""
    first, request = asked("delivery", person=Person())
    second = somebody(email="42@example.org")
    second.hear(an_event("delivery", NOW + timedelta(minutes=5), reference="1042"))
    person = merged(first, second)
    person.wake(NOW + 400 * DAY)
    assert [row.id for row in person.rows(SurveyRequest) if row.step == "delivery-now"] == [request.id]
    assert person.touchpoint("delivery-now").reason == "already_done"


def test_an_answer_to_the_first_id_opens_a_ticket_of_the_person() -> None:
    """The link of the mail that left before the merge still counts."""
    first, request = asked("delivery", person=Person())
    person = merged(first, somebody(email="42@example.org"))
    say(person, request, 2, "late")
    settle(person)
    (ticket,) = person.rows(Ticket)
    assert (ticket.customer, ticket.score) == (person.case.customer.id, 2)


# What is known of them


def test_every_row_goes_to_the_other_customer() -> None:
    """Nothing is planned twice; a second merge changes nothing."""
    first, second = Person(), somebody(email="43@example.org")
    first.hear(an_event("delivery", NOW, reference="1"))
    person = merged(first, second)
    assert {(row.step, str(row.state)) for row in person.rows(Touchpoint)} == {
        ("delivery-now", "planned"),
        ("delivery-6w", "planned"),
    }
    assert {row.customer for row in person.rows(Journey)} == {person.case.customer.id}
    assert not person.do(lambda: merge_customers(first.case, person.case))


def test_joining_again_changes_nothing_but_the_move() -> None:
    """What a release before left behind is joined later, by the same step."""
    first, second = Person(), somebody(email="43@example.org")
    first.hear(an_event("delivery", NOW, reference="1"))
    person = merged(first, second)
    alone = CustomerCase(first.case.customer, person.case.work)
    again = person.do(lambda: join(alone, person.case))
    assert not list(again.rows_added())
    assert set(again.changed) <= {type(person.case.customer)}


def test_the_profile_has_the_last_word_on_each_field() -> None:
    """By the event's own time, of either id; fields that one of them alone has stay."""
    first, second = Person(), somebody()
    first.hear(
        an_event(
            "purchase", NOW - 9 * DAY, reference="1", delivery_expected=True, customer={"name": "Old", "phone": "1"}
        ),
        an_event("changed", NOW - DAY, customer={"language": "fr"}),
    )
    second.hear(an_event("changed", NOW - 2 * DAY, customer={"name": "New", "language": "en"}))
    who = merged(first, second).case.customer
    assert (who.name, who.email, who.phone, who.language) == ("New", "42@example.org", "1", "fr")
    assert who.firsts == first.case.customer.firsts


@pytest.mark.parametrize("name", ["churned", "opted_out", "complaint_opened"])
def test_what_speaks_against_asking_goes_along(name: str) -> None:
    """What stopped the first stops what was planned for the second."""
    first, second = Person(), somebody(email="43@example.org")
    second.hear(an_event("delivery", NOW, reference="1"))
    first.hear(an_event(name, NOW))
    expected = {"churned": "stopped", "opted_out": "opted_out", "complaint_opened": "hold"}[name]
    assert {reason for _, reason in merged(first, second).states().values()} == {expected}


def test_nobody_is_merged_into_themselves() -> None:
    """It would plan nothing any more."""
    person = Person()
    assert not person.do(lambda: merge_customers(person.case, person.case))
