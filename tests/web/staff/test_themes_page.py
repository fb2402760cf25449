"""The themes pages: one click sorts an answer, an initiative tells those who asked, forms keep what was typed."""

import re

import pytest
from staffparts import Team, hidden, words
from webparts import Site, event

from workers.domain.records import Dispatch, Response, SurveyRequest

WISHES = ("Livrez plus vite !", "=cmd|' /C calc'!A0 <script>alert(1)</script>", "Une ampoule dans la boîte.")
FRENCH = {"change.fr": "un nouveau transporteur", "change_sentence.fr": "un autre transporteur vous livre"}


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its team and three passives who said what could be better."""
    made = Team(site)
    for number in range(len(WISHES)):
        site.events(event("delivery", f"p{number}", reference=f"o{number}"))
    site.settle()
    for request in site.rows(SurveyRequest):
        assert site.parts.customer_actions.answer(request.id, 8)
    site.pass_time(minutes=2)
    for response in site.rows(Response):
        assert site.parts.customer_actions.improve(response.id, WISHES[int(response.reference[1:])])
    return made


def responses(team: Team) -> dict[str, str]:
    """Return the answers by reference."""
    return {response.reference: response.id for response in team.site.rows(Response)}


def post(team: Team, path: str, who: str = "Nadia", **fields: str) -> str:
    """Send a form of the themes pages, and return where the browser goes or what the page says."""
    client = team.client(who)
    csrf = hidden(client.get("/themes").text)["csrf"]
    answer = client.post(path, data={"csrf": csrf, **fields})
    return answer.headers["location"] if answer.status_code == 303 else f"{answer.status_code} {answer.text}"


def test_two_clicks_give_an_answer_its_theme(team: Team) -> None:
    """Open the page, press a theme: the answer leaves the list and is counted in its band."""
    first = responses(team)["o0"]
    assert post(team, "/themes/sort", response=first, name="Faster delivery").startswith("/themes?did=sorted")
    html = team.client("Marc").get("/themes").text
    assert "2 answers wait for a theme" in words(html)
    second = responses(team)["o1"]
    button = re.search(r'<button class="chip" name="theme" value="(\d+)">Faster delivery', html)
    assert button
    assert post(team, "/themes/sort", "Marc", response=second, theme=button.group(1)).startswith("/themes?did=sorted")
    page = words(team.client("Nadia").get("/themes").text)
    assert "1 answer waits for a theme" in page
    assert "Faster delivery 2 0 2 0" in page


def test_what_customers_wrote_is_text(team: Team) -> None:
    """A hostile wish is shown as it was written and does nothing."""
    html = team.client("Nadia").get("/themes").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


def test_competitors_are_a_list_of_their_own(team: Team) -> None:
    """A competitor named leaves the answer waiting for its theme, and stands in another list."""
    post(team, "/themes/sort", response=responses(team)["o0"], name="Lumio", competitor="1")
    html = team.client("Nadia").get("/themes").text
    assert "3 answers wait for a theme" in words(html)
    assert "Lumio" in html[html.index('id="competitors-named"') :]
    assert 'class="chip" name="theme" value="1"' not in html


def test_done_tells_those_who_asked(team: Team) -> None:
    """From begun to done by forms: the page says how many will be told, and exactly they get the mail."""
    for reference in ("o0", "o1"):
        post(team, "/themes/sort", response=responses(team)[reference], name="Faster delivery")
    assert post(team, "/themes/1/begin", name="New carrier", owner="Nadia", **FRENCH) == "/themes/1?did=work"
    page = team.client("Nadia").get("/themes/1").text
    assert "tells 2 customers now" in words(page)
    assert "Vous l&#39;aviez demandé, c&#39;est fait" in page
    form = {"id": "1", "version": "1", "name": "New carrier", "owner": "Nadia", "state": "done", **FRENCH}
    assert post(team, "/themes/1/go-on", **form) == "/themes/1?did=work"
    team.site.settle()
    responses_told = {dispatch.response for dispatch in team.site.rows(Dispatch) if dispatch.template == "you-asked"}
    assert responses_told == {responses(team)["o0"], responses(team)["o1"]}
    assert "2 customers were told" in words(team.client("Nadia").get("/themes/1").text)
    report = words(team.client("Nadia").get("/report").text)
    assert "New carrier initiative Nadia" in report
    assert "2 told" in report


def test_a_stale_form_keeps_what_was_typed(team: Team) -> None:
    """Two leads change one initiative: the second sees so, with the texts still in the fields."""
    post(team, "/themes/add", name="Faster delivery")
    post(team, "/themes/1/begin", name="New carrier", **FRENCH)
    form = {"id": "1", "version": "1", "name": "New carrier", "owner": "Max", "state": "doing", **FRENCH}
    assert post(team, "/themes/1/go-on", **form) == "/themes/1?did=work"
    typed = {**form, "change.fr": "mes mots à moi"}
    answer = post(team, "/themes/1/go-on", **typed)
    assert answer.startswith("409")
    assert "Somebody else has changed this initiative" in answer
    assert 'value="mes mots à moi"' in answer


def test_wrong_forms_are_refused_with_a_reason(team: Team) -> None:
    """Half a text, nothing to tell, no name, no token, an unknown theme: said so, and nothing changes."""
    post(team, "/themes/add", name="Faster delivery")
    assert "Write both texts" in post(team, "/themes/1/begin", name="x", **{"change.fr": "half"})
    post(team, "/themes/1/begin", name="Mute")
    mute = {"id": "1", "version": "1", "name": "Mute", "owner": "", "state": "done"}
    assert "before you mark it as done" in post(team, "/themes/1/go-on", **mute)
    assert post(team, "/themes/1/judge", name="", impact="1", cost="1", state="open").startswith("400")
    assert post(team, "/themes/1/judge", name="x", impact="9", cost="1", state="open").startswith("400")
    assert post(team, "/themes/1/judge", name="x", impact="1", cost="1", state="nonsense").startswith("400")
    assert post(team, "/themes/sort", response=responses(team)["o0"], theme="99").startswith("404")
    assert post(team, "/themes/sort", response=responses(team)["o0"], theme="x").startswith("400")
    client = team.client("Nadia")
    assert client.post("/themes/add", data={"name": "No token"}).status_code == 403
    assert client.get("/themes/99").status_code == 404
    assert "No token" not in client.get("/themes").text


def test_a_theme_is_judged_and_taken_away(team: Team) -> None:
    """Impact and cost move a theme in the list; a theme given by mistake is taken away again."""
    for reference, name in (("o0", "Faster delivery"), ("o2", "A bulb")):
        post(team, "/themes/sort", response=responses(team)[reference], name=name)
    post(team, "/themes/2/judge", name="A bulb", impact="3", cost="1", state="open")
    page = words(team.client("Nadia").get("/themes").text)
    assert page.index("A bulb 1 0 1 0 large small") < page.index("Faster delivery 1 0 1 0")
    post(team, "/themes/1/unsort", response=responses(team)["o0"])
    assert "2 answers wait" in words(team.client("Nadia").get("/themes").text)
