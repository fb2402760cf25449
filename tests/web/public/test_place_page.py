"""Places: whoever opens the link answers without a name; it is decided, counted apart, and never lost."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from placeparts import Wall, claim, newest_claim, say
from staffparts import Team
from webparts import START, event

from workers.domain.changeset import ChangeSet
from workers.domain.mailbox_keys import address_key
from workers.domain.records import (
    Action,
    Customer,
    Decision,
    Dispatch,
    PlaceAnswer,
    Response,
    ResponseRevision,
    Suppression,
    SurveyRequest,
    Ticket,
)
from workers.domain.reporting import COUNTS_ONLY_BELOW, Filters
from workers.domain.sending_state import SendingState
from workers.store.apply import apply
from workers.store.report import cells
from workers.store.report.nps_counts import count_scores, first_and_last_asked
from workers.store.survey import waves
from workers.usecases.operation import inquiry
from workers.usecases.privacy.person import Privacy


@pytest.mark.parametrize("wall", ["sqlite", "postgres"], indirect=True)
def test_an_answer_at_a_place_is_decided_and_leads_to_a_ticket(wall: Wall) -> None:
    """Who leaves a number and wants a call gets a ticket, whoever they are."""
    sent = wall.send(score="2", comment="dirty", wants_contact="yes", phone="+33 4 78 00 00 00")
    assert (sent.status_code, sent.headers["location"].startswith(f"{wall.path}/thanks")) == (303, True)
    assert "kept" in wall.site.client.get(sent.headers["location"]).text
    wall.site.pass_time(minutes=2)
    (response,), (customer,) = wall.site.rows(Response), wall.site.rows(Customer)
    (ticket,) = wall.site.rows(Ticket)
    assert (response.place, response.channel, response.request) == ("entrance", "qr", None)
    assert (customer.anonymous, customer.email, customer.id) == (True, None, response.customer)
    assert (ticket.phone, ticket.comment, ticket.label) == ("+33 4 78 00 00 00", "dirty", "Shop in Lyon")
    assert len(wall.site.rows(Decision)) == 1
    assert wall.sums() == []


def test_nobody_who_left_no_way_is_promised_anything(wall: Wall) -> None:
    """Without a number or an address there is no ticket and no mail, whatever the score, and the reason says so."""
    for score in ("2", "8", "10"):
        wall.send(score=score, comment="so so")
    wall.site.pass_time(days=3)
    assert not wall.site.rows(Ticket)
    actions = wall.site.rows(Action)
    assert len({action.response for action in actions}) == 3
    parts, (response, *_) = wall.site.parts, wall.site.rows(Response)
    with parts.store.reading() as connection:
        now, on = wall.site.clock.at, SendingState("on", "")
        explained = inquiry.explain(connection, "response", response.id, now, parts.policies.current(), on)
    assert "place entrance" in json.dumps(explained)
    assert "no way to be reached" in json.dumps(explained)
    assert {(str(action.state), action.reason) for action in actions} == {("skipped", "nameless")}
    assert wall.sums() == []


def test_the_same_page_sent_again_is_one_answer(wall: Wall) -> None:
    """A double click changes nothing; a corrected score changes its own answer."""
    page = wall.page()
    for _ in range(3):
        wall.send(page=page, score="9", comment="nice")
    assert (
        len(wall.site.rows(Response)) == len(wall.site.rows(ResponseRevision)) == len(wall.site.rows(PlaceAnswer)) == 1
    )
    wall.site.clock.at += timedelta(seconds=20)
    wall.send(page=page, score="4", comment="nice")
    (response,) = wall.site.rows(Response)
    assert (response.score, response.n) == (4, 2)
    assert wall.sums() == []


def test_a_place_answer_lost_or_moved_by_hand_fails_its_sum(wall: Wall) -> None:
    """The books say which sum does not hold, and no other fails with it."""
    wall.send(score="9")
    for statement in (
        "UPDATE place_answer SET held = 'day'",
        "UPDATE response SET place = NULL",
        "DELETE FROM place_answer",
    ):
        assert wall.sums_after(statement) == ["answers at places = responses there + kept apart"], statement


@pytest.mark.parametrize("wall", ["postgres"], indirect=True)
def test_what_comes_past_a_limit_is_kept_apart(wall: Wall) -> None:
    """It is told, counted and kept with its words; it is no response and opens no ticket."""
    for _ in range(3):
        wall.send(score="0")
    late = wall.send(score="0", comment="flood", wants_contact="yes", phone="0102030405")
    assert "kept apart" in wall.site.client.get(late.headers["location"]).text
    assert len(wall.site.rows(Response)) == 3
    (apart,) = [row for row in wall.site.rows(PlaceAnswer) if row.held]
    assert (apart.held, apart.score, apart.comment) == ("minute", 0, "flood")
    wall.site.clock.at += timedelta(minutes=2)
    wall.send(score="0")
    wall.send(score="0")
    elsewhere = wall.site.client_from(("203.0.113.9", 1))
    wall.send(score="0", client=elsewhere)
    wall.send(score="0", client=wall.site.client_from(("198.51.100.9", 1)))
    assert [row.held for row in sorted(wall.site.rows(PlaceAnswer), key=lambda row: row.at) if row.held].count(
        "day"
    ) == 1
    line, *_ = wall.site.parts.place_answers.lines()
    assert (line.figures.answers, line.figures.apart) == (5, {"minute": 1, "network": 1, "day": 1})
    assert wall.sums() == []


def test_answers_at_places_stand_in_no_other_figure(wall: Wall) -> None:
    """Neither in the score nor in a wave, nor in what filters and periods are made of: nobody was asked or is known."""
    wall.send(score="0")
    wall.site.pass_time(minutes=2)
    with wall.site.parts.store.reading() as connection:
        assert not any(cells.words(connection).values())
        assert first_and_last_asked(connection, Filters()) == (None, None)
        assert count_scores(connection, Filters(), (), ()) == {}
        assert waves.count_people(connection) == 0
        assert waves.people(connection, "", 10) == []


def test_the_team_sees_links_codes_and_figures(wall: Wall) -> None:
    """Each place has a figure of its own and says what was kept apart; agents have no use for it."""
    for _ in range(4):
        wall.send(score="10")
    team = Team(wall.site)
    page = team.client("Nadia").get("/places")
    assert page.status_code == 200
    assert "answers: 3 (too few for an NPS) · promoters 3" in page.text
    assert "Kept apart, too many in a minute: 1" in page.text
    assert team.client("L\u00e9a").get("/places").status_code == 403
    own = team.client("Nadia").get("/places/entrance").text
    assert wall.path in own
    assert "data:image/svg+xml" in own
    assert own.count("too many in a minute") == 2
    assert team.client("Nadia").get("/places/nowhere").status_code == 404


def test_a_place_has_a_score_from_five_answers_on(wall: Wall) -> None:
    """Of fewer there are counts alone, on its page and for programs: a score would tell of persons."""
    team = Team(wall.site)
    for n in range(1, 6):
        wall.site.clock.at += timedelta(minutes=1)
        wall.send(score="10", client=wall.site.client_from((f"198.51.{n}.1", 1)))
        page, shown = team.client("Nadia").get("/places/entrance").text, n >= COUNTS_ONLY_BELOW
        (line,) = [line.as_dict() for line in wall.site.parts.place_answers.lines() if line.id == "entrance"]
        assert (line["promoters"], line["nps"], "NPS +100" in page) == (n, 100 if shown else None, shown)


@pytest.mark.parametrize("wall", ["postgres"], indirect=True)
def test_what_was_said_at_a_place_is_read_there(wall: Wall) -> None:
    """Words, those kept apart among them, and the ticket they led to; also when the place is listed no more."""
    wall.send(score="2", comment="dirty <b>floor</b>", wants_contact="yes", phone="+33 4 78 00 00 00")
    wall.send(score="0", comment="buy pills", website="https://spam.example")
    wall.site.pass_time(minutes=2)
    team = Team(wall.site)
    (ticket,) = wall.site.rows(Ticket)
    for _ in range(2):
        page = team.client("Nadia").get("/places/entrance").text
        assert "dirty &lt;b&gt;floor" in page
        assert f'href="/tickets/{ticket.number}"' in page
        assert "buy pills" in page
        assert "kept apart: filled in by a machine" in page
        assert "/tickets/" not in team.client("Marc").get("/places/entrance").text
        Path(wall.site.parts.settings.overrides or "", "rules", "places.yaml").write_text("", "utf-8")
        wall.site.parts.look_at_rules()
    assert "Listed no more" in team.client("Nadia").get("/places").text


def test_whoever_answered_is_forgotten_on_request(wall: Wall) -> None:
    """Erasing takes words, number and network; the books hold, and a page sent again changes nothing."""
    page = wall.page()
    wall.send(page=page, score="2", comment="dirty", wants_contact="yes", phone="+33 4 78 00 00 00")
    wall.site.pass_time(minutes=2)
    (customer,) = wall.site.rows(Customer)
    people = Privacy(wall.site.parts.store, wall.site.parts.policy, wall.site.clock.now)
    assert people.export(customer.crm_id or "", "test")
    assert people.erase(customer.crm_id or "", "test")
    wall.send(page=page, score="9", comment="again")
    (response,), (answer,) = wall.site.rows(Response), wall.site.rows(PlaceAnswer)
    assert (response.comment, response.phone, response.score, answer.network) == ("", "", 2, "")
    assert wall.sums() == []


def test_what_is_wrong_is_said_and_what_was_typed_stays(wall: Wall) -> None:
    """Nothing is kept until it is right."""
    wrong: list[tuple[dict[str, str], str]] = [
        ({}, "score"),
        ({"score": "11"}, "score"),
        ({"score": "3", "wants_contact": "yes"}, "phone number or a mail address"),
        ({"score": "3", "wants_contact": "yes", "address": "nobody"}, "mail address"),
    ]
    for fields, said in wrong:
        sent = wall.site.client.post(wall.path, data={**wall.page(), "comment": "typed here", **fields})
        assert (sent.status_code, said in sent.text, "typed here" in sent.text) == (400, True, True)
    assert not wall.site.rows(PlaceAnswer)


def test_a_place_that_is_over_and_a_page_that_is_none_of_ours_take_nothing(wall: Wall) -> None:
    """Its last day counts; the day after it, a foreign token and an unlisted place look alike.

    A page needs its own nonce: without it, or with another page's key, nothing is kept.
    """
    page = wall.page()
    for form in ({"score": "1"}, {**page, "visit": "other", "score": "1"}, {"nonce": page["nonce"], "score": "1"}):
        assert wall.site.client.post(wall.path, data=form).status_code == 403
    assert not wall.site.rows(PlaceAnswer)
    wall.site.clock.at = START.replace(day=31)
    assert wall.site.client.get(wall.path).status_code == 200
    wall.site.clock.at = START.replace(day=1, month=4)
    assert wall.site.client.get(wall.path).status_code == 404
    assert wall.site.client.get("/p/" + wall.site.parts.links.sign("answer", "till")).status_code == 404
    assert wall.site.client.get("/p/" + wall.site.parts.links.sign("place", "gone")).status_code == 404


def test_a_kiosk_shows_nobody_what_was_answered(wall: Wall) -> None:
    """The thanks lead back to the question by themselves, and say nothing of the answer."""
    till = Wall(wall.site, "till")
    sent = till.send(score="1", comment="my secret")
    thanks = wall.site.client.get(sent.headers["location"]).text
    assert 'http-equiv="refresh"' in thanks
    page = wall.site.client.get(till.path).text
    assert "secret" not in thanks + page
    for shown in (thanks, page):
        assert not re.findall('href="(?!/)', shown), "no link leads away from the screen"
        assert "Your data and your rights (https://" in shown


def test_an_address_that_is_left_stands_on_the_ticket(wall: Wall) -> None:
    """It is shown as not confirmed, belongs to nobody yet, and gets no mail but the one that asks whose it is."""
    wall.send(score="1", wants_contact="yes", address="camille@example.org")
    wall.site.pass_time(minutes=2)
    (response,), (customer,) = wall.site.rows(Response), wall.site.rows(Customer)
    (ticket,) = wall.site.rows(Ticket)
    assert response.details == {"address": "camille@example.org"}
    assert (customer.email, ticket.customer) == (None, customer.id)
    assert {mail.template for mail in wall.site.rows(Dispatch) if mail.recipient == "camille@example.org"} == {"claim"}
    wall.site.events(event("delivery", reference="A"))
    assert len(wall.site.rows(Customer)) == 2


def test_a_receipt_is_answered_once(wall: Wall) -> None:
    """The same again changes nothing; another answer with its code is kept apart, counted, and shown with its words."""
    bills = Wall(wall.site, "bills")
    signed = wall.site.parts.place_answers.sign_receipt("bills", "1042-7")
    assert signed["link"].endswith(f"{bills.path}?code={signed['code']}")
    client, code = wall.site.client, signed["code"]
    assert f'value="{code}"' in client.get(f"{bills.path}?code={code}").text
    page = bills.page()
    for _ in range(2):
        sent = bills.send(page=page, code=code.lower(), score="9", comment="quick")
        assert sent.status_code == 303
    assert "answered already" in client.get(f"{bills.path}?code={code}").text
    again = bills.send(code=code, score="0", comment="slow")
    assert "answered before" in client.get(again.headers["location"]).text
    bills.send(code=code, score="9", comment="quick")
    (response,) = wall.site.rows(Response)
    assert (response.score, response.reference, response.channel, response.n) == (9, "1042-7", "receipt", 1)
    assert [row.held for row in wall.site.rows(PlaceAnswer) if row.held] == ["used"]
    assert "slow" in Team(wall.site).client("Nadia").get("/places/bills").text
    assert wall.sums() == []


def test_a_field_that_no_person_sees_keeps_an_answer_apart(wall: Wall) -> None:
    """A machine that fills in everything counts for nothing, and does not use up a receipt."""
    wall.send(score="10", website="https://spam.example")
    assert [row.held for row in wall.site.rows(PlaceAnswer)] == ["trap"]
    assert not wall.site.rows(Response)
    bills = Wall(wall.site, "bills")
    code = wall.site.parts.place_answers.sign_receipt("bills", "1")["code"]
    bills.send(code=code, score="0", website="https://spam.example")
    bills.send(code=code, score="10")
    assert [response.score for response in wall.site.rows(Response)] == [10]
    assert [row.held for row in wall.site.rows(PlaceAnswer) if row.held] == ["trap", "trap"]


def test_a_code_that_nobody_signed_takes_no_answer(wall: Wall) -> None:
    """It is said at its field, with everything kept, when the link is opened and when the form is sent."""
    bills = Wall(wall.site, "bills")
    assert "no code of ours" in wall.site.client.get(f"{bills.path}?code=1042-ABC").text
    assert "no code of ours" not in wall.site.client.get(bills.path).text
    for code in ("", "1042-ABC", "x" * 500):
        sent = bills.send(code=code, score="3", comment="typed here")
        assert sent.status_code == 400
        assert "no code of ours" in sent.text
        assert "typed here" in sent.text
    assert not wall.site.rows(PlaceAnswer)


@pytest.mark.parametrize("wall", ["sqlite", "postgres"], indirect=True)
def test_the_owner_of_an_address_takes_the_answer(wall: Wall) -> None:
    """One click, and answer and ticket are the customer's whose address it is; rates stay without it."""
    wall.site.events(event("delivery", at=START, reference="1042", customer={"email": "Camille@example.org"}))
    code = wall.site.parts.place_answers.sign_receipt("bills", "1042")["code"]
    path = claim(Wall(wall.site, "bills"), code)
    mail = newest_claim(wall)
    assert (mail.recipient, str(mail.state), str(mail.mail_class)) == ("camille@example.org", "accepted", "service")
    assert "soup" not in json.dumps(mail.facts)
    assert wall.site.client.get(path).status_code == 200
    assert [row.claim for row in wall.site.rows(PlaceAnswer)] == ["asked"]
    for _ in range(2):
        assert "address is confirmed" in say(wall, path, "yes").text or "confirmed" in wall.site.client.get(path).text
    (response,), (ticket,) = wall.site.rows(Response), wall.site.rows(Ticket)
    owner = next(customer for customer in wall.site.rows(Customer) if customer.crm_id == "42")
    assert (response.customer, ticket.customer, response.details, response.place) == (
        owner.id,
        owner.id,
        {},
        "bills",
    )
    requests = [(request.customer, request.reason) for request in wall.site.rows(SurveyRequest)]
    assert requests == [(owner.id, "")], "no question is spared by it"
    with wall.site.parts.store.reading() as connection:
        figures = count_scores(connection, Filters(), (), ()).values()
    assert [(figure.asked, figure.detractors) for figure in figures] == [(1, 0)]
    assert wall.sums() == []


