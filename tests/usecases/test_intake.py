"""A batch is taken in whole and once: good events, duplicates, dead letters, and what breaks in the middle."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from embedded import START, STRUCTURED, Embedded, about, journey, score
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from workers.domain.event_handlers import take_event
from workers.domain.records import (
    Customer,
    DeadLetter,
    Dispatch,
    Inbox,
    Journey,
    Response,
    Row,
    SurveyRequest,
    Ticket,
    Touchpoint,
)
from workers.domain.types import Ingress
from workers.errors import BadInput, NotNow
from workers.store import tables
from workers.store.ledger import Incoming, Outcome
from workers.store.positions import Consumed
from workers.usecases import intake
from workers.usecases import intake as intake_module
from workers.usecases.operation import status

DAY = timedelta(days=1)


def message(event: dict[str, Any], **place: Any) -> Incoming:
    """Return an event as a message."""
    return Incoming(orjson.dumps(event), {}, STRUCTURED, **place)


def taken(outcomes: list[Outcome]) -> list[str]:
    """Return what became of each message."""
    return [str(outcome.taken) for outcome in outcomes]


def received(boucle: Embedded) -> dict[str, int]:
    """Return the sums that the doors counted."""
    t = tables.received.c
    columns = [
        sa.func.coalesce(sa.func.sum(column), 0) for column in (t.events, t.accepted, t.duplicates, t.dead_letters)
    ]
    with boucle.store.reading() as connection:
        values = connection.execute(sa.select(*columns)).one()
    return dict(zip(("events", "accepted", "duplicates", "dead_letters"), map(int, values), strict=True))


def books_hold(boucle: Embedded) -> bool:
    """Tell whether every sum holds."""
    with boucle.store.reading() as connection:
        return status.read_books(connection).ok()


def nothing_of(boucle: Embedded, *kinds: type[Row]) -> bool:
    """Tell whether nothing of these kinds is stored."""
    return not any(boucle.rows(kind) for kind in kinds)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the event about the reference `poison` break whatever takes it in."""

    def broken(case: Any, event: Any, *rest: Any) -> None:
        take_event(case, event, *rest)
        if event.reference == "poison":
            raise RuntimeError("division by zero in the middle")

    monkeypatch.setattr(intake, "take_event", broken)


@pytest.mark.usefixtures("poison")
def test_one_event_that_breaks_does_not_stop_the_others(boucle: Embedded, caplog: pytest.LogCaptureFixture) -> None:
    """It alone is rolled back, and becomes a dead letter with its bytes and what to do; its batch is taken as one."""
    bad = journey("delivery", "c2", reference="poison")
    batch = [message(journey("delivery", f"c{n}", reference=str(n))) for n in (1, 3)]
    batch[1:1] = [message(bad), message(journey("delivery", "c2", reference="2"))]
    consumed = [Consumed("cluster", "topic", 0, 10, 12)]
    outcomes = boucle.parts.intake.take(batch, Ingress.KAFKA, consumed)
    assert taken(outcomes) == ["accepted", "rejected", "accepted", "accepted"]
    assert [record.action for record in caplog.records if record.levelname == "ERROR"] == ["intake.failed"]  # type: ignore[attr-defined]
    (letter,) = boucle.rows(DeadLetter)
    assert orjson.loads(letter.body) == bad
    assert "division by zero" in letter.fault
    assert "replay it" in letter.fault
    assert len(boucle.rows(Touchpoint)) == 6
    assert "poison" not in {touchpoint.reference for touchpoint in boucle.rows(Touchpoint)}
    good = {orjson.loads(delivered.body)["id"] for delivered in (batch[0], *batch[2:])}
    assert {row.event_id for row in boucle.rows(Inbox)} == good
    with boucle.store.reading() as connection:
        (position,) = connection.execute(sa.select(tables.consumed))
    assert tuple(position) == ("cluster", "topic", 0, 10, 12)
    assert books_hold(boucle)


@pytest.mark.usefixtures("poison")
def test_a_batch_that_breaks_and_comes_again_changes_nothing(boucle: Embedded) -> None:
    """Killed before the positions were kept: the same messages again are duplicates, and one letter stays one."""
    batch = [message(journey("delivery", "c1", reference=reference)) for reference in ("1", "poison", "2")]
    boucle.parts.intake.take(batch, Ingress.KAFKA)
    before = len(boucle.rows(Touchpoint)), len(boucle.rows(DeadLetter))
    again = boucle.parts.intake.take(batch, Ingress.KAFKA)
    assert taken(again) == ["duplicate", "rejected", "duplicate"]
    assert (len(boucle.rows(Touchpoint)), len(boucle.rows(DeadLetter))) == before
    assert received(boucle) == {"events": 6, "accepted": 2, "duplicates": 3, "dead_letters": 1}
    assert books_hold(boucle)


