"""A mail server: its address, how long each step with it may take, and the line to it."""

import asyncio
import os
import socket
from dataclasses import dataclass, fields
from urllib.parse import parse_qs, unquote, urlsplit

from workers.errors import Misconfigured

_TLS = ("offered", "required", "none")
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 90_000}
"""A peer that is gone without a word is noticed within 90 s, though a scanner may take its ten minutes (ms, else s)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that each step may take (RFC 5321, 4.5.3.2); giving up sooner sends second copies to a slow scanner."""

    connect: float = 20.0  # ours: the RFC says nothing of TCP
    greeting: float = 300.0
    command: float = 300.0
    data_begins: float = 120.0
    data_ends: float = 600.0
    goodbye: float = 5.0  # ours: nothing hangs on it

    def at_most(self, seconds: float | None) -> "Patience":
        """Return the same with no step above some seconds."""
        if seconds is None:
            return self
        return Patience(*(min(seconds, getattr(self, field.name)) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server's address: `smtp://[user:password@]host[:port][?tls=offered|required|none]`, or `smtps://`."""

    host: str
    port: int
    implicit_tls: bool
    tls: str
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Read BOUCLE_SMTP_URL; raise Misconfigured when it names no server."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        tls = parse_qs(parts.query).get("tls", ["offered"])[-1]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in _TLS:
            raise Misconfigured(
                ["BOUCLE_SMTP_URL is not like smtp://user:password@host:587 (or smtps://, or ...?tls=required|none)"]
            )
        return cls(
            parts.hostname,
            port or (465 if parts.scheme == "smtps" else 25),
            parts.scheme == "smtps",
            tls,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )

    @property
    def name(self) -> str:
        """Return how people read of this server, and what its state is kept under."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Show the address without the password, which must not reach a log."""
        return f"Server({self.host}:{self.port}, tls={'implicit' if self.implicit_tls else self.tls})"


async def dial(host: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to the first address of a host that takes one; raise OSError when none does in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            refused: OSError = OSError(f"{host} has no address")
            for family, kind, protocol, _, address in addresses:
                line = socket.socket(family, kind, protocol)
                try:
                    line.setblocking(False)
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    for name, value in _KEEP_ALIVE.items():
                        if hasattr(socket, name):
                            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
                    await loop.sock_connect(line, address)
                except OSError as error:
                    line.close()
                    refused = OSError(os.strerror(error.errno)) if error.errno else error
                except BaseException:
                    line.close()
                    raise
                else:
                    return line
            raise refused
    except TimeoutError as error:
        raise OSError(f"no connection to {host} port {port} within {seconds:g} s") from error
    except UnicodeError as error:
        raise OSError(f"{host} is no name that a name server could know") from error
