"""Batches of Kafka's records in the wire's form, and how both client libraries read them. Holds no test."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.util import calc_crc32c as crc32c
from aiokafka.structs import TopicPartition
from kafka.consumer.fetcher import Fetcher

from workers.adapters.kafka.record_batches import HEAD
from workers.cloudevents import Unreadable

PLACE = TopicPartition("events", 0)


def varint(value: int) -> bytes:
    """Return a number in ZigZag encoding."""
    rest = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])


def sized(data: bytes | None) -> bytes:
    """Return a field with its length before it."""
    return varint(-1) if data is None else varint(len(data)) + data


def record(number: int, value: bytes | None, headers: Sequence[tuple[bytes, bytes | None]] = ()) -> bytes:
    """Return one record in the wire's form."""
    body = b"\0" + varint(0) + varint(number) + sized(b"key") + sized(value) + varint(len(headers))
    body += b"".join(sized(name) + sized(content) for name, content in headers)
    return varint(len(body)) + body


def batch(base: int, records: list[bytes], codec: int = 0, squeeze: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return one batch in the wire's form, its checksum right."""
    packed = squeeze(b"".join(records))
    head = HEAD.pack(
        base, HEAD.size - 12 + len(packed), 0, 2, 0, codec, len(records) - 1, 1_000, 2_000, -1, -1, -1, len(records)
    )
    return sealed(head + packed)


def sealed(raw: bytes) -> bytes:
    """Return a batch with the checksum of what it holds."""
    return raw[:17] + struct.pack(">I", crc32c(raw[21:])) + raw[21:]


@dataclass(slots=True)
class Given:
    """What a library gives: offset and value, and where it goes on."""

    records: list[Any] = field(default_factory=list)
    goes_on_at: int = 0

    @property
    def values(self) -> dict[int, bytes]:
        """Return the values that could be read, by offset."""
        return {record.offset: record.value for record in self.records if not isinstance(record.value, Unreadable)}

    @property
    def unreadable(self) -> dict[int, Unreadable]:
        """Return what stands for the others."""
        return {record.offset: record.value for record in self.records if isinstance(record.value, Unreadable)}


def by_aiokafka(data: bytes, at: int = 0) -> Given:
    """Read what a fetch gave as Faust's client does."""
    from aiokafka.consumer import fetcher

    partition_records = PartitionRecords(PLACE, fetcher.MemoryRecords(data), [], at, None, None, True, 0)
    return Given(list(partition_records), partition_records.next_fetch_offset)


def by_kafka_python(data: bytes, at: int = 0) -> Given:
    """Read what a fetch gave as the audit's client does."""
    from kafka.consumer import fetcher

    partition_records = Fetcher.PartitionRecords(at, PLACE, fetcher.MemoryRecords(data))
    return Given(partition_records.take(None), partition_records.next_fetch_offset)
