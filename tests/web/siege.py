"""A siege: attackers at five doors of a web role at once, each from a network of its own.

`python tests/web/siege.py PORT SECONDS TOKEN THREADS` attacks a role on this machine; test_siege.py answers as
customers meanwhile. The doors: connections (heads and bodies that stop), events, links, sign-in, and
all other pages.
"""

import contextlib
import itertools
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

SECONDS = 5.0  # that an attacker waits for an answer
HELD = 150  # connections that one attacker holds open
TAKEN = 65_536
BATCH = "application/cloudevents-batch+json"


def request(method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    if method == "POST":
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def half_heads(token: str) -> Iterator[bytes]:
    """Give heads that stop, at every place."""
    for number in itertools.count():
        whole = request("GET", f"/a/{token}", b"")
        yield whole[: number % (len(whole) - 3) + 1]


def half_bodies(token: str) -> Iterator[bytes]:
    """Give forms whose body stops."""
    for number in itertools.count():
        yield request("POST", f"/{'aurit'[number % 5]}/{token}", b"score=9" + b"x" * 50_000)[:-1]


def events(token: str) -> Iterator[bytes]:
    """Give events without a key, small and large, and what is none."""
    bodies = (b"{}", b"[" * 100_000, b"[" + b"{}," * 300_000 + b"{}]", b"\xef\xbb\xbf" * 1_100 + b"{}")
    for body in itertools.cycle(bodies):
        yield request("POST", "/v1/events", body, BATCH)


def links(token: str) -> Iterator[bytes]:
    """Give links that are forged, damaged or long, one that is valid again and again, and odd queries."""
    chance = random.Random(1)
    for number in itertools.count():
        forged = "".join(chance.choices("abcdefghijklmnop-_.", k=40 + number % 3_000))
        yield request("GET", f"/{'aurit'[number % 5]}/{forged}")
        yield request("POST", f"/u/{token[: number % len(token)]}", b"List-Unsubscribe=One-Click")
        yield request("GET", f"/a/{token}?score={quote(chr(number % 300) * 20)}")


def sign_ins(token: str) -> Iterator[bytes]:
    """Give guesses of passwords, and odd ways in."""
    for number in itertools.count():
        yield request("POST", "/login", f"username=Nadia&password=guess{number}".encode())
        yield request("GET", f"/login/{number}")


def pages(token: str) -> Iterator[bytes]:
    """Give requests for everything else, with odd queries."""
    paths = ("/", "/report?segment=%00", "/inbox", "/v1/testimonials", "/readyz", "/openapi.json", "/customers/%00")
    for path in itertools.cycle(paths):
        yield request("GET", path)


DOORS: dict[str, Callable[[str], Iterator[bytes]]] = {
    "events": events,
    "links": links,
    "sign-in": sign_ins,
    "pages": pages,
}
HOLDING = {"heads": half_heads, "bodies": half_bodies}


def connected(port: int, network: int) -> socket.socket:
    """Return a connection from a network of this machine's own."""
    return socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(f"127.7.{network}.1", 0))


def flood(port: int, network: int, requests: Iterator[bytes], ends: float) -> None:
    """Ask one after the other and read what comes."""
    while time.monotonic() < ends:
        with contextlib.suppress(OSError), connected(port, network) as client:
            client.sendall(next(requests))
            while client.recv(TAKEN):
                pass


def hold(port: int, network: int, starts: Iterator[bytes], ends: float) -> None:
    """Open many connections, send what stops, and keep them until they are closed."""
    held: list[socket.socket] = []
    while time.monotonic() < ends:
        with contextlib.suppress(OSError):
            client = connected(port, network)
            held.append(client)
            client.sendall(next(starts))
        while len(held) > HELD:
            held.pop(0).close()
        time.sleep(0.005)  # an attacker that leaves this machine some time for the others
    for client in held:
        client.close()


def attack(port: int, seconds: float, token: str, at_once: int) -> None:
    """Attack every door at once, each by so many threads."""
    ends = time.monotonic() + seconds
    network = itertools.count(1)
    threads = [
        threading.Thread(target=how, args=(port, next(network), make(token), ends))
        for how, doors in ((flood, DOORS), (hold, HOLDING))
        for make in doors.values()
        for _ in range(at_once)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    attack(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
