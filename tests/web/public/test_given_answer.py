"""The link of whoever answered without a name: to read the answer, to change it, and to take it back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from placeparts import FIELD, Wall, newest_claim, say
from staffparts import Team
from webparts import event

from workers.domain.records import Action, Customer, Decision, Dispatch, PlaceAnswer, Response, Ticket

BOTH = pytest.mark.parametrize("wall", ["sqlite", "postgres"], indirect=True)
ANGRY: dict[str, Any] = {
    "score": "2",
    "comment": "dirty <b>floor</b>",
    "wants_contact": "yes",
    "phone": "+33 4 78 00 00 07",
}


def own_link(wall: Wall, sent: Any) -> str:
    """Return the path of the link that the page after an answer shows; empty for none."""
    thanks = wall.site.client.get(sent.headers["location"]).text
    link = re.search(r'href="[^"]*(/g/[^"?]+)"', thanks)
    return link[1] if link else ""


def act(wall: Wall, link: str, **fields: str) -> Any:
    """Open the page behind the link and send one of its forms; return the page that follows."""
    nonce = re.search(FIELD.format("nonce"), wall.site.client.get(link).text)
    sent = wall.site.client.post(link, data={"nonce": nonce[1] if nonce else "", **fields})
    return wall.site.client.get(sent.headers["location"]) if sent.status_code == 303 else sent


@BOTH
def test_an_answer_is_read_and_changed_by_its_link(wall: Wall) -> None:
    """The decision follows the change, and the number that was left stays; sent twice it is one change."""
    link = own_link(wall, wall.send(**ANGRY))
    wall.site.pass_time(minutes=2)
    page = wall.site.client.get(link).text
    assert "dirty &lt;b&gt;floor" in page
    assert "78 00" not in page, "only the end of the number is shown"
    assert (len(wall.site.rows(Ticket)), "Delete my answer" in page) == (1, True)
    for _ in range(2):
        assert "change is saved" in act(wall, link, score="1", comment="it smells", wants_contact="yes").text
    wall.site.pass_time(minutes=2)
    (response,), (ticket,) = wall.site.rows(Response), wall.site.rows(Ticket)
    assert (response.score, response.comment, response.phone, response.n) == (1, "it smells", ANGRY["phone"], 2)
    assert ticket.comment == "it smells"
    act(wall, link, score="9", comment="a mistake")
    wall.site.pass_time(minutes=2)
    (response,) = wall.site.rows(Response)
    assert (response.score, response.wants_contact, response.phone, response.n) == (9, False, "", 3)
    assert len(wall.site.rows(Decision)) >= 2
    assert len(wall.site.rows(PlaceAnswer)) == len(wall.site.rows(Customer)) == 1
    assert wall.sums() == []


@BOTH
def test_what_is_taken_back_leads_to_nobody(wall: Wall) -> None:
    """Words, number and ticket are gone, and the score alone stays in the count; again, or sent again, is no change."""
    page = wall.page()
    link = own_link(wall, wall.send(page=page, **ANGRY))
    wall.site.pass_time(minutes=2)
    for _ in range(2):
        assert "This answer is deleted" in act(wall, link, delete="yes").text
    assert wall.send(page=page, **ANGRY).status_code == 404
    assert "This answer is deleted" in act(wall, link, score="10").text
    wall.site.pass_time(days=1)
    (response,), (customer,), (ticket,) = wall.site.rows(Response), wall.site.rows(Customer), wall.site.rows(Ticket)
    assert (response.score, response.comment, response.phone) == (2, "", "")
    assert (customer.erased_at is not None, customer.crm_id) == (True, None)
    assert (str(ticket.state), ticket.outcome, ticket.phone, ticket.comment) == ("done", "erased", "", "")
    line, *_ = wall.site.parts.place_answers.lines()
    assert line.figures.answers == 1
    assert wall.sums() == []


def test_what_is_taken_back_at_once_is_decided_upon_for_nobody(wall: Wall) -> None:
    """Before the answer has settled: no ticket, no mail, and the books hold."""
    link = own_link(wall, wall.send(**{**ANGRY, "address": "camille@example.org"}))
    act(wall, link, delete="yes")
    wall.site.pass_time(days=2)
    assert not wall.site.rows(Ticket)
    assert {str(mail.state) for mail in wall.site.rows(Dispatch)} == {"cancelled"}
    assert {str(action.state) for action in wall.site.rows(Action)} <= {"cancelled", "skipped"}
    assert wall.sums() == []


def test_taking_back_makes_no_room(wall: Wall) -> None:
    """Whoever deletes and answers again neither passes the limits nor has a stranger's mailbox asked anew."""
    for _ in range(3):
        sent = wall.send(score="0", wants_contact="yes", address="camille@example.org")
        act(wall, own_link(wall, sent), delete="yes")
    late = wall.send(score="0")
    assert "kept apart" in wall.site.client.get(late.headers["location"]).text
    wall.site.clock.at += timedelta(minutes=2)
    wall.send(score="0")
    wall.send(score="0")
    assert sorted(row.held for row in wall.site.rows(PlaceAnswer)) == ["", "", "", "", "minute", "network"]
    assert len([mail for mail in wall.site.rows(Dispatch) if mail.template == "claim"]) == 1
    assert wall.sums() == []


