"""The lamp shop: its customers and what happens to them in fourteen months, from a seed.

The same seed gives the same events, byte by byte. Nothing here knows how Boucle works.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import orjson

PARIS = ZoneInfo("Europe/Paris")
END = datetime(2026, 6, 16, 10, 12, tzinfo=PARIS)
"""A fixed Tuesday: the demo's clock ends here and ticks on."""
START = datetime(2025, 4, 14, 8, 0, tzinfo=PARIS)
DAYS = (END - START).days
CARRIER_CHANGED = datetime(2025, 12, 8, 8, 0, tzinfo=PARIS)
CARRIER_REPLACED = datetime(2026, 3, 9, 8, 0, tzinfo=PARIS)
"""Month 8: a new carrier in the North brings parcels late. Month 11: it is replaced."""

FIRST_FR = (
    *("Camille", "Louise", "Inès", "Jade", "Léa", "Manon", "Chloé", "Zoé"),
    *("Hugo", "Louis", "Gabriel", "Arthur", "Jules", "Adam", "Paul", "Nathan"),
)
FIRST_EN = (
    *("Olivia", "Amelia", "Isla", "Ava", "Grace", "Emily", "Jack", "Oliver"),
    *("George", "Harry", "Noah", "Leo", "Arthur", "Theo", "Oscar", "Freya"),
)
LAST_FR = (
    *("Roux", "Martin", "Bernard", "Petit", "Durand", "Leroy", "Moreau"),
    *("Simon", "Laurent", "Lefebvre", "Michel", "Garcia", "David", "Bertrand"),
)
LAST_EN = (
    *("Smith", "Jones", "Taylor", "Brown", "Davies", "Evans", "Wilson"),
    *("Thomas", "Roberts", "Johnson", "Walker", "Wright", "Green", "Hall"),
)
LAMPS = ("Arc", "Lune", "Brume", "Halo", "Soleil", "Plume", "Cuivre", "Nordlys", "Opale", "Vague")
SHARE_FRENCH, SHARE_REPEAT, MEAN_GAP_DAYS = 0.6, 0.55, 95.0
SHARE_BY_SMS, SHARE_TRADE = 0.15, 0.2
"""Who asked the shop to write by SMS, which makes one question in twenty; and who buys for hotels and shop windows."""
ACCOUNTS = (
    *("Hotel Astra", "Hotel du Lac", "Hotel Meridian", "Maison Perle", "Studio Nord", "Atelier Sud"),
    *("Gallery Nine", "Harbour House", "Le Petit Salon", "Bloom & Co", "Casa Verde", "The Old Mill"),
)
"""Hotels and decorators, each with several people who buy."""
SHARE_DECIDES = 0.3


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the shop's CRM knows them."""

    id: str
    name: str
    language: str
    zone: str
    region: str
    phone: str
    joined: datetime
    generous: float
    reached_by: str
    kind: str
    account: str
    """The hotel or decorator that somebody buys for; empty for people at home."""
    role: str


@dataclass(frozen=True, slots=True)
class ShopEvent:
    """One event as the shop's CRM publishes it: its bytes and key, and what it says in short."""

    at: datetime
    body: bytes
    key: str
    name: str = ""
    reference: str = ""


def people(seed: int, count: int) -> list[Person]:
    """Return the shop's customers; 60 % French, in three regions."""
    everybody = []
    for number in range(1, count + 1):
        random, asked = Random(f"{seed}/person/{number}"), Random(f"{seed}/asked/{number}")
        french = random.random() < SHARE_FRENCH
        first = random.choice(FIRST_FR if french else FIRST_EN)
        last = random.choice(LAST_FR if french else LAST_EN)
        reached_by = "sms" if asked.random() < SHARE_BY_SMS else "mail"
        kind = "trade" if asked.random() < SHARE_TRADE else "home"
        everybody.append(
            Person(
                id=f"L{number:04}",
                name=f"{first} {last}",
                language="fr" if french else "en",
                zone="Europe/Paris" if french else "Europe/London",
                region=random.choices(("north", "south", "west"), (4, 3, 3))[0],
                phone=f"+33 6 {random.randrange(10, 38)} {random.randrange(10, 99)} {random.randrange(10, 99)} 10",
                joined=START + timedelta(days=random.random() * (DAYS - 10), hours=random.random() * 10),
                generous=random.gauss(0.0, 1.1),
                reached_by=reached_by,
                kind=kind,
                account=asked.choice(ACCOUNTS) if kind == "trade" else "",
                role="decides" if asked.random() < SHARE_DECIDES else "uses",
            )
        )
    return everybody


def is_late(region: str, bought: datetime) -> bool:
    """Tell whether a parcel comes late: the North, while the new carrier has it."""
    return region == "north" and CARRIER_CHANGED <= bought < CARRIER_REPLACED


def was_late(person: Person, delivered: datetime) -> bool:
    """Tell whether a parcel that came at an instant was one of those."""
    return is_late(person.region, delivered - timedelta(days=12))


def year(seed: int, persons: list[Person]) -> list[ShopEvent]:
    """Return everything the CRM publishes, in order of time, with some events twice and some that are wrong."""
    events = [event for person in persons for event in life(seed, person)]
    events += [again for number, again in enumerate(events) if number % 97 == 0]
    events += list(mistakes(seed, persons))
    return sorted((dated for dated in events if dated.at < END), key=lambda dated: (dated.at, dated.body))


