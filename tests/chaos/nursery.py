"""Starts roles fast: a process that has imported everything forks one for each start, as `boucle ROLE` would be.

The templates are compiled once, here: that is four fifths of what a start costs, and none of what a run is about.

`python nursery.py` reads one JSON object a line (name, arguments, environment, log, plant) and writes one a line: who
was started with which pid, and who ended how. A sabotage is planted in the child before it runs; the product's code
has no switch for it.
"""

import contextlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

import sabotages
from jinja2 import Environment

import workers.cli.command
import workers.streams
import workers.web.app
import workers.web.server  # noqa: F401  # what roles import late
from workers import app, roles
from workers import settings as settings_module
from workers.cli import main


def compile_once(environment: dict[str, str]) -> None:
    """Compile every template of mails and pages, and let whoever is forked use that."""
    compile_one, compiled = Environment.compile, dict[tuple[object, ...], Any]()

    def remembered(self: Environment, source: Any, *more: Any, **named: Any) -> Any:
        key = (source, *more, *named.items())
        if key not in compiled:
            compiled[key] = compile_one(self, source, *more, **named)
        return compiled[key]

    Environment.compile = remembered  # type: ignore[method-assign]  # in this process and its children
    roles.web(app.Boucle(settings_module.read(environment)))


def tell(**what: object) -> None:
    """Say one thing to whoever started us."""
    os.write(1, json.dumps(what).encode() + b"\n")


def start(order: dict[str, Any], channel: int) -> int:
    """Fork a role and return its pid."""
    pid = os.fork()
    if pid:
        return pid
    with contextlib.suppress(BaseException):
        become(order, channel)
    os._exit(1)


def become(order: dict[str, Any], channel: int) -> NoReturn:
    """Be the role that was ordered."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(channel)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if order.get("out") else log
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(log, 2)
    for name in [name for name in os.environ if name.startswith("BOUCLE_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    sys.argv = ["boucle", *order["arguments"]]
    code: object = 1
    try:
        sabotages.plant(order.get("plant", ""))
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def reap(children: set[int]) -> None:
    """Say who ended, and how: the exit code, or minus the signal."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            children.discard(pid)
            tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def run() -> None:
    """Take orders until standard input ends; then end whoever is left."""
    compile_once({name: value for name, value in os.environ.items() if name.startswith("BOUCLE_")})
    hears, says = os.pipe()
    os.set_blocking(says, False)
    os.set_blocking(hears, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(says)
    tell(ready=True)
    waiting, children = b"", set[int]()
    while True:
        ready, _, _ = select.select([0, hears], [], [])
        if hears in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(hears, 4096)
            reap(children)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                break
            *orders, waiting = (waiting + data).split(b"\n")
            for line in orders:
                order = json.loads(line)
                pid = start(order, hears)
                children.add(pid)
                tell(started=order["name"], pid=pid)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    run()
