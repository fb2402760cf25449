"""What the intake could cost at least: whole fetches, msgspec, and COPY of the very rows that ours leaves.

It reads nothing from the database: it keeps every customer and journey in memory, which an installation cannot, and
knows only what the bench's events need (no stops, no holds, no rest, no dead letters, no rules). It sees what it saw
in this run only: a second process or a restart would write rows twice. What it leaves differs from ours in ids and in
the digests of events alone, and `received` and `consumed` (a row a batch) stay empty. Nothing in Boucle uses it.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import orjson
import psycopg

from bench.by_hand import PROFILE, Step, later, steps_of

BATCH = 500
"""Events in one transaction, as the intake takes them."""
COPIED: dict[str, tuple[str, ...]] = {
    "customer": ("id", "crm_id", "created_at", *PROFILE, "changed_at", "firsts"),
    "inbox": ("source", "event_id", "customer", "type", "digest", "door", "occurred_at", "received_at"),
    "journey": (
        *("id", "customer", "trigger", "reference", "label", "details", "anchor_at", "event", "state"),
        *("plan_version", "began", "delivery_expected"),
    ),
    "touchpoint": (
        *("journey", "step", "customer", "trigger", "reference", "rule", "plan_version", "template", "anchor_at"),
        *("due_at", "wake_at", "give_up_at", "if_resting", "reminder", "state", "reason", "detail"),
        *("changed_at", "planned_at"),
    ),
}
"""Tables and columns, in the order in which they are written."""
CHANGED = f"""UPDATE customer SET changed_at = news.changed_at, firsts = news.firsts,
    {", ".join(f"{name} = news.{name}" for name in PROFILE)}
    FROM jsonb_to_recordset(%s::jsonb) AS news (id uuid, changed_at jsonb, firsts jsonb,
    {", ".join(f"{name} text" for name in PROFILE)}) WHERE customer.id = news.id"""


class Card(msgspec.Struct):
    """What an event says of its customer."""

    email: str
    name: str
    language: str
    time_zone: str
    segment: str


class Order(msgspec.Struct):
    """What an event says of an order."""

    customer: Card
    reference: str
    label: str
    delivery_expected: bool | None = None


class Envelope(msgspec.Struct):
    """One event as it comes."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Order


@dataclass(slots=True)
class Person:
    """What is remembered of a customer."""

    key: str
    card: Card
    changed: str
    firsts: dict[str, str]
    stored: bool = False


@dataclass(slots=True)
class Rows:
    """Lines of COPY's text format for one batch, by table."""

    customer: list[str] = field(default_factory=list)
    inbox: list[str] = field(default_factory=list)
    journey: list[str] = field(default_factory=list)
    touchpoint: list[str] = field(default_factory=list)


class Floor:
    """The rows of every event since the start of the process."""

    def __init__(self, now: datetime, plan_version: str) -> None:
        self._now = now.isoformat()
        self._plan_version = plan_version
        self._decode = msgspec.json.Decoder(Envelope).decode
        self._people: dict[str, Person] = {}
        self._events: set[tuple[str, str]] = set()
        self._journeys: dict[tuple[str, str, str], str] = {}

    def take(self, connection: psycopg.Connection, bodies: Sequence[bytes]) -> None:
        """Take a batch in, in one transaction."""
        rows, touched = Rows(), dict[str, Person]()
        for body in bodies:
            event = self._decode(body)
            if (event.source, event.id) not in self._events:
                self._events.add((event.source, event.id))
                touched[event.subject] = self._plan(event, body, rows)
        changed = [person for person in touched.values() if person.stored]
        for crm_id, person in touched.items():
            if not person.stored:
                rows.customer.append(self._customer(crm_id, person))
                person.stored = True
        with connection.transaction(), connection.cursor() as cursor:
            if changed:
                cursor.execute(CHANGED.encode(), (orjson.dumps(list(map(as_object, changed))).decode(),))
            for table, names in COPIED.items():
                copy(cursor, table, names, getattr(rows, table))

    def _plan(self, event: Envelope, body: bytes, rows: Rows) -> Person:
        """Add the rows of one event, and return its customer."""
        name, moment, order = event.type.split(".")[2], event.time.isoformat(), event.data
        person = self._people.get(event.subject)
        if person is None:
            key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.subject))
            person = self._people[event.subject] = Person(key, order.customer, moment, {})
        first = person.firsts.get(name, "~") >= moment
        if first:
            person.firsts[name] = moment
        if person.changed <= moment:
            person.card, person.changed = order.customer, moment
        digest = hashlib.sha256(body).hexdigest()
        rows.inbox.append(
            f"{event.source}\t{event.id}\t{person.key}\t{event.type}\t{digest}\tkafka\t{moment}\t{self._now}"
        )
        data = {"reference": order.reference, "delivery_expected": order.delivery_expected}
        for step, reference in steps_of(name, data, first):
            journey = self._journey(event, person, (step[1], reference), name, rows)
            rows.touchpoint.append(self._touchpoint(step, journey, person.key, reference, event))
        if name == "purchase" and order.delivery_expected:
            self._journey(event, person, ("purchase", order.reference), name, rows)
        return person

    def _journey(self, event: Envelope, person: Person, what: tuple[str, str], name: str, rows: Rows) -> str:
        """Return the id of a journey, which begins with this event unless it is known."""
        key = self._journeys.get((person.key, *what))
        if key is None:
            trigger, reference = what
            key = self._journeys[(person.key, *what)] = str(uuid.uuid4())
            expected = {None: "\\N", True: "t", False: "f"}[event.data.delivery_expected]
            rows.journey.append(
                f"{key}\t{person.key}\t{trigger}\t{reference}\t{event.data.label}\t{{}}\t{event.time.isoformat()}\t"
                f"{event.source}/{event.id}\topen\t{self._plan_version}\t{name}\t{expected}"
            )
        return key

    def _touchpoint(self, step: Step, journey: str, customer: str, reference: str, event: Envelope) -> str:
        """Return the line of one touchpoint."""
        touchpoint, trigger, rule, months, days, patience, resting, reminder, template = step
        due = later(event.time, months, days, event.data.customer.time_zone)
        at, given_up = due.isoformat(), (due + timedelta(days=patience)).isoformat()
        return (
            f"{journey}\t{touchpoint}\t{customer}\t{trigger}\t{reference}\t{rule}\t{self._plan_version}\t{template}\t"
            f"{event.time.isoformat()}\t{at}\t{at}\t{given_up}\t{resting}\t{reminder}\tplanned\t\t\t{self._now}\t"
            f"{self._now}"
        )

    def _customer(self, crm_id: str, person: Person) -> str:
        """Return the line of a new customer."""
        told = as_object(person)
        profile = "\t".join(str(told[name]) for name in PROFILE)
        stamps, firsts = orjson.dumps(told["changed_at"]).decode(), orjson.dumps(person.firsts).decode()
        return f"{person.key}\t{crm_id}\t{self._now}\t{profile}\t{stamps}\t{firsts}"


def as_object(person: Person) -> Mapping[str, object]:
    """Return the columns of a customer that events change."""
    profile = {name: getattr(person.card, name) for name in PROFILE}
    return {
        "id": person.key,
        **profile,
        "changed_at": dict.fromkeys(PROFILE, person.changed),
        "firsts": person.firsts,
    }


def copy(cursor: psycopg.Cursor, table: str, names: Iterable[str], lines: Sequence[str]) -> None:
    """Send lines of COPY's text format."""
    columns = ", ".join(f'"{name}"' for name in names)
    with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN'.encode()) as stream:
        stream.write("\n".join(lines) + "\n" if lines else "")
