"""The shipped journey plan: what each event plans, when it is due, what holds, cancels or gives it up."""

from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from eventparts import DAY, NOW, Person, an_event
from ticketparts import shipped

from workers.calendar import parse_window
from workers.cloudevents import Event
from workers.domain.policy import Policy
from workers.domain.records import History, Journey, Stop, SurveyRequest, Touchpoint
from workers.domain.survey.planning import JourneyEvent, plan, stop
from workers.domain.types import TouchpointState
from workers.structs import replace

HOUR = timedelta(hours=1)
Planned = tuple[str, int, int, str, str, str]
OFFICE = parse_window("mon-fri 09:00-18:00")


def purchase(at: datetime = NOW, reference: str = "1042", *, expected: bool = True, name: str = "purchase") -> Event:
    """Return a purchase, of which a delivery is expected or not."""
    return an_event(name, at, reference=reference, label="lamp", delivery_expected=expected)


def days(start: datetime, end: datetime) -> int:
    """Return the days between two instants on the calendar in the customer's zone."""
    zone = ZoneInfo("Europe/Paris")
    return (end.astimezone(zone).date() - start.astimezone(zone).date()).days


def rows_of(person: Person) -> dict[str, Planned]:
    """Return what was planned: rule, days until due, days until given up, when resting, reminder, template."""
    return {
        touchpoint.step: (
            touchpoint.rule,
            days(NOW, touchpoint.due_at),
            days(touchpoint.due_at, touchpoint.give_up_at),
            touchpoint.if_resting,
            touchpoint.reminder,
            touchpoint.template,
        )
        for touchpoint in person.rows(Touchpoint)
    }


MILESTONES: dict[str, Planned] = {
    "milestone-3m": ("J4", 92, 21, "defer", "P5D", "ask-relationship"),
    "milestone-6m": ("J5", 184, 30, "defer", "P5D", "ask-relationship"),
    "milestone-12m": ("J6", 365, 30, "defer", "P5D", "ask-relationship"),
    "loyal-2y": ("J7", 731, 30, "defer", "P5D", "ask-relationship"),
}
PURCHASE_NOW: dict[str, Planned] = {"purchase-now": ("J1", 0, 7, "drop", "P4D", "ask-purchase")}
SHIPPED: list[tuple[Event, dict[str, Planned]]] = [
    (purchase(expected=False), {**PURCHASE_NOW, **MILESTONES}),
    (purchase(expected=True), MILESTONES),
    (purchase(expected=False, name="deal_won"), {**PURCHASE_NOW, **MILESTONES}),
    (an_event("customer_started"), MILESTONES),
    (
        an_event("delivery", reference="1042"),
        {
            "delivery-now": ("J2", 0, 10, "defer", "P4D", "ask-delivery"),
            "delivery-6w": ("J3", 42, 18, "defer", "P5D", "ask-in-use"),
        },
    ),
    (an_event("milestone", months=3), {"milestone-3m": ("J8", 0, 21, "defer", "P5D", "ask-relationship")}),
    (an_event("milestone", months=6), {"milestone-6m": ("J9", 0, 30, "defer", "P5D", "ask-relationship")}),
    (an_event("milestone", months=12), {"milestone-12m": ("J10", 0, 30, "defer", "P5D", "ask-relationship")}),
    (an_event("milestone", months=9), {}),
    (an_event("interaction_ended", reference="c1"), {"interaction": ("J11", 0, 3, "drop", "", "ask-interaction")}),
    (an_event("onboarding_finished"), {"onboarding": ("J12", 0, 14, "defer", "P5D", "ask-onboarding")}),
    (an_event("feature_first_used", reference="dim"), {"feature": ("J13", 3, 14, "drop", "", "ask-feature")}),
    (an_event("wave", reference="spring"), {"wave": ("J14", 0, 14, "defer", "P5D", "ask-relationship")}),
    (an_event("support_solved", reference="r1"), {"support": ("J16", 0, 5, "drop", "", "ask-interaction")}),
    (an_event("meeting_held", reference="m1"), {"meeting": ("J17", 0, 3, "drop", "", "ask-interaction")}),
    (an_event("trial_started"), {"trial": ("J18", 14, 14, "defer", "P5D", "ask-relationship")}),
    (an_event("renewal_due", reference="k1"), {"renewal": ("J19", 0, 21, "defer", "P5D", "ask-relationship")}),
    (an_event("website_visited", reference="v1"), {}),
    (an_event("article_read", reference="a1"), {}),
]


