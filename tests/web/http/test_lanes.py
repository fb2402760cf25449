"""Nobody's work keeps customers out: threads by lane, trials by turns, and an end to what nobody waits for."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from staffparts import Team, hidden
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from webparts import Site

from workers.process.child_process import Budget
from workers.web import app as web_app
from workers.web.http.requests import turns
from workers.web.http.requests.threads import THREADS, Lane, Lanes, lane_of, run_in_threadpool
from workers.web.http.requests.turns import Busy, Turns, while_there
from workers.web.staff.tables import trial

FOLLOW_UP = "/tables/follow-up"
OF_CUSTOMERS = {
    *("answer", "thanks", "optout", "improvement", "testimonial", "reopening"),
    *("place", "claim", "given", "feed", "widget", "assets"),
}
OF_OTHERS = {
    "events": Lane.EVENTS,
    "health": Lane.PROBES,
    "metrics": Lane.PROBES,
    "login": Lane.SIGN_IN,
    "oidc": Lane.SIGN_IN,
    "sms": Lane.EVENTS,
}


def test_every_route_has_the_lane_of_those_it_serves() -> None:
    """Whoever adds a page for customers, and forgets its lane, is told here."""
    for module in web_app.MODULES:
        name = module.__name__.rpartition(".")[2]
        wanted = Lane.CUSTOMERS if name in OF_CUSTOMERS else OF_OTHERS.get(name, Lane.STAFF)
        for route in module.routes:
            assert lane_of(route.path) is wanted, route.path
            if module in web_app.PUBLIC:
                assert wanted is not Lane.STAFF, f"{route.path} is for others than staff: name its lane"


def test_the_database_has_a_connection_for_every_thread() -> None:
    """A lane that waits for another's connections would be none."""
    from workers.store.engine import POOL

    assert sum(THREADS.values()) <= POOL


def client_of(app: Any) -> httpx.AsyncClient:
    """Return a client that asks the application itself, many requests at once."""
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


def test_staff_that_fill_their_lane_leave_the_others_free() -> None:
    """42 pages of staff hang; a customer, a sign-in, an event and a probe are answered meanwhile."""
    release = threading.Event()

    async def slow(request: Request) -> Response:
        await run_in_threadpool(release.wait)
        return PlainTextResponse("late")

    async def quick(request: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(str.upper, "at once"))

    async def play() -> None:
        others = ["/a/token", "/u/token", "/login", "/v1/events", "/readyz"]
        routes = [Route("/report", slow), *(Route(path, quick) for path in others)]
        async with client_of(Starlette(routes=routes, middleware=[Middleware(Lanes)])) as client:
            hanging = [asyncio.ensure_future(client.get("/report")) for _ in range(42)]
            await asyncio.sleep(0)
            for path in others:
                answer = await asyncio.wait_for(client.get(path), 30)
                assert answer.text == "AT ONCE"
            assert not any(request.done() for request in hanging)
            release.set()
            assert {answer.text for answer in await asyncio.gather(*hanging)} == {"late"}

    asyncio.run(play())


def test_a_person_tries_one_table_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second waits a moment, then is told; another person has a turn; what ended makes room."""
    monkeypatch.setattr(turns, "OWN_SECONDS", 0.05)
    monkeypatch.setattr(turns, "OTHERS_SECONDS", 0.05)

    async def play() -> None:
        given = Turns(at_once=1)
        async with given.of("Marc"), given.among_all():
            with pytest.raises(Busy) as own:
                async with given.of("Marc"):
                    pass
            assert own.value.own
            with pytest.raises(Busy) as others:
                async with given.of("Nadia"), given.among_all():
                    pass
            assert not others.value.own
        monkeypatch.setattr(turns, "OWN_SECONDS", 30)
        async with given.of("Marc"):
            waiting = asyncio.ensure_future(given.of("Marc").__aenter__())
            await asyncio.sleep(0.01)
            assert not waiting.done()
        await waiting

    asyncio.run(play())


def test_work_ends_when_its_client_leaves() -> None:
    """The work is cancelled as soon as the server hears that nobody waits."""

    async def play() -> None:
        left, ended = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, str]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def work() -> None:
            left.set()
            try:
                await asyncio.sleep(600)
            finally:
                ended.set()

        with pytest.raises(ClientDisconnect):
            await while_there(Request({"type": "http", "headers": []}, receive), work())
        assert ended.is_set()

    asyncio.run(play())


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people, whose tables are remembered."""
    site.parts.policies.remember(site.parts.store, site.parts.now())
    return Team(site)


def form_of(team: Team, name: str) -> tuple[dict[str, str], str]:
    """Return the cookies of a person who is signed in, and the token of their forms."""
    client = team.client(name)
    return dict(client.cookies), hidden(client.get(FOLLOW_UP).text)["csrf"]


def rules() -> bytes:
    """Return the rows in use."""
    return (Path(__file__).parents[3] / "rules" / "follow-up" / "rules.csv").read_bytes()


def test_forty_two_uploads_keep_nobody_from_answering(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people send fourteen files each at once: customers answer and people sign in, and every upload is told."""
    monkeypatch.setattr(turns, "OWN_SECONDS", 0.1)
    path = team.site.asked()
    people = [form_of(team, name) for name in ("Nadia", "Marc", "Olga")]

    async def upload(client: httpx.AsyncClient, cookies: dict[str, str], token: str) -> int:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = await client.post(
            FOLLOW_UP, data={"csrf": token}, files={"rules": ("rules.csv", rules())}, headers=headers, timeout=None
        )
        assert answer.status_code == 200 or "table" in answer.text
        return answer.status_code

    async def play() -> list[int]:
        async with client_of(team.site.app) as client:
            sent = [asyncio.ensure_future(upload(client, *people[n % 3])) for n in range(42)]
            await asyncio.sleep(0)
            for score in range(10):
                page = await client.post(f"{path}", data={"score": str(score)})
                assert page.status_code in (200, 303), page.text
            login = await client.post("/login", data={"username": "Max", "password": "correct horse battery"})
            assert login.status_code == 303
            assert not all(upload.done() for upload in sent)
            return await asyncio.gather(*sent)

    answers = asyncio.run(play())
    assert set(answers) <= {200, 429, 503}
    assert 200 in answers
    assert 429 in answers


def test_a_trial_that_takes_too_long_is_told(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says that time was up and names the command that has no such limit."""
    monkeypatch.setattr(trial, "BUDGET", Budget(seconds=0.01, megabytes=1_200))
    client = team.client("Marc")
    token = hidden(client.get(FOLLOW_UP).text)["csrf"]
    page = client.post(FOLLOW_UP, data={"csrf": token}, files={"rules": ("rules.csv", rules())})
    assert page.status_code == 400
    assert "longer than 0.01 seconds" in page.text
    assert "boucle rules check" in page.text
