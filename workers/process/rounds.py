"""Rounds: what every loop of a role is made of: one round that must not end the loop, then a wait that a stop ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from workers.errors import NotNow
from workers.process.watchdog import watched

log = logging.getLogger(__name__)


async def attempt(work: Callable[[], Awaitable[int]], action: str) -> int:
    """Do one round of work and return how much that was; what is away is waited for, other failures are recorded."""
    try:
        with watched(action):
            return await work()
    except NotNow as error:  # which part is away is told once, by who noticed (outages.py)
        log.debug("%s", error, extra={"action": f"{action}.wait"})
    except Exception:  # the sender's edge: one broken row must not stop the rest
        log.exception("round failed; it is tried again", extra={"action": f"{action}.failed"})
    return 0


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Wait some seconds, or less when told to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def repeat(stop: asyncio.Event, seconds: float, action: str, work: Callable[[], Awaitable[int]]) -> None:
    """Do rounds of one duty until told to stop; after a round that did something the next one comes at once."""
    while not stop.is_set():
        if not await attempt(work, action):
            await wait_or_stop(stop, seconds)
