"""The monitor's door: /readyz and /metrics, with a token and an address of their own where the settings name them.

Both ask the database, and the broker too: they are for an operator's monitor, not for the world.
"""

import hmac
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from workers.web.http.middleware.compression import Compression
from workers.web.http.middleware.headers import SafeHeaders
from workers.web.http.requests.context import web_of

PATHS = frozenset({"/readyz", "/metrics"})
"""What moves to BOUCLE_MONITOR_BIND where that is set. /healthz answers on both: it tells and costs nothing."""
ALWAYS = "/healthz"
NO_TOKEN = "Send Authorization: Bearer TOKEN, the value of BOUCLE_MONITOR_TOKEN.\n"
Page = Callable[[Request], Awaitable[Response]]


def for_monitors(page: Page) -> Page:
    """Wrap a page that only who has the token may see, where the settings have one."""

    async def guarded(request: Request) -> Response:
        token = web_of(request).settings.monitor_token.get_secret_value()
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        good = hmac.compare_digest(given.strip().encode(), token.encode())
        if token and not (good and kind.lower() == "bearer"):
            return PlainTextResponse(NO_TOKEN, 401, {"WWW-Authenticate": "Bearer"})
        return await page(request)

    return guarded


def create_monitor(app: Starlette, routes: list[BaseRoute]) -> Starlette:
    """Return the application for the monitor's own address: the routes of an application that monitors ask."""
    web = app.state.web
    monitor = Starlette(
        routes=[route for route in routes if isinstance(route, Route) and route.path in PATHS | {ALWAYS}],
        middleware=[Middleware(Compression), Middleware(SafeHeaders, web.settings.base_url)],
        exception_handlers=app.exception_handlers,
    )
    monitor.state = app.state
    return monitor
