"""Privacy: what is kept about a person can be shown whole, and forgotten whole."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import Embedded, about, journey, score

from workers import counting
from workers.privacy import Privacy
from workers.records import (
    Action,
    Customer,
    DeadLetter,
    Dispatch,
    Journey,
    Response,
    Suppression,
    Testimonial,
    Ticket,
    Touchpoint,
)
from workers.store import forgetting, tables
from workers.store.auditlog import list_acts
from workers.store.ledger import Incoming
from workers.words import Door

SECRETS = ("Camille", "42@example.org", "Broken on arrival", "+33 1 23 45", "order-1042", "lamp for Camille", '"42"')
"""What leads to the person: name, address, words, phone, order number, label, the CRM's id."""
LATE = {"reference": "order-1043", "label": "lamp for Camille"}


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Give an installation in which one customer did everything, and another one the same."""
    made = Embedded(tmp_path)
    for who in ("42", "43"):
        made.take(journey("delivery", who, reference=f"order-10{who}", label="lamp for Camille", agent="Ana"))
    made.settle()
    requests = {one.reference: one.id for one in made.rows(Journey)}
    assert requests
    answer_all(made)
    made.take(journey("delivery", "42", made.clock.at, **LATE), score(9, "42", made.clock.at, trigger="deal_won"))
    made.parts.intake.take([Incoming(b'{"subject": "42", "oops": "42@example.org"}', {})], Door.HTTP)
    made.later(minutes=1)
    return made


def answer_all(made: Embedded) -> None:
    """Let both customers answer badly, want a call, and be clicked on."""
    from workers.records import SurveyRequest

    for request in made.rows(SurveyRequest):
        made.parts.serving.click(request.id, 2, "GET")
        assert made.parts.serving.answer(request.id, 2, "Broken on arrival", wants_contact=True, phone="+33 1 23 45")
    made.later(minutes=5)


def privacy(boucle: Embedded) -> Privacy:
    """Return the use case."""
    return Privacy(boucle.store, boucle.parts.policies.current, boucle.clock.now)


def everything(boucle: Embedded, *, but: tuple[str, ...] = ()) -> str:
    """Return the whole database as text, bytes included."""
    told: list[Any] = []
    with boucle.store.reading() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name not in but:
                told += [[table.name, *row] for row in connection.execute(sa.select(table))]
    return "\n".join(
        str([bytes(v).decode("utf-8", "replace") if isinstance(v, bytes) else v for v in row]) for row in told
    )


def customer(boucle: Embedded, crm_id: str | None) -> Customer:
    """Return the customer with this CRM id."""
    return next(one for one in boucle.rows(Customer) if one.crm_id == crm_id)


def test_an_export_holds_every_row_of_the_person_and_nobody_elses(boucle: Embedded) -> None:
    """The export names every table, is plain JSON, tells each mail's words, and holds no other customer."""
    told = privacy(boucle).export("42", "ana")
    assert told is not None
    text = json.dumps(told)
    for secret in ("42@example.org", "Broken on arrival", "order-1042"):
        assert secret in text
    assert "43@example.org" not in text
    assert "order-1043" in text  # a reference of 42's own
    for table in ("customers", "journey", "touchpoint", "response", "decision", "ticket", "click", "dead_letter"):
        assert told[table], table
    assert "Camille" in told["dispatch_body"][0]["body"]
    owned = {table.name for table in tables.metadata.sorted_tables if "customer" in table.c}
    assert owned <= set(told)


def test_an_export_of_somebody_unknown_is_nothing(boucle: Embedded) -> None:
    """Of an id that the CRM never sent, nothing is known and nothing is made up."""
    assert privacy(boucle).export("77", "ana") is None
    assert not privacy(boucle).erase("77", "ana")


