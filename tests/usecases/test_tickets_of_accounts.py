"""One ticket for a whole account, where the follow-up table says so, on both databases and with some opened at once."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from embedded import START, about, journey, score
from ownrules import RULES, write_rules
from teamparts import House, at_once, claim, done

from workers.decision_table import parse
from workers.domain import ticket as ticketing
from workers.domain.attributes import columns_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.followup.table_contract import fit_follow_up
from workers.domain.records import Action, Customer, Dispatch, SurveyRequest, Ticket, TicketEntry
from workers.domain.sending_state import ON
from workers.domain.types import TicketState
from workers.errors import Misconfigured
from workers.store import tables
from workers.usecases.operation import inquiry
from workers.usecases.operation.status import read_books

DECLARED = "account: {type: text, personal: no}\n"
Details = dict[str, object] | None
COLUMN = "  one ticket per: {type: text, values: [customer, account, team]}\n"


def table(cell: str) -> dict[str, bytes]:
    """Return the shipped follow-up table with a cell of `one ticket per` in the rows of detractors."""
    definition = (
        (RULES / "follow-up" / "table.yaml").read_text("utf-8").replace("  play: text", f"{COLUMN}  play: text")
    )
    head, *rows = csv.reader(io.StringIO((RULES / "follow-up" / "rules.csv").read_text("utf-8")), delimiter=";")
    lines = [[*head, "one ticket per"], *([*row, cell if row[0].startswith("D") else ""] for row in rows)]
    body = "".join(";".join(line) + "\n" for line in lines)
    return {"table.yaml": definition.encode(), "rules.csv": body.encode()}


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Give a maker of installations whose follow-up table has one ticket per account."""
    write_rules(tmp_path / "own", DECLARED, follow_up=table("account"))
    opened: list[House] = []

    def make(database_url: str = "") -> House:
        opened.append(House(tmp_path / "home", overrides=str(tmp_path / "own"), database_url=database_url))
        return opened[-1]

    yield make
    for house in opened:
        house.close()


def low_score(house: House, subject: str, account: str | None, value: int = 2, said: Details = None) -> dict[str, Any]:
    """Return the event of a low score that somebody of an account gives."""
    event = score(value, subject, house.clock.at, comment=f"said by {subject}")
    who = {"id": subject, "email": f"{subject}@example.org", "name": f"Person {subject}", **(said or {})}
    event["data"]["customer"] = {**who, "attributes": {"account": account}}
    return {**event, "id": f"score-{subject}-{house.clock.at.isoformat()}"}


def low(house: House, subject: str, account: str | None, value: int = 2, said: Details = None) -> None:
    """Let somebody of an account give a low score."""
    house.take(low_score(house, subject, account, value, said))


def still_open(house: House) -> list[Ticket]:
    """Return the open tickets."""
    return [ticket for ticket in house.rows(Ticket) if ticket.state != TicketState.DONE]


def one_for_all(house: House) -> None:
    """Live through a ticket of three people of an account, one of nobody's, and what comes when it is done."""
    house.staff()
    low(house, "1", "Acme")
    house.settle()
    (ticket,) = still_open(house)
    house.clock.at += timedelta(hours=1)
    low(house, "2", "ACME")
    low(house, "3", "acme", 4)
    low(house, "4", None)
    house.settle()
    assert sorted(each.customer == ticket.customer for each in still_open(house)) == [False, True]
    found = house.parts.ticket_actions.find(ticket.number)
    assert found is not None
    notes = [line.text for line in found[2] if line.kind == "account"]
    assert notes == ["2/10 said by 2 (Person 2, 2)", "4/10 said by 3 (Person 3, 3)"]
    assert not any("said by 2" in line.text for line in house.rows(TicketEntry))  # the words stay with their answer
    joined = [action.detail for action in house.rows(Action) if action.name == "urgent_contact"]
    assert sorted(joined) == ["", "", "joined ticket 1", "joined ticket 1"]
    with house.store.reading() as connection:
        story = inquiry.explain(connection, "customer", "2", house.clock.at, house.parts.policies.current(), ON)
        assert [line["name"] for line in read_books(connection).sums() if not line["ok"]] == []
    assert "the open ticket 1 of somebody else of the account" in str(story)
    house.act(ticket.number, claim("L\u00e9a"))
    house.act(ticket.number, done())
    house.clock.at += timedelta(days=1)
    low(house, "3", "Acme", 1)
    house.settle()
    assert [each.score for each in still_open(house) if each.number > ticket.number + 1] == [1]


