"""Worker threads by whom they serve, so that no work of ours, however slow, leaves customers without one.

Every page that reads or writes the store does so in a thread. Each lane has threads of its own: forty exports or
uploads fill the lane of staff, while answers, opt-outs, sign-in, events and probes go on. A path that nobody named here
is staff's.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

P = ParamSpec("P")
T = TypeVar("T")


class Lane(StrEnum):
    """Whom a request serves."""

    CUSTOMERS = "customers"
    SIGN_IN = "sign-in"
    EVENTS = "events"
    PROBES = "probes"
    STAFF = "staff"


THREADS: Mapping[Lane, int] = {
    Lane.CUSTOMERS: 12,
    Lane.SIGN_IN: 3,
    Lane.EVENTS: 4,
    Lane.PROBES: 2,
    Lane.STAFF: 6,
}
"""Threads of each lane; the pool of database connections has room for all of them (`store.engine`)."""
PATHS: tuple[tuple[str, Lane], ...] = (
    ("/a/", Lane.CUSTOMERS),
    ("/w/", Lane.CUSTOMERS),
    ("/u/", Lane.CUSTOMERS),
    ("/i/", Lane.CUSTOMERS),
    ("/t/", Lane.CUSTOMERS),
    ("/r/", Lane.CUSTOMERS),
    ("/p/", Lane.CUSTOMERS),
    ("/c/", Lane.CUSTOMERS),
    ("/g/", Lane.CUSTOMERS),
    ("/m/", Lane.EVENTS),
    ("/wall", Lane.CUSTOMERS),
    ("/static/", Lane.CUSTOMERS),
    ("/v1/testimonials", Lane.CUSTOMERS),
    ("/v1/", Lane.EVENTS),
    ("/in/", Lane.EVENTS),
    ("/login", Lane.SIGN_IN),
    ("/logout", Lane.SIGN_IN),
    ("/openapi.json", Lane.PROBES),
    ("/healthz", Lane.PROBES),
    ("/readyz", Lane.PROBES),
    ("/metrics", Lane.PROBES),
)
"""Beginnings of paths, the first that fits counts."""
_limiter: ContextVar[CapacityLimiter | None] = ContextVar("limiter", default=None)


def lane_of(path: str) -> Lane:
    """The first beginning that fits counts; what no beginning fits is a page for staff."""
    return next((lane for beginning, lane in PATHS if path.startswith(beginning)), Lane.STAFF)


class Lanes:
    """ASGI middleware: has what a request does in threads done in those of its lane."""

    def __init__(self, app: ASGIApp, threads: Mapping[Lane, int] = THREADS) -> None:
        self._app = app
        self._threads = threads
        self._limiters: dict[Lane, CapacityLimiter] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose the lane, then hand on."""
        if scope["type"] == "http":
            _limiter.set(self._limiter_of(lane_of(scope["path"])))
        await self._app(scope, receive, send)

    def _limiter_of(self, lane: Lane) -> CapacityLimiter:
        """Return the lane's limiter; it is made here because it belongs to the running event loop."""
        if lane not in self._limiters:
            self._limiters[lane] = CapacityLimiter(self._threads[lane])
        return self._limiters[lane]


async def run_in_threadpool(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that blocks in a thread of the request's lane."""
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=_limiter.get())
