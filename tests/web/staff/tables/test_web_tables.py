"""The pages of the rule tables: grid, faults on cells, explain, versions, and a candidate that is tried, never kept."""

import io
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import webparts
from openpyxl import Workbook
from staffparts import Team, hidden, words
from webparts import LARGEST, Site, event, travelling

from workers.domain.records import Decision, Response
from workers.web.http.middleware import limits
from workers.web.staff.tables import trial

RULES = Path(__file__).parents[4] / "rules"
FOLLOW_UP, PLAN = "/tables/follow-up", "/tables/journey-plan"
UNCHANGED = "The live table is unchanged."


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people, whose tables are remembered."""
    site.parts.policies.remember(site.parts.store, site.parts.now())
    return Team(site)


@pytest.fixture
def answered(team: Team) -> Team:
    """Give a site on which three customers answered about a delivery: 0, 6 and 9."""
    for subject, score in (("zero", 0), ("six", 6), ("nine", 9)):
        respond(team, subject, score)
    return team


def respond(team: Team, subject: str, score: int) -> None:
    """Have a customer asked about a delivery, answer, and let it settle."""
    team.site.events(event("delivery", subject, at=team.site.clock.at, reference=f"o-{subject}"))
    team.site.settle()
    assert team.site.parts.customer_actions.answer(team.site.request(f"o-{subject}").id, score, "")
    team.site.pass_time(minutes=2)


def rows(team: Team, old: str = "", new: str = "", name: str = "follow-up") -> bytes:
    """Return the rows in use, edited."""
    text = (team.site.web.data.folder(f"rules/{name}") / "rules.csv").read_text("utf-8")
    assert old in text
    return text.replace(old, new).encode()


def tried(team: Team, who: str = "Marc", path: str = FOLLOW_UP, **sent: Any) -> Any:
    """Send the form that tries a candidate, as a browser would; bytes are files, called NAME.csv."""
    client = team.client(who)
    token = hidden(client.get(path).text)["csrf"]
    files = {
        name: value if isinstance(value, tuple) else (f"{name}.csv", value)
        for name, value in sent.items()
        if not isinstance(value, str)
    }
    fields = {name: value for name, value in sent.items() if isinstance(value, str)}
    return client.post(path, data={"csrf": token, **fields}, files=files or {"rules": ("", b"")})


def said(answer: Any) -> str:
    """Return what an answer's page says."""
    return words(answer.text)


def live(team: Team) -> str:
    """Return the version that decides."""
    return team.site.web.policy().follow_up.version


def test_the_list_names_both_tables_with_version_and_verdict(team: Team) -> None:
    """Name, version, since when, faults."""
    page = team.client("Marc").get("/tables")
    text = words(page.text)
    assert "Journey plan" in text
    assert "Follow-up table" in text
    assert live(team)[:12] in text
    assert "no errors" in text
    assert "Live since" in text
    assert len(page.content) < 20_000


@pytest.mark.parametrize("path", ["/tables", FOLLOW_UP, PLAN])
def test_who_may_see_them(team: Team, path: str) -> None:
    """Leads, marketing and operators; agents are told whom it is for; nobody else gets in."""
    for who in ("Nadia", "Marc", "Olga"):
        assert team.client(who).get(path).status_code == 200
    assert team.client("Léa").get(path).status_code == 403
    assert team.client().get(path).headers["location"].startswith("/login")


def test_a_table_that_there_is_not(team: Team) -> None:
    """404, for the page, for trying and for a kind of file that nobody writes."""
    client = team.client("Marc")
    assert client.get("/tables/other").status_code == 404
    assert client.post("/tables/other").status_code == 404
    assert client.get(f"{FOLLOW_UP}/rules.exe").status_code == 404


