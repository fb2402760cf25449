"""Bytes and headers to one CloudEvent in structured form, whichever mode and protocol it came in.

CloudEvents 1.0: JSON format, HTTP binding (`ce-` headers, percent-encoded) and Kafka binding (`ce_` headers, UTF-8).
It knows no event type and never raises on what it is given.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

import orjson

from workers.cloudevents.events import Fault, Refusal, Rejected

Headers = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
Envelope = dict[str, object]

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PACKED = (
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
    (b"\x04\x22\x4d\x18", "compressed (LZ4)"),
    (b"PK\x03\x04", "a ZIP file, or a workbook"),
    (b"Obj\x01", "an Avro file"),
)
"""How bodies begin that are something else, and what they are."""
_MARK = b"\xef\xbb\xbf"


def refused(reason: Refusal, detail: str, pointer: str = "") -> Rejected:
    """Refuse what has a single fault and no sender that could be named."""
    return Rejected(reason, (Fault(pointer, detail, reason),))


NOT_UTF8 = re.compile("[\ud800-\udfff\ufffd]")
"""What stands for bytes that were no UTF-8: half a surrogate pair, which no text holds, or the sign for it."""


def read(body: bytes, headers: Headers, content_type: str | None, max_bytes: int) -> Envelope | Rejected:
    """Return the event in structured form, or why the bytes are not one.

    Headers decide the mode: `ce_specversion` or `ce-specversion` without a CloudEvents content type is binary mode.
    Without headers, a JSON object is taken as structured mode.
    """
    if len(body) > max_bytes:
        return too_large(len(body), max_bytes)
    if not headers and content_type is None:
        return structured(body)
    named = _by_name(headers)
    media, charset = _media(content_type or named.get("content-type", ""))
    if charset not in ("", "utf-8", "utf8", "us-ascii", "ascii"):
        return refused(Refusal.WRONG_ENCODING, f"The content type says charset={charset[:40]}. Send UTF-8.")
    if media == _BATCH:
        detail = "This is a batch. Send batches by HTTP to /v1/events, or each event as a message of its own."
        return refused(Refusal.NOT_CLOUDEVENT, detail)
    if media.startswith("application/cloudevents") and media != _STRUCTURED:
        return refused(Refusal.NOT_CLOUDEVENT, f"Content type {media[:80]} is not read here. Send {_STRUCTURED}.")
    if media != _STRUCTURED and ("ce_specversion" in named or "ce-specversion" in named or _attributes(named)):
        return _binary(body, named, media)
    return structured(body)


def too_large(size: int, limit: int) -> Rejected:
    """Refuse a body that is longer than the limit (both in bytes)."""
    detail = f"The event has {size:,} bytes; the limit is {limit:,}. Send ids and short texts, not documents or images."
    return refused(Refusal.TOO_LARGE, detail)


def structured(body: bytes) -> Envelope | Rejected:
    """Read the JSON format of CloudEvents."""
    value = decode(body)
    if isinstance(value, Rejected):
        return value
    if type(value) is not dict:
        detail = f"Found {describe(value)}. Expected a CloudEvent: a JSON object with specversion, id, source and type."
        return refused(Refusal.NOT_CLOUDEVENT, detail)
    if "data_base64" in value:
        return _with_encoded_data(value)
    return value


def _with_encoded_data(value: Envelope) -> Envelope | Rejected:
    """Replace `data_base64` by the JSON it holds."""
    encoded = value.pop("data_base64")
    try:
        raw = base64.b64decode(encoded if isinstance(encoded, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        return refused(Refusal.NOT_CLOUDEVENT, "This is not base64. Send the data as JSON in `data`.", "/data_base64")
    data = decode(raw)
    if isinstance(data, Rejected):
        return data
    value["data"] = data
    return value


def decode(body: bytes) -> object:
    """Return the JSON value, or a refusal that tells wrong encoding from wrong JSON; linear in the size of the body."""
    body = without_marks(body)
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _undecodable(body, error)
    return value


def without_marks(body: bytes) -> bytes:
    """Return the body without the byte order marks before it: harmless in UTF-8, and common on Windows."""
    start = 0
    while body.startswith(_MARK, start):
        start += len(_MARK)
    return body[start:] if start else body


def _undecodable(body: bytes, error: orjson.JSONDecodeError) -> Rejected:
    if not body.strip():
        return refused(Refusal.NOT_JSON, "The body is empty. Send a CloudEvent as JSON.")
    packed = next((name for sign, name in _PACKED if body.startswith(sign)), "")
    if packed:
        return refused(Refusal.WRONG_ENCODING, f"The body is {packed}. Send the CloudEvent as plain JSON.")
    if _is_framed(body):
        schema = int.from_bytes(body[1:5], "big")
        detail = (
            f"The body has the framing of Confluent's serialisers (magic byte 0, schema id {schema}) before its data. "
            "Publish the CloudEvent as plain JSON, without a schema registry's serialiser."
        )
        return refused(Refusal.WRONG_ENCODING, detail)
    if body.startswith(_UTF16) or b"\x00" in body[:4]:
        return refused(Refusal.WRONG_ENCODING, "The bytes look like UTF-16 or UTF-32. Send UTF-8.")
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        culprit = f"byte {body[wrong.start]:#04x} at position {wrong.start}"
        detail = f"The bytes are not UTF-8 ({culprit}; perhaps Latin-1 or Windows-1252). Send UTF-8."
        return refused(Refusal.WRONG_ENCODING, detail)
    if b"\x00" in body:
        return refused(Refusal.WRONG_ENCODING, "The body holds a NUL byte. Remove it and send again.")
    return refused(Refusal.NOT_JSON, f"This is not JSON: {error}. Send a CloudEvent as JSON.")


def _is_framed(body: bytes) -> bool:
    """Tell Confluent's framing (0, four bytes of a schema's id, data) from UTF-16 and UTF-32, which have zeros too."""
    utf32 = body[:3] == b"\0\0\0" and body[4:7] == b"\0\0\0"
    return len(body) > 5 and body[:2] == b"\0\0" and not utf32


def _binary(body: bytes, named: Mapping[str, str], media: str) -> Envelope | Rejected:
    """Read binary mode: attributes in headers, the data alone in the body."""
    envelope = _attributes(named)
    if any(NOT_UTF8.search(text) for name, value in envelope.items() for text in (name, str(value))):
        return refused(Refusal.WRONG_ENCODING, "A header is not UTF-8. Send attribute headers in UTF-8.")
    if any("\x00" in name or "\x00" in str(value) for name, value in envelope.items()):
        return refused(Refusal.WRONG_ENCODING, "A header holds the character NUL. Remove it and send again.")
    if media not in ("", "application/json", "text/json") and not media.endswith("+json"):
        detail = f"The data has content type {media[:80]}. Send it as application/json."
        return refused(Refusal.NOT_JSON, detail)
    if body:
        data = decode(body)
        if isinstance(data, Rejected):
            texts = (envelope.get(name) for name in ("source", "id", "subject"))
            source, event_id, subject = (text if isinstance(text, str) else None for text in texts)
            return Rejected(data.reason, data.faults, source, event_id, subject)
        envelope["data"] = data
    return envelope


def _attributes(named: Mapping[str, str]) -> Envelope:
    """Collect the attributes; HTTP's are percent-encoded, Kafka's are not."""
    kafka: Envelope = {name[3:]: value for name, value in named.items() if name.startswith("ce_")}
    http: Envelope = {name[3:]: unquote(value) for name, value in named.items() if name.startswith("ce-")}
    return {**http, **kafka}


def _by_name(headers: Headers) -> dict[str, str]:
    """Return headers by lower-case name; bytes that are not UTF-8 become the replacement character."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {
        name.lower(): value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
        for name, value in pairs
    }


@lru_cache(256)  # a sender has one
def _media(content_type: str) -> tuple[str, str]:
    """Return media type and charset in lower case."""
    media, _, parameters = content_type.lower().partition(";")
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = value.strip().strip('"')
    return media.strip(), charset


def describe(value: object) -> str:
    """Show a value in a sentence, cut short: a fault must not repeat a megabyte."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value!r}"[:60]
    if isinstance(value, str):
        return f'the text "{value[:60]}{"…" if len(value) > 60 else ""}"'
    return "an object" if isinstance(value, dict) else "a list"
