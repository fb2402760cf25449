"""How often and how much: which rate a request counts against, and a size for each body.

A request that is turned away here has changed nothing.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.domain.mail.links import Links
from workers.web.http.answers.pages import pages_of
from workers.web.http.middleware.rates import SECONDS, Bucket, Rates
from workers.web.http.requests.clients import address_prefix, client_of

LIMITED = {
    "/a/": (Bucket.ANSWER, "answer"),
    "/i/": (Bucket.ANSWER, "improvement"),
    "/t/": (Bucket.ANSWER, "testimonial"),
    "/p/": (Bucket.ANSWER, "place"),
    "/r/": (Bucket.ANSWER, "reopen"),
    "/c/": (Bucket.ANSWER, "claim"),
    "/g/": (Bucket.ANSWER, "given"),
    "/u/": (Bucket.UNSUBSCRIBE, "unsubscribe"),
    "/w/": (Bucket.WEB, ""),
    "/login": (Bucket.SIGN_IN, ""),
}
"""Paths that anybody may reach and that a rate holds for: what counts them, and the purpose of their links."""
LONGEST_TOKEN = 300  # characters; ours have less than a hundred
MAX_FORM_BYTES = 64_000
UPLOADS, MAX_UPLOAD_BYTES = "/tables/", 10_000_000
"""Where files are tried, and how much they may hold together: a hundred thousand past responses have 6 MB."""


class Limits:
    """ASGI middleware: turns away what comes too often (429) or is too large (413) before anything is read."""

    def __init__(self, app: ASGIApp, rates: Rates, links: Links) -> None:
        self._app = app
        self._rates = rates
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        counted = self._counted(path, address_prefix(client_of(scope)))
        if counted is not None and not await self._rates.allows(*counted):
            request = Request(scope)
            answer = pages_of(request).say(request, "slow", 429, {"Retry-After": str(SECONDS)})
            await answer(scope, receive, send)
            return
        if path.startswith("/v1/"):  # has limits of its own
            await self._app(scope, receive, send)
            return
        most = MAX_UPLOAD_BYTES if path.startswith(UPLOADS) else MAX_FORM_BYTES
        await self._app(scope, limited(receive, most), send)

    def _counted(self, path: str, network: str) -> tuple[Bucket, str] | None:
        """Return what a request counts against: a valid link against nothing but itself, so no flood reaches it."""
        for prefix, (bucket, purpose) in LIMITED.items():
            if path.startswith(prefix):
                token = path.removeprefix(prefix).partition("/")[0][:LONGEST_TOKEN]
                if purpose and self._links.read(purpose, token) is not None:
                    return Bucket.LINK, f"{prefix}{token} {network}"
                return bucket, network
        return None


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
    if announced.isdecimal() and (len(announced) > len(str(most)) + 1 or int(announced) > most):
        raise HTTPException(413, detail)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, detail)
    return bytes(body)
