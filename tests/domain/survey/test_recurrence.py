"""A row of the plan with `every`: each customer is asked again a period after the last time, and nobody twice."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from eventhistories import histories, scores
from eventparts import DAY, NOW, Person, an_event, say
from hypothesis import given, settings
from hypothesis import strategies as st
from ownrules import plan_with
from ticketparts import shipped

from workers.calendar import Wait, add_wait
from workers.cloudevents import Event
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.customer.merge import merge_customers
from workers.domain.customer.profile import new_customer
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.followup.table_contract import fit_plan
from workers.domain.policy import Policy
from workers.domain.records import Journey, SurveyRequest, Touchpoint
from workers.domain.survey.planning import number_of_occurrence
from workers.domain.survey.planning.occurrences import first_due
from workers.domain.types import CustomerId
from workers.errors import Misconfigured

STEP = "relationship"
HALF_YEAR = Wait(months=6)


@cache
def coming_round(every: str = "P6M", *, anchor: str = "start", share: str = "", start: str = "P30D") -> Policy:
    """Return the shipped policy with one more row, that asks every customer again and again; no milestones by time."""
    row = f"J90;purchase,deal_won,customer_started;yes;-;-;{STEP};milestone;{anchor};{start};P30D;defer;customer;P5D"
    table = plan_with(
        [f"every: {'text' if ' ' in every else 'wait'}", "share: integer 0..100"],
        {},
        f"{row};ask-relationship;P60D;{every};{share}",
        without=("J4", "J5", "J6", "J7"),
    )
    return replace(shipped(), plan=JourneyPlan(table))


def occurrences(person: Person) -> list[Touchpoint]:
    """Return what the row planned, the first time first."""
    number = {journey.id: number_of_occurrence(journey) for journey in person.rows(Journey)}
    return sorted((row for row in person.rows(Touchpoint) if row.step == STEP), key=lambda row: number[row.journey])


def waiting(person: Person) -> list[datetime]:
    """Return when the occurrences that wait are due."""
    return [row.due_at for row in occurrences(person) if row.state in PENDING]


def asked_days(person: Person) -> list[datetime]:
    """Return when the row's question was asked."""
    return sorted(row.asked_at for row in person.rows(SurveyRequest) if row.step == STEP)


def live(person: Person, days: int, step: int = 7) -> None:
    """Let days go by, and what is due be taken up each week."""
    end = person.now + days * DAY
    while person.now < end:
        person.wake(min(person.now + step * DAY, end))


def test_a_customer_is_asked_again_a_period_after_the_last_asking() -> None:
    """One waits at a time; the next one is due six months after the day on which the one before was asked."""
    person = Person(policy=coming_round())
    person.hear(an_event("customer_started"))
    for number in range(1, 5):
        (due,) = waiting(person)
        person.wake(due + DAY)
        assert len(asked_days(person)) == number
        assert waiting(person) == [add_wait(asked_days(person)[-1], HALF_YEAR, person.case.zone)]
    assert [str(row.state) for row in occurrences(person)] == ["asked"] * 4 + ["planned"]
    assert {(row.reference, row.trigger, row.anchor_at) for row in person.rows(SurveyRequest)} == {
        ("", "milestone", NOW)
    }


@pytest.mark.parametrize(("every", "days"), [("P6M after answered", 9), ("P6M after asked", 0), ("P6M", 0)])
def test_the_period_runs_from_the_answer_where_the_row_says_so(every: str, days: int) -> None:
    """The turn that waits moves with the answer, and with a later word; without one it counts from the asking."""
    person = Person(policy=coming_round(every))
    person.hear(an_event("customer_started"))
    (due,) = waiting(person)
    person.wake(due + DAY)
    silent = waiting(person)
    asked = asked_days(person)[-1]
    assert silent == [add_wait(asked, HALF_YEAR, person.case.zone)]
    (request,) = [row for row in person.rows(SurveyRequest) if row.step == STEP]
    for after in (4, 9):
        person.now = asked + after * DAY
        say(person, request, after)
    assert waiting(person) == [add_wait(asked + days * DAY, HALF_YEAR, person.case.zone)]
    say(person, request, 9)
    person.wake(waiting(person)[0] + DAY)
    assert len(asked_days(person)) == 2


@pytest.mark.parametrize("cell", ["P6M after Christmas", "after answered", "six months", "P6M answered", "P1Y after"])
def test_another_cell_is_refused_with_what_to_write(cell: str) -> None:
    """By the check, with its row."""
    plan = plan_with(["every: text"], {"J4": [cell], "J8": [""]})
    with pytest.raises(Misconfigured, match=r"row 5 \(J4\): every"):
        fit_plan(plan)


