"""CSAT and CES at places: the scale of its question on the page, figures of its own, and no part in an NPS."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from placeparts import FIELD, Wall
from staffparts import Team
from webparts import Site

from workers.domain.records import Decision, PlaceAnswer, Response, ResponseRevision, Ticket

PLACES = """
desk: {kind: qr, label: Service desk, question: csat, limits: {minute: 6}}
till: {kind: kiosk, label: Till 2, question: ces}
door: {kind: qr, label: Door}
"""
CALL: dict[str, Any] = {"wants_contact": "yes", "phone": "+33 4 78 00 00 00"}


@pytest.fixture
def desk(open_site: Callable[..., Site], tmp_path: Path) -> Wall:
    """Give a place that asks how satisfied somebody is."""
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "places.yaml").write_text(PLACES, "utf-8")
    return Wall(open_site(overrides=str(tmp_path / "own")), "desk")


def scores(html: str) -> list[str]:
    """Return the numbers that a page lets somebody choose."""
    return re.findall(r'name="score" value="(\d+)"', html)


def test_a_place_asks_its_own_question(desk: Wall) -> None:
    """The page has that scale and its words; an answer off it is refused, a low one opens a ticket where wanted."""
    client = desk.site.client
    for wall, highest in ((desk, 5), (Wall(desk.site, "till"), 7)):
        page = client.get(wall.path).text
        assert scores(page) == [str(n) for n in range(1, highest + 1)]
        assert "recommend" not in page
        refused = wall.send(score="9")
        assert (refused.status_code, f"from 1 to {highest}" in refused.text) == (400, True)
    thanks = client.get(desk.send(score="1", comment="slow", **CALL).headers["location"]).text
    own = re.search(r'href="[^"]*(/g/[^"?]+)"', thanks)
    assert own
    given = client.get(own[1]).text
    assert (scores(given), "very dissatisfied" in given) == (["1", "2", "3", "4", "5"], True)
    desk.site.pass_time(minutes=2)
    (response,), (ticket,), (row,) = desk.site.rows(Response), desk.site.rows(Ticket), desk.site.rows(PlaceAnswer)
    assert (response.question, response.band, response.score, ticket.question) == ("csat", "", 1, "csat")
    assert (row.question, len(desk.site.rows(Decision))) == ("csat", 1)
    assert desk.sums() == []


def test_its_figures_stand_apart(desk: Wall) -> None:
    """Share and mean from five answers on, for programs too; what the place asked before has figures of its own."""
    for score in ("5", "5", "4", "2"):
        desk.send(score=score)
    nadia = Team(desk.site).client("Nadia")
    assert "CSAT \u00b7 answers: 4 (too few for a share)" in nadia.get("/places").text
    desk.send(score="1", comment="queue")
    late = desk.send(score="3") and desk.send(score="5", comment="late")
    assert "apart=yes" in late.headers["location"]
    page = nadia.get("/places/desk").text
    assert "CSAT: 50" in page.replace("\u00a0", " ")
    assert ">1/5</b>" in page
    assert "NPS" not in page
    line = next(line.as_dict() for line in desk.site.parts.place_answers.lines() if line.id == "desk")
    assert (line["question"], line["answers"], line["nps"], line["promoters"]) == ("csat", 6, None, 0)
    (rating,) = json.loads(json.dumps(line["ratings"]))
    assert (rating["question"], rating["n"], rating["good"], rating["share"]) == ("csat", 6, 3, 0.5)
    own = Path(desk.site.parts.settings.overrides or "", "rules", "places.yaml")
    stale = desk.page()
    own.write_text(PLACES.replace("question: csat, limits: {minute: 6}", "limits: {minute: 60}"), "utf-8")
    desk.site.parts.look_at_rules()
    assert desk.send(page=stale, score="5").status_code == 403, "a page of the other scale"
    desk.send(score="10")
    shown = nadia.get("/places").text
    assert ("answers: 1 (too few for an NPS)" in shown, "CSAT: 50" in shown.replace("\u00a0", " ")) == (True, True)
    assert desk.sums() == []


def test_an_answer_that_is_changed_without_end_costs_no_more(desk: Wall) -> None:
    """Of many changes twenty versions are kept; the last word counts."""
    thanks = desk.site.client.get(desk.send(score="1").headers["location"]).text
    own = re.search(r'href="[^"]*(/g/[^"?]+)"', thanks)
    assert own
    nonce = re.search(FIELD.format("nonce"), desk.site.client.get(own[1]).text)
    assert nonce
    for n in range(30):
        desk.site.clock.at = desk.site.clock.at.replace(second=n)
        desk.site.client.post(own[1], data={"nonce": nonce[1], "score": str(2 + n % 2), "comment": f"word {n}"})
    desk.site.pass_time(days=2)
    (response,) = desk.site.rows(Response)
    assert response.comment == "word 29"
    assert len(desk.site.rows(ResponseRevision)) <= 21
    assert desk.sums() == []
