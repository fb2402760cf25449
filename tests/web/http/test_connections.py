"""The server's connections: clients that are slow, too many, or never finish keep nobody else from being served."""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import parts
import pytest
from browserparts import free_address
from starlette.types import ASGIApp, Receive, Scope, Send
from webparts import Site

from workers.adapters.logs import MOST_OF_ONE_KIND, CountingHandler
from workers.errors import Never
from workers.web.http.middleware.connections import BODY_RATE, Connections
from workers.web.http.middleware.connections import HEAD_SECONDS as HEAD_LASTS
from workers.web.server import listen, serve

MOST = 12
HEAD_SECONDS = 0.4
BODY_SECONDS = 0.6
SECONDS = 20
HALF_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_BODY = b"POST /u/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50000\r\n\r\nscore="


@dataclass
class Serving:
    """A server in a thread of its own."""

    port: int
    connections: Connections
    held: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"http://127.0.0.1:{self.port}"

    def send(self, first: bytes, source: str = "127.0.0.1") -> socket.socket:
        """Open a connection from an address of this machine, send some bytes, and keep it open."""
        client = socket.create_connection(("127.0.0.1", self.port), SECONDS, source_address=(source, 0))
        self.held.append(client)
        client.sendall(first)
        return client


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[Serving]:
    """Serve an application with short deadlines and few connections."""
    _, port = free_address()
    connections = Connections(MOST, head_seconds=HEAD_SECONDS, body_seconds=BODY_SECONDS, look_seconds=0.05)
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        started.append((asyncio.get_running_loop(), asyncio.Event()))
        await serve(app, f"127.0.0.1:{port}", connections, started[0][1])

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    serving = Serving(port, connections)
    parts.poll(lambda: answers(port), SECONDS, "the server")
    try:
        yield serving
    finally:
        for client in serving.held:
            client.close()
        started[0][0].call_soon_threadsafe(started[0][1].set)
        thread.join(SECONDS)


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def ended(client: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65_536):
            received += piece
    return received


def wait_until(at: float) -> None:
    """Wait for a moment of the monotonic clock, as a slow client does."""
    parts.poll(lambda: time.monotonic() > at, SECONDS, "a moment")


def test_whoever_stops_in_mid_header_is_closed_and_makes_room(site: Site) -> None:
    """Far more half-sent heads than there are connections: a page is answered at once, and all of them end."""
    with served(site.app) as serving:
        for _ in range(5 * MOST):
            serving.send(HALF_HEAD)
        assert httpx.get(f"{serving.url}/healthz", timeout=SECONDS).status_code == 200
        assert len(serving.connections) <= MOST
        for client in serving.held:
            assert ended(client)[:12] in (b"", b"HTTP/1.1 408")
        parts.poll(lambda: len(serving.connections) == 0, SECONDS, "the last connection's end")


@pytest.mark.parametrize("first", [b"", b"G", HALF_HEAD, b"\r\n", HALF_BODY])
def test_a_trickle_does_not_keep_a_connection(site: Site, first: bytes) -> None:
    """A byte now and then does not move the deadline of a head or of a body."""
    with served(site.app) as serving:
        client = serving.send(first)
        client.settimeout(0.1)
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            with contextlib.suppress(TimeoutError):
                if client.recv(1024)[:12] in (b"", b"HTTP/1.1 408"):
                    return
                client.settimeout(SECONDS)
                assert ended(client) is not None
                return
            with contextlib.suppress(ConnectionError):
                client.sendall(b"a" if first else b"")
        pytest.fail("the connection is still open")