def test_two_rows_of_one_question_count_from_the_same() -> None:
    """One from the asking and one from the answer would move the turn to and fro."""
    with pytest.raises(Misconfigured, match="again after different times"):
        fit_plan(plan_with(["every: text"], {"J4": ["P6M"], "J8": ["P6M after answered"]}))
    fit_plan(plan_with(["every: text"], {"J4": ["P6M after asked"], "J8": ["P6M"]}))


def test_the_first_time_is_spread_over_the_period() -> None:
    """Of a base that begins on one day, no day of the half-year gets more than a few, and none is left out for long."""
    policy = coming_round()
    due = Counter[int]()
    person = Person(policy=policy)
    person.hear(an_event("customer_started"))
    step = policy.plan.recurring["milestone", STEP]
    for n in range(2_000):
        person.case.id = CustomerId(f"customer {n}")
        due[(first_due(person.case, step, NOW) - NOW).days] += 1
    assert 29 <= min(due) <= 35
    assert 205 <= max(due) <= 30 + 184
    assert max(due.values()) < 30
    assert len(due) > 170


@pytest.mark.parametrize("ends", ["churned", "deceased", "opted_out", "erased"])
def test_who_leaves_is_not_asked_again(ends: str) -> None:
    """What waits is cancelled, nothing comes after it, and the same told again plans nothing."""
    person = Person(policy=coming_round())
    events = [an_event("customer_started"), an_event(ends, NOW + 300 * DAY)]
    person.hear(events[0])
    live(person, 300)
    asked = asked_days(person)
    assert asked
    person.hear(events[1])
    person.hear(*events)
    live(person, 800)
    assert waiting(person) == []
    assert asked_days(person) == asked


def test_what_was_not_asked_comes_round_a_period_later() -> None:
    """Held without an address until it is given up; the next turn counts from when it was due."""
    person = Person(policy=coming_round(), email=None)
    person.hear(an_event("customer_started"))
    (first,) = waiting(person)
    live(person, (first - NOW).days + 40)
    assert next((str(row.state), row.reason) for row in occurrences(person)) == ("skipped", "too_late")
    assert waiting(person) == [add_wait(first, HALF_YEAR, person.case.zone)]


def test_a_base_that_began_years_ago_comes_in_on_its_own_turns() -> None:
    """The first turn is long over; the next one that is not is planned, at once and only once."""
    person = Person(policy=coming_round())
    started = an_event("customer_started", NOW - 2_000 * DAY)
    person.hear(started, started)
    (due,) = waiting(person)
    assert NOW - 30 * DAY <= due <= NOW + 184 * DAY
    assert [str(row.state) for row in occurrences(person)] == ["skipped", "planned"]


def test_the_rest_period_puts_it_off_and_the_next_counts_from_then() -> None:
    """A delivery was asked about three days before: the question waits until the month is over."""
    person = Person(policy=coming_round())
    person.hear(an_event("customer_started"))
    (due,) = waiting(person)
    person.now = due - 3 * DAY
    person.hear(an_event("delivery", person.now, reference="o"))
    live(person, 60, 1)
    (asked,) = asked_days(person)
    assert timedelta(days=27) <= asked - due <= timedelta(days=29)
    assert waiting(person) == [add_wait(asked, HALF_YEAR, person.case.zone)]


@pytest.mark.parametrize(("share", "asks"), [("0", False), ("100", True)])
def test_a_share_of_none_is_never_asked(share: str, asks: bool) -> None:
    """It plans no turn that would be skipped, and comes to an end."""
    person = Person(policy=coming_round(share=share))
    person.hear(an_event("customer_started"))
    live(person, 400)
    assert bool(asked_days(person)) is asks
    assert len(waiting(person)) == asks


def test_a_small_share_asks_in_the_years_in_which_it_draws() -> None:
    """Of many customers some are asked in each year, and no turn of another year is planned."""
    policy = coming_round(share="30")
    years = Counter[int]()
    for n in range(40):
        person = Person(policy=policy)
        person.case.id = CustomerId(f"customer {n}")
        person.case = CustomerCase(new_customer(f"c{n}", policy.ids, NOW), person.case.work)
        person.hear(an_event("changed", NOW, customer={"email": "a@example.org"}), an_event("customer_started"))
        live(person, 1_000, 30)
        years.update({asked.year for asked in asked_days(person)})
    assert all(2 <= years[year] <= 28 for year in (2027, 2028)), years


def test_a_refund_of_what_began_it_ends_it_and_a_new_purchase_begins_it_again() -> None:
    """The relationship stands on a purchase that was undone: nothing comes round until there is another."""
    person = Person(policy=coming_round())
    person.hear(an_event("purchase", reference="A", delivery_expected=False))
    live(person, 260)
    asked = asked_days(person)
    assert asked
    assert len(waiting(person)) == 1
    person.hear(an_event("refund", person.now, reference="A"))
    assert waiting(person) == []
    person.hear(an_event("purchase", person.now + DAY, reference="B", delivery_expected=False))
    assert waiting(person) == [add_wait(asked[-1], HALF_YEAR, person.case.zone)]


