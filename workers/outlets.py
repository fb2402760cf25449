"""Where the outbox goes when there is no broker: a file of lines."""

from collections.abc import Sequence
from pathlib import Path

import orjson


class FileOutlet:
    """Appends each message as one line of JSON: topic, key, value."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Append the messages in order."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            for topic, key, value in messages:
                file.write(orjson.dumps({"topic": topic, "key": key, "value": orjson.loads(value)}) + b"\n")
