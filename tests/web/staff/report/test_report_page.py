"""The report page: its figures are the terminal's and the files', formulas are harmless, and only readers see it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any, cast

import pytest
from openpyxl import load_workbook
from shopyear import BEGIN, DAYS, FORMULA, fill
from staffparts import Team, hidden, words
from webparts import Site

from workers.store.sign_in.audit_log import list_acts
from workers.usecases.report import nps_by_dimension

ROW = re.compile(r"<tr[^>]*>(.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
PARTS = ("loop", "touchpoints", "time", "spread", "asked", "why", "movement", "voices")
SHEETS = (
    *("loop", "touchpoints", "time", "scores", "asked", "not-asked", "causes", "themes", "competitors", "movement"),
    *("testimonials", "announced", "notes"),
)


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its team and a year of answers."""
    fill(site.parts.store, answers=400)
    site.clock.at = BEGIN + timedelta(days=DAYS + 1)
    return Team(site)


def rows_of(html: str, title: str) -> list[list[str]]:
    """Return the texts of a table of the page, by its title."""
    table = re.search(rf'aria-label="Table: {title}">.*?</table>', html, re.DOTALL)
    assert table, title
    return [[words(cell).strip() for cell in CELL.findall(row)] for row in ROW.findall(table.group())]


def rows_in(body: bytes) -> list[list[str]]:
    """Return the rows of a CSV file."""
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def points(text: str) -> int | None:
    """Return points as the page shows them."""
    return None if text == "–" else int(text.replace("\u2212", "-"))


def test_page_terminal_and_file_say_the_same(team: Team) -> None:
    """Touchpoint by touchpoint: n, NPS, interval, bands, asked of the page = the CSV = the sheet = reporting."""
    client, parts = team.client("Nadia"), team.site.parts
    with parts.store.reading() as connection:
        zone = parts.policies.current().zone
        report = nps_by_dimension.report(connection, by="touchpoint", now=parts.now(), zone=zone)
    names = ("n", "nps", "low", "high", "promoters", "passives", "detractors", "asked")
    by_touchpoint = cast("list[dict[str, Any]]", report["groups"])
    groups = sorted(tuple(group[name] for name in names) for group in by_touchpoint)
    listed = rows_in(client.get("/report/touchpoints.csv").content)[1:]
    numbers = [[float(cell) if cell else None for cell in (*row[3:10], row[11])] for row in listed]
    assert sorted(map(tuple, numbers)) == groups
    shown = rows_of(client.get("/report").text, "NPS per touchpoint")[1:]
    for row, values in zip(shown, numbers, strict=True):
        assert int(row[3].replace("\u202f", "")) == values[0]
        assert [points(value) for value in row[4:7]] == [
            None if value is None else round(value) for value in values[1:4]
        ]
    book = load_workbook(io.BytesIO(client.get("/report.xlsx").content), read_only=True)
    sheet = [list(row) for row in book["NPS per touchpoint"].iter_rows(min_row=2, values_only=True)]
    assert [[*row[3:10], row[11]] for row in sheet] == numbers


def test_the_eight_parts_stand_in_their_order(team: Team) -> None:
    """Loop health first, voices last, relationship apart from transactional, and a table beside each chart."""
    html = team.client("Nadia").get("/report").text
    places = [html.index(f'<h2 id="{name}">') for name in PARTS]
    assert places == sorted(places)
    assert (
        html.count("<h3>After something that happened</h3>") == html.count("<h3>About the whole relationship</h3>") == 3
    )
    for title in ("Loop health", "NPS per touchpoint", "NPS over time", "Scores 0 to 10", "From asked to commented"):
        assert len(rows_of(html, title)) > 1


@pytest.mark.parametrize("name", SHEETS)
def test_every_table_is_a_file(team: Team, name: str) -> None:
    """Each part can be taken away as CSV, for the filters of the address; who took it is in the audit trail."""
    client = team.client("Marc")
    answer = client.get(f"/report/{name}.csv?segment=north")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    assert len(rows_in(answer.content)[0]) > 1
    with team.site.parts.store.reading() as connection:
        [last] = list_acts(connection, limit=1)
    assert (last["act"], last["by"], last["subject"]) == ("export.report", "Marc", name)


def test_files_disarm_what_customers_wrote(team: Team) -> None:
    """A comment that begins a formula is text in CSV and XLSX, and plain text on the page."""
    client = team.client("Nadia")
    head, *rows = rows_in(client.get("/report/responses.csv").content)
    texts = [row[head.index("Comment")] for row in rows]
    assert {row[head.index("Band")] for row in rows} == {"promoter", "passive", "detractor"}
    assert rows[0][head.index("Name")]
    assert f"'{FORMULA}" in texts
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    book = load_workbook(io.BytesIO(client.get("/report/responses.xlsx").content))
    cells = [cell for row in book.active.iter_rows() for cell in row if "HYPERLINK" in str(cell.value)]  # type: ignore[union-attr]  # one sheet
    assert [(cell.data_type, str(cell.value)[0]) for cell in cells] == [("s", "'")]
    assert client.get("/report/responses.pdf").status_code == 404
    pages = [client.get(f"/report/responses?page={page}").text for page in range(1, 12)]
    assert any("&lt;script&gt;" in page for page in pages)
    assert not any("<script>alert" in page for page in pages)


