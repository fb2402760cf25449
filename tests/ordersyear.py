"""Real orders as a story: 5,000 of a Brazilian marketplace (Olist public data, 2016-2018), read from the shared folder.

Each row gives a purchase and, where the parcel arrived, a delivery; what customers answer is drawn as in story.py.
"""

import csv
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import orjson
from story import Message, Story

from workers.adapters.kafka import Topic
from workers.cloudevents import Codec
from workers.usecases.csv_import import Mapping, rows

FILE = Path(__file__).parents[2] / "shared" / "data" / "orders.csv"
CLOCK_STARTS = datetime(2016, 9, 1, 10, 0, tzinfo=UTC)
SHOP = """
source: shop
time_zone: America/Sao_Paulo
customer: {id: "{customer_id}", email: "{customer_id}@example.org", language: fr}
events:
  - type: boucle.journey.purchase.v1
    id: "{order_id}-purchase"
    time: "{purchased_at}"
    data: {reference: "{order_id}", delivery_expected: true}
  - type: boucle.journey.delivery.v1
    id: "{order_id}-delivery"
    time: "{delivered_at}"
    when: delivered_at
    data: {reference: "{order_id}"}
"""


def story_of_orders(codec: Codec, *, after: str = "", count: int | None = None) -> Story:
    """Return the story of the orders placed from `after` on (a local date), at most `count` of them."""
    with FILE.open(encoding="utf-8", newline="") as file:
        placed = sorted((row["purchased_at"], row["order_id"]) for row in csv.DictReader(file))
    wanted = {order for _, order in islice((message for message in placed if message[0] >= after), count)}
    with FILE.open("rb") as stream:
        messages = [message_of(body) for row in rows(stream, Mapping.load(SHOP, codec)) for body in row.events]
    chosen = [message for message in messages if orjson.loads(message.body)["data"]["reference"] in wanted]
    chosen.sort(key=lambda message: (message.at, message.key, message.body))
    start = chosen[0].at.replace(hour=10, minute=0, second=0) if after else CLOCK_STARTS
    return Story(
        customers=0,
        bad_events=False,
        messages=chosen,
        start=start,
        days=(chosen[-1].at - start).days + 15,
    )


def message_of(body: bytes) -> Message:
    """Return one event as the shop's CRM publishes it when it happens."""
    event = orjson.loads(body)
    return Message(datetime.fromisoformat(event["time"]).astimezone(UTC), Topic.EVENTS, event["subject"], body)
