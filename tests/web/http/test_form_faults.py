"""Every form of every page: what is wrong is marked and said at its field, and what was typed is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

import pytest
from pyotp import TOTP
from staffparts import PASSWORD, Team, act, hidden
from starlette.routing import Route
from webparts import Site, event

from workers.domain.records import Dispatch, PlaceAnswer, Response
from workers.usecases.places.place_answers import Said, Visit

LONG = "x" * 30_000
FOUR = ("price", "delivery", "service", "other")


@dataclass(frozen=True, slots=True)
class Case:
    """A form sent with something wrong: where it stands, what is sent, which fields are wrong, and what is kept."""

    path: str
    sent: Mapping[str, str]
    wrong: frozenset[str]
    who: str = "Nadia"
    page: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)


def case(path: str, sent: Mapping[str, str], wrong: str, **more: object) -> Case:
    """Return a case; `wrong` has the ids of the fields, with a blank between."""
    return Case(path, sent, frozenset(wrong.split()), **more)  # type: ignore[arg-type]  # fields by name


CASES: dict[str, list[Case]] = {
    "/login": [
        case("/login", {"username": "Léa", "password": "no"}, "username password", who="", kept={"username": "Léa"})
    ],
    "/people/add": [
        case("/people/add", {"name": "Léa", "role": "lead"}, "name", page="/people", kept={"name": "Léa"}),
        case("/people/add", {"name": "a:b", "role": "agent"}, "name", page="/people", kept={"name": "a:b"}),
    ],
    "/people/role": [
        case("/people/role", {"name": "Olga", "role": "lead"}, "", page="/people"),
    ],
    "/account/password": [
        case(
            "/account/password",
            {"current_password": "no", "new_password": "a long enough new one", "new_password_again": "another"},
            "new_password_again",
            page="/account",
        ),
    ],
    "/account/second-factor": [
        case("/account/second-factor", {"code": "000000"}, "current_password", page="/account/second-factor"),
    ],
    "/account/digest": [
        case(
            "/account/digest",
            {"email": "nobody", "zone": "Europe/Rome", "wants": "1"},
            "email",
            who="Léa",
            page="/account",
            kept={"email": "nobody", "zone": "Europe/Rome"},
        ),
        case("/account/digest", {"zone": "Mars/Base"}, "zone", who="Léa", page="/account", kept={"zone": "Mars/Base"}),
    ],
    "/inbox/away": [
        case("/inbox/away", {"until": "2020-01-01"}, "until", who="Léa", page="/inbox", kept={"until": "2020-01-01"})
    ],
    "/tickets/{number:int}/note": [case("/tickets/1/note", {}, "note-text", who="Léa", page="/tickets/1")],
    "/tickets/{number:int}/waiting": [
        case(
            "/tickets/1/waiting",
            {"day": "2020-01-01", "why": "on leave"},
            "wait-day",
            who="Léa",
            page="/tickets/1",
            kept={"day": "2020-01-01"},
        )
    ],
    "/tickets/{number:int}/done": [
        case(
            "/tickets/1/done",
            {"outcome": "passed_on", "root_cause": "other", "sentence": "We look into it"},
            "cause-text promised",
            who="Léa",
            page="/tickets/1",
            kept={"sentence": "We look into it"},
        )
    ],
    "/report/notes": [
        case(
            "/report/notes",
            {"day": "2026-02-31", "text": "New price"},
            "note-day",
            page="/report",
            kept={"text": "New price"},
        ),
        case(
            "/report/notes", {"day": "2026-03-02", "text": " "}, "note-text", page="/report", kept={"day": "2026-03-02"}
        ),
    ],
    "/themes/add": [case("/themes/add", {"name": "n" * 81}, "new-name", page="/themes", kept={"name": "n" * 81})],
    "/themes/sort": [
        case(
            "/themes/sort", {"response": "PASSIVE", "name": "n" * 81}, "name-1", page="/themes", kept={"name": "n" * 81}
        )
    ],
    "/themes/{id:int}/judge": [
        case(
            "/themes/1/judge",
            {"name": " ", "impact": "2", "cost": "1", "state": "open"},
            "name",
            page="/themes/1",
            kept={"impact": "2"},
        )
    ],
    "/themes/{id:int}/begin": [
        case(
            "/themes/1/begin",
            {"name": "Carrier", "owner": "Max", "change.fr": "un transporteur"},
            "change_sentence-fr-0",
            page="/themes/1",
            kept={"name": "Carrier", "owner": "Max", "change.fr": "un transporteur"},
        )
    ],
    "/themes/{id:int}/go-on": [
        case(
            "/themes/1/go-on",
            {"id": "1", "version": "1", "name": "Faster carrier", "owner": "Ann", "state": "done"},
            "change-en-1",
            page="/themes/1",
            kept={"name": "Faster carrier", "owner": "Ann"},
        )
    ],
    "/a/{token}": [
        case(
            "ANSWER",
            {"score": "3", "comment": "late", "wants_contact": "yes", "phone": "abc"},
            "phone",
            who="",
            kept={"phone": "abc", "comment": "late"},
        ),
        case("ANSWER", {"comment": "late"}, "score", who="", kept={"comment": "late"}),
    ],
    "/a/{token}/thanks": [
        case(
            "THANKS",
            {**{f"driver.{code}": "yes" for code in FOUR}, "competitor": "x" * 1_001},
            "drivers competitor",
            who="",
            kept={**{f"driver.{code}": "yes" for code in FOUR}, "competitor": "x" * 1_001},
        )
    ],
    "/p/{token}": [
        case(
            "PLACE",
            {"score": "3", "comment": "late", "wants_contact": "yes", "phone": "abc", "address": "nobody"},
            "phone address",
            who="",
            kept={"comment": "late", "phone": "abc", "address": "nobody"},
        ),
        case("PLACE", {"comment": "late", "wants_contact": "yes"}, "score phone", who="", kept={"comment": "late"}),
    ],
    "/g/{token}": [
        case(
            "GIVEN",
            {"score": "12", "comment": "late", "wants_contact": "yes", "phone": "abc", "address": "nobody"},
            "score phone address",
            who="",
            kept={"comment": "late", "phone": "abc", "address": "nobody"},
        ),
    ],
    "/i/{token}": [case("IMPROVEMENT", {"improvement": LONG}, "improvement", who="", kept={"improvement": LONG})],
    "/r/{token}": [case("REOPENING", {"text": LONG}, "text", who="", kept={"text": LONG})],
    "/t/{token}": [
        case(
            "TESTIMONIAL",
            {"act": "publish", "wording": "", "name": "Ann"},
            "wording consent",
            who="",
            kept={"name": "Ann"},
        )
    ],
    "/tables/{name}": [
        case(
            "/tables/follow-up",
            {"since": "2026-01-02"},
            "rules",
            page="/tables/follow-up",
            kept={"since": "2026-01-02"},
        )
    ],
}
"""By route. What is wrong with a form as a whole (a page too old, an act that is not allowed) stands above it."""
NOTHING_TO_TYPE = frozenset(
    {
        *("/sms/read", "/c/{token}"),
        *("/v1/events", "/u/{token}", "/login/{token}", "/logout", "/clock", "/try", "/inbox/back", "/queue/act"),
        *("/account/sessions/end", "/account/sessions/end-others", "/people/link", "/people/sessions"),
        *("/people/second-factor", "/people/remove", "/report/notes/{id:int}/remove"),
        *("/themes/{id:int}/unsort", "/themes/{id:int}/tell"),
        *("/tickets/{number:int}/claimed", "/tickets/{number:int}/kept", "/tickets/{number:int}/no_answer"),
        *("/tickets/{number:int}/handed_over", "/tickets/{number:int}/reopened"),
    }
)
"""Buttons, choices from a list, texts that may be anything, and the door for programs."""
ELSEWHERE = frozenset({"/login/code", "/account/second-factor/off"})
"""Tried with a second factor, below."""
OF_SCRIPTS = frozenset({"/m/{carrier}/{secret}"}) | frozenset(
    f"/w/{door}" for door in ("config", "ask", "shown", "closed", "answer")
)
"""No forms: the script on a company's own pages asks here (tests/web/public/test_web_question.py)."""


