"""The watchdog of a process that runs roles: work that comes no step further ends the process, to be started again.

It is a thread of its own, so that it sees a blocked event loop as well. Parts that are away are no standstill: each
wait for them has an end, and beats. This is for what nobody foresaw: a disk, a name server, a library that hangs.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workers.process.pulse import Pulse, of_this_work
from workers.process.stop_signal import end_process

log = logging.getLogger(__name__)
EXIT_STALLED = 70
"""Exit code of a role that ended itself because its work stood still (sysexits: internal software error)."""
LOOKS_A_STALL = 4
LOOP = "event loop"
_lock = threading.Lock()
_watched: dict[Pulse, str] = {}


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Have a piece of work watched while it goes on; its transactions, in whatever thread, are its steps."""
    pulse = Pulse()
    with _lock:
        _watched[pulse] = what
    token = of_this_work.set(pulse)
    try:
        yield
    finally:
        of_this_work.reset(token)
        with _lock:
            del _watched[pulse]


def stalled(seconds: float, at: float) -> list[str]:
    """Return what is watched and made no step for some seconds, at a moment of the monotonic clock."""
    with _lock:
        return sorted({what for pulse, what in _watched.items() if at - pulse.at >= seconds})


def watch(seconds: float, end: Callable[[int], None] = end_process) -> None:
    """Watch until something stands still; then say what, and end the process. Never returns before."""
    while not (still := stalled(seconds, time.monotonic())):
        time.sleep(seconds / LOOKS_A_STALL)
    log.critical(
        "No step of %s for %.0f s: this process ends, so that it is started again.",
        ", ".join(still),
        seconds,
        extra={"action": "role.stalled"},
    )
    end(EXIT_STALLED)


def start_watching(seconds: float) -> None:
    """Watch in a thread of its own, for as long as the process lives."""
    threading.Thread(target=watch, args=(seconds,), name="watchdog", daemon=True).start()


async def keep_beating(seconds: float) -> None:
    """Beat for the event loop until cancelled: a loop that something blocks takes no request and hands over no mail."""
    with watched(LOOP):
        pulse = of_this_work.get()
        while pulse is not None:
            pulse.beat()
            await asyncio.sleep(seconds / LOOKS_A_STALL)
