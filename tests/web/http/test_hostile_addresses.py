"""Whatever an address, a form or a header holds, no route answers 500; what no page could mean is 400 with a sentence.

Walks every route of the application with every parameter that its code reads, on both databases.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from staffparts import PASSWORD, Team, hidden
from starlette.routing import Route
from starlette.testclient import TestClient
from webparts import Site, event

from workers import web as web_package
from workers.usecases.initiatives import ImprovementActions, Kind
from workers.usecases.report.sections import Pick
from workers.usecases.sign_in.accounts import Role
from workers.web.app import MODULES
from workers.web.http.requests.parameters import LATEST, read_day, read_number

FOLDER = Path(web_package.__path__[0])
NUMBERS = ("99999999999999999999", "9223372036854775808", "9" * 1500, "-1", "1e9", "٣", "0x1")
DAYS = ("9999-12-31", "0001-01-01", "2026-02-30", "2026-W10-1", "soon")
TEXTS = (
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF%FE",
    "%F0%9F",
    "%E2%80%AE",
    "-%00",
    "%27%3B--",
    "%25%5F%5C",
    "{}",
    "x" * 3000,
)
A_PARAMETER = {"sqlite": 1, "postgresql": 2}
"""How many of the hostile values each parameter of a page meets, by database: PostgreSQL refuses what SQLite takes."""
HOSTILE = (*(quote(text) for text in (*NUMBERS, *DAYS)), *TEXTS, "")
READ = re.compile(r"\.(?:text|number|day|choice|flag|values\.get|get)\(\s*f?\"([a-z_.]+)\"")
FORMS = re.compile(r"form(?:\.get\(|\[)\"([a-z_.]+)\"")
REPORT = (
    *("since", "until", "trigger", "segment", "language", "touchpoint", "without", "question", "by", "and"),
    *(pick.value for pick in Pick),
)
IN_ADDRESS = {
    "staff.report.pages": REPORT,
    "staff.report.answers": (*REPORT, "page"),
    "staff.queue": ("act", "kind", "name", "on", "key", "did", "n"),
    "staff.tables.pages": ("band", "score", "comment", "response"),
    "staff.mails": ("page",),
}
"""What modules read by a name that does not stand in their own code."""


ENDING = ("staff.auth.login", "staff.auth.account", "staff.auth.people", "demo.playground")


class Town:
    """A site with one of everything that an address can name."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database = site.parts.store.engine.dialect.name
        self.team = Team(site)
        self.ticket = self.team.low()
        site.events(event("delivery", "7", reference="o-7"))
        site.settle()
        improving = ImprovementActions(site.parts.store, site.parts.policies.current, site.parts.now)
        improving.add_theme("Faster", Kind.WISH, "Nadia")
        improving.add_note(site.clock.at, "New carrier", "Nadia")
        self.client = self.team.client("Nadia")
        self.csrf = hidden(self.client.get("/themes").text)
        request = site.request("o-7")
        tokens = {
            "a": site.link("answer", request.id),
            "u": site.link("unsubscribe", request.id),
        }
        self.good = {"number": "1", "id": "1", "name": "follow_up", "kind": "csv", "token": tokens["a"].split("/")[2]}

    def lead(self, name: str) -> TestClient:
        """Return a client in which another lead has signed in."""
        self.team.people.add(name, Role.LEAD, PASSWORD, by="test")
        return self.team.client(name)

    def paths(self) -> Iterator[tuple[str, str, Route]]:
        """Give every route with the name of its module and the path to something that is there."""
        for module in MODULES:
            for route in module.routes:
                assert isinstance(route, Route)
                path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: self.good.get(match[1], "1"), route.path)
                if path != "/inbox/events":  # never ends
                    yield module.__name__.removeprefix(f"{web_package.__name__}."), path, route


