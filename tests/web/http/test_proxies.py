"""The examples of docs/proxies.md, each run as it stands: what it lets through, and whom the role believes."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import parts
import pytest
from browserparts import SECONDS, free_address, served
from starlette.types import Receive, Scope, Send
from webparts import Site

EXAMPLES = Path(__file__).parents[3] / "docs" / "proxies.md"
PROXIES = ("nginx", "caddy", "traefik")
HOST = {"Host": "feedback.example.org"}
INSIDE = ("/", "/login", "/inbox", "/report", "/mailbox", "/metrics", "/readyz", "/openapi.json", "/v1", "/ax", "/try")


def example(language: str) -> str:
    """Return the one example in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", EXAMPLES.read_text(), re.DOTALL)
    return str(text)


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return a text with each change made; an example that no longer holds what is changed fails the test."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def plain(folder: Path, address: str, role: str, team: str) -> list[str]:
    """Write what somebody writes who has read nothing: a proxy that adds no header; return nginx' command."""
    server = f"server {{ listen {address}; location / {{ proxy_http_version 1.0; proxy_pass http://{role}; }} }}"
    return nginx_command(folder, server)


def nginx(folder: Path, address: str, role: str, team: str) -> list[str]:
    """Write nginx' example for an address without TLS; return its command."""
    tls = re.findall(r"    ssl_certificate.*\n", example("nginx"))
    text = changed(
        example("nginx"),
        ("listen 443 ssl", f"listen {address}"),
        ("127.0.0.1:8080", role),
        ("10.0.0.0/8", team),
        *((line, "") for line in tls),
    )
    return nginx_command(folder, text)


def nginx_command(folder: Path, text: str) -> list[str]:
    """Write nginx' main file around a site; return its command."""
    own = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{own}{text}}}\n"
    (folder / "nginx.conf").write_text(main)
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def caddy(folder: Path, address: str, role: str, team: str) -> list[str]:
    """Write Caddy's example for an address without TLS; return its command."""
    text = changed(
        example("caddy"),
        ("feedback.example.org {", f"http://feedback.example.org:{address.partition(':')[2]} {{\nbind 127.0.0.1"),
        ("{\n    servers", "{\nadmin off\n    servers"),
        ("127.0.0.1:8080", role),
        ("10.0.0.0/8", team),
    )
    (folder / "Caddyfile").write_text(text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def traefik(folder: Path, address: str, role: str, team: str) -> list[str]:
    """Write Traefik's two files for an address without TLS; return its command."""
    static, dynamic = re.findall(r"```yaml\n(.*?)```", EXAMPLES.read_text(), re.DOTALL)
    (folder / "traefik.yaml").write_text(
        changed(static, ('":443"', f'"{address}"'), ("/etc/traefik/boucle.yaml", str(folder / "boucle.yaml")))
    )
    (folder / "boucle.yaml").write_text(
        changed(dynamic, ("      tls: {}\n", ""), ("127.0.0.1:8080", role), ("10.0.0.0/8", team))
    )
    return ["traefik", f"--configFile={folder / 'traefik.yaml'}"]


COMMANDS: dict[str, Callable[[Path, str, str, str], list[str]]] = {
    "nginx": nginx,
    "caddy": caddy,
    "traefik": traefik,
    "plain": plain,
}


@contextlib.contextmanager
def proxied(name: str, folder: Path, role: str, team: str = "10.0.0.0/8") -> Iterator[httpx.Client]:
    """Run a proxy before a role, and give a client that asks through it."""
    program = "nginx" if name == "plain" else name
    if shutil.which(program) is None:
        if program == "nginx":
            parts.missing("nginx is not installed.")
        pytest.skip(f"{program} is not installed.")
    address, _ = free_address()
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        command = COMMANDS[name](folder, address, role.removeprefix("http://"), team)
        proxy = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "HOME": str(folder)})
    try:
        with httpx.Client(base_url=f"http://{address}", headers=HOST, timeout=SECONDS) as client:
            parts.poll(lambda: answers(client), SECONDS, f"{name}: {(folder / 'log').read_text()}")
            yield client
    finally:
        proxy.terminate()
        proxy.wait(SECONDS)


def answers(client: httpx.Client) -> bool:
    """Tell whether the proxy listens and has read its files."""
    with contextlib.suppress(httpx.TransportError):
        return client.get("/static/boucle.css").status_code == 200
    return False


@pytest.mark.parametrize("name", PROXIES)
def test_an_example_shows_the_world_what_customers_need(
    name: str, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    """Links, opt-outs, scripts and the door of events answer through the proxy; nothing of the team's does."""
    bind, port = free_address()
    site = open_site(http_bind=bind, public_url="https://feedback.example.org", trusted_proxies="127.0.0.1")
    path = site.asked()
    with served(site, port) as role, proxied(name, tmp_path / name, role) as client:
        assert client.get(path).status_code == 200
        assert client.post(path, data={"score": "9"}).status_code == 303
        assert client.post("/u/forged").status_code == 404
        assert client.get("/r/forged").status_code == 404
        assert client.get("/v1/testimonials").json() == {"testimonials": []}
        assert client.post("/v1/events", json={}).status_code == 401
        shut = {inside: client.get(inside).status_code for inside in INSIDE}
    assert set(shut.values()) <= {403, 404}, shut
    with served(site, port) as role, proxied(name, tmp_path / "team", role, team="127.0.0.0/8") as client:
        assert client.get("/login").status_code == 200
        assert client.get("/mailbox").status_code == 403


@pytest.mark.parametrize("name", PROXIES)
def test_behind_an_example_limits_hold_for_the_client(
    name: str, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    """The role believes the address that the proxy names, and nothing that a client writes into the header."""
    bind, port = free_address()
    site = open_site(http_bind=bind, rate_limit="3", trusted_proxies="127.0.0.1")
    seen: list[str] = []
    app = site.app

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        seen.append(headers.get(b"x-forwarded-for", b"").decode())
        await app(scope, receive, send)

    site.app = watched  # type: ignore[assignment]  # ASGI
    with served(site, port) as role, proxied(name, tmp_path / name, role) as client:
        forged = [client.get("/a/x", headers={"X-Forwarded-For": f"198.51.{n}.1"}).status_code for n in range(5)]
    assert forged == [404, 404, 404, 429, 429]
    assert set(seen[1:]) == {"127.0.0.1"}


def test_behind_a_proxy_that_says_nothing_nobody_is_this_machine(
    tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    """A plain `proxy_pass` (HTTP/1.0 up to nginx 1.29) opens neither the mailbox nor the event door without keys."""
    bind, port = free_address()
    site = open_site(http_bind=bind)
    with served(site, port) as role, proxied("plain", tmp_path / "plain", role) as client:
        assert httpx.get(f"{role}/mailbox").status_code == 200
        assert client.get("/mailbox").status_code == 403
        assert client.post("/v1/events?dry_run=1", json={}).status_code == 401
