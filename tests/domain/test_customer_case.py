"""The case of a customer: what changes is recorded and shown at once, and is taken back to a checkpoint as a whole."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from eventparts import DAY, NOW, Person, an_event, asked, score_told
from hypothesis import given, settings
from hypothesis import strategies as st
from ticketparts import TUESDAY, copy_of, customer, shipped

from workers.cloudevents import Event
from workers.domain.changeset import ChangeSet
from workers.domain.customer.merge import merge_customers
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.event_handlers import take_event
from workers.domain.history import Subject, Why, history
from workers.domain.records import Customer, Journey, Row, Stop, Suppression, Ticket
from workers.domain.ticket_allocator import Missing, Need, Roster, TicketAllocator
from workers.domain.types import CustomerId, Effect
from workers.errors import BadInput
from workers.structs import replace


def a_case(who: Customer | None = None, work: UnitOfWork | None = None) -> CustomerCase:
    """Return a case of whom nothing but the profile is known."""
    return CustomerCase(who or customer(), work or UnitOfWork(shipped(), TUESDAY))


def a_stop(cause: str = "churned", owner: CustomerCase | None = None) -> Stop:
    """Return a stop of a customer."""
    return Stop(f"stop-{cause}", (owner or a_case()).id, cause, Effect.CANCEL, "customer", "", TUESDAY, "crm/1")


Written = tuple[object, ...]


def written(changes: ChangeSet) -> Written:
    """Return what the store would write."""
    rows = [
        sorted((kind.__name__, key, repr(row)) for kind, by_key in part.items() for key, row in by_key.items())
        for part in (changes.added, changes.changed)
    ]
    return (*rows, changes.published[:], changes.cancelled[:], changes.forgotten[:], changes.moved[:])


def seen(*cases: CustomerCase) -> list[set[tuple[type[Row], Row]]]:
    """Return everything that cases know."""
    return [{(type(row), repr(row)) for row in case.rows()} for case in cases]  # type: ignore[misc]  # their texts


# What is recorded is shown


def test_what_is_added_is_known_at_once_and_is_what_the_store_writes() -> None:
    """No second object has to be told of it."""
    case, stop = a_case(), a_stop()
    case.add(stop)
    assert case.all(Stop) == (stop,)
    assert case.get(Stop, stop.id) is stop
    assert list(case.changes.rows_added()) == [stop]


def test_a_row_that_was_added_and_changed_is_added_once_in_its_last_state() -> None:
    """As the store inserts it; one that was stored before is changed."""
    case, stored, added = a_case(), a_stop("deceased"), a_stop()
    case.know(stored)
    assert not case.changes, "what is known is no change"
    case.add(added)
    case.change(replace(added, effect=Effect.HOLD))
    case.change(replace(stored, effect=Effect.HOLD))
    assert list(case.changes.rows_added()) == [replace(added, effect=Effect.HOLD)]
    assert case.changes.changed == {Stop: {(stored.id,): replace(stored, effect=Effect.HOLD)}}
    assert {row.effect for row in case.all(Stop)} == {Effect.HOLD}


def test_the_profile_is_a_row_like_any_other() -> None:
    """The next decision sees the changed one."""
    case = a_case()
    case.change(replace(case.customer, email="new@example.org"))
    assert case.customer.email == "new@example.org"
    assert list(case.changes.rows()) == [case.customer]


def test_rows_of_nobody_and_of_others_are_written_and_not_known() -> None:
    """A suppression has no customer; a row of the other of two customers is theirs."""
    case = a_case()
    case.add(Suppression("hash", "opt_out", TUESDAY, "crm"))
    other = replace(a_stop(), customer=replace(customer(), id=CustomerId("another")).id)
    case.add(other)
    assert not case.all(Suppression)
    assert not case.all(Stop)
    assert len(list(case.changes.rows_added())) == 2


def test_rows_may_be_added_while_they_are_gone_through() -> None:
    """What is gone through are the rows as they were when it began."""
    case = a_case()
    case.add(a_stop())
    for stop in case.all(Stop):
        case.add(replace(stop, id=stop.id + "x"))
    assert len(case.all(Stop)) == 2


def test_a_message_is_keyed_by_the_crms_id_as_it_is_when_told() -> None:
    """An erased customer has none, so what is told of them is told before."""
    case = a_case()
    case.publish("boucle.tickets", b"1")
    case.change(replace(case.customer, crm_id=None))
    case.publish("boucle.tickets", b"2")
    assert [message.key for message in case.changes.published] == ["42", ""]


def test_the_changes_are_handed_over_once() -> None:
    """The store writes them; the cases go on from there, and what is changed next is a change of what is stored."""
    case = a_case()
    case.add(a_stop())
    handed = case.work.hand_over()
    assert handed.added
    assert not case.changes
    case.change(replace(a_stop(), effect=Effect.HOLD))
    assert not case.changes.added
    assert case.changes.changed


def test_lines_of_history_are_written_once_however_often_they_are_told() -> None:
    """The key says what became of what, why and when."""
    case = a_case()
    line = history(Subject(case.id, "ticket", "t"), "open", Why("wait", "x"), TUESDAY, case.ids)
    assert line == history(Subject(case.id, "ticket", "t"), "open", Why("wait", "x"), TUESDAY, case.ids)
    assert line.id != history(Subject(case.id, "ticket", "t"), "open", Why("wait", "y"), TUESDAY, case.ids).id


# Taking back


def test_the_cases_of_a_unit_of_work_are_taken_back_together() -> None:
    """A merge touches two; so does its failure."""
    first = a_case()
    second = a_case(replace(customer(), id=CustomerId("other"), crm_id="43"), first.work)
    first.add(a_stop())
    mark = first.checkpoint()
    before = seen(first, second)
    second.adopt(first)
    second.add(replace(a_stop("deceased"), customer=second.id))
    first.change(replace(first.customer, merged_into=second.id))
    assert second.all(Stop)
    second.roll_back(mark)
    assert seen(first, second) == before
    assert [row.cause for row in first.changes.rows_added()] == ["churned"]  # type: ignore[attr-defined]  # a stop


def test_a_number_that_was_handed_out_is_handed_out_again_after_a_roll_back() -> None:
    """No ticket number is lost to an event that failed."""
    work = UnitOfWork(shipped(), TUESDAY, TicketAllocator([7, 8], [1], Roster(("Léa",))))
    mark = work.checkpoint()
    assert (work.allocator.number(), work.allocator.owner("")) == (7, "Léa")
    work.roll_back(mark)
    assert (work.allocator.number(), work.allocator.number()) == (7, 8)


@pytest.mark.parametrize(
    ("need", "ask"),
    [
        (Need.NUMBER, lambda empty: empty.number()),
        (Need.TURN, lambda empty: empty.turn()),
        (Need.ROSTER, lambda empty: empty.lead()),
        (Need.ROSTER, lambda empty: empty.owner("Zoé")),
    ],
)
def test_what_was_not_fetched_is_missed_by_name(need: Need, ask: Callable[[TicketAllocator], object]) -> None:
    """The core reads nothing itself: it says what it needs."""
    with pytest.raises(Missing) as missing:
        ask(TicketAllocator())
    assert missing.value.need == need


def test_two_checkpoints_are_equal_when_nothing_lies_between() -> None:
    """Also when only a message was published or a mail was cancelled."""
    case = a_case()
    mark = case.checkpoint()
    assert case.checkpoint() == mark
    steps: list[Callable[[], None]] = [
        lambda: case.publish("boucle.tickets", b"1"),
        lambda: case.cancel("request", "r", "answered"),
        lambda: case.forget("crm"),
        lambda: case.add(a_stop()),
    ]
    for step in steps:
        before = case.checkpoint()
        step()
        assert case.checkpoint() != before
    case.roll_back(mark)
    assert case.checkpoint() == mark
    assert not case.changes


EVENTS: tuple[Callable[[int], Event], ...] = (
    lambda n: an_event("purchase", NOW - n * DAY, reference=str(n % 3), delivery_expected=bool(n % 2)),
    lambda n: an_event("delivery", NOW - n * DAY, reference=str(n % 3), customer={"email": f"{n}@example.org"}),
    lambda n: an_event("refund", NOW - n * DAY, reference=str(n % 3)),
    lambda n: an_event("complaint_opened", NOW - n * DAY),
    lambda n: an_event("changed", NOW - n * DAY, customer={"time_zone": "Asia/Tokyo", "name": str(n)}),
    lambda n: an_event("opted_out", NOW - n * DAY),
    lambda n: an_event("erased", NOW),
    lambda n: score_told(n % 11, NOW - n * DAY, trigger="delivery", reference=str(n % 3)),
)
events = st.builds(lambda make, n: make(n), st.sampled_from(EVENTS), st.integers(0, 40))


@given(before=st.lists(events, max_size=5), failing=st.lists(events, min_size=1, max_size=3), then=events)
@settings(max_examples=80, deadline=None)
def test_what_is_taken_back_was_never_there(before: list[Event], failing: list[Event], then: Event) -> None:
    """Whatever a unit of work did: rows, changes, messages and numbers are as before, and it goes on as if unhurt."""
    unhurt, hurt = Person(), Person()
    for event in before:
        take_event(unhurt.case, event)
        take_event(hurt.case, event)
    mark, rows, changes = hurt.case.checkpoint(), seen(hurt.case), written(hurt.case.changes)
    for event in failing:
        take_event(hurt.case, event)
    hurt.case.roll_back(mark)
    assert seen(hurt.case) == rows
    assert written(hurt.case.changes) == changes
    assert hurt.case.checkpoint() == mark
    take_event(unhurt.case, then)
    take_event(hurt.case, then)
    assert seen(hurt.case) == seen(unhurt.case)
    assert written(hurt.case.changes) == written(unhurt.case.changes)


def test_a_merge_that_is_taken_back_leaves_two_customers() -> None:
    """Rows that both have, an open ticket each, the profile: all as before."""
    first, second = Person(), Person()
    for person, score in ((first, 1), (second, 2)):
        person.hear(an_event("delivery", reference="1"), score_told(score, NOW))
    who = replace(second.case.customer, id=CustomerId("other"), crm_id="43")
    rows = [
        replace(row, customer=who.id, **({"id": f"{row.id}-2"} if isinstance(row, Ticket | Journey) else {}))  # type: ignore[call-arg]
        for row in second.case.rows()
        if not isinstance(row, Customer)
    ]
    into = CustomerCase(who, first.case.work, rows)
    mark, before = first.case.checkpoint(), seen(first.case, into)
    merge_customers(first.case, into)
    assert first.case.changes.moved
    assert sum(ticket.state != "done" for ticket in into.all(Ticket)) == 1
    into.roll_back(mark)
    assert seen(first.case, into) == before
    assert not first.case.changes


def test_an_answer_to_an_unknown_request_leaves_nothing() -> None:
    """The caller rolls back: also the profile that came with it."""
    person, request = asked()
    before = seen(person.case)
    stranger = score_told(9, NOW, request=request.id[:-1] + "x", customer={"name": "New"})
    with pytest.raises(BadInput, match="No survey request"):
        person.hear(stranger)
    assert seen(person.case) == before
    assert not person.case.changes


def test_what_is_settled_stays_whatever_fails_after_it() -> None:
    """A batch settles event by event, so what it could take back stays short."""
    case = a_case()
    case.add(a_stop())
    case.work.settle()
    mark = case.checkpoint()
    case.add(a_stop("deceased"))
    case.roll_back(mark)
    assert [stop.cause for stop in case.all(Stop)] == ["churned"]
    assert len(list(case.changes.rows_added())) == 1


@pytest.mark.parametrize("settle", [UnitOfWork.settle, UnitOfWork.hand_over])
def test_what_is_settled_or_written_is_not_half_taken_back(settle: Callable[[UnitOfWork], object]) -> None:
    """A checkpoint before it is refused, whatever was changed since."""
    case = a_case()
    mark = case.checkpoint()
    case.add(a_stop())
    settle(case.work)
    case.add(a_stop("deceased"))
    with pytest.raises(ValueError, match="settled"):
        case.roll_back(mark)
    assert len(case.all(Stop)) == 2


def test_what_was_added_since_a_checkpoint_is_told_once_as_it_is_now() -> None:
    """Rows of other kinds, of before and of what was only changed are left out."""
    case, stored = a_case(), a_stop("deceased")
    case.know(stored)
    case.add(a_stop("refund"))
    mark = case.checkpoint()
    case.add(a_stop())
    case.change(replace(a_stop(), effect=Effect.HOLD))
    case.change(replace(stored, effect=Effect.HOLD))
    case.change(replace(a_stop("refund"), effect=Effect.HOLD))
    case.change(replace(case.customer, name="Camille"))
    assert list(case.work.added_since(mark, Stop)) == [replace(a_stop(), effect=Effect.HOLD)]


def test_time_is_taken_back_as_well() -> None:
    """A case that was played forward is where it was."""
    case = a_case()
    mark = case.checkpoint()
    case.work.now += timedelta(days=3)
    case.add(a_stop())
    case.roll_back(mark)
    assert case.now == TUESDAY
    assert seen(case) == seen(copy_of(case))
