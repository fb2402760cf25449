"""Compressed record batches to plain bytes, within a limit: a few hundred kilobytes may hold gigabytes.

Of gzip the plain bytes come in chunks, so that even a huge batch can be gone through; the other codecs give at most
PLAIN_BYTES at once, or a refusal.
"""

import struct
import zlib
from collections.abc import Iterator

PLAIN_BYTES = 32_000_000
"""Plain bytes of a batch that are held in memory together; a producer sends 16 kB to 1 MB in one."""
CHUNK = 65_536
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
NAMES = {GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16


class Damaged(ValueError):
    """The bytes are not what they say; the text says what is wrong."""


def inflated(data: bytes, codec: int) -> bytes | None:
    """Return the plain bytes, or None when they are more than PLAIN_BYTES; raises Damaged."""
    if codec == GZIP:
        pieces, size = [], 0
        for chunk in gzip_chunks(data):
            size += len(chunk)
            if size > PLAIN_BYTES:
                return None
            pieces.append(chunk)
        return b"".join(pieces)
    if codec not in NAMES:
        raise Damaged(f"its compression is none that Kafka knows (number {codec})")
    import cramjam  # native code that only what reads Kafka needs

    try:
        return _snappy(data) if codec == SNAPPY else _at_once(data, codec)
    except (cramjam.DecompressionError, struct.error, ValueError, OSError) as error:
        raise Damaged(f"its {NAMES[codec]} compression cannot be undone ({str(error)[:100]})") from error


def gzip_chunks(data: bytes) -> Iterator[bytes]:
    """Give the plain bytes of gzip in chunks of at most CHUNK; raises Damaged."""
    try:
        while data:
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                chunk = member.decompress(data, CHUNK)
                data = member.unconsumed_tail or member.unused_data
                if not chunk and not data and not member.eof:
                    raise Damaged("its gzip compression ends too early")
                if chunk:
                    yield chunk
    except zlib.error as error:
        raise Damaged(f"its gzip compression cannot be undone ({error})") from error


def _at_once(data: bytes, codec: int) -> bytes | None:
    """Return what lz4 or zstd give, or None when it does not fit."""
    import cramjam

    library = cramjam.lz4 if codec == LZ4 else cramjam.zstd
    plain = bytearray(PLAIN_BYTES + 1)
    try:
        size = library.decompress_into(data, plain)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            return None
        raise
    return bytes(memoryview(plain)[:size]) if size <= PLAIN_BYTES else None


def _snappy(data: bytes) -> bytes | None:
    """Return what snappy gives, raw or in the blocks of xerial's format, or None when it does not fit."""
    if not data.startswith(_XERIAL):
        return _snappy_block(data, PLAIN_BYTES)
    pieces: list[bytes] = []
    left, at = PLAIN_BYTES, _XERIAL_HEADER
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        if size < 0:
            raise Damaged("its snappy blocks have a negative length")
        block = _snappy_block(data[at + 4 : at + 4 + size], left)
        if block is None:
            return None
        pieces.append(block)
        left -= len(block)
        at += 4 + size
    return b"".join(pieces)


def _snappy_block(block: bytes, most: int) -> bytes | None:
    """Return one block inflated; None, before any work, when its head promises more than `most` bytes."""
    import cramjam

    if cramjam.snappy.decompress_raw_len(block) > most:
        return None
    return bytes(cramjam.snappy.decompress_raw(block))
