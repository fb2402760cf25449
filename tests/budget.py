"""What work costs: processor time in this process, or time and memory in a child process. Holds no test."""

import gc
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

TESTS = Path(__file__).parent
HARD_SECONDS, HARD_BYTES = 60, 3 * 1024**3
"""What ends the child, so that a fault does not take the machine with it."""
BEFORE = f"""
import json as _json, resource as _resource
from peakmemory import peak_megabytes as _peak
_resource.setrlimit(_resource.RLIMIT_CPU, ({HARD_SECONDS}, {HARD_SECONDS}))
_resource.setrlimit(_resource.RLIMIT_AS, ({HARD_BYTES}, {HARD_BYTES}))

def _used():
    used = _resource.getrusage(_resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, _peak()

"""
STEP = """
_at = _used()
{work}
_now = _used()
print(_json.dumps([{name!r}, _now[0] - _at[0], _now[1] - _at[1]]))
"""


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Have the collector pass over what the suite holds already: hundreds of megabytes, some seconds a look."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def processor_seconds(work: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> float:
    """Do a piece of work and return what it took of the processor: in this thread, or by another clock.

    What else the suite's process does meanwhile (a thread that an earlier test left, the collector's look through all
    that is held) is not the work's own.
    """
    with collector_at_rest():
        begun = clock()
        work()
        return clock() - begun


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of work took: processor seconds, and megabytes by which the process's peak memory grew."""

    seconds: float
    megabytes: float


def costs(setup: str, works: Mapping[str, str], home: Path) -> dict[str, Cost]:
    """Run each work by name, one after the other and after `setup`, in one child process; return what each took.

    All are Python source. The child has `tests/` and `tests/web/` on its path and starts in `home`.
    """
    steps = [STEP.format(name=name, work=textwrap.dedent(work)) for name, work in works.items()]
    path = os.pathsep.join(str(folder) for folder in (TESTS, TESTS / "web", TESTS.parent))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join([BEFORE, textwrap.dedent(setup), *steps])],
        cwd=home,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    measured = [orjson.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    assert len(measured) == len(works), done.stdout[-2000:]
    return {name: Cost(seconds, megabytes) for name, seconds, megabytes in measured}


def dear(costs_of_works: Mapping[str, Cost], seconds: float, megabytes: float) -> dict[str, Cost]:
    """Return the works that took more than they may."""
    return {name: cost for name, cost in costs_of_works.items() if cost.seconds > seconds or cost.megabytes > megabytes}