def test_a_figure_leads_to_comments_tickets_and_customers(team: Team) -> None:
    """From a band of a touchpoint to its answers; a marketing person reads them without links to tickets."""
    client = team.client("Nadia")
    html = client.get("/report?segment=north").text
    query = unescape(
        next(query for query in re.findall(r'href="report/responses\?([^"]+)"', html) if "loop=detractors" in query)
    )
    answers = client.get(f"/report/responses?{query}").text
    assert "/tickets/" in answers
    assert "/customers/" in answers
    assert "North" in words(answers)
    assert 'href="/tickets/' not in team.client("Marc").get(f"/report/responses?{query}").text


def test_few_answers_are_counts_only(site: Site) -> None:
    """Below five answers the page shows counts, no score, no interval, no arrow."""
    team = Team(site)
    for number in range(3):
        team.low(f"c{number}")
    html = team.client("Nadia").get("/report").text
    assert "3 answers: too few for a score" in words(html)
    assert points(rows_of(html, "NPS per touchpoint")[1][4]) is None
    assert "▼" not in html
    assert "100%" not in words(html[html.index('id="loop"') : html.index('id="touchpoints"')])


def test_an_empty_installation_has_a_report(site: Site) -> None:
    """Without an answer every part says so, and every file has its heading."""
    client = Team(site).client("Nadia")
    html = client.get("/report").text
    assert "Nobody was a detractor" in html
    assert "Nothing has been answered" in html
    assert len(rows_in(client.get("/report/touchpoints.csv").content)) == 1
    assert client.get("/report.xlsx").status_code == 200


def test_addresses_made_up_do_no_harm(team: Team) -> None:
    """Filters that nothing has give an empty report; what is no day or number is said; a pick of none is no page."""
    client = team.client("Nadia")
    for query in ("since=&until=", "segment=%27%3B--", "touchpoint=none", "since=2199-12-31"):
        assert client.get(f"/report?{query}").status_code == 200, query
    for query in ("since=yesterday", "until=9999-99-99", "segment=%00", "since=0001-01-01", "until=9999-12-31"):
        assert client.get(f"/report?{query}").status_code == 400, query
    for query in ("theme=x", "score=ten", "told=-1", "theme=99999999999999999999"):
        assert client.get(f"/report/responses?{query}").status_code == 400, query
    for query in ("loop=nonsense", "voice=loud"):
        assert client.get(f"/report/responses?{query}").status_code == 404, query
    assert client.get("/report/nonsense.csv").status_code == 404
    for query in ("band=x", "move=x-y", "stage=x", "cause=%27", "page=0", "page=99999999999", "told=5", "channel=x"):
        assert client.get(f"/report/responses?{query}").status_code == 200, query


@pytest.mark.parametrize("path", ["/report", "/report/responses", "/report.xlsx", "/report/loop.csv", "/themes"])
def test_only_readers_see_it(team: Team, path: str) -> None:
    """An agent is told whom it is for; who is not signed in is asked to sign in."""
    assert team.client("Léa").get(path).status_code == 403
    assert team.client().get(path).status_code == 303
    for name in ("Nadia", "Marc", "Olga"):
        assert team.client(name).get(path).status_code == 200


def test_notes_are_dated_and_signed(team: Team) -> None:
    """A note stands on the charts with its day and author, and can be removed; without the form's token nothing is."""
    client = team.client("Nadia")
    form = hidden(client.get("/report").text)
    sent = {"day": "2025-12-08", "text": "New carrier <b>in the north</b>"}
    assert client.post("/report/notes", data=sent).status_code == 403
    assert client.post("/report/notes", data={**form, **sent}).status_code == 303
    assert client.post("/report/notes", data={**form, "day": "", "text": "x"}).status_code == 400
    html = client.get("/report").text
    assert "8 December 2025 New carrier <b>in the north</b> Nadia" in words(
        html.replace("&lt;b&gt;", "[b]").replace("&lt;/b&gt;", "[/b]")
    ).replace("[b]", "<b>").replace("[/b]", "</b>")
    assert '<circle class="note-dot"' in html
    path = re.search(r'action="(/report/notes/\d+/remove)"', html)
    assert path
    assert client.post(path.group(1), data=form).status_code == 303
    assert "note-dot" not in client.get("/report").text


def test_both_languages_say_everything(team: Team) -> None:
    """No id of a text shows through in either language."""
    client = team.client("Nadia")
    for language in ("en", "fr"):
        for path in ("/report", "/themes", "/report/responses"):
            said = words(client.get(f"{path}?lang={language}").text)
            assert not re.search(r"\b(report|themes|staff)\.[a-z]", said), (language, path)


def test_a_page_needs_no_inline_style(open_site: Callable[..., Site]) -> None:
    """The content security policy allows none, so there is none: attributes and classes only."""
    site = open_site()
    fill(site.parts.store, answers=60)
    html = Team(site).client("Nadia").get("/report").text
    assert " style=" not in html
    assert "<style" not in html
