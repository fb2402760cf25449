"""What only a demo has stays in a demo and on its machine: the banner, the clock, trying it, links to sign in."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from staffparts import Team, hidden
from starlette.testclient import TestClient
from tourparts import SiteTour
from webparts import HERE, Site, event

from workers import roles
from workers.demo.run import SENDING_ALWAYS
from workers.domain.records import Customer, SurveyRequest
from workers.domain.types import DispatchState
from workers.errors import Misconfigured
from workers.store import tables
from workers.web.app import create_app

ELSEWHERE = ("192.0.2.7", 50_000)


class Quiet(SiteTour):
    """A tour that sends nothing."""

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        self.site.clock.at += by


@pytest.fixture
def demo(site: Site) -> Site:
    """Give a site that is a demo, with one person of each role."""
    site.app = create_app(replace(site.web, tour=SiteTour(site)), ticks=lambda: site.ticks)
    Team(site)
    site.client = site.client_from(HERE)
    site.client.headers["accept-language"] = "en"
    return site


def test_an_installation_for_customers_has_none_of_it(site: Site) -> None:
    """No banner, no way to move time, no links that sign anybody in, no customer made by clicking."""
    team = Team(site)
    client = team.client()
    for path in ("/", "/login"):
        page = client.get(path).text
        assert "/clock" not in page
        assert "/login/" not in page
    assert client.post("/clock", data={"by": "hour", "csrf": "x"}).status_code == 404
    assert client.post("/try", data={"name": "Eve", "csrf": "x"}).status_code == 404
    assert client.get("/try/try-1").status_code == 404
    assert site.rows(Customer) == []


def test_another_machine_sees_no_more_than_usual(demo: Site) -> None:
    """Who reaches the demo over a network cannot play its people or move its time."""
    client = demo.client_from(ELSEWHERE)
    assert "/clock" not in client.get("/").text
    assert "/login/" not in client.get("/login").text
    assert client.post("/clock", data={"by": "hour", "csrf": SiteTour.token}).status_code == 404
    assert client.post("/try", data={"name": "Eve", "csrf": SiteTour.token}).status_code == 404
    for header in ("x-forwarded-for", "x-real-ip", "forwarded", "via", "x-forwarded-host"):
        through_a_proxy = demo.client.get("/", headers={header: "192.0.2.7"}).text
        assert "/clock" not in through_a_proxy
        assert "/login/" not in through_a_proxy


def test_a_visitor_becomes_a_customer_through_the_door_of_events(demo: Site) -> None:
    """The form makes an event, the question leaves at once, and the case shows the mail; hostile names stay text."""
    form = {**hidden(demo.client.get("/").text), "name": "<b>Eve</b>", "language": "fr"}
    begun = demo.client.post("/try", data=form)
    assert (begun.status_code, begun.headers["location"]) == (303, "/try/try-1")
    (asked,) = demo.rows(SurveyRequest)
    assert (asked.trigger, asked.language) == ("delivery", "fr")
    case = demo.client.get("/try/try-1").text
    assert "&lt;b&gt;Eve&lt;/b&gt;" in case
    assert re.search(r'href="/mailbox/[0-9a-f-]+"', case)
    assert demo.client.post("/try", data={**form, "name": ""}).headers["location"] == "/try/try-2"


def test_with_a_mail_server_the_case_leads_to_the_answer_itself(open_site: Callable[..., Site]) -> None:
    """There is no mailbox to click in, and a mail as it left shows no key."""
    site = open_site(smtp_url="smtp://127.0.0.1:1", sending="on")
    site.parts.__dict__["sending"] = SENDING_ALWAYS  # the sample brand holds it back
    site.app = create_app(replace(site.web, tour=Quiet(site)), ticks=lambda: site.ticks)
    client = site.client_from(HERE)
    client.post("/try", data={**hidden(client.get("/").text), "name": "Eve", "language": "en"})
    site.parts.scheduler.wake_all()
    (asked,) = site.rows(SurveyRequest)
    with site.parts.store.engine.begin() as connection:
        connection.execute(sa.update(tables.dispatch).values(state=DispatchState.ACCEPTED, accepted_at=site.clock.at))
    assert site.link("answer", asked.id) in client.get("/try/try-1").text


def test_a_language_that_was_switched_to_stays(demo: Site) -> None:
    """Who reads the start page in French reads the mailbox and their case in French, whatever the browser asks for."""
    assert "Essayez vous-même" in demo.client.get("/?lang=fr").text
    assert "Essayez vous-même" in demo.client.get("/").text
    assert "Boîte aux lettres" in demo.client.get("/mailbox").text


def test_only_visitors_have_a_case(demo: Site) -> None:
    """The page tells nothing about other customers."""
    demo.events(event("delivery", "42", at=demo.clock.at, reference="1"))
    assert demo.client.get("/try/42").status_code == 404
    assert demo.client.get("/try/try-9").status_code == 404


def test_forms_of_other_sites_do_nothing(demo: Site) -> None:
    """Neither without the token nor with the browser's word that another site sent it."""
    before = demo.clock.at
    for form in ({"by": "day", "csrf": "x"}, {"by": "day"}):
        assert demo.client.post("/clock", data=form).status_code == 403
    sent = demo.client.post(
        "/clock", data={"by": "day", "csrf": SiteTour.token}, headers={"sec-fetch-site": "cross-site"}
    )
    assert sent.status_code == 403
    assert demo.clock.at == before