def test_the_grid_has_the_rows_of_the_spreadsheet(team: Team) -> None:
    """Row 11 is D1, with its cells as they are written."""
    page = team.client("Marc").get(FOLLOW_UP)
    assert "11 D1 purchase, delivery <28d 0-6 - - urgent_ contact" in words(page.text)
    assert "Nothing to mend" in words(page.text)
    assert "27 cases in cases.csv. all as expected" in words(page.text)
    assert travelling(page.content) < LARGEST


def test_explain_is_the_decision(team: Team) -> None:
    """The rule, cell by cell, and what nearly applied; 40 is forty days."""
    page = team.client("Marc").get(
        FOLLOW_UP, params={"trigger": "delivery", "after": "40", "score": "3", "comment": "no", "wants_contact": "no"}
    )
    text = words(page.text)
    assert "D2 (row 12) applies." in text
    assert "score 3 is in 0 to 6" in text
    assert "D1 would have applied, but after is P40D, not under 28 days." in text
    assert "urgent_contact ack now" in text
    plan = team.client("Marc").get(PLAN, params={"event": "delivery", "first": "yes"})
    assert "J2 (row 3), J3 (row 4) apply." in words(plan.text)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"trigger": "delivery", "after": "1", "score": "11"}, "score 11 is outside its domain."),
        ({"trigger": "delivery", "after": "soon", "score": "3"}, "after"),
        ({"score": "3"}, "missing"),
    ],
)
def test_explain_says_what_it_cannot_take(team: Team, given: dict[str, str], sentence: str) -> None:
    """An input outside its domain is refused in words, as the decision does."""
    page = team.client("Marc").get(FOLLOW_UP, params=given)
    assert page.status_code == 200
    assert 'role="alert" lang="en"' in page.text
    assert sentence in words(page.text)


def test_a_stored_response_is_explained_by_its_id(answered: Team) -> None:
    """With what was decided on in the form; an unknown one is said to be unknown."""
    zero = next(response for response in answered.site.rows(Response) if response.score == 0)
    client = answered.client("Nadia")
    text = words(client.get(FOLLOW_UP, params={"response": zero.id}).text)
    assert "By the live version" in text
    assert "D1 (row 11) applies." in text
    assert "No decision is stored" in words(client.get(FOLLOW_UP, params={"response": "nobody"}).text)


def test_versions_are_listed_with_what_they_changed(team: Team) -> None:
    """Since when, which version, how many rules."""
    text = words(team.client("Olga").get(FOLLOW_UP).text)
    assert f"{live(team)[:12]} live 23" in text


@pytest.fixture
def editing(open_site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Team, Path]:
    """Give a site over rules of its own, and their folder."""
    folder = tmp_path / "own/rules"
    shutil.copytree(RULES, folder)
    monkeypatch.setattr(webparts, "read_once", dict)  # this site reads its own files
    team = Team(open_site(overrides=str(folder.parent)))
    team.site.parts.policies.remember(team.site.parts.store, team.site.parts.now())
    return team, folder


def test_a_refused_edit_is_shown_where_the_table_is(editing: tuple[Team, Path]) -> None:
    """On the list and on the page, with its faults and that the old one goes on; mended, it is live."""
    team, folder = editing
    before, file = live(team), folder / "follow-up/rules.csv"
    good = file.read_text("utf-8")
    file.write_text(good.replace(";<28d;0-6;", ";<28d;1-6;"), "utf-8")
    team.site.parts.policies.look(team.site.parts.store, team.site.parts.now())
    for path in ("/tables", FOLLOW_UP):
        text = words(team.client("Marc").get(path).text)
        assert f"The last edit of rules/follow-up was refused. {UNCHANGED}" in text
        assert "No rule covers trigger purchase or delivery, after under 28 days, score 0" in text
        assert "no errors" in text
        assert before[:12] in text
    assert "refused" not in words(team.client("Marc").get(PLAN).text)
    file.write_text(good.replace("PT8H;ask;ours", "PT6H;ask;ours"), "utf-8")
    (folder / "calendar.yaml").write_text("zone: Nowhere/Nothing\n", "utf-8")
    team.site.clock.at += timedelta(hours=1)
    team.site.parts.policies.look(team.site.parts.store, team.site.parts.now())
    text = words(team.client("Marc").get(FOLLOW_UP).text)
    assert live(team) != before
    assert "refused" not in text
    assert f"{live(team)[:12]} live 23 changed C1, R2, S4, S8" in text
    assert "The last edit of rules/calendar.yaml was refused." in words(team.client("Marc").get("/tables").text)


