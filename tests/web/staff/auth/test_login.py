"""Signing in: who may, for how long, and what nobody can do without."""

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from staffparts import NAMES, PASSWORD, Team, hidden, words
from webparts import Site

from workers.store import tables
from workers.usecases.sign_in.accounts import Role
from workers.web.http.requests.forms import same_token
from workers.web.staff import frame


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people."""
    return Team(site)


def test_a_name_and_password_lead_to_where_one_wanted_to_go(team: Team) -> None:
    """The ticket mail opens the ticket: after the login, not instead of it."""
    client = team.client()
    answer = client.get("/tickets/17?x=1&y=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/tickets/17%3Fx%3D1%26y%3D2")
    page = client.get(answer.headers["location"])
    fields = hidden(page.text) | {"username": "léa", "password": PASSWORD}
    answer = client.post("/login", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets/17?x=1&y=2")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "/a\nb"]
)
def test_a_login_leads_nowhere_else(team: Team, elsewhere: str) -> None:
    """A link from a stranger cannot use our login to lead people to their page."""
    fields = {"username": "Léa", "password": PASSWORD, "next": elsewhere}
    assert team.client().post("/login", data=fields).headers["location"] == "/inbox"
    signed_in = team.client("Léa")
    assert signed_in.get("/login", params={"next": elsewhere}).headers["location"] == "/inbox"


def test_a_wrong_name_and_a_wrong_password_look_alike(team: Team) -> None:
    """Nobody learns from the answer who works here."""
    client = team.client()
    wrong = client.post("/login", data={"username": "Léa", "password": "x"})
    unknown = client.post("/login", data={"username": "Lea", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("Léa", "Lea") == unknown.text
    assert "set-cookie" not in wrong.headers


def test_guessing_is_slowed_down_and_signing_in_often_is_not(team: Team) -> None:
    """After some failures even the right password waits; a team that signs in all day does not."""
    client = team.client()
    for _ in range(30):
        assert client.post("/login", data={"username": "Max", "password": PASSWORD}).status_code == 303
    codes = [client.post("/login", data={"username": "Léa", "password": "x"}).status_code for _ in range(9)]
    assert codes == [401] * 8 + [429]
    answer = client.post("/login", data={"username": "LÉA", "password": PASSWORD})
    assert answer.status_code == 429
    assert "five minutes" in words(answer.text)
    assert client.post("/login", data={"username": "Max", "password": PASSWORD}).status_code == 303
    past = sa.update(tables.sign_in_attempt).values(at=datetime.now(UTC) - timedelta(seconds=301))
    team.site.parts.store.write(lambda connection: connection.execute(past))
    assert client.post("/login", data={"username": "Léa", "password": PASSWORD}).status_code == 303


def test_guessing_many_names_from_one_network_is_slowed_down(team: Team) -> None:
    """The network has a limit of its own."""
    client = team.client()
    codes = {client.post("/login", data={"username": f"name {n}", "password": "x"}).status_code for n in range(41)}
    assert codes == {401, 429}


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(team: Team, open_site: Callable[..., Site]) -> None:
    """HttpOnly and SameSite always; Secure and tied to the host where people come by HTTPS."""
    answer = team.client().post("/login", data={"username": "Léa", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("boucle_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    safe = Team(open_site(public_url="https://boucle.example"))
    cookie = safe.client().post("/login", data={"username": "Léa", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-boucle_session=")
    assert "Secure" in cookie
    assert "Path=/" in cookie


def test_signing_out_ends_the_session_on_the_server(team: Team) -> None:
    """A copied cookie is worth nothing afterwards, and a link alone signs nobody out."""
    client = team.client("Léa")
    copied = dict(client.cookies)
    assert client.get("/logout").status_code == 200
    assert client.get("/inbox").status_code == 200
    page = client.get("/logout")
    assert client.post("/logout", data=hidden(page.text)).headers["location"] == "/login"
    other = team.client()
    other.cookies.update(copied)
    assert other.get("/inbox").status_code == 303


def test_a_session_ends_by_the_databases_time_and_not_by_business_time(team: Team) -> None:
    """A demo clock that jumps two weeks throws nobody out; twelve real hours do."""
    client = team.client("Léa")
    team.site.clock.at += timedelta(days=14)
    assert client.get("/inbox").status_code == 200
    past = sa.update(tables.session).values(expires_at=team.site.clock.at - timedelta(days=900))
    team.site.parts.store.write(lambda connection: connection.execute(past))
    assert client.get("/inbox").headers["location"] == "/login?next=/inbox"


@pytest.mark.parametrize("cookie", ["", "x", "a" * 5000, "e30.x"])
def test_a_made_up_cookie_is_nobodys(team: Team, cookie: str) -> None:
    """A cookie that we did not sign is not looked up, and breaks nothing."""
    client = team.client()
    client.cookies.set("boucle_session", cookie)
    assert client.get("/inbox").status_code == 303


PAGES = {
    "/inbox": {Role.AGENT, Role.LEAD, Role.OPERATOR},
    "/tickets/1": {Role.AGENT, Role.LEAD, Role.OPERATOR},
    "/customers": {Role.AGENT, Role.LEAD, Role.OPERATOR},
    "/customers/42": {Role.AGENT, Role.LEAD, Role.OPERATOR},
    "/queue": {Role.LEAD, Role.MARKETING, Role.OPERATOR},
    "/people": {Role.LEAD, Role.OPERATOR},
    "/people/person?name=Max": {Role.LEAD, Role.OPERATOR},
    "/account": set(Role),
    "/account/second-factor": set(Role),
}


def test_each_page_is_for_its_roles(team: Team) -> None:
    """Who may not see a page is told so, and its navigation does not lead there."""
    team.low()
    for role, name in NAMES.items():
        client = team.client(name)
        for path, roles in PAGES.items():
            answer = client.get(path)
            assert answer.status_code == (200 if role in roles else 403), (role, path)
        start = client.get("/logout").text
        for path in ("/inbox", "/customers", "/queue", "/people"):
            assert (f'href="{path}"' in start) == (role in PAGES[path]), (role, path)


def test_every_page_for_the_team_asks_for_a_login(team: Team) -> None:
    """Without a session no page of ours says anything about a customer."""
    team.low()
    client = team.client()
    for path in (*PAGES, "/inbox/events", "/inbox?q=roux", "/sent/x", "/queue/people", "/queue/confirm"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (303, ""), path


def test_a_form_without_its_token_changes_nothing(team: Team) -> None:
    """Another site can send a form with our cookie, but cannot know the token; a stale token asks once more."""
    team.low()
    client = team.client("Léa")
    for token in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": hidden(team.client("Max").get("/logout").text)["csrf"]}):
        answer = client.post("/tickets/1/claimed", data={"version": "1", **token})
        assert answer.status_code == 403
    assert client.post("/inbox/away", data={"until": "2026-03-09"}).status_code == 403
    assert client.post("/logout", data={}).status_code == 403
    assert team.ticket().state == "open"
    assert team.people.find("Léa").away_until is None  # type: ignore[union-attr]  # one of the team


def test_another_sites_form_is_refused_even_with_the_token(team: Team) -> None:
    """Browsers say where a form stands; we believe them."""
    team.low()
    client = team.client("Léa")
    fields = hidden(client.get("/tickets/1").text)
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.post("/tickets/1/claimed", data=fields, headers=foreign).status_code == 403
    assert client.post("/login", data={"username": "Léa", "password": PASSWORD}, headers=foreign).status_code == 403
    assert client.post("/login", data={}, headers={"origin": "https://evil.example"}).status_code == 403
    assert team.ticket().state == "open"


def test_a_one_time_link_signs_in_once(team: Team) -> None:
    """A second click by the same browser leads on; another browser is told what to do."""
    token = team.people.login_token("Nadia")
    client = team.client()
    assert client.post(f"/login/{token}").headers["location"] == "/inbox"
    assert client.get("/queue").status_code == 200
    assert client.post(f"/login/{token}").headers["location"] == "/inbox"
    assert client.get(f"/login/{token}").headers["location"] == "/inbox"
    for answer in (team.client().get(f"/login/{token}"), team.client().post(f"/login/{token}")):
        assert answer.status_code == 410
        assert "boucle users link" in answer.text
    other = team.people.login_token("Marc")
    assert team.client().post(f"/login/{other}?next=/queue").headers["location"] == "/queue"


def test_looking_at_a_one_time_link_does_not_use_it_up(team: Team) -> None:
    """A mail scanner opens every link of a mail, twice: the person still gets in, by the button of the page."""
    token = team.people.login_token("Nadia")
    for _ in range(2):
        scanner = team.client()
        page = scanner.get(f"/login/{token}?next=/queue")
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert scanner.head(f"/login/{token}").status_code in (200, 405)
    assert "Sign in as Nadia" in page.text
    answer = team.client().post(f"/login/{token}", data=hidden(page.text))
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")


def test_another_sites_form_neither_uses_a_link_up_nor_signs_in(team: Team) -> None:
    """Nobody is signed in as somebody else by a page of a stranger."""
    token = team.people.login_token("Nadia")
    answer = team.client().post(f"/login/{token}", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert team.client().post(f"/login/{token}").status_code == 303


def test_without_people_the_login_page_says_how_to_add_one(site: Site) -> None:
    """Nobody is let in, and nobody stands before a locked door without a hint."""
    assert site.client.get("/inbox").status_code == 303
    page = site.client.get("/login").text
    assert "boucle users add NAME --role lead" in page
    assert site.client.post("/login", data={"username": "", "password": ""}).status_code == 401


def test_pages_are_in_the_readers_language(team: Team) -> None:
    """The browser's language, until somebody switches; the switch is kept."""
    client = team.client("Léa")
    assert "À traiter" in client.get("/inbox", headers={"accept-language": "fr-CH, en;q=0.5"}).text
    assert "Overdue" not in client.get("/inbox?lang=fr").text
    assert "À traiter" in client.get("/inbox").text


def test_no_page_may_run_what_is_not_ours(team: Team) -> None:
    """The content security policy allows no inline script and no third party, and pages are never stored."""
    client = team.client("Léa")
    for path in ("/login", "/inbox"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


def test_tokens_are_never_compared_by_a_plain_equals() -> None:
    """`==` ends at the first difference, and its time tells how much of a token was right."""
    plain = [
        f"{path.name}:{node.lineno}"
        for path in Path(frame.__file__).parents[1].rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any("token" in ast.unparse(operand).lower() for operand in (node.left, *node.comparators))
    ]
    assert plain == []


@pytest.mark.parametrize("given", ["", "x", "é", "\ud800", "tokeN", "token "])
def test_a_strange_token_is_a_wrong_one(given: str) -> None:
    """Whatever stands in the field: no match, and no error."""
    assert same_token("token", "token")
    assert not same_token(given, "token")
