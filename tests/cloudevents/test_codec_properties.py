"""The codec never raises: whatever comes in, it is an event or a refusal with at least one sentence."""

import json
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.cloudevents import Codec, Event, Rejected, read_schemas

SCHEMA_FILES = Path(__file__).parents[2] / "schemas"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
CODEC = Codec(
    read_schemas(
        {
            str(path.relative_to(SCHEMA_FILES)): path.read_bytes()
            for path in SCHEMA_FILES.rglob("*.json")
            if path.name != "openapi.json"
        }
    ),
    zones={"Europe/Paris"},
)
EXAMPLES = [
    example
    for path in sorted((SCHEMA_FILES / "in").glob("*.json"))
    for example in orjson.loads(path.read_bytes())["examples"]
]
FIELDS = sorted({field for example in EXAMPLES for field in example.get("data", {})} | {"at", "until", "occurred_at"})
TIMES = st.sampled_from(
    ["2026-03-31T14:05:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | TIMES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


def sound(result: Event | Rejected) -> None:
    """Check what every result promises."""
    if isinstance(result, Rejected):
        assert result.faults
        assert result.fault.strip()
        assert all(fault.pointer == "" or fault.pointer.startswith("/") for fault in result.faults)
    else:
        assert result.time.utcoffset() == result.occurred_at.utcoffset() == NOW.utcoffset()
        assert len(result.digest) == 64
        assert result.id
        assert result.source


@given(st.binary(max_size=200), st.lists(st.tuples(st.text(max_size=15), st.binary(max_size=20)), max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_bytes_and_headers(body: bytes, headers: list[tuple[str, bytes]]) -> None:
    """Random bytes under random headers."""
    sound(CODEC.parse(body, headers, NOW))
    sound(CODEC.parse(body, [("ce_specversion", b"1.0"), *headers], NOW))


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json(value: object) -> None:
    """Random JSON, with what only Python writes (NaN, huge integers, lone surrogates)."""
    sound(CODEC.parse(json.dumps(value).encode(), (), NOW))


@given(st.sampled_from(EXAMPLES), st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), st.data())
@settings(max_examples=800, deadline=None)
def test_damaged_events(example: dict[str, object], changes: dict[str, object], data: st.DataObject) -> None:
    """A good event of every type with fields replaced, at the top, in the data and in the customer."""
    content = dict(example.get("data") or {}, **changes)  # type: ignore[call-overload]  # examples are plain JSON
    event = {**example, "data": content}
    for name in data.draw(
        st.lists(st.sampled_from(["id", "source", "subject", "time", "data", "specversion"]), max_size=2)
    ):
        event[name] = data.draw(VALUES)
    result = CODEC.parse(json.dumps(event).encode(), (), NOW)
    sound(result)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_structured_and_binary_copies_are_one_event(example: dict[str, object]) -> None:
    """Every accepted example in binary mode gives the same event as in structured mode."""
    headers = [("ce_" + name, str(value).encode()) for name, value in example.items() if name != "data"]
    body = orjson.dumps(example["data"]) if "data" in example else b""
    assert CODEC.parse(body, headers, NOW) == CODEC.parse(orjson.dumps(example), (), NOW)


@given(st.lists(VALUES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_batch(values: list[object]) -> None:
    """A batch of anything gives one sound result each, or one refusal."""
    results = CODEC.parse_batch(json.dumps(values).encode(), NOW)
    for result in [results] if isinstance(results, Rejected) else results:
        sound(result)