@pytest.mark.parametrize(
    ("event", "expected"),
    SHIPPED,
    ids=[f"{event.name}-{event.months or event.delivery_expected or ''}" for event, _ in SHIPPED],
)
def test_each_event_plans_what_its_rows_say(event: Event, expected: dict[str, Planned]) -> None:
    """Rule, due, give up after, what happens when resting, reminder and template of every shipped row."""
    person = Person()
    person.hear(event)
    assert rows_of(person) == expected
    assert {touchpoint.state for touchpoint in person.rows(Touchpoint)} <= {TouchpointState.PLANNED}


def test_a_done_ticket_plans_its_recovery_survey() -> None:
    """J15: ten days later, about the ticket, exempt from the rest period."""
    person = Person()
    journey_event = JourneyEvent("ticket_done", NOW, "boucle/ticket_done/1", "ticket-key")
    person.do(lambda: plan(person.case, journey_event))
    assert rows_of(person) == {"recovery": ("J15", 10, 14, "exempt", "P4D", "ask-recovery")}
    (journey,) = [row for row in person.rows(Journey) if row.trigger == "recovery"]
    assert journey.reference == "ticket-key"


def test_an_event_without_a_row_plans_nothing_but_is_an_anchor() -> None:
    """A trigger that an operator adds, and a purchase that is delivered, can still be what a score is about."""
    person = Person()
    person.hear(an_event("meeting_booked", reference="m1"), purchase())
    assert {(journey.trigger, journey.reference) for journey in person.rows(Journey)} == {
        *(("meeting_booked", "m1"), ("purchase", "1042")),
        *(("milestone", ""), ("loyal_2y", "")),
    }


# Once per what


def test_each_order_is_asked_about_and_the_relationship_once() -> None:
    """Deliveries count by reference, milestones by customer: the first purchase is the start."""
    person = Person()
    person.hear(purchase(NOW - 40 * DAY, "1"), purchase(NOW, "2"), an_event("delivery", NOW, reference="2"))
    person.hear(an_event("delivery", NOW - 30 * DAY, reference="1"))
    assert sorted(touchpoint.step for touchpoint in person.rows(Touchpoint)) == sorted(
        ["delivery-now", "delivery-6w"] * 2 + list(MILESTONES)
    )
    assert person.touchpoint("milestone-3m").due_at.date().isoformat() == "2026-04-22"


def test_an_earlier_start_that_comes_later_moves_what_hangs_on_it() -> None:
    """The start of the relationship is the earliest event, not the first to arrive."""
    person = Person()
    person.hear(purchase(NOW, "2"))
    moved = person.hear(purchase(NOW - 40 * DAY, "1"))
    assert person.touchpoint("milestone-3m").anchor_at == NOW - 40 * DAY
    assert {touchpoint.anchor_at for touchpoint in person.rows(Touchpoint)} == {NOW - 40 * DAY}
    assert not [row for row in moved.rows_added() if isinstance(row, Touchpoint)]


@pytest.mark.parametrize("first", ["computed", "arriving"])
@pytest.mark.parametrize("days", [-3, 0, 3])
def test_a_milestone_that_arrives_and_is_computed_is_asked_once(first: str, days: int) -> None:
    """Whoever comes first, and whichever was told first: one question, at the earlier moment."""
    start = datetime(2025, 12, 3, 9, 12, tzinfo=UTC)
    arriving = an_event("milestone", NOW + days * DAY, months=3)
    computed = purchase(start)
    person = Person(now=NOW - 20 * DAY)
    if first == "computed":
        person.hear(computed)
    for day in range(-20, 25):
        person.now = NOW + day * DAY
        if day == days:
            person.hear(arriving)
            if first == "arriving":
                person.hear(computed)
        person.wake()
    asked = [request for request in person.rows(SurveyRequest) if request.step == "milestone-3m"]
    expected = min(days, 0) if first == "computed" else days
    assert [request.asked_at for request in asked] == [NOW + expected * DAY]


