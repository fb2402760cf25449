"""A settled answer fires one row of the follow-up table; a changed one gives way without doubling or losing a mail."""

from collections import Counter
from datetime import timedelta

import orjson
import pytest
from eventparts import DAY, NOW, Person, asked, say, settle

from workers.domain.compiled_tables.follow_up import Verdict
from workers.domain.records import Action, Decision, Dispatch, History, Response, SurveyRequest, Ticket
from workers.domain.types import ActionState
from workers.structs import replace

HOUR = timedelta(hours=1)


def answered(score: int, comment: str = "", name: str = "delivery", **more: object) -> tuple[Person, SurveyRequest]:
    """Return a customer whose answer has just been routed."""
    person, request = asked(name)
    say(person, request, score, comment, **more)
    settle(person)
    return person, request


def change(person: Person, request: SurveyRequest, score: int, comment: str = "", **more: object) -> None:
    """Let the customer change the answer an hour later, and let it settle."""
    person.now += HOUR
    say(person, request, score, comment, **more)
    settle(person)


def mails(person: Person) -> Counter[str]:
    """Return how many mails of each kind were written to the customer about the answer."""
    return Counter(dispatch.template for dispatch in person.rows(Dispatch) if dispatch.action and dispatch.customer)


def current(person: Person) -> Decision:
    """Return the decision that counts."""
    (decision,) = [decision for decision in person.rows(Decision) if str(decision.state) == "current"]
    return decision


def test_a_decision_keeps_what_it_was_taken_with() -> None:
    """Table version, rule, row and inputs: it stays explainable when the table has changed."""
    person, _ = answered(8, "nice, but late")
    decision = current(person)
    assert (decision.rule, decision.version, str(decision.outcome)) == (
        "N4",
        person.policy.follow_up.version,
        "matched",
    )
    assert decision.row is not None
    assert decision.inputs == {
        "trigger": "delivery",
        "after": 0.0,
        "score": 8,
        "comment": "yes",
        "wants_contact": "no",
    }


def test_a_comment_of_blanks_is_none() -> None:
    """What counts is whether something was said."""
    person, _ = answered(8, "  \n ")
    assert current(person).rule == "N1"


def test_waits_run_from_the_answer_and_not_from_its_settling() -> None:
    """P10D and the deadline of P14D count from when the customer answered."""
    person, _ = answered(10)
    (testimonial,) = [action for action in person.rows(Action) if action.name == "testimonial_request"]
    assert (testimonial.due_at, testimonial.latest_at) == (NOW + 10 * DAY, NOW + 14 * DAY)
    assert (str(testimonial.state), testimonial.reason, testimonial.wait) == ("planned", "wait", "P10D")


def test_the_answer_is_published_with_both_bands_each_time_it_settles() -> None:
    """The CRM segments by it; a revision has its number."""
    person, request = asked()
    say(person, request, 9)
    first = settle(person)
    person.now += HOUR
    say(person, request, 3)
    second = settle(person)
    publications = [
        orjson.loads(publication.value)["data"]
        for changes in (first, second)
        for publication in changes.published
        if publication.topic == "boucle.responses"
    ]
    assert [
        (publication["band"], publication["revision"], publication["response"]) for publication in publications
    ] == [
        ("promoter", 1, person.rows(Response)[0].id),
        ("detractor", 2, person.rows(Response)[0].id),
    ]


def test_a_better_score_in_the_same_band_thanks_once() -> None:
    """9 becomes 10: the thank-you was written already; the testimonial waits anew."""
    person, request = answered(9)
    change(person, request, 10)
    assert mails(person) == {"thanks": 1}
    actions = sorted((action.decision, action.name, str(action.state), action.reason) for action in person.rows(Action))
    assert actions == [
        (1, "testimonial_request", "cancelled", "superseded"),
        (1, "thank_you", "done", ""),
        (2, "testimonial_request", "planned", "wait"),
        (2, "thank_you", "done", "already_done"),
    ]
    change(person, request, 9)
    assert mails(person) == {"thanks": 1}


