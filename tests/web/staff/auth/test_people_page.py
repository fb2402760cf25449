"""The team's page and one's own account: who may do what to whom, and what nobody can do without."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pyotp import TOTP
from staffparts import NAMES, PASSWORD, Team, hidden, words
from starlette.testclient import TestClient
from webparts import Site

from workers.store import tables
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.sign_in.accounts import Role

ACTS = {
    "link": {},
    "role": {"role": "marketing"},
    "sessions": {},
    "second-factor": {},
    "remove": {},
}
NEW = "marmelade soleil tracteur"


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people."""
    return Team(site)


def token_of(client: TestClient) -> dict[str, str]:
    """Return the token that each form of a person carries."""
    return {"csrf": hidden(client.get("/logout").text)["csrf"]}


def test_a_lead_adds_somebody_and_hands_a_link_over(team: Team) -> None:
    """The link is shown once and signs in once; a password is chosen without an old one; all of it is audited."""
    lead = team.client("Nadia")
    page = lead.post("/people/add", data={**token_of(lead), "name": "  Noé  Roy ", "role": "agent"})
    assert page.status_code == 200
    link = next(word for word in words(page.text).split() if "/login/" in word)
    assert "/login/" not in lead.get("/people/person?name=Noé Roy").text
    client = team.client()
    page = client.get(link)
    assert client.post(link, data=hidden(page.text)).status_code == 303
    fields = {**hidden(client.get("/account").text), "new_password": NEW, "new_password_again": NEW}
    assert client.post("/account/password", data=fields).headers["location"] == "/account?did=password"
    assert team.sign_ins.check("Noé Roy", NEW)
    with team.site.parts.store.reading() as connection:
        acts = [(act["act"], act["by"]) for act in reversed(list_acts(connection, subject="user Noé Roy"))]
    assert acts == [
        ("user.add", "Nadia"),
        ("user.link", "Nadia"),
        ("user.sign_in", "Noé Roy"),
        ("user.password", "Noé Roy"),
    ]


@pytest.mark.parametrize(
    ("name", "role", "fault"),
    [
        ("LÉA", "agent", "already"),
        ("", "agent", "1 to 60"),
        ("a:b", "agent", "1 to 60"),
        ("Otto", "operator", "Your role"),
    ],
)
def test_who_cannot_be_added_is_said_with_what_was_typed(team: Team, name: str, role: str, fault: str) -> None:
    """A name that is taken, no name, a role that a lead does not give: a sentence, and nothing is lost."""
    lead = team.client("Nadia")
    page = lead.post("/people/add", data={**token_of(lead), "name": name, "role": role})
    assert page.status_code in (400, 403)
    assert fault in words(page.text)
    assert f'value="{name}"' in page.text
    assert team.people.find("Otto") is None


def test_roles_manage_whom_they_may_and_nobody_else(team: Team) -> None:
    """Leads manage all but operators, operators everybody, others nobody, and nobody themselves."""
    for role in Role:
        team.people.add(f"{role} two", role, PASSWORD, by="test")
    for manager, name in NAMES.items():
        client = team.client(name)
        token = token_of(client)
        for role in Role:
            allowed = manager == Role.OPERATOR or (manager == Role.LEAD and role != Role.OPERATOR)
            for target in (f"{role} two", NAMES[role]):
                for act in ("sessions", "link"):
                    answer = client.post(f"/people/{act}", data={**token, "name": target})
                    expected = allowed and target != name
                    assert (answer.status_code != 403) == expected, (name, act, target)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_an_act_that_is_refused_changes_nothing(team: Team, act: str) -> None:
    """A lead against an operator, and anybody against themselves, by a form that the page never showed."""
    lead = team.client("Nadia")
    before = everything(team)
    for target in ("Olga", "Nadia"):
        page = lead.post(f"/people/{act}", data={**token_of(lead), "name": target, **ACTS[act]})
        assert page.status_code == 403
        assert "/login/" not in page.text
    page = lead.post("/people/role", data={**token_of(lead), "name": "Léa", "role": "operator"})
    assert page.status_code == 403
    assert everything(team) == before
    assert lead.post(f"/people/{act}", data={"name": "Léa", **ACTS[act]}).status_code == 403
    assert everything(team) == before


def everything(team: Team) -> list[object]:
    """Return who may sign in and how, without when sessions were used."""
    with team.site.parts.store.reading() as connection:
        people = connection.execute(sa.select(tables.user).order_by(tables.user.c.name)).all()
        sessions = connection.execute(sa.select(tables.session.c.hash).order_by(tables.session.c.hash)).all()
    return [tuple(row) for row in (*people, *sessions)]


def test_acts_on_a_person(team: Team) -> None:
    """A new role, sessions ended, a second factor reset, removed: each counts at once."""
    lead, lea = team.client("Nadia"), team.client("Léa")

    def act(name: str, **more: str) -> str:
        answer = lead.post(f"/people/{name}", data={**token_of(lead), "name": "Léa", **more})
        return answer.headers.get("location", words(answer.text))

    assert act("sessions").endswith("did=sessions")
    assert lea.get("/inbox").status_code == 303
    assert act("role", role="marketing").endswith("did=role")
    assert team.client("Léa").get("/inbox").status_code == 403
    assert "no second step" in act("second-factor")
    factors = team.site.app.state.second_factors
    offer = factors.offer("Léa")
    assert factors.enrol("Léa", offer.salt, TOTP(offer.secret).now())
    assert act("second-factor").endswith("did=second-factor")
    assert team.client("Léa")
    assert act("remove") == "/people?did=remove"
    assert team.people.find("Léa") is None
    assert lead.get("/people/person?name=Léa").status_code == 404
    assert lead.post("/people/link", data={**token_of(lead), "name": "Léa"}).status_code == 404
    assert lead.post("/people/role", data={**token_of(lead), "name": "Max", "role": "boss"}).status_code == 400


