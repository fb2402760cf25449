"""Events that nobody should send: the examples of the schemas, changed a little or a lot. Holds no test."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from campaign import smaller_bytes, smaller_list
from mutations import PIECES, any_text, any_value, changed_bytes, changed_json, written

SCHEMAS = Path(__file__).parents[2] / "schemas" / "in"
STRUCTURED = "application/cloudevents+json"
KINDS = (
    *(STRUCTURED, STRUCTURED, f"{STRUCTURED}; charset=utf-8", "application/json", "application/cloudevents-batch+json"),
    *("", "text/plain", "application/cloudevents+xml", "application/json;charset=utf-16", ";;;", "application/x+json"),
)
NAMES = (
    "ce_id",
    "ce_subject",
    "ce_type",
    "ce_",
    "ce_data",
    "ce_\x00",
    "CE_ID",
    "ce-id",
    "content-type",
    "",
    "é",
    "x" * 300,
)
SUBJECTS = tuple(f"C-{n}" for n in range(60))
MOST = 40
"""Events in one batch."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a sender hands over: a body, and headers as Kafka has them."""

    body: bytes
    headers: tuple[tuple[str, bytes | None], ...] = ()


@cache
def examples() -> tuple[dict[str, Any], ...]:
    """Return every example of the schemas of events that come in, and one of each type they name."""
    events: list[dict[str, Any]] = []
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        events += schema["examples"]
        events += [{**schema["examples"][0], "type": type_} for type_ in schema["properties"]["type"].get("enum", ())]
    return tuple(events)


def make_event(draw: Random) -> dict[str, Any]:
    """Return an event that is good but for what is asked of it: of some customer, on some day, about something."""
    event = draw.choice(examples())
    if event["type"].endswith(".erased.v1") and draw.random() < 0.8:
        event = draw.choice(examples())
    event = json.loads(json.dumps(event))
    event["id"] = f"{draw.choice(('a', 'b'))}{draw.randrange(200_000)}"
    if "subject" in event and draw.random() < 0.95:
        event["subject"] = draw.choice(SUBJECTS)
        customer = event.get("data", {}).get("customer")
        if isinstance(customer, dict) and "id" in customer:
            customer["id"] = event["subject"]
    if "time" in event:
        event["time"] = f"2026-{draw.randrange(1, 6):02}-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:05:00+02:00"
    if "reference" in event.get("data", {}):
        event["data"]["reference"] = f"r{draw.randrange(40)}"
    return event  # type: ignore[no-any-return]  # JSON


def make_message(draw: Random) -> Message:
    """Return one message: an event with values changed, in some mode, its bytes and headers perhaps changed too."""
    event = make_event(draw)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4))):
        event = changed_json(draw, event) if isinstance(event, dict) and event else {"data": any_value(draw)}
    headers: list[tuple[str, bytes | None]] = []
    body: Any = event
    if draw.random() < 0.3:
        headers = [
            (f"ce_{name}", str(value).encode("utf-8", "surrogatepass"))
            for name, value in event.items()
            if name != "data"
        ]
        body = event.get("data")
    if draw.random() < 0.3:
        headers.append(("content-type", draw.choice(KINDS).encode()))
    if draw.random() < 0.1:
        name = draw.choice((*NAMES, any_text(draw)))
        headers.append((name, draw.choice((None, *PIECES, any_text(draw).encode("utf-8", "surrogatepass")))))
    raw = written(draw, body)
    if draw.random() < 0.15:
        for _ in range(draw.choice((1, 1, 3))):
            raw = changed_bytes(draw, raw)
    if draw.random() < 0.002:
        raw = draw.choice(PIECES) * draw.choice((20_000,) * 9 + (300_000,)) + raw
    return Message(raw, tuple(headers))


def make_batch(draw: Random) -> tuple[Message, ...]:
    """Return what one fetch brings."""
    return tuple(make_message(draw) for _ in range(draw.randrange(1, MOST)))


def smaller_batch(batch: tuple[Message, ...]) -> Iterator[tuple[Message, ...]]:
    """Give the batch without some of its messages; of a single message, smaller ones."""
    if len(batch) > 1:
        yield from smaller_list(batch)
        return
    (message,) = batch
    for headers in smaller_list(message.headers):
        yield (replace(message, headers=headers),)
    for body in smaller_bytes(message.body):
        yield (replace(message, body=body),)
