"""Ids are for tables and scripts: no page that people read holds the id of a touchpoint, a mail, a step or a reason."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from staffparts import PASSWORD, Team, act, hidden, words
from tourparts import SiteTour
from webparts import HERE, Site, event

from workers.adapters.resources import Data
from workers.domain.explain.names import NAMES
from workers.domain.records import Response, SurveyRequest
from workers.domain.types import Reason
from workers.web.app import create_app

PAGES = (
    "/queue",
    "/queue/people?kind=touchpoint&name=feature",
    "/queue/confirm?act=pause&kind=touchpoint&name=feature",
)
MORE = (
    "/customers/42",
    "/customers/f0",
    "/customers",
    "/inbox?all=1",
    "/tickets/1",
    "/report",
    "/report/drivers",
    "/themes",
)
IDS = sorted({id for id in (*NAMES, *(str(reason) for reason in Reason)) if re.search("[-_]", id)})
RAW = re.compile(rf"(?<![\w/-])({'|'.join(map(re.escape, IDS))})(?![\w/-])|boucle\.[a-z-]+\.[a-z_.]*")


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with planned, held and skipped touchpoints, a ticket and mails."""
    made = Team(site)
    for n in range(3):
        site.events(event("feature_first_used", f"f{n}", customer={"name": f"Person {n}"}, reference="search"))
    made.low()
    act(made.client("Léa"), 1, "no_answer", mail="1")
    site.events(event("churned", "f2"))
    site.pass_time(days=4)
    return made


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_page_holds_a_raw_id(team: Team, language: str) -> None:
    """Queue, timeline, tickets and report name things; only addresses and form values keep ids."""
    for name, paths in (("Nadia", (*PAGES, *MORE)), ("Léa", MORE[:5])):
        client = team.client(name)
        for path in paths:
            page = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert page.status_code == 200, path
            said = words(page.text)
            raw = [said[max(0, match.start() - 60) : match.end() + 20] for match in RAW.finditer(said)]
            assert not raw, (path, raw)


@pytest.fixture
def shop(site: Site) -> Site:
    """Give a demo in which a visitor has answered with a 2, and somebody else too, days ago."""
    site.parts.policies.remember(site.parts.store, site.parts.now())
    site.app = create_app(replace(site.web, tour=SiteTour(site)), ticks=lambda: site.ticks)
    team = Team(site)
    site.client = site.client_from(HERE)
    site.client.post("/try", data={"name": "Eve", "language": "fr", "csrf": SiteTour.token})
    assert site.parts.customer_actions.answer(site.rows(SurveyRequest)[0].id, 2, "Broken")
    site.pass_time(minutes=2)
    team.low("77")
    site.pass_time(days=10)
    return site


def pages_of(shop: Site, language: str) -> Iterator[tuple[str, str]]:
    """Give the pages of a demo, its mailbox, the case and the tables with what they explain and try."""
    client, kept = shop.client_from(HERE), shop.parts.outgoing.mailbox
    assert client.post("/login", data={"username": "Nadia", "password": PASSWORD}).status_code == 303
    assert kept is not None
    answer = shop.rows(Response)[0].id
    everybody = ("/", "/try/try-1", "/login", "/mailbox", *(f"/mailbox/{mail.id}" for mail in kept.list(30, 0)))
    team = ("/tables", "/tables/journey-plan", f"/tables/follow-up?response={answer}")
    for visitor, paths in ((shop.client, everybody), (client, (*team, "/queue", "/customers/77", "/customers/try-1"))):
        for path in paths:
            page = visitor.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert page.status_code == 200, path
            yield path, page.text
    csrf = hidden(client.get("/tables/follow-up").text)["csrf"]
    plan = client.get("/tables/journey-plan/rules.csv").content.replace(b"P42D", b"P40D")
    for name, files in (("follow-up", None), ("journey-plan", {"rules": ("rules.csv", plan)})):
        sent = {"csrf": csrf, "since": "2026-01-01", **({} if files else {"broken": "1"})}
        page = client.post(f"/tables/{name}?lang={language}", data=sent, files=files)
        assert page.status_code == 200, words(page.text)
        yield f"a trial of {name}", page.text


AS_IN_THE_FILE = re.compile(
    r'(?s)<(code|pre|datalist)\b.*?</\1>|<table class="cells">.*?</table>|<option[^>]*>.*?</option>'
)
"""What an editor of a table types: its cells as they stand in the file, and what is chosen from them."""


def test_the_demo_its_mailbox_and_the_tables_hold_no_raw_id(shop: Site) -> None:
    """In both languages, from the start page to a trial: what stands in a table's own cells is as in its file."""
    for language in ("en", "fr"):
        for path, html in pages_of(shop, language):
            said = words(AS_IN_THE_FILE.sub(" ", html))
            raw = [said[max(0, match.start() - 60) : match.end() + 20] for match in RAW.finditer(said)]
            assert not raw, (language, path, raw)


def test_everything_that_is_shipped_has_a_name() -> None:
    """A touchpoint of the plan, a mail or a reason without a name would be shown by its id."""
    english = Data(None).read("templates/catalogs/en.po").decode()
    mails = Data(None).list("templates/mail")
    assert not [mail for mail in mails if f'"mail.name.{mail}"' not in english or mail not in NAMES]
    assert not [code for code in Reason if f'"report.reason.{code}"' not in english]
