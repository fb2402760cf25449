"""Webhooks: signed, sent only where the operator meant, and verified when they come in."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from workers.handover import SendKind, SendResult
from workers.webhook import WebhookSender, is_public, verify_incoming
from workers.words import BadInput, Misconfigured

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
BODY = json.dumps({"ticket": 17, "comment": "cassée"}).encode()
ID = "0195f2a0-0000-8000-8000-0000000000d1"


class Receiver:
    """A web server that keeps what comes and answers as told."""

    def __init__(self) -> None:
        self.status, self.body = 204, b""
        self.headers: dict[str, str] = {}
        self.calls: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                receiver.calls.append(({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length)))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):  # the sender may have read enough
                    self.wfile.write(receiver.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a web server on this machine."""
    running = Receiver()
    yield running
    running.close()


def send(
    url: str, *, allow: Sequence[str] = (), secret: str = SECRET, times: int = 1, **more: object
) -> list[SendResult]:
    """Send BODY some times with one sender."""

    async def run() -> list[SendResult]:
        sender = WebhookSender(url, secret, allow, timeout_seconds=5, **more)  # type: ignore[arg-type]  # passed on
        try:
            return [await sender.send(ID, BODY) for _ in range(times)]
        finally:
            await sender.close()

    return asyncio.run(run())


def test_a_webhook_is_signed_and_names_its_dispatch_each_time(receiver: Receiver) -> None:
    """The receiver verifies it with the shared secret, and sees that a second copy is one."""
    ends = send(f"{receiver.base}hook", allow=[receiver.base], times=2)
    assert [end.kind for end in ends] == [SendKind.ACCEPTED] * 2
    for headers, body in receiver.calls:
        assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
        assert headers["webhook-id"] == ID
        assert headers["host"] == receiver.base.removeprefix("http://").rstrip("/")


def test_while_a_secret_is_changed_both_verify(receiver: Receiver) -> None:
    """Two secrets give two signatures, so that each side can change at its own time."""
    send(receiver.base, allow=[receiver.base], secret=f"{OTHER} {SECRET}")
    headers, body = receiver.calls[0]
    assert Webhook(SECRET).verify(body, headers)
    assert Webhook(OTHER).verify(body, headers)
    assert verify_incoming(SECRET, headers, body) == ID


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, SendKind.ACCEPTED),
        (202, SendKind.ACCEPTED),
        (302, SendKind.OURS),
        (400, SendKind.LATER),
        (404, SendKind.LATER),
        (429, SendKind.LATER),
        (503, SendKind.LATER),
    ],
)
def test_the_answer_decides(receiver: Receiver, status: int, kind: SendKind) -> None:
    """2xx is taken, a redirect is not followed, anything else is tried again."""
    receiver.status = status
    receiver.headers = {"Location": f"{receiver.base}elsewhere"}
    [end] = send(receiver.base, allow=[receiver.base])
    assert (end.kind, end.code) == (kind, status)
    assert len(receiver.calls) == 1


def test_gone_turns_it_off(receiver: Receiver) -> None:
    """After 410 nothing more is sent to that address."""
    receiver.status = 410
    ends = send(receiver.base, allow=[receiver.base], times=3)
    assert [end.kind for end in ends] == [SendKind.NEVER] * 3
    assert len(receiver.calls) == 1


@pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), ("soon", None), ("9999999", 86400.0), ("-5", None)])
def test_retry_after_is_honoured_within_a_day(receiver: Receiver, value: str, seconds: float | None) -> None:
    """The receiver says how long to wait; nonsense is ignored."""
    receiver.status, receiver.headers = 503, {"Retry-After": value}
    assert send(receiver.base, allow=[receiver.base])[0].retry_after == seconds


def test_retry_after_may_be_a_date(receiver: Receiver) -> None:
    """A date in the past means now."""
    receiver.status, receiver.headers = 503, {"Retry-After": "Mon, 05 Jan 2015 09:00:00 GMT"}
    assert send(receiver.base, allow=[receiver.base])[0].retry_after == 0.0


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    """An answer without end costs no memory."""
    receiver.status, receiver.body = 500, b"x" * 5_000_000
    [end] = send(receiver.base, allow=[receiver.base])
    assert len(end.text) <= 300


def test_a_receiver_that_is_away_is_later() -> None:
    """Nothing listens: try again."""
    [end] = send("http://127.0.0.1:9/", allow=["http://127.0.0.1:9/"])
    assert end.kind is SendKind.LATER


def resolver(*addresses: str) -> Callable[[str, int], object]:
    """Return a resolver with fixed answers."""

    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "::"),
    ],
)
def test_addresses_inside_are_refused(address: str) -> None:
    """A name that leads into our own network is our mistake, and nothing is sent."""
    assert not is_public(address)
    [end] = send("https://hooks.example/", resolve=resolver("93.184.215.14", address))
    assert end.kind is SendKind.OURS
    assert address in end.text


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    """The check lets ordinary receivers through."""
    assert is_public(address)


def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    """The name is resolved once; a second answer of the name server changes nothing."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    url = receiver.base.replace("127.0.0.1", "hooks.example")
    [end] = send(f"{url}hook", allow=[url], resolve=resolve)
    assert end.kind is SendKind.ACCEPTED
    assert asked == ["hooks.example"]
    assert receiver.calls[0][0]["host"].startswith("hooks.example:")


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://hooks.example/", ()),
        ("http://127.0.0.1:8080/", ("http://127.0.0.1:80",)),
        ("http://127.0.0.1:8080/hooks-evil", ("http://127.0.0.1:8080/hooks",)),
        ("ftp://hooks.example/", ()),
        ("https://user:password@hooks.example/", ()),
        ("not an address", ()),
        ("", ()),
    ],
)
def test_an_address_that_is_not_allowed_stops_the_start(url: str, allow: tuple[str, ...]) -> None:
    """Plain HTTP needs to be allowed by name, part for part, not as the beginning of a text."""
    with pytest.raises(Misconfigured, match="BOUCLE_WEBHOOK_URL"):
        WebhookSender(url, SECRET, allow)


@pytest.mark.parametrize("secret", ["", "whsec_***", "whsec_"])
def test_a_broken_secret_stops_the_start(secret: str) -> None:
    """Webhooks are always signed."""
    with pytest.raises(Misconfigured, match="BOUCLE_WEBHOOK_SECRET"):
        WebhookSender("https://hooks.example/", secret)


def signed(body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    """Return the headers of a genuine webhook."""
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign(ID, at, body.decode())
    return {"Webhook-Id": ID, "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def test_a_genuine_webhook_is_let_in() -> None:
    """Signed with one of our secrets, it gives its id."""
    assert verify_incoming(f"{OTHER} {SECRET}", signed(BODY), BODY) == ID


def test_anything_else_is_refused() -> None:
    """Another secret, body or time, missing or broken headers: all refused alike."""
    genuine = signed(BODY)
    old = signed(BODY, at=datetime.now(UTC) - timedelta(minutes=10))
    for headers, body in (
        (signed(BODY, secret=OTHER), BODY),
        (genuine, BODY + b" "),
        (genuine, b"\xff"),
        (old, BODY),
        ({}, BODY),
        ({**genuine, "Webhook-Signature": "v1"}, BODY),
        ({**genuine, "Webhook-Signature": "v1,é"}, BODY),
        ({**genuine, "Webhook-Timestamp": "nan"}, BODY),
        ({**genuine, "Webhook-Timestamp": "1e999"}, BODY),
    ):
        with pytest.raises(BadInput, match="signature"):
            verify_incoming(SECRET, headers, body)