def read_by(module: str, pattern: re.Pattern[str] = READ) -> list[str]:
    """Return the parameters that a module reads, and one that nothing reads."""
    place = FOLDER / module.replace(".", "/")
    files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    read = [name for file in files for name in pattern.findall(file.read_text())]
    return sorted({*read, *IN_ADDRESS.get(module, ()), "lang", "nothing"})


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, open_site: Any) -> Town:
    """Give the same town on each database."""
    if request.param == "sqlite":
        return Town(open_site())
    return Town(open_site(database_url=request.getfixturevalue("postgres")))


def test_no_query_makes_a_page_fail(town: Town) -> None:
    """Every parameter of every page with hostile values: never 5xx, and 400 with a sentence for what is refused.

    The values go round over the parameters: each meets each page, each parameter meets some; all pairs take minutes.
    """
    values, tried = itertools.cycle(HOSTILE), 0
    for module, path, route in town.paths():
        if "GET" not in (route.methods or ()):
            continue
        for name in read_by(module):
            for value in itertools.islice(values, A_PARAMETER[town.database]):
                answer = town.client.get(f"{path}?{name}={value}")
                tried += 1
                assert answer.status_code < 500, (path, name, value)
                if answer.status_code == 400:
                    assert "not what belongs there" in answer.text or '"detail"' in answer.text, answer.text
    assert tried > 150 * A_PARAMETER[town.database]


MEANT_BY_NONE = (
    "/report?segment=%00",
    "/report/responses?touchpoint=%00",
    "/report/responses?move=-%00",
    "/report/responses?theme=99999999999999999999",
    "/report/responses.csv?score=99999999999999999999",
    "/report?until=9999-12-31",
    "/report.xlsx?since=yesterday",
    "/queue/people?kind=touchpoint&name=x&on=9999-12-31",
    "/queue/confirm?act=cancel&name=x&on=soon",
    "/report?nothing=%00",
    "/report?" + "&".join(f"a{n}=1" for n in range(101)),
    "/report?a=" + "x" * 9000,
)


def test_what_no_page_could_mean_is_said_in_a_sentence(town: Town) -> None:
    """400, a page that says which part of the address it is, in the reader's language; a problem for programs."""
    for address in MEANT_BY_NONE:
        answer = town.client.get(address)
        assert answer.status_code == 400, address
        assert "This cannot be read" in answer.text, address
    assert "“until=”" in town.client.get("/report?until=soon").text
    assert "Ceci ne peut pas être lu" in town.client.get("/report?until=soon&lang=fr").text
    for method, address in (("GET", "/v1/testimonials?x=%00"), ("POST", "/v1/events?dry_run=%00")):
        answer = town.client.request(method, address)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_no_path_makes_a_page_fail(town: Town) -> None:
    """Numbers that no row can have, NUL, broken UTF-8 and long paths are no page, by every method that a route has."""
    for _, _, route in town.paths():
        if "{" not in route.path:
            continue
        for value in ("99999999999999999999", "9223372036854775808", "1" * 5000, "%00", "%ED%A0%80", "..%2F..%2Fetc"):
            path = re.sub(r"\{\w+(:\w+)?\}", value, route.path)
            for method in sorted(route.methods or ()):
                answer = town.client.request(method, path, data=town.csrf if method == "POST" else None)
                assert answer.status_code < 500, (method, path)


def test_no_field_of_a_form_makes_an_act_fail(town: Town) -> None:
    """Each field of each form with hostile values, by somebody who is signed in and holds the form's token."""
    values, tried = itertools.cycle(HOSTILE), 0
    assert set(ENDING) | set(IN_ADDRESS) <= {module for module, _, _ in town.paths()}
    clients = {name: town.lead(name) for name in ENDING}  # these end sessions, or lock a person's password
    for module, path, route in town.paths():
        if "POST" not in (route.methods or ()) or path.startswith(("/v1/", "/tables/")):
            continue
        names = [name for name in read_by(module, FORMS) if name != "password"]
        client = clients.get(module, town.client)
        token = "&".join(f"{name}={quote(text)}" for name, text in hidden(client.get("/themes").text).items())
        for name in names:
            for value in itertools.islice(values, A_PARAMETER[town.database]):
                others = "&".join(f"{other}=1" for other in names if other != name)
                answer = post(client, path, f"{others}&{token}&{name}={value}")
                tried += 1
                assert answer.status_code < 500, (path, name, value)
    assert tried > 150 * A_PARAMETER[town.database]


