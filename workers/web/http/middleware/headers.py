"""The headers that every answer carries: what a browser may load, run, frame and tell others.

A page may set its own value of any of them; what it leaves out is set here.
"""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""Content security policy: nothing inline, nothing from elsewhere, nobody frames our pages."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HTTPS_ONLY = "max-age=31536000"


def policy(**changed: str) -> str:
    """Return the content security policy with directives changed (`img_src="..."`)."""
    wanted = {**POLICY, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return "; ".join(f"{name} {value}" for name, value in wanted.items())


class SafeHeaders:
    """ASGI middleware that adds the headers that are missing."""

    def __init__(self, app: ASGIApp, base_url: str, logo: Callable[[], str] = str) -> None:
        """Take where the brand's logo comes from, asked for each answer: it may be edited while we run."""
        self._app = app
        self._logo = logo
        self._headers = dict(HEADERS)
        if base_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = HTTPS_ONLY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the head of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                img_src = f"{POLICY['img-src']} {self._logo()}".strip()
                headers.setdefault("Content-Security-Policy", policy(img_src=img_src))
            await send(message)

        await self._app(scope, receive, complete)
