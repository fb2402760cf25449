"""What a role opens is closed when it ends: a goodbye to the mail server, and no connection that stays."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from embedded import START, STRUCTURED, journey, score
from mailcatcher import MailCatcher, serve
from parts import poll
from smsparts import Telephone
from test_stopping_roles import role, stop
from worlds import Installation

from workers import roles
from workers.domain.types import Ingress
from workers.process.farewell import close_all
from workers.store.ledger import Incoming


class Counting(MailCatcher):
    """A mail server that keeps which connections were greeted on, and which ended with a goodbye."""

    def __init__(self) -> None:
        super().__init__()
        self.greeted: set[object] = set()
        self.left: set[object] = set()

    async def handle_EHLO(  # aiosmtpd's name, as the next
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Keep who greets."""
        session.host_name = hostname
        self.greeted.add(session.peer)
        return responses

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep who says goodbye."""
        self.left.add(session.peer)
        return "221 2.0.0 Bye"


@pytest.fixture
def server() -> Iterator[Counting]:
    """Give a mail server that counts."""
    counting = Counting()
    controller = serve(counting)
    yield counting
    controller.stop()


class Receiver(ThreadingHTTPServer):
    """Takes webhooks over connections that it would keep; `open` counts them."""

    open = took = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)


class Taking(BaseHTTPRequestHandler):
    """Takes what is posted."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def setup(self) -> None:
        """Count a connection that opens."""
        super().setup()
        self.server.open += 1

    def finish(self) -> None:
        """Count one that is closed."""
        super().finish()
        self.server.open -= 1

    def do_POST(self) -> None:
        """Take one webhook."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.took += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Closing(Telephone):
    """A carrier of SMS that counts how often it is closed."""

    closed = 0

    async def close(self) -> None:
        """Count."""
        self.closed += 1


def test_a_sender_that_is_told_to_stop_says_goodbye_on_every_connection(tmp_path: Path, server: Counting) -> None:
    """After SIGTERM as well, and within the time it has."""
    with Installation(tmp_path, smtp_url=server.url, sending="on") as installation:
        installation.set_clock(START)
        events = [
            Incoming(orjson.dumps(journey("delivery", str(n), reference=f"r-{n}")), (), STRUCTURED) for n in range(3)
        ]
        installation.parts.intake.take(events, Ingress.HTTP)
        more = {name.removeprefix("BOUCLE_").lower(): value for name, value in installation.environment.items()}
        del more["home"]
        with role(tmp_path, "send", **more) as process:
            server.wait_for(3, 60)
            assert not server.left
            assert stop(process) == 0
    assert server.greeted == server.left != set()


def test_whatever_a_sender_opened_is_closed(tmp_path: Path, server: Counting) -> None:
    """Mail server, receiver of webhooks and carrier of SMS, each by what serves it."""
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
    hook = f"http://127.0.0.1:{receiver.server_port}/hook"
    secret, telephone = "whsec_" + "c2VjcmV0" * 4, Closing()
    more = {"webhook_url": hook, "webhook_secret": secret, "allow_private_urls": hook, "tick_seconds": "0.05"}

    async def live(installation: Installation) -> None:
        ending = asyncio.Event()
        running = asyncio.ensure_future(roles.sender(installation.parts)(ending))
        await asyncio.to_thread(server.wait_for, 1, 60)
        await asyncio.to_thread(poll, lambda: receiver.took > 0, 60, "a webhook of the ticket")
        assert receiver.open > 0
        ending.set()
        await running

    with Installation(tmp_path, smtp_url=server.url, sending="on", **more) as installation:
        installation.set_clock(START)
        installation.parts.outgoing.text_carrier = lambda: telephone  # type: ignore[method-assign]  # without a network
        events = (journey("delivery", "42", reference="o-1"), score(2, "43", at=START - timedelta(hours=1)))
        taken = [Incoming(orjson.dumps(event), (), STRUCTURED) for event in events]
        installation.parts.intake.take(taken, Ingress.HTTP)
        try:
            asyncio.run(live(installation))
            poll(lambda: receiver.open == 0, 10, "the connections of webhooks to be closed")
        finally:
            receiver.shutdown()
            receiver.server_close()
            gc.unfreeze()
    assert server.greeted == server.left != set()
    assert telephone.closed == 1


def test_a_goodbye_that_nobody_answers_keeps_nobody() -> None:
    """The others are closed all the same, also when one of them fails."""
    closed: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("cut")

    async def fail() -> None:
        raise OSError("the line is gone")

    async def close() -> None:
        closed.append("closed")

    asyncio.run(close_all(hang(), fail(), close(), seconds=0.05))
    assert closed == ["closed", "cut"]
