"""Guessing at the login: of many guesses at once few are verified, in bounded memory; each is counted and audited."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pyotp import TOTP
from staffparts import CHEAP, PASSWORD, Team, hidden, words
from webparts import HERE, Site

from workers.store import tables
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.sign_in.accounts import User
from workers.usecases.sign_in.second_factor import SecondFactors
from workers.web.staff.auth.guessing_limits import AT_ONCE, WAITING_PER_NETWORK

GUESSES = 60
PEAK = 450_000_000
"""Bytes a whole web process may have used at its peak: three verifications of 64 MiB, and what it needs anyway."""


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people."""
    return Team(site)


def guess_at_once(site: Site, forms: list[dict[str, str]]) -> Counter[int]:
    """Send forms to the login at once, and count the answers by status."""

    async def send() -> Counter[int]:
        transport = httpx.ASGITransport(site.app, client=("192.0.2.7", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", timeout=60) as client:
            answers = await asyncio.gather(*[client.post("/login", data=form) for form in forms])
        return Counter(answer.status_code for answer in answers)

    return asyncio.run(send())


def test_of_sixty_guesses_at_once_eight_are_verified_and_three_at_a_time(team: Team) -> None:
    """The limit holds whatever comes in parallel, and never more than a few run."""
    verified, running, most = 0, 0, 0
    lock, check = threading.Lock(), team.sign_ins.check

    def counted(name: str, password: str) -> User | None:
        nonlocal verified, running, most
        with lock:
            verified, running = verified + 1, running + 1
            most = max(most, running)
        try:
            return check(name, password)
        finally:
            with lock:
                running -= 1

    team.sign_ins.check = counted  # type: ignore[method-assign]  # counts what runs, and does it
    codes = guess_at_once(team.site, [{"username": "Léa", "password": f"guess {n}"} for n in range(GUESSES)])
    assert codes == {401: 8, 429: GUESSES - 8}
    assert verified == 8
    assert most <= AT_ONCE


def test_a_team_signs_in_at_nine_oclock(team: Team) -> None:
    """As many right passwords at once as may wait from one network: everybody gets in."""
    forms = [{"username": "Max", "password": PASSWORD}] * WAITING_PER_NETWORK
    assert guess_at_once(team.site, forms) == {303: WAITING_PER_NETWORK}


def test_one_networks_flood_leaves_others_their_turn(team: Team) -> None:
    """While a network guesses, somebody elsewhere signs in."""

    async def both() -> tuple[list[int], int]:
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(team.site.app, client=("192.0.2.7", 1))) as bad,
            httpx.AsyncClient(transport=httpx.ASGITransport(team.site.app, client=("198.51.100.7", 1))) as good,
        ):
            flood = [
                asyncio.ensure_future(
                    bad.post("http://127.0.0.1:8080/login", data={"username": f"name {n}", "password": "x"})
                )
                for n in range(200)
            ]
            answer = await good.post("http://127.0.0.1:8080/login", data={"username": "Max", "password": PASSWORD})
            return [reply.status_code for reply in await asyncio.gather(*flood)], answer.status_code

    flooded, answered = asyncio.run(both())
    assert answered == 303
    assert set(flooded) == {401, 429}


