"""Logs: one line per unit of work on standard error; words at a terminal, JSON otherwise. Never personal data.

Here, in one place, addresses are masked, values are taken out of the sentences of foreign errors, and control
characters are written out, whoever wrote the line.
"""

import logging
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from workers.errors import BoucleError
from workers.text.masking import mask_addresses, without_values
from workers.text.plain_text import for_log, json_text

PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
NOISY = ("aiokafka", "alembic", "kafka", "faust", "mode", "uvicorn", "httpx", "httpcore", "asyncio", "mail.log")

TOLD_BY_US = ("kafka", "aiokafka.client", "aiokafka.conn")
"""Of a broker that is away they write a dozen lines for every try; what they raise is told once (outages.py)."""

REPEATS_SECONDS = 60.0
MOST_OF_ONE_KIND = 20
"""Warnings and errors of one line of code that are written within REPEATS_SECONDS; further ones are counted."""
KINDS_KEPT = 1_000
LONGEST_SENTENCE = 500
DEEPEST_CAUSE = 8


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": safe(record.getMessage()),
            **extras(record),
        }
        if record.exc_info:
            values["error"] = error_with_causes(record.exc_info[1])
        return json_text(values)


class Words(logging.Formatter):
    """One readable line, with the extra fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        more = " ".join(f"{name}={value}" for name, value in extras(record).items())
        line = f"{at} {record.levelname.lower():7} {safe(record.getMessage())} {more}".rstrip()
        return f"{line}\n{error_with_causes(record.exc_info[1])}" if record.exc_info else line


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes lines, and counts the warnings and errors that repeat: whoever makes us complain fills no disk.

    What was counted is told by one line once its minute is over, with the next line of any kind or at the end.
    """

    def __init__(self, stream: TextIO, ticks: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._ticks = ticks
        self._kinds: OrderedDict[tuple[str, int, int], _Kind] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or count it."""
        now = self._ticks()
        self._tell(lambda kind: now - kind.since >= REPEATS_SECONDS)
        if record.levelno >= logging.WARNING and not self._is_new(record, now):
            return
        super().emit(record)

    def close(self) -> None:
        """Write the counts that are still owed, then end."""
        self.acquire()
        try:
            self._tell(lambda kind: True)
        finally:
            self.release()
        super().close()

    def _is_new(self, record: logging.LogRecord, now: float) -> bool:
        """Count a line by where it was written; tell whether there were few of it."""
        where = (record.pathname, record.lineno, record.levelno)
        kind = self._kinds.setdefault(where, _Kind(now, record))
        kind.count += 1
        kind.last = record
        while len(self._kinds) > KINDS_KEPT:
            self._kinds.popitem(last=False)
        return kind.count <= MOST_OF_ONE_KIND

    def _tell(self, is_over: Callable[["_Kind"], bool]) -> None:
        """Write how many lines of each kind were only counted; kinds stand in the order in which they began."""
        while self._kinds and is_over(kind := next(iter(self._kinds.values()))):
            self._kinds.popitem(last=False)
            if kind.count > MOST_OF_ONE_KIND:
                super().emit(kind.summary())


class _Kind:
    """The lines of one kind since a moment."""

    def __init__(self, since: float, record: logging.LogRecord) -> None:
        self.since = since
        self.count = 0
        self.last = record

    def summary(self) -> logging.LogRecord:
        """Return the line that stands for those that were only counted."""
        values = {**vars(self.last), "exc_info": None, "exc_text": None, "args": None}
        times = self.count - MOST_OF_ONE_KIND
        values["msg"] = f"{times:,} more lines of this kind were not written; the last: {self.last.getMessage()[:300]}"
        return logging.makeLogRecord({**values, "repeated": times})


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what a log call gave as `extra`, its texts masked."""
    given = {name: value for name, value in vars(record).items() if name not in PLAIN_FIELDS}
    return {name: value if isinstance(value, int | float | None) else safe(str(value)) for name, value in given.items()}


def safe(text: str) -> str:
    return for_log(mask_addresses(text))


def error_with_causes(error: BaseException | None, depth: int = 0) -> str:
    """Return where an error came from, its causes first; no variable's value and no statement's parameter."""
    if error is None or depth > DEEPEST_CAUSE:
        return ""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = [error_with_causes(cause, depth + 1), *traceback.format_tb(error.__traceback__)]
    parts.append(f"{type(error).__qualname__}: {sentence(error)}")
    if isinstance(error, BaseExceptionGroup):
        parts += [error_with_causes(exception, depth + 1) for exception in error.exceptions]
    return "\n".join(part.rstrip("\n") for part in parts if part)


def sentence(error: BaseException) -> str:
    """Return what an error says: ours as it is, a foreign one's first line without its values."""
    text = str(getattr(error, "orig", None) or error)
    if isinstance(error, BoucleError):
        return safe(text)
    return safe(without_values(text.partition("\n")[0])[:LONGEST_SENTENCE])


def set_up_logs(form: str) -> None:
    """Send log lines to standard error in one form; calling it again changes nothing more."""
    handler = CountingHandler(sys.stderr)
    words = form == "console" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(Words() if words else JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in TOLD_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)
