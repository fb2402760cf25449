"""Privacy: what is kept about a person can be shown whole, and forgotten whole."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import Embedded, about, journey, score

from workers.domain.records import (
    Action,
    Customer,
    DeadLetter,
    Dispatch,
    FormerAddress,
    Journey,
    Response,
    Suppression,
    SurveyRequest,
    Testimonial,
    Ticket,
    Touchpoint,
)
from workers.domain.types import Ingress
from workers.store import tables
from workers.store.customer import erasure
from workers.store.ledger import Incoming
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.operation import status
from workers.usecases.privacy.person import Privacy

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
    requests = {journey.reference: journey.id for journey in made.rows(Journey)}
    assert requests
    answer_all(made)
    made.take(journey("delivery", "42", made.clock.at, **LATE), score(9, "42", made.clock.at, trigger="deal_won"))
    made.parts.intake.take([Incoming(b'{"subject": "42", "oops": "42@example.org"}', {})], Ingress.HTTP)
    made.later(minutes=1)
    return made


def answer_all(made: Embedded) -> None:
    """Let both customers answer badly, want a call, and be clicked on."""
    for request in made.rows(SurveyRequest):
        made.parts.customer_actions.click(request.id, 2, "GET")
        assert made.parts.customer_actions.answer(
            request.id, 2, "Broken on arrival", wants_contact=True, phone="+33 1 23 45"
        )
    made.later(minutes=5)


def privacy(boucle: Embedded) -> Privacy:
    """Return the use case."""
    return Privacy(boucle.store, boucle.parts.policies.current, boucle.clock.now)


def everything(boucle: Embedded, *, but: tuple[str, ...] = ()) -> str:
    """Return the whole database as text, bytes included."""
    rows: list[Any] = []
    with boucle.store.reading() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name not in but:
                rows += [[table.name, *row] for row in connection.execute(sa.select(table))]
    return "\n".join(
        str([bytes(v).decode("utf-8", "replace") if isinstance(v, bytes) else v for v in row]) for row in rows
    )


def customer(boucle: Embedded, crm_id: str | None) -> Customer:
    """Return the customer with this CRM id."""
    return next(customer for customer in boucle.rows(Customer) if customer.crm_id == crm_id)


def test_an_export_holds_every_row_of_the_person_and_nobody_elses(boucle: Embedded) -> None:
    """The export names every table, is plain JSON, tells each mail's words, and holds no other customer."""
    export = privacy(boucle).export("42", "ana")
    assert export is not None
    text = json.dumps(export)
    for secret in ("42@example.org", "Broken on arrival", "order-1042"):
        assert secret in text
    assert "43@example.org" not in text
    assert "order-1043" in text  # a reference of 42's own
    for table in ("customers", "journey", "touchpoint", "response", "decision", "ticket", "click", "dead_letter"):
        assert export[table], table
    assert "Camille" in export["dispatch_body"][0]["body"]
    owned = {table.name for table in tables.metadata.sorted_tables if "customer" in table.c}
    assert owned <= set(export)


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
    before = sorted((response.score, response.answered_at) for response in boucle.rows(Response))
    privacy(boucle).erase("42", "ana")
    boucle.later(days=60)
    assert sorted((response.score, response.answered_at) for response in boucle.rows(Response)) == before
    with boucle.store.reading() as connection:
        assert [check for check in status.read_books(connection).sums() if not check["ok"]] == []


def test_nothing_leaves_after_erasing(boucle: Embedded) -> None:
    """Planned touchpoints, waiting actions and mails are cancelled, the ticket is done, and no mail leaves later."""
    privacy(boucle).erase("42", "ana")
    owner = customer(boucle, None).id
    sent = [dispatch.id for dispatch in boucle.rows(Dispatch) if dispatch.state == "accepted"]
    boucle.later(days=400)
    assert {str(touchpoint.state) for touchpoint in boucle.rows(Touchpoint) if touchpoint.customer == owner} <= {
        "asked",
        "cancelled",
    }
    assert not [
        action for action in boucle.rows(Action) if action.customer == owner and action.state in ("planned", "held")
    ]
    assert [(str(ticket.state), ticket.outcome) for ticket in boucle.rows(Ticket) if ticket.customer == owner] == [
        ("done", "erased")
    ]
    later = [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.customer == owner and dispatch.id not in sent]
    assert not [dispatch for dispatch in later if dispatch.state == "accepted"]


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
    assert {str(outcome.taken) for outcome in outcomes} == {"accepted"}
    assert [customer.crm_id for customer in boucle.rows(Customer) if customer.email == "42@example.org"] == []
    assert "order-2000" not in everything(boucle, but=("inbox",))
    assert {suppression.kind for suppression in boucle.rows(Suppression)} == {"erased"}


