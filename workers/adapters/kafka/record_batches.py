"""Record batches of Kafka (message format 2), read so that what cannot be read costs itself alone.

Both client libraries raise for a whole partition when one record has a header whose name is not UTF-8, when a checksum
or a structure is wrong, or when a compression is unknown; and they hold whatever a batch inflates to. Here each such
record is given at its offset with an Unreadable in place of its value, and a value over the limit as its beginning.
What is sound is read by the library as before.

Source of the format: Kafka's documentation, "Message format": record batch, record, record header.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from workers.adapters.kafka.decompression import GZIP, Damaged, gzip_chunks, inflated
from workers.cloudevents import KEPT_BYTES, Refusal, Unreadable

HEAD = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last timestamp, producer id,
producer epoch, base sequence, number of records."""
_BEFORE_LENGTH, _BEFORE_ATTRIBUTES = struct.calcsize(">q"), struct.calcsize(">qiibI")
_LOG_OVERHEAD = struct.calcsize(">qi")
_CODEC, _LOG_APPEND_TIME = 0x07, 0x08
_MAGIC_AT, _FORMAT_2 = struct.calcsize(">qii"), 2
_SMALLEST = 26
"""Bytes of the smallest batch of the formats before, which brokers up to 3.9 may still hold."""
_MOST_OFFSETS = 10_000_000
"""Offsets in one batch; a damaged one may claim more, and would lead past the end of the log."""
_ADVICE = "Let its sender correct what it publishes; the records behind it were taken."


