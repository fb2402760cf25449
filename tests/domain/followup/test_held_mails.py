"""A mail that finds no address waits for one: what a customer is owed is not lost to the order in which a CRM tells."""

from datetime import datetime, timedelta
from functools import partial
from itertools import permutations

import pytest
from eventparts import DAY, NOW, Person, an_event, score_told
from mergedparts import Pair
from ticketparts import copy_of

from workers.cloudevents import Event
from workers.domain.customer.profile import take_up_held
from workers.domain.records import Action, Dispatch, Testimonial, Ticket
from workers.domain.ticket import Call, Ending, attempt, done
from workers.domain.types import MailClass
from workers.structs import replace

CARD = {"email": "new@example.org", "language": "en"}
HOUR = timedelta(hours=1)


def unreachable(score: int = 10, trigger: str = "delivery", **more: object) -> Person:
    """Return a customer without an address, of whom a score came from elsewhere."""
    person = Person(email=None)
    person.hear(score_told(score, NOW, trigger=trigger, reference="A", **more))
    person.wake()
    return person


def actions(person: Person) -> dict[str, tuple[str, str, str]]:
    """Return state, reason and detail of each action by its name."""
    return {action.name: (str(action.state), action.reason, action.detail) for action in person.rows(Action)}


def mails(person: Person) -> list[tuple[str, str]]:
    """Return template and language of the mails that follow from answers."""
    return sorted((dispatch.template, dispatch.language) for dispatch in person.rows(Dispatch) if dispatch.action)


@pytest.mark.parametrize("event", ["changed", "delivery", "interaction_ended"])
def test_a_mail_leaves_when_the_address_comes(event: str) -> None:
    """Whichever event brings it, in the language that came with it; what it says of the purchase is known by then."""
    person = unreachable()
    assert actions(person)["thank_you"] == ("held", "no_address", "")
    assert person.wake(NOW + HOUR).added == {}
    person.hear(an_event(event, NOW + HOUR, reference="A", customer=CARD))
    person.wake()
    assert actions(person)["thank_you"][0] == "done"
    assert mails(person) == [("thanks", "en")]
    person.wake(NOW + 10 * DAY)
    assert actions(person)["testimonial_request"][0] == "done"
    assert len(person.rows(Testimonial)) == 1


@pytest.mark.parametrize(
    ("score", "trigger", "name", "template", "due", "latest"),
    [
        (9, "milestone", "testimonial_request", "thanks-testimonial", timedelta(), 14 * DAY),
        (10, "feature_first_used", "thank_you", "thanks", timedelta(), 7 * DAY),
        (7, "delivery", "improvement_question", "improve-now", DAY, 8 * DAY),
    ],
)
def test_it_is_given_up_at_its_latest_instant_and_says_why(
    score: int, trigger: str, name: str, template: str, due: timedelta, latest: timedelta
) -> None:
    """That of its row, else a week from when it was due; until then it waits without being looked at."""
    person = unreachable(score, trigger)
    person.wake(NOW + due)
    assert actions(person)[name][:2] == ("held", "no_address")
    last = copy_of(person.case)
    assert not person.wake(NOW + latest - timedelta(seconds=1))
    person.wake(NOW + latest)
    assert actions(person)[name] == ("skipped", "too_late", "no_address")
    person.case, person.now = last, NOW + latest - HOUR
    person.hear(an_event("changed", person.now, customer=CARD))
    person.wake()
    assert mails(person) == [(template, "en")]


def test_a_mail_that_waited_looks_again_at_what_has_happened() -> None:
    """A low score came meanwhile: nobody is asked for a testimonial with a ticket open."""
    person = unreachable(9, "milestone")
    person.now = NOW + DAY
    person.hear(score_told(1, person.now, trigger="milestone"), an_event("changed", person.now, customer=CARD))
    person.wake()
    done = [action for action in person.rows(Action) if action.name == "testimonial_request"]
    assert [(action.reason, action.detail) for action in done] == [("fell_back", "open_ticket")]
    assert not person.rows(Testimonial)


def test_what_a_person_said_is_not_waited_for() -> None:
    """An opt-out, a complaint, an answer that came too late: skipped at once, as before."""
    person = Person()
    person.hear(an_event("opted_out"), score_told(10, NOW, trigger="milestone"))
    assert actions(person)["testimonial_request"][:2] == ("skipped", "opted_out")
    person = Person()
    person.case.suppressed = "complaint"
    person.hear(score_told(10, NOW, trigger="delivery"))
    assert actions(person)["thank_you"] == ("skipped", "suppressed", "complaint")
    person = Person(email=None)
    person.now = NOW + 9 * DAY
    person.hear(score_told(10, NOW, trigger="feature_first_used"))
    assert actions(person)["thank_you"][:2] == ("skipped", "no_address")