def test_a_milestone_told_by_the_crm_counts_though_the_computed_one_was_too_late() -> None:
    """A late import gives the computed one up; the CRM's own milestone is asked."""
    person = Person()
    person.hear(purchase(NOW - 300 * DAY))
    assert person.states()["milestone-6m"] == ("skipped", "too_late")
    person.hear(an_event("milestone", NOW - DAY, months=6))
    assert person.states()["milestone-6m"] == ("planned", "")
    assert person.touchpoint("milestone-6m").rule == "J9"


# When


@pytest.mark.parametrize(
    ("start", "three", "six"),
    [
        ("2026-01-31", "2026-04-30", "2026-07-31"),
        ("2025-11-30", "2026-02-28", "2026-05-30"),
        ("2023-11-30", "2024-02-29", "2024-05-30"),
        ("2025-08-31", "2025-11-30", "2026-02-28"),
    ],
)
def test_months_are_calendar_months_from_the_start(start: str, three: str, six: str) -> None:
    """The last day of a month stays the last day; nothing is chained."""
    at = datetime.fromisoformat(f"{start}T12:00:00+00:00")
    person = Person(now=at)
    person.hear(purchase(at))
    due = {touchpoint.step: touchpoint.due_at.date().isoformat() for touchpoint in person.rows(Touchpoint)}
    assert (due["milestone-3m"], due["milestone-6m"]) == (three, six)


def test_due_times_are_wall_times_in_the_customers_zone() -> None:
    """Six weeks after a quarter past ten is a quarter past ten, though the clocks went forward in between."""
    dues = {}
    for zone in ("Europe/Paris", "America/New_York", "Asia/Kolkata"):
        person = Person()
        person.hear(an_event("delivery", reference="1", customer={"time_zone": zone}))
        dues[zone] = person.touchpoint("delivery-6w").due_at
    assert dues == {
        "Europe/Paris": datetime(2026, 4, 14, 8, 12, tzinfo=UTC),
        "America/New_York": datetime(2026, 4, 14, 8, 12, tzinfo=UTC),
        "Asia/Kolkata": datetime(2026, 4, 14, 9, 12, tzinfo=UTC),
    }


def test_a_changed_zone_moves_what_is_planned() -> None:
    """Due and give up are those of the new zone, also when the zone is told by an older event."""
    person = Person()
    person.hear(an_event("delivery", reference="1"))
    person.hear(an_event("changed", NOW - DAY, customer={"time_zone": "Asia/Kolkata"}))
    later = person.touchpoint("delivery-6w")
    assert (later.due_at, later.wake_at) == (datetime(2026, 4, 14, 9, 12, tzinfo=UTC),) * 2
    assert later.give_up_at == datetime(2026, 5, 2, 9, 12, tzinfo=UTC)


def office() -> Policy:
    """Return the shipped policy with a send window."""
    return replace(shipped(), window=OFFICE)


def test_the_send_window_moves_a_touchpoint_in_the_customers_zone() -> None:
    """Delivered on Friday evening, asked on Monday at nine, where the customer lives."""
    friday = datetime(2026, 3, 6, 19, 0, tzinfo=UTC)
    wakes = {}
    for zone in ("Europe/Paris", "America/New_York"):
        person = Person(now=friday, policy=office())
        person.hear(an_event("delivery", friday, reference="1", customer={"time_zone": zone}))
        wakes[zone] = person.touchpoint("delivery-now").wake_at
    assert wakes == {"Europe/Paris": datetime(2026, 3, 9, 8, 0, tzinfo=UTC), "America/New_York": friday}


def test_what_was_due_in_the_window_and_is_woken_outside_goes_back() -> None:
    """Held back on Friday and let go on Saturday: asked on Monday, with the reason."""
    friday = datetime(2026, 3, 6, 10, 0, tzinfo=UTC)
    person = Person(now=friday, policy=office())
    person.hear(an_event("delivery", friday, reference="1"))
    person.wake(friday + DAY)
    touchpoint = person.touchpoint("delivery-now")
    assert (str(touchpoint.state), touchpoint.reason) == ("planned", "send_window")
    assert touchpoint.wake_at == datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    person.wake(touchpoint.wake_at)
    assert person.states()["delivery-now"] == ("asked", "")