def test_what_a_candidate_beside_the_table_would_have_done_is_listed(editing: tuple[Team, Path]) -> None:
    """It decides too, changes nothing, and the page says on what it disagreed."""
    team, folder = editing
    assert "Candidate beside it" not in team.client("Marc").get(FOLLOW_UP).text
    shutil.copytree(folder / "follow-up", folder / "follow-up-candidate")
    (folder / "follow-up-candidate/cases.csv").unlink()
    (folder / "follow-up-candidate/rules.csv").write_bytes(rows(team).replace(D1, SIXES))
    team.site.parts.policies.look(team.site.parts.store, team.site.parts.now())
    respond(team, "six", 6)
    text = words(team.client("Marc").get(FOLLOW_UP).text)
    assert "The table in rules/follow-up-candidate decides too and changes nothing" in text
    assert "D1 urgent_contact ack now" in text
    assert "D9 thank_you thanks now" in text


@pytest.mark.parametrize(("kind", "begin"), [("csv", b"id;"), ("xlsx", b"PK"), ("dmn", b"<?xml"), ("yaml", b"#")])
def test_what_is_in_use_can_be_taken_away_to_edit_and_tried(answered: Team, kind: str, begin: bytes) -> None:
    """CSV, workbook, DMN and table.yaml; brought back, nothing has changed."""
    for path in (FOLLOW_UP, PLAN):
        file = answered.client("Marc").get(f"{path}/rules.{kind}")
        assert file.content.startswith(begin)
        assert "attachment" in file.headers["content-disposition"]
        mine = (f"mine.{kind}", file.content)
        answer = (
            tried(answered, path=path, definition=mine) if kind == "yaml" else tried(answered, path=path, rules=mine)
        )
        assert "This table would be taken." in said(answer), said(answer)
        assert "<del>" not in answer.text
        if path == FOLLOW_UP:
            assert answer.text.count("Nothing: both do the same.") == 1


def test_a_gap_is_shown_with_the_responses_in_it_and_the_row_to_paste(answered: Team) -> None:
    """D1 from 1 on: score 0 has no rule, one past response fell in it, and the live table stays."""
    before = live(answered)
    answer = tried(answered, rules=rows(answered, ";<28d;0-6;", ";<28d;1-6;"))
    text = said(answer)
    assert answer.status_code == 200
    assert f"This table would be refused: 1 error. {UNCHANGED}" in text
    assert "No rule covers trigger purchase or delivery, after under 28 days, score 0" in text
    print(text)
    assert "1 past response fell in it." in text
    assert "G1;purchase,delivery;<28d;0;-;-;urgent_contact" in text
    assert "0-6 1-6 1" in text  # the cell: what stood there, what stands there, the number of its fault
    assert "Tickets no longer opened" in text
    assert live(answered) == before
    assert answered.client("Marc").get(FOLLOW_UP).text.count("0-6") >= 3


def test_a_broken_copy_is_refused_while_the_live_table_goes_on(answered: Team) -> None:
    """One button, no file: 0-6 typed as 0-5, so that past answers fall into the hole and the harm can be seen."""
    page = answered.client("Nadia").get(FOLLOW_UP)
    assert "Try a broken copy" in page.text
    text = said(tried(answered, broken="1"))
    assert "No rule covers trigger purchase or delivery, after under 28 days, score 6" in text
    assert "0-6 0-5 1" in text
    print(text)
    assert "1 past response fell in it." in text
    assert "Tickets no longer opened" in text
    assert UNCHANGED in text
    respond(answered, "later", 0)
    assert [decision.rule for decision in answered.site.rows(Decision)].count("D1") == 3
    assert "Try a broken copy" not in answered.client("Nadia").get(PLAN).text