def post(client: TestClient, path: str, body: str, kind: str = "application/x-www-form-urlencoded") -> Any:
    """Send a form as it stands."""
    return client.post(path, content=body.encode("latin-1"), headers={"content-type": kind})


PART = '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\\ud800+2AA-\xff\r\n--b\r\nX: y\r\n\r\n\r\n--b--\r\n'
KINDS = (
    *("application/x-www-form-urlencoded; charset=undefined", "multipart/form-data", "multipart/form-data; boundary="),
    *(f"multipart/form-data; boundary=b; charset={it}" for it in ("unicode_escape", "undefined", "utf-7", "x", "idna")),
    *("multipart/form-data; boundary=b", "text/plain", "", ";;;"),
)


def test_no_kind_of_form_makes_an_act_fail(site: Site) -> None:
    """Encodings that Python knows and forms do not, boundaries that are none, parts without a name."""
    for path in (site.asked(), "/login", "/report/notes"):
        for kind in KINDS:
            assert post(site.client, path, PART, kind).status_code < 500, (path, kind)


HEADERS = (
    *("host", "origin", "cookie", "accept-language", "sec-fetch-site", "authorization", "content-type", "range"),
    *("content-length", "if-none-match", "x-forwarded-for", "forwarded"),
)
ODD = (
    *("[", "http://[", "a:b:c", "x:99999", "\xff", "%00", "@", "en;q=nan,fr;q=-1e999", "9" * 5000),
    "boucle_session=%00; boucle_lang=%00; boucle_try=\xff",
)


def test_no_header_makes_a_page_fail(open_site: Any) -> None:
    """Headers that are no host, no origin, no language, no cookie, no number."""
    site = open_site(trusted_proxies="127.0.0.0/8")
    link = site.asked()
    for header, value in itertools.product(HEADERS, ODD):
        given = [(b"host", b"127.0.0.1:8080")] if header != "host" else []
        odd = (header.encode(), value.encode("latin-1"))
        for method, path in (("GET", link), ("POST", "/login"), ("POST", "/v1/events")):
            answer = site.client.request(method, path, headers=[*given, odd], content=b"")
            assert answer.status_code < 500, (header, value, method, path)


@given(st.text(max_size=30))
def test_numbers_and_days_are_read_or_refused(text: str) -> None:
    """Any text is a number or a day within bounds, or a ValueError with a sentence; nothing else."""
    for read in (read_number, read_day):
        value: object = None
        with suppress(ValueError):
            value = read(text)
        assert value is None or (0 <= value < 2**63 if isinstance(value, int) else value <= LATEST)  # type: ignore[operator]  # a day


def test_any_text_in_the_report_s_address_is_answered(site: Site) -> None:
    """Text drawn by chance is answered as a page, a refusal, or no page."""
    client = Team(site).client("Nadia")

    @settings(max_examples=25, deadline=None)
    @given(name=st.sampled_from(REPORT), value=st.text(max_size=20))
    def look(name: str, value: str) -> None:
        address = f"/report/responses?by=language&{name}={quote(value.encode('utf-8', 'replace'))}"
        assert client.get(address).status_code in (200, 400, 404)

    look()


def test_every_page_reads_its_address_in_one_way() -> None:
    """No page looks at the raw parameters, and none reads a number of its path by itself."""
    paths = list(FOLDER.rglob("*.py"))
    assert len(paths) > len(MODULES)
    for path in paths:
        text = path.read_text()
        if path.name != "parameters.py":
            assert "query_params" not in text, path.name
            assert "int(request.path_params" not in text, path.name
            assert "fromisoformat(form" not in text, path.name