def test_a_suppressed_mailbox_is_waited_for_as_well() -> None:
    """It may be given back, or the CRM may tell another: the mail leaves then, and not before."""
    person = Person()
    person.case.suppressed = "bounce"
    person.hear(score_told(10, NOW, trigger="feature_first_used"))
    assert actions(person)["thank_you"] == ("held", "suppressed", "bounce")
    person.do(lambda: take_up_held(person.case))
    person.wake(NOW + HOUR)
    assert actions(person)["thank_you"] == ("held", "suppressed", "bounce")
    (waiting,) = person.rows(Action)
    assert waiting.latest_at == NOW + 7 * DAY, "looking at it again gives it no more time"
    person.case.suppressed = ""
    person.hear(an_event("changed", NOW + HOUR, customer=CARD))
    person.wake()
    assert mails(person) == [("thanks", "en")]


def test_a_merge_that_brings_an_address_lets_the_mail_leave() -> None:
    """The score came under one id, the address under the other."""
    pair = Pair()
    pair.hear(score_told(10, NOW, trigger="feature_first_used"))
    pair.hear(an_event("changed", NOW, customer=CARD), second=True)
    pair.wake(HOUR)
    pair.merge()
    pair.wake(2 * HOUR)
    assert mails(pair.second) == [("thanks", "en")]


def test_a_number_that_comes_later_is_called() -> None:
    """ "9, please call me" of somebody unknown: when address and number come, the mail promises a call."""
    person = unreachable(9, wants_contact=True)
    assert [ticket.phone for ticket in person.rows(Ticket)] == [""]
    person.hear(an_event("changed", NOW + HOUR, customer={**CARD, "phone": "+33 1 23"}))
    person.wake(NOW + HOUR)
    (mail,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template == "thanks-call"]
    assert mail.facts["contact_by"] == "call"


def ticket_of(person: Person) -> Ticket:
    """Return the only ticket."""
    (ticket,) = person.rows(Ticket)
    return ticket


def called(person: Person, at: datetime, *, reached: bool = True) -> None:
    """Let an agent call the customer of the only ticket."""
    person.now = at
    person.do(lambda: attempt(person.case, ticket_of(person), Call("ana", reached=reached)))


@pytest.mark.parametrize("event", ["changed", "delivery", "interaction_ended"])
def test_the_ticket_is_open_and_its_acknowledgement_waits(event: str) -> None:
    """The call is not delayed by a mail that cannot be written; the mail leaves once, when the address comes."""
    person = unreachable(2)
    assert actions(person) == {"urgent_contact": ("held", "no_address", "")}
    assert ticket_of(person).state == "open"
    person.hear(an_event(event, NOW + HOUR, reference="A", customer=CARD))
    person.wake(NOW + HOUR)
    assert mails(person) == [("ack", "en")]
    assert actions(person)["urgent_contact"][0] == "done"
    (mail,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.action]
    assert mail.ticket == ticket_of(person).id
    person.hear(an_event("changed", NOW + 2 * HOUR, customer={"email": "third@example.org"}))
    person.wake(NOW + 10 * DAY)
    assert mails(person) == [("ack", "en")]


STORY: dict[str, Event] = {
    "score": score_told(1, NOW, trigger="delivery", reference="A", wants_contact=True),
    "address": an_event("changed", NOW, customer=CARD),
    "delivery": an_event("delivery", NOW, reference="A"),
    "profile": an_event("changed", NOW, customer={"name": "Camille"}, id="more"),
}


@pytest.mark.parametrize("order", list(permutations(STORY)), ids="-".join)
def test_an_acknowledgement_is_sent_once_in_any_order(order: tuple[str, ...]) -> None:
    """Whichever topic is read first, and with a look at what is due after each event."""
    person = Person(email=None)
    for name in order:
        person.hear(STORY[name])
        person.wake()
    assert mails(person) == [("ack", "en")]
    assert {name: state for name, (state, _, _) in actions(person).items()} == {"urgent_contact": "done"}
    assert len(person.rows(Ticket)) == 1


