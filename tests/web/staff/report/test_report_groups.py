"""Answers set side by side by declared attributes: on the page, in its files and on the page of drivers."""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from shopyear import BEGIN, DAYS, fill
from staffparts import Team
from webparts import Site

from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.records import Customer, Response
from workers.store import tables

DECLARED = b"""
plan: {type: text, values: [free, pro], personal: no}
partner: {type: boolean, personal: no}
illness: {type: text, values: [good, bad]}
"""
SEGMENT, PLAN = "segment", "plan"
OPENS = re.compile(r'<td><a href="report/(responses\?[^"]*group=[^"]*)">(\d+)</a>')


@pytest.fixture
def team(site: Site, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Give a site with a team, three attributes, and a year of answers; of some customers the plan is known."""
    policies = site.parts.policies
    monkeypatch.setattr(policies, "_policy", replace(policies.current(), attributes=read_attributes(DECLARED)))
    fill(site.parts.store, answers=200)
    for number, plan in enumerate(("pro", "free")):
        known = {"plan": plan, "partner": bool(number), "illness": "bad"}
        some = tables.customer.c.crm_id.like(f"%{7 + number}")
        with site.parts.store.engine.begin() as connection:
            connection.execute(sa.update(tables.customer).where(some).values(attributes=known))
    site.clock.at = BEGIN + timedelta(days=DAYS + 1)
    return Team(site)


def sizes(team: Team, *names: str) -> Counter[str]:
    """Count the answers by what the page calls their groups, the slow way; of a recovery survey there is one."""
    people = {customer.id: customer for customer in team.site.rows(Customer)}
    said: dict[object, str] = {"pro": "pro", "free": "free", None: "Not known"}

    def called(customer: Customer, name: str) -> str:
        return said[(customer.attributes or {}).get(PLAN)] if name == PLAN else (customer.segment or "").capitalize()

    return Counter(
        " / ".join(called(people[answer.customer], name) for name in names)
        for answer in team.site.rows(Response)
        if answer.trigger != "recovery"
    )


def test_a_lead_sets_plans_side_by_side(team: Team) -> None:
    """The page, the CSV and the sheet have the same groups, and each number opens the answers it counts."""
    client = team.client("Nadia")
    html = unescape(client.get("/report?by=plan").text)
    assert "Side by side: Plan" in html
    header, *rows = csv.reader(io.StringIO(client.get("/report/groups.csv?by=plan").content.decode("utf-8-sig")))
    assert header[:3] == ["Plan", "Touchpoint", "n"]
    assert Counter({row[0]: int(row[2]) for row in rows if not row[1]}) == sizes(team, PLAN)
    assert all(row[3] == "" for row in rows if not row[1])  # several touchpoints are no score
    book = load_workbook(io.BytesIO(client.get("/report.xlsx?by=plan").content), read_only=True)
    listed = [[str(cell or "") for cell in row[:3]] for row in book["Groups"].iter_rows(min_row=2, values_only=True)]
    assert listed == [row[:3] for row in rows]
    for address, count in OPENS.findall(html)[:4]:
        assert f"{count} " in unescape(client.get(f"/report/{address}").text)


def test_one_touchpoint_has_a_score_for_each_group(team: Team) -> None:
    """A filter holds for the groups too: of one question each group has its NPS."""
    body = team.client("Nadia").get("/report/groups.csv?by=segment&touchpoint=delivery-now").content
    _, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    asked = [answer for answer in team.site.rows(Response) if answer.touchpoint == "delivery-now"]
    assert sum(int(row[2]) for row in rows) == len(asked)
    assert all(row[3] for row in rows)


def test_small_groups_of_two_are_hidden_as_in_the_terminal(team: Team) -> None:
    """Pairs with fewer than ten answers are told as a number, and never one alone."""
    client = team.client("Nadia")
    html = unescape(client.get("/report?by=plan&and=segment").text)
    body = client.get("/report/groups.csv?by=plan&and=segment").content.decode("utf-8-sig")
    _, *rows = csv.reader(io.StringIO(body))
    every = sizes(team, PLAN, SEGMENT)
    shown = {row[0]: int(row[2]) for row in rows}
    assert shown == {name: every[name] for name in shown}
    assert all(n >= 10 for n in shown.values())
    left = {name: n for name, n in every.items() if name not in shown}
    assert len(left) > 1
    assert f"{len(left)} groups with {sum(left.values())} answers together are not shown" in html
    narrowed = client.get("/report/groups.csv?by=plan&segment=north").content.decode("utf-8-sig")
    assert all(int(row[2]) >= 10 for row in list(csv.reader(io.StringIO(narrowed)))[1:])


def test_a_personal_attribute_is_never_offered(team: Team) -> None:
    """Neither in the lists nor by an address made up; the drivers have the same dimensions and a table by one."""
    client = team.client("Nadia")
    for path in ("/report", "/report/drivers"):
        html = unescape(client.get(f"{path}?by=illness").text)
        assert '<option value="plan">Plan</option>' in html
        assert not any(word in html for word in ("Illness", 'value="illness"', "Side by side: "))
    assert client.get("/report/groups.csv?by=illness").status_code == 404
    html = unescape(client.get("/report/drivers?by=plan&touchpoint=delivery-now").text)
    assert html.index("Side by side: Plan") < html.index("By segment")


def test_a_language_without_a_name_is_called_by_its_tag(team: Team) -> None:
    """French in Germany is a tag that no list of names has: page, lists and titles say it as it is."""
    with team.site.parts.store.engine.begin() as connection:
        connection.execute(sa.update(tables.survey_request).values(language="fr-DE"))
    client = team.client("Nadia")
    for address in ("/report?by=language", "/report/responses?by=language&group=fr-DE", "/report?language=fr-DE"):
        assert ">fr-DE<" in client.get(address).text, address
    assert "There is no answer" in client.get("/report/responses?by=language&group=x-y-z").text


def test_what_is_computed_is_set_side_by_side_and_opens_its_answers(team: Team) -> None:
    """In the reader's words, on both pages; of the band before, whoever answered once has none."""
    client = team.client("Nadia")
    for name, title in (("last_band", "Band before"), ("since_answer", "Last answer ago"), ("orders", "Orders")):
        html = unescape(client.get(f"/report?by={name}").text)
        assert f"Side by side: {title}" in html
        links = OPENS.findall(html)
        assert links
        for address, count in links[:2]:
            assert f"{count} " in unescape(client.get(f"/report/{address}").text)
        assert client.get(f"/report/drivers?by={name}").status_code == 200
    assert "No answer before" in unescape(client.get("/report?by=last_band").text)
