"""What a contact owed to a customer becomes: when it is due, whose it is, and how it may end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from ticketparts import TUESDAY, Case, answer, changes_of, contact_for, customer, desk, shipped

from workers.domain import ticket as ticketing
from workers.domain.records import Dispatch, Response, Stop, Ticket, TicketEntry, Touchpoint
from workers.domain.ticket import Call, Ending, Fault, Unfinished
from workers.domain.ticket.sla import tickets_wake
from workers.domain.types import TicketState
from workers.errors import BadInput, Conflict
from workers.structs import replace


def at(text: str) -> datetime:
    """Return a time on the wall in Paris, in winter."""
    return datetime.fromisoformat(f"{text}+01:00").astimezone(UTC)


def done(case: Case, by: str = "Léa", **more: object) -> None:
    """End the ticket, solved unless told otherwise."""
    how = {"outcome": "solved", "root_cause": "delivery/late", "sentence": "A new lamp is on its way.", **more}
    elsewhere = bool(how.pop("elsewhere", False))
    case.act(ticketing.done, by, Ending(**how), elsewhere=elsewhere)  # type: ignore[arg-type]  # fields by name


def act(case: Case, doing: Callable[..., object], *arguments: object) -> None:
    """Do an act on the ticket now."""
    case.act(doing, *arguments)


def wake(case: Case) -> None:
    """Let the ticket's clocks run up to now."""
    changes_of(case, lambda: tickets_wake(case))


@pytest.mark.parametrize(
    ("confirmed", "due"),
    [
        ("2026-03-06T17:30", "2026-03-09T12:30"),
        ("2026-03-08T11:00", "2026-03-09T13:00"),
        ("2026-03-04T22:00", "2026-03-05T13:00"),
        ("2026-03-03T10:12", "2026-03-03T14:12"),
    ],
)
def test_the_first_contact_is_due_four_working_hours_after_the_confirmation(confirmed: str, due: str) -> None:
    """Friday 17:30 is due on Monday 12:30, Sunday 11:00 on Monday 13:00, Wednesday 22:00 on Thursday 13:00."""
    case = Case()
    case.at(at(confirmed))
    ticket = case.answered()
    assert ticket.due_at == at(due)
    assert ticket.half_time_at is not None
    assert case.now < ticket.half_time_at < ticket.due_at


def test_due_runs_from_the_confirmation_and_not_from_when_it_was_routed() -> None:
    """A late machine takes no time from the agent and gives none: the promise counts from the customer's tap."""
    case = Case()
    response = answer(3, TUESDAY)
    case.know(response)
    late = TUESDAY + timedelta(minutes=30)
    case.at(late)
    ticket = ticketing.open_or_join(case, response, contact_for(response), timedelta(hours=4))
    assert ticket.due_at == at("2026-03-03T14:12")
    assert ticket.opened_at == late
    assert case.changes


def test_a_second_low_score_joins_and_the_earlier_due_time_counts() -> None:
    """One open ticket per customer: the further answer joins it, with its words, and no number is used up."""
    case = Case()
    first = case.answered(due=timedelta(hours=8))
    case.later(timedelta(minutes=30))
    second = case.answered(0, "r2", timedelta(hours=4), comment="and late", wants_contact=True, phone="+33 9")
    assert (second.id, second.number) == (first.id, 1)
    assert second.due_at == at("2026-03-03T14:42") < first.due_at
    assert (second.wants_contact, second.phone, second.score) == (True, "+33 9", first.score)
    third = case.answered(1, "r3", timedelta(hours=8))
    assert third.due_at == second.due_at
    assert case.kinds() == ["opened", "joined", "joined"]


def test_a_join_wakes_a_waiting_ticket() -> None:
    """Who waits for a call and writes again is not left waiting."""
    case = Case()
    case.answered()
    act(case, ticketing.wait, "Léa", TUESDAY + timedelta(days=2), "spare part")
    case.later(timedelta(hours=1))
    ticket = case.answered(2, "r2")
    assert (ticket.state, ticket.waiting_until, ticket.owner) == (TicketState.CLAIMED, None, "Léa")


