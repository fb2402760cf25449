"""Turns: heavy work one at a time for each person and few at a time for all, and an end to it when they leave."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")
AT_ONCE = 2
"""Trials that run side by side on a machine; more would only make each slower."""
OWN_SECONDS, OTHERS_SECONDS = 2.0, 10.0
"""How long somebody waits for a turn: for their own work to end (they clicked twice), and for that of others."""


class Busy(Exception):
    """There is no turn to be had now; `own` says that the person's own work is under way."""

    def __init__(self, *, own: bool) -> None:
        super().__init__()
        self.own = own


class Turns:
    """Hands out turns in one event loop; holds nothing else of a request, so that waiting costs no memory."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._working: set[str] = set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Be the only work of a person, from before their files are read. Raises Busy after some seconds without."""
        await self._wait(lambda: person not in self._working, OWN_SECONDS, own=True)
        self._working.add(person)
        try:
            yield
        finally:
            self._working.discard(person)
            self._changed.set()

    @asynccontextmanager
    async def among_all(self) -> AsyncIterator[None]:
        """Be one of the few that work at once. Raises Busy after some seconds without."""
        await self._wait(lambda: self._free > 0, OTHERS_SECONDS, own=False)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
            self._changed.set()

    async def _wait(self, ready: Callable[[], bool], seconds: float, *, own: bool) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    self._changed = asyncio.Event() if self._changed.is_set() else self._changed
                    await self._changed.wait()
        except TimeoutError:
            raise Busy(own=own) from None


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what work gives, and cancel it when the client leaves: then this raises ClientDisconnect.

    The request's body must have been read: what comes after it can only be that the client is gone.
    """
    task, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for future in (task, leaving):
            future.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await future


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
