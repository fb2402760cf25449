"""The page after the answer: the score is saved, reasons are optional, and the last form counts."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from html import unescape

import pytest
from staffparts import Team
from webparts import Site

from workers.domain.explain import text
from workers.domain.records import Dispatch, Response, ResponseRevision, Ticket
from workers.usecases.operation import inquiry


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its team."""
    return Team(site)


TAPPED = re.compile(r'type="checkbox" name="driver\.(\w+)" value="yes"( checked)?')


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html))


def scored(site: Site, score: int = 3) -> str:
    """Have a customer answer, and return the path of the page that follows."""
    path = site.asked()
    data = {**hidden(site.client.get(path).text), "score": str(score), "comment": "Trop tard"}
    location = site.client.post(path, data=data).headers["location"]
    assert "/thanks" in location
    return path + "/thanks"


def tap(site: Site, path: str, *codes: str, **more: str) -> tuple[int, str]:
    """Tap some reasons as a browser does, and return status and page."""
    data = {**hidden(site.client.get(path).text), **{f"driver.{code}": "yes" for code in codes}, **more}
    answer = site.client.post(path, data=data)
    if answer.status_code == 303:
        answer = site.client.get(answer.headers["location"])
    return answer.status_code, unescape(answer.text)


def test_the_score_is_saved_before_any_reason(site: Site) -> None:
    """Whoever taps nothing has answered; the page offers the shop's reasons and something else, which is last."""
    path = scored(site)
    (response,) = site.rows(Response)
    assert (response.score, response.drivers, response.n) == (3, "", 1)
    page = unescape(site.client.get(path).text)
    assert "Qu'est-ce qui a le plus pesé sur votre note" in page
    order = [code for code, _ in TAPPED.findall(page)]
    assert len(order) == 8
    assert order[-1] == "other"
    assert order == [code for code, _ in TAPPED.findall(site.client.get(path).text)]
    assert "competitor" not in page


def test_reasons_are_kept_and_the_last_form_counts(site: Site) -> None:
    """In whatever order they are tapped: the same choice again changes nothing, another one replaces it."""
    path = scored(site)
    status, page = tap(site, path, "price", "delivery")
    assert status == 200
    assert "Merci, c'est noté aussi." in page
    assert {code for code, checked in TAPPED.findall(page) if checked} == {"price", "delivery"}
    (kept,) = site.rows(Response)
    assert (kept.drivers, kept.n, kept.score, kept.comment) == ("delivery price", 2, 3, "Trop tard")
    site.pass_time(seconds=20)
    tap(site, path, "delivery", "price")
    assert site.rows(Response) == [kept]
    tap(site, path, "service")
    (changed,) = site.rows(Response)
    assert (changed.drivers, changed.n) == ("service", 3)
    assert [(row.n, row.drivers) for row in site.rows(ResponseRevision)] == [
        (1, ""),
        (2, "delivery price"),
        (3, "service"),
    ]
    tap(site, path)
    assert site.rows(Response)[0].drivers == ""


def test_a_fourth_reason_is_refused_and_nothing_is_lost(site: Site) -> None:
    """The page says how many, with all four still tapped; what was kept stays."""
    path = scored(site, 8)
    tap(site, path, "price")
    status, page = tap(site, path, "price", "delivery", "service", "other", competitor="Lumo, plus rapide")
    assert status == 400
    assert "Choisissez-en 3 au plus" in page
    assert {code for code, checked in TAPPED.findall(page) if checked} == {"price", "delivery", "service", "other"}
    assert "Lumo, plus rapide" in page
    assert site.rows(Response)[0].drivers == "price"


def test_a_changed_score_keeps_the_reasons(site: Site) -> None:
    """The form of the score says nothing of reasons; names that are not offered say nothing at all."""
    path = scored(site)
    tap(site, path, "price", "no_such_driver")
    form = path.removesuffix("/thanks")
    site.client.post(form, data={**hidden(site.client.get(form).text), "score": "9", "comment": "Enfin"})
    (response,) = site.rows(Response)
    assert (response.score, response.comment, response.drivers) == (9, "Enfin", "price")


