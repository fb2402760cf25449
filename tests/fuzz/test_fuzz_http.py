"""HTTP as schemathesis makes it from our OpenAPI, with links that exist: nothing answers 500, or what is not described.

Half of the links are real, of customers who were asked; the others are what schemathesis thinks of, or real ones
changed. Requests go through the application in this process, so that a fault has its traceback.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from campaign import SEED, SHARE, Campaign, smaller_bytes
from event_inputs import make_event
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from mutations import any_text, changed_bytes
from pages import PAGES
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from staffparts import Team, hidden
from starlette.routing import Route
from webparts import Site

from workers.domain.records import Response as Answered
from workers.domain.records import SurveyRequest
from workers.web.app import all_routes

REQUESTS, FORMS = 20_000, 5_000
OPENAPI = Path(__file__).parents[2] / "schemas" / "openapi.json"
PURPOSES = {"a": "answer", "u": "unsubscribe", "t": "testimonial", "i": "improvement", "r": "reopen"}
ASKED = 20
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
Sent = tuple[str, str, bytes, tuple[tuple[bytes, bytes], ...]]
"""Method, path with query, body and headers."""


class Served:
    """A site whose customers were asked and some of whom answered, and who ask it again."""

    def __init__(self, home: Path) -> None:
        self.site = Site(home)
        self.site.clock.at = NOW
        self.team = Team(self.site)
        for number in range(ASKED):
            self.site.ask(id=f"canary-{number}") if number % 2 else self.site.answered(number % 11, "hm")
        self.tokens = {}
        requests, answers = self.site.rows(SurveyRequest), self.site.rows(Answered)
        dispatches = [request.id for request in requests]
        for letter, purpose in PURPOSES.items():
            ids = [answer.id for answer in answers] if letter in "ti" else dispatches
            self.tokens[letter] = [self.site.parts.links.sign(purpose, id_) for id_ in ids]

    def send(self, sent: Sent) -> int:
        """Send one request and return its status, which is none of a failure."""
        method, path, body, headers = sent
        answer = self.site.client.request(method, path, content=body, headers=list(headers))
        assert answer.status_code < 500 or (path.startswith("/readyz") and answer.status_code == 503), (
            answer.status_code,
            answer.text[:500],
        )
        assert "failed here" not in answer.text, answer.text[:500]
        return answer.status_code


def generated(served: Served, count: int) -> Iterator[Sent]:
    """Give requests of every operation: those that our OpenAPI describes, and those that it forbids."""
    schema = schemathesis.openapi.from_dict(json.loads(OPENAPI.read_text(encoding="utf-8")))
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 10
    draw = Random(f"{SEED}/links")
    for turn in itertools.count(int(SEED) * 1_000):  # some operations have few requests, so one turn may not do
        for operation in operations:
            modes = [*GenerationMode][: 2 if can_be_wrong(operation.definition.raw) else 1]
            for mode in modes:
                # Events are nearly as many as all pages together.
                part = 0.2 if operation.path == "/v1/events" else 0.05
                wanted = max(1, round(count * part)) if len(modes) == 2 or "{" in operation.path else 1
                for case in cases_of(operation.as_strategy(generation_mode=mode), wanted, turn):
                    yield sent_of(case, served, draw)


def can_be_wrong(operation: dict[str, Any]) -> bool:
    """Tell whether there is a request that an operation forbids; of a form with any fields there is none."""
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    described = [body["schema"] for body in bodies if {"properties", "$ref"} & set(body["schema"])]
    return bool(described) or any(parameter["in"] == "query" for parameter in operation.get("parameters", ()))


def cases_of(strategy: Any, count: int, turn: int) -> list[Any]:
    """Return what a strategy makes."""
    cases: list[Any] = []

    @seed(turn)
    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def keep(case: Any) -> None:
        cases.append(case)

    with suppress(Unsatisfiable):  # an operation without parameters has nothing that could be forbidden
        keep()
    return cases


def sent_of(case: Any, served: Served, draw: Random) -> Sent:
    """Return a case as bytes; half of its tokens become real ones, some of them changed."""
    path = case.formatted_path
    letter = path[1:2]
    if letter in PURPOSES and path[2:3] == "/" and draw.random() < 0.6:
        token = draw.choice(served.tokens[letter])
        if draw.random() < 0.15:
            token = quote(changed_bytes(draw, token.encode()))
        path = f"/{letter}/{token}"
    if case.query:
        path += "?" + urlencode([(str(name), str(value)) for name, value in case.query.items()], errors="replace")
    headers = [(name, str(value)) for name, value in (case.headers or {}).items() if name != "Authorization"]
    body, kind = body_of(case, draw)
    if kind:
        headers.append(("content-type", kind))
    encoded = tuple((name.encode("latin-1", "replace"), value.encode("utf-8", "replace")) for name, value in headers)
    return case.method, path, body, encoded


def body_of(case: Any, draw: Random) -> tuple[bytes, str]:
    """Return the body as bytes, and its kind."""
    kind = case.media_type or ""
    if isinstance(case.body, bytes):
        return case.body, kind
    if case.body is NOT_SET:
        return b"", kind
    if "json" in kind:
        body = case.body
        if isinstance(body, dict) and "type" in body and draw.random() < 0.5:  # of a type that there is
            body = {**make_event(draw), **{name: value for name, value in body.items() if draw.random() < 0.3}}
        return json.dumps(body).encode("utf-8", "surrogatepass"), kind
    pairs = case.body.items() if isinstance(case.body, dict) else [("score", case.body)]
    return urlencode([(str(name), str(value)) for name, value in pairs], errors="replace").encode(), kind


def smaller(sent: Sent) -> Iterator[Sent]:
    """Give the same request with fewer headers or less of a body."""
    method, path, body, headers = sent
    for number in range(len(headers)):
        yield method, path, body, (*headers[:number], *headers[number + 1 :])
    for less in smaller_bytes(body):
        yield method, path, less, headers


@pytest.mark.timeout(14_400)
def test_requests_of_schemathesis_are_answered(tmp_path: Path) -> None:
    """No request is answered by 500, ends in an exception, or costs more than its budget."""
    served = Served(tmp_path)
    statuses: Counter[int] = Counter()
    requests = generated(served, round(REQUESTS * SHARE))

    def send(sent: Sent) -> None:
        statuses[served.send(sent)] += 1

    Campaign("requests", REQUESTS, lambda _: next(requests), send, smaller).run()
    print("answers:", ", ".join(f"{status} {count:,} times" for status, count in sorted(statuses.items())))
    assert {200, 202, 303, 400, 404} <= set(statuses), "some kind of answer was never reached"
    served.site.parts.store.close()


FIELD = re.compile(r'<(?:input|textarea|select|button)[^>]* name="([^"]+)"')
FORM = re.compile(r'<form[^>]*action="([^"]+)"')
MORE = ("/people", "/account", "/mailbox", "/login", "/tickets/1", "/customers/canary-1", "/customers/42")


class Forms:
    """The team's pages and their forms, as somebody who is signed in may misuse them."""

    def __init__(self, served: Served) -> None:
        self.site, self.client = served.site, served.team.client("Olga")
        self.tokens = served.tokens
        self.fields: dict[str, str] = {}
        self.names, self.actions = {"score", "page", "q", "next", "by", "since"}, {"/login"}
        links = [f"/{letter}/{tokens[0]}" for letter, tokens in served.tokens.items() if tokens]
        for path in (*PAGES, *MORE, *links):
            answer = self.client.get(path)
            self.fields |= hidden(answer.text)
            self.names |= set(FIELD.findall(answer.text))
            self.actions |= {unescape(action) for action in FORM.findall(answer.text)}
        assert len(self.actions) > 10, self.actions
        self.paths = sorted({route.path for route in all_routes() if isinstance(route, Route)})

    def make(self, draw: Random) -> Sent:
        """Return a request of a page or of a form, each of its values anything."""
        path = draw.choice(sorted(self.actions)) if draw.random() < 0.5 else draw.choice(self.paths)
        path = re.sub(r"\{[^}]*\}", lambda _: quote(word(draw), safe="", errors="replace"), path)
        values = [(draw.choice(sorted(self.names)), word(draw)) for _ in range(draw.choice((0, 1, 2, 6)))]
        method = draw.choice(("GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "OPTIONS"))
        if method != "POST" or draw.random() < 0.1:
            return method, f"{path}?{urlencode(values, errors='replace')}", b"", ()
        kind = "application/x-www-form-urlencoded"
        body = urlencode([*self.fields.items(), *values], errors="replace").encode()
        if draw.random() < 0.2:
            body = changed_bytes(draw, body)
        return method, path, body, ((b"content-type", kind.encode()), (b"sec-fetch-site", b"same-origin"))

    def send(self, sent: Sent) -> None:
        """Send one request, signed in."""
        method, path, body, headers = sent
        if path.split("?")[0].rstrip("/") in ("/logout", "/account/sessions/end", "/account/password"):
            return  # whoever is signed out asks nothing more
        answer = self.client.request(method, path, content=body, headers=list(headers))
        assert answer.status_code < 500, (answer.status_code, answer.text[:500])


def word(draw: Random) -> str:
    """Return a value for a field or a part of an address."""
    return draw.choice(
        ("1", "42", "canary-1", "9" * 30, "-1", "follow-up", "all", "on", any_text(draw), any_text(draw))
    )


@pytest.mark.timeout(14_400)
def test_pages_and_forms_of_the_team_bear_any_value(tmp_path: Path) -> None:
    """Every route and form with values of any kind, signed in and with the form's own token, answers below 500."""
    forms = Forms(Served(tmp_path))
    Campaign("forms", FORMS, forms.make, forms.send, smaller).run()
    forms.site.parts.store.close()
