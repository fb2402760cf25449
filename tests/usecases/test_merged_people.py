"""Two customers that were merged are one person in the store too: rows, links, mails, what is told of them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey, score

from workers.domain.records import Action, Customer, Dispatch, Response, SurveyRequest, Testimonial, Ticket
from workers.domain.types import TicketState
from workers.store import tables
from workers.usecases.operation.inquiry import explain
from workers.usecases.operation.status import read_books

DAY = timedelta(days=1)
CARD = {"email": "n@example.org", "may_promote": True, "language": "en"}


def merge(boucle: Embedded, old: str = "old", new: str = "new") -> None:
    """Tell that two customers are one, and what the CRM knows of the one that goes on."""
    boucle.take(about("merged", old, boucle.clock.at, merged_into=new))
    boucle.take(about("changed", new, boucle.clock.at, customer={"id": new, **CARD}))


def test_a_promoter_with_an_open_ticket_under_the_other_id_is_not_asked_for_a_testimonial(boucle: Embedded) -> None:
    """The ticket came under the old id, the 10 under the new one: the ticket is open, so no request is sent."""
    card = {"id": "old", **CARD}
    boucle.take(journey("purchase", "old", reference="o1", delivery_expected=False) | {"id": "p"})
    boucle.take(about("changed", "old", customer=card))
    boucle.take(score(1, "old", trigger="purchase", reference="o1"))
    boucle.later(hours=1)
    merge(boucle)
    boucle.later(days=3)
    boucle.take(
        journey("milestone", "new", boucle.clock.at, months=3), score(10, "new", boucle.clock.at, trigger="milestone")
    )
    boucle.later(minutes=5)
    assert boucle.rows(Testimonial) == []
    assert [row.score for row in boucle.rows(Ticket)] == [1]


def test_two_open_tickets_become_one(boucle: Embedded) -> None:
    """In one batch and in the store, where a customer has one open ticket at most."""
    boucle.take(score(1, "old", comment="late"), score(2, "new", comment="broken"))
    boucle.take(about("merged", "old", boucle.clock.at, merged_into="new"), score(0, "old", START, reference="x"))
    states = sorted((str(row.state), row.outcome) for row in boucle.rows(Ticket))
    assert states == [("done", "duplicate"), ("open", "")]
    assert {row.customer for row in boucle.rows(Ticket)} == {customer(boucle, "new").id}
    assert len(boucle.rows(Response)) == 3


def test_the_old_link_still_answers_for_the_person(boucle: Embedded) -> None:
    """A question that left before the merge is answered after it: the ticket is the person's."""
    boucle.take(journey("delivery", "old", reference="o1"))
    boucle.settle()
    (request,) = boucle.rows(SurveyRequest)
    merge(boucle)
    assert boucle.parts.customer_actions.answer(request.id, 3, "late")
    boucle.later(minutes=2)
    (ticket,) = boucle.rows(Ticket)
    assert ticket.customer == customer(boucle, "new").id


def test_a_mail_that_waits_goes_to_the_address_of_the_person(boucle: Embedded) -> None:
    """The reminder was made under the old id; it leaves to the address that the new one has."""
    boucle.take(journey("delivery", "old", reference="o1"))
    boucle.later(hours=1)
    merge(boucle)
    boucle.later(days=5)
    sent = {row.template: row.recipient for row in boucle.rows(Dispatch) if row.accepted_at}
    assert sent == {"ask-delivery": "old@example.org", "reminder": "n@example.org"}


def test_asked_for_by_either_id_the_story_is_the_same(boucle: Embedded) -> None:
    """Explain tells of the person, whichever of the two ids is asked for, and the sums of the books hold."""
    boucle.take(journey("delivery", "old", reference="o1"))
    boucle.settle()
    merge(boucle)
    boucle.take(journey("delivery", "new", boucle.clock.at, reference="o2"))
    boucle.settle()
    explanations = {}
    with boucle.store.reading() as connection:
        for ident in ("old", "new"):
            story = explain(connection, "customer", ident, boucle.clock.at, boucle.parts.policies.current())
            assert story is not None
            explanations[ident] = story
        sums = read_books(connection).sums()
    who = explanations["old"]["customer"]
    assert isinstance(who, dict)
    assert who["merged_from"] == ["old"]
    assert "old was merged into new" in str(who["reason"])
    assert "it told that two customers are one person" in str(explanations["old"]["events"])
    assert {name: value for name, value in explanations["old"].items() if name != "customer"} == {
        name: value for name, value in explanations["new"].items() if name != "customer"
    }
    requests = explanations["new"]["survey_requests"]
    assert isinstance(requests, list)
    assert len(requests) == 1
    assert [line["name"] for line in sums if not line["ok"]] == []


