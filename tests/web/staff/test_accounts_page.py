"""The pages of accounts: coverage, who went silent, the people of one; none where no account is declared."""

import io
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from openpyxl import load_workbook
from ownrules import write_rules
from staffparts import Team, words
from webparts import Site, event

DECLARED = """
account: {type: text, personal: no, silent after: P60D, value: revenue}
revenue: {type: number, domain: 0.., personal: no}
role: {type: text, values: [decides, uses], personal: no}
"""


@pytest.fixture
def team(open_site: Callable[..., Site], tmp_path: Path) -> Team:
    """Give a site where one person of a company answers, and a company that lets three months go by."""
    write_rules(tmp_path / "own", DECLARED)
    site = open_site(overrides=str(tmp_path / "own"))
    for subject, account in (("1", "Acme & fils"), ("2", "ACME & Fils"), ("3", "Muet")):
        who: dict[str, object] = {
            "attributes": {"account": account, "role": "decides", **({"revenue": 80_000} if subject == "2" else {})},
            "owner": "L\u00e9a",
            "name": f"Person {subject}",
        }
        site.events(event("delivery", subject, at=site.clock.at, customer=who, reference=f"o-{subject}"))
    site.settle()
    assert site.parts.customer_actions.answer(site.request("o-1").id, 3, "late")
    site.pass_time(minutes=10)
    site.pass_time(days=45)
    site.pass_time(days=60)
    site.events(event("delivery", "2", at=site.clock.at, reference="o-4") | {"id": "again"})
    return Team(site)


def test_a_lead_sees_coverage_and_who_went_silent(team: Team) -> None:
    """Two of three people are of one company, in whatever capitals; a name leads to its people."""
    client = team.client("Nadia")
    html = unescape(client.get("/accounts").text)
    said = words(html)
    assert "50% of accounts answered: 1 of 2." in said
    assert "Revenue: 100% answered, 80 000 of 80 000; 80 000 was asked." in said
    assert "It is not known of 1 account, which is in neither sum." in said
    silent = html.partition('id="silent"')[2].partition('id="largest"')[0]
    assert ">Muet</a>" in silent
    assert "cme" not in silent.casefold()
    story = client.get("/accounts/acme%20%26%20FILS")
    assert story.status_code == 200
    assert "2 people, 1 answered." in words(story.text)
    assert "decides" in words(story.text)
    assert client.get("/accounts/nobody").status_code == 404
    assert "Accounts" in words(client.get("/report").text)


def test_each_table_is_a_file(team: Team) -> None:
    """CSV by table and one workbook, for those who read reports; unknown revenue has a line of its own."""
    client = team.client("Nadia")
    lines = client.get("/accounts-coverage.csv?since=2020-01-01").text.lstrip("\ufeff").splitlines()
    assert lines == [
        "What,All,Asked,Answered,Share",
        "Accounts,2,2,1,0.5",
        "People,3,3,1,0.3333",
        "Revenue,80000,80000,80000,1.0",
        "Accounts of which no value is known,1,,,",
    ]
    book = load_workbook(io.BytesIO(client.get("/accounts.xlsx").content))
    assert [sheet.title for sheet in book] == [
        "Coverage",
        "NPS over accounts",
        "Silent",
        "Accounts with the most people",
    ]
    assert client.get("/accounts-nothing.csv").status_code == 404
    assert team.client("Max").get("/accounts.xlsx").status_code == 403


def test_marketing_sees_no_people_and_nobody_sees_what_is_not_declared(team: Team, site: Site) -> None:
    """The list is for everybody, the people for those who call them; without the attribute there is no page."""
    marc = team.client("Marc")
    assert marc.get("/accounts").status_code == 200
    assert 'href="/accounts/' not in marc.get("/accounts").text
    assert marc.get("/accounts/muet").status_code == 403
    other = Team(site).client("Nadia")
    assert other.get("/accounts").status_code == 404
    assert "/accounts" not in other.get("/inbox").text