OF_THE_PAGE = frozenset({"csrf", "nonce", "version", "username", "key", "id", "salt", "visit"})
"""Hidden fields that a browser sends along; what else is hidden belongs to one form of many."""


class Fields(HTMLParser):
    """Reads a page: its fields by id, what they hold, and the texts of what describes them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: dict[str, list[str]] = {}
        self.held: dict[str, set[str]] = {}
        self._name = ""
        self.feed(html)
        self.texts = {
            id: unescape(text).strip() for id, text in re.findall(r'id="([^"]+-(?:fault|wrong))"[^>]*>(.*?)</', html)
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a field; the text of a textarea follows."""
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("input", "textarea", "select", "fieldset") and attributes.get("aria-invalid") == "true":
            self.wrong[attributes["id"]] = attributes.get("aria-describedby", "").split()
        if tag in ("input", "textarea", "select"):
            self._name = attributes.get("name", "")
            if attributes.get("type") not in ("radio", "checkbox") or "checked" in attributes:
                self.held.setdefault(self._name, set()).add(attributes.get("value", ""))
        if tag == "option" and "selected" in attributes:
            self.held.setdefault(self._name, set()).add(attributes.get("value", ""))

    def handle_data(self, data: str) -> None:
        """Keep what a textarea holds."""
        if self._name:
            self.held.setdefault(self._name, set()).add(data.strip("\n"))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Give a site with a low score, a passive with a wish, a promoter, a theme and an initiative."""
    own = tmp_path_factory.mktemp("own")
    (own / "rules").mkdir()
    (own / "rules" / "places.yaml").write_text("door: {kind: qr, label: The door}\n", "utf-8")
    site = Site(tmp_path_factory.mktemp("forms"), overrides=str(own))
    made = Team(site)
    made.low("41")
    made.low("40")
    act(made.client("Léa"), 2, "done", outcome="solved", root_cause="delivery/late", sentence="Sorry.")
    site.settle()
    site.events(
        *(
            event("delivery", score, at=site.clock.at, customer={"may_promote": True}, reference=f"o-{score}")
            for score in ("7", "8", "9")
        )
    )
    site.settle()
    for subject, score in (("8", 8), ("9", 10)):
        assert site.parts.customer_actions.answer(site.request(f"o-{subject}").id, score)
    site.pass_time(minutes=2)
    site.pass_time(days=10)
    passive = next(response for response in site.rows(Response) if response.score == 8)
    assert site.parts.customer_actions.improve(passive.id, "Faster")
    door = site.parts.place_answers.open_place("door")
    assert door
    site.parts.place_answers.answer(door, Visit("page", "192.0.2.0/24", "fr"), Said(9))
    client = made.client("Nadia")
    csrf = hidden(client.get("/themes").text)["csrf"]
    client.post("/themes/add", data={"csrf": csrf, "name": "Speed"})
    client.post("/themes/1/begin", data={"csrf": csrf, "name": "Carrier"})
    return made


def place(team: Team, path: str) -> str:
    """Return the address of a form; a customer's has a link of their own."""
    site = team.site
    if path == "PLACE":
        return f"/p/{site.parts.links.sign('place', 'door')}"
    if path == "GIVEN":
        return f"/g/{site.parts.links.sign('given', site.rows(PlaceAnswer)[0].id)}"
    if path == "ANSWER":
        return site.link("answer", site.request("o-7").id)
    if path == "THANKS":
        return site.link("answer", site.request("o-8").id) + "/thanks"
    if path == "IMPROVEMENT":
        return site.link("improvement", next(response.id for response in site.rows(Response) if response.score == 8))
    if path == "TESTIMONIAL":
        return site.link("testimonial", next(response.id for response in site.rows(Response) if response.score == 10))
    if path == "REOPENING":
        mail = next(dispatch for dispatch in site.rows(Dispatch) if dispatch.template == "done")
        return f"/r/{site.parts.links.sign('reopen', mail.id)}"
    return path