def test_erasing_leaves_nothing_that_leads_to_the_person(boucle: Embedded) -> None:
    """After erasing, no table holds name, address, words, phone or order number; the other customer keeps theirs."""
    boucle.take(journey("delivery", "44", reference="44"))  # somebody else's message waits in the outbox as well
    assert privacy(boucle).erase("42", "ana")
    left = everything(boucle, but=("outbox",))
    with boucle.store.reading() as connection:
        owner = customer(boucle, None).id
        rows = [
            str([*row])
            for table in tables.metadata.sorted_tables
            if "customer" in table.c and table is not tables.inbox
            for row in connection.execute(sa.select(table).where(table.c.customer == owner))
        ]
    for secret in SECRETS:
        assert not [row for row in rows if secret in row], secret
    assert "42@example.org" not in left
    assert "43@example.org" in left
    assert "Broken on arrival" in left  # 43 said so too


def test_what_is_counted_stays_and_the_books_hold(boucle: Embedded) -> None:
    """Score, date and segment stay, linked to nobody; no sum breaks."""
    before = sorted((one.score, one.answered_at) for one in boucle.rows(Response))
    privacy(boucle).erase("42", "ana")
    boucle.later(days=60)
    assert sorted((one.score, one.answered_at) for one in boucle.rows(Response)) == before
    with boucle.store.reading() as connection:
        assert [one for one in counting.read_books(connection).sums() if not one["ok"]] == []


def test_nothing_leaves_after_erasing(boucle: Embedded) -> None:
    """Planned touchpoints, waiting actions and mails are cancelled, the ticket is done, and no mail leaves later."""
    privacy(boucle).erase("42", "ana")
    owner = customer(boucle, None).id
    sent = [one.id for one in boucle.rows(Dispatch) if one.state == "accepted"]
    boucle.later(days=400)
    assert {str(one.state) for one in boucle.rows(Touchpoint) if one.customer == owner} <= {"asked", "cancelled"}
    assert not [one for one in boucle.rows(Action) if one.customer == owner and one.state in ("planned", "held")]
    assert [(str(one.state), one.outcome) for one in boucle.rows(Ticket) if one.customer == owner] == [
        ("done", "erased")
    ]
    later = [one for one in boucle.rows(Dispatch) if one.customer == owner and one.id not in sent]
    assert not [one for one in later if one.state == "accepted"]


def test_a_replay_does_not_bring_the_person_back(boucle: Embedded) -> None:
    """The same events, new ones and profile changes about an erased person are taken without a trace of them."""
    privacy(boucle).erase("42", "ana")
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.inbox))
    outcomes = boucle.take(
        journey("delivery", "42", reference="order-1042", label="lamp for Camille"),
        journey("delivery", "42", boucle.clock.at, reference="order-2000"),
        about("changed", "42", customer={"id": "42", "email": "42@example.org", "name": "Camille Roux"}),
        score(3, "42", boucle.clock.at),
    )
    boucle.settle()
    assert {str(one.taken) for one in outcomes} == {"accepted"}
    assert [one.crm_id for one in boucle.rows(Customer) if one.email == "42@example.org"] == []
    assert "order-2000" not in everything(boucle, but=("inbox",))
    assert {one.kind for one in boucle.rows(Suppression)} == {"erased"}


def test_the_crms_erased_event_does_the_same_as_the_command(tmp_path: Path, boucle: Embedded) -> None:
    """`boucle.customer.erased` reaches the same tables, with an audit row by the CRM."""
    boucle.take(about("erased", "42", boucle.clock.at))
    assert "42@example.org" not in everything(boucle)
    assert "order-1042" not in everything(boucle, but=("inbox",))
    with boucle.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["by"], act["act"], act["subject"]) == ("crm", "privacy.erase", customer(boucle, None).id)


def test_every_act_leaves_an_audit_row_without_personal_data(boucle: Embedded) -> None:
    """Export and erasure are in the audit log under our own key; erasing twice is one erasure."""
    privacy(boucle).export("42", "ana")
    assert privacy(boucle).erase("42", "ana")
    assert privacy(boucle).erase("42", "ana")
    with boucle.store.reading() as connection:
        acts = list_acts(connection)
    assert [(one["by"], one["act"]) for one in acts] == [("ana", "privacy.erase"), ("ana", "privacy.export")]
    assert not [secret for secret in SECRETS if secret in str(acts)]


