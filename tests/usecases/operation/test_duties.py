"""The duties of the sender's role do not wait for each other, and end when they are told to."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import parts as real_parts
import pytest
from embedded import Embedded, journey
from postroom import OPEN

from workers import roles
from workers.domain.records import Dispatch, Ticket
from workers.domain.types import RequestId
from workers.store import tables
from workers.usecases.delivery import lanes

WITHIN_SECONDS = 20.0
"""Generous: on an idle machine it is less than two."""


@pytest.fixture
def stalling() -> Iterator[str]:
    """Give the URL of a mail server that goes along until DATA, and then says nothing any more."""
    server = socket.create_server(("127.0.0.1", 0))
    open_lines: list[socket.socket] = []

    def talk(line: socket.socket) -> None:
        line.sendall(b"220 slow\r\n")
        with line.makefile("rb") as commands:
            for command in commands:
                if command.upper().startswith(b"DATA"):
                    line.sendall(b"354 go on\r\n")
                    return
                line.sendall(b"250 ok\r\n")

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            open_lines.append(line)
            threading.Thread(target=talk, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"smtp://127.0.0.1:{server.getsockname()[1]}?tls=none"
    server.close()
    for line in open_lines:
        line.close()


def test_a_low_scores_ticket_does_not_wait_for_a_mail_server_that_stalls(
    stalling: str, install: Callable[..., Embedded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every connection hanging in DATA the ticket is there, and told to Kafka's outbox; a stop is obeyed."""
    monkeypatch.setattr(lanes, "GRACE_SECONDS", 0.3)
    boucle = install(smtp_url=stalling, smtp_connections="2", tick_seconds="0.1")
    vars(boucle.parts)["sending"] = OPEN  # the brand is the sample shop's
    boucle.take(*(journey("delivery", f"c{n}", boucle.clock.at, reference=f"order-{n}") for n in range(6)))
    stop = asyncio.Event()

    def hanging() -> bool:
        return sum(str(dispatch.state) == "sending" for dispatch in boucle.rows(Dispatch)) == 2

    async def story() -> None:
        role = asyncio.ensure_future(roles.sender(boucle.parts)(stop))
        await asyncio.to_thread(real_parts.poll, hanging, WITHIN_SECONDS, "mails to hang")
        asked = next(dispatch.request for dispatch in boucle.rows(Dispatch) if str(dispatch.state) == "sending")
        assert asked is not None
        boucle.parts.customer_actions.answer(RequestId(asked), 2)
        boucle.clock.at += timedelta(minutes=2)
        await asyncio.to_thread(real_parts.poll, lambda: bool(boucle.rows(Ticket)), WITHIN_SECONDS, "the ticket")
        await asyncio.to_thread(real_parts.poll, relayed, WITHIN_SECONDS, "the relay")
        stop.set()
        await asyncio.wait_for(role, WITHIN_SECONDS)

    def relayed() -> bool:
        with boucle.store.reading() as connection:
            return connection.execute(tables.outbox.select().limit(1)).first() is None

    asyncio.run(story())
    ends = sorted(
        (str(dispatch.state), dispatch.copies)
        for dispatch in boucle.rows(Dispatch)
        if dispatch.template == "ask-delivery"
    )
    assert ends == [*[("ready", 0)] * 4, *[("ready", 1)] * 2]
