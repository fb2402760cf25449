"""Record batches of Kafka: what cannot be read costs itself alone, through the fetchers of both client libraries."""

import gzip
import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from batchparts import Given, batch, by_aiokafka, by_kafka_python, record, sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.adapters.kafka import decompression, record_batches
from workers.adapters.kafka.record_batches import read_by_record
from workers.cloudevents import KEPT_BYTES

LIMIT = 200_000
COMPRESSED: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0, bytes),
    "gzip": (1, gzip.compress),
    "snappy": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy in blocks": (
        2,
        lambda data: (
            b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
            + b"".join(
                struct.pack(">i", len(block)) + block
                for at in range(0, len(data), 32_768)
                for block in [bytes(cramjam.snappy.compress_raw(data[at : at + 32_768]))]
            )
        ),
    ),
    "lz4": (3, lambda data: bytes(cramjam.lz4.compress(data))),
    "zstd": (4, lambda data: bytes(cramjam.zstd.compress(data))),
}


@pytest.fixture(params=[by_aiokafka, by_kafka_python], ids=["aiokafka", "kafka-python"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Given]:
    """Give the reading of either library, and put its own back afterwards."""
    from aiokafka.consumer import fetcher as of_aiokafka
    from kafka.consumer import fetcher as of_kafka

    for module in (of_aiokafka, of_kafka):
        monkeypatch.setattr(module, "MemoryRecords", module.MemoryRecords)
    read_by_record(LIMIT)
    reading: Callable[..., Given] = request.param
    return reading


GOOD = [b'{"n": %d}' % n for n in range(5)]
BAD_NAME = [(b"\xff\xfe", b"x"), (b"ce_id", b"7")]


@pytest.mark.parametrize("compression", COMPRESSED)
def test_sound_batches_are_read_whatever_their_compression(read: Callable[..., Given], compression: str) -> None:
    """Every compression that producers can choose is read, with keys, null values and headers."""
    codec, squeeze = COMPRESSED[compression]
    values: list[bytes | None] = [*GOOD, None, b"x" * 100_000]
    records = [record(n, value, [(b"ce_id", b"1"), (b"n", None)]) for n, value in enumerate(values)]
    fetched = read(batch(40, records, codec, squeeze) + batch(47, [record(0, b"last")]), 40)
    assert [(record_read.offset, record_read.value) for record_read in fetched.records] == [
        *enumerate(values, 40),
        (47, b"last"),
    ]
    assert [record_read.key for record_read in fetched.records] == [b"key"] * 8
    assert list(fetched.records[0].headers) == [("ce_id", b"1"), ("n", None)]
    assert fetched.goes_on_at == 48


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("bad", [0, 2, 5])
def test_a_header_name_that_is_not_utf8_costs_its_own_record(
    read: Callable[..., Given], compression: str, bad: int
) -> None:
    """In the same batch, before and behind it, the five good ones are read; the bad one has its bytes and why."""
    codec, squeeze = COMPRESSED[compression]
    values = [*GOOD[:bad], b"poison", *GOOD[bad:]]
    records = [record(n, value, BAD_NAME if value == b"poison" else []) for n, value in enumerate(values)]
    fetched = read(batch(7, records, codec, squeeze), 7)
    assert list(fetched.values.values()) == GOOD
    ((offset, value),) = fetched.unreadable.items()
    assert (offset, bytes(value), value.reason, value.truncated) == (7 + bad, b"poison", "wrong_encoding", False)
    assert "not UTF-8 (\\xff\\xfe)" in value.detail
    assert next(record_read.headers for record_read in fetched.records if record_read.offset == offset)[1] == (
        "ce_id",
        b"7",
    )
    assert fetched.goes_on_at == 13


def damaged_checksum(raw: bytes) -> bytes:
    """Return a batch with another byte in it than was sent."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


def unknown_compression(raw: bytes) -> bytes:
    """Return a batch that names a compression that does not exist."""
    return sealed(raw[:21] + struct.pack(">h", 7) + raw[23:])


def claimed_gzip(raw: bytes) -> bytes:
    """Return a batch that says it is gzip, and is not."""
    return sealed(raw[:21] + struct.pack(">h", 1) + raw[23:])


def cut_off(raw: bytes) -> bytes:
    """Return a batch that says it has more records than it has."""
    return sealed(raw[:57] + struct.pack(">i", 99) + raw[61:])


def endless_number(raw: bytes) -> bytes:
    """Return a batch whose first record has a length without an end."""
    return sealed(raw[:61] + b"\xff" * (len(raw) - 61))


@pytest.mark.parametrize("damage", [damaged_checksum, unknown_compression, claimed_gzip, endless_number])
def test_a_batch_that_cannot_be_read_is_stepped_over(
    read: Callable[..., Given], damage: Callable[[bytes], bytes]
) -> None:
    """What stands for it has its place, its bytes and the reason, and the batches behind it are read."""
    raw = damage(batch(10, [record(n, b"lost") for n in range(3)]))
    fetched = read(raw + batch(13, [record(n, value) for n, value in enumerate(GOOD)]), 10)
    assert list(fetched.values.values()) == GOOD
    assert list(fetched.unreadable) == [10, 12]
    first, last = fetched.unreadable.values()
    assert (bytes(first), first.reason) == (raw, "unreadable")
    assert "Offsets 10 to 12 cannot be read" in first.detail
    assert first == last
    assert fetched.goes_on_at == 18
    again = read(raw + batch(13, [record(n, value) for n, value in enumerate(GOOD)]), 12)
    assert list(again.unreadable) == [12], "a reader that begins inside it is told as well"


def test_where_the_structure_ends_the_records_before_are_kept(read: Callable[..., Given]) -> None:
    """A batch that claims more records than it has loses none of those it has."""
    fetched = read(cut_off(batch(0, [record(n, value) for n, value in enumerate(GOOD)])) + batch(5, [record(0, b"x")]))
    assert list(fetched.values.values()) == [*GOOD, b"x"]


@pytest.mark.parametrize("compression", COMPRESSED)
def test_of_a_value_over_the_limit_the_beginning_is_given(read: Callable[..., Given], compression: str) -> None:
    """With the size and the SHA-256 of the whole; its neighbours in the batch are read."""
    codec, squeeze = COMPRESSED[compression]
    large = b"abc" * LIMIT
    fetched = read(batch(0, [record(0, GOOD[0]), record(1, large, BAD_NAME[1:]), record(2, GOOD[2])], codec, squeeze))
    assert fetched.values == {0: GOOD[0], 2: GOOD[2]}
    value = fetched.unreadable[1]
    assert (value.size, value.sha256) == (len(large), hashlib.sha256(large).hexdigest())
    assert (bytes(value), value.reason) == (large[:KEPT_BYTES], "too_large")
    assert list(fetched.records[1].headers) == [("ce_id", b"7")]


@pytest.mark.parametrize("compression", [name for name in COMPRESSED if name != "none"])
def test_a_batch_that_inflates_to_more_than_memory_should_hold(
    read: Callable[..., Given], compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of gzip each record is read as it comes; of other compressions the batch is stepped over."""
    monkeypatch.setattr(decompression, "PLAIN_BYTES", 1_000_000)
    codec, squeeze = COMPRESSED[compression]
    large = b"abc" * 1_000_000
    raw = batch(0, [record(0, GOOD[0]), record(1, large), record(2, GOOD[2])], codec, squeeze)
    fetched = read(raw + batch(3, [record(0, b"x")]))
    assert fetched.values[3] == b"x"
    if compression == "gzip":
        assert fetched.values == {0: GOOD[0], 2: GOOD[2], 3: b"x"}
        assert (fetched.unreadable[1].size, fetched.unreadable[1].sha256) == (
            len(large),
            hashlib.sha256(large).hexdigest(),
        )
    else:
        assert "more than is held" in fetched.unreadable[0].detail


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_damage_leaves_the_batches_behind_it_readable(data: st.DataObject) -> None:
    """Whatever bytes behind the head of a batch are changed, with the checksum right or wrong, the next one is read."""
    codec, squeeze = COMPRESSED[data.draw(st.sampled_from(sorted(COMPRESSED)))]
    raw = bytearray(batch(0, [record(n, value, BAD_NAME[1:]) for n, value in enumerate(GOOD)], codec, squeeze))
    for at in data.draw(st.lists(st.integers(21, len(raw) - 1), min_size=1, max_size=4)):
        if not 23 <= at < 27:  # how many offsets it takes: a broker's own count
            raw[at] = data.draw(st.integers(0, 255))
    damaged = sealed(bytes(raw)) if data.draw(st.booleans()) else bytes(raw)
    own = record_batches.Batches
    kind = type("Own", (own,), {"own": own_of(data.draw(st.sampled_from(["aiokafka", "kafka"]))), "limit": LIMIT})
    batches = kind(damaged + batch(5, [record(0, b"behind")]))
    read_back: list[Any] = []
    while batches.has_next():
        next_batch = batches.next_batch()
        next_batch.validate_crc()
        read_back += list(next_batch)
    assert read_back[-1].value == b"behind"


def own_of(library: str) -> Any:
    """Return a library's own reader of fetched bytes."""
    if library == "kafka":
        from kafka.record import MemoryRecords
    else:
        from aiokafka.record.memory_records import MemoryRecords
    return MemoryRecords


def test_gzip_in_several_members_is_read() -> None:
    """Some producers write one member after another."""
    data = gzip.compress(b"a" * 100_000) + gzip.compress(b"b")
    assert decompression.inflated(data, decompression.GZIP) == zlib.decompress(data[: len(data) - 21], 31) + b"b"