@pytest.mark.parametrize(
    ("owner", "agents", "away", "expected"),
    [
        ("Zoé", ("Léa", "Max"), (), "Zoé"),
        ("Max", ("Léa",), ("Max",), "Léa"),
        (None, ("Léa",), (), "Léa"),
        (None, (), (), ""),
        ("Max", (), ("Max",), ""),
    ],
)
def test_the_owner_is_the_customers_agent_else_whose_turn_it_is_else_the_team(
    owner: str | None, agents: tuple[str, ...], away: tuple[str, ...], expected: str
) -> None:
    """An agent of the CRM keeps their customers unless away; nobody there means the team."""
    case = Case(desk(*agents, away=away), customer(owner=owner))
    assert case.answered().owner == expected


def test_turns_go_round() -> None:
    """Three agents take six tickets, two each, in a fixed order."""
    shared = desk("Ana", "Léa", "Max")
    owners = [Case(shared).answered().owner for _ in range(6)]
    assert owners == ["Léa", "Max", "Ana", "Léa", "Max", "Ana"]


def test_an_unclaimed_ticket_goes_to_the_team_at_half_time_and_to_the_lead_when_overdue() -> None:
    """The clocks run by themselves; the lead is told again a working day later, however often one looks."""
    case = Case()
    case.answered()
    case.at(at("2026-03-03T12:12"))
    wake(case)
    assert case.ticket.owner == ""
    case.at(at("2026-03-03T14:12"))
    wake(case)
    assert (case.ticket.owner, case.ticket.escalated_at) == ("Nadia", case.now)
    version = case.ticket.version
    case.later(timedelta(hours=23))
    wake(case)
    assert case.ticket.version == version
    assert case.kinds() == ["opened", "to_team", "overdue"]
    case.later(timedelta(hours=1))
    wake(case)
    wake(case)
    assert case.kinds() == ["opened", "to_team", "overdue", "overdue"]


def test_a_claimed_ticket_stays_with_its_agent_when_overdue() -> None:
    """The lead sees it, and nobody takes the phone out of the agent's hand."""
    case = Case()
    case.answered()
    act(case, ticketing.claim, "Max")
    case.at(at("2026-03-03T15:00"))
    wake(case)
    assert (case.ticket.owner, case.ticket.state) == ("Max", TicketState.CLAIMED)
    assert case.ticket.escalated_at is not None


def test_who_was_away_for_long_catches_up_in_one_look() -> None:
    """A role that was down over half time and due time does both, in order."""
    case = Case()
    case.answered()
    case.later(timedelta(days=1))
    wake(case)
    assert case.kinds() == ["opened", "to_team", "overdue"]
    assert case.ticket.owner == "Nadia"


def test_waiting_stops_the_second_clock_and_never_the_first() -> None:
    """The customer was promised a call: waiting does not move it. The time to solve it stands still."""
    case = Case()
    ticket = case.answered()
    act(case, ticketing.wait, "Léa", at("2026-03-05T09:00"), "spare part")
    assert case.ticket.due_at == ticket.due_at
    case.at(at("2026-03-05T09:00"))
    wake(case)
    assert case.ticket.state == TicketState.CLAIMED
    assert case.ticket.due_at == ticket.due_at
    assert "overdue" in case.kinds()
    waited = ticketing.second_clock(case.ticket, case.now, case.policy)
    assert ticket.resolve_due_at == at("2026-03-05T10:12")
    assert waited == at("2026-03-06T18:00")  # it stood still for 7:48 on Tuesday and 9:00 on Wednesday