def test_a_cell_that_a_spreadsheet_spoilt_is_marked(team: Team) -> None:
    """01-Jun for 1-6: the cell is at fault, and nothing is decided with such a table."""
    answer = tried(team, rules=rows(team, ";<28d;0-6;", ";<28d;01-Jun;"))
    assert 'class="at-error"><del>0-6</del> <ins>01-Jun</ins>' in answer.text
    assert "Row 11 (D1), column score: 01-Jun looks like a date" in said(answer)
    assert "Mend the cells at fault first" in said(answer)


def test_review_gating_is_refused(team: Team) -> None:
    """A public review for promoters alone is an error on the page too."""
    answer = tried(
        team,
        rules=rows(
            team,
            "no;testimonial_request;thanks-testimonial;now;;;;;;ours",
            "no;public_review_request;thanks;now;;;;;;ours",
        ),
    )
    assert "E701 error" in said(answer)
    assert UNCHANGED in said(answer)


D1 = b"D1;purchase,delivery;<28d;0-6;-;-;urgent_contact;ack;now;;;;PT4H;solve;published, at once"
SIXES = (
    b"D1;purchase,delivery;<28d;0-5;-;-;urgent_contact;ack;now;;;;PT4H;solve;\n"
    b"D9;purchase,delivery;<28d;6;-;-;thank_you;thanks;now;testimonial_request;testimonial;P10D;;;"
)


def test_a_backtest_says_what_would_have_changed(answered: Team) -> None:
    """A six is thanked instead of called: kinds of change, loads with delayed mails, and who."""
    cases = b"trigger;after;score;comment;wants_contact;rule\npurchase;27d;6;yes;yes;D9\n"
    answer = tried(answered, rules=rows(answered).replace(D1, SIXES), cases=cases)
    text = said(answer)
    assert "This table would be taken." in text
    assert "D9 new" in text
    assert "Responses compared 3" in text
    assert "Who would no longer get a ticket: 1" in text
    assert "six" in text
    assert "thank_you thanks now; testimonial_request testimonial P10D" in text
    assert "Tickets and mails per day" in text
    assert "13 Mar" in text  # the delayed mail, ten days later
    assert answer.text.count('class="would"') >= 3
    assert travelling(answer.content) < LARGEST
    assert "Case in row 11: expected D1, but D9 applies." in said(
        tried(answered, rules=rows(answered).replace(D1, SIXES))
    )


def test_a_table_against_itself_changes_nothing(answered: Team) -> None:
    """The same rows: compared, and nothing."""
    text = said(tried(answered, rules=rows(answered)))
    assert "Nothing: both do the same." in text


def test_responses_can_be_brought_along(team: Team) -> None:
    """A CSV of responses takes the place of the stored ones; what cannot be replayed is counted with the reason."""
    past = b"id,customer,received_at,trigger,after,score,comment,wants_contact\n"
    past += b"r1,ann,2026-02-01,delivery,3,6,no,no\nr2,bob,2026-02-02,delivery,3,11,no,no\n"
    text = said(tried(team, rules=rows(team, ";<28d;0-6;", ";<28d;0-5;"), past=past))
    assert "Who would no longer get a ticket: 1" in text
    assert "ann" in text
    assert "1 score 11 is outside its domain." in text
    wrong = said(tried(team, rules=rows(team), past=b"id,customer\nr1,ann\n"))
    assert "past.csv: the first line lacks trigger, after, score" in wrong


