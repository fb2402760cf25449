"""An IMAP server for tests: one folder, as much of RFC 3501 as a reader of bounces uses, and its failures.

Holds no test.
"""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Kept:
    """A message of the folder, and the flags that clients gave it."""

    raw: bytes
    flags: set[str] = field(default_factory=set)


class Handler(socketserver.StreamRequestHandler):
    """Answers one client, command by command."""

    server: "FakeImap"

    def handle(self) -> None:
        """Greet, then answer until the client leaves or the server drops the line."""
        self.say("* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            if self.server.drop_at and command.startswith(self.server.drop_at):
                return
            done = self.answer(command)
            self.say(f"{tag} {done}")
            if command == "LOGOUT":
                return

    def say(self, line: str) -> None:
        """Send one line."""
        self.wfile.write(line.encode() + b"\r\n")

    def answer(self, command: str) -> str:
        """Answer one command and return how it ended."""
        if command.startswith("CAPABILITY"):
            self.say("* CAPABILITY IMAP4REV1")
        elif command.startswith("LOGIN"):
            return "OK in" if command == f"LOGIN {self.server.user}" else "NO [AUTHENTICATIONFAILED] wrong password"
        elif command.startswith(("SELECT", "EXAMINE")):
            self.server.read_only = command.startswith("EXAMINE")
            if f'"{self.server.folder}"' not in command:
                return "NO no such folder"
            self.say(f"* {len(self.server.messages)} EXISTS")
        elif command.startswith("UID SEARCH"):
            fresh = "UNSEEN" in command
            numbers = [
                n for n, message in enumerate(self.server.messages, 1) if not (fresh and "\\Seen" in message.flags)
            ]
            self.say("* SEARCH " + " ".join(map(str, numbers)))
        elif matched := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            raw = self.server.messages[int(matched[1]) - 1].raw[: int(matched[2])]
            self.wfile.write(
                f"* {matched[1]} FETCH (UID {matched[1]} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n"
            )
        elif matched := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \((.*)\)", command):
            if self.server.read_only:
                return "NO read only"
            self.server.messages[int(matched[1]) - 1].flags |= set(matched[2].split())
        return "OK done"


class FakeImap(socketserver.ThreadingTCPServer):
    """The server: `messages` as they lie there; `drop_at` is the command at which the line is cut."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: list[Kept] = []
        self.user = 'ana "s3cret"'
        self.folder = "Bounces"
        self.read_only = False
        self.drop_at = ""

    @property
    def url(self) -> str:
        """Return the address, with user and password."""
        return f"imap://ana:s3cret@127.0.0.1:{self.server_address[1]}/{self.folder}"


@contextmanager
def serving() -> Iterator[FakeImap]:
    """Run the server until the test is done with it."""
    with FakeImap() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