def test_the_crms_erased_event_does_the_same_as_the_command(tmp_path: Path, boucle: Embedded) -> None:
    """`boucle.customer.erased` reaches the same tables, with an audit row by the CRM."""
    boucle.take(about("erased", "42", boucle.clock.at))
    boucle.settle()
    assert "42@example.org" not in everything(boucle)
    assert "order-1042" not in everything(boucle, but=("inbox",))
    with boucle.store.reading() as connection:
        acts = [(act["by"], act["act"], act["subject"]) for act in list_acts(connection)]
    owner = customer(boucle, None).id
    assert acts == [("crm", "privacy.letters", owner), ("crm", "privacy.erase", owner)]


def test_every_act_leaves_an_audit_row_without_personal_data(boucle: Embedded) -> None:
    """Export and erasure are in the audit log under our own key; erasing twice is one erasure."""
    privacy(boucle).export("42", "ana")
    assert privacy(boucle).erase("42", "ana")
    assert privacy(boucle).erase("42", "ana")
    with boucle.store.reading() as connection:
        acts = list_acts(connection)
    assert {act["by"] for act in acts} == {"ana"}
    assert [act["act"] for act in acts] == ["privacy.letters", "privacy.erase", "privacy.export"]
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
    from workers.domain.records import Consent

    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    boucle.parts.customer_actions.answer(boucle.rows(SurveyRequest)[0].id, 10)
    boucle.later(minutes=5)
    boucle.later(days=11)
    (asked,) = boucle.rows(Testimonial)
    boucle.parts.testimonials.write(asked.response, "Lovely", "C. R.", "Lyon", "name_and_text")
    boucle.later(minutes=1)
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.outbox))
    privacy(boucle).erase("42", "ana")
    (testimonial,) = boucle.rows(Testimonial)
    assert (str(testimonial.state), testimonial.wording, testimonial.shown_name) == ("withdrawn", "", "")
    assert sorted(consent.given for consent in boucle.rows(Consent)) == [False, True]
    assert boucle.parts.testimonials.published() == []
    with boucle.store.reading() as connection:
        topics = connection.execute(sa.select(tables.outbox.c.topic)).scalars().all()
        assert [check for check in status.read_books(connection).sums() if not check["ok"]] == []
    assert topics == ["boucle.testimonials"]


def test_an_answer_that_settles_after_erasing_opens_no_ticket(tmp_path: Path) -> None:
    """A score that was not routed yet is counted, but nobody is called and nothing is written."""
    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    boucle.parts.customer_actions.answer(boucle.rows(SurveyRequest)[0].id, 1, "Call me", wants_contact=True)
    privacy(boucle).erase("42", "ana")
    boucle.later(days=1)
    assert boucle.rows(Ticket) == []
    assert {(str(action.state), action.reason) for action in boucle.rows(Action)} == {("cancelled", "erased")}


def test_who_was_merged_is_the_same_person(tmp_path: Path) -> None:
    """Erasing by either id erases both, and neither comes back."""
    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", "old", reference="order-1"), journey("delivery", "new", reference="order-2"))
    boucle.settle()
    boucle.take(about("merged", "old", boucle.clock.at, merged_into="new"))
    export = privacy(boucle).export("old", "ana")
    assert export is not None
    assert sorted(customer["crm_id"] for customer in export["customers"]) == ["new", "old"]
    assert privacy(boucle).erase("old", "ana")
    assert [customer.crm_id for customer in boucle.rows(Customer)] == [None, None]
    text = everything(boucle, but=("inbox",))
    for secret in ("old@example.org", "new@example.org", "order-1", "order-2", "Camille"):
        assert secret not in text, secret


def test_every_table_about_a_person_is_scrubbed_or_kept_with_a_reason() -> None:
    """A new table with a customer is forgotten by nobody: it is named here before it ships."""
    owned = {table for table in tables.metadata.sorted_tables if "customer" in table.c}
    named = {*erasure.SCRUBBED, *erasure.KEPT, *erasure.DELETED}
    assert {table.name for table in owned - named} == set()
    for table, values in erasure.SCRUBBED.items():
        assert set(values) <= set(table.c.keys()), table.name


