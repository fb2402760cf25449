"""The customer's page says what `boucle explain` says, and shows mails as they left without their keys."""

import re
from dataclasses import replace

import pytest
from staffparts import Team, act, words
from webparts import Site, event

from workers.domain import explain
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.records import Dispatch
from workers.domain.sending_state import ON
from workers.domain.types import DispatchState
from workers.usecases.operation import inquiry


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people and one customer with a story."""
    made = Team(site)
    made.low()
    act(made.client("Léa"), 1, "done", outcome="solved", root_cause="delivery/late", sentence="Sorry.")
    made.site.settle()
    return made


def test_the_page_says_what_explain_says(team: Team) -> None:
    """The same sentences from the same code: every one of them is on the page."""
    site = team.site
    with site.parts.store.reading() as connection:
        story = inquiry.explain(connection, "customer", "42", site.clock.at, site.web.policy(), ON)
    assert story is not None
    said = words(team.client("Léa").get("/customers/42").text)
    sentences = [str(entry["reason"]) for _, _, entry in explain.text.entries(story)]
    assert len(sentences) > 15
    for sentence in sentences:
        assert " ".join(sentence.split()) in said, sentence
    assert str(story["next_ask"]["reason"]) in said  # type: ignore[index]  # an entry


def test_what_the_crm_says_beyond_the_profile_is_on_the_page(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each declared attribute under the operator's own name, a truth value in the reader's words, and no other."""
    policies, declared = team.site.parts.policies, b"contract_ends: {type: date}\npartner: {type: boolean}\n"
    monkeypatch.setattr(policies, "_policy", replace(policies.current(), attributes=read_attributes(declared)))
    told = {"contract_ends": "2026-12-31", "partner": True, "sector": "retail"}
    team.site.events(event("customer_started", "42", customer={"id": "42", "attributes": told}))
    page = words(team.client("Léa").get("/customers/42").text)
    assert "Contract ends 2026-12-31" in page
    assert "Partner yes" in page
    assert "retail" not in page


def test_a_french_page_says_all_of_it_in_french(team: Team) -> None:
    """Every sentence in the reader's language, and no word that is marked as English."""
    site, catalog = team.site, team.site.web.templates.catalogs.catalog("fr")
    with site.parts.store.reading() as connection:
        english, french = (
            inquiry.explain(connection, "customer", "42", site.clock.at, site.web.policy(), **more)  # type: ignore[arg-type]
            for more in ({}, {"catalog": catalog})
        )
    assert english is not None
    assert french is not None
    page = team.client("Léa").get("/customers/42?lang=fr").text
    said = words(page)
    for (_, _, in_french), (_, _, in_english) in zip(
        explain.text.entries(french, catalog), explain.text.entries(english), strict=True
    ):
        assert " ".join(str(in_french["reason"]).split()) in said
        assert in_french["reason"] != in_english["reason"]
        assert str(in_english["reason"]) not in said
    assert 'lang="en"' not in page.partition("<main")[2].partition("</main>")[0]


def test_what_is_to_come_stands_before_now_and_what_was_after_it(team: Team) -> None:
    """One line through time, the newest first."""
    page = team.client("Léa").get("/customers/42").text
    before, after = words(page).split(" now ", 1)
    assert "After a ticket" in before
    assert "Delivery arrived:" in after
    assert "boucle.journey" not in after
    times = re.findall(r'<time datetime="(\d{4}-\d\d-\d\dT\d\d:\d\d)\+00:00">', page)
    assert times == sorted(times, reverse=True)


def test_a_mail_as_it_left_cannot_be_answered_by_who_reads_it(team: Team) -> None:
    """The text is there; the signed part of its links is not."""
    client = team.client("Léa")
    page = client.get("/customers/42").text
    sent = re.findall(r'href="(/sent/[^"]+)"', page)
    assert len(sent) >= 4
    texts = [client.get(path).text for path in sent]
    question = next(text for text in texts if "vous recommandiez" in text)
    assert "/a/…" in question
    token = team.site.link(
        "answer", next(dispatch.request for dispatch in team.site.rows(Dispatch) if dispatch.request) or ""
    )
    assert token not in question
    assert not any("/u/" in text and "/u/…" not in text for text in texts)


def test_a_mail_that_did_not_leave_is_not_there(team: Team) -> None:
    """Nothing is shown as sent that was not."""
    client = team.client("Léa")
    unsent = [dispatch.id for dispatch in team.site.rows(Dispatch) if dispatch.state != DispatchState.ACCEPTED]
    assert unsent
    for id in (*unsent, "x", "00000000-0000-8000-8000-000000000000"):
        assert client.get(f"/sent/{id}").status_code == 404


@pytest.mark.parametrize(
    "text", ["roux", "42@example.org", "42", "06 12 34", "2@EXAMPLE", "arrived broken", "order 42", "o-42"]
)
def test_customers_are_found(team: Team, text: str) -> None:
    """By part of the name, mail address, comment or product; by CRM id, phone or reference."""
    page = team.client("Léa").get("/customers", params={"q": text}).text
    assert 'href="/customers/42"' in page


def test_before_a_search_those_who_answered_last_are_shown(team: Team) -> None:
    """The newest answer first, everybody once, and nobody who is erased."""
    team.site.pass_time(hours=1)
    team.low("43", 2, "Late", name="Ann")
    client = team.client("Léa")
    crm_ids = re.findall(r'href="/customers/(4[23])"', client.get("/customers").text)
    assert crm_ids == ["43", "42"]
    team.site.events({**event("delivery", "43"), "id": "e", "type": "boucle.customer.erased.v1", "data": {}})
    assert re.findall(r'href="/customers/(4[23])"', client.get("/customers").text) == ["42"]


def test_an_id_with_any_signs_has_its_page(team: Team) -> None:
    """CRMs have ids with slashes, spaces and accents."""
    for id in ("a/b", "é ü", "100%", "x?y#z"):
        team.site.events(event("purchase", id, customer={"email": "a@b.org"}, reference="1", delivery_expected=False))
    client = team.client("Léa")
    for id in ("a/b", "é ü", "100%", "x?y#z"):
        (path,) = re.findall(r'href="(/customers/[^"?]+)"', client.get("/customers", params={"q": id}).text)
        page = client.get(path)
        assert page.status_code == 200, id
        assert id in words(page.text)


def test_an_unknown_customer_is_not_there(team: Team) -> None:
    """No page, and no hint."""
    assert team.client("Léa").get("/customers/nobody").status_code == 404


def test_an_erased_customer_is_found_by_nobody(team: Team) -> None:
    """The search finds no erased person, and their page holds nothing personal."""
    erased = {**event("delivery"), "id": "e", "type": "boucle.customer.erased.v1", "data": {}}
    team.site.events(erased)
    client = team.client("Léa")
    assert "/customers/42" not in client.get("/customers", params={"q": "roux"}).text
    page = client.get("/customers/42")
    assert page.status_code in (200, 404)
    assert "Camille" not in page.text
    assert "It arrived broken" not in page.text