def test_dead_letters_about_the_person_go_with_them(boucle: Embedded) -> None:
    """Letters are found by subject and by the address in their bytes; of somebody never accepted, only letters go."""
    assert len(boucle.rows(DeadLetter)) == 1
    privacy(boucle).erase("42", "ana")
    assert boucle.rows(DeadLetter) == []
    boucle.take({**journey("delivery", "99"), "type": "boucle.journey.unheard.v1"})
    assert len(boucle.rows(DeadLetter)) == 1
    assert privacy(boucle).erase("99", "ana")
    assert boucle.rows(DeadLetter) == []


def test_a_consented_testimonial_is_withdrawn_and_web_sites_are_told(tmp_path: Path) -> None:
    """An erased promoter's words are taken down: state, consent record and message say so."""
    from workers.records import Consent, SurveyRequest

    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    boucle.parts.serving.answer(boucle.rows(SurveyRequest)[0].id, 10)
    boucle.later(minutes=5)
    boucle.later(days=11)
    (asked,) = boucle.rows(Testimonial)
    boucle.parts.serving.write_testimonial(asked.response, "Lovely", "C. R.", "Lyon", "name_and_text")
    boucle.later(minutes=1)
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.outbox))
    privacy(boucle).erase("42", "ana")
    (testimonial,) = boucle.rows(Testimonial)
    assert (str(testimonial.state), testimonial.wording, testimonial.shown_name) == ("withdrawn", "", "")
    assert sorted(one.given for one in boucle.rows(Consent)) == [False, True]
    assert boucle.parts.serving.published() == []
    with boucle.store.reading() as connection:
        topics = connection.execute(sa.select(tables.outbox.c.topic)).scalars().all()
        assert [one for one in counting.read_books(connection).sums() if not one["ok"]] == []
    assert topics == ["boucle.testimonials"]


def test_an_answer_that_settles_after_erasing_opens_no_ticket(tmp_path: Path) -> None:
    """A score that was not routed yet is counted, but nobody is called and nothing is written."""
    from workers.records import SurveyRequest

    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    boucle.parts.serving.answer(boucle.rows(SurveyRequest)[0].id, 1, "Call me", wants_contact=True)
    privacy(boucle).erase("42", "ana")
    boucle.later(days=1)
    assert boucle.rows(Ticket) == []
    assert {(str(one.state), one.reason) for one in boucle.rows(Action)} == {("cancelled", "erased")}


def test_who_was_merged_is_the_same_person(tmp_path: Path) -> None:
    """Erasing by either id erases both, and neither comes back."""
    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", "old", reference="order-1"), journey("delivery", "new", reference="order-2"))
    boucle.settle()
    boucle.take(about("merged", "old", boucle.clock.at, merged_into="new"))
    told = privacy(boucle).export("old", "ana")
    assert told is not None
    assert sorted(one["crm_id"] for one in told["customers"]) == ["new", "old"]
    assert privacy(boucle).erase("old", "ana")
    assert [one.crm_id for one in boucle.rows(Customer)] == [None, None]
    text = everything(boucle, but=("inbox",))
    for secret in ("old@example.org", "new@example.org", "order-1", "order-2", "Camille"):
        assert secret not in text, secret


def test_every_table_about_a_person_is_scrubbed_or_kept_with_a_reason() -> None:
    """A new table with a customer is forgotten by nobody: it is named here before it ships."""
    owned = {table for table in tables.metadata.sorted_tables if "customer" in table.c}
    named = {*forgetting.SCRUBBED, *forgetting.KEPT, *forgetting.DELETED}
    assert {table.name for table in owned - named} == set()
    for table, values in forgetting.SCRUBBED.items():
        assert set(values) <= set(table.c.keys()), table.name
