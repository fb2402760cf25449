"""Compression of what travels: gzip, where the client takes it and where the length of an answer tells nothing.

Length tells a secret only to who can make somebody's browser ask again and again for pages that hold what the asker
chose (BREACH). Browsers say when another site makes them ask; such requests, and those that do not say and carry a
cookie, are answered as they are.
"""

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SMALLEST = 1_000  # bytes; below, a packet is a packet
LEVEL = 5
"""A page of 100 kB costs some 2 ms at 5 and 4 ms at 9, for one byte in fifty less."""
AS_THEY_ARE = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,  # pictures, and text/event-stream, which must not be held back
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",  # a zip file already
)
OURS = frozenset({"same-origin", "none"})
"""What a browser says of a request that a page of ours or the person made (Fetch Metadata, `Sec-Fetch-Site`)."""


class Compression:
    """ASGI middleware: compresses answers whose length tells nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(
            app, minimum_size=SMALLEST, compresslevel=LEVEL, exclude_content_types=AS_THEY_ARE
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its answer compressed or not."""
        safe = scope["type"] == "http" and may_be_compressed(Headers(scope=scope))
        await (self._compressing if safe else self._app)(scope, receive, send)


def may_be_compressed(headers: Headers) -> bool:
    """Tell whether nobody else chose what stands in the answer beside a secret of the asker."""
    return "cookie" not in headers or headers.get("sec-fetch-site") in OURS
