"""The page "where bad scores come from": what it says is what the terminal says, and each figure opens its answers."""

import csv
import io
import re
from datetime import timedelta
from html import unescape
from itertools import count

import pytest
from shopyear import BEGIN, DAYS, fill
from staffparts import Team
from webparts import Site

from workers.domain.reporting import Filters
from workers.usecases.report import drivers, nps_by_dimension
from workers.web.staff.report.kept_reports import KeptReports

BAD = re.compile(r'aria-label="([^"]+): detractors (\d+)"', re.IGNORECASE)


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its team and a year of answers."""
    fill(site.parts.store, answers=400)
    site.clock.at = BEGIN + timedelta(days=DAYS + 1)
    return Team(site)


def page(team: Team, path: str, name: str = "Nadia") -> str:
    """Return a page in English."""
    answer = team.client(name).get(path)
    assert answer.status_code == 200
    return unescape(answer.text)


def review_of(team: Team, touchpoint: str = "") -> drivers.DriverReview:
    """Return what the page shows of a touchpoint."""
    parts = team.site.parts
    with parts.store.reading() as connection:
        return drivers.review(connection, Filters(touchpoint=touchpoint), parts.now())


def test_one_question_has_points_that_add_up(team: Team) -> None:
    """The file's points make the score of the report; page and file have the same counts."""
    review = review_of(team, "delivery-now")
    assert not review.mixed
    body = team.client("Nadia").get("/report/drivers.csv?touchpoint=delivery-now").content.decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(body))
    points = [float(row[header.index("Points")]) for row in rows]
    with team.site.parts.store.reading() as connection:
        report = nps_by_dimension.report(connection, by="touchpoint", now=team.site.parts.now())
    groups: list[dict[str, float]] = report["groups"]  # type: ignore[assignment]  # the report's lines
    score = next(group["nps"] for group in groups if str(group["group"]) == "delivery-now")
    assert sum(points) == pytest.approx(score, abs=0.05)
    shown = dict(BAD.findall(page(team, "/report/drivers?touchpoint=delivery-now")))
    assert shown == {row[0]: row[header.index("Detractors")] for row in rows}


def test_what_the_report_leaves_out_is_said_and_stays_left_out(team: Team) -> None:
    """A segment that was taken out of the report stands above the form, and goes on with what is chosen next."""
    text = page(team, "/report/drivers?without=gold")
    assert '<input type="hidden" name="without" value="gold">' in text
    assert "Without Gold" in text


def test_several_questions_have_counts_and_a_way_to_each(team: Team) -> None:
    """Without a touchpoint there is no common score: no point stands beside a driver, but in each column of its own."""
    assert review_of(team).mixed
    html = page(team, "/report/drivers")
    assert "scores make no common one" in html
    assert not re.search(r'driver-points"><b>', html)
    assert '/report/drivers?touchpoint=delivery-now"' in html
    columns = review_of(team).touchpoints
    assert all(not column.mixed for column in columns)


def test_every_figure_opens_the_answers_it_counts(team: Team) -> None:
    """The bad scores that name a driver, driver by driver, and those that name none."""
    review = review_of(team, "delivery-now")
    for driver in review.drivers:
        path = f"/report/responses?touchpoint=delivery-now&driver={driver.code}&band=detractor"
        assert f">{driver.counts.detractors} answer" in page(team, path)
    assert team.client("Nadia").get("/report/responses?driver=no%25such").status_code == 404


def test_from_a_dip_to_its_driver_in_two_clicks(team: Team) -> None:
    """A period of the chart over time opens its answers, and those the drivers of the same answers."""
    report = page(team, "/report")
    opened = re.search(r'href="(report/responses\?[^"]*since=[^"]*)"', report)
    assert opened
    answers = page(team, f"/{opened.group(1)}")
    onward = re.search(r'href="(/report/drivers\?[^"]*)"', answers)
    assert onward
    assert "since=" in onward.group(1)
    assert "Where bad scores come from" in page(team, onward.group(1))


def test_small_cells_are_hidden(team: Team) -> None:
    """A cell that fewer than ten answers name shows a dot and opens nothing."""
    html = page(team, "/report/drivers?touchpoint=delivery-now&segment=nobody")
    assert "No answers in this period." in html
    review = review_of(team, "delivery-now")
    few = [(c.name, d.code) for c in review.segments for d in c.drivers.values() if d.counts.n < drivers.CELL_FROM]
    segments = page(team, "/report/drivers?touchpoint=delivery-now").partition('id="by-segments"')[2]
    for segment, code in few:
        assert f"driver={code}&band=detractor&segment={segment}" not in segments


def test_only_those_who_read_the_report_see_it(team: Team) -> None:
    """Agents have no report; a file of another kind is none."""
    assert team.client("Léa").get("/report/drivers").status_code == 403
    assert team.client("Nadia").get("/report/drivers.pdf").status_code == 404
    assert team.client("Nadia").get("/report/drivers.xlsx").content[:2] == b"PK"


def test_a_page_that_took_long_is_kept_and_says_when_it_was_read(team: Team) -> None:
    """With many millions of answers nobody waits twice: the day's page is kept, and tells the time of its figures."""
    kept: KeptReports[drivers.DriverReview] = KeptReports(count(0, 2).__next__)
    team.site.app.state.kept_drivers = kept
    path = "/report/drivers?touchpoint=delivery-now"
    assert re.search(r"As of \d+ June 2026\. ", page(team, path))
    team.site.clock.at += timedelta(minutes=5)
    assert re.search(r"As of .*\d:\d\d", page(team, path))
