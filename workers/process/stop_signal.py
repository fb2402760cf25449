"""The signal to stop (SIGTERM, SIGINT), obeyed in any state of a role's process within ten seconds, exit 0.

Python runs a handler of its own only between two of its instructions: a process that waits in a library for a lock or
an answer would not hear. So the signal's number goes down a pipe, which a thread reads. Imports nothing of ours, so
that it listens before the first import that takes long.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)
GRACE_SECONDS = 8.0
"""For work that is on its way when a stop is asked for. What has not ended by then is as if the process had been
killed, which loses nothing: transactions are rolled back, leases run out."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def end_process(code: int) -> None:
    """End at once, without waiting for any thread; what was logged is written."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class StopSignal:
    """Hears the signal from the moment it listens; before any role runs there is nothing to finish, so it ends."""

    def __init__(self, end: Callable[[int], None] = end_process, grace_seconds: float = GRACE_SECONDS) -> None:
        self._end = end
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._stop: Callable[[], object] | None = None
        self._heard = False

    def listen(self) -> None:
        """Hear the signals from now on; in the main thread only."""
        reading, writing = socket.socketpair()
        writing.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)  # the number in the pipe is what counts
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._obey, args=(reading, writing), name="stop-signal", daemon=True).start()

    def hand_over(self, stop: Callable[[], object]) -> None:
        """Say what has running roles stop; called from the thread that hears."""
        with self._lock:
            self._stop = stop

    def end_within_grace(self, code: int) -> None:
        """End with a code when the process has not ended by itself within the time for what is on its way."""
        timer = threading.Timer(self._grace, self._late, (code,))
        timer.daemon = True
        timer.start()

    def _late(self, code: int) -> None:
        log.warning(
            "Work that was on its way did not end within %.0f s: it ends with the process, and is done again.",
            self._grace,
            extra={"action": "stop.late"},
        )
        self._end(code)

    def _obey(self, reading: socket.socket, _kept_open: socket.socket) -> None:
        while data := reading.recv(64):
            for number in data:
                if number in SIGNALS:
                    self._hear()

    def _hear(self) -> None:
        with self._lock:
            stop, again = self._stop, self._heard
            self._heard = True
        if stop is None or again:  # nothing runs yet, or a person does not want to wait
            self._end(0)
            return
        log.info("told to stop", extra={"action": "stop"})
        self.end_within_grace(0)
        stop()


_of_process: StopSignal | None = None


def listen() -> StopSignal:
    """Return the process's own stop signal, which listens from the first call on."""
    global _of_process  # a process has one set of signals
    if _of_process is None:
        _of_process = StopSignal()
        _of_process.listen()
    return _of_process
