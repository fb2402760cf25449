"""Webhooks: signed, sent only where the operator meant, and never an exception whatever the receiver does."""

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from workers.adapters import webhook
from workers.adapters.public_addresses import is_public
from workers.adapters.webhook import WebhookSender, check_target
from workers.domain.delivery_result import SendKind, SendResult
from workers.errors import Misconfigured

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
    assert end.text or kind == SendKind.ACCEPTED, "people read why, also where the body was empty"
    assert len(receiver.calls) == 1


def test_gone_is_never(receiver: Receiver) -> None:
    """410 says that trying again cannot help; who keeps that is the sender's loop."""
    receiver.status = 410
    [end] = send(receiver.base, allow=[receiver.base])
    assert (end.kind, end.code) == (SendKind.NEVER, 410)


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
            "0.1.2.3",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "168.63.129.16",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ),
        *("::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::", "100::1", "5f00::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::5db8:d70e", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:4136:e378::1"),
        *("2001:db8::1", "3fff::1", "2606:2800:21f:cb07:0:5efe:7f00:1", "2606:2800:21f:cb07:200:5efe:7f00:1"),
        *("2606:2800:21f:cb07::1%eth0", "not an address", ""),
    ],
)
def test_addresses_inside_are_refused(address: str) -> None:
    """A name that leads into our own network is our mistake, and nothing is sent."""
    assert not is_public(address)
    [end] = send("https://hooks.example/", resolve=resolver("93.184.215.14", address))
    assert end.kind is SendKind.OURS
    assert address in end.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_no_way_of_writing_this_machine_leads_here(host: str) -> None:
    """Whatever the spelling, what the resolver makes of it is what is looked at."""
    [end] = send(f"https://{host}:9/")
    assert end.kind in (SendKind.OURS, SendKind.LATER), end  # LATER: the resolver takes it for no name at all
    assert "did not answer" not in end.text


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
        ("https://user@hooks.example/", ()),
        ("https://a..b/x", ()),
        ("https://xn--zzzzzz99999/x", ()),
        ("http://hooks.example/", ("https://xn--zzzzzz99999/",)),
        ("https://.example/x", ()),
        (f"https://{'a' * 64}.example/", ()),
        (f"https://{'a.' * 130}example/", ()),
        ("https://hooks.example:0/", ()),
        ("https://hooks.example:65536/", ()),
        ("not an address", ()),
        ("", ()),
    ],
)
def test_an_address_that_is_not_allowed_stops_the_start(url: str, allow: tuple[str, ...]) -> None:
    """Plain HTTP needs to be allowed by name, part for part, not as the beginning of a text."""
    with pytest.raises(Misconfigured, match="BOUCLE_WEBHOOK_URL"):
        WebhookSender(url, SECRET, allow)
    with pytest.raises(Misconfigured, match=r"(?s)BOUCLE_WEBHOOK_URL.*BOUCLE_WEBHOOK_SECRET"):
        check_target(url, "whsec_***", allow)


def test_a_target_is_named_without_what_may_be_secret() -> None:
    """`boucle status` and the log show the host; two paths of one host are two targets."""
    name = check_target("https://hooks.example/services/T0k3n?key=s3cret", SECRET)
    assert name.startswith("https://hooks.example ")
    assert not {"T0k3n", "s3cret"} & set(name.replace("/", " ").replace("?", " ").split())
    assert name != check_target("https://hooks.example/other", SECRET)
    assert check_target("https://exämple.fr/", SECRET).startswith("https://xn--exmple-cua.fr ")


@pytest.mark.parametrize("secret", ["", "whsec_***", "whsec_"])
def test_a_broken_secret_stops_the_start(secret: str) -> None:
    """Webhooks are always signed."""
    with pytest.raises(Misconfigured, match="BOUCLE_WEBHOOK_SECRET"):
        WebhookSender("https://hooks.example/", secret)


# The port promises not to raise


def looked_up(*raised: BaseException) -> Callable[[str, int], object]:
    """Return a resolver that fails as told, and as real ones do."""

    async def resolve(host: str, port: int) -> list[str]:
        raise raised[0]

    return resolve


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(-2, "Name or service not known"),
        UnicodeError("label empty or too long"),
        OSError(24, "Too many open files"),
        TimeoutError(),
        ValueError("embedded null byte"),
        RuntimeError("can't start new thread"),
        OverflowError("getsockaddrarg: port must be 0-65535."),
        KeyError("x"),
    ],
)
def test_a_resolver_that_fails_in_any_way_is_later(error: BaseException) -> None:
    """No class of failure of looking a name up leaves `send`."""
    [end] = send("https://hooks.example/", resolve=looked_up(error))
    assert (end.kind, end.code) == (SendKind.LATER, 0)
    assert end.text


