"""Status and books of a scenario in which every kind of outcome comes up."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from counted import House, event, live_through

from workers.domain import explain as explaining
from workers.domain import invariants
from workers.domain.sending_state import SendingState
from workers.errors import BadInput
from workers.store import tables
from workers.store.counts import books
from workers.store.engine import Store
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import inquiry
from workers.usecases.operation import status as counting
from workers.usecases.operation.recount import recount_report

ELSEWHERE = [
    "customers of an account = customers whose attributes name one",
    "tickets of accounts with news = those that told the others or why not",
    "mails with news to others of an account = notes of them",
    "touchpoints held for consent or notice = those whose customer gave or got none",
    "questions that wait for support = those that were due and not to be given up yet",
    "questions that come round and wait = one a customer and question",
    "questions on sites = answered + not answered",
    "answers at places = responses there + kept apart",
    *(check.name for check in invariants.SUMS if "address" in check.name),
    *(check.name for check in invariants.SUMS if "SMS" in check.name),
    "answers to CSAT and CES = those on their scale and without a band",
]
"""What the house has none of: these sums, with their faults, are in test_told_accounts.py, test_tickets_of_accounts.py,
test_duties_of_countries.py, test_support_pacing.py, test_coming_round.py, test_web_question.py, test_place_page.py,
test_rated_questions.py and test_texting.py."""
UNKNOWN_ID = "00000000-0000-8000-8000-000000000000"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give the scenario, lived through once; tests that change it undo that."""
    with House(tmp_path_factory.mktemp("house")) as lived:
        live_through(lived)
        recount_report(lived.parts.store)
        yield lived


def read(house: House) -> invariants.Books:
    """Read the books of a house."""
    with house.parts.store.reading() as connection:
        return counting.read_books(connection)


def rows(house: House) -> list[tuple[str, str]]:
    """Read the comparable rows of a house."""
    with house.parts.store.reading() as connection:
        return list(counting.book_rows(connection))


def test_every_sum_holds_when_every_outcome_has_come_up(house: House) -> None:
    """The books of a lively month add up, and nearly every sum counts something."""
    books_read = read(house)
    assert [line for line in books_read.sums() if not line["ok"]] == []
    assert [line["name"] for line in books_read.sums() if not line["left"]] == ELSEWHERE


def test_every_tally_that_a_sum_names_is_counted(house: House) -> None:
    """No sum waits for a number that nobody counts."""
    with house.parts.store.reading() as connection:
        tallies = books.tallies(connection)
    assert {name for check in invariants.SUMS for name in (*check.left, *check.right)} <= set(tallies)


ONE = "(SELECT min({key}) FROM {table} WHERE {where})"


def first(table: str, where: str, key: str = "id") -> str:
    """Return the condition of one row of a table."""
    return f"{key} = " + ONE.format(key=key, table=table, where=where)


def only(table: str, where: str, key: str = "id") -> str:
    """Return the statement that deletes one row of a table."""
    return f"DELETE FROM {table} WHERE {first(table, where, key)}"