@pytest.mark.parametrize("wanted", ["websocket", "h2c", "TLS/1.0, websocket"])
def test_a_request_for_another_protocol_is_answered_as_one_without(
    site: Site, caplog: pytest.LogCaptureFixture, wanted: str
) -> None:
    """Whoever asks for a WebSocket gets the page, and the log advises nobody to install anything."""
    headers = {"Connection": "keep-alive, Upgrade", "Upgrade": wanted, "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with served(site.app) as serving, caplog.at_level(logging.WARNING):
        answer = httpx.get(f"{serving.url}/healthz", headers=headers, timeout=SECONDS)
        assert httpx.get(f"{serving.url}/healthz", timeout=SECONDS).status_code == 200
    assert answer.status_code == 200
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_slow_body_is_no_error_of_ours(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The client hears 408, the log one line without a stack, and the form is not taken."""
    path = site.asked()
    with served(site.app) as serving, caplog.at_level(logging.WARNING):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50000\r\n".encode()
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n\r\nscore=9"
        assert ended(serving.send(head + kind))[:12] == b"HTTP/1.1 408"
    actions = [record.__dict__.get("action") for record in caplog.records]
    assert actions == ["web.slow"]
    assert not any(record.exc_info for record in caplog.records)


def test_a_body_that_keeps_coming_is_waited_for(site: Site) -> None:
    """A line that brings more than the lowest rate may take longer than the deadline for small bodies."""
    size = BODY_RATE * 2
    with served(site.app) as serving:
        client = serving.send(f"POST /u/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode())
        begun = time.monotonic()
        for sent in range(0, size, 500):
            client.sendall(b"x" * 500)
            wait_until(begun + sent * BODY_SECONDS * 2 / size)
        assert time.monotonic() - begun > BODY_SECONDS
        assert client.recv(1024)[:12] == b"HTTP/1.1 404"


CHUNKED = (
    b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def in_chunks(body: bytes, size: int) -> bytes:
    """Return a request whose body comes in chunks of a size."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_body_in_crumbs_is_refused_before_it_is_read(site: Site) -> None:
    """Fifty clients that sent 300 kB byte by byte kept all others waiting: they are told to send larger pieces."""
    with served(site.app) as serving:
        client = serving.send(CHUNKED + b"1\r\n \r\n" * 300)
        answer = ended(client)  # no end of the body was sent
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Send it in chunks of at least 32" in answer


@pytest.mark.parametrize("size", [1, 32, 4_096])
def test_a_body_in_chunks_is_a_body(site: Site, size: int) -> None:
    """A few chunks of any size, and any number of larger ones, are read like a body in one piece."""
    body = b'{"specversion": "1.0", "pad": "' + b"x" * (150 if size == 1 else 40_000) + b'"}'
    with served(site.app) as serving:
        client = serving.send(in_chunks(body, size).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        assert b"`type` is missing" in ended(client)


def test_a_connection_is_used_again(site: Site) -> None:
    """Between two requests a browser may wait longer than a head may take."""
    with served(site.app) as serving, httpx.Client(base_url=serving.url, timeout=SECONDS) as client:
        assert client.get("/healthz").status_code == 200
        wait_until(time.monotonic() + HEAD_SECONDS * 2)
        assert client.get("/healthz").status_code == 200
        assert len(serving.connections) == 1


def test_a_flood_from_one_network_displaces_itself(site: Site) -> None:
    """Whoever has few connections keeps them, also between two requests, while another network fills all places."""
    with served(site.app) as serving, httpx.Client(base_url=serving.url, timeout=SECONDS) as customer:
        assert customer.get("/healthz").status_code == 200
        (kept,) = [each for of_network in serving.connections._open.values() for each in of_network]
        for _ in range(5 * MOST):
            serving.send(HALF_HEAD, "127.9.1.1")
        assert customer.get("/healthz").status_code == 200
        assert kept in serving.connections._open[kept.network]


def test_when_all_are_being_served_a_further_one_is_turned_away() -> None:
    """503 with Retry-After: a request under way is never cut off for another."""
    go_on, begun = threading.Event(), list[Scope]()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)
        await asyncio.to_thread(go_on.wait, SECONDS)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with served(slow) as serving:
        busy = [serving.send(request) for _ in range(MOST)]
        parts.poll(lambda: len(begun) == MOST, SECONDS, "the requests")
        turned_away = ended(serving.send(request))
        assert turned_away.startswith(b"HTTP/1.1 503")
        assert b"Retry-After" in turned_away
        go_on.set()
        assert {ended(client)[:12] for client in busy} == {b"HTTP/1.1 204"}


def test_a_thousand_half_heads_leave_the_role_and_its_log_alone(tmp_path: Path) -> None:
    """A real role with few open files answers meanwhile, and its log stays short."""
    address, _ = free_address()
    environment = {**os.environ, "BOUCLE_HOME": str(tmp_path), "BOUCLE_HTTP_BIND": address, "BOUCLE_LOG": "json"}
    command = [sys.executable, "-c", "from workers.cli import main; main()"]
    subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
    log = tmp_path / "log"
    with log.open("wb") as lines:
        role = subprocess.Popen([*command, "web"], env=environment, stderr=lines, preexec_fn=few_files)
    host, _, port = address.partition(":")
    clients: list[socket.socket] = []
    try:
        parts.poll(lambda: answers(int(port)), 60, "the role")
        for _ in range(1_050):
            client = socket.create_connection((host, int(port)), timeout=SECONDS)
            clients.append(client)
            with contextlib.suppress(ConnectionError):
                client.sendall(HALF_HEAD)
        for _ in range(5):
            started = time.monotonic()
            assert httpx.get(f"http://{address}/healthz", timeout=SECONDS).status_code == 200
            assert time.monotonic() - started < HEAD_LASTS  # long before the half-sent ones run out by themselves
    finally:
        for client in clients:
            client.close()
        role.terminate()
        assert role.wait(SECONDS) == 0
    written = log.read_text()
    assert len(written) < 50_000
    assert "more lines of this kind were not written" in written
    assert "out of system resource" not in written


def few_files() -> None:
    """Leave the process 600 open files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, 600))


def test_an_address_in_use_is_told() -> None:
    """The role ends with a sentence that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Never, match="cannot listen on"):
        listen(f"127.0.0.1:{taken.getsockname()[1]}")


class Lines:
    """A log whose time the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.written: list[str] = []
        self.handler = CountingHandler(self, lambda: self.now)  # type: ignore[arg-type]  # it needs write and flush
        self.log = logging.Logger("lines")
        self.log.addHandler(self.handler)

    def write(self, text: str) -> None:
        """Take what the handler writes."""
        self.written += [line for line in text.splitlines() if line]

    def flush(self) -> None:
        """There is nothing to flush."""


@pytest.fixture
def lines() -> Lines:
    """Give a log."""
    return Lines()


def complain(lines: Lines, times: int, warn: Callable[..., None]) -> None:
    """Write the same warning some times."""
    for number in range(times):
        warn("client %s is slow", number)


def test_warnings_that_repeat_are_counted_instead_of_written(lines: Lines) -> None:
    """The first of a minute are written, the rest is one line with their number; other lines are not touched."""
    complain(lines, 500, lines.log.warning)
    lines.log.error("something else")
    for number in range(100):
        lines.log.info("mail %s left", number)
    assert lines.written[:MOST_OF_ONE_KIND] == [f"client {n} is slow" for n in range(MOST_OF_ONE_KIND)]
    assert lines.written[MOST_OF_ONE_KIND] == "something else"
    assert len(lines.written) == MOST_OF_ONE_KIND + 1 + 100
    lines.now = 61
    lines.log.info("next")
    counted = f"{500 - MOST_OF_ONE_KIND} more lines of this kind were not written; the last: client 499 is slow"
    assert lines.written[-2:] == [counted, "next"]
    lines.log.warning("client %s is slow", "again")
    assert lines.written[-1] == "client again is slow"


def test_what_was_counted_is_told_at_the_end(lines: Lines) -> None:
    """A role that ends within the minute still says how many lines it did not write."""
    complain(lines, MOST_OF_ONE_KIND + 3, lines.log.error)
    lines.handler.close()
    assert lines.written[-1].startswith("3 more lines")
