"""Where the outbox goes: Kafka, or a file of lines when there is no broker."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from workers import topics


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


class KafkaOutlet:
    """Publishes each message under its key; connects when the first one comes."""

    def __init__(self, cluster: topics.Cluster, prefix: str) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._publisher: topics.Publisher | None = None

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Publish the messages in order and wait for the brokers' word; raises NotNow when Kafka is away."""
        if self._publisher is None:
            self._publisher = topics.Publisher(self._cluster, "boucle-relay")
        content_type = (("content-type", b"application/cloudevents+json"),)
        self._publisher.publish(
            topics.Record(topic=f"{self._prefix}{topic}", key=key, value=value, headers=content_type)
            for topic, key, value in messages
        )
