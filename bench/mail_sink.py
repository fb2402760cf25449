"""A mail server that takes everything and keeps nothing but a count: `python -m bench.mail_sink` prints its port.

Offers what postfix offers (PIPELINING, 8BITMIME, SMTPUTF8), answers each command as it comes, and writes one line of
JSON for each line on its standard input: the mails it took, how many were copies by their Message-ID, and how many
connections were open at most.
"""

import asyncio
import json
import re
import sys
from typing import cast

MESSAGE_ID = re.compile(rb"^Message-ID: *(\S+)", re.IGNORECASE | re.MULTILINE)
OFFERED = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
ANSWERS = {b"EHLO": OFFERED, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
END_OF_MAIL = b"\r\n.\r\n"


class Sink:
    """What was taken."""

    def __init__(self) -> None:
        self.message_ids: set[bytes] = set()
        self.taken = self.connections = self.most_connections = 0

    def take(self, mail: bytes) -> None:
        """Count one mail."""
        named = MESSAGE_ID.search(mail)
        self.taken += 1
        self.message_ids.add(named[1] if named else b"")

    def counted(self) -> dict[str, int]:
        """Return what was taken so far."""
        copies = self.taken - len(self.message_ids)
        return {"taken": self.taken, "copies": copies, "connections": self.most_connections}


class Dialogue(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.waiting = b""
        self.in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport = cast(asyncio.Transport, transport)
        self.sink.connections += 1
        self.sink.most_connections = max(self.sink.most_connections, self.sink.connections)
        self.transport.write(b"220 sink\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        """Count down."""
        self.sink.connections -= 1

    def data_received(self, data: bytes) -> None:
        """Answer every whole command and every whole mail."""
        self.waiting += data
        answers = []
        while (at := self.waiting.find(END_OF_MAIL if self.in_mail else b"\r\n")) >= 0:
            if self.in_mail:
                self.sink.take(self.waiting[:at])
                answers.append(b"250 2.0.0 kept\r\n")
                self.waiting, self.in_mail = self.waiting[at + len(END_OF_MAIL) :], False
            else:
                verb = self.waiting[:4].upper()
                answers.append(ANSWERS.get(verb, b"250 2.0.0 fine\r\n"))
                self.waiting, self.in_mail = self.waiting[at + 2 :], verb == b"DATA"
        if answers:
            self.transport.write(b"".join(answers))


async def serve() -> None:
    """Serve until standard input ends."""
    sink, loop = Sink(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Dialogue(sink), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(sink.counted()), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