SURVEY_MAIL = "request IS NOT NULL AND response IS NULL AND template LIKE 'ask-%'"
CORRUPTIONS = {
    "received = accepted + duplicate + dead letter": "UPDATE received SET events = events + 1 WHERE id = 1",
    "accepted events = events in the inbox": only("inbox", "source = 'telephone'", "event_id"),
    "touchpoints =": "UPDATE touchpoint SET state = 'lost' WHERE state = 'cancelled'",
    "survey_requests =": "UPDATE survey_request SET state = 'lost' WHERE state = 'open'",
    "responses =": "UPDATE response SET state = 'lost' WHERE state = 'decided'",
    "decisions =": "UPDATE decision SET state = 'lost' WHERE state = 'superseded'",
    "actions =": "UPDATE action SET state = 'lost' WHERE state = 'skipped'",
    "dispatches =": "UPDATE dispatch SET state = 'lost' WHERE state = 'cancelled'",
    "tickets = open": "UPDATE ticket SET state = 'lost' WHERE state = 'claimed'",
    "testimonials =": "UPDATE testimonial SET state = 'lost' WHERE state = 'asked'",
    "dead_letters =": "UPDATE dead_letter SET state = 'lost'",
    "survey requests = touchpoints asked": "UPDATE touchpoint SET state = 'planned' WHERE state = 'asked'",
    "touchpoints not asked =": "UPDATE touchpoint SET reason = '' WHERE state = 'skipped'",
    "survey requests = requests in a wording": (
        "UPDATE survey_request SET wording = 'fr-99' WHERE " + first("survey_request", "state = 'open'")
    ),
    "requests by mail =": only("dispatch", SURVEY_MAIL),
    "reminders planned =": "UPDATE touchpoint SET reminder = 'P4D P9D' WHERE "
    + first("touchpoint", "state = 'asked' AND reminder = 'P4D'", "journey"),
    "responses to a request =": "UPDATE survey_request SET state = 'expired' WHERE state = 'answered'",
    "answers in the NPS =": "UPDATE response SET band = '' WHERE score = 7",
    "answers to a request =": (
        "UPDATE survey_request SET question = 'csat' WHERE " + first("survey_request", "state = 'answered'")
    ),
    "revisions =": f"DELETE FROM response_revision WHERE {first('response_revision', 'n = 2', 'response')} AND n = 2",
    "drivers named in answers =": "UPDATE response_revision SET drivers = '' WHERE n = 1",
    "points that drivers contribute =": "UPDATE response SET band = 'passive' WHERE score = 3",
    "decisions current =": (
        "UPDATE decision SET state = 'superseded' WHERE state = 'current' "
        "AND response IN (SELECT id FROM response WHERE state = 'settling')"
    ),
    "responses decided or closed =": (
        f"UPDATE decision SET response = '{UNKNOWN_ID}' WHERE n = 1 AND state = 'current' AND response = "
        + ONE.format(key="id", table="response", where="state = 'decided' AND n = 1")
    ),
    "actions not done =": "UPDATE action SET reason = '' WHERE state = 'skipped'",
    "mail actions done =": only("dispatch", "template = 'improve-now'"),
    "contact actions done =": "UPDATE action SET ticket = NULL WHERE name = 'reopen_ticket'",
    "contact actions held =": "UPDATE action SET ticket = NULL WHERE state = 'held'",
    "mails of contact actions =": (
        "UPDATE action SET state = 'planned' WHERE " + first("action", "template = 'ack' AND state = 'done'")
    ),
    "testimonial requests sent =": "DELETE FROM testimonial WHERE state = 'asked'",
    "testimonials settled =": "DELETE FROM consent",
    "tickets = tickets opened": only("ticket_entry", "kind = 'opened'"),
    "attempts =": only("ticket_entry", "kind = 'no_answer'"),
    "reopened =": "UPDATE ticket SET reopened = reopened + 1 WHERE number = 1",
    "rows whose running count": "UPDATE running_count SET n = n + 1 WHERE grouped = 'touchpoints' AND state = 'asked'",
    "cells of the report": "UPDATE answer_cell SET n = n + 1",
    "mails accepted since": (
        "DELETE FROM dispatch_body WHERE dispatch IN (SELECT id FROM dispatch WHERE template = 'testimonial')"
    ),
}
"""One fault for each sum, by the beginning of its name."""


def test_every_sum_has_its_fault() -> None:
    """A sum that is added needs a fault that it alone finds."""
    unmatched = [
        check.name for check in invariants.SUMS if not any(check.name.startswith(name) for name in CORRUPTIONS)
    ]
    assert unmatched == ELSEWHERE
    assert len(CORRUPTIONS) == len(invariants.SUMS) - len(ELSEWHERE)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_fault_is_found_by_its_sum_alone(house: House, name: str) -> None:
    """Rows that were lost, doubled or changed by hand make exactly one sum fail."""
    assert failing_after(house.parts.store, CORRUPTIONS[name]) == [
        check.name for check in invariants.SUMS if check.name.startswith(name)
    ]


def failing_after(store: Store, statement: str) -> list[str]:
    """Return the sums that fail after a statement, which is undone."""
    with store.engine.connect() as connection, connection.begin() as transaction:
        changed = connection.exec_driver_sql(statement).rowcount
        failing = counting.read_books(connection)
        transaction.rollback()
    assert changed > 0
    return [line["name"] for line in failing.sums() if not line["ok"]]