def test_a_turn_of_an_undone_start_stays_cancelled_when_the_first_waits_again() -> None:
    """A refund told first, the purchase after it, then another start: one turn waits, and it is the first."""
    person = Person(policy=coming_round())
    person.hear(
        an_event("refund", reference="B"),
        an_event("purchase", NOW - 400 * DAY, reference="B", delivery_expected=False),
        an_event("customer_started"),
    )
    first, second = occurrences(person)
    assert (str(first.state), first.anchor_at) == ("planned", NOW)
    assert (str(second.state), second.reason) == ("cancelled", "stopped")


def test_without_the_column_a_plan_asks_once() -> None:
    """An empty cell means what a plan without the column means."""
    person = Person(policy=coming_round(""))
    person.hear(an_event("customer_started"))
    live(person, 900)
    assert len(asked_days(person)) == 1
    assert len(occurrences(person)) == 1


def test_a_row_that_no_longer_asks_again_lets_what_waits_stand_and_plans_no_more() -> None:
    """What is planned stays as it was planned."""
    person = Person(policy=coming_round())
    person.hear(an_event("customer_started"))
    live(person, 260)
    before = len(asked_days(person))
    person.policy = coming_round("")
    live(person, 900)
    assert len(asked_days(person)) == before + 1
    assert waiting(person) == []


def heard(events: list[Event], until: int = 0) -> tuple[dict[str, object], Person]:
    """Return what is known of a customer of whom these events were told in this order, and the customer."""
    person = Person(email=None, policy=coming_round())
    person.hear(*events)
    portrait = person.portrait()
    live(person, until, 25)
    return portrait, person


stories = st.lists(st.one_of(histories, st.lists(scores, max_size=2)), min_size=1, max_size=2).map(
    lambda parts: list({event.id: event for part in parts for event in part}.values())
)


def turns(person: Person) -> list[tuple[object, ...]]:
    """Return every occurrence with its state, reason and times."""
    return [
        (str(row.state), row.reason, row.rule, row.anchor_at, row.due_at, row.give_up_at) for row in occurrences(person)
    ]


def undoes(event: Event) -> bool:
    """Tell whether an event undoes what another one began."""
    return event.name in ("refund", "order_cancelled")


@settings(max_examples=120, deadline=None)
@given(stories, st.randoms(use_true_random=False))
def test_any_order_of_events_gives_the_same_turns(events: list[Event], chance: object) -> None:
    """What waits, and when, is a function of the facts; so is every row where nothing was undone."""
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, as hypothesis types it
    _, person = heard(events)
    _, twin = heard(shuffled)
    if not any(undoes(event) for event in events):
        assert turns(person) == turns(twin)
    assert waiting(person) == waiting(twin)
    assert len(waiting(person)) <= 1


@settings(max_examples=60, deadline=None)
@given(stories)
def test_events_told_again_change_nothing(events: list[Event]) -> None:
    """At once and years later, a replay adds no turn, and no row."""
    _, person = heard(events, 500)
    before = person.portrait()
    again = person.hear(*events)
    assert person.portrait() == before
    assert [row for row in again.rows_added() if isinstance(row, Journey | Touchpoint | SurveyRequest)] == []
    for earlier, later in zip(asked_days(person), asked_days(person)[1:], strict=False):
        assert later >= add_wait(earlier, HALF_YEAR, person.case.zone)


@settings(max_examples=60, deadline=None)
@given(stories, st.integers(0, 2**9), st.sampled_from((0, 250, 500)))
def test_two_customers_who_are_one_have_one_turn(events: list[Event], ids: int, days: int) -> None:
    """Whichever was asked how often: one waits after the merge, a period after the last time that either was asked."""
    first, second = pair()
    for number, event in enumerate(events):
        (second if ids >> number & 1 else first).hear(event)
    for person in (first, second):
        live(person, days, 25)
    merge(first, second)
    assert len(waiting(second)) <= 1
    before = second.portrait()
    merge(first, second)
    assert second.portrait() == before
    if days and waiting(second) and asked_days(second):
        assert waiting(second)[0] >= add_wait(asked_days(second)[-1], HALF_YEAR, second.case.zone)


def pair() -> tuple[Person, Person]:
    """Return two customers of one unit of work."""
    first, second = Person(email=None, policy=coming_round()), Person(email=None, policy=coming_round())
    for person, name in ((first, "42"), (second, "43")):
        person.case = CustomerCase(new_customer(name, person.policy.ids, NOW), first.case.work)
        person.hear(an_event("changed", NOW - 900 * DAY, customer={"email": f"{name}@example.org"}))
    return first, second


def merge(first: Person, second: Person) -> None:
    """Merge the first customer into the second."""
    merge_customers(first.case, second.case)
    first.case.work.hand_over()