def test_a_promoter_who_was_asked_for_a_testimonial_is_not_thanked_instead() -> None:
    """Nobody gets two mails because of a changed score."""
    person, request = asked("onboarding_finished")
    late = replace(request, trigger="milestone", sent_at=NOW)
    person.case.know(late)
    say(person, late, 9)
    settle(person)
    assert mails(person) == {"thanks-testimonial": 1}
    change(person, late, 10)
    assert mails(person) == {"thanks-testimonial": 1}


def test_a_worse_score_keeps_one_acknowledgement_and_one_ticket() -> None:
    """3 becomes 1: the ticket learns of it; the customer was told already that somebody will call."""
    person, request = answered(3)
    changes_before = mails(person)["ack"]
    change(person, request, 1, "worse")
    assert (changes_before, mails(person)["ack"]) == (1, 1)
    (ticket,) = person.rows(Ticket)
    assert (ticket.score, ticket.comment) == (1, "worse")


def test_an_acknowledgement_that_still_fits_is_not_called_back() -> None:
    """It may not have left yet: then it must still leave."""
    person, request = answered(3)
    (ack,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template == "ack"]
    person.now += HOUR
    say(person, request, 2)
    changes = settle(person)
    assert ack.action not in {
        cancellation.value for cancellation in changes.cancelled if cancellation.column == "action"
    }


def test_a_thank_you_that_has_not_left_is_called_back_when_the_score_falls() -> None:
    """Nobody is thanked for a 9 that is a 2 by now."""
    person, request = answered(9)
    (thanks,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template == "thanks"]
    person.now += HOUR
    say(person, request, 2)
    changes = settle(person)
    assert thanks.action in {
        cancellation.value for cancellation in changes.cancelled if cancellation.column == "action"
    }
    assert mails(person) == {"thanks": 1, "ack": 1}


def test_a_promoter_who_wanted_a_call_and_then_falls_is_told_that_somebody_calls() -> None:
    """The thanks for the wish may be called back, so the acknowledgement is written."""
    person, request = answered(9, wants_contact=True)
    assert current(person).rule == "C1"
    change(person, request, 2, wants_contact=True)
    assert mails(person) == {"thanks-call": 1, "ack": 1}
    assert len(person.rows(Ticket)) == 1


def test_an_unhappy_customer_who_is_happy_again_keeps_the_ticket() -> None:
    """A person calls all the same, and sees what was said."""
    person, request = answered(2, "broken")
    change(person, request, 9, "they sent a new one")
    (ticket,) = person.rows(Ticket)
    assert str(ticket.state) == "open"
    assert current(person).rule == "P1"
    assert mails(person) == {"ack": 1, "thanks": 1}


def test_what_was_superseded_stands_in_the_history() -> None:
    """The cancelled action says why."""
    person, request = answered(9)
    change(person, request, 2)
    lines = [(line.subject, line.state, line.reason) for line in person.rows(History) if line.subject == "action"]
    assert ("action", "cancelled", "superseded") in lines


def test_an_answer_that_no_rule_covers_is_parked_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a decision with its reason, not a lost answer."""
    person, request = asked()
    silent = Verdict("parked", "", None, (), None, "", "no rule matches")
    monkeypatch.setattr(type(person.policy.follow_up), "decide", lambda self, inputs: silent)
    say(person, request, 9)
    settle(person)
    assert (str(current(person).outcome), current(person).reason) == ("parked", "no rule matches")
    assert [(line.state, line.reason) for line in person.rows(History) if line.subject == "response"] == [
        ("parked", "no_such_rule")
    ]


def test_a_rule_may_wait_with_a_contact_and_keeps_its_due_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call-back a day later is due in the working hours that its row says."""
    person, request = asked()
    decide = person.policy.follow_up.decide

    def tomorrow(self: object, inputs: dict[str, object]) -> Verdict:
        verdict = decide(inputs)
        waits = replace(verdict.steps[0].wait, days=1)
        return replace(verdict, ticket_due=2 * HOUR, steps=(replace(verdict.steps[0], wait=waits),))

    monkeypatch.setattr(type(person.policy.follow_up), "decide", tomorrow)
    say(person, request, 2)
    settle(person)
    assert person.rows(Ticket) == []
    person.wake(NOW + DAY)
    (ticket,) = person.rows(Ticket)
    assert ticket.due_at == NOW + DAY + 2 * HOUR
    assert [action.state for action in person.rows(Action)] == [ActionState.DONE]
