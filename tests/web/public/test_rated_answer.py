"""The pages of a CSAT or CES question: a button for each number of its scale, and a place of its own in the report."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ownrules import write_plan
from staffparts import Team
from webparts import Site, event

from workers.domain.records import Response

SCALES = {"interaction_ended": ("csat", 5), "support_solved": ("ces", 7)}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give the files of an operator whose plan asks CSAT after a contact and CES after a solved case."""
    return write_plan(tmp_path / "own", ["question: text"], {"J11": ["csat"], "J16": ["ces"]})


@pytest.fixture
def site(open_site: Callable[..., Site], own: Path) -> Site:
    """Give a site that asks so."""
    return open_site(overrides=str(own))


def asked(site: Site, name: str, subject: str = "42") -> str:
    """Have a customer asked after an event, and return the path of the link in the mail."""
    site.events(event(name, subject, at=site.clock.at, reference=f"{name}-{subject}"))
    site.settle()
    return site.link("answer", site.request(f"{name}-{subject}").id)


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields of a page's form, as a browser would send them."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html))


@pytest.mark.parametrize("name", SCALES)
def test_the_page_has_the_scale_of_its_question(site: Site, name: str) -> None:
    """Every number with its words for a screen reader, in any language; no button of another scale."""
    kind, highest = SCALES[name]
    path = asked(site, name)
    for language, last in (
        ("fr", {"csat": "très bonne", "ces": "tout à fait d&#39;accord"}),
        ("en", {"csat": "very satisfied", "ces": "strongly agree"}),
    ):
        shown = site.client.get(f"{path}?score=2&lang={language}").text
        buttons = re.findall(r'name="score" value="(\d+)"', shown)
        assert buttons == [str(n) for n in range(1, highest + 1)]
        assert re.search(r'value="2" checked', shown)
        assert f"{highest}, {last[kind]}</span>" in shown
        assert "recommand" not in shown
        assert "recommend" not in shown
    for odd in ("0", str(highest + 1), "9"):
        assert not re.search(r'name="score" value="\d+" checked', site.client.get(f"{path}?score={odd}").text)


def test_a_score_off_the_scale_is_told_and_a_good_one_is_kept(site: Site) -> None:
    """What was typed stays; the page after it shows the score's own words and asks for no reasons of an NPS."""
    path = asked(site, "interaction_ended")
    fields = hidden(site.client.get(path).text)
    refused = site.client.post(path, data={**fields, "score": "9", "comment": "Bien"})
    assert refused.status_code == 400
    assert "Choisissez une note de 1 à 5." in refused.text.replace("\u00a0", " ")
    assert ">\nBien</textarea>" in refused.text
    assert site.rows(Response) == []
    for given, word in (("2", "faible"), ("4", "bonne")):
        fields = hidden(site.client.get(path).text)
        thanks = site.client.get(site.client.post(path, data={**fields, "score": given}).headers["location"]).text
        assert f"<b>{given}</b><span>{word}</span>" in thanks
        assert "driver." not in thanks
    (response,) = site.rows(Response)
    assert (response.score, response.question, response.band) == (4, "csat", "")


def test_the_report_shows_both_kinds_apart_and_lists_their_answers(site: Site) -> None:
    """Share, interval and n by touchpoint; below five answers none; the same in the file and behind the link."""
    for number, given in enumerate((1, 3, 4, 5, 5), start=1):
        assert site.parts.customer_actions.answer(asked_id(site, "interaction_ended", str(number)), given)
    assert site.parts.customer_actions.answer(asked_id(site, "support_solved", "6"), 6)
    site.pass_time(minutes=5)
    team = Team(site).client("Nadia")
    page = team.get("/report?lang=en").text
    part = page.partition('id="ratings"')[2].partition("</section>")[0]
    assert "60%" in part
    assert "mean 3.6 of 5" in part
    assert "1 answer: too few for a score" in part
    assert page.partition('id="ratings"')[0].count('class="strip-name"') == 0
    sheet = team.get("/report/ratings.csv?lang=en").text
    assert re.search(r"CSAT.*,5,0\.6,", sheet)
    answers = team.get("/report/responses?lang=en&question=csat").text
    assert "5 answers" in answers
    assert "of 5</span>" in answers
    assert "CSAT" in team.get("/report/responses.csv?lang=en&question=csat").text
    assert "0 answers" in team.get("/report/responses?lang=en").text


def test_each_month_is_drawn_and_cut_where_the_wording_changed(open_site: Callable[..., Site], own: Path) -> None:
    """Share, interval and n of each month open its answers, a letter marks another wording; also in the file."""
    catalog = own / "templates" / "catalogs" / "fr.po"
    catalog.parent.mkdir(parents=True)
    site = open_site(overrides=str(own))
    shipped = (Path(__file__).parents[3] / "templates" / "catalogs" / "fr.po").read_text("utf-8")
    site.parts.policies.remember(site.parts.store, site.clock.at)
    for month, given in enumerate(([5, 5, 4, 4, 1], [3])):
        if month:
            site.pass_time(days=45)
            catalog.write_text(shipped.replace("Cette fois-ci, quelle est", "Quelle est"), "utf-8")
            assert site.parts.look_at_rules()
        for number, score in enumerate(given):
            request = asked_id(site, "interaction_ended", f"{month}{number}")
            assert site.parts.customer_actions.answer(request, score)
    site.pass_time(minutes=5)
    team = Team(site).client("Nadia")
    page = team.get("/report?lang=en").text
    part = page.partition('id="ratings-over-time"')[2].partition('<div class="notes"')[0]
    first, *_, last = re.findall(r'href="(report/responses[^"]*)" aria-label="([^"]*)"', part)
    assert first[1].endswith(": 80% good answers, interval 38% to 96%, 5 answers")
    assert last[1].endswith(": 1 answer, too few for a share")
    assert re.search("the CSAT question in French is another one: “Cette fois-ci,[^”]*” became “Quelle est", part)
    assert part.count('class="wording-line"') == 1
    assert "wording-line" not in page.partition('id="ratings-over-time"')[0]
    assert "5 answers" in team.get(f"/{first[0]}&lang=en".replace("&amp;", "&")).text
    rows = team.get("/report/ratings-over-time.csv?lang=en").text.splitlines()[1:]
    assert [row.split(",")[3:5] for row in rows if row.split(",")[3] != "0"] == [["5", "0.8"], ["1", ""]]
    (marked,) = team.get("/report/wordings.csv?lang=en").text.splitlines()[1:]
    assert "CSAT,fr,fr-csat-1," in marked


def asked_id(site: Site, name: str, subject: str) -> str:
    """Have a customer asked after an event, and return the id of the question."""
    asked(site, name, subject)
    return site.request(f"{name}-{subject}").id