def test_an_address_of_no_customer_is_where_they_are_written_to(wall: Wall) -> None:
    """Whoever it is stays without a name, is asked nothing, and gets the mail that says what was done."""
    say(wall, claim(wall), "yes")
    wall.site.pass_time(minutes=2)
    (customer,) = wall.site.rows(Customer)
    assert (customer.email, customer.anonymous) == ("camille@example.org", True)
    with wall.site.parts.store.reading() as connection:
        assert waves.count_people(connection) == 0
    team = Team(wall.site)
    assert "not confirmed" not in team.client("Nadia").get("/tickets/1").text
    assert wall.sums() == []


@pytest.mark.parametrize(("mine", "state"), [("yes", "confirmed"), ("no", "refused")])
def test_an_address_whose_owner_has_spoken_is_not_claimed_again(wall: Wall, mine: str, state: str) -> None:
    """The page sent once more brings back neither the address nor the mail; another address is kept as any."""
    page = {**wall.page(), "wants_contact": "yes", "phone": "+33 4 78 00 00 00"}
    wall.send(page=page, score="1", address="camille@example.org")
    wall.site.pass_time(minutes=2)
    say(wall, wall.site.link("claim", newest_claim(wall).id), mine)
    wall.send(page=page, score="2", address="Camille@example.org")
    (response,), (row,) = wall.site.rows(Response), wall.site.rows(PlaceAnswer)
    assert (response.score, response.details, row.claim) == (2, {}, state)
    wall.send(page=page, score="2", address="other@example.org")
    (response,) = wall.site.rows(Response)
    assert response.details == {"address": "other@example.org"}
    assert len([mail for mail in wall.site.rows(Dispatch) if mail.template == "claim"]) == 1
    assert wall.sums() == []


