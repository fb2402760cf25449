"""Where the outbox goes when there is no broker: a file of lines."""

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from workers.adapters.home import make_private_folder, open_private


class FileOutlet:
    """Appends each message as one line of JSON: topic, key, value."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Append the messages in order."""
        make_private_folder(self._path.parent)
        with open_private(self._path, os.O_CREAT | os.O_APPEND) as file:
            for topic, key, value in messages:
                file.write(orjson.dumps({"topic": topic, "key": key, "value": orjson.loads(value)}) + b"\n")