def test_the_real_resolver_raises_for_no_name() -> None:
    """What the encoding of names refuses is a name without an address, as one that nobody registered."""
    for name in ("a..b", "x" * 64 + ".example", "\udc80", "nobody.invalid"):
        assert asyncio.run(webhook._resolve(name, 443)) == []


HEAD = b"HTTP/1.1 200 OK\r\n"
ODD_RECEIVERS: dict[str, tuple[list[bytes], SendKind]] = {
    "closes at once": ([], SendKind.LATER),
    "speaks another protocol": ([b"220 smtp.example ESMTP\r\n"], SendKind.LATER),
    "no HTTP version": ([b"200 OK\r\n\r\n"], SendKind.LATER),
    "a status out of range": ([b"HTTP/1.1 999999 OK\r\n\r\n"], SendKind.LATER),
    "a status of words": ([b"HTTP/1.1 fine\r\n\r\n"], SendKind.LATER),
    "a status that is not taken": ([b"HTTP/1.1 777 Strange\r\nContent-Length: 0\r\n\r\n"], SendKind.LATER),
    "headers without end": ([HEAD + b"X: y\r\n" * 100_000], SendKind.LATER),
    "one header without end": ([HEAD + b"X: " + b"y" * 1_000_000], SendKind.LATER),
    "header bytes that are not text": ([HEAD + b"X\xff\x00: \xfe\r\n\r\n"], SendKind.LATER),
    "cut in mid-header": ([HEAD + b"Content-Le"], SendKind.LATER),
    "a length that is no number": ([HEAD + b"Content-Length: ten\r\n\r\n"], SendKind.LATER),
    "a body cut short": ([HEAD + b"Content-Length: 100\r\n\r\nonly this"], SendKind.ACCEPTED),
    "a chunk that is none": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], SendKind.ACCEPTED),
    "a body that is not text": ([HEAD + b"Content-Length: 4\r\n\r\n\xff\xfe\x00\xff"], SendKind.ACCEPTED),
    "packed, and is not": ([HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno"], SendKind.ACCEPTED),
    "only waits after a hint": ([b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 50, SendKind.LATER),
    "an odd Retry-After": ([b"HTTP/1.1 503 No\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n"], SendKind.LATER),
}


@pytest.mark.parametrize("what", sorted(ODD_RECEIVERS))
def test_a_receiver_that_is_no_web_server_is_an_end_and_no_exception(what: str) -> None:
    """Each class of broken answer ends as a result: before the status it is later, after it the status counts."""
    answers, kind = ODD_RECEIVERS[what]

    async def run() -> SendResult:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            with suppress(ConnectionError):
                for answer in answers:
                    writer.write(answer)
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        sender = WebhookSender(url, SECRET, [url], timeout_seconds=5)
        async with server:
            end = await sender.send(ID, BODY)
            await sender.close()
        return end

    assert asyncio.run(run()).kind is kind


def test_a_receiver_that_never_ends_is_left_in_time() -> None:
    """Silence before the status is later, within the time limit; a body that trickles after it changes nothing."""

    async def run(head: bytes) -> SendResult:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            await done.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        sender = WebhookSender(url, SECRET, [url], timeout_seconds=0.3)
        async with server:
            end = await sender.send(ID, BODY)
            done.set()
            await sender.close()
        return end

    assert asyncio.run(run(b"")).kind is SendKind.LATER
    assert asyncio.run(run(HEAD)).kind is SendKind.LATER
    assert asyncio.run(run(HEAD + b"Content-Length: 9\r\n\r\nslow")).kind is SendKind.ACCEPTED


def test_a_plain_port_behind_https_is_later(receiver: Receiver) -> None:
    """A handshake that fails is an end as any other."""
    url = receiver.base.replace("http:", "https:")
    [end] = send(url, allow=[url])
    assert end.kind is SendKind.LATER


def test_an_address_that_takes_no_connection_is_followed_by_the_next(receiver: Receiver) -> None:
    """A receiver whose first address is dead is reached by its other one, with one call."""
    url = receiver.base.replace("127.0.0.1", "hooks.example")
    [end] = send(url, allow=[url], resolve=resolver("127.0.0.3", "127.0.0.1"))
    assert end.kind is SendKind.ACCEPTED
    assert len(receiver.calls) == 1


@given(st.text(max_size=40))
def test_no_retry_after_is_more_than_a_day_or_an_exception(value: str) -> None:
    """Any text gives nothing, or seconds between none and a day."""
    wait = webhook._retry_after(value, datetime(2026, 3, 3, tzinfo=UTC))
    assert wait is None or 0 <= wait <= 86_400
