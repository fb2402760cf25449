"""The cookies of a request: only ours are read, and only in the form in which we write them.

A browser sends what any page of the same host has set, and anybody may send anything; the standard library unquotes a
quoted cookie in the square of its length (CVE-2024-7592, in Python before 3.11.10).
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

OURS = re.compile(rb"(?:__Host-)?boucle_[a-z]{1,20}=[\w.~-]{1,4096}")
"""A pair as we set it: no quotes, no escapes (RFC 6265, 4.1.1), within what browsers keep of one."""


class OwnCookies:
    """ASGI middleware that leaves of a request's cookies only those that are ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without the cookies of others."""
        if any(name == b"cookie" for name, _ in scope.get("headers", ())):
            headers = [header for header in scope["headers"] if header[0] != b"cookie"]
            ours = b"; ".join(own_pairs(b";".join(value for name, value in scope["headers"] if name == b"cookie")))
            scope = {**scope, "headers": [*headers, (b"cookie", ours)] if ours else headers}
        await self._app(scope, receive, send)


def own_pairs(cookies: bytes) -> list[bytes]:
    """Return the pairs of a Cookie header whose names are ours, as they are written."""
    return [pair for part in cookies.split(b";") if OURS.fullmatch(pair := part.strip())]
