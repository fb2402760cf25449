"""Where the real parts live on disk, what is remembered of them, and how their programs are started and ended.

Must not know any one part. A program is ended only when its command line still carries the mark it was started with,
so that a process id that was given out again is left alone.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workers.errors import NotNow

POLL_SECONDS = 0.05
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Running:
    """One started part: its address, its main process and the mark in that process's command line."""

    address: str
    pid: int
    mark: str
    kind: str
    directory: str
    log: str
    leftovers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a part runs as when we are root, because the part refuses root."""

    uid: int
    gid: int


def memory(home: Path) -> Path:
    return home / "services" / "state.json"


def remembered(home: Path) -> dict[str, Running]:
    """Read what was started; an absent or torn file means nothing was."""
    try:
        rows = json.loads(memory(home).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: Running(**{**row, "leftovers": tuple(row["leftovers"])}) for name, row in rows.items()}


def remember(home: Path, parts: dict[str, Running]) -> None:
    """Write what was started, whole or not at all."""
    target = memory(home)
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps({name: asdict(part) for name, part in parts.items()}, indent=1), "utf-8")
    fresh.replace(target)


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of `home`, so that two callers never start the same part twice."""
    memory(home).parent.mkdir(parents=True, exist_ok=True)
    with (memory(home).parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """Ask the system for a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def is_root() -> bool:
    """Tell whether we are the administrator, whom PostgreSQL refuses to run as."""
    return os.geteuid() == 0


def open_to_all(path: Path) -> bool:
    """Tell whether every account can walk down to `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def place(home: Path, name: str, account: Account | None) -> Path:
    """Make the directory of one part; beside the system's temporary files where `account` cannot reach `home`."""
    wanted = home / "services" / name
    if account is not None and not open_to_all(wanted.parent):
        digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
        wanted = Path(tempfile.gettempdir()) / f"boucle-{name}-{digest}"
    wanted.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(wanted, account.uid, account.gid)
    return wanted


def is_running(part: Running) -> bool:
    """Tell whether the process that was started is still there and still ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(part.pid, os.WNOHANG)
    line = command_line(part.pid)
    return line is not None and (line == "" or part.mark in line)


def command_line(pid: int) -> str | None:
    """Return the command line of a process: None when it has ended, empty while the system still sets it up."""
    if Path("/proc/self/stat").exists():
        with contextlib.suppress(OSError):
            ended = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in "ZX"
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            return None if ended else line
        return None
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout or None


def end(part: Running, *, first: signal.Signals, patience_seconds: float = 20.0) -> None:
    """End a part: ask with signal `first`, wait, then kill; does nothing when it is gone already."""
    for asked in (first, signal.SIGKILL):
        if not is_running(part):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(part.pid, asked)
        deadline = time.monotonic() + patience_seconds
        while is_running(part) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    for leftover in part.leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


def launch(command: Sequence[str], log: Path) -> int:
    """Start a program that outlives us, its output appended to `log`; return its process id."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=log.parent
        )
    started.returncode = 0  # it is to outlive this object: no warning about a process that still runs
    return started.pid


def until(ready: Callable[[], bool], part: Running, *, seconds: float) -> None:
    """Poll until `ready()`; raise NotNow with the end of the log when the part dies or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        gone = not is_running(part)
        if gone or time.monotonic() > deadline:
            what = "ended at once" if gone else f"was not ready after {seconds:.0f} s"
            end(part, first=signal.SIGTERM)
            raise NotNow(
                f"{part.kind} {what}. The end of its log {part.log}:\n{tail(Path(part.log))}\n"
                "Free memory or disk if the log says so, then run `boucle services up` again."
            )
        time.sleep(POLL_SECONDS)


def tail(log: Path) -> str:
    """Return the last lines of a log for an error's sentence; says so where there is none."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])
    except OSError:
        return "(no log)"
