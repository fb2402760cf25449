"""The web server: listens, guards its connections, and ends when told to.

Nothing here knows a page. A proxy's headers are read in clients.py, never by the server.
"""

import asyncio
import resource
import socket
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from workers.errors import Never
from workers.web.http.middleware.connections import Connections

TAKEN_AT_ONCE = 32
"""Connections that the event loop takes in one round. It goes round four times before one that made room is closed."""
IN_FLIGHT = 4 * TAKEN_AT_ONCE
QUEUE = 1_024
"""Connections that the system keeps for us until they are taken; a full queue costs a customer a second."""
KEEP_ALIVE_SECONDS = 5
LAST_SECONDS = 3
"""For requests that are under way when the server is told to stop."""
SPARE_FILES = 128
"""Open files for everything else: the database, the broker, mail connections, the log."""


class Server(uvicorn.Server):
    """uvicorn's server, whose queue in the system is longer than what it takes in one round: both are one number."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(QUEUE)


def listen(bind: str) -> socket.socket:
    """Return a socket that is bound to HOST:PORT; raises Never when it cannot be."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Never(f"The web server cannot listen on {bind}: {error.strerror or error}") from error


async def serve(app: ASGIApp, bind: str, connections: Connections, stop: asyncio.Event) -> None:
    """Serve an application on HOST:PORT until told to stop; raises Never when it cannot, or ends by itself."""
    listening = listen(bind)
    config = uvicorn.Config(
        app,
        http=connections.protocol,  # type: ignore[arg-type]  # a class or what makes one
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # clients.py believes the networks of BOUCLE_TRUSTED_PROXIES, and nobody by default
        server_header=False,
        backlog=TAKEN_AT_ONCE,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = Server(config)
    serving = asyncio.ensure_future(
        server._serve([listening])
    )  # without its signal handlers: the process owns the signals
    ending = asyncio.ensure_future(stop.wait())
    await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if not stop.is_set():
        raise Never(f"The web server on {bind} stopped by itself; the log above says why.")


async def serve_all(apps: Mapping[str, ASGIApp], most: int, stop: asyncio.Event) -> None:
    """Serve each application on its HOST:PORT until told to stop; raises what the first raises that ends by itself."""
    await asyncio.gather(*(serve(app, bind, Connections(room_for(most)), stop) for bind, app in apps.items()))


def room_for(most: int) -> int:
    """Return how many connections there may be: each needs an open file, of which a process may have only so many.

    Asks the system for as many as it allows; an exhausted table of files would stop every part of the process.
    """
    wanted = most + IN_FLIGHT + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return most
    return max(1, min(most, soft - IN_FLIGHT - SPARE_FILES, soft // 2))