OLD, NEW = "Jean.Old@exämple.fr", "jean.new@example.org"
EVENT = '{"specversion": "1.0", "id": "%s", "source": "crm", "type": "boucle.unheard.v1", "data": {%s}}'
LETTERS: dict[str, bytes] = {
    "the address of today": (EVENT % (1, f'"email": "{NEW}"')).encode(),
    "an earlier address": (EVENT % (2, f'"email": "{OLD}"')).encode(),
    "cut off": f'{{"data": {{"customer": {{"email": "{NEW}", "name": "Je'.encode(),
    "escaped": (EVENT % (3, f'"email": "{NEW}"')).replace("@", "\\u0040").encode(),
    "other capitals": (EVENT % (4, f'"email": "{OLD.upper()}"')).encode(),
    "an id that is a number": (EVENT % (5, '"customer": {"id": 42, "name": "?"}')).encode(),
    "Latin-1": (EVENT % (6, f'"email": "{OLD}"')).encode("latin-1"),
    "a refused batch": f"[{EVENT % (7, f'{chr(34)}email{chr(34)}: {chr(34)}{NEW}{chr(34)}')}]".encode(),
}
"""What named the person and outlived their erasure in 0.1.0, all but the first."""
OTHERS: dict[str, bytes] = {
    "the number as an amount": (EVENT % (8, '"customer": {"id": 4711}, "total": 42')).encode(),
    "a longer number": (EVENT % (9, '"customer": {"id": 142}')).encode(),
    "a longer address": (EVENT % (10, f'"email": "x{NEW}"')).encode(),
}


@pytest.fixture
def moved(tmp_path: Path) -> Embedded:
    """Give an installation in which customer 42 changed address, and letters name them in every way; others too."""
    made = Embedded(tmp_path)
    first, second = ({"id": "42", "email": email, "name": "Jean"} for email in (OLD, NEW))
    made.take(about("changed", "42", customer=first))
    made.clock.at += timedelta(days=1)
    made.take(about("changed", "42", made.clock.at, customer=second))
    for body in (*LETTERS.values(), *OTHERS.values()):
        made.parts.intake.take([Incoming(body, {})], Ingress.HTTP)
    assert len(made.rows(DeadLetter)) == len(LETTERS) + len(OTHERS)
    return made


def bodies(boucle: Embedded) -> list[bytes]:
    """Return the bytes of the letters that are kept."""
    return sorted(letter.body for letter in boucle.rows(DeadLetter))


def test_an_export_shows_every_letter_that_erasing_deletes(moved: Embedded) -> None:
    """Earlier address, cut, escapes, capitals, number, Latin-1, batch: the export lists what erasing deletes."""
    export = privacy(moved).export("42", "ana")
    assert export is not None
    assert len(export["dead_letter"]) == len(LETTERS)
    json.dumps(export)
    assert privacy(moved).erase("42", "ana")
    assert bodies(moved) == sorted(OTHERS.values())
    assert moved.rows(FormerAddress) == []
    with moved.store.reading() as connection:
        act = list_acts(connection, limit=1)[0]
    assert act["detail"]["dead_letters"] == len(LETTERS)


@pytest.mark.parametrize("way", LETTERS)
def test_each_letter_goes_by_itself(tmp_path: Path, way: str) -> None:
    """No letter is found by luck of another one."""
    made = Embedded(tmp_path)
    for email in (OLD, NEW):
        made.take(about("changed", "42", made.clock.at, customer={"id": "42", "email": email}))
        made.clock.at += timedelta(days=1)
    made.parts.intake.take([Incoming(LETTERS[way], {})], Ingress.HTTP)
    assert len(made.rows(DeadLetter)) == 1
    privacy(made).erase("42", "ana")
    assert made.rows(DeadLetter) == []


def test_an_older_address_that_is_told_late_is_found_as_well(tmp_path: Path) -> None:
    """An event about the past does not change the profile, but the address is the person's."""
    made = Embedded(tmp_path)
    made.take(about("changed", "42", made.clock.at, customer={"id": "42", "email": NEW}))
    made.take(about("changed", "42", made.clock.at - timedelta(days=9), customer={"id": "42", "email": OLD}))
    made.parts.intake.take([Incoming(LETTERS["an earlier address"], {})], Ingress.HTTP)
    privacy(made).erase("42", "ana")
    assert made.rows(DeadLetter) == []


def test_a_refused_batch_loses_only_the_persons_events(tmp_path: Path) -> None:
    """The others of the batch stay to be replayed; the export shows the person no event of theirs."""
    made = Embedded(tmp_path)
    made.take(about("changed", "42", customer={"id": "42", "email": NEW}))
    mine, other = ({"subject": crm_id, "data": {"customer": {"id": crm_id}}} for crm_id in ("42", "43"))
    body = json.dumps([mine, other]).encode()
    made.parts.intake.take([Incoming(body, {})], Ingress.HTTP)
    export = privacy(made).export("42", "ana")
    assert export is not None
    assert json.loads(export["dead_letter"][0]["body"]) == [mine]
    privacy(made).erase("42", "ana")
    [left] = made.rows(DeadLetter)
    assert json.loads(left.body) == [other]
    assert privacy(made).export("42", "ana") is None