def test_whose_address_it_is_not_has_it_forgotten(wall: Wall) -> None:
    """The answer stays, without a name; the first word counts."""
    path = claim(wall)
    assert "not confirmed" in Team(wall.site).client("Nadia").get("/tickets/1").text
    assert "forgotten" in say(wall, path, "no").text
    say(wall, path, "yes")
    (response,), (customer,), (row,) = wall.site.rows(Response), wall.site.rows(Customer), wall.site.rows(PlaceAnswer)
    assert (response.details, customer.email, row.claim) == ({}, None, "refused")
    assert wall.sums() == []


def test_a_stranger_is_asked_once_in_a_week_and_never_against_their_will(wall: Wall) -> None:
    """However often and however spelt an address is typed; a mailbox that wants no mail gets none."""
    claim(wall)
    for address in ("camille@example.org", "CAMILLE@example.org"):
        wall.send(score="1", wants_contact="yes", address=address)
        wall.site.pass_time(hours=25)
    assert sorted(row.claim or "" for row in wall.site.rows(PlaceAnswer)) == ["asked", "unsent", "unsent"]
    wall.site.pass_time(days=7)
    claim(wall)
    assert sum(mail.template == "claim" for mail in wall.site.rows(Dispatch)) == 2
    wall.site.events(event("website_visited", reference="r", customer={"email": "no@example.org"}))
    wall.site.parts.store.write(lambda connection: apply_opt_out(wall, connection))
    wall.send(score="1", wants_contact="yes", address="no@example.org")
    assert sum(mail.template == "claim" for mail in wall.site.rows(Dispatch)) == 2
    assert wall.sums() == []