@dataclass(slots=True)
class Read:
    """One record, with the fields that both client libraries look at."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None
    size_in_bytes: int = 0

    def validate_crc(self) -> bool:
        """Return True: the checksum is that of the batch."""
        return True


class Plain:
    """Plain bytes that come in chunks, read from the front; raises Damaged at their end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self.taken = 0

    def pieces(self, size: int) -> Iterator[bytes]:
        """Give the next `size` bytes in pieces, as they come. Raises Damaged."""
        while size > 0:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    raise Damaged("it ends too early")
            piece = self._chunk[self._at : self._at + size]
            self._at += len(piece)
            self.taken += len(piece)
            size -= len(piece)
            yield piece

    def read(self, size: int) -> bytes:
        """Read so many bytes; raises Damaged where fewer are left."""
        return b"".join(self.pieces(size))

    def varint(self) -> int:
        """Return a number in ZigZag encoding of variable length. Raises Damaged."""
        value = shift = 0
        while shift < 70:
            byte = self.read(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise Damaged("a number in it has no end")

    def field(self, limit: int) -> bytes | None:
        """Return a field with its length before it: None for null, an Unreadable beginning when over the limit."""
        size = self.varint()
        if size < 0:
            return None
        if size <= limit:
            return self.read(size)
        kept, digest = bytearray(), hashlib.sha256()
        for piece in self.pieces(size):
            digest.update(piece)
            kept += piece[: KEPT_BYTES - len(kept)]
        return Unreadable.beginning(bytes(kept), size, digest.hexdigest(), Refusal.TOO_LARGE, "")


class Batch:
    """One batch, which looks to a client library like its own; `own` is the library's."""

    def __init__(self, own: Any, raw: bytes, limit: int) -> None:
        self._own = own
        self._raw = raw
        self._limit = limit
        self._sound = True
        self._records: Iterator[Any] | None = None
        self._reached: int = own.base_offset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def validate_crc(self) -> bool:
        """Return True; where the checksum is wrong, the batch is given as one unreadable record."""
        self._sound = bool(self._own.validate_crc())
        return True

    @property
    def is_control_batch(self) -> bool:
        """Return whether the batch is a marker without events; a damaged one is not believed."""
        return self._sound and bool(self._own.is_control_batch)

    @property
    def next_offset(self) -> int:
        """Return the offset behind the batch; of a damaged one at least its own."""
        base, after = int(self._own.base_offset), int(self._own.next_offset)
        return after if self._sound or 0 < after - base <= _MOST_OFFSETS else base + 1

    def __iter__(self) -> "Batch":
        return self

    def __next__(self) -> Any:
        if self._records is None:
            self._records = self._total()
        return next(self._records)

    def _total(self) -> Iterator[Any]:
        """Give every record; never raises: where nothing can be read any more, what stands for the rest ends it."""
        try:
            for record in self._read():
                self._reached = record.offset + 1
                yield record
        except Damaged as error:
            yield from self._rest(str(error))
        except Exception as error:  # whatever it is, the partition must go on behind this batch
            yield from self._rest(type(error).__name__)

    def _read(self) -> Iterator[Any]:
        """Give the records as well as they can be read; raises whatever stops it."""
        if not self._sound:
            raise Damaged("its checksum is wrong")
        if self._raw[_MAGIC_AT] != _FORMAT_2:
            yield from self._own
            return
        records = self._raw[HEAD.size :]
        plain = inflated(records, self._codec) if self._codec else records
        if plain is None and self._codec != GZIP:
            raise Damaged("it inflates to more than is held in memory")
        if plain is None:
            yield from self._each(Plain(gzip_chunks(records)))
            return
        given = 0
        try:
            for record in self._library(plain):
                yield self._within_limit(record)
                given += 1
        except Exception:  # the library says no more than that it cannot: look at each record by itself
            yield from islice(self._each(Plain([plain])), given, None)

    @property
    def _head(self) -> tuple[int, ...]:
        return HEAD.unpack_from(self._raw)

    @property
    def _codec(self) -> int:
        return self._head[5] & _CODEC

    def _library(self, plain: bytes) -> Iterable[Any]:
        """Return the library's own batch; of a compressed one, the same with plain records."""
        if not self._codec:
            return self._own  # type: ignore[no-any-return]  # the library has no types
        head = bytearray(self._raw[: HEAD.size])
        struct.pack_into(">i", head, _BEFORE_LENGTH, HEAD.size - _LOG_OVERHEAD + len(plain))
        struct.pack_into(">h", head, _BEFORE_ATTRIBUTES, self._head[5] & ~_CODEC)
        return type(self._own)(bytes(head) + plain)  # type: ignore[no-any-return]  # as above

    def _within_limit(self, record: Any) -> Any:
        """Return a record of the library, its value cut where it is over the limit."""
        if record.value is None or len(record.value) <= self._limit:
            return record
        body = bytes(record.value)
        value = Unreadable.beginning(
            body[:KEPT_BYTES], len(body), hashlib.sha256(body).hexdigest(), Refusal.TOO_LARGE, ""
        )
        return Read(record.offset, record.timestamp, record.timestamp_type, record.key, value, list(record.headers))

    def _each(self, plain: Plain) -> Iterator[Read]:
        """Give the records, read here; raises Damaged where their structure ends."""
        for _ in range(self._head[12]):
            yield self._record(plain)

    def _record(self, plain: Plain) -> Read:
        """Read one record; raises Damaged where nothing can be read any more."""
        size = plain.varint()
        start = plain.taken
        plain.read(1)  # attributes: none are defined
        time, delta = plain.varint(), plain.varint()
        key, value = plain.field(self._limit), plain.field(self._limit)
        headers, fault = self._headers(plain, start + size)
        if fault:
            value = unreadable(value, Refusal.WRONG_ENCODING, fault)
        appended = bool(self._head[5] & _LOG_APPEND_TIME)
        at = self._head[8] if appended else self._head[7] + time
        return Read(self._head[0] + delta, at, int(appended), key, value, headers, size_in_bytes=size)

    def _headers(self, plain: Plain, end: int) -> tuple[list[tuple[str, bytes | None]], str]:
        """Read the headers of a record that ends at `end`, and say what is wrong with their names."""
        headers: list[tuple[str, bytes | None]] = []
        fault = ""
        for _ in range(plain.varint()):
            name, value = plain.field(KEPT_BYTES), plain.field(KEPT_BYTES)
            text = (name or b"").decode("utf-8", "backslashreplace")
            if name is None or isinstance(name, Unreadable) or text.encode() != name:
                shown = text[:60].encode("ascii", "backslashreplace").decode()
                fault = f"The name of a header is not UTF-8 ({shown}). {_ADVICE}"
            headers.append((text[:KEPT_BYTES], value))
        if plain.taken != end:
            raise Damaged("a record in it has another length than it says")
        return headers, fault

    def _rest(self, why: str) -> Iterator[Read]:
        """Give what stands for the records from `_reached` on.

        At the first and at the last of their offsets: a library leaves out what lies before its position. Both have
        the same bytes, and so become one dead letter.
        """
        last = max(self.next_offset - 1, self._reached)
        places = f"Offsets {self._reached} to {last}" if last > self._reached else f"Offset {last}"
        body, digest = self._raw[:KEPT_BYTES], hashlib.sha256(self._raw).hexdigest()
        detail = f"{places} cannot be read: {why}. {_ADVICE}"
        value = Unreadable.beginning(body, len(self._raw), digest, Refusal.UNREADABLE, detail)
        at = max(0, self._head[7]) if self._raw[_MAGIC_AT] == _FORMAT_2 else 0
        for offset in sorted({self._reached, last}):
            yield Read(offset, at, 0, None, value, [])


def unreadable(value: bytes | None, reason: Refusal, detail: str) -> Unreadable:
    """Return a value as one that cannot be taken; of one that was cut, the size and digest of the whole stay."""
    if isinstance(value, Unreadable):
        return Unreadable.beginning(bytes(value), value.size, value.sha256, reason, detail)
    return Unreadable.whole(value or b"", reason, detail)


class Batches:
    """What one fetch gave of a partition, batch by batch; stands in for a library's own MemoryRecords."""

    own: Any
    limit: int

    def __init__(self, data: bytes | None) -> None:
        self._data = bytes(data or b"")
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return the size of the whole, a batch that was cut off at the end included."""
        return len(self._data)

    def has_next(self) -> bool:
        """Return whether another whole batch follows."""
        return self._end() > self._at

    def next_batch(self) -> Batch | None:
        """Step to the next batch; None at the end of what was fetched, whole or cut."""
        end = self._end()
        if end <= self._at:
            return None
        raw = self._data[self._at : end]
        self._at = end
        return Batch(self.own(raw).next_batch(), raw, self.limit)

    def _end(self) -> int:
        """Return where the next batch ends; where this one begins when it is not all there."""
        if len(self._data) - self._at < _SMALLEST:
            return self._at
        (length,) = struct.unpack_from(">i", self._data, self._at + _BEFORE_LENGTH)
        end = self._at + _LOG_OVERHEAD + length
        return end if self._at + _SMALLEST <= end <= len(self._data) else self._at


def read_by_record(limit: int) -> None:
    """Let both client libraries of this process read batches through here; values over `limit` bytes are cut.

    Neither library has a setter for it: the class by which their fetchers read is put in its place. Idempotent.
    """
    from aiokafka.consumer import fetcher as of_aiokafka
    from aiokafka.record.memory_records import MemoryRecords as Aiokafkas
    from kafka.consumer import fetcher as of_kafka
    from kafka.record import MemoryRecords as Kafkas

    of_aiokafka.MemoryRecords = type("Batches", (Batches,), {"own": Aiokafkas, "limit": limit})
    of_kafka.MemoryRecords = type("Batches", (Batches,), {"own": Kafkas, "limit": limit})
