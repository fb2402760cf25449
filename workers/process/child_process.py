"""Run one function in a process of its own, which can be ended: with a budget of time, of memory, and no secrets.

For work on what somebody uploaded. A thread cannot be stopped and shares the memory of all; a process can be killed
when it takes too long, when it takes too much, or when whoever asked has left. It runs at low priority, so that the
process that serves customers goes first, and its environment holds no setting of ours.

The function must be importable by name; it and its values travel by pickle between our own two processes.
"""

import asyncio
import contextlib
import importlib
import os
import pickle
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from workers.errors import BoucleError

A = TypeVar("A")
R = TypeVar("R")
NICE = 10
GRACE_SECONDS = 2
"""Processor time beyond the budget at which the system ends a process whose parent is gone."""
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONTZPATH", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a process may take: seconds on the clock, and megabytes of address space (an idle one has 150)."""

    seconds: float
    megabytes: int


class OverBudget(BoucleError):
    """The work took longer, or more memory, than it may: make it smaller."""


class Crashed(BoucleError):
    """The process ended without an answer: the message has its last words."""


async def run_apart(function: Callable[[A], R], value: A, budget: Budget) -> R:
    """Return what the function returns for a value; when this is cancelled, the process is ended.

    Raises OverBudget; Crashed for any exception of the function's.
    """
    order = await asyncio.to_thread(pickle.dumps, (function.__module__, function.__qualname__, budget, value))
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"from {__name__} import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        answer, said = await asyncio.wait_for(process.communicate(order), budget.seconds)
    except TimeoutError:
        raise OverBudget(f"It took longer than {budget.seconds:g} seconds.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    if not answer:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Crashed(f"The process ended with {process.returncode}. {' '.join(last)[:200]}".strip())
    kind, content = await asyncio.to_thread(pickle.loads, answer)
    if kind == "memory":
        raise OverBudget(f"It needs more than {budget.megabytes:,} MB of memory.")
    if kind == "fault":
        raise Crashed(content)
    result: R = content
    return result


def main() -> None:
    """Be the process: read the order from standard input, work within the budget, answer on standard output."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand in the answer
    module, name, budget, value = _order(sys.stdin.buffer.read())
    try:
        function = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        answer = pickle.dumps(("ok", function(value)))  # type: ignore[operator]  # a function by its name
    except MemoryError:
        answer = pickle.dumps(("memory", ""))
    except Exception as fault:  # the edge of the process: whatever it is, the other side must hear of it
        answer = pickle.dumps(("fault", f"{type(fault).__name__}: {str(fault)[:500]}"))
    with out:
        out.write(answer)
    del budget


def _order(data: bytes) -> tuple[str, str, Budget, object]:
    """Set the limits, then return module, name, budget and value."""
    order: tuple[str, str, Budget, object] = pickle.loads(data)
    budget = order[2]
    os.nice(NICE)
    seconds = int(budget.seconds) + GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (budget.megabytes << 20, budget.megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return order