def test_the_journey_plan_is_replayed(team: Team) -> None:
    """A plan without the rest period, and one that drops: who is asked, when, and what is lost."""
    for n in range(3):
        at = team.site.clock.at - timedelta(days=60 - 20 * n)
        team.site.events(event("delivery", "42", at=at, reference=f"o-{n}") | {"id": f"e{n}"})
    shown = said(
        tried(
            team,
            path=PLAN,
            since="",
            rules=rows(team, "delivery;event;now;P10D;defer", "delivery;event;now;P10D;drop", "journey-plan"),
        )
    )
    assert "This table would be taken." in shown
    assert "delivery-now" in shown
    assert "Questions per week" in shown
    assert "Customers by number of questions" in shown
    text = (team.site.web.data.folder("rules/journey-plan") / "table.yaml").read_text("utf-8")
    looser = text.replace("all surveys: P30D", "all surveys: P1D").replace("same template: P90D", "same template: P1D")
    shown = said(tried(team, path=PLAN, since="", definition=("table.yaml", looser.encode())))
    assert "→" in shown


def test_events_can_be_brought_along_to_a_plan(team: Team) -> None:
    """A CSV of events takes the place of the stored ones."""
    past = b"customer,event,at,reference\nann,delivery,2026-02-01,o1\nann,delivery,2026-02-10,o2\n"
    text = said(
        tried(
            team,
            path=PLAN,
            past=past,
            since="",
            rules=rows(team, "delivery;event;now;P10D;defer", "delivery;event;now;P30D;defer", "journey-plan"),
        )
    )
    assert "Events replayed 2" in text or "2 Events replayed" in text
    assert "too late" in text


HOSTILE = "<script>alert(1)</script>"


def test_hostile_cells_are_text(team: Team) -> None:
    """Markup and formulas in a cell, an id or a file's name are shown as what they are."""
    data = rows(team, "published, at once", f'=HYPERLINK("http://x") {HOSTILE}').replace(b"R3;", f"{HOSTILE};".encode())
    answer = tried(team, rules=(f"{HOSTILE}.csv", data))
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text
    wild = team.client("Marc").get(
        FOLLOW_UP, params={"trigger": HOSTILE, "after": HOSTILE, "score": HOSTILE, "response": ""}
    )
    assert wild.status_code == 200
    assert HOSTILE not in wild.text


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("rules.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("rules.csv", b"", "is empty"),
        ("rules.csv", b"id;what\nA;1\n", "lacks trigger"),
        ("rules.xlsx", b"PK nothing", "not an .xlsx workbook"),
        ("rules.dmn", b'<!DOCTYPE a [<!ENTITY b "c">]><definitions>&b;</definitions>', "document type declaration"),
        ("rules.dmn", b"<html/>", "not DMN"),
        ("rules.exe", b"MZ", "must end in .csv, .xlsx, .dmn"),
        ("", b"", "Choose a file"),
    ],
)
def test_what_is_no_table_is_refused_in_words(team: Team, name: str, data: bytes, sentence: str) -> None:
    """A sentence that says what to bring, the form again, and the live table as it was."""
    answer = tried(team, rules=(name, data))
    assert answer.status_code == 400
    assert sentence in said(answer)
    assert UNCHANGED in said(answer)


DIGITS = b"9" * 5000


def test_hostile_definitions_and_pasts_are_answered_with_a_page(team: Team) -> None:
    """Nesting, numbers and dates beyond any measure: a sentence or a count, never a failure, and no endless page."""
    deep = tried(team, definition=("table.yaml", b"[" * 100_000))
    assert "table.yaml is nested too deeply" in said(deep)
    head = b"id,trigger,after,score,received_at\n"
    for line, sentence in (
        (b"r,delivery,3," + DIGITS + b",2026-02-01", "is outside its domain"),
        (b"r,delivery," + DIGITS + b",3,2026-02-01", "Cannot be replayed 1"),
        (b"r,delivery,3,3,soon", "is not a date and time"),
        (b"r,delivery,3,9,9999-12-31", "leaves the calendar"),
        (b"r,delivery,3,6,0001-01-01\ns,delivery,3,6,2026-01-01", "Tickets and mails per month"),
        (b"r", "Responses compared 0"),
    ):
        sixes = rows(team).replace(D1, SIXES)
        answer = tried(team, rules=sixes, past=head + line, since="")
        assert sentence in said(answer), line[:40]
        assert travelling(answer.content) < LARGEST
    events = b"customer,event,at,months\n"
    for line, sentence in (
        (b"a,delivery,soon,", "is not a date and time"),
        (b"a,milestone,2026-02-01," + DIGITS, "No event that plans a question"),
        (b"a,delivery,0001-01-01,\nb,delivery,9990-01-01,", "Questions per month"),
        (b"a,delivery,9999-12-31,", "leaves the calendar"),
    ):
        plan = rows(team, "P42D", "P40D", "journey-plan")
        assert sentence in said(tried(team, path=PLAN, rules=plan, past=events + line, since="")), line[:40]
    page = team.client("Marc").get(FOLLOW_UP, params={"trigger": "delivery", "after": "9" * 300, "score": "3"})
    assert page.status_code == 200


