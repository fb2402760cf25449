"""The body of an answer by HTTP: no more of it than is looked at, and no longer than it is worth waiting for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx

CHUNK = 4096
"""Bytes that are read at once."""


async def beginning(chunks: AsyncIterator[bytes], most: int, seconds: float) -> bytes:
    """Return the first `most` bytes of an answer's body as they come within some seconds.

    The status has come: a body that is cut, packed wrongly or does not end changes nothing of what it said.
    """
    read = bytearray()
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(seconds):
            async for chunk in chunks:
                read += chunk
                if len(read) >= most:
                    break
    return bytes(read[:most])
