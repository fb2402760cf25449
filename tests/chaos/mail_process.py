"""The process of the mail server of a chaos run: started, killed, and started again on the same port."""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

from workers.devservices.places import free_port

HERE = Path(__file__).parent


class MailPart:
    """The mail server, which can be killed, stopped and started; the proxy stands before it."""

    def __init__(self, home: Path) -> None:
        self.journal = home / "mails.jsonl"
        self.port = free_port()
        self._log = home / "mail.log"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            command = [sys.executable, str(HERE / "mail_part.py"), str(self.port), str(self.journal)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2):
                return
            time.sleep(0.02)
        raise TimeoutError("the mail server did not start")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
