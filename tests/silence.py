"""A proxy before PostgreSQL that can fall silent: lines stay open, bytes are taken, and nothing comes back."""

import socket
import threading
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
        threading.Thread(target=self._listen, daemon=True).start()

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
        self._listening.close()
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = self._connect()
                self._lines += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(source, target), daemon=True).start()

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