def test_the_second_of_an_account_joins_the_first(make_house: Callable[..., House]) -> None:
    """Its open ticket gets a note, with who said what looked up; once it is done, the next one opens another."""
    one_for_all(make_house())


def test_the_same_on_postgres(make_house: Callable[..., House], postgres: str) -> None:
    """Locks and statements of the other database."""
    one_for_all(make_house(database_url=postgres))


def test_two_who_open_at_once_open_one(make_house: Callable[..., House], postgres: str) -> None:
    """Six people of one account give a low score at the same moment, on connections of their own."""
    house = make_house(database_url=postgres)
    house.staff()
    at_once(*(lambda n=n: low(house, str(n), "Acme") for n in range(6)))
    house.settle()
    assert len(house.rows(Ticket)) == 1
    assert [line.kind for line in house.rows(TicketEntry)].count("account") == 5


def news(house: House) -> dict[str, tuple[str, object]]:
    """Return by the CRM's id who got the mail that tells others of an account: its language, and what it says."""
    crm_ids = {customer.id: str(customer.crm_id) for customer in house.rows(Customer)}
    mails = [mail for mail in house.rows(Dispatch) if mail.template == "done-account"]
    assert len({mail.customer for mail in mails}) == len(mails)
    return {crm_ids[mail.customer]: (mail.language, mail.facts.get("sentence")) for mail in mails}


def failing(house: House) -> list[str]:
    """Return the sums of the books that do not hold."""
    with house.store.reading() as connection:
        return [line["name"] for line in read_books(connection).sums() if not line["ok"]]


def others_hear(house: House) -> None:
    """Live through a ticket with answers of five others: who may not be written to, who reads another language, who
    answered twice, and what a second ending tells."""
    house.staff()
    low(house, "1", "Acme", said={"language": "en"})
    house.settle()
    (ticket,) = still_open(house)
    others: dict[str, Details] = {
        "2": {"language": "en-GB"},
        "3": {"language": "fr"},
        "4": {"email": None},
        "5": {"language": "en"},
        "6": None,
    }
    for minute, (subject, more) in enumerate(others.items()):
        house.clock.at += timedelta(minutes=minute)
        low(house, subject, "Acme", said=more)
    house.clock.at += timedelta(minutes=9)
    low(house, "2", "Acme", 1)
    house.settle()
    house.take(about("opted_out", "5", at=house.clock.at), about("erased", "6", at=house.clock.at))
    house.act(ticket.number, claim("Léa"))
    house.act(ticket.number, done())
    assert news(house) == {"2": ("en", "Put right."), "3": ("fr", None), "5": ("en", "Put right.")}
    history = house.parts.ticket_actions.find(ticket.number)
    assert history is not None
    lines = [(line.kind, line.text) for line in history[2] if line.kind.startswith("account_")]
    assert sorted(lines) == [
        ("account_told", "(Person 2, 2)"),
        ("account_told", "(Person 3, 3)"),
        ("account_told", "(Person 5, 5)"),
        ("account_untold", "erased"),
        ("account_untold", "no_address (Person 4, 4)"),
    ]
    assert failing(house) == []
    with house.store.reading() as connection:
        story = inquiry.explain(connection, "customer", "4", house.clock.at, house.parts.policies.current(), ON)
    assert story is not None
    (untold,) = [
        line for line in cast("list[dict[str, object]]", story["history"]) if line["subject"] == "account_news"
    ]
    assert (
        untold["reason"] == "News of what was done for the account skipped: no mail address of the customer was known."
    )
    house.act(ticket.number, lambda case, row: ticketing.reopen(case, row, "customer", "not solved"))
    house.clock.at += timedelta(hours=1)
    house.act(ticket.number, done())
    assert sorted(news(house)) == ["2", "3", "5"]  # nobody hears twice of one answer
    assert failing(house) == []