def test_a_workbook_without_columns_is_read_by_the_live_ones(team: Team) -> None:
    """As a spreadsheet saves it: one sheet, a date where a band stood."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in rows(team).decode().splitlines():
        sheet.append(line.split(";"))
    file = io.BytesIO()
    book.save(file)
    assert "This table would be taken." in said(tried(team, rules=("rules.xlsx", file.getvalue())))


def test_a_dmn_file_is_held_to_the_names_that_the_live_table_knows(team: Team) -> None:
    """The same columns: a template that there is not is an error, as in a CSV."""
    dmn = team.client("Marc").get(f"{FOLLOW_UP}/rules.dmn").content.replace(b"thanks-heard", b"thanks-herd")
    text = said(tried(team, rules=("mine.dmn", dmn)))
    assert "thanks-herd is no template that is known here. Did you mean thanks-heard?" in text
    assert UNCHANGED in text


def test_a_plan_is_no_follow_up_table(team: Team) -> None:
    """The wrong file for a table is refused by what it lacks."""
    plan = team.client("Marc").get(f"{PLAN}/rules.dmn").content
    answer = tried(team, rules=("plan.dmn", plan))
    assert answer.status_code == 400
    assert "not a candidate for follow-up" in said(answer)


def test_very_large_files_and_tables_are_refused(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the limit is 413 and says so; more rules than a page checks are left to the command."""
    monkeypatch.setattr(limits, "MAX_UPLOAD_BYTES", 200_000)
    answer = tried(team, rules=b"x" * 300_000)
    assert answer.status_code == 413
    assert "too large together" in said(answer)
    monkeypatch.setattr(trial, "MOST_RULES", 14)
    assert "`boucle rules check` reads it" in said(tried(team, rules=rows(team)))


def test_a_form_without_its_token_or_from_elsewhere_does_nothing(team: Team) -> None:
    """403, and nothing is tried."""
    client = team.client("Marc")
    token = hidden(client.get(FOLLOW_UP).text)["csrf"]
    for fields, headers in (({}, {}), ({"csrf": "x"}, {}), ({"csrf": token}, {"sec-fetch-site": "cross-site"})):
        answer = client.post(FOLLOW_UP, data={**fields, "broken": "1"}, headers=headers)
        assert answer.status_code == 403
        assert "No rule covers" not in answer.text
    assert team.client("Léa").post(FOLLOW_UP, data={"broken": "1"}).status_code == 403
    assert team.client().post(FOLLOW_UP, data={"broken": "1"}).status_code == 401


def test_the_pages_speak_french(team: Team) -> None:
    """The frame is French; the engine's sentences are English and marked so."""
    client = team.client("Marc")
    page = client.get(f"{FOLLOW_UP}?lang=fr")
    assert "Table de suivi" in page.text
    assert "Rien à corriger" in page.text
    answer = client.post(FOLLOW_UP, data={"csrf": hidden(page.text)["csrf"], "broken": "1"})
    assert "La table en service reste inchangée." in words(answer.text)
    assert '<p lang="en">No rule covers' in answer.text