@pytest.mark.parametrize(
    ("back", "to"),
    [("/report?segment=north", "/report?segment=north"), ("https://evil.example/", "/"), ("//evil.example", "/")],
)
def test_the_clock_moves_and_leads_back_on_this_server_only(demo: Site, back: str, to: str) -> None:
    """After a leap the same page is shown again."""
    before = demo.clock.at
    moved = demo.client.post("/clock", data={"by": "fortnight", "csrf": SiteTour.token, "back": back})
    assert (moved.status_code, moved.headers["location"]) == (303, to)
    assert demo.clock.at - before == timedelta(weeks=2)


def player(page: str, name: str) -> str:
    """Return the address that the button of a person of the demo sends its form to."""
    return str(re.findall(rf'action="(/login/[^"]+)"><button[^>]*>{name}', page)[0])


def test_a_used_link_still_leads_to_its_page(demo: Site) -> None:
    """Links of one page share one token: the first signs in, the others lead on."""
    page = demo.client.get("/login", params={"next": "/report"}).text
    link = player(page, "Nadia")
    for _ in range(2):
        assert demo.client.post(link).headers["location"] == "/report"
    stranger = demo.client_from(HERE)
    assert stranger.post(link).status_code == 410


def test_a_page_for_another_role_offers_to_be_somebody_else(demo: Site) -> None:
    """Nobody who plays a part ends at a closed door."""
    page = demo.client.get("/login", params={"next": "/report"}).text
    demo.client.post(player(page, "Léa").partition("?")[0])
    refused = demo.client.get("/report")
    assert refused.status_code == 403
    demo.client.post(player(refused.text, "Nadia"))
    assert demo.client.get("/report").status_code == 200


def test_ready_asks_the_broker_where_there_is_one(open_site: Callable[..., Site]) -> None:
    """A broker that is away is told by /readyz, and only a stream is not ready then; without one nothing is asked."""
    assert roles.checks_of(open_site().parts) == {}
    away = open_site(kafka_bootstrap="127.0.0.1:1")
    web = replace(away.web, checks=roles.checks_of(away.parts))
    with TestClient(create_app(web), client=HERE) as client:
        ready = client.get("/readyz")
        assert client.get("/readyz", params={"role": "stream"}).status_code == 503
        assert client.get("/readyz", params={"role": "send"}).status_code == 200
    assert ready.status_code == 200
    check = ready.json()["checks"]["kafka"]
    assert (check["ok"], check["needed"]) == (False, False)
    assert check["detail"]
    with pytest.raises(Misconfigured):
        roles.checks_of(away.parts)["kafka"]()