def test_a_second_survey_mail_is_found(house: House) -> None:
    """A request with two survey mails is as wrong as one with none."""
    names = ", ".join(f'"{column.name}"' for column in tables.dispatch.c if column.name != "id")
    doubled = (
        f"INSERT INTO dispatch (id, {names}) SELECT '{UNKNOWN_ID}', {names} FROM dispatch "
        f"WHERE {first('dispatch', SURVEY_MAIL)}"
    )
    failed = failing_after(house.parts.store, doubled)
    assert "requests by mail = requests with one survey mail" in failed


def test_any_changed_row_changes_the_digest(house: House) -> None:
    """A score changed by hand is not seen by a sum, but by the digest."""
    before = read(house)
    with house.parts.store.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.update(tables.response).where(tables.response.c.score == 7).values(score=8))
        after = counting.read_books(connection)
        transaction.rollback()
    assert after.ok()
    assert after.digest() != before.digest()


def test_another_secret_and_another_run_give_the_same_books(house: House, tmp_path: Path) -> None:
    """Ids, links and ticket numbers are ours; what happened to the customers is the same."""
    with House(tmp_path, secret="quite-another-secret") as other:
        live_through(other)
        assert list(invariants.difference(rows(house), rows(other))) == []
        assert read(other).digest() == read(house).digest()


def test_everything_twice_and_an_emptied_inbox_change_no_book(tmp_path: Path) -> None:
    """Redelivery is a no-op; with the inbox empty, natural keys recognise what is known."""
    with House(tmp_path) as house:
        live_through(house)
        house.settle()
        before = read(house), rows(house)
        house.send_again()
        assert list(invariants.difference(before[1], rows(house))) == []
        with house.parts.store.engine.begin() as connection:
            connection.execute(sa.delete(tables.inbox))
        house.send_again()
        after = read(house)
        assert list(invariants.difference(before[1], rows(house))) == []
        assert (after.digest(), after.ok()) == (before[0].digest(), True)


def test_postgres_gives_the_same_books(house: House, tmp_path: Path, postgres: str) -> None:
    """The digest says nothing of the database underneath, and every sum holds there too."""
    with House(tmp_path, database=postgres) as other:
        live_through(other)
        assert list(invariants.difference(rows(house), rows(other))) == []
        books_read = read(other)
        assert (books_read.digest(), books_read.ok()) == (read(house).digest(), True)
        with other.parts.store.reading() as connection:
            explanation = inquiry.explain(
                connection, "customer", "cross", other.clock.at, other.parts.policies.current()
            )
            status = counting.status(connection, other.clock.at, sending=SendingState())
        with house.parts.store.reading() as connection:
            assert status == counting.status(connection, house.clock.at, sending=SendingState())
            here = inquiry.explain(connection, "customer", "cross", house.clock.at, house.parts.policies.current())
        assert explanation == here


GROUPS = {
    "events": ["accepted", "dead_letter"],
    "touchpoints": ["planned", "held", "asked", "skipped", "cancelled"],
    "survey_requests": ["open", "answered", "closed", "expired", "withdrawn", "undeliverable"],
    "responses": ["settling", "decided", "closed"],
    "decisions": ["current", "superseded"],
    "actions": ["planned", "held", "done", "skipped", "cancelled", "failed"],
    "dispatches": [
        *("ready", "leased", "sending", "accepted", "failed", "unknown", "bounced", "cancelled", "suppressed"),
    ],
    "tickets": ["open", "claimed", "waiting", "done"],
    "dead_letters": ["open", "replayed", "discarded"],
}


def status(house: House) -> dict[str, object]:
    """Return the status of a house."""
    with house.parts.store.reading() as connection:
        return counting.status(connection, house.clock.at, sending=sending_now(connection, house.parts.sending))


def test_status_has_every_group_and_state(house: House, tmp_path: Path) -> None:
    """Scripts rely on the names: each group has its total and every state, 0 where there is none, and they sum up."""
    with House(tmp_path) as empty:
        has_groups(status(empty))
        has_groups(status(house))


def has_groups(groups: dict[str, object]) -> None:
    """Check the groups of a status."""
    for group, states in GROUPS.items():
        counted = groups[group]
        assert isinstance(counted, dict)
        assert list(counted) == ["total", *states]
        assert counted["total"] == sum(counted[state] for state in states)
    assert groups["sending"] == {"state": "on", "reason": "", "paused": [], "refusing_domains": []}


