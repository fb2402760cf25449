"""Work in a process of its own: it answers, and is ended by its budget or by whoever asked."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.process.child_process import Budget, Crashed, OverBudget, run_apart

ROOM = Budget(seconds=30, megabytes=1_000)


def doubled(number: int) -> int:
    """Return twice a number."""
    return 2 * number


def settings_seen(_: None) -> list[str]:
    """Return the names of the variables that the process has."""
    return sorted(os.environ)


def take_memory(megabytes: int) -> int:
    """Return how much was taken."""
    return len(bytearray(megabytes << 20))


def fail(_: None) -> None:
    """Raise what nobody expects."""
    raise LookupError("not here")


def end_at_once(_: None) -> None:
    """End the process, as a fault in a library written in C does."""
    os._exit(7)


def chatter(_: None) -> str:
    """Print, as a library may."""
    print("hello")
    return "done"


def linger(file: Path) -> None:
    """Say which process this is, then stay."""
    file.write_text(str(os.getpid()))
    time.sleep(600)


def priority(_: None) -> int:
    """Return the priority of the process."""
    return os.nice(0)


def test_the_answer_comes_back() -> None:
    """Values go in and out, and what a library prints is not taken for the answer."""
    assert asyncio.run(run_apart(doubled, 21, ROOM)) == 42
    assert asyncio.run(run_apart(chatter, None, ROOM)) == "done"
    assert asyncio.run(run_apart(priority, None, ROOM)) > os.nice(0)


def test_the_process_knows_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are in the environment of ours; the process that reads what strangers wrote has none of it."""
    monkeypatch.setenv("BOUCLE_SECRET", "canary")
    assert not [name for name in asyncio.run(run_apart(settings_seen, None, ROOM)) if name.startswith("BOUCLE")]


@pytest.mark.parametrize(
    ("function", "value", "budget", "raised", "said"),
    [
        (time.sleep, 600, Budget(seconds=1, megabytes=1_000), OverBudget, "longer than 1 seconds"),
        (take_memory, 4_000, ROOM, OverBudget, "more than 1,000 MB"),
        (fail, None, ROOM, Crashed, "LookupError: not here"),
        (end_at_once, None, ROOM, Crashed, "ended with 7"),
    ],
)
def test_what_goes_wrong_is_told(
    function: Callable[[object], object], value: object, budget: Budget, raised: type[Exception], said: str
) -> None:
    """Too long, too much, an exception and a crash end the process and nothing else."""
    with pytest.raises(raised, match=said):
        asyncio.run(run_apart(function, value, budget))


def test_who_leaves_ends_the_process(tmp_path: Path) -> None:
    """A cancelled call has no process behind it."""
    file = tmp_path / "pid"

    async def leave() -> None:
        task = asyncio.ensure_future(run_apart(linger, file, ROOM))
        while not (file.exists() and file.read_text()):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
