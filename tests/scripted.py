"""A mail server that says what a test wrote for it, line by line, also what no server should say.

Holds no test.
"""

import socket
import threading
from collections.abc import Iterator, Sequence


class Scripted:
    """A server that answers each line with the next reply of a script, and counts connections; "" cuts the line."""

    def __init__(self, *scripts: Sequence[str | bytes]) -> None:
        self._scripts = scripts
        self.connections = 0
        self.lines: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._socket.getsockname()[1]}?tls=none"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            connection, _ = self._socket.accept()
            self.connections += 1
            with connection, connection.makefile("rb") as lines:
                self._talk(connection, lines, script)
        self._socket.close()

    def _talk(self, connection: socket.socket, lines: Iterator[bytes], script: Sequence[str | bytes]) -> None:
        for number, given in enumerate(script):
            reply = given.encode() if isinstance(given, str) else given
            if number and not (line := next(lines, b"")):
                return
            if number:
                self.lines.append(line.decode("utf-8", "replace").strip())
                while self.lines[-1] != "." and reply.startswith(b"DOT "):
                    self.lines.append(next(lines, b".").decode("utf-8", "replace").strip())
            if not reply:
                return
            connection.sendall(reply.removeprefix(b"DOT ") + b"\r\n")

    def close(self) -> None:
        """Wait for the thread."""
        self._thread.join(10)


HELLO: list[str | bytes] = ["220 scripted", "250 scripted"]
HELLO_AT_ONCE: list[str | bytes] = ["220 scripted", b"250-scripted\r\n250 PIPELINING"]
"""Of a server that takes several commands in one write."""
TAKEN = ["250 ok", "250 ok", "354 go", "DOT 250 taken"]
