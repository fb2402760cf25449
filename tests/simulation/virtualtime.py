"""Virtual time: jobs and event loops of several processes, run one step at a time in an order that a seed decides.

A job is a synchronous call of the product in a greenlet of its own; it gives way at points (before and after each
transaction, at each port), and nowhere else. A coroutine runs on a loop of its process, whose threads are jobs. Nothing
here waits: when nobody can go on, time goes on. Holds no test.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

STEP_SECONDS = 0.02
"""How much time one step takes at most."""

LONGEST_JUMP_SECONDS = 15.0
"""How far time goes on at once: whoever waits for a lease to end comes before whoever stands still for longer."""


class Killed(BaseException):
    """The process ends here; nothing of it runs any more, and nothing catches it."""


@dataclass(eq=False)
class Process:
    """One process: what of it runs, and whether it stands still until some moment."""

    name: str
    alive: bool = True
    frozen_until: float = 0.0
    stood_still: list[tuple[float, float]] = field(default_factory=list)
    jobs: list["Job"] = field(default_factory=list)
    loop: "VirtualLoop | None" = None

    @property
    def busy(self) -> bool:
        """Tell whether something of it has not ended."""
        return bool(self.jobs) or (self.loop is not None and self.loop.busy)

    def freeze(self, now: float, seconds: float) -> None:
        """Let it stand still for a while, as a stopped process or machine does."""
        self.frozen_until = now + seconds
        self.stood_still.append((now, self.frozen_until))

    def stood_still_between(self, first: float, last: float) -> bool:
        """Tell whether it stood still at some moment between two."""
        return any(since < last and until > first for since, until in self.stood_still)


class Job:
    """One synchronous call, in a greenlet."""

    def __init__(self, process: Process, work: Callable[[], object], ended: Callable[[object, Any], None]) -> None:
        self.process = process
        self.wakes_at = 0.0
        self._work = work
        self._ended = ended
        self._greenlet = greenlet(self._run)

    def _run(self) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            value = self._work()
        except BaseException as raised:  # handed to whoever waits for the job, as a thread pool does
            error = raised
        self.process.jobs.remove(self)
        self._ended(value, error)

    def go_on(self) -> None:
        """Run to the next point."""
        self._greenlet.switch()

    def end(self) -> None:
        """End it where it stands, as its process is dead."""
        if self._greenlet:
            self._greenlet.throw(Killed())
        elif self in self.process.jobs:
            self.process.jobs.remove(self)
            self._ended(None, Killed())


LOOP: Any = asyncio.AbstractEventLoop  # at run time nothing of it is abstract, and most of it is never called


class VirtualLoop(LOOP):  # type: ignore[misc]  # as said above
    """An event loop in virtual time; only what asyncio's own parts call is there."""

    def __init__(self, scheduler: "VirtualTime", process: Process) -> None:
        self._scheduler = scheduler
        self._process = process
        self._ready: deque[asyncio.Handle] = deque()
        self._later: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._main: asyncio.Task[Any] | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._count = 0

    @property
    def busy(self) -> bool:
        """Tell whether the coroutine that was begun last has not ended."""
        return self._main is not None and not self._main.done()

    def begin(self, work: Any, ended: Callable[[object, BaseException | None], None]) -> None:
        """Begin a coroutine and say how it ended."""

        def tell(task: asyncio.Task[Any]) -> None:
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            ended(None if error else task.result(), error)

        self._main = self.create_task(work)
        self._main.add_done_callback(tell)

    @property
    def ready(self) -> bool:
        """Tell whether a callback can run."""
        return bool(self._ready)

    def next_timer(self) -> float | None:
        """Return when the next timer comes."""
        while self._later and self._later[0][2].cancelled():
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else None

    def come_due(self) -> None:
        """Let what has come due be ready."""
        while (at := self.next_timer()) is not None and at <= self.time():
            self._ready.append(heapq.heappop(self._later)[2])

    def step(self) -> None:
        """Run one callback."""
        handle = self._ready.popleft()
        asyncio._set_running_loop(self)  # what every loop outside asyncio calls
        try:
            if not handle.cancelled():
                handle._run()
        finally:
            asyncio._set_running_loop(None)

    def end(self) -> None:
        """End every task; the process is dead already, so that nothing they do on their way out has an effect."""
        for _ in range(200):
            waiting = [task for task in self._tasks if not task.done()]
            if not waiting:
                break
            for task in waiting:
                asyncio._set_running_loop(self)
                task.cancel()
                asyncio._set_running_loop(None)
            while self._ready:
                self.step()
        self._ready.clear()
        self._later.clear()
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()  # so that nobody calls it forgotten

    # What asyncio calls

    def time(self) -> float:
        return self._scheduler.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **more: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(coro, loop=self, **more)
        self._tasks = [task_kept for task_kept in self._tasks if not task_kept.done()] + [task]
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._later, (when, self._count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def call_exception_handler(self, context: Any) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> "asyncio.Future[Any]":
        future = self.create_future()

        def ended(value: object, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                self.call_soon(lambda: None if future.done() else future.set_result(value))
            else:
                self.call_soon(lambda: None if future.done() else future.set_exception(error))

        self._scheduler.start(self._process, lambda: func(*args), ended)
        return future


class VirtualTime:
    """Runs steps of whoever can go on, in an order that chance decides; the same chance, the same order."""

    def __init__(self, chance: Random) -> None:
        self.now = 0.0
        self.steps = 0
        self.processes: list[Process] = []
        self._chance = chance
        self._main = getcurrent()
        self._current: Job | None = None

    def start(self, process: Process, work: Callable[[], object], ended: Callable[[object, Any], None]) -> None:
        """Begin a job of a process; a dead one's ends at once."""
        if not process.alive:
            ended(None, Killed())
            return
        process.jobs.append(Job(process, work, ended))

    def begin(self, process: Process, work: Any, ended: Callable[[object, Any], None]) -> None:
        """Begin a coroutine of a process."""
        if process.loop is None:
            process.loop = VirtualLoop(self, process)
        process.loop.begin(work, ended)

    def point(self, seconds: float = 0.0) -> None:
        """Let others go on, for some seconds at least; outside a job nothing happens."""
        job = self._current
        if job is None:
            return
        if not job.process.alive:
            raise Killed
        job.wakes_at = self.now + seconds
        self._main.switch()
        if not job.process.alive:
            raise Killed

    def kill(self, process: Process) -> None:
        """End a process where it stands, between two steps: what it holds is neither given back nor told."""
        process.alive = False
        for job in list(process.jobs):
            self._current = job
            job.end()
        self._current = None
        if process.loop is not None:
            process.loop.end()

    def step(self) -> bool:
        """Run one step, or let time go on to the next; False when nothing is left to wait for."""
        running = [
            running_process
            for running_process in self.processes
            if running_process.alive and running_process.frozen_until <= self.now
        ]
        for process in running:
            if process.loop is not None:
                process.loop.come_due()
        can: list[Job | VirtualLoop] = [
            job for running_process in running for job in running_process.jobs if job.wakes_at <= self.now
        ]
        can += [
            running_process.loop
            for running_process in running
            if running_process.loop is not None and running_process.loop.ready
        ]
        if not can:
            return self._wait()
        self.steps += 1
        self.now += self._chance.random() * STEP_SECONDS
        chosen = can[self._chance.randrange(len(can))] if len(can) > 1 else can[0]
        if isinstance(chosen, VirtualLoop):
            chosen.step()
            return True
        self._current = chosen
        try:
            chosen.go_on()
        finally:
            self._current = None
        return True

    def _wait(self) -> bool:
        moments: list[float] = []
        for process in self.processes:
            if not process.alive or not process.busy:
                continue
            moments += [max(job.wakes_at, process.frozen_until) for job in process.jobs]
            timer = process.loop.next_timer() if process.loop else None
            if timer is not None:
                moments.append(max(timer, process.frozen_until))
            elif process.frozen_until > self.now:
                moments.append(process.frozen_until)
        if not moments:
            return False
        self.now = max(self.now, min(*moments, self.now + LONGEST_JUMP_SECONDS))
        return True
