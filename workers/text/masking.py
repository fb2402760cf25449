"""Masking: what of a person's data is shown to whoever holds a link, or in a log.

Enough to recognise what one wrote oneself, too little to learn it from. Pure, and always the same for the same text.
"""

import re

MASK = "…"
MOST_SIGNS = 8
ONE_IN = 4  # signs of a short text are shown: a half would tell it
ADDRESS = re.compile(r"[^\s@<>()\[\]\",;:\\'=/|{}]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63})*")


VALUE = re.compile(
    r"""\b(constraint|relation|column|table|index|trigger|role|database) "[^"\n]*\""""
    r"""|'[^'\n]*'|"[^"\n]*"|\([^()\n]*\)|\d{2,}"""
)
"""What stands for a value in the sentence of an error: quoted, in brackets, a number. The first are names of ours."""


def without_values(text: str) -> str:
    """Return what a foreign error says without the values that it says it of; one of them may be somebody's id."""
    return VALUE.sub(lambda match: match[0] if match[1] else MASK, text)


def mask_address(address: str) -> str:
    """Return an address such as j…@e…org: its owner recognises it, nobody else learns it."""
    local, _, domain = address.strip().rpartition("@")
    name, dot, top = domain.rpartition(".")
    return f"{local[:1]}{MASK}@{name[:1] if dot else ''}{MASK}{top if dot else ''}"


def mask_addresses(text: str) -> str:
    return ADDRESS.sub(lambda match: mask_address(match[0]), text) if "@" in text else text


def beginning(text: str) -> str:
    """Return the first signs of what somebody wrote, a quarter and at most eight; "" of nothing."""
    words = " ".join(text.split())
    return f"{words[: min(MOST_SIGNS, max(1, len(words) // ONE_IN))].rstrip()}{MASK}" if words else ""
