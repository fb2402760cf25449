"""Readiness probe: what /readyz asks, all at once, each in a thread of its own and none for longer than monitors wait.

A part that hangs is asked again only when it has answered, so that probes do not pile up behind it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from workers.errors import BoucleError
from workers.store.connection import SQLAlchemyError

SECONDS = 1.5
"""For every answer together; /readyz promises two seconds."""
Check = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one part said, or why it said nothing."""

    ok: bool
    detail: str


class Probing:
    """Asks the parts of one role; one for each application."""

    def __init__(self, checks: Mapping[str, Check], seconds: float = SECONDS) -> None:
        self._checks = checks
        self._seconds = seconds
        self._asked: dict[str, tuple[float, Future[Answer]]] = {}

    async def look(self) -> dict[str, Answer]:
        """Return what each part says; one that fails or hangs hides no other."""
        waited = {name: self._ask(name) for name in self._checks}
        futures = {asyncio.wrap_future(future) for _, future in waited.values()}
        if futures:
            await asyncio.wait(futures, timeout=self._seconds)
        now = time.monotonic()
        return {
            name: future.result()
            if future.done()
            else Answer(False, f"has not answered for {max(now - asked, self._seconds):.1f} s")
            for name, (asked, future) in waited.items()
        }

    def _ask(self, name: str) -> tuple[float, Future[Answer]]:
        """Return the question that is still open, or ask anew."""
        now = time.monotonic()
        if name in self._asked and not self._asked[name][1].done():
            return self._asked[name]
        answer: Future[Answer] = Future()
        threading.Thread(target=_answer, args=(self._checks[name], answer), name=f"probe-{name}", daemon=True).start()
        self._asked[name] = now, answer
        return now, answer


def _answer(check: Check, answer: Future[Answer]) -> None:
    """Ask one part and keep what it said; total, because nobody waits for a thread's error."""
    try:
        answer.set_result(Answer(True, check()))
    except BoucleError as error:
        answer.set_result(Answer(False, str(error)))
    except (SQLAlchemyError, OSError) as error:  # their words may hold an address
        answer.set_result(Answer(False, f"does not answer ({type(error).__name__})"))
    except Exception as error:  # as above
        answer.set_result(Answer(False, f"failed ({type(error).__name__})"))
