"""Tickets in the store: numbers, turns, clocks that run by themselves, agents who race, and nothing lost."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import START, journey, score
from teamparts import House, both_in_one_ticket, claim, done, race_of_reopening, reopen

from workers.domain import ticket as ticketing
from workers.domain.records import Dispatch, SurveyRequest, Ticket
from workers.domain.types import TicketState
from workers.errors import Conflict
from workers.store.sign_in.audit_log import list_acts


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give an installation."""
    boucle = House(tmp_path)
    yield boucle
    boucle.close()


def test_tickets_go_round_the_agents_who_are_there(house: House) -> None:
    """Each in turn; who is away is passed by; the CRM's owner keeps their own."""
    people = house.staff()
    owners = [house.low(str(n)).owner for n in range(4)]
    assert Counter(owners) == {"Léa": 2, "Max": 2}
    people.set_away("Max", START + timedelta(days=2), by="Max")
    assert [house.low(str(n)).owner for n in range(4, 6)] == ["Léa", "Léa"]
    assert [ticket.number for ticket in sorted(house.rows(Ticket), key=lambda ticket: ticket.number)] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_half_time_and_due_time_pass_by_themselves_in_working_hours(house: House) -> None:
    """On Friday evening nothing happens until Monday: half time and due time are in the team's hours."""
    house.staff()
    house.clock.at = START + timedelta(days=3, hours=7, minutes=18)  # Friday 17:30 in Paris
    ticket = house.low("1")
    house.later(days=2)
    assert house.kinds(ticket.number) == ["opened"]
    house.clock.at = START + timedelta(days=6, hours=0, minutes=20)  # Monday 10:32
    house.settle()
    assert house.kinds(ticket.number) == ["opened", "to_team"]
    house.later(hours=2)
    assert house.kinds(ticket.number) == ["opened", "to_team", "overdue"]
    assert house.open("1").owner == "Nadia"
    house.later(hours=23)
    assert house.kinds(ticket.number) == ["opened", "to_team", "overdue"]
    house.later(hours=1)
    assert house.kinds(ticket.number) == ["opened", "to_team", "overdue", "overdue"], "told again on Tuesday"


def test_going_away_hands_the_tickets_over_in_turns(house: House) -> None:
    """Nothing stays with who is not there, and a waiting ticket goes on waiting with its new owner."""
    people = house.staff()
    numbers = [house.low(str(n)).number for n in range(4)]
    mine = [ticket.number for ticket in house.rows(Ticket) if ticket.owner == "Max"]
    until = START + timedelta(days=3)
    house.act(mine[0], lambda case, t: ticketing.wait(case, t, "Max", START + timedelta(days=1), ""))
    user = people.find("Max")
    assert user is not None
    assert house.worklist().leave(user, until, people, house.parts.ticket_actions) == 2
    assert {ticket.owner for ticket in house.rows(Ticket)} == {"Léa"}
    assert {ticket.number: ticket.state for ticket in house.rows(Ticket)}[mine[0]] == TicketState.WAITING
    assert len(numbers) == 4
    assert house.worklist().leave(user, until, people, house.parts.ticket_actions) == 0


def test_each_ticket_stands_in_one_list(house: House) -> None:
    """Overdue before everything, then today, waiting, later; promises that are due are there as well."""
    house.staff()
    for n in range(4):
        house.low(str(n))
    house.act(1, lambda case, t: ticketing.wait(case, t, "Léa", START + timedelta(days=9), ""))
    house.act(2, claim("Max"))
    house.act(2, lambda case, t: ticketing.attempt(case, t, ticketing.Call("Max", reached=True)))
    house.act(
        3,
        lambda case, t: ticketing.done(
            case,
            t,
            "Max",
            ticketing.Ending(
                *("passed_on", "delivery/late", "", "The carrier looks for it."),
                case.now + timedelta(hours=3),
            ),
        ),
    )

    def listed() -> dict[str, list[int]]:
        return {name: [line.ticket.number for line in lines] for name, lines in house.worklist().lists().all()}

    assert listed() == {"overdue": [], "today": [3, 4], "waiting": [1], "later": [2]}
    house.later(days=1)
    assert listed() == {"overdue": [3, 1, 4], "today": [], "waiting": [], "later": [2]}
    assert [line.ticket.number for line in house.worklist().lists("Max").later] == [2]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("camille", [1]),
        ("ROUX", [1]),
        ("émile", [2]),
        ("2", [2]),
        ("#1", [1]),
        ("06 12 34 56 78", [1]),
        ("612345", [1]),
        ("+33 612-34", [1]),
        ("c-1", []),
        ("C-1", [1]),
        ("%", []),
        ("   ", []),
        ("12' OR 1=1 --", []),
    ],
)
def test_a_search_finds_by_name_phone_and_number(house: House, text: str, numbers: list[int]) -> None:
    """As people write it: any capitals, any spaces in a number, with or without the country."""
    who = {"id": "C-1", "email": "c@example.org", "name": "Camille Roux", "phone": "+33 6 12 34 56 78"}
    other = {"id": "C-2", "email": "e@example.org", "name": "Émile Zola", "phone": "+33 7 99 88 77 66"}
    for value in (who, other):
        event = score(1, str(value["id"]))
        event["data"]["customer"] = value
        event["id"] = str(value["id"])
        house.take(event)
    house.settle()
    assert [ticket.number for ticket, _ in house.worklist().search(text)] == numbers