def test_status_agrees_with_the_books(house: House) -> None:
    """A question asked is a touchpoint asked; a decision is current for each response that has one."""
    groups = status(house)
    assert groups["survey_requests"]["total"] == groups["touchpoints"]["asked"]  # type: ignore[index]  # a group
    assert groups["events"] == {"total": 17, "accepted": 16, "dead_letter": 1}
    assert groups["dead_letters"] == {"total": 1, "open": 1, "replayed": 0, "discarded": 0}


def test_what_is_due_is_counted_until_it_is_done(tmp_path: Path) -> None:
    """A due touchpoint, then its mail, then its outbox row are due; afterwards only what nobody relayed."""
    with House(tmp_path) as house:
        house.take(event("delivery", "42", reference="1042"))
        before = status(house)
        assert before["due_now"] == 1
        assert before["due"]["touchpoints"] == 1  # type: ignore[index]  # counts by kind
        assert before["oldest_due"] == {"at": "2026-03-03T09:12:00+00:00", "what": "touchpoints"}
        house.parts.scheduler.wake_all()
        assert status(house)["due"]["dispatches"] == 1  # type: ignore[index]  # counts by kind
        house.settle()
        done = status(house)
        assert (done["due_now"], done["outbox"], done["oldest_due"]) == (1, 1, None)
        with house.parts.store.engine.begin() as connection:
            connection.execute(sa.delete(tables.outbox))
        assert status(house)["due_now"] == 0
        house.clock.at += timedelta(days=14)
        later = status(house)
        assert later["due"]["survey_requests"] == 1  # type: ignore[index]  # counts by kind


def test_a_replayed_dead_letter_counts_as_accepted_only(tmp_path: Path) -> None:
    """An event is accepted or a dead letter, never both."""
    with House(tmp_path) as house:
        house.take(event("boucle.journey.nonsense.v1", "42"))
        with house.parts.store.engine.begin() as connection:
            connection.execute(sa.update(tables.dead_letter).values(state="replayed"))
        assert status(house)["events"] == {"total": 0, "accepted": 0, "dead_letter": 0}


def test_status_says_on_one_screen_why_nothing_goes_out(house: House) -> None:
    """Held sending with its reason, paused touchpoints and what is due come first."""
    sending = SendingState("held", "look at the preview first", frozenset({"purchase-now", "delivery-now"}))
    with house.parts.store.reading() as connection:
        text = counting.as_text(counting.status(connection, house.clock.at, sending=sending))
    lines = text.splitlines()
    assert lines[0] == "sending     held: look at the preview first"
    assert lines[1] == "paused      delivery-now, purchase-now"
    assert lines[2].startswith("due now     ")
    assert len(lines) <= 24
    assert all(any(line.startswith(group) for line in lines) for group in GROUPS)


def explain(house: House, what: str, ident: str) -> dict[str, object] | None:
    """Explain something of a house."""
    with house.parts.store.reading() as connection:
        state = sending_now(connection, house.parts.sending)
        return inquiry.explain(connection, what, ident, house.clock.at, house.parts.policies.current(), state)


def test_every_customer_can_be_explained(house: House) -> None:
    """Every entry of every list has id, at, state and a sentence as its reason."""
    for crm_id in ("glad", "cross", "wavering", "shy", "silent", "gone", "late", "hidden", "sorry", "caller"):
        explanation = explain(house, "customer", crm_id)
        assert explanation is not None
        for name, entries in explanation.items():
            for entry in entries if isinstance(entries, list) else []:
                assert {"id", "at", "state", "reason"} <= set(entry), name
                assert entry["reason"][0].isupper(), entry
                assert entry["reason"].endswith("."), entry
        assert explaining.as_text(explanation).startswith(f"Customer {crm_id} (Person {crm_id}")


def test_an_unknown_id_is_not_found(house: House) -> None:
    """Nothing is made up for what nobody knows, whatever the id looks like."""
    for what in ("customer", "response", "event"):
        for ident in ("nobody", UNKNOWN_ID, "' OR 1=1 --", ""):
            assert explain(house, what, ident) is None
    with pytest.raises(BadInput, match="customer, a response or an event"):
        explain(house, "ticket", "1")