@pytest.mark.usefixtures("poison")
def test_a_score_that_was_not_taken_leaves_its_id_to_the_next(boucle: Embedded) -> None:
    """It is nobody's: the sender may have mended the customer as well."""
    bad, good = score(9, "42", reference="poison"), score(8, "43", reference="1")
    assert taken(boucle.take(bad, {**good, "id": bad["id"]})) == ["rejected", "accepted"]
    assert [response.score for response in boucle.rows(Response)] == [8]


def test_a_database_that_is_away_is_waited_for(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing becomes a dead letter because a part of ours is down; the caller keeps the batch."""

    def away(*_args: object) -> None:
        raise NotNow("the database does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(boucle.store, "write", away)
        with pytest.raises(NotNow):
            boucle.take(journey("delivery", reference="1"))
    assert boucle.rows(DeadLetter) == []
    assert taken(boucle.take(journey("delivery", reference="1"))) == ["accepted"]


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
        ProgrammingError("INSERT INTO customer VALUES ('ana@example.org')", {}, Exception("no such table: customer")),
        OSError(28, "No space left on device"),
        MemoryError(),
    ],
    ids=["full disk", "missing table", "full machine", "no memory"],
)
def test_what_is_no_fault_of_an_event_keeps_it(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Good events never become dead letters for what the database or the machine lacks; they are taken later."""

    def fails(*_arguments: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(intake_module, "apply", fails)
        with pytest.raises(NotNow) as waits:
            boucle.take(journey("delivery", reference="1"), journey("delivery", "43", reference="2"))
    assert "example.org" not in str(waits.value)
    assert len(boucle.store.outages.current()) == isinstance(error, DBAPIError)  # what stands still is told
    assert boucle.rows(DeadLetter) == []
    assert taken(boucle.take(journey("delivery", reference="1"))) == ["accepted"]


def test_a_database_that_goes_away_while_a_batch_is_split_is_waited_for(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then too."""
    writing, calls = boucle.store.write, 0

    def flaky(work: Callable[..., Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("broken batch")
        if calls == 3:
            raise NotNow("gone")
        return writing(work)

    batch = [message(journey("delivery", "c1", reference=str(n))) for n in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(boucle.store, "write", flaky)
        with pytest.raises(NotNow):
            boucle.parts.intake.take(batch, Ingress.KAFKA)
    assert boucle.rows(DeadLetter) == []
    assert taken(boucle.parts.intake.take(batch, Ingress.KAFKA)) == ["duplicate", "accepted", "accepted"]


def test_a_dead_letter_is_kept_once_with_its_bytes(boucle: Embedded) -> None:
    """The same bytes twice are one letter; other bytes are another one."""
    first, second = b"\xff\x00 not an event", b"{}"
    for body in (first, second, first, first):
        assert taken(boucle.parts.intake.take([Incoming(body, {}, STRUCTURED)], Ingress.HTTP)) == ["rejected"]
    assert sorted(letter.body for letter in boucle.rows(DeadLetter)) == sorted([first, second])
    assert received(boucle) == {"events": 4, "accepted": 0, "duplicates": 2, "dead_letters": 2}
    assert books_hold(boucle)


def test_twice_in_one_batch_is_a_duplicate_too(boucle: Embedded) -> None:
    """For events and for what cannot be read."""
    good, bad = message(journey("delivery", reference="1")), Incoming(b"oops", {}, STRUCTURED)
    assert taken(boucle.parts.intake.take([good, bad, good, bad], Ingress.HTTP)) == [
        *("accepted", "rejected", "duplicate", "rejected")
    ]
    assert received(boucle) == {"events": 4, "accepted": 1, "duplicates": 2, "dead_letters": 1}


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_with_other_content_is_a_conflicting_duplicate(boucle: Embedded, together: bool) -> None:
    """The first one counts; the second is kept, and its sender is told to give it a new id."""
    event = journey("delivery", reference="1")
    other = {**event, "data": {**event["data"], "label": "another lamp"}}
    outcomes = boucle.take(event, other) if together else boucle.take(event) + boucle.take(other)
    assert taken(outcomes) == ["accepted", "rejected"]
    (letter,) = boucle.rows(DeadLetter)
    assert letter.reason == "conflicting_duplicate"
    assert "new id" in letter.fault
    assert boucle.rows(Journey)[0].label == ""


def test_an_emptied_inbox_and_a_replay_of_everything_change_nothing(boucle: Embedded) -> None:
    """The inbox is the short memory; natural keys are the long one."""
    events = [
        journey("purchase", "a", START - 3 * DAY, reference="1", delivery_expected=True),
        journey("delivery", "a", START - DAY, reference="1"),
        journey("refund", "a", START, reference="2"),
        about("changed", "a", START, customer={"name": "New"}),
        about("opted_out", "b", START),
        score(3, "a", START, trigger="delivery"),
        journey("wave", "a", START, reference="spring"),
    ]
    boucle.take(*events)
    boucle.settle()
    kinds = (Touchpoint, Journey, Response, Ticket, SurveyRequest, Customer)
    before = [sorted(map(repr, boucle.rows(kind))) for kind in kinds]
    boucle.store.write(lambda connection: connection.execute(sa.delete(tables.inbox)))
    shuffled = list(events)
    Random(7).shuffle(shuffled)
    boucle.take(*shuffled)
    boucle.settle()
    assert [sorted(map(repr, boucle.rows(kind))) for kind in kinds] == before


def test_any_cut_into_batches_gives_the_same_rows(install: Callable[..., Embedded]) -> None:
    """One by one, all at once, or in between, with every message twice."""
    events = [
        event
        for n in range(12)
        for event in (
            journey("purchase", f"c{n}", START - 2 * DAY, reference=f"o{n}", delivery_expected=n % 2 == 0),
            journey("delivery", f"c{n}", START - n * DAY, reference=f"o{n}"),
            journey("refund", f"c{n % 4}", START, reference=f"o{n}"),
        )
    ]
    rows_by_cut = []
    for seed, size in ((1, 1), (2, 7), (3, 100)):
        boucle = install()
        order = events * 2
        Random(seed).shuffle(order)
        for start in range(0, len(order), size):
            boucle.take(*order[start : start + size])
        crm = {customer.id: customer.crm_id for customer in boucle.rows(Customer)}
        journeys = {journey.id: (journey.trigger, journey.reference) for journey in boucle.rows(Journey)}
        rows_by_cut.append(
            sorted(
                (
                    str(crm[touchpoint.customer]),
                    *journeys[touchpoint.journey],
                    touchpoint.step,
                    str(touchpoint.state),
                    touchpoint.reason,
                    touchpoint.due_at,
                )
                for touchpoint in boucle.rows(Touchpoint)
            )
        )
        assert received(boucle)["accepted"] == len(events)
    assert rows_by_cut[0] == rows_by_cut[1] == rows_by_cut[2]


def test_what_is_said_about_an_erased_person_is_accepted_and_not_kept(boucle: Embedded) -> None:
    """The sender need not know; a replay does not bring the person back."""
    events = [journey("delivery", "42", reference="lamp-for-camille"), score(2, "42", comment="by Camille")]
    boucle.take(about("erased", "42"))
    assert taken(boucle.take(*events)) == ["accepted", "accepted"]
    assert taken(boucle.take(*events)) == ["duplicate", "duplicate"]
    (who,) = boucle.rows(Customer)
    assert (who.crm_id, who.email, who.name) == (None, None, None)
    assert nothing_of(boucle, Touchpoint, Journey, Response)
    assert books_hold(boucle)


def test_events_of_a_merged_customer_go_to_the_other_one(boucle: Embedded) -> None:
    """Also in a later batch, over several merges; merged into each other, the first merge counts."""
    boucle.take(journey("delivery", "a", reference="1"), about("changed", "b", customer={"id": "b", "name": "Bo"}))
    boucle.take(about("merged", "a", merged_into="b"))
    boucle.take(about("merged", "b", START + timedelta(hours=1), merged_into="a"))
    boucle.take(about("merged", "b", START + timedelta(hours=2), merged_into="c"))
    boucle.take(journey("delivery", "a", START + timedelta(hours=3), reference="2"))
    crm = {customer.id: customer.crm_id for customer in boucle.rows(Customer)}
    waiting = {
        (crm[touchpoint.customer], touchpoint.reference)
        for touchpoint in boucle.rows(Touchpoint)
        if str(touchpoint.state) == "planned"
    }
    assert waiting == {("c", "1"), ("c", "2")}


def test_a_score_for_somebody_elses_request_does_not_change_their_profile(boucle: Embedded) -> None:
    """The request says whose answer it is; what is said of the sender is not said of them."""
    boucle.take(journey("delivery", "a", reference="1"))
    boucle.settle()
    (request,) = boucle.rows(SurveyRequest)
    outcomes = boucle.take(score(9, "b", request=request.id, customer={"id": "b", "email": "b@example.org"}))
    assert taken(outcomes) == ["accepted"]
    assert {customer.crm_id: customer.email for customer in boucle.rows(Customer)}["a"] == "a@example.org"
    assert [response.request for response in boucle.rows(Response)] == [request.id]


def test_a_suppressed_address_gets_no_mail_about_a_score(boucle: Embedded) -> None:
    """A score from another tool is routed at once, and looks at the address all the same."""
    boucle.take(about("changed", "b", customer={"id": "b", "email": "a@example.org"}), about("opted_out", "b"))
    boucle.take(about("changed", "a", customer={"id": "a", "email": "a@example.org"}))
    boucle.take(score(10, "a"), {**score(2, "a"), "id": "second"})
    assert len(boucle.rows(Ticket)) == 1
    assert {dispatch.template for dispatch in boucle.rows(Dispatch)} == {"thanks", "ack", "ticket"}
    boucle.settle()


def test_what_cannot_be_answered_is_a_dead_letter_with_words(boucle: Embedded) -> None:
    """A request that nobody knows, a ticket that nobody knows: the sender reads what to send."""
    unknown = "0190a1b2-c3d4-8e5f-8a9b-0c1d2e3f4a5b"
    outcomes = boucle.take(score(9, "a", request=unknown))
    assert taken(outcomes) == ["rejected"]
    assert "boucle.survey-requests" in boucle.rows(DeadLetter)[0].fault
    assert nothing_of(boucle, Response, Customer)


def test_an_event_whose_effects_refuse_it_leaves_no_trace(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the customer that it was the first to name; a replay of its letter is taken in."""

    def refusing(case: Any, event: Any, *rest: Any) -> None:
        take_event(case, event, *rest)
        raise BadInput("not like this")

    with monkeypatch.context() as patched:
        patched.setattr(intake, "take_event", refusing)
        assert taken(boucle.take(journey("delivery", "new", reference="1"))) == ["rejected"]
    assert nothing_of(boucle, Customer, Inbox)
    assert taken(boucle.take(journey("delivery", "new", reference="1"))) == ["accepted"]


def test_a_dry_run_stores_nothing_and_sees_what_came_before(boucle: Embedded) -> None:
    """Within the run each event sees the ones before it."""
    events = [
        journey("delivery", "a", reference="1"),
        journey("refund", "a", reference="1"),
        score(2, "a", trigger="delivery"),
    ]
    changes = [would_change for _, would_change in boucle.parts.intake.dry_run(map(message, events))]
    states = [
        sorted(str(row.state) for row in change_set.rows() if isinstance(row, Touchpoint)) for change_set in changes
    ]
    assert states[:2] == [["planned", "planned"], ["cancelled", "cancelled"]]
    assert any(isinstance(row, Ticket) for row in changes[2].rows())
    for kind in (Customer, Touchpoint, Inbox, Ticket):
        assert boucle.rows(kind) == []
    assert received(boucle)["events"] == 0


def test_the_relationship_begins_with_what_was_not_refunded(boucle: Embedded) -> None:
    """Each event in a batch of its own, of a customer with other journeys: they hang on the second purchase."""
    boucle.take(journey("delivery", at=START - 9 * DAY, reference="0"))
    boucle.take(journey("purchase", at=START - 3 * DAY, reference="1", delivery_expected=True))
    boucle.take({**journey("refund", at=START - 2 * DAY, reference="1", partial=True), "id": "a part of it"})
    assert {str(touchpoint.state) for touchpoint in boucle.rows(Touchpoint) if not touchpoint.reference} == {"planned"}
    boucle.take(journey("refund", at=START - 1 * DAY, reference="1"))
    assert {str(touchpoint.state) for touchpoint in boucle.rows(Touchpoint) if not touchpoint.reference} == {
        "cancelled"
    }
    boucle.take(journey("purchase", at=START, reference="2", delivery_expected=True))
    hanging = [touchpoint for touchpoint in boucle.rows(Touchpoint) if not touchpoint.reference]
    assert {(str(touchpoint.state), touchpoint.anchor_at) for touchpoint in hanging} == {("planned", START)}
    assert len(hanging) == 4