def test_two_agents_at_once_never_overwrite_each_other(house: House) -> None:
    """Both press Claim on the ticket they saw: one gets it, the other is told, and history has one claim."""
    house.staff()
    ticket = house.low("1")
    ends: list[object] = []
    ready = threading.Barrier(2)

    def race(name: str) -> None:
        ready.wait()
        try:
            ends.append(house.act(ticket.number, claim(name, ticket.version)))
        except Conflict as error:
            ends.append(str(error))

    threads = [threading.Thread(target=race, args=(name,)) for name in ("Léa", "Max")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(ending, str) for ending in ends) == [False, True]
    assert house.kinds(ticket.number).count("claimed") == 1


@pytest.mark.parametrize("reopen_first", [True, False])
def test_reopening_while_another_is_opened_loses_nothing_and_doubles_nothing(house: House, reopen_first: bool) -> None:
    """In either order the customer has one open ticket, and both messages stand in a history."""
    house.staff()
    old = house.low("1")
    house.act(old.number, done())
    house.later(days=1)
    if reopen_first:
        house.act(old.number, reopen())
        house.low("1", 0)
    else:
        house.low("1", 0)
        house.act(old.number, reopen())
    both_in_one_ticket(house)


def test_a_race_of_reopening_and_a_new_low_score_ends_in_one_open_ticket(house: House) -> None:
    """Whoever comes second finds the other's ticket, in the same transaction that it acts in."""
    ends = race_of_reopening(house)
    assert not any(isinstance(ending, str) for ending in ends), ends
    both_in_one_ticket(house)


def test_every_turn_is_in_the_audit_log_without_what_people_wrote(house: House) -> None:
    """Who did what to which ticket outlives an erasure, so no comment and no name of a customer stands there."""
    house.staff()
    ticket = house.low("1", comment="SECRET WORDS")
    house.act(ticket.number, claim("Léa"))
    house.act(ticket.number, lambda case, t: ticketing.take_note(case, t, "Léa", "SECRET NOTE"))
    house.act(ticket.number, done())
    with house.store.reading() as connection:
        acts = list_acts(connection)
    turns = [(act["act"], act["by"], act["subject"]) for act in reversed(acts) if act["act"].startswith("ticket.")]
    assert turns == [
        ("ticket.claimed", "Léa", "ticket 1"),
        ("ticket.note", "Léa", "ticket 1"),
        ("ticket.done", "Léa", "ticket 1"),
    ]
    assert "SECRET" not in str(acts)


def test_a_changed_answer_changes_the_ticket_and_opens_no_second(house: House) -> None:
    """Tapping another score while the question is open: the ticket shows it, one mail went to the team."""
    house.staff()
    house.take(journey("delivery", "1", reference="1042"))
    house.settle()
    (request,) = house.rows(SurveyRequest)
    house.parts.customer_actions.answer(request.id, 2, "broken")
    house.later(minutes=2)
    house.parts.customer_actions.answer(request.id, 9, "sorry, wrong button")
    house.later(minutes=2)
    (ticket,) = house.rows(Ticket)
    assert (ticket.score, ticket.comment, ticket.state) == (9, "sorry, wrong button", TicketState.OPEN)
    assert house.kinds(1) == ["opened", "comment"]
    assert len([dispatch for dispatch in house.rows(Dispatch) if dispatch.template == "ticket"]) == 1


def test_no_answer_writes_to_the_customer_and_the_mail_leaves(house: House) -> None:
    """The mail that we called in vain is composed and handed over like any other."""
    house.staff()
    ticket = house.low("1")
    house.act(ticket.number, lambda case, t: ticketing.attempt(case, t, ticketing.Call("Léa", mail=True)))
    house.settle()
    (mail,) = [dispatch for dispatch in house.rows(Dispatch) if dispatch.template == "tried"]
    assert mail.state == "accepted"