def apply_opt_out(wall: Wall, connection: Any) -> None:
    """Suppress a mailbox."""
    changes = ChangeSet()
    key = address_key("no@example.org", wall.site.parts.policy().ids)
    changes.add(Suppression(key, "opt_out", wall.site.clock.at, "customer"))
    apply(connection, changes, wall.site.clock.at)


def test_a_link_that_counts_no_more_is_closed(wall: Wall) -> None:
    """Too old, forged, for another purpose, or of somebody who was erased; a page of nobody's is not taken."""
    path = claim(wall)
    (mail,) = [row for row in wall.site.rows(Dispatch) if row.template == "claim"]
    assert wall.site.client.post(path, data={"mine": "yes", "nonce": "x"}).status_code == 403
    assert wall.site.client.post(path, data={"mine": "perhaps"}).status_code == 403
    assert wall.site.client.get(wall.site.link("claim", Action.TABLE)).status_code == 404
    assert wall.site.client.get("/c/" + wall.site.parts.links.sign("reopen", mail.id)).status_code == 404
    wall.site.clock.at += timedelta(days=31)
    assert wall.site.client.get(path).status_code == 404
    wall.site.clock.at -= timedelta(days=31)
    (customer,) = wall.site.rows(Customer)
    Privacy(wall.site.parts.store, wall.site.parts.policy, wall.site.clock.now).erase(customer.crm_id or "", "test")
    assert wall.site.client.get(path).status_code == 404
    assert wall.site.rows(PlaceAnswer)[0].claim_key is None


def test_an_address_moved_by_hand_fails_its_sum(wall: Wall) -> None:
    """The books say which sum does not hold."""
    claim(wall)
    wall.send(score="1", wants_contact="yes", address="camille@example.org")
    assert wall.sums() == []
    for statement, name in (
        ("UPDATE place_answer SET claim = 'perhaps' WHERE claim = 'unsent'", "addresses left at places"),
        ("UPDATE place_answer SET claim = 'unsent'", "mails that ask whose"),
        ("DELETE FROM dispatch WHERE template = 'claim'", "mails that ask whose"),
    ):
        assert any(failing.startswith(name) for failing in wall.sums_after(statement)), statement