def test_a_wait_that_ends_early_pauses_only_for_as_long_as_it_lasted() -> None:
    """Claiming a waiting ticket after an hour moves the second clock by one hour, not by the planned week."""
    case = Case()
    ticket = case.answered()
    act(case, ticketing.wait, "Léa", TUESDAY + timedelta(days=7), "")
    case.later(timedelta(hours=1))
    act(case, ticketing.claim, "Max")
    assert case.ticket.paused_seconds == 3600
    assert case.ticket.resolve_due_at == ticket.resolve_due_at + timedelta(hours=1)


def test_an_attempt_meets_the_first_contact_and_reached_is_counted_apart() -> None:
    """No answer: the attempt counts and the ticket waits until the next half-day. Reached is another thing."""
    case = Case()
    case.answered()
    act(case, ticketing.attempt, Call("Max", "voice mail", reached=False, mail=True))
    ticket = case.ticket
    assert (ticket.attempts, ticket.first_contact_at, ticket.reached_at) == (1, TUESDAY, None)
    assert (ticket.state, ticket.waiting_until) == (TicketState.WAITING, at("2026-03-03T13:00"))
    assert ticket.owner == "Max"
    assert [
        dispatch.template for dispatch in case.all(Dispatch) if dispatch.customer and dispatch.template == "tried"
    ] == ["tried"]
    case.at(at("2026-03-03T13:00"))
    act(case, ticketing.attempt, Call("Max", reached=True))
    assert (case.ticket.attempts, case.ticket.reached_at, case.ticket.state) == (2, case.now, TicketState.CLAIMED)


def test_not_reached_needs_three_attempts_on_two_days_and_a_mail() -> None:
    """Giving up is allowed only after trying; what is missing is said, all of it at once."""
    case = Case()
    case.answered()
    for _ in range(3):
        act(case, ticketing.attempt, Call("Max", reached=False))
        case.later(timedelta(minutes=5))
    with pytest.raises(Unfinished) as refused:
        done(case, outcome="not_reached", root_cause="", sentence="")
    assert refused.value.missing == (Fault.ATTEMPTS, Fault.MAIL)
    case.later(timedelta(days=1))
    act(case, ticketing.attempt, Call("Max", reached=False, mail=True))
    done(case, outcome="not_reached", root_cause="", sentence="")
    assert case.ticket.outcome == "not_reached"
    assert not [touchpoint for touchpoint in case.all(Touchpoint) if touchpoint.trigger == "recovery"]


def test_attempts_before_a_reopening_do_not_count_again() -> None:
    """Whoever reopens is tried again from the start, while the books keep every call."""
    case = Case()
    case.answered()
    for days in (0, 1, 1):
        case.later(timedelta(days=days))
        act(case, ticketing.attempt, Call("Max", reached=False, mail=True))
    done(case, outcome="not_reached", root_cause="", sentence="")
    case.later(timedelta(days=1))
    act(case, ticketing.reopen, "customer", "call me")
    with pytest.raises(Unfinished):
        done(case, outcome="not_reached", root_cause="", sentence="")
    assert case.ticket.attempts == 3


@pytest.mark.parametrize(
    ("how", "missing"),
    [
        ({"outcome": "gone"}, {Fault.OUTCOME}),
        ({"root_cause": ""}, {Fault.ROOT_CAUSE}),
        ({"root_cause": "delivery/meteor"}, {Fault.ROOT_CAUSE_UNKNOWN}),
        ({"root_cause": "other"}, {Fault.ROOT_CAUSE_TEXT}),
        ({"sentence": " "}, {Fault.SENTENCE}),
        ({"outcome": "passed_on"}, {Fault.PROMISED_AT}),
        ({"outcome": "passed_on", "promised_at": TUESDAY}, {Fault.PROMISED_AT}),
        ({"root_cause": "", "sentence": ""}, {Fault.ROOT_CAUSE, Fault.SENTENCE}),
    ],
)
def test_what_is_missing_is_said_all_at_once(how: dict[str, object], missing: set[Fault]) -> None:
    """A ticket is not done before its outcome, its cause and the customer's sentence are there."""
    case = Case()
    case.answered()
    with pytest.raises(Unfinished) as refused:
        done(case, **how)  # type: ignore[arg-type]  # fields by name
    assert set(refused.value.missing) == missing
    assert case.ticket.state == TicketState.OPEN


