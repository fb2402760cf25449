"""The end of a role: what it opened is closed, each with a goodbye, within the time that a stop has."""

import asyncio
import logging
from collections.abc import Awaitable

log = logging.getLogger(__name__)
GOODBYE_SECONDS = 3.0
"""A server that does not answer a goodbye keeps nobody longer: the line is cut."""


async def close_all(*closings: Awaitable[object], seconds: float = GOODBYE_SECONDS) -> None:
    """Close several things side by side; one that fails or takes too long is left, and the others are closed."""
    tasks = [asyncio.ensure_future(closing) for closing in closings]
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            log.debug("closing failed: %s", end, extra={"action": "role.close"})