def test_others_of_the_account_hear_what_was_done(make_house: Callable[..., House]) -> None:
    """Each once, in their language; who may not be written to stands in the history with the reason."""
    house = make_house()
    others_hear(house)
    with house.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.ticket_entry).where(tables.ticket_entry.c.kind.like("account_%")))
    assert failing(house) == [
        "tickets of accounts with news = those that told the others or why not",
        "mails with news to others of an account = notes of them",
    ]


def test_the_same_of_the_others_on_postgres(make_house: Callable[..., House], postgres: str) -> None:
    """Locks and statements of the other database."""
    others_hear(make_house(database_url=postgres))


def test_a_helpdesk_that_closes_tells_the_others_too(make_house: Callable[..., House]) -> None:
    """Once, however often its update comes; what was passed on is told when its promise is kept."""
    house = make_house()
    house.staff()
    for subject in ("1", "2"):
        low(house, subject, "Acme")
        house.settle()
    (ticket,) = still_open(house)
    data = {"ticket": ticket.id, "by": "Zoe", "outcome": "passed_on", "sentence": "On Friday."}
    closed = {**about("erased", "1", at=house.clock.at), "type": "boucle.ticket.done.v1", "data": data}
    house.take(closed)
    assert house.rows(Ticket)[0].outcome == "passed_on"
    assert news(house) == {}
    house.act(ticket.number, lambda case, row: ticketing.promise_kept(case, row, "Léa", "It is done."))
    assert [said for _, said in news(house).values()] == ["It is done."]
    house.act(ticket.number, lambda case, row: ticketing.promise_kept(case, row, "Léa", "It is done."))
    house.take(closed)
    assert len(news(house)) == 1
    assert failing(house) == []


def test_a_waiting_ticket_is_awake_again(make_house: Callable[..., House]) -> None:
    """Who waits for one person of the account hears of the next one; the same again changes nothing."""
    house = make_house()
    house.staff()
    low(house, "1", "Acme")
    house.settle()
    (ticket,) = still_open(house)
    house.act(ticket.number, lambda case, row: ticketing.wait(case, row, "L\u00e9a", START + timedelta(days=3), "away"))
    house.clock.at += timedelta(hours=1)
    low(house, "2", "Acme")
    house.settle()
    (later,) = still_open(house)
    assert later.state != TicketState.WAITING
    assert (later.comment, later.phone, later.wants_contact) == (ticket.comment, ticket.phone, ticket.wants_contact)
    before = house.rows(TicketEntry)
    house.settle()
    assert house.rows(TicketEntry) == before


def test_a_batch_opens_one_and_a_later_word_is_noted(make_house: Callable[..., House]) -> None:
    """Two of an account in one transaction; what a third one adds to their answer stands at the ticket as well."""
    house = make_house()
    house.staff()
    house.take(*(low_score(house, str(n), "Acme") for n in range(2)))
    delivery = journey("delivery", "2", house.clock.at, reference="o-2")
    delivery["data"]["customer"] |= {"attributes": {"account": "Acme"}}
    house.take(delivery)
    house.settle()
    (request,) = house.rows(SurveyRequest)
    for comment in ("late", "late, and broken"):
        assert house.parts.customer_actions.answer(request.id, 3, comment)
        house.later(minutes=15)
    (ticket,) = house.rows(Ticket)
    assert ticket.score == 2
    found = house.parts.ticket_actions.find(ticket.number)
    assert found is not None
    notes = [line.text.partition(" (")[0] for line in found[2] if line.kind == "account"]
    assert notes == ["2/10 said by 1", "3/10 late, and broken", "3/10 late, and broken"]
    house.take(about("erased", "2", at=house.clock.at))
    found = house.parts.ticket_actions.find(ticket.number)
    assert found is not None
    assert [line.text for line in found[2] if line.kind == "account"][1:] == ["3/10", "3/10"]


def test_a_cell_that_nobody_can_carry_out_is_a_fault() -> None:
    """An account that is not declared, and a word that is neither."""
    declared = columns_of(read_attributes(DECLARED.encode()))
    fit_follow_up(parse(table("account")), declared)
    with pytest.raises(Misconfigured, match="nobody knows an account: declare `account"):
        fit_follow_up(parse(table("account")))
    with pytest.raises(Misconfigured, match="write account, or customer"):
        fit_follow_up(parse(table("team")), declared)
