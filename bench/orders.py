"""The events that every lane consumes: purchases and deliveries of new and known customers, the same for a seed.

A shop's usual mix: each customer buys once to four times, most orders are delivered, each event brings the customer's
data. All times are near `NOW`, so that everything is planned and nothing is too late.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import orjson

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ORDERS_AT_MOST = 4
ZONES = ("Europe/Paris", "Europe/London", "America/Sao_Paulo", "America/New_York")


def events(count: int, seed: int = 1, customers: Sequence[str] = ()) -> list[tuple[str, bytes]]:
    """Return the customer's id and the bytes of each event, in the order in which a day's shopping publishes them.

    The customers are as many new ones as it takes, or those that are named, over and over.
    """
    draw = Random(seed)
    told: list[tuple[datetime, str, bytes]] = []
    customer = 0
    while len(told) < count:
        customer += 1
        again, place = divmod(customer, len(customers)) if customers else (0, 0)
        told += shopping(customers[place] if customers else f"C-{customer:07}", draw, again * ORDERS_AT_MOST)
    told.sort()
    return [(crm_id, body) for _, crm_id, body in told[:count]]


def shopping(crm_id: str, draw: Random, first: int = 0) -> Iterator[tuple[datetime, str, bytes]]:
    """Give one customer's orders of the day, each with its delivery some hours later; numbered from `first` on."""
    zone = draw.choice(ZONES)
    for order in range(first, first + draw.choice((1, 1, 1, 2, ORDERS_AT_MOST))):
        at = NOW - timedelta(seconds=draw.randrange(1, 86_400))
        expected = draw.random() < 0.8
        reference = f"{crm_id}/{order}"
        yield at, crm_id, event("purchase", crm_id, zone, at, reference, delivery_expected=expected)
        if expected:
            later = min(at + timedelta(seconds=draw.randrange(3_600, 30_000)), NOW)
            yield later, crm_id, event("delivery", crm_id, zone, later, reference)


def event(name: str, crm_id: str, zone: str, at: datetime, reference: str, **more: object) -> bytes:
    """Return one CloudEvent as a shop publishes it."""
    card = {
        "id": crm_id,
        "email": f"{crm_id.lower()}@customers.example.org",
        "name": "Camille Roux",
        "language": "fr",
        "time_zone": zone,
        "segment": "retail",
    }
    data = {"customer": card, "reference": reference, "label": f"order {reference}", **more}
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"{reference}-{name}",
            "source": "shop",
            "type": f"boucle.journey.{name}.v1",
            "subject": crm_id,
            "time": at.isoformat(),
            "data": data,
        }
    )
