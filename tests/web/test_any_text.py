"""Any text that a customer or a CRM sends is shown on every page and leaves in every file; none of them answers 500."""

import io
import zipfile

import pytest
from lxml import etree
from openpyxl import load_workbook
from staffparts import Team, hidden
from texts import NASTY
from webparts import Site, event

from workers.domain.records import Response

SENT = [text for text in NASTY if not set(text) & set("\x00\ud800\udfff")]
"""What JSON can carry; the others are refused at the door."""
PAGES = (
    *("/", "/report", "/report/responses", "/report/responses?page=2", "/inbox", "/tickets", "/customers", "/queue"),
    *("/themes", "/tables"),
)
FILES = ("/report.xlsx", "/report/responses.xlsx", "/report/responses.csv", "/report/time.csv", "/report/notes.csv")
INVISIBLE = set("\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2066\ufeff\ufffe\uffff\ufdd0\U0001fffe")


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site in which every nasty text is a comment, a name, a label and a segment, and has a ticket."""
    made = Team(site)
    for n, text in enumerate(SENT):
        who: dict[str, object] = {"name": f"{text[:200]}N", "segment": text[:100] or "s"}
        site.events(
            event("delivery", f"c{n}", customer=who, reference=f"r{n}", label=f"{text[:200]}L"),
            {
                **event("delivery", f"c{n}"),
                "type": "boucle.score.v1",
                "id": f"score{n}",
                "data": {"score": 2, "comment": f"{text[:4000]} word{n}"},
            },
        )
    site.pass_time(minutes=20)
    return made


def test_every_page_and_file_bears_every_text(team: Team) -> None:
    """Pages hold no character that breaks or turns them; workbooks are well-formed; each comment is in each file."""
    client = team.client("Nadia")
    tickets = [f"/tickets/{number}" for number in sorted(team.open_numbers())]
    assert len(tickets) == len(team.site.rows(Response)) == len(SENT)
    people = [f"/customers/c{n}" for n in range(len(SENT))]
    for path in (*PAGES, *tickets, *people):
        answer = client.get(path)
        assert answer.status_code in (200, 303, 404), (path, answer.status_code)
        assert not set(answer.text) & INVISIBLE, path
    for path in FILES:
        body = client.get(path).content
        if path.endswith("xlsx"):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                assert [etree.fromstring(archive.read(name)) is not None for name in archive.namelist()]
            load_workbook(io.BytesIO(body))
        if "responses" in path:
            text = body.decode() if path.endswith("csv") else str([*load_workbook(io.BytesIO(body)).active.values])  # type: ignore[union-attr]  # one sheet
            assert not [
                response.comment for response in team.site.rows(Response) if response.comment.split()[-1] not in text
            ]


def test_a_typed_comment_is_an_answer_whatever_it_holds(site: Site) -> None:
    """A form with any character is taken, the thanks page shows, and the files of the report go on."""
    client, path = Team(site).client("Nadia"), site.asked()
    for text in (short for short in NASTY if len(short) < 5000):
        page = site.client.get(path)
        typed = f"a {text} b".encode("utf-8", "replace").decode()
        answer = site.client.post(path, data={**hidden(page.text), "score": "3", "comment": typed})
        assert answer.status_code == 303
        assert site.client.get(answer.headers["location"]).status_code == 200
        assert client.get("/report/responses.xlsx").status_code == 200
