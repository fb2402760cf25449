"""Connections: how many there may be, and how long a client may take for the head and the body of a request.

uvicorn limits neither: a client that stops in mid-header would keep its connection for ever. When every place is
taken, a connection without a whole request makes room: of the network that has most of them, the one that has waited
longest. So a flood displaces itself.
"""

import asyncio
import logging
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from workers.web.http.requests.clients import address_prefix

log = logging.getLogger(__name__)
HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of the head: one round trip, usually."""
BODY_SECONDS = 15.0
"""For the body of a request, and as much more as its bytes need at BODY_RATE."""
BODY_RATE = 4_000  # bytes a second; slower than any telephone line
FREE_CHUNKS, SMALLEST_CHUNK = 200, 32
"""Chunks that a body may come in, and one more for so many bytes: 300 kB byte by byte took the server a second."""
CRUMBS = f"The body comes in chunks of a few bytes. Send it in chunks of at least {SMALLEST_CHUNK}, or in one piece."
LONGEST_HEAD = 16_384
"""Bytes of a head, as uvicorn has it."""
STALL_SECONDS = 30.0
"""For a client that takes nothing of an answer, or does not end a connection that was closed."""
LOOK_SECONDS = 1.0
"""How often the deadlines are looked at: one look over all connections is cheaper than timers for each."""
FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connections:
    """The connections of one server: at most `most`, each with its deadlines, which are looked at now and then."""

    def __init__(
        self,
        most: int,
        *,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self.most = most
        self.look_seconds = look_seconds
        self.head_seconds = head_seconds
        self.body_seconds = body_seconds
        self._count = 0
        self._open: dict[str, dict[Connection, None]] = {}  # by network, the oldest first
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._count

    def protocol(self, **server: Any) -> "Connection":
        """Return the protocol of one more connection, as uvicorn asks for it."""
        return Connection(self, **server)

    def add(self, connection: "Connection") -> bool:
        """Take a connection in; False when it must be turned away, because every other one is being served."""
        if self._count >= self.most:
            victim = self._victim()
            if victim is None:
                return False
            log.warning(
                "%d connections: one that waited for a whole request was closed to make room.",
                self.most,
                extra={"action": "web.full"},
            )
            victim.end(b"")
        self._open.setdefault(connection.network, {})[connection] = None
        self._count += 1
        if self._looking is None:
            self._look_later(connection.loop)
        return True

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""
        connections = self._open.get(connection.network, {})
        if connection in connections:
            del connections[connection]
            self._count -= 1
            if not connections:
                del self._open[connection.network]

    def _victim(self) -> "Connection | None":
        """Return the oldest connection without a whole request, of the network that has most; None where there is none.

        A flood asks this for each of its connections, so it looks at few of them.
        """
        for network in sorted(self._open, key=lambda network: -len(self._open[network])):
            for connection in self._open[network]:
                if connection.waits:
                    return connection
        return None

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = loop.call_later(self.look_seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End every connection whose time is over."""
        for connection in [each for connections in self._open.values() for each in connections]:
            connection.look(loop.time())
        self._looking = None
        if self._open:
            self._look_later(loop)


class Parser(h11.Connection):
    """h11's parser, which also counts the chunks of a body (RFC 9112): each costs as much as a kilobyte in one."""

    def __init__(self, config: Config) -> None:
        super().__init__(h11.SERVER, config.h11_max_incomplete_event_size or LONGEST_HEAD)
        self._chunks = self._bytes = 0
        self.in_crumbs = False
        """Whether the request was refused for its chunks."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return what comes next; raises RemoteProtocolError for a body in more chunks than it has bytes to show."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > FREE_CHUNKS + self._bytes // SMALLEST_CHUNK:
                self.in_crumbs = True
                raise h11.RemoteProtocolError("a body in too many chunks")
        return event


class Connection(H11Protocol):
    """One connection: uvicorn's, which also knows since when it waits for the client."""

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn: Parser = Parser(config)
        self._connections = connections
        self.network = ""
        """The network of the other end, which many connections may share."""
        self._received = 0  # bytes of the body, as they came
        self._stalled: float | None = None
        self.since: float = self.loop.time()
        """When the client began what it has not finished: the connection, a head, or a body."""
        self._between = False  # an answer has gone out, and nothing of a further request has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, or turn it away where there is no room."""
        super().connection_made(transport)
        self.network = address_prefix(self.client[0]) if self.client else ""
        if not self._connections.add(self):
            log.warning(
                "%d connections are being served: a further one was turned away.",
                self._connections.most,
                extra={"action": "web.full"},
            )
            self.end(FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and keep since when the client has been at it."""
        if self._between:
            self._between, self.since = False, self.loop.time()
        cycle = self.cycle
        self._received += len(data)
        super().data_received(data)
        if self.cycle is not cycle:
            self._received, self.since = 0, self.loop.time()

    def _should_upgrade(self) -> bool:
        """Answer a request for another protocol as one without it (RFC 9110, 7.8), and say nothing of it in the log."""
        return False

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is none, and say why where that is of use to its sender."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what the application still says is for nobody
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(CRUMBS if self.conn.in_crumbs else msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Count the time of a further request from its first byte; until then uvicorn's keep-alive holds."""
        self._between, self.since = True, self.loop.time()
        super().on_response_complete()

    @property
    def has_head(self) -> bool:
        """Tell whether the body of a request is being waited for, and not its head."""
        return self.conn.their_state is h11.SEND_BODY

    @property
    def _in_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and not self._between

    @property
    def waits(self) -> bool:
        """Tell whether the client has to go on, and not we."""
        return self.has_head or self.conn.their_state is h11.IDLE or self.transport.is_closing()

    def look(self, now: float) -> None:
        """End the connection when its client takes too long."""
        if self.transport.is_closing() or self.flow.write_paused:
            self._stalled = now if self._stalled is None else self._stalled
            if now - self._stalled > STALL_SECONDS:
                self._report("take an answer")
                self.transport.abort()
            return
        self._stalled = None
        if self.has_head and self.flow.read_paused:
            self.since += self._connections.look_seconds  # we are the slow ones
        elif self.has_head and now - self.since > self._connections.body_seconds + self._received / BODY_RATE:
            self._report("send a body")
            self.end(LATE)
        elif self._in_head and now - self.since > self._connections.head_seconds:
            self._report("send a head")
            self.end(LATE)

    def end(self, last: bytes) -> None:
        """Close the connection, with a last word where no answer has begun."""
        if last and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self._has_begun():
            self.transport.write(last)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what the application still says is for nobody
            self.cycle.message_event.set()
        if last:
            self.transport.close()
        else:
            self._connections.remove(self)  # its end is told only after others have come
            self.transport.abort()

    def _has_begun(self) -> bool:
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def _report(self, what: str) -> None:
        log.warning("A client took too long to %s; its connection was closed.", what, extra={"action": "web.slow"})