def test_a_holiday_is_no_day_to_ask() -> None:
    """The team's holidays close the send window."""
    holiday = datetime(2026, 4, 6, 10, 0, tzinfo=UTC)
    person = Person(now=holiday, policy=office())
    person.hear(an_event("delivery", holiday, reference="1"))
    assert person.touchpoint("delivery-now").wake_at == datetime(2026, 4, 7, 7, 0, tzinfo=UTC)


# Too late


def test_an_import_of_old_events_never_asks_about_the_past() -> None:
    """Past `give up after` at planning: skipped, with the reason, and never woken."""
    person = Person()
    person.hear(
        purchase(NOW - 800 * DAY, expected=False),
        an_event("delivery", NOW - 790 * DAY, reference="1042"),
        an_event("interaction_ended", NOW - 4 * DAY, reference="c1"),
        an_event("onboarding_finished", NOW - 15 * DAY),
        an_event("wave", NOW - 15 * DAY, reference="autumn"),
    )
    assert set(person.states().values()) == {("skipped", "too_late")}
    for days in range(0, 60, 5):
        person.wake(NOW + days * DAY)
    assert person.rows(SurveyRequest) == []


def test_the_last_moment_is_not_too_late_and_the_next_is() -> None:
    """At `give up after` a touchpoint may still be asked."""
    person = Person()
    person.hear(an_event("delivery", NOW - 10 * DAY, reference="1"))
    person.hear(an_event("delivery", NOW - 10 * DAY - timedelta(microseconds=1), reference="2"))
    states = {
        touchpoint.reference: str(touchpoint.state)
        for touchpoint in person.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert states == {"1": "planned", "2": "skipped"}


def test_a_touchpoint_that_was_woken_too_late_is_given_up() -> None:
    """A sender that stood still for weeks asks nobody about what is long over."""
    person = Person()
    person.hear(an_event("interaction_ended", reference="c1"))
    person.wake(NOW + 3 * DAY + HOUR)
    assert person.states() == {"interaction": ("skipped", "too_late")}
    assert [line.reason for line in person.rows(History)] == ["too_late"]


# Who has no address


def test_a_customer_without_an_address_waits_for_it() -> None:
    """The journey event came first; the address comes by a customer event."""
    person = Person(email=None)
    person.hear(an_event("delivery", reference="1"))
    assert person.states() == {"delivery-now": ("held", "no_address"), "delivery-6w": ("held", "no_address")}
    person.wake(NOW + DAY)
    assert person.rows(SurveyRequest) == []
    person.hear(an_event("changed", NOW + DAY, customer={"email": "42@example.org"}))
    assert person.states() == {"delivery-now": ("planned", ""), "delivery-6w": ("planned", "")}
    person.wake()
    assert person.states()["delivery-now"] == ("asked", "")


def test_an_address_that_never_comes_is_waited_for_until_give_up() -> None:
    """Then it is skipped, and the row says what was missing."""
    person = Person(email=None)
    person.hear(an_event("delivery", reference="1"))
    person.wake(NOW + 10 * DAY)
    assert person.states()["delivery-now"] == ("held", "no_address")
    person.wake(NOW + 10 * DAY + HOUR)
    assert person.states()["delivery-now"] == ("skipped", "too_late")
    assert person.touchpoint("delivery-now").detail == "no_address"


def test_an_address_that_is_taken_away_holds_again() -> None:
    """The CRM cleared it: nothing can be asked."""
    person = Person()
    person.hear(an_event("delivery", reference="1"), an_event("changed", NOW, customer={"email": None}))
    assert person.states()["delivery-now"] == ("held", "no_address")


# Contrary events


@pytest.mark.parametrize("refund", ["refund", "order_cancelled"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_refund_cancels_its_reference_and_what_hangs_on_it(refund: str, order: str) -> None:
    """Before or after its purchase; another order goes on, and begins the relationship once it is a purchase."""
    person = Person()
    about = [purchase(NOW - 2 * DAY, "1", expected=False), an_event("delivery", NOW - DAY, reference="1")]
    against = an_event(refund, NOW, reference="1")
    person.hear(*([against, *about] if order == "before" else [*about, against]))
    person.hear(an_event("delivery", NOW, reference="2"))
    states = {
        (touchpoint.step, touchpoint.reference): (str(touchpoint.state), touchpoint.reason)
        for touchpoint in person.rows(Touchpoint)
    }
    assert {state for key, state in states.items() if key[1] != "2"} == {("cancelled", "stopped")}
    assert {state for key, state in states.items() if key[1] == "2"} == {("planned", "")}
    assert person.touchpoint("purchase-now").detail == refund


def test_a_refund_without_a_reference_stops_nothing() -> None:
    """It says what it is about, or it is about nothing that is planned."""
    person = Person()
    person.hear(an_event("delivery", reference=""), an_event("refund", reference=""))
    assert set(person.states().values()) == {("planned", "")}


@pytest.mark.parametrize("name", ["churned", "deceased", "opted_out"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_who_has_left_is_asked_nothing_any_more(name: str, order: str) -> None:
    """Everything of the customer is cancelled, whichever came first, and what comes later too."""
    person = Person()
    happened = [purchase(), an_event("delivery", reference="1")]
    left = an_event(name, NOW)
    person.hear(*([left, *happened] if order == "before" else [*happened, left]))
    person.hear(an_event("delivery", NOW, reference="later"))
    reason = "opted_out" if name == "opted_out" else "stopped"
    assert set(person.states().values()) == {("cancelled", reason)}
    person.wake(NOW + 100 * DAY)
    assert person.rows(SurveyRequest) == []


def test_who_is_erased_is_asked_nothing_any_more() -> None:
    """What is planned is cancelled; what comes later is not even planned."""
    person = Person()
    person.hear(purchase(), an_event("erased"), an_event("delivery", reference="1"))
    assert set(person.states().values()) == {("cancelled", "erased")}
    assert "delivery-now" not in person.states()


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_open_complaint_holds_until_a_week_after_it_is_closed(order: str) -> None:
    """Held while it is open, planned for seven days after its end."""
    person = Person()
    delivery, complaint = an_event("delivery", NOW - DAY, reference="1"), an_event("complaint_opened", NOW)
    person.hear(*([complaint, delivery] if order == "before" else [delivery, complaint]))
    assert set(person.states().values()) == {("held", "hold")}
    person.hear(an_event("complaint_closed", NOW + 2 * HOUR))
    assert person.touchpoint("delivery-now").wake_at == NOW + 2 * HOUR + 7 * DAY
    person.wake(NOW + 7 * DAY + HOUR)
    assert person.states()["delivery-now"] == ("held", "hold")
    person.wake(NOW + 7 * DAY + 2 * HOUR)
    assert person.states()["delivery-now"] == ("asked", "")


def test_a_complaint_that_stays_open_keeps_a_question_until_it_is_too_late() -> None:
    """It is given up then, and says what held it."""
    person = Person()
    person.hear(an_event("delivery", reference="1"), an_event("complaint_opened"))
    person.wake(NOW + 11 * DAY)
    assert person.states()["delivery-now"] == ("skipped", "too_late")
    assert person.touchpoint("delivery-now").detail == "hold"


def test_a_second_complaint_holds_though_the_first_is_closed() -> None:
    """Each hold ends with the first end after it."""
    person = Person()
    person.hear(an_event("delivery", reference="1"), an_event("complaint_opened", NOW - 4 * DAY))
    person.hear(an_event("complaint_closed", NOW - 3 * DAY), an_event("complaint_opened", NOW - 2 * DAY))
    assert person.touchpoint("delivery-now").wake_at > NOW + 10 * DAY, "nobody knows when the second one ends"
    person.hear(an_event("complaint_closed", NOW - DAY))
    assert person.touchpoint("delivery-now").wake_at == NOW + 6 * DAY


def test_a_ticket_holds_like_a_complaint() -> None:
    """Nobody is asked how it was while somebody is still at it."""
    person = Person()
    person.hear(an_event("delivery", reference="1"))
    for name, at in (("ticket_opened", NOW), ("ticket_done", NOW + DAY)):
        person.now = at
        person.now = at
        person.do(partial(stop, person.case, JourneyEvent(name, at, name, "t1")))
    held = person.touchpoint("delivery-now")
    assert (str(held.state), held.reason, held.detail, held.wake_at) == ("held", "hold", "ticket_opened", NOW + 8 * DAY)


def test_a_contrary_event_told_twice_is_one_fact() -> None:
    """Twice the same stop is one row, and cancels nothing a second time."""
    person = Person()
    person.hear(purchase(expected=False), an_event("refund", reference="1042"))
    again = person.hear(an_event("refund", reference="1042", id="again"))
    assert not again
    assert len(person.rows(Stop)) == 1


def test_what_was_asked_stays_asked_when_its_order_is_refunded() -> None:
    """The question has left; only its reminder is called back."""
    person = Person()
    person.hear(purchase(expected=False))
    person.wake()
    (request,) = person.rows(SurveyRequest)
    person.case.know(replace(request, sent_at=NOW))
    changes = person.hear(an_event("refund", NOW, reference="1042"))
    assert person.states()["purchase-now"] == ("asked", "")
    assert [
        (cancellation.column, cancellation.value, cancellation.mail_class) for cancellation in changes.cancelled
    ] == [("request", request.id, "survey")]
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["open"]


def test_a_refund_leaves_the_questions_about_other_orders_alone() -> None:
    """Neither their mails nor their requests are called back."""
    person = Person()
    person.hear(purchase(expected=False, reference="1"))
    person.wake()
    changes = person.hear(an_event("refund", reference="2"))
    assert changes.cancelled == []
    assert [str(request.state) for request in person.rows(SurveyRequest)] == ["open"]


def test_why_something_is_not_asked_stands_in_the_history() -> None:
    """Held, cancelled, skipped: one line each, told once."""
    person = Person(email=None)
    person.hear(an_event("delivery", reference="1"), an_event("refund", NOW, reference="1"))
    kept = sorted((line.subject, line.state, line.reason) for line in person.rows(History))
    assert kept == [("touchpoint", "cancelled", "stopped")] * 2 + [("touchpoint", "held", "no_address")] * 2


# What ends a hold


def held_by(*events: Event) -> str:
    """Return the cause that holds a planned question, or empty, ten days after the last of these events."""
    person = Person()
    person.hear(an_event("delivery", NOW - 30 * DAY, reference="o1"), *events)
    return next((str(row.detail) for row in person.rows(Touchpoint) if row.state == "held"), "")


def test_of_two_complaints_the_one_that_is_not_closed_holds() -> None:
    """An end that names a complaint ends that one and no other."""
    two = [
        an_event("complaint_opened", NOW - 20 * DAY, reference="c1"),
        an_event("complaint_opened", NOW - 19 * DAY, reference="c2"),
    ]
    assert held_by(*two, an_event("complaint_closed", NOW - 15 * DAY, reference="c1")) == "complaint_opened"
    both = [an_event("complaint_closed", NOW - 15 * DAY, reference=name) for name in ("c1", "c2")]
    assert held_by(*two, *both) == ""


def test_an_end_without_a_reference_ends_the_last_of_its_kind() -> None:
    """Two complaints and one end that names neither: the first goes on."""
    two = [
        an_event("complaint_opened", NOW - 20 * DAY, reference="c1"),
        an_event("complaint_opened", NOW - 19 * DAY, reference="c2"),
    ]
    assert held_by(*two, an_event("complaint_closed", NOW - 15 * DAY)) == "complaint_opened"
    again = [an_event("complaint_closed", NOW - days * DAY) for days in (15, 14)]
    assert held_by(*two, *again) == ""
    assert (
        held_by(
            an_event("complaint_opened", NOW - 20 * DAY),
            an_event("complaint_closed", NOW - 15 * DAY, reference="c9"),
        )
        == ""
    )


def test_a_ticket_that_is_done_closes_no_complaint() -> None:
    """The end of a ticket ends the hold of that ticket."""
    complaint, done = (
        an_event("complaint_opened", NOW - 20 * DAY),
        an_event("ticket_done", NOW - 15 * DAY, reference="t1"),
    )
    assert held_by(complaint, an_event("ticket_opened", NOW - 18 * DAY, reference="t1"), done) == "complaint_opened"
    assert held_by(complaint, done) == "complaint_opened"
