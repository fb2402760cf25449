"""What one partition's log has, as values; reading it, which needs Kafka's client, is in `offsets`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """The first offset that is kept, and the offset that comes next."""

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stretch(Extent):
    """An extent, and the next offset that the group wants."""

    committed: int


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record as it stands in the log."""

    topic: str
    partition: int
    offset: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
