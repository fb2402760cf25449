"""Pulse: the sign that a role's work goes on, which whoever watches over it looks at.

A role has its own; the store beats it after every transaction, so that a long round is no standstill.
"""

import time
from contextvars import ContextVar


class Pulse:
    """When the work that goes on under it last came a step further, by a clock that only goes forward."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def beat(self) -> None:
        self.at = time.monotonic()


of_this_work: ContextVar[Pulse | None] = ContextVar("pulse", default=None)
"""The pulse of the role in whose work one is; threads that it starts have the same."""


def beat() -> None:
    """Note a step of the work one is in, if somebody watches over it."""
    pulse = of_this_work.get()
    if pulse is not None:
        pulse.beat()