@pytest.mark.parametrize("outcome", ["solved", "explained", "compensated"])
def test_what_was_put_right_is_told_and_asked_about_again(outcome: str) -> None:
    """The customer reads the agent's sentence, holds end, and the recovery survey is planned."""
    case = Case()
    case.answered()
    done(case, outcome=outcome)
    (mail,) = [dispatch for dispatch in case.all(Dispatch) if dispatch.template == "done"]
    assert mail.facts["sentence"] == "A new lamp is on its way."
    (again,) = [touchpoint for touchpoint in case.all(Touchpoint) if touchpoint.trigger == "recovery"]
    assert again.due_at == TUESDAY + timedelta(days=10)
    assert {stop.effect for stop in case.all(Stop)} == {"hold", "end"}


@pytest.mark.parametrize("outcome", ["wants_no_contact", "duplicate", "score_mistake"])
def test_who_wants_no_contact_gets_none(outcome: str) -> None:
    """No mail leaves, and nobody is asked again."""
    case = Case()
    case.answered()
    done(case, outcome=outcome, root_cause="", sentence="bye")
    assert not [dispatch for dispatch in case.all(Dispatch) if dispatch.template == "done"]
    assert not [touchpoint for touchpoint in case.all(Touchpoint) if touchpoint.trigger == "recovery"]


def test_a_mistaken_score_stays_and_is_flagged() -> None:
    """Scores are never editable: the answer keeps its score and says that it was a mistake."""
    case = Case()
    case.answered()
    done(case, outcome="score_mistake", root_cause="", sentence="")
    (response,) = case.all(Response)
    assert (response.score, response.flag) == (3, "score_mistake")
    assert case.ticket.first_contact_at is None


def test_a_promise_is_asked_about_once_it_is_kept() -> None:
    """Passed on: nothing is asked until somebody says that the promise was kept, and then once."""
    case = Case()
    case.answered()
    done(case, outcome="passed_on", promised_at=TUESDAY + timedelta(days=2))
    assert not case.all(Touchpoint)
    case.later(timedelta(days=2))
    case.act(ticketing.promise_kept, "Léa", "The lamp has left.")
    case.act(ticketing.promise_kept, "Léa", "The lamp has left.")
    assert [touchpoint.trigger for touchpoint in case.all(Touchpoint)] == ["recovery"]
    assert len([dispatch for dispatch in case.all(Dispatch) if dispatch.template == "done"]) == 2
    assert case.kinds()[-2:] == ["done", "kept"]


def test_only_a_passed_on_ticket_has_a_promise_to_keep() -> None:
    """Keeping a promise that nobody made is refused."""
    case = Case()
    case.answered()
    done(case)
    with pytest.raises(BadInput):
        ticketing.promise_kept(case, case.ticket, "Léa", "")


def test_a_reopened_ticket_starts_its_clocks_anew() -> None:
    """It is not solved after all: the same ticket, its owner, four working hours again, nothing of its old end."""
    case = Case()
    case.answered()
    act(case, ticketing.claim, "Léa")
    done(case)
    case.at(at("2026-03-05T16:00"))
    act(case, ticketing.reopen, "customer", "still broken")
    ticket = case.ticket
    assert (ticket.state, ticket.reopened, ticket.outcome, ticket.done_at) == (TicketState.OPEN, 1, "", None)
    assert ticket.due_at == at("2026-03-06T11:00")
    assert ticket.first_contact_at is None
    act(case, ticketing.reopen, "customer", "still broken")
    assert case.ticket.reopened == 1