def test_sixty_guesses_at_once_take_bounded_memory(tmp_path: Path) -> None:
    """With the real cost of a password, a whole web process stays below its budget (unbounded it took 2.3 GB)."""
    script = f"""
        import sys
        sys.path[:0] = {[str(Path(__file__).parents[up]) for up in (0, 2, 3)]!r}
        from pathlib import Path
        from peakmemory import peak_megabytes
        from test_sign_in_guessing import GUESSES, guess_at_once
        from webparts import Site
        from workers.usecases.sign_in.accounts import Role

        site = Site(Path({str(tmp_path)!r}))
        site.app.state.people.add("Léa", Role.AGENT, "correct horse battery", by="test")
        codes = guess_at_once(site, [{{"username": "Léa", "password": "x"}}] * GUESSES)
        assert codes == {{401: 8, 429: GUESSES - 8}}, codes
        site.parts.store.close()
        print(int(peak_megabytes() * 1_000_000))
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < PEAK


def test_failures_are_logged_counted_and_audited(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    """Who is guessed at stands in the audit log; a name that nobody has stands nowhere: it may be a password."""
    client = team.client()
    for name in ("léa", "my secret passphrase", "my secret passphrase"):
        assert client.post("/login", data={"username": name, "password": "wrong"}).status_code == 401
    assert client.post("/login", data={"username": "Max", "password": PASSWORD}).status_code == 303
    page = client.get("/metrics").text
    assert 'boucle_sign_ins_total{outcome="wrong"} 3.0' in page
    assert 'boucle_sign_ins_total{outcome="password"} 1.0' in page
    with team.site.parts.store.reading() as connection:
        acts = [(act["act"], act["by"], act["detail"]) for act in list_acts(connection) if "refused" in act["act"]]
    assert acts == [("sign_in.refused", "Léa", {"why": "wrong"})]
    assert [record.__dict__["network"] for record in caplog.records if record.levelname == "WARNING"] == [
        "127.0.0.0/24"
    ] * 3
    assert "passphrase" not in str(acts) + caplog.text


def test_refused_acts_are_counted_and_audited(team: Team) -> None:
    """A form of another role, without its token or from another site: who tried stands there, no customer does."""
    team.low()
    client = team.client("Marc")
    assert client.get("/customers/42").status_code == 403
    assert client.post("/people/remove", data={"name": "Léa"}).status_code == 403
    lea = team.client("Léa")
    assert lea.post("/tickets/1/claimed", data={"version": "1"}).status_code == 403
    fields = hidden(lea.get("/tickets/1").text)
    assert lea.post("/tickets/1/claimed", data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    page = client.get("/metrics").text
    for outcome, times in (("role", 2), ("stale", 1), ("foreign", 1)):
        assert f'boucle_refused_acts_total{{outcome="{outcome}"}} {times}.0' in page
    with team.site.parts.store.reading() as connection:
        acts = [(act["by"], act["detail"]) for act in reversed(list_acts(connection)) if act["act"] == "act.refused"]
    assert acts == [
        ("Marc", {"why": "role", "place": "/people"}),
        ("Léa", {"why": "stale", "place": "/tickets"}),
        ("Léa", {"why": "foreign", "place": "/tickets"}),
    ]


def two_steps(team: Team, name: str) -> tuple[SecondFactors, list[str]]:
    """Set a second factor up for somebody, and return their recovery codes."""
    factors: SecondFactors = team.site.app.state.second_factors
    offer = factors.offer(name)
    codes = factors.enrol(name, offer.salt, TOTP(offer.secret).now())
    assert codes is not None
    return factors, codes


def test_a_password_or_a_link_alone_opens_nothing_where_there_is_a_second_factor(team: Team) -> None:
    """Half way is no session: neither by password nor by one-time link; a company's account has its own."""
    _, codes = two_steps(team, "Max")
    for client, page in (
        (
            browser := team.client(),
            browser.post("/login", data={"username": "Max", "password": PASSWORD, "next": "/queue"}),
        ),
        (browser := team.client(), browser.post(f"/login/{team.people.login_token('Max')}?next=/queue")),
    ):
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert "Your code" in words(page.text)
        assert client.get("/inbox").status_code == 303
        client.cookies.set("boucle_session", hidden(page.text)["half"])
        assert client.get("/inbox").status_code == 303
        client.cookies.clear()
        answer = client.post("/login/code", data={**hidden(page.text), "code": codes.pop()})
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
        assert client.get("/inbox").status_code == 200
        again = client.post("/login/code", data={**hidden(page.text), "code": codes.pop()})
        assert (again.status_code, "set-cookie" in again.headers) == (403, False)


def test_guessing_codes_is_slowed_down(team: Team) -> None:
    """Who has stolen the password has five guesses in a quarter of an hour; the right code then waits too."""
    _, codes = two_steps(team, "Max")
    page = team.client().post("/login", data={"username": "Max", "password": PASSWORD})
    fields = hidden(page.text)
    tried = [team.client().post("/login/code", data={**fields, "code": f"{n:06}"}) for n in range(7)]
    assert [answer.status_code for answer in tried] == [401] * 5 + [429] * 2
    assert "quarter of an hour" in words(tried[-1].text)
    elsewhere = team.site.client_from(("198.51.100.7", 1))
    assert elsewhere.post("/login/code", data={**fields, "code": codes[0]}).status_code == 303


def test_what_was_typed_waits_for_both_steps(team: Team) -> None:
    """A note that was typed when the session ended is there after password and code."""
    team.low()
    _, codes = two_steps(team, "Max")
    client = team.client()
    page = client.post("/tickets/1/note", data={"version": "1", "text": "She asks for a call after six."})
    assert page.status_code == 401
    page = client.post("/login", data={**hidden(page.text), "username": "Max", "password": PASSWORD})
    page = client.post("/login/code", data={**hidden(page.text), "code": codes[0]})
    assert "She asks for a call after six." in page.text


def test_an_old_weak_password_still_signs_in_and_its_owner_is_asked_for_another(team: Team) -> None:
    """Nobody is locked out by an upgrade, and nobody stays with what is guessed first."""
    old = sa.update(tables.user).where(tables.user.c.name == "Max").values(password_hash=CHEAP.hash("summer"))
    team.site.parts.store.write(lambda connection: connection.execute(old))
    client = team.client()
    answer = client.post("/login", data={"username": "Max", "password": "summer"})
    assert answer.headers["location"] == "/account?did=weak"
    assert "choose another one" in words(client.get("/account?did=weak").text)


def test_a_password_keeps_its_spaces(team: Team) -> None:
    """What was set at the command line with a space at its end signs in on the page."""
    team.people.set_password("Max", "  le chat dort bien ", by="ops")
    client = team.site.client_from(HERE)
    for password, status in (("  le chat dort bien ", 303), ("le chat dort bien", 401)):
        assert client.post("/login", data={"username": "Max", "password": password}).status_code == status
