"""Roles under a supervisor that starts each again when it ends, as systemd or a container engine would."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
RESTART_SECONDS = 0.5
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)
ENDS_TO_BE_STARTED = 1
"""How a role ends that cannot begin because a part is away, by docs/outages.md."""
STOP_SECONDS = 10.0
"""Within which SIGTERM is obeyed, by docs/outages.md."""


class Nursery:
    """Forks processes for us (nursery.py) and says when they end."""

    def __init__(self, ended: Callable[[int, int], None], log: Path, settings: Mapping[str, str]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
        self._ended = ended
        self._started: dict[str, int] = {}
        self._changed = threading.Condition()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "nursery.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**environment, **settings},
            )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["ready"]
        self._thread = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "started" in said:
                with self._changed:
                    self._started[said["started"]] = said["pid"]
                    self._changed.notify_all()
            elif "ended" in said:
                self._ended(said["ended"], said["code"])

    def start(self, name: str, **order: object) -> int:
        """Start one process and return its pid; `name` is used once."""
        assert self._process.stdin is not None
        with self._changed:
            self._process.stdin.write(json.dumps({"name": name, **order}).encode() + b"\n")
            self._process.stdin.flush()
            if not self._changed.wait_for(lambda: name in self._started, 180):
                raise TimeoutError(f"the nursery did not start {name}")
            return self._started.pop(name)

    def close(self) -> None:
        """End it, and whoever it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass(slots=True)
class Role:
    """One role that is wanted up: its pid while it runs, and what we did to it last."""

    name: str
    arguments: Sequence[str]
    pid: int = 0
    last_signal: int = 0
    signalled_at: float = 0.0
    wanted: bool = True
    ended: threading.Event = field(default_factory=threading.Event)


class Supervisor:
    """Keeps roles up. `before_restart` is called with a role's name when it is dead and before it is started again."""

    def __init__(
        self, home: Path, environment: Mapping[str, str], plant: str, before_restart: Callable[[str], None]
    ) -> None:
        self.kills = 0
        self.complaints: list[str] = []
        self._home, self._environment, self._plant = home, dict(environment), plant
        self._before_restart = before_restart
        self._roles: dict[str, Role] = {}
        self._commands: dict[int, tuple[threading.Event, list[int]]] = {}
        self._codes: dict[int, int] = {}
        self._lock = threading.RLock()
        self._closing = False
        self._count = 0
        self._nursery = Nursery(self._ended, home / "nursery.log", environment)

    def run(self, name: str, *arguments: str) -> None:
        """Want a role up from now on."""
        role = Role(name, arguments)
        with self._lock:
            self._roles[name] = role
        self._start(role)

    def _start(self, role: Role) -> None:
        with self._lock:
            if self._closing:
                return
            self._count += 1
            number = self._count
        log = self._home / f"{role.name}.log"
        pid = self._nursery.start(
            f"{role.name} {number}",
            arguments=list(role.arguments),
            environment=self._environment,
            log=str(log),
            plant=self._plant,
        )
        with self._lock:
            role.ended.clear()
            role.pid, role.last_signal = pid, 0
            if pid in self._codes:  # it ended before we knew its name
                self._dead(role, self._codes.pop(pid))

    def _ended(self, pid: int, code: int) -> None:
        with self._lock:
            if pid in self._commands:
                done, codes = self._commands.pop(pid)
                codes.append(code)
                done.set()
                return
            for role in self._roles.values():
                if role.pid == pid:
                    self._dead(role, code)
                    return
            self._codes[pid] = code

    def _dead(self, role: Role, code: int) -> None:
        role.pid = 0
        role.ended.set()
        if self._closing:
            return
        self._judge_end(role, code)
        if role.wanted:
            threading.Thread(target=self._again, args=(role,), daemon=True).start()

    def _judge_end(self, role: Role, code: int) -> None:
        took = time.monotonic() - role.signalled_at
        if role.last_signal == signal.SIGKILL:
            return
        if role.last_signal == signal.SIGTERM:
            if code != 0 or took > STOP_SECONDS:
                self.complaints.append(f"{role.name} was told to stop and ended with {code} after {took:.1f} s")
            return
        if code != ENDS_TO_BE_STARTED:
            self.complaints.append(f"{role.name} ended by itself with {code}")

    def _again(self, role: Role) -> None:
        self._before_restart(role.name)
        time.sleep(RESTART_SECONDS)
        with contextlib.suppress(TimeoutError, OSError, ValueError):  # the nursery is closed
            self._start(role)

    def names(self) -> list[str]:
        """Return the names of the roles."""
        return sorted(self._roles)

    def pid_of(self, name: str) -> int:
        """Return the pid of a role, once it runs."""
        deadline = time.monotonic() + 180
        while not (pid := self._roles[name].pid):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not up")
            time.sleep(0.01)
        return pid

    def _hearing(self, name: str) -> int:
        """Return the pid of a role once it hears SIGTERM, which takes a process some moments."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            pid = self.pid_of(name)
            with contextlib.suppress(OSError, StopIteration):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
                if int(caught, 16) & SIGTERM_BIT:
                    return pid
            time.sleep(0.01)
        return self.pid_of(name)

    def end(self, name: str, how: signal.Signals) -> None:
        """Kill a role or tell it to stop, and wait until it has ended; it is started again by itself."""
        role = self._roles[name]
        pid = self.pid_of(name)
        if how == signal.SIGTERM:
            pid = self._hearing(name)
        with self._lock:
            role.last_signal, role.signalled_at = how, time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        self.kills += 1
        if not role.ended.wait(STOP_SECONDS + 5):
            self.complaints.append(f"{name} did not obey {how.name} within {STOP_SECONDS + 5:.0f} s")
            os.kill(pid, signal.SIGKILL)
            role.ended.wait(10)

    def dismiss(self, name: str) -> None:
        """Tell a role to stop, and do not start it again."""
        role = self._roles[name]
        role.wanted = False
        self.end(name, signal.SIGTERM)
        with self._lock:
            self._roles.pop(name, None)

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a role in its tracks, and let it go on after a while."""
        pid = self.pid_of(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def ask(self, *arguments: str, seconds: float = 30.0) -> str:
        """Run one verb to its end and return what it printed; empty when it takes too long."""
        with self._lock:
            self._count += 1
            name = f"ask {self._count}"
        out = self._home / f"{name.replace(' ', '-')}.out"
        done, codes = threading.Event(), list[int]()
        pid = self._nursery.start(
            name,
            arguments=list(arguments),
            environment=self._environment,
            log=str(self._home / "asked.log"),
            out=str(out),
        )
        with self._lock:
            if pid in self._codes:
                codes.append(self._codes.pop(pid))
                done.set()
            else:
                self._commands[pid] = (done, codes)
        if not done.wait(seconds):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return ""
        said = out.read_text(encoding="utf-8")
        out.unlink()
        return said

    def close(self) -> None:
        """End all roles and start none again."""
        with self._lock:
            self._closing = True
            running = [role for role in self._roles.values() if role.pid]
        for role in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(role.pid, signal.SIGTERM)
        for role in running:
            role.ended.wait(STOP_SECONDS)
        self._nursery.close()
