"""How many events a JSON batch holds, told before it is read: reading a million empty ones costs gigabytes."""

import re
from itertools import islice

MAX_BATCH_EVENTS = 1_000
"""Events in one batch. All of it is one transaction, and one answer that somebody waits for."""

_TOKENS_LOOKED_AT = 300_000
"""A thousand usual events have a fifth of it. What is behind is counted once it is read, which the size bounds."""
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
"""A text that never ends is one token as well: looked for anew at each of its quotes, it would cost their square."""
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")


def holds_more_than(body: bytes, limit: int) -> bool:
    """Tell whether a JSON list has more than `limit` items, without reading it; stops at the first one too many.

    False may also mean that it gave up: the caller counts again what it has read. Of what is no JSON list it tells
    nothing that anybody relies on.
    """
    if body.count(b",") < limit:
        return False
    depth = 0
    items = 1
    for token in islice(_TOKEN.finditer(body), _TOKENS_LOOKED_AT):
        sign = token.group()
        if sign == b",":
            items += depth == 1
            if items > limit:
                return True
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
    return False
