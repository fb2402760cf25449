"""How often and how much: a rate for each address prefix and each link, and a size for each body.

Held in this process's memory: the rate guards against a flood, and is no count that anybody relies on. A request that
is turned away here has changed nothing.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.web.clients import address_prefix, client_of
from workers.web.pages import pages_of

SECONDS = 60
KEPT = 50_000  # keys remembered; the longest unused one goes first, so that a flood cannot fill the memory
LIMITED = ("/a/", "/u/", "/i/", "/t/", "/r/", "/login")
"""Paths that anybody may reach and that a rate holds for."""
MAX_FORM_BYTES = 64_000
UPLOADS, MAX_UPLOAD_BYTES = "/tables/", 10_000_000
"""Where files are tried, and how much they may hold together: a hundred thousand past responses have 6 MB."""


class Rate:
    """Allows `per_minute` at once for each key, and as many again over a minute; 0 allows everything."""

    def __init__(self, per_minute: int, ticks: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._ticks = ticks
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Take one from the key's allowance; False when there is none left."""
        if not self._per_minute:
            return True
        now = self._ticks()
        left, at = self._left.pop(key, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / SECONDS)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        while len(self._left) > KEPT:
            self._left.popitem(last=False)
        return allowed


class Limits:
    """ASGI middleware: turns away what comes too often (429) or is too large (413) before anything is read."""

    def __init__(self, app: ASGIApp, rate: Rate) -> None:
        self._app = app
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(LIMITED) and not self._allowed(scope, path):
            request = Request(scope)
            answer = pages_of(request).say(request, "slow", 429, {"Retry-After": str(SECONDS)})
            await answer(scope, receive, send)
            return
        if path.startswith("/v1/"):  # has limits of its own
            await self._app(scope, receive, send)
            return
        most = MAX_UPLOAD_BYTES if path.startswith(UPLOADS) else MAX_FORM_BYTES
        await self._app(scope, limited(receive, most), send)

    def _allowed(self, scope: Scope, path: str) -> bool:
        """Count the request against its link and its network.

        An opt-out counts against its link alone: mail providers send everybody's one-click opt-outs from few addresses.
        """
        link = "/".join(path.split("/")[:3])
        by_link = link == "/login" or self._rate.allows(f"link {link}")
        if path.startswith("/u/") and scope["method"] == "POST":
            return by_link
        return self._rate.allows(f"from {address_prefix(client_of(scope))}") and by_link


def limited(receive: Receive, most: int) -> Receive:
    """Return a `receive` that raises 413 once more than `most` bytes have come."""
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(413, f"This form is longer than {most:,} bytes.")
        return message

    return counting


async def body_within(request: Request, most: int) -> bytes:
    """Return the body; raise 413 on its announced length, or as soon as more than `most` bytes have come."""
    detail = f"The body is longer than {most:,} bytes. Send fewer events at once, or shorter ones."
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise HTTPException(413, detail)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, detail)
    return bytes(body)