def test_a_password_is_changed_with_the_present_one_only(team: Team) -> None:
    """Whoever finds a browser open cannot take the account over; every other session ends with the change."""
    client, other = team.client("Léa"), team.client("Léa")
    token = token_of(client)

    def change(**fields: str) -> tuple[int, str]:
        answer = client.post("/account/password", data={**token, **fields})
        return answer.status_code, words(answer.text)

    again = {"new_password": NEW, "new_password_again": NEW}
    assert change(**again)[0] == 400
    assert "not your present password" in change(current_password="wrong", **again)[1]
    assert "differ" in change(current_password=PASSWORD, new_password=NEW, new_password_again="x")[1]
    assert (
        "Easy to guess"
        in change(current_password=PASSWORD, new_password="password1234", new_password_again="password1234")[1]
    )
    assert "Too short" in change(current_password=PASSWORD, new_password="x", new_password_again="x")[1]
    assert team.sign_ins.check("Léa", PASSWORD)
    assert change(current_password=PASSWORD, **again)[0] == 303
    assert client.get("/inbox").status_code == 200
    assert other.get("/inbox").status_code == 303
    assert team.sign_ins.check("Léa", NEW)


def test_the_present_password_is_guessed_at_no_faster_than_at_the_login(team: Team) -> None:
    """The account's forms are no second door for guessing."""
    client = team.client("Léa")
    data = {**token_of(client), "current_password": "wrong", "new_password": NEW, "new_password_again": NEW}
    for _ in range(8):
        assert "not your present password" in words(client.post("/account/password", data=data).text)
    data["current_password"] = PASSWORD
    assert "Too many" in words(client.post("/account/password", data=data).text)
    assert client.post("/account/second-factor/off", data=data).status_code == 400
    assert team.sign_ins.check("Léa", NEW) is None


def test_sessions_are_listed_and_ended_by_their_owner_alone(team: Team) -> None:
    """Each with its browser; the hash of somebody else's ends nothing."""
    phone = team.client()
    phone.headers["user-agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1"
    phone.post("/login", data={"username": "Léa", "password": PASSWORD})
    client, stranger = team.client("Léa"), team.client("Max")
    page = client.get("/account").text
    assert "Safari, iPhone" in page
    ended = hidden(page)["session"]
    stranger.post("/account/sessions/end", data={**token_of(stranger), "session": ended})
    assert phone.get("/inbox").status_code == 200
    client.post("/account/sessions/end", data={**token_of(client), "session": ended})
    assert phone.get("/inbox").status_code == 303
    third = team.client("Léa")
    client.post("/account/sessions/end-others", data=token_of(client))
    assert (client.get("/inbox").status_code, third.get("/inbox").status_code) == (200, 303)
    assert stranger.get("/inbox").status_code == 200


def test_a_second_factor_is_taken_up_from_our_own_offer_only(team: Team) -> None:
    """A secret that somebody else chose, or an offer to somebody else, is not taken up."""
    client, other = team.client("Léa"), team.client("Max")
    theirs = hidden(other.get("/account/second-factor").text)["salt"]
    for salt in ("", "x", theirs):
        fields = {**token_of(client), "salt": salt, "code": "123456", "current_password": PASSWORD}
        assert client.post("/account/second-factor", data=fields).status_code == 403
    page = client.get("/account/second-factor")
    secret = TOTP(page.text.partition("secret=")[2].partition("&")[0])
    fields = {**hidden(page.text), "code": secret.now(), "current_password": "wrong"}
    assert client.post("/account/second-factor", data=fields).status_code == 400
    done = client.post("/account/second-factor", data={**fields, "current_password": PASSWORD})
    assert "The second step is on." in words(done.text)
    off = {**token_of(client), "current_password": PASSWORD}
    assert client.post("/account/second-factor/off", data=off).headers["location"] == "/account?did=second-factor-off"
    assert team.client("Léa")


def test_a_session_without_use_ends_and_a_page_that_reads_itself_is_no_use(open_site: Callable[..., Site]) -> None:
    """An hour after the last page that a person asked for; each page that they ask for counts anew."""
    team = Team(open_site(session_idle_minutes="10"))
    client = team.client("Léa")
    row = tables.session

    def seen(minutes: int) -> None:
        with team.site.parts.store.engine.begin() as connection:
            (at,) = connection.execute(sa.select(row.c.created_at)).scalars()
            connection.execute(sa.update(row).values(seen_at=at - timedelta(minutes=minutes)))

    seen(9)
    assert client.get("/inbox").status_code == 200
    seen(9)
    token = team.site.web.links.read("session", client.cookies["boucle_session"]) or ""
    assert team.sign_ins.who(token, seen=False)
    with team.site.parts.store.reading() as connection:
        (at,) = connection.execute(sa.select(row.c.seen_at)).scalars()
        (created,) = connection.execute(sa.select(row.c.created_at)).scalars()
    assert at < created
    seen(11)
    assert client.get("/inbox").status_code == 303


@pytest.mark.parametrize("path", ["/account/password", "/people/add", "/people/link", "/account/sessions/end"])
def test_an_address_of_a_form_leads_back_to_its_page(team: Team, path: str) -> None:
    """A reload, a late login or a switch of the language never ends at an address that only takes forms."""
    client = team.client("Nadia")
    assert client.get(f"{path}?lang=fr").headers["location"] == f"/{path.split('/')[1]}?lang=fr"
