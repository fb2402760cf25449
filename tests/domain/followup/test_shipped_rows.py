"""The tables as shipped: what every row of the follow-up table leads to, and what the plan loses to its rest period."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import product

import pytest
from eventparts import DAY, NOW, Person, an_event
from ticketparts import answer

from workers.cloudevents import Event
from workers.domain.followup.decision import route
from workers.domain.records import Action, Decision, Dispatch, Ticket, Touchpoint
from workers.domain.types import ActionState, ResponseState, TicketState
from workers.structs import replace

TRIGGERS = (
    *("purchase", "deal_won", "customer_started", "delivery", "milestone", "loyal_2y", "wave", "interaction_ended"),
    *("onboarding_finished", "feature_first_used", "recovery", "other", "an_invented_one"),
    *("website_visited", "article_read", "meeting_held", "trial_started", "renewal_due", "support_solved"),
)
AGES = (0.0, 27.999, 28.0, 60.0)
"""Days from the event to the question; the table cuts at 28."""


@dataclass(frozen=True, slots=True)
class Leads:
    """What a row leads to at once and later: mails to the customer, what waits with its days, ticket hours and play."""

    mails: tuple[str, ...] = ()
    waits: tuple[tuple[str, int], ...] = ()
    ticket_hours: int = 0
    play: str = ""


ROWS = {
    "P1": Leads(("thanks",), (("testimonial_request", 10),)),
    "P2": Leads(("thanks-testimonial",)),
    "P3": Leads(("thanks-testimonial",)),
    "P4": Leads(("thanks",)),
    "N1": Leads((), (("improvement_question", 1),)),
    "N2": Leads((), (("improvement_question", 1),)),
    "N3": Leads((), (("improvement_question", 1),)),
    "N4": Leads(("thanks-heard",)),
    "C1": Leads(("thanks-call",), (), 8, "ask"),
    "D1": Leads(("ack",), (), 4, "solve"),
    "D2": Leads(("ack",), (), 4, "clear-up-and-help"),
    "D3": Leads(("ack",), (), 4, "ask-why"),
    "R1": Leads(("recovered",)),
    "R2": Leads(("thanks-call",), (), 8, "ask"),
    "R3": Leads(("ack-again",), (), 4, "lead-calls"),
}
Case = tuple[str, float, int, bool, bool]


def expected_row(trigger: str, age: float, score: int, comment: bool, wants_contact: bool) -> str:
    """Return the row that shipped-tables names for an answer, in words of its own."""
    early = age < 28
    if trigger == "recovery":
        return "R3" if score <= 6 else "R2" if wants_contact else "R1"
    ordered = trigger in ("purchase", "delivery")
    if score <= 6:
        return ("D1" if early else "D2") if ordered else "D3"
    if wants_contact:
        return "C1"
    if score <= 8:
        return "N4" if comment else ("N1" if early else "N2") if ordered else "N3"
    if ordered:
        return "P1" if early else "P2"
    return "P3" if trigger in ("milestone", "wave", "loyal_2y") else "P4"


def cases() -> Iterator[Case]:
    """Give every combination."""
    yield from product(TRIGGERS, AGES, range(11), (False, True), (False, True))


def routed(trigger: str, age: float, score: int, comment: bool, wants_contact: bool) -> Person:
    """Return a customer whose answer has just been routed."""
    person = Person()
    response = answer(
        score,
        NOW,
        trigger=trigger,
        after_days=age,
        comment="words" if comment else "",
        wants_contact=wants_contact,
        state=ResponseState.SETTLING,
        customer=person.case.customer.id,
    )
    person.case.know(response)
    person.do(lambda: route(person.case, response))
    return person


def led_to(person: Person) -> Leads:
    """Return what an answer led to, read from the rows."""
    due = {
        timedelta(hours=4): 4,
        timedelta(hours=8): 8,
        timedelta(hours=23): 8,  # eight working hours after 10:12 end on the next day at 09:12
    }
    tickets = person.rows(Ticket)
    planned = [action for action in person.rows(Action) if action.state == ActionState.PLANNED]
    return Leads(
        tuple(dispatch.template for dispatch in person.rows(Dispatch) if dispatch.template != "ticket"),
        tuple((action.name, (action.due_at - NOW).days) for action in planned),
        due[tickets[0].due_at - NOW] if tickets else 0,
        tickets[0].play if tickets else "",
    )


def test_each_of_3344_answers_fires_exactly_one_row_and_leads_to_what_the_row_says() -> None:
    """One matched decision, the row that the document names, its mails, waits, ticket and play."""
    fired: Counter[str] = Counter()
    for case in cases():
        person = routed(*case)
        (decision,) = person.rows(Decision)
        assert (str(decision.outcome), decision.rule) == ("matched", expected_row(*case)), case
        assert led_to(person) == ROWS[decision.rule], case
        assert len(person.rows(Ticket)) <= 1
        fired[decision.rule] += 1
    assert sum(fired.values()) == 3_344
    assert set(fired) == set(ROWS)


@pytest.mark.parametrize("score", range(11))
def test_every_answer_is_answered(score: int) -> None:
    """Whatever was said: one mail to the customer in the end, and a person calls whoever is unhappy or asks for it."""
    for trigger, age, comment, wants_contact in product(TRIGGERS, AGES[:1], (False, True), (False, True)):
        person = routed(trigger, age, score, comment, wants_contact)
        person.wake(NOW + DAY)
        mails = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template != "ticket"]
        assert len(mails) == 1, (trigger, score, comment, wants_contact)
        assert bool(person.rows(Ticket)) == (score <= 6 or wants_contact)


def test_a_recovery_answer_brings_its_own_ticket_back() -> None:
    """R2 and R3 reopen the ticket that the survey was about, and open no second one."""
    for score, wants_contact, play in ((5, False, "lead-calls"), (8, True, "ask")):
        person = routed("delivery", 0.0, 2, False, False)
        (ticket,) = person.rows(Ticket)
        person.case.know(replace(ticket, state=TicketState.DONE, done_at=NOW, outcome="solved"))
        recovery = answer(
            score,
            NOW + 10 * DAY,
            name="recovery",
            trigger="recovery",
            reference=ticket.id,
            wants_contact=wants_contact,
            state=ResponseState.SETTLING,
            customer=person.case.customer.id,
        )
        person.case.know(recovery)
        person.now = NOW + 10 * DAY
        person.do(partial(route, person.case, recovery))
        (again,) = person.rows(Ticket)
        assert (again.id, str(again.state), again.reopened, again.play) == (ticket.id, "open", 1, play)


# What the plan loses to its own rest period


def order(number: int, at: datetime, lag: int) -> list[Event]:
    """Return a purchase and its delivery some days later."""
    reference = f"order-{number}"
    return [
        an_event("purchase", at, reference=reference, delivery_expected=True),
        an_event("delivery", at + lag * DAY, reference=reference),
    ]


def live(events: list[Event], days: int = 400) -> Counter[tuple[str, str]]:
    """Let events happen and time pass, and count touchpoints that were due, by name and what became of them."""
    person = Person(now=NOW)
    waiting = sorted(events, key=lambda event: event.occurred_at)
    end = NOW + days * DAY
    while True:
        moments = [touchpoint.wake_at for touchpoint in person.case.pending()] + [
            event.occurred_at for event in waiting[:1]
        ]
        if not moments or min(moments) > end:
            break
        person.now = max(person.now, min(moments))
        while waiting and waiting[0].occurred_at <= person.now:
            person.hear(waiting.pop(0))
        person.wake()
    return Counter(
        (touchpoint.step, str(touchpoint.reason or touchpoint.state))
        for touchpoint in person.rows(Touchpoint)
        if touchpoint.due_at <= end
    )


def lost(outcomes: Counter[tuple[str, str]]) -> list[str]:
    """Return the touchpoints that were not asked because of the rest period."""
    return sorted(step for step, became in outcomes.elements() if became in ("resting", "yearly_maximum"))


def test_a_customer_with_one_order_is_asked_everything_unless_the_delivery_takes_six_weeks() -> None:
    """Delivered within 40 days, five questions and none lost.

    Between day 41 and 61 six weeks after the delivery and three months after the purchase fall together: of the two,
    the later one is lost. No other delay up to 82 days loses any.
    """
    lost_by_days = {days: tuple(lost(live(order(1, NOW, days)))) for days in range(83)}
    whole, without_milestone, without_six_weeks = (), ("milestone-3m",), ("delivery-6w",)
    assert lost_by_days == {
        **dict.fromkeys(range(41), whole),
        **dict.fromkeys(range(41, 50), without_milestone),
        **dict.fromkeys(range(50, 62), without_six_weeks),
        **dict.fromkeys(range(62, 83), whole),
    }
    asked = live(order(1, NOW, 5))
    assert asked == Counter(
        {
            (step, "asked"): 1
            for step in ("delivery-now", "delivery-6w", "milestone-3m", "milestone-6m", "milestone-12m")
        }
    )


@pytest.mark.parametrize(
    ("every", "asked", "lost_to_rest", "lost_to_the_year"),
    [(180, 7, 0, 1), (90, 7, 1, 4), (45, 7, 5, 8), (30, 7, 9, 13)],
)
def test_a_repeat_buyer_is_asked_at_most_seven_times_in_thirteen_months(
    every: int, asked: int, lost_to_rest: int, lost_to_the_year: int
) -> None:
    """However often somebody buys: the more orders, the more of their questions fall away, never the maximum."""
    events = [event for n, day in enumerate(range(0, 400, every)) for event in order(n, NOW + day * DAY, 3)]
    outcomes = live(events)
    became = Counter(state for _, state in outcomes.elements())
    assert (became["asked"], became["resting"], became["yearly_maximum"]) == (asked, lost_to_rest, lost_to_the_year)


def test_asking_at_purchase_as_well_would_cost_the_deliveries() -> None:
    """Why the plan asks at purchase only where no delivery is expected: with both, the delivery's question is lost."""
    both = [
        an_event("purchase", NOW, reference="o", delivery_expected=False),
        an_event("delivery", NOW + 5 * DAY, reference="o"),
    ]
    assert lost(live(both)) == ["delivery-now"]
