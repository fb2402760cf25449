"""What a helpdesk tells of a ticket is done to ours; what makes no sense any more is kept as a note."""

from datetime import timedelta

import pytest
from eventparts import DAY, NOW, Person, an_event, score_told

from workers.cloudevents import CarrierReport, Event, Kind, TicketChange, TicketUpdate
from workers.domain.records import SurveyRequest, Ticket, TicketEntry, Touchpoint
from workers.errors import BadInput

HOUR = timedelta(hours=1)


def unhappy() -> tuple[Person, Ticket]:
    """Return a customer with an open ticket."""
    person = Person()
    person.hear(score_told(2, NOW, comment="broken"))
    (ticket,) = person.rows(Ticket)
    return person, ticket


def update(ticket: str, kind: TicketChange, at_hours: float = 1, **more: object) -> Event:
    """Return what a helpdesk tells of a ticket."""
    at = NOW + at_hours * HOUR
    change = TicketUpdate(ticket, kind, at, by="Léa", **more)  # type: ignore[arg-type]  # fields by name
    return an_event(f"ticket.{kind}", at, kind=Kind.TICKET, ticket=change, id=kind)


def the_ticket(person: Person) -> Ticket:
    """Return the only ticket."""
    (ticket,) = person.rows(Ticket)
    return ticket


def kinds(person: Person) -> list[str]:
    """Return the kinds of lines in the ticket's history."""
    return sorted(entry.kind for entry in person.rows(TicketEntry))


@pytest.mark.parametrize("by_number", [True, False])
def test_a_ticket_is_named_by_its_number_or_its_id(by_number: bool) -> None:
    """As it stood in boucle.tickets."""
    person, ticket = unhappy()
    person.hear(update(str(ticket.number) if by_number else ticket.id, TicketChange.CLAIMED))
    assert (str(the_ticket(person).state), the_ticket(person).owner) == ("claimed", "Léa")


def test_an_unknown_ticket_is_refused_with_words() -> None:
    """The sender reads which id to send."""
    person, _ = unhappy()
    with pytest.raises(BadInput, match=r"boucle\.tickets"):
        person.hear(update("4711", TicketChange.CLAIMED))


def test_a_done_ticket_tells_the_customer_and_asks_again_later() -> None:
    """With or without a root cause: a helpdesk need not know ours."""
    person, ticket = unhappy()
    person.now = NOW + HOUR
    person.hear(update(ticket.id, TicketChange.DONE, outcome="solved", sentence="A new one is on its way."))
    done = the_ticket(person)
    assert (str(done.state), done.outcome, done.root_cause, done.sentence) == (
        *("done", "solved", "other/helpdesk"),
        "A new one is on its way.",
    )
    recovery = person.touchpoint("recovery")
    assert (recovery.reference, recovery.due_at) == (ticket.id, NOW + HOUR + 10 * DAY)


def test_what_comes_after_the_end_is_a_note() -> None:
    """A claim that was overtaken by the end opens nothing again."""
    person, ticket = unhappy()
    person.now = NOW + HOUR
    person.hear(update(ticket.id, TicketChange.DONE), update(ticket.id, TicketChange.CLAIMED))
    assert str(the_ticket(person).state) == "done"
    assert "note" in kinds(person)


def test_only_reopening_opens_again() -> None:
    """And its recovery survey waits no more."""
    person, ticket = unhappy()
    person.now = NOW + HOUR
    person.hear(update(ticket.id, TicketChange.DONE))
    person.now = NOW + DAY
    person.hear(update(ticket.id, TicketChange.REOPENED, 24, text="still flickers"))
    assert (str(the_ticket(person).state), the_ticket(person).reopened) == ("open", 1)
    assert str(person.touchpoint("recovery").state) != "planned"


@pytest.mark.parametrize(
    ("kind", "more", "state"),
    [
        (TicketChange.NOTE, {"text": "called the carrier"}, "open"),
        (TicketChange.ATTEMPT, {"text": "mailbox"}, "waiting"),
        (TicketChange.WAITING, {"until": NOW + 2 * DAY, "text": "spare part"}, "waiting"),
        (TicketChange.HANDED_OVER, {"to": "Max"}, "claimed"),
    ],
)
def test_each_turn_is_done_to_our_ticket(kind: TicketChange, more: dict[str, object], state: str) -> None:
    """Its line in the history names the event that told it."""
    person, ticket = unhappy()
    person.now = NOW + HOUR
    event = update(ticket.id, kind, 1, **more)
    person.hear(event)
    assert str(the_ticket(person).state) == state
    assert event.id in {entry.event_id for entry in person.rows(TicketEntry)}


# Carriers of other channels


def reported(request: str, sent: bool, detail: str = "") -> Event:
    """Return what a carrier says of a request."""
    return an_event("report", NOW + HOUR, kind=Kind.CARRIER, report=CarrierReport(request, sent, detail))


def sms(monkeypatch: pytest.MonkeyPatch) -> tuple[Person, SurveyRequest]:
    """Return a customer who is asked by another channel."""
    person = Person()
    monkeypatch.setattr(type(person.policy.plan), "channel_of", lambda self, rule: "letter")
    person.hear(an_event("delivery", reference="1"))
    person.wake()
    (request,) = person.rows(SurveyRequest)
    return person, request


def test_a_carrier_says_when_a_question_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first word counts."""
    person, request = sms(monkeypatch)
    person.hear(reported(request.id, True))
    assert person.rows(SurveyRequest)[0].sent_at == NOW + HOUR


def test_a_carrier_that_failed_makes_the_request_undeliverable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reached nobody, so nobody rests."""
    person, request = sms(monkeypatch)
    person.hear(reported(request.id, False, "no such number"))
    (failed,) = person.rows(SurveyRequest)
    assert (str(failed.state), failed.reason) == ("undeliverable", "carrier_failed: no such number")
    person.hear(an_event("interaction_ended", NOW, reference="c1"))
    person.wake()
    assert [str(touchpoint.state) for touchpoint in person.rows(Touchpoint) if touchpoint.step == "interaction"] == [
        "asked"
    ]


def test_a_carrier_that_fails_late_takes_no_answer_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has answered was reached."""
    person, request = sms(monkeypatch)
    person.hear(score_told(9, NOW + HOUR / 2, request=request.id))
    person.hear(reported(request.id, False, "expired"))
    assert str(person.rows(SurveyRequest)[0].state) == "answered"
    with pytest.raises(BadInput):
        person.hear(reported("0190a1b2-c3d4-8e5f-8a9b-0c1d2e3f4a5b", True))