def test_a_shared_mailbox_does_not_wipe_the_other_customers_letter(tmp_path: Path) -> None:
    """A letter about 43, who has the same address, is 43's; without a subject it goes with 42."""
    made = Embedded(tmp_path)
    for who in ("42", "43"):
        made.take(about("changed", who, customer={"id": who, "email": NEW}))
    theirs = {**journey("delivery", "43"), "type": "boucle.unheard.v1", "data": {"email": NEW}}
    made.take(theirs, {**theirs, "id": "other", "subject": None})
    assert len(made.rows(DeadLetter)) == 2
    privacy(made).erase("42", "ana")
    assert [letter.subject for letter in made.rows(DeadLetter)] == ["43"]


def test_an_id_in_other_capitals_is_somebody_else_if_the_crm_says_so(tmp_path: Path) -> None:
    """Some CRMs tell 0015AbC from 0015aBC; where only one is known, the other spelling is theirs."""
    made = Embedded(tmp_path)
    made.take(about("changed", "CRM0015a", customer={"id": "CRM0015a"}))
    made.parts.intake.take([Incoming(b'{"text": "CRM0015A"}', {}), Incoming(b'{"text": "crm0015a"}', {})], Ingress.HTTP)
    made.take(about("changed", "CRM0015A", customer={"id": "CRM0015A"}))
    privacy(made).erase("CRM0015a", "ana")
    assert bodies(made) == [b'{"text": "CRM0015A"}']


def test_a_letter_may_name_the_person_by_our_own_key(boucle: Embedded) -> None:
    """A refused score that only names the question is about whoever was asked."""
    request = boucle.rows(SurveyRequest)[0]
    body = json.dumps({"data": {"request": request.id, "comment": "It is me"}}).encode()
    boucle.parts.intake.take([Incoming(body, {})], Ingress.HTTP)
    asked = next(customer.crm_id for customer in boucle.rows(Customer) if customer.id == request.customer)
    privacy(boucle).erase(str(asked), "ana")
    assert body not in bodies(boucle)


def test_letters_that_came_after_erasing_go_when_asked_again(moved: Embedded) -> None:
    """Erasing once more reaches what a broken sender has sent since; the person stays unknown to the export."""
    privacy(moved).erase("42", "ana")
    moved.parts.intake.take([Incoming(b'{"subject": 42, "again": true', {})], Ingress.HTTP)
    assert privacy(moved).export("42", "ana") is None
    assert privacy(moved).erase("42", "ana")
    assert bodies(moved) == sorted(OTHERS.values())


def test_of_somebody_never_accepted_the_letters_are_shown(boucle: Embedded) -> None:
    """All that is kept about them is what was refused."""
    boucle.take({**journey("delivery", "99"), "type": "boucle.journey.unheard.v1"})
    export = privacy(boucle).export("99", "ana")
    assert export is not None
    assert (export["customers"], len(export["dead_letter"])) == ([], 1)


def test_many_erasures_of_one_batch_look_through_the_letters_once(moved: Embedded) -> None:
    """A CRM that erases forty customers at once has the letters read once for all of them."""
    ids = [f"gone-{n}" for n in range(40)]
    moved.take(*(about("changed", who, customer={"id": who, "email": f"{who}@example.org"}) for who in ids))
    moved.take(*(about("erased", who, moved.clock.at) for who in ids))
    looked = statements(moved)
    moved.parts.letter_search().search_all()
    assert sum("FROM dead_letter" in statement and "body" in statement for statement in looked) <= 3


def statements(boucle: Embedded) -> list[str]:
    """Return a list that gets every statement from now on."""
    sent: list[str] = []
    sa.event.listen(boucle.store.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    return sent


def test_the_addresses_of_a_merged_person_are_all_found(tmp_path: Path) -> None:
    """Whichever address wins when two customers become one, erasing finds the letters under both."""
    for later in ("old", "new"):
        made = Embedded(tmp_path / later)
        for who in ("old", "new"):
            at = made.clock.at + timedelta(hours=who == later)
            made.take(about("changed", who, at, customer={"id": who, "email": f"{who}@example.org"}))
        made.clock.at += timedelta(days=1)
        made.take(about("merged", "old", made.clock.at, merged_into="new"))
        for who in ("old", "new"):
            made.parts.intake.take([Incoming(f"{who}@example.org wrote".encode(), {})], Ingress.HTTP)
        privacy(made).erase("new", "ana")
        assert made.rows(DeadLetter) == [], later