@pytest.mark.parametrize("order", list(permutations(["score", "address", "opted_out"])), ids="-".join)
@pytest.mark.parametrize("mail_class", [MailClass.SERVICE, MailClass.SURVEY])
def test_an_opt_out_counts_for_a_waiting_acknowledgement_as_for_any(
    order: tuple[str, ...], mail_class: MailClass
) -> None:
    """A service is still owed; a mail of another class, by an operator's own template, is for nobody who opted out."""
    person = Person(email=None)
    person.policy = replace(person.policy, mail_classes={**person.policy.mail_classes, "ack": mail_class})
    story = {**STORY, "opted_out": an_event("opted_out", NOW)}
    for name in order:
        person.hear(story[name])
        person.wake()
    allowed = mail_class == MailClass.SERVICE or order[-1] == "opted_out"
    assert mails(person) == ([("ack", "en")] if allowed else [])
    assert len(person.rows(Ticket)) == 1


def test_an_acknowledgement_is_not_written_after_the_call() -> None:
    """Who was reached, or whose ticket is done, is not told that a call will come; who was not reached is."""
    person = unreachable(2)
    called(person, NOW + HOUR)
    assert actions(person)["urgent_contact"] == ("done", "too_late", "no_address")
    person.hear(an_event("changed", NOW + 2 * HOUR, customer=CARD))
    person.wake(NOW + 2 * HOUR)
    assert mails(person) == []
    person = unreachable(2)
    called(person, NOW + HOUR, reached=False)
    person.hear(an_event("changed", NOW + 2 * HOUR, customer=CARD))
    person.wake(NOW + 2 * HOUR)
    assert mails(person) == [("ack", "en")]
    person = unreachable(2)
    person.now = NOW + HOUR
    person.do(partial(done, person.case, ticket_of(person), "ana", Ending("wants_no_contact")))
    person.hear(an_event("changed", NOW + 2 * HOUR, customer=CARD))
    person.wake(NOW + 2 * HOUR)
    assert mails(person) == []


def test_a_thanks_that_announces_a_call_is_not_written_after_it() -> None:
    """ "9, please call me": the mail that waited names the call, and the call was made."""
    person = unreachable(9, wants_contact=True)
    called(person, NOW + HOUR)
    person.hear(an_event("changed", NOW + 2 * HOUR, customer=CARD))
    person.wake(NOW + 2 * HOUR)
    assert mails(person) == []
    assert actions(person)["thank_you"][:2] == ("skipped", "too_late")


def test_an_acknowledgement_without_an_address_is_given_up_after_a_week() -> None:
    """The contact itself was made ready, so that it is done and says which mail was never written."""
    person = unreachable(2)
    person.wake(NOW + 7 * DAY - HOUR)
    assert actions(person)["urgent_contact"] == ("held", "no_address", "")
    person.wake(NOW + 7 * DAY)
    assert actions(person)["urgent_contact"] == ("done", "too_late", "no_address")


def test_a_changed_answer_is_acknowledged_once() -> None:
    """The decision that gives way lets its waiting mail go; the ticket is the same."""
    person = unreachable(2)
    person.hear(score_told(4, NOW + HOUR, trigger="delivery", reference="A", id="second"))
    person.hear(an_event("changed", NOW + 2 * HOUR, customer=CARD))
    person.wake(NOW + 2 * HOUR)
    assert len(person.rows(Ticket)) == 1
    assert set(mails(person)) == {("ack", "en")}
    assert len(mails(person)) == len({action.response for action in person.rows(Action)})


def test_a_merge_keeps_the_acknowledgements_that_wait() -> None:
    """Each of two answers is told of the one ticket that goes on; whether the address came before or after."""
    for address_first in (True, False):
        pair = Pair()
        pair.hear(score_told(2, NOW, trigger="feature_first_used"))
        pair.hear(score_told(1, NOW, trigger="feature_first_used", id="other"), second=True)
        if address_first:
            pair.hear(an_event("changed", NOW, customer=CARD), second=True)
        pair.wake(HOUR)
        pair.merge()
        pair.wake(2 * HOUR)
        if not address_first:
            pair.hear(an_event("changed", NOW + 3 * HOUR, customer=CARD))
            pair.wake(3 * HOUR)
        assert mails(pair.second) == [("ack", "en")] * 2
        (kept,) = [ticket for ticket in pair.second.rows(Ticket) if ticket.state != "done"]
        late = [
            dispatch.ticket
            for dispatch in pair.second.rows(Dispatch)
            if dispatch.action and dispatch.created_at > NOW + HOUR
        ]
        assert set(late) == {kept.id}


def test_erasing_and_opting_out_end_what_waits() -> None:
    """Nothing is left to be sent to who said stop."""
    for name, reason in (("erased", "erased"), ("opted_out", "opted_out")):
        person = unreachable(9, "milestone")
        person.hear(an_event(name, NOW + HOUR))
        assert actions(person)["testimonial_request"][:2] == ("cancelled", reason)
        (waiting,) = person.rows(Action)
        assert replace(waiting, changed_at=NOW).state == "cancelled"