def test_every_form_is_tried_or_has_nothing_to_type(team: Team) -> None:
    """A form that is new must be tried here, with something wrong in it."""
    forms = {
        route.path for route in team.site.app.routes if isinstance(route, Route) and "POST" in (route.methods or ())
    }
    assert forms == set(CASES) | NOTHING_TO_TYPE | ELSEWHERE | OF_SCRIPTS


@pytest.mark.parametrize(
    ("route", "n"), [(route, n) for route, cases in sorted(CASES.items()) for n in range(len(cases))]
)
def test_a_fault_stands_at_its_field_and_what_was_typed_is_kept(team: Team, route: str, n: int) -> None:
    """The field is marked as invalid and described by a text beside it; the others hold what was sent."""
    case = CASES[route][n]
    client, path = team.client(case.who), place(team, case.path)
    fields = hidden(client.get(case.page or path).text)
    sent = {name: text for name, text in fields.items() if name in OF_THE_PAGE} | dict(case.sent)
    if sent.get("response") == "PASSIVE":
        sent["response"] = next(response.id for response in team.site.rows(Response) if response.score == 8)
    files = {"rules": ("rules.csv", b"\xff\xfe\x00nonsense")} if route == "/tables/{name}" else None
    answer = client.post(path, data=sent, files=files)
    assert 400 <= answer.status_code < 500, answer.text[:500]
    page = Fields(answer.text)
    assert set(page.wrong) == case.wrong
    assert 'role="alert"' in answer.text, "nobody who hears the page would know"
    for id, described in page.wrong.items():
        assert any(page.texts.get(id_of_text) for id_of_text in described), (id, described, page.texts)
    for name, value in case.kept.items():
        assert value in page.held.get(name, set()), name


def test_a_wrong_code_stands_at_its_field(team: Team) -> None:
    """The app's code and a recovery code have a field each, and so has switching the second factor off."""
    factors = team.site.app.state.second_factors
    offer = factors.offer("Max")
    codes = factors.enrol("Max", offer.salt, TOTP(offer.secret).now())
    assert codes
    client = team.client()
    half = hidden(client.post("/login", data={"username": "Max", "password": PASSWORD}).text)
    for code, where in (("000001", "code"), ("no-such-code", "recovery")):
        answer = client.post("/login/code", data={**half, "code": code})
        assert answer.status_code == 401
        page = Fields(answer.text)
        assert set(page.wrong) == {where}
        assert page.texts[f"{where}-fault"]
    assert client.post("/login/code", data={**half, "code": codes[0]}).status_code == 303
    csrf = hidden(client.get("/account").text)["csrf"]
    off = client.post("/account/second-factor/off", data={"csrf": csrf, "current_password": "no"})
    assert off.status_code == 400
    assert set(Fields(off.text).wrong) == {"off"}