def life(seed: int, person: Person) -> Iterator[ShopEvent]:
    """Give one customer's events: orders with their deliveries, and what else happens."""
    random = Random(f"{seed}/life/{person.id}")
    at, order = person.joined, 0
    yield customer_event(person, "changed", at - timedelta(minutes=5), random)
    if person.account:
        yield journey_event(person, "trial_started", at - timedelta(minutes=4), "", {})
    while at < END:
        order += 1
        reference = f"{person.id[1:]}-{order}"
        yield from one_order(person, reference, at, random)
        if random.random() > SHARE_REPEAT:
            break
        at += timedelta(days=20 + random.expovariate(1 / MEAN_GAP_DAYS))
    if random.random() < 0.02:
        yield journey_event(person, "churned", at + timedelta(days=40), "", {})
    if random.random() < 0.015:
        yield customer_event(person, "opted_out", at + timedelta(days=55), random)


def one_order(person: Person, reference: str, at: datetime, random: Random) -> Iterator[ShopEvent]:
    """Give what happens to one order: purchase and delivery, now and then a refund, a call or a complaint."""
    lamp = random.choice(LAMPS)
    label = f"lampe {lamp}" if person.language == "fr" else f"{lamp} lamp"
    details = {"product": label}
    yield journey_event(person, "purchase", at, reference, {"delivery_expected": True, "label": label, **details})
    if random.random() < 0.03:
        yield journey_event(
            person, "refund", at + timedelta(days=1 + random.random() * 20), reference, {"label": label}
        )
    days = 2 + random.random() * 3 + (9 + random.random() * 6 if is_late(person.region, at) else 0)
    arrived = at + timedelta(days=days)
    yield journey_event(person, "delivery", arrived, reference, {"label": label, **details})
    if random.random() < 0.08:
        ended = arrived + timedelta(days=3 + random.random() * 60)
        agent = random.choice(("Claire", "Nadia", "Tom"))
        yield journey_event(person, "interaction_ended", ended, f"call-{reference}", {"label": label, "agent": agent})
    if random.random() < 0.01:
        opened = arrived + timedelta(days=2)
        yield journey_event(person, "complaint_opened", opened, reference, {"label": label})
        yield journey_event(person, "complaint_closed", opened + timedelta(days=9), reference, {"label": label})


def journey_event(person: Person, name: str, at: datetime, reference: str, data: dict[str, object]) -> ShopEvent:
    more = {"reference": reference} if reference else {}
    return event(person, f"boucle.journey.{name}.v1", at, {"customer": card(person), **more, **data}, reference)


def customer_event(person: Person, name: str, at: datetime, random: Random) -> ShopEvent:
    return event(person, f"boucle.customer.{name}.v1", at, {"customer": card(person)}, f"{random.randrange(10**6)}")


def event(person: Person, type_: str, at: datetime, data: dict[str, object], ident: str) -> ShopEvent:
    """Write an event as structured CloudEvents JSON; its id follows from person, name and `ident`."""
    at = at.replace(microsecond=0)
    name = type_.split(".")[-2]
    body = {
        "specversion": "1.0",
        "id": f"{person.id}-{name}-{ident}",
        "source": "lamp-shop",
        "type": type_,
        "subject": person.id,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return ShopEvent(at, orjson.dumps(body), person.id, name, str(data.get("reference", "")))


def card(person: Person) -> dict[str, object]:
    """Return the customer as the CRM knows them."""
    return {
        "id": person.id,
        "email": f"{person.id.lower()}@example.org",
        "name": person.name,
        "phone": person.phone,
        "language": person.language,
        "time_zone": person.zone,
        "segment": person.region,
        "survey_notice_given": True,
        "country": "FR" if person.language == "fr" else "GB",
        **({"survey_consent": True} if person.reached_by == "sms" else {}),
        "attributes": {
            "reached_by": person.reached_by,
            "customer_kind": person.kind,
            **({"account": person.account, "role": person.role} if person.account else {}),
        },
    }


def mistakes(seed: int, persons: list[Person]) -> Iterator[ShopEvent]:
    """Give events that cannot be accepted, as they come from real CRMs."""
    random = Random(f"{seed}/mistakes")
    for number in range(max(3, math.ceil(len(persons) / 60))):
        person = random.choice(persons)
        at = START + timedelta(days=random.random() * (DAYS - 5))
        broken: tuple[bytes, ...] = (
            b'{"specversion": "1.0", "id": "cut-off',
            orjson.dumps(wrong(person, at, number, "boucle.score.v1", {"score": 11})),
            orjson.dumps(wrong(person, at, number, "boucle.journey.delivered.v1", {"reference": "1"})),
            orjson.dumps(wrong(person, at, number, "boucle.journey.purchase.v1", {"reference": "1"})),
        )
        yield ShopEvent(at, broken[number % len(broken)], person.id)


def wrong(person: Person, at: datetime, number: int, type_: str, data: dict[str, object]) -> dict[str, object]:
    """Make one of the events that the contract refuses, so that the demo has dead letters to show."""
    return {
        "specversion": "1.0",
        "id": f"wrong-{number}",
        "source": "lamp-shop",
        "type": type_,
        "subject": person.id,
        "time": at.replace(microsecond=0).isoformat(),
        "data": data,
    }
