"""A TCP proxy that does to lines what networks do: cut after k bytes, reset, stall, silence; for mail also before 250.

Runs an event loop in a thread of its own. Where mail passes, it keeps for each Message-ID how every hand-over ended as
the sender could see it, which is the truth about what a sender may send again.
"""

import asyncio
import contextlib
import re
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK = 65536
MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*(<[^>]+>)")
END_OF_MAIL = b"\r\n.\r\n"


class Line(StrEnum):
    """What the network does."""

    CUT = "cut after k bytes"
    BEFORE_250 = "cut before the 250"
    RESET = "reset"
    STALL = "stall"
    SILENCE = "silence"


@dataclass(slots=True)
class Handovers:
    """How hand-overs of mails ended as their sender saw them; by Message-ID, oldest first."""

    ends: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def died(self, message_id: str) -> None:
        """Note that whoever read the last answer died before it was kept."""
        if self.ends.get(message_id):
            self.ends[message_id][-1] = "unread"

    def unread(self) -> dict[str, int]:
        """Return how many hand-overs of each mail had no answer that somebody kept."""
        return {message_id: ends.count("unread") for message_id, ends in self.ends.items()}


@dataclass(slots=True)
class Talk:
    """What is known of one mail connection: whether content is on its way, and of which mail."""

    in_data: bool = False
    asked: bool = False
    content: bytes = b""
    message_id: str = ""


@dataclass(eq=False, slots=True)
class Pair:
    """One connection through the proxy: both ends, how many bytes have passed, whether it is silent for good."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    passed: int = 0
    dead: bool = False
    talk: Talk = field(default_factory=Talk)

    def abort(self) -> None:
        """Reset both ends."""
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError, RuntimeError):
                reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST rather than FIN."""
    line = writer.get_extra_info("socket")
    if line is not None and line.family != socket.AF_UNIX:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


class Proxy:
    """Listens on `port` for one server, whose address is asked for anew with each connection."""

    def __init__(self, port: int, upstream: Callable[[], tuple[str, int] | str], *, mail: bool = False) -> None:
        self.port, self._upstream, self._mail = port, upstream, mail
        self.handovers = Handovers()
        self._pairs: set[Pair] = set()
        self._fault: Line | None = None
        self._bytes = 0
        self._open: asyncio.Event
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> asyncio.Server:
        self._open = asyncio.Event()
        self._open.set()
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def begin(self, fault: Line, k: int = 0) -> None:
        """Begin to do something to every line, of now and of later."""

        async def work() -> None:
            self._fault, self._bytes = fault, k
            if fault in (Line.STALL, Line.SILENCE):
                self._open.clear()
            for pair in list(self._pairs):
                pair.passed = 0
                pair.dead = fault == Line.SILENCE
                if fault == Line.RESET:
                    pair.abort()

        self._run(work())

    def end(self) -> None:
        """Be a good network again; what went silent is reset, as by a firewall that comes back."""

        async def work() -> None:
            self._fault = None
            self._open.set()
            for pair in list(self._pairs):
                if pair.dead:
                    pair.abort()

        self._run(work())

    def close(self) -> None:
        """Stop listening and end every line."""

        async def work() -> None:
            self._server.close()
            for pair in list(self._pairs):
                pair.abort()
            self._open.set()
            await asyncio.sleep(0)
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        with contextlib.suppress(TimeoutError):
            self._run(work())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault == Line.RESET:
            reset(writer)
            return
        try:
            address = self._upstream()
            if isinstance(address, str):
                answers, asks = await asyncio.open_unix_connection(address)
            else:
                answers, asks = await asyncio.open_connection(*address)
        except OSError:
            reset(writer)
            return
        pair = Pair(writer, asks)
        pair.dead = self._fault == Line.SILENCE
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(pair, reader, asks, up=True), self._pump(pair, answers, writer, up=False))
        except asyncio.CancelledError:
            return  # the proxy is closed; who started this task would complain of it
        finally:
            self._pairs.discard(pair)
            if pair.talk.message_id and pair.talk.asked:
                self._answered(pair.talk, "unread")
            pair.client.close()
            pair.server.close()

    async def _pump(self, pair: Pair, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, up: bool) -> None:
        try:
            while data := await source.read(CHUNK):
                await self._open.wait()
                if pair.dead:
                    break
                if not self._pass(pair, data, target, up=up):
                    pair.abort()
                    return
                await target.drain()
        except (OSError, asyncio.IncompleteReadError):
            pair.abort()
            return
        with contextlib.suppress(OSError, RuntimeError):
            target.close()

    def _pass(self, pair: Pair, data: bytes, target: asyncio.StreamWriter, *, up: bool) -> bool:
        """Hand some bytes on, and note what they mean; False when the line is cut here."""
        kept = data
        if self._fault == Line.CUT:
            kept = data[: max(0, self._bytes - pair.passed)]
            pair.passed += len(data)
        if self._mail and up:
            self._sent(pair.talk, kept)
        ends = self._mail and not up and pair.talk.asked and bool(pair.talk.message_id)
        if ends and self._fault == Line.BEFORE_250:
            return False
        target.write(kept)
        if len(kept) < len(data):
            return False
        if ends:
            self._answered(pair.talk, "taken" if data[:1] == b"2" else "refused")
        if self._mail and not up and data.startswith(b"354"):
            pair.talk.in_data = True
        return True

    def _sent(self, talk: Talk, data: bytes) -> None:
        """Follow what a sender sends: the mail's id, and whether all of it has left."""
        if not talk.in_data:
            return
        talk.content += data
        if talk.content.endswith(END_OF_MAIL):
            matched = MESSAGE_ID.search(talk.content)
            talk.message_id = matched[1].decode("ascii", "replace") if matched else "<none>"
            talk.in_data, talk.asked, talk.content = False, True, b""

    def _answered(self, talk: Talk, how: str) -> None:
        self.handovers.ends[talk.message_id].append(how)
        talk.message_id, talk.asked = "", False
