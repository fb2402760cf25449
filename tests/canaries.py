"""What no log may hold: an address, or the id that a CRM gave a person of a test. Holds no test."""

import logging
import re

from workers.adapters.logs import JsonLines

ADDRESS = re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.]+")
CANARY = re.compile(r"canary-[0-9]+", re.IGNORECASE)
"""How tests name a person whose id must not be seen."""


def private_lines(log: str) -> list[str]:
    """Return the lines of a log that tell an address or a canary."""
    return [line for line in log.splitlines() if ADDRESS.search(line) or CANARY.search(line)]


class Listener(logging.Handler):
    """Formats every line as a role would, and keeps those that tell of somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.leaked: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line that tells too much."""
        self.leaked += private_lines(self.format(record))