def test_what_was_kept_apart_is_taken_back_too(wall: Wall) -> None:
    """It cannot be changed into one that counts; score and words go, and that there was one stays counted."""
    link = own_link(wall, wall.send(score="0", comment="buy pills", website="https://spam.example"))
    page = wall.site.client.get(link).text
    assert ("buy pills" in page, "Change my answer" in page) == (True, False)
    act(wall, link, score="10")
    for _ in range(2):
        assert "This answer is deleted" in act(wall, link, delete="yes").text
    (row,) = wall.site.rows(PlaceAnswer)
    assert (row.held, row.score, row.comment) == ("trap", None, "")
    assert "buy pills" not in Team(wall.site).client("Nadia").get("/places/entrance").text
    assert wall.sums() == []


def test_an_answer_that_has_its_owner_is_nobody_elses(wall: Wall) -> None:
    """Once it was confirmed by mail, the link shows nothing, changes nothing and deletes no customer."""
    wall.site.events(event("website_visited", reference="r", customer={"email": "camille@example.org"}))
    sent = wall.send(score="1", comment="cold soup", wants_contact="yes", address="camille@example.org")
    link = own_link(wall, sent)
    say(wall, wall.site.link("claim", newest_claim(wall).id), "yes")
    page = act(wall, link, delete="yes").text
    assert ("has its owner" in page, "cold soup" in page) == (True, False)
    act(wall, link, score="10")
    owner = next(customer for customer in wall.site.rows(Customer) if customer.crm_id == "42")
    (response,) = wall.site.rows(Response)
    assert (owner.erased_at, response.score, response.customer) == (None, 1, owner.id)


def test_the_link_is_shown_to_whoever_answered_alone(wall: Wall) -> None:
    """None on a screen that all use, none for another's receipt, none for a made-up token; other links open nothing."""
    till = Wall(wall.site, "till")
    sent = till.send(score="3", comment="mine")
    (given,) = wall.site.rows(PlaceAnswer)
    token = wall.site.parts.links.sign("given", given.id)
    assert "given=" not in sent.headers["location"]
    assert "/g/" not in wall.site.client.get(f"{till.path}/thanks?given={token}").text
    assert "/g/" not in wall.site.client.get(f"{wall.path}/thanks?given={token[:-2]}").text
    for other in (wall.site.parts.links.sign("claim", given.id), wall.site.parts.links.sign("given", "nobody")):
        assert wall.site.client.get(f"/g/{other}").status_code == 404
        assert wall.site.client.post(f"/g/{other}", data={"delete": "yes"}).status_code == 404
    assert wall.site.client.post(f"/g/{token}", data={"delete": "yes"}).status_code == 403
    bills = Wall(wall.site, "bills")
    code = wall.site.parts.place_answers.sign_receipt("bills", "1042")["code"]
    page = bills.page()
    assert own_link(bills, bills.send(page=page, code=code, score="9"))
    assert own_link(bills, bills.send(page=page, code=code, score="9")), "sent twice"
    wall.site.clock.at += timedelta(hours=1)
    assert not own_link(bills, bills.send(code=code, score="9")), "whoever found the receipt has guessed the score"


@BOTH
def test_a_change_tells_who_asks_for_a_call_to_the_team(wall: Wall) -> None:
    """A wish for contact that comes by the link opens the ticket; the address that comes with it is asked about."""
    link = own_link(wall, wall.send(score="2", comment="dirty"))
    wall.site.pass_time(minutes=2)
    assert not wall.site.rows(Ticket)
    act(wall, link, score="2", comment="dirty", wants_contact="yes", address="camille@example.org")
    wall.site.pass_time(minutes=2)
    (ticket,), (given,) = wall.site.rows(Ticket), wall.site.rows(PlaceAnswer)
    assert (ticket.comment, given.claim, newest_claim(wall).recipient) == ("dirty", "asked", "camille@example.org")
    assert "c…@e…org" in wall.site.client.get(link).text
    assert wall.sums() == []


def test_a_receipt_stays_used_when_its_answer_is_taken_back(wall: Wall) -> None:
    """One code is one answer, also after it was deleted."""
    bills = Wall(wall.site, "bills")
    code = wall.site.parts.place_answers.sign_receipt("bills", "1042")["code"]
    act(wall, own_link(bills, bills.send(code=code, score="9", comment="quick")), delete="yes")
    bills.send(code=code, score="0")
    assert [(row.score, row.reference) for row in wall.site.rows(Response)] == [(9, "")]
    assert [row.held for row in wall.site.rows(PlaceAnswer) if row.held] == ["used"]
    assert wall.sums() == []


def test_an_answer_can_be_deleted_when_it_can_be_changed_no_more(wall: Wall) -> None:
    """Thirty days on, also when the place has closed."""
    link = own_link(wall, wall.send(**ANGRY))
    wall.site.pass_time(days=30)
    page = wall.site.client.get(link).text
    assert ("too long ago" in page, "Delete my answer" in page) == (True, True)
    act(wall, link, score="10")
    assert [response.score for response in wall.site.rows(Response)] == [2]
    assert "This answer is deleted" in act(wall, link, delete="yes").text


def test_what_is_wrong_with_a_change_is_said(wall: Wall) -> None:
    """Nothing is changed until it is right, and what was typed stays."""
    link = own_link(wall, wall.send(score="9"))
    for fields, said in (
        ({"score": "11"}, "Choose a score"),
        ({"score": "3", "wants_contact": "yes"}, "phone number or"),
    ):
        sent = act(wall, link, comment="typed here", **fields)
        assert (sent.status_code, said in sent.text, "typed here" in sent.text) == (400, True, True)
    assert [response.n for response in wall.site.rows(Response)] == [1]