def test_an_event_is_found_by_id_or_by_source_and_id(house: House) -> None:
    """What an event planned, and what became of it."""
    ident = "delivery-glad-order-glad-2026-03-03T09:12:00+00:00"
    explanation = explain(house, "event", f"shop/{ident}")
    assert explanation is not None
    assert explanation == explain(house, "event", ident)
    assert explanation["event"]["reason"] == "Accepted: it planned right after delivery, six weeks after delivery."  # type: ignore[index]  # an entry
    assert {touchpoint["touchpoint"] for touchpoint in explanation["touchpoints"]} == {"delivery-now", "delivery-6w"}  # type: ignore[attr-defined]  # entries


def test_a_dead_letter_is_found_as_an_event(house: House) -> None:
    """A rejected event is explained with a fault that a CRM engineer can act on."""
    explanation = explain(house, "event", "boucle.journey.nonsense.v1-caller--2026-03-03T09:12:00+00:00")
    assert explanation is not None
    assert explanation["event"]["state"] == "dead_letter"  # type: ignore[index]  # an entry
    assert "rules/events.csv" in explanation["event"]["reason"]  # type: ignore[index]  # an entry
    assert "rules/events.csv" in explaining.as_text(explanation)


def test_an_event_about_no_single_customer_is_found(tmp_path: Path) -> None:
    """A wave is accepted although it names nobody."""
    with House(tmp_path) as house:
        wave = event("wave", "everybody", reference="spring")
        del wave["subject"], wave["data"]["customer"]  # type: ignore[index]  # a mapping
        house.take(wave)
        explanation = explain(house, "event", str(wave["id"]))
    assert explanation is not None
    assert (explanation["customer"], explanation["event"]["state"]) == (None, "accepted")  # type: ignore[index]  # an entry
    assert "belongs to no customer" in explaining.as_text(explanation)


def test_an_event_of_another_tool_leads_to_its_score(house: House) -> None:
    """A score event is explained with response, decision and action."""
    explanation = explain(house, "event", "telephone/other-tool-1")
    assert explanation is not None
    assert [response["score"] for response in explanation["responses"]] == [6]  # type: ignore[attr-defined]  # entries
    assert [decision["rule"] for decision in explanation["decisions"]] == ["D3"]  # type: ignore[attr-defined]  # entries
    assert explain(house, "response", "other-tool-1") is not None


def test_an_event_stays_explained_when_the_inbox_has_forgotten_it(tmp_path: Path) -> None:
    """After the inbox's 30 days an event is known by what it left behind."""
    with House(tmp_path) as house:
        house.take(event("delivery", "42", reference="1042"))
        ident = "shop/delivery-42-1042-2026-03-03T09:12:00+00:00"
        with house.parts.store.engine.begin() as connection:
            connection.execute(sa.delete(tables.inbox))
        explanation = explain(house, "event", ident)
        assert explanation is not None
        assert "it planned right after delivery, six weeks after delivery" in explanation["event"]["reason"]  # type: ignore[index]  # an entry


def test_a_response_is_explained_with_everything_that_followed(house: House) -> None:
    """The changed answer shows both versions, both decisions and what was cancelled."""
    explanation = explain(house, "response", house.response_of("wavering"))
    assert explanation is not None
    assert [entry["score"] for entry in explanation["response"]["history"]] == [8, 3]  # type: ignore[index]  # an entry
    assert [decision["state"] for decision in explanation["decisions"]] == ["superseded", "current"]  # type: ignore[attr-defined]  # entries
    assert {action["name"]: action["state"] for action in explanation["actions"]} == {  # type: ignore[attr-defined]  # entries
        "improvement_question": "cancelled",
        "urgent_contact": "done",
    }
    assert len(explanation["tickets"]) == 1  # type: ignore[arg-type]  # entries


def test_an_erased_person_is_explained_without_personal_data(tmp_path: Path) -> None:
    """After erasure the story stays, and says so, but names nobody and quotes nothing."""
    with House(tmp_path) as house:
        live_through(house)
        house.take(event("boucle.customer.erased.v1", "cross", house.clock.at))
        house.settle()
        explanation = explain(house, "customer", "cross")
        assert explanation is not None
        text = explaining.as_text(explanation) + repr(explanation)
        assert "Erased on 13 March" in text
        for personal in ("Person cross", "cross@example.org", "order-cross", "lamp", "Too late", "Still broken"):
            assert personal not in text, personal
        assert explanation["next_ask"] == {"at": None, "reason": "Not to be asked: the customer's data was erased."}
        assert read(house).ok()