def test_told_again_after_the_inbox_forgot_it_nothing_changes(boucle: Embedded) -> None:
    """A replay of every event into an empty inbox, under the old ids: no row is added or changed."""
    events = [
        journey("delivery", "old", reference="o1"),
        journey("delivery", "new", START + timedelta(minutes=1), reference="o1"),
        journey("refund", "old", START + timedelta(hours=2), reference="o9"),
        score(1, "old", START + timedelta(hours=3)),
        about("merged", "old", START + timedelta(hours=4), merged_into="new"),
        journey("delivery", "old", START + timedelta(hours=5), reference="o2"),
    ]
    boucle.clock.at = START + timedelta(hours=6)
    for event in events:
        boucle.take(event)
    boucle.settle()
    before = everything(boucle)
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.inbox))
    for event in events:
        boucle.take(event)
    boucle.settle()
    assert everything(boucle) == before


def test_merging_into_an_erased_person_erases(boucle: Embedded) -> None:
    """Who was forgotten under one id is not asked under the other that turns out to be theirs."""
    boucle.take(about("changed", "new", customer={"id": "new", **CARD}), about("erased", "new", START + DAY / 24))
    boucle.take(journey("delivery", "old", reference="o1"), about("merged", "old", START + DAY / 12, merged_into="new"))
    boucle.later(days=3)
    assert boucle.rows(SurveyRequest) == []
    assert [(row.crm_id, row.email, row.erased_at is None) for row in boucle.rows(Customer)] == [
        (None, None, False)
    ] * 2


def test_merging_somebody_who_was_erased_erases_the_other_too(boucle: Embedded) -> None:
    """Erased before or after the merge, told in one batch or in two: the person is forgotten, whatever the address."""
    boucle.take(journey("delivery", "new", reference="o1"), about("erased", "old"))
    boucle.take(about("merged", "old", START + DAY / 24, merged_into="new"))
    boucle.take(
        about("erased", "a"),
        about("merged", "a", START + DAY / 24, merged_into="b"),
        journey("delivery", "b", START + DAY / 12, reference="o2"),
    )
    boucle.later(days=3)
    assert boucle.rows(SurveyRequest) == []
    assert {(row.crm_id, row.email, row.erased_at is None) for row in boucle.rows(Customer)} == {(None, None, False)}


@pytest.mark.parametrize("batches", [True, False])
def test_one_customer_merged_into_two_makes_one_person_of_all(boucle: Embedded, *, batches: bool) -> None:
    """The CRM tells a-b and then a-c: a score under each opens one ticket, and either id tells the same."""
    events = [
        about("merged", "a", merged_into="b"),
        about("merged", "a", START + DAY / 24, merged_into="c"),
        about("merged", "c", START + DAY / 12, merged_into="a"),
        score(1, "b", START + DAY / 8),
        score(2, "c", START + DAY / 6),
    ]
    boucle.clock.at = START + DAY / 4
    for batch in [[event] for event in events] if batches else [events]:
        boucle.take(*batch)
    boucle.settle()
    assert len([row for row in boucle.rows(Ticket) if row.state != TicketState.DONE]) == 1
    assert {row.crm_id: row.merged_into == "" or row.merged_into is None for row in boucle.rows(Customer)} == {
        "a": False,
        "b": False,
        "c": True,
    }


def test_what_a_release_before_left_apart_is_joined(boucle: Embedded) -> None:
    """0.1.0 left what was asked and answered under the old id: the sender joins it at its start, once."""
    boucle.take(score(1, "old", comment="late"), journey("delivery", "new", START, reference="o2"))
    with boucle.store.engine.begin() as connection:
        merged_into = sa.update(tables.customer).where(tables.customer.c.crm_id == "old")
        connection.execute(merged_into.values(merged_into=customer(boucle, "new").id))
    boucle.settle()
    assert {row.customer for row in boucle.rows(Ticket)} == {customer(boucle, "new").id}
    assert {row.customer for row in boucle.rows(Action)} == {customer(boucle, "new").id}
    assert boucle.parts.scheduler.join_merged() == 0
    (held,) = [row for row in boucle.rows(Ticket) if row.state != TicketState.DONE]
    assert held.score == 1
    assert boucle.rows(SurveyRequest) == []


def customer(boucle: Embedded, crm_id: str) -> Customer:
    """Return a customer by the CRM's id."""
    return next(row for row in boucle.rows(Customer) if row.crm_id == crm_id)


def everything(boucle: Embedded) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables that tell of a person."""
    with boucle.store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in tables.metadata.sorted_tables
            if "customer" in table.c and table.name not in ("inbox", "history")
        }
