"""Explain never tells an untrue reason: what it says of whole stories, against what the rows say when nobody decides.

The oracle knows the words and the rows, and none of the code that planned, asked or acted: for each reason there is a
question to the facts as they were when the row came into its state.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from eventparts import NOW, Person, an_event, say, score_told
from hypothesis import given, settings
from hypothesis import strategies as st
from mergedparts import OTHER, Pair
from ticketparts import copy_of

from workers.cloudevents import Event
from workers.domain import records
from workers.domain.customer_case import CustomerCase
from workers.domain.explain import Story, View, explain_customer
from workers.domain.records import (
    Action,
    Decision,
    Dispatch,
    Journey,
    Response,
    Stop,
    SurveyRequest,
    Testimonial,
    Ticket,
    Touchpoint,
)
from workers.domain.ticket import Ending, close
from workers.domain.types import RequestState, TicketState

A_YEAR = timedelta(days=366)
LONGEST_REST = timedelta(days=92)
Then = Callable[[CustomerCase, Any], object]


@dataclass
class Life:
    """A customer's story as it unfolds, under two ids until they are merged, with what was known at each instant."""

    pair: Pair = field(default_factory=Pair)
    now: datetime = NOW
    seen: list[tuple[datetime, CustomerCase]] = field(default_factory=list)

    def people(self) -> list[Person]:
        """Return whoever has a case of their own."""
        return [self.pair.second] if self.pair.merged else [self.pair.first, self.pair.second]

    def go_on(self, hours: int) -> None:
        """Let time pass, and do what is due, some hours at a time."""
        until = self.now + timedelta(hours=hours)
        while self.now < until:
            self.now = min(until, self.now + timedelta(hours=max(1, hours // 4)))
            for person in self.people():
                person.wake(self.now)
                self.remember(person)

    def do(self, step: tuple[str, Any], number: int) -> None:
        """Let one thing happen, and remember what is known before and after."""
        for person in (self.pair.first, self.pair.second):
            person.now = self.now
            self.remember(person)
        name, detail = step
        if name == "merge":
            if not self.pair.merged:
                self.pair.merge()
        elif name in ("answer", "done"):
            for person in self.people():
                answer(person, detail) if name == "answer" else end_ticket(person)
        else:
            self.pair.hear(event_of(name, detail, self.now, number), second=bool(number % 2))
        for person in self.people():
            person.wake(self.now)
            self.remember(person)

    def remember(self, person: Person) -> None:
        """Keep what is known at this instant."""
        self.seen.append((self.now, copy_of(person.case)))

    def then(self, at: datetime, row: Any, holds: Then) -> bool:
        """Tell whether something held of a row at an instant, under the id that had it."""
        theirs = (case for moment, case in self.seen if moment == at and case.get(type(row), *row.key()))
        return any(holds(case, row) for case in theirs)

    def ever(self, holds: Callable[[CustomerCase], object]) -> bool:
        """Tell whether something held at some time."""
        return any(holds(case) for _, case in self.seen)


def answer(person: Person, score: int) -> None:
    """Let the customer answer the last question that is open, and the answer settle."""
    waiting = [row for row in person.rows(SurveyRequest) if row.state == RequestState.OPEN]
    if waiting:
        say(person, max(waiting, key=lambda row: row.asked_at), score, "a comment" if score % 2 else "")
        person.wake(person.now + timedelta(minutes=1))
        person.now -= timedelta(minutes=1)


def end_ticket(person: Person) -> None:
    """Let an agent be done with the open ticket, without a word to the customer."""
    for ticket in person.rows(Ticket):
        if ticket.state != TicketState.DONE:
            person.do(partial(close.done, person.case, ticket, "ana", Ending("duplicate")))
            return


def event_of(name: str, detail: Any, at: datetime, number: int) -> Event:
    """Return an event of a story."""
    if name == "score":
        score, trigger, reference = detail
        return score_told(score, at, id=str(number), trigger=trigger, reference=reference, wants_contact=score == 8)
    if name == "changed":
        return an_event(name, at, id=str(number), customer=detail)
    more: dict[str, object] = {"delivery_expected": False} if name == "purchase" else {}
    return an_event(name, at, reference=detail, id=str(number), **more)


cards = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from((None, "a@example.org", "a@example.org", "b@example.org")),
        "may_promote": st.booleans(),
        "time_zone": st.sampled_from(("Europe/Paris", "Pacific/Apia")),
    },
)
said = st.one_of(
    st.tuples(
        st.just("score"),
        st.tuples(
            st.sampled_from((2, 8, 9, 9, 10)),
            st.sampled_from(("delivery", "delivery", "milestone", "milestone", "feature_first_used", "")),
            st.sampled_from(("A", "A", "")),
        ),
    ),
    st.tuples(st.just("answer"), st.sampled_from((1, 7, 8, 9, 10))),
)
begun = st.tuples(
    st.sampled_from(("purchase", "delivery", "delivery", "interaction_ended", "wave")), st.sampled_from(("A", "B"))
)
against = st.tuples(
    st.sampled_from(("refund", "complaint_opened", "complaint_closed", "churned", "opted_out")),
    st.sampled_from(("A", "B", "")),
)
steps = st.one_of(
    begun,
    begun,
    said,
    said,
    against,
    st.tuples(st.just("changed"), cards),
    st.tuples(st.sampled_from(("done", "done", "merge", "merge", "erased")), st.just("")),
)
waits = st.sampled_from((0, 0, 1, 1, 30, 24 * 5, 24 * 9, 24 * 20, 24 * 45, 24 * 95))
lives = st.lists(st.tuples(waits, steps), min_size=2, max_size=9)


def lived(story: list[tuple[int, tuple[str, Any]]]) -> Life:
    """Return a life in which these things happened; the two ids are one at its end."""
    life = Life()
    life.pair.hear(an_event("changed", NOW - A_YEAR, customer={"email": "a@example.org"}))
    for number, (hours, step) in enumerate([*story, (0, ("merge", ""))]):
        life.go_on(hours)
        life.do(step, number)
    return life


KINDS: dict[str, type[records.Row]] = {
    "stops": Stop,
    "journeys": Journey,
    "touchpoints": Touchpoint,
    "requests": SurveyRequest,
    "responses": Response,
    "decisions": Decision,
    "actions": Action,
    "dispatches": Dispatch,
    "tickets": Ticket,
    "testimonials": Testimonial,
    "history": records.History,
}


def explained(life: Life) -> dict[str, Any]:
    """Return what explain says of the person at the end."""
    person = life.pair.second
    rows: dict[str, Any] = {name: tuple(person.rows(kind)) for name, kind in KINDS.items()}
    story = Story(customer=person.case.customer, merged_from=("42",), asked_as=OTHER, **rows)
    return explain_customer(View(story, life.now, person.policy))


def date_of(detail: str, place: int) -> datetime:
    """Return one of the dates of a detail."""
    return datetime.fromisoformat(detail.split(" ")[place])


def journey_of(case: CustomerCase, touchpoint: Touchpoint) -> Journey | None:
    """Return the journey of a touchpoint."""
    return next((row for row in case.all(Journey) if row.id == touchpoint.journey), None)


def rests(case: CustomerCase, row: Touchpoint) -> bool:
    """Tell whether somebody was asked when the reason says, not longer ago than any rest period."""
    until, since = date_of(row.detail, 0), date_of(row.detail, 1)
    asked = [request.asked_at for request in case.all(SurveyRequest)]
    return since in asked and since < until <= since + LONGEST_REST and until > row.changed_at


def is_answered(case: CustomerCase, row: Touchpoint) -> bool:
    """Tell whether an answer of that instant came another way, about the same reference or occasion."""
    journey = journey_of(case, row)
    at = [
        response
        for response in case.all(Response)
        if response.request is None and response.answered_at == date_of(row.detail, 0)
    ]
    return journey is not None and any(
        response.reference == journey.reference if journey.reference else response.trigger == row.trigger
        for response in at
    )


def stopped(effect: str, case: CustomerCase, row: Touchpoint) -> bool:
    """Tell whether there is a contrary event of the cause that is told, about the customer or this purchase."""
    journey = journey_of(case, row)
    begun = {row.reference, journey.reference if journey else ""}
    return any(
        stop.effect == effect
        and stop.cause == row.detail
        and (stop.scope == "customer" or not stop.reference or stop.reference in begun or not row.reference)
        for stop in case.all(Stop)
    )


def asked_often(case: CustomerCase, row: Touchpoint) -> bool:
    """Tell whether six questions lie within twelve months."""
    return sum(row.changed_at - A_YEAR < request.asked_at <= row.changed_at for request in case.all(SurveyRequest)) >= 6


OF_TOUCHPOINTS: dict[str, Then] = {
    "no_address": lambda case, row: not case.customer.email,
    "opted_out": lambda case, row: case.customer.opted_out_at,
    "erased": lambda case, row: case.customer.erased_at,
    "stopped": partial(stopped, "cancel"),
    "hold": partial(stopped, "hold"),
    "too_late": lambda case, row: row.changed_at > row.give_up_at,
    "resting": rests,
    "yearly_maximum": asked_often,
    "answered": is_answered,
    "merged": lambda case, row: case.customer.merged_into,
    "already_done": lambda case, row: any(request.step == row.step for request in case.all(SurveyRequest)),
}
"""Of each reason of a touchpoint that is not asked: what must have been so when it came into its state."""


def response_of(case: CustomerCase, row: Action) -> Response | None:
    """Return the answer that an action follows from."""
    return next((response for response in case.all(Response) if response.id == row.response), None)


def in_the_way(case: CustomerCase, row: Action) -> bool:
    """Tell whether a ticket is open, or was opened since the answer."""
    response = response_of(case, row)
    return response is not None and any(
        ticket.done_at is None or ticket.opened_at >= response.first_answered_at for ticket in case.all(Ticket)
    )


def said_less(case: CustomerCase, row: Action) -> bool:
    """Tell whether a later answer is below 9."""
    response = response_of(case, row)
    return response is not None and any(
        row.answered_at > response.answered_at and row.score < 9 for row in case.all(Response)
    )


def is_too_late(case: CustomerCase, row: Action) -> bool:
    """Tell whether the answer was a week old when it came, or the action's last instant has passed."""
    response = response_of(case, row)
    return (response is not None and response.late) or (row.latest_at is not None and row.changed_at >= row.latest_at)


OF_ACTIONS: dict[str, Then] = {
    "no_address": lambda case, row: not case.customer.email,
    "opted_out": lambda case, row: case.customer.opted_out_at,
    "erased": lambda case, row: case.customer.erased_at,
    "too_late": is_too_late,
    "no_permission": lambda case, row: case.customer.may_promote is False,
    "open_ticket": in_the_way,
    "later_response": said_less,
    "asked_last_year": lambda case, row: any(
        testimonial.response != row.response and row.changed_at < testimonial.asked_at + A_YEAR
        for testimonial in case.all(Testimonial)
    ),
    "answered": lambda case, row: (answered := response_of(case, row)) and (answered.comment or answered.improvement),
    "superseded": lambda case, row: any(
        (decision.response, decision.n) == (row.response, row.decision) and decision.superseded_at
        for decision in case.all(Decision)
    ),
}
"""Of each reason of an action that was not done: what must have been so when it came into its state."""


def untrue_touchpoints(life: Life, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Give what explain says of touchpoints that is not so."""
    case = life.pair.second.case
    rows = {f"{row.journey}/{row.step}": row for row in case.all(Touchpoint)}
    asked = {(row.journey, row.step) for row in case.all(SurveyRequest)}
    for entry in entries:
        row, said = rows[entry["id"]], f"{entry['touchpoint']}: {entry['reason']}"
        if entry["reason"].startswith("Asked on") != (row.state == "asked") or "no reason" in said:
            yield said
        if row.state == "asked":
            if (row.journey, row.step) not in asked:
                yield f"{said} There is no question."
        elif row.state == "planned":
            due = max(row.due_at, row.wake_at) <= life.now
            if due == bool(entry["code"]) or ("due since" in said) != due or "window" in said:
                yield said
        else:
            at = life.now if row.state == "held" else row.changed_at
            if not life.then(at, row, OF_TOUCHPOINTS[entry["code"]]):
                yield said
            if "held because no mail address" in said and not life.ever(lambda then: not then.customer.email):
                yield said


def untrue_actions(life: Life, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Give what explain says of next steps that is not so."""
    case = life.pair.second.case
    rows = {row.id: row for row in case.all(Action)}
    mails = {(row.action, row.template) for row in case.all(Dispatch)}
    for entry in entries:
        row, said = rows[entry["id"]], f"{entry['name']}: {entry['reason']}"
        if "no reason" in said or entry["reason"].startswith("Done") != (row.state == "done"):
            yield said
        if row.state == "done":
            if row.reason == "fell_back":
                true = (row.id, "thanks") in mails
            else:
                mailed = (row.id, row.template) in mails
                true = (("the mail “" in said) <= mailed) and ("ticket" not in said or row.ticket is not None)
                true = true and (mailed or row.ticket is not None or row.reason == "already_done")
            if not true:
                yield said
        elif row.state == "planned":
            if ("is not over" in said) != (row.due_at > life.now):
                yield said
        else:
            at = life.now if row.state == "held" else row.changed_at
            if not life.then(at, row, OF_ACTIONS[entry["code"]]):
                yield said


def untrue_requests(life: Life, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Give what explain says of questions that is not so."""
    case = life.pair.second.case
    answers = {row.request for row in case.all(Response)}
    for entry in entries:
        said = entry["reason"]
        if said.startswith("Answered") and entry["id"] not in answers:
            yield said
        if said.startswith(("Waiting for an answer", "Not answered")) and entry["id"] in answers:
            yield said
        if "in another way" in said and None not in answers:
            yield said


@settings(max_examples=120, deadline=None)
@given(lives)
def test_every_reason_of_every_story_is_true(story: list[tuple[int, tuple[str, Any]]]) -> None:
    """Of touchpoints, next steps and questions, at the end of any story, merged or not."""
    life = lived(story)
    told_of = explained(life)
    assert list(untrue_touchpoints(life, told_of["touchpoints"])) == []
    assert list(untrue_actions(life, told_of["actions"])) == []
    assert list(untrue_requests(life, told_of["survey_requests"])) == []
    every = [*told_of["touchpoints"], *told_of["actions"], *told_of["survey_requests"]]
    assert all(entry["reason"] and "None" not in entry["reason"] for entry in every)


@pytest.mark.parametrize("kind", ["touchpoints", "actions"])
def test_the_oracle_finds_a_wrong_reason(kind: str) -> None:
    """A row with another reason than its own is told wrongly, and found."""
    story: list[tuple[int, tuple[str, Any]]] = [
        (0, ("delivery", "A")),
        (1, ("answer", 9)),
        (1, ("changed", {"may_promote": False})),
        (24 * 20, ("refund", "A")),
    ]
    life = lived(story)
    person = life.pair.second
    untrue = untrue_touchpoints if kind == "touchpoints" else untrue_actions
    assert list(untrue(life, explained(life)[kind])) == []
    rows: list[Touchpoint | Action] = [*person.rows(Touchpoint), *person.rows(Action)]
    wrong = ("erased", "hold", "no_address") if kind == "touchpoints" else ("erased", "open_ticket", "later_response")
    assert any(row.reason for row in rows)
    for reason in wrong:
        entries = [{**entry, "code": reason} for entry in explained(life)[kind] if entry["code"]]
        assert len(list(untrue(life, entries))) >= 1, reason
