"""Ids are for tables and scripts: no page that people read holds the id of a touchpoint, a mail, a step or a reason."""

import re

import pytest
from staffparts import Team, act, words
from webparts import Site, event

from workers.adapters.resources import Data
from workers.domain.explain.names import NAMES
from workers.domain.types import Reason

PAGES = (
    "/queue",
    "/queue/people?kind=touchpoint&name=feature",
    "/queue/confirm?act=pause&kind=touchpoint&name=feature",
)
MORE = ("/customers/42", "/customers/f0", "/customers", "/inbox?all=1", "/tickets/1", "/report", "/themes")
IDS = sorted({one for one in (*NAMES, *(str(reason) for reason in Reason)) if re.search("[-_]", one)})
RAW = re.compile(rf"(?<![\w/-])({'|'.join(map(re.escape, IDS))})(?![\w/-])|boucle\.[a-z-]+\.[a-z_.]*")


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with planned, held and skipped touchpoints, a ticket and mails."""
    found = Team(site)
    for n in range(3):
        site.events(event("feature_first_used", f"f{n}", customer={"name": f"Person {n}"}, reference="search"))
    found.low()
    act(found.client("Léa"), 1, "no_answer", mail="1")
    site.events(event("churned", "f2"))
    site.pass_time(days=4)
    return found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_page_holds_a_raw_id(team: Team, language: str) -> None:
    """Queue, timeline, tickets and report name things; only addresses and form values keep ids."""
    for name, paths in (("Nadia", (*PAGES, *MORE)), ("Léa", MORE[:5])):
        client = team.client(name)
        for path in paths:
            page = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert page.status_code == 200, path
            said = words(page.text)
            found = [said[max(0, one.start() - 60) : one.end() + 20] for one in RAW.finditer(said)]
            assert not found, (path, found)


def test_everything_that_is_shipped_has_a_name() -> None:
    """A touchpoint of the plan, a mail or a reason without a name would be shown by its id."""
    english = Data(None).read("templates/catalogs/en.po").decode()
    mails = Data(None).list("templates/mail")
    assert not [one for one in mails if f'"mail.name.{one}"' not in english or one not in NAMES]
    assert not [one for one in Reason if f'"report.reason.{one}"' not in english]