def test_a_passive_is_asked_about_other_companies(site: Site) -> None:
    """Only a 7 or an 8; the words are a field of their own, shown to nobody else who holds the link, and kept on."""
    path = scored(site, 7)
    assert 'name="competitor"' in site.client.get(path).text
    _, page = tap(site, path, "price", competitor="Lumo: livraison le jour même, et moins cher de dix euros")
    assert "moins cher de dix euros" in page
    (response,) = site.rows(Response)
    assert response.competitor == "Lumo: livraison le jour même, et moins cher de dix euros"
    assert response.comment == "Trop tard"
    later = unescape(site.client.get(path).text)
    assert "moins cher de dix euros" not in later
    tap(site, path, "service", keep="yes")
    (kept,) = site.rows(Response)
    assert (kept.drivers, kept.competitor) == ("service", response.competitor)
    tap(site, path, "service", competitor="Nobody")
    assert site.rows(Response)[0].competitor == "Nobody"
    assert tap(site, path, competitor="x" * 1_001)[0] == 400
    assert site.rows(Response)[0].competitor == "Nobody"


def test_a_detractor_writes_nothing_of_competitors(site: Site) -> None:
    """The field is not on their page, so a program that sends it says nothing."""
    path = scored(site, 2)
    tap(site, path, "price", competitor="Lumo")
    assert site.rows(Response)[0].competitor == ""


def test_a_page_of_somebody_else_changes_nothing(site: Site) -> None:
    """A forged nonce is shown the page again; a closed question and an unknown link look alike."""
    path = scored(site)
    forged = site.client.post(path, data={"nonce": "x", "driver.price": "yes"})
    assert forged.status_code == 403
    assert site.rows(Response)[0].drivers == ""
    assert site.client.post("/a/nothing/thanks", data={}).status_code == 404
    site.clock.at += timedelta(days=15)
    assert site.client.post(path, data={"driver.price": "yes"}).status_code == 404
    assert site.rows(Response)[0].drivers == ""


def test_without_an_answer_there_is_nothing_to_explain(site: Site) -> None:
    """Reasons come after a score, so a post without one is a link that leads nowhere."""
    path = site.asked() + "/thanks"
    assert site.client.post(path, data={"driver.price": "yes"}).status_code == 404
    assert site.rows(Response) == []


def test_the_shop_may_ask_for_no_reasons(
    open_site: Callable[..., Site], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With an empty file the page thanks, and offers nothing to a detractor."""
    own = tmp_path_factory.mktemp("own")
    (own / "rules").mkdir()
    (own / "rules" / "drivers.yaml").write_text("# none\n")
    site = open_site(overrides=str(own))
    page = site.client.get(scored(site)).text
    assert "<form" not in page
    assert "driver." not in page


def test_agents_and_explain_see_the_reasons(team: Team) -> None:
    """On the ticket, on the customer's page, in the terminal, and in the list behind the report's figures."""
    site = team.site
    path = scored(site)
    tap(site, path, "as_described", "other")
    site.pass_time(minutes=2)
    (ticket,) = site.rows(Ticket)
    client = team.client("Léa")
    shown = unescape(client.get(f"/tickets/{ticket.number}").text)
    assert "Photos and description, Something else" in shown
    assert "Photos and description, something else" in unescape(client.get("/customers/42").text)
    said = unescape(team.client("Nadia").get("/report/responses?band=detractor").text)
    assert "Because of: Photos and description, Something else" in said
    policy = site.parts.policies.current()
    with site.parts.store.reading() as connection:
        told = inquiry.explain(connection, "customer", "42", site.clock.at, policy)
    assert told is not None
    assert "because of: Photos and description, other" in text.as_text(told)


def test_the_mail_to_the_team_says_why(open_site: Callable[..., Site]) -> None:
    """Who reads of the ticket in a mail knows what to speak about before the call."""
    site = open_site(agents_address="team@boutique.example.org")
    path = scored(site)
    tap(site, path, "delivery", "other")
    site.pass_time(minutes=2)
    (mail,) = [row for row in site.rows(Dispatch) if row.template == "ticket"]
    assert (mail.facts["drivers"], mail.facts["other_driver"]) == ("La livraison", True)
    (file,) = (site.parts.settings.home / "mailbox").glob(f"**/{mail.id}.eml")
    body = message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",))
    assert body is not None
    assert "En cause : La livraison, Autre chose" in " ".join(body.get_content().split())
