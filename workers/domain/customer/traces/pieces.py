"""Pieces: the events of a batch that was refused as a whole, so that one can be taken out and the others stay."""

import json
import re

SPACE = re.compile(r"[\s,]*")
KEEP = "surrogateescape"
"""How bytes that are no UTF-8 stay what they are, there and back."""
DECODER = json.JSONDecoder(strict=False)


def pieces(body: bytes) -> list[str]:
    """Return the items of a JSON list as they are written, and what cannot be read behind them as one more.

    What is no list is one piece.
    """
    text = body.decode("utf-8", KEEP).lstrip("\ufeff \t\r\n")
    if not text.startswith("["):
        return [text]
    items: list[str] = []
    at = 1
    while True:
        match = SPACE.match(text, at)
        at = match.end() if match else at
        if at >= len(text) or text[at] == "]":
            return items
        try:
            _, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return [*items, text[at:]]
        items.append(text[at:end])
        at = end