def test_reopening_beside_another_open_ticket_adds_the_words_there() -> None:
    """A customer has one open ticket: nothing is lost, and nothing is opened twice."""
    case = Case()
    old = case.answered()
    done(case)
    case.later(timedelta(days=1))
    new = case.answered(1, "r2")
    assert new.number == 2
    earlier = case.get(Ticket, old.id)
    assert earlier is not None
    changes_of(case, lambda: ticketing.reopen(case, earlier, "customer", "still broken"))
    assert case.get(Ticket, old.id) == earlier
    (said,) = [entry for entry in case.all(TicketEntry) if entry.ticket == new.id and entry.kind == "joined"]
    assert said.text == "1: still broken"


def test_a_recovery_answer_brings_its_ticket_back() -> None:
    """The recovery survey is about the ticket: a low score reopens that one and opens none."""
    case = Case()
    ticket = case.answered()
    done(case)
    case.later(timedelta(days=11))
    again = case.answered(2, "r2", trigger="recovery", reference=ticket.id)
    assert (again.id, again.reopened, case.kinds()[-1]) == (ticket.id, 1, "reopened")


def test_a_changed_version_is_a_conflict_with_a_clear_message() -> None:
    """Two agents at once never overwrite each other."""
    case = Case()
    case.answered()
    with pytest.raises(Conflict, match="changed by somebody else"):
        ticketing.seen(case.ticket, case.ticket.version - 1)
    ticketing.seen(case.ticket, case.ticket.version)


def test_a_waiting_ticket_that_is_handed_over_goes_on_waiting() -> None:
    """The date stays; the new owner finds it when it comes."""
    case = Case()
    case.answered()
    act(case, ticketing.wait, "Léa", TUESDAY + timedelta(days=2), "")
    act(case, ticketing.hand_over, "Léa", "Max", "holiday")
    assert (case.ticket.owner, case.ticket.state) == ("Max", TicketState.WAITING)
    act(case, ticketing.hand_over, "Max", "", "")
    case.later(timedelta(days=2))
    wake(case)
    assert (case.ticket.owner, case.ticket.state) == ("Nadia", TicketState.OPEN)


def test_a_done_ticket_takes_notes_and_nothing_else() -> None:
    """What is done is reopened first."""
    case = Case()
    case.answered()
    done(case)
    act(case, ticketing.take_note, "Léa", "the lamp arrived")
    for doing in (ticketing.claim,):
        with pytest.raises(BadInput, match="Reopen"):
            act(case, doing, "Max")
    with pytest.raises(BadInput, match="Reopen"):
        done(case)


def test_a_customer_without_an_address_can_be_told_by_phone_alone() -> None:
    """No mail, so no sentence and no mail are asked for."""
    case = Case(who=customer(email=None))
    case.answered()
    done(case, sentence="")
    assert not [dispatch for dispatch in case.all(Dispatch) if dispatch.template == "done"]


def test_a_later_comment_reaches_the_ticket_that_its_answer_joined() -> None:
    """The agent reads every word, also of an answer that came second."""
    case = Case()
    case.answered()
    ticket = case.answered(1, "r2")
    second = next(response for response in case.all(Response) if response.external_id == "r2")
    case.know(replace(contact_for(second), ticket=ticket.id))
    later = replace(second, comment="and the box was open")
    case.later(timedelta(minutes=5))
    changes_of(case, lambda: ticketing.remark(case, later))
    assert [entry.text for entry in case.all(TicketEntry) if entry.kind == "comment"] == ["1/10 and the box was open"]


def test_a_changed_score_is_shown_by_its_ticket() -> None:
    """The customer may change the answer; the ticket shows it as it stands, and says so."""
    case = Case()
    case.answered()
    (response,) = case.all(Response)
    case.later(timedelta(minutes=5))
    changes_of(case, lambda: ticketing.remark(case, replace(response, score=9)))
    assert case.ticket.score == 9
    assert case.kinds() == ["opened", "comment"]


def test_the_shipped_root_causes_are_five_by_five() -> None:
    """Five areas with five causes each, and `other` with a text."""
    causes = shipped().root_causes
    assert [len(causes_of_area) for causes_of_area in causes.values()] == [5] * 5
