"""Logs: one line per unit of work on standard error; words at a terminal, JSON otherwise. Never personal data."""

import json
import logging
import sys
from datetime import UTC, datetime

PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
NOISY = ("aiokafka", "alembic", "kafka", "faust", "mode", "uvicorn", "httpx", "httpcore", "asyncio", "mail.log")


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with its extra fields."""
        values: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **extras(record),
        }
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=False, default=str)


class Words(logging.Formatter):
    """One readable line, with the extra fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record for a person."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        more = " ".join(f"{name}={value}" for name, value in extras(record).items())
        line = f"{at} {record.levelname.lower():7} {record.getMessage()} {more}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in PLAIN_FIELDS}


def set_up_logs(form: str) -> None:
    """Send log lines to standard error in one form; calling it again changes nothing more."""
    handler = logging.StreamHandler(sys.stderr)
    words = form == "console" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(Words() if words else JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
