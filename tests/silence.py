"""A proxy before PostgreSQL that can fall silent: lines stay open, bytes are taken, and nothing comes back."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.engine import URL, make_url

PIECE = 65_536


class SilentProxy:
    """Listens on loopback and hands on to a server at a database's URL, by TCP or by its socket."""

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._speaking = threading.Event()
        self._speaking.set()
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._listen)

    @property
    def url(self) -> str:
        """Return the database's URL through the proxy."""
        port = self._listening.getsockname()[1]
        through = URL.create(
            self._server.drivername,
            self._server.username,
            self._server.password,
            "127.0.0.1",
            port,
            self._server.database,
        )
        return through.render_as_string(hide_password=False)

    def be_silent(self) -> None:
        """Hand nothing on from now on."""
        self._speaking.clear()

    def speak_again(self) -> None:
        """Hand on what was kept back, and everything else."""
        self._speaking.set()

    def __enter__(self) -> "SilentProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._speaking.set()
        for line in (self._listening, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        while self._threads:
            self._threads.pop().join(10)
        for line in (self._listening, *self._lines):
            line.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = self._connect()
                self._lines += [client, server]
                for source, target in ((client, server), (server, client)):
                    self._start(self._hand_on, source, target)

    def _connect(self) -> socket.socket:
        folder = self._server.query.get("host")
        if isinstance(folder, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{folder}/.s.PGSQL.{self._server.port or 5432}")
            return server
        return socket.create_connection((self._server.host or "127.0.0.1", self._server.port or 5432))

    def _hand_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                self._speaking.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
