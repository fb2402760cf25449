"""What the intake is measured against: the loop a competent developer writes first, one event, one transaction.

Prepared statements, natural keys, one connection, Kafka's position committed after each fetch. It knows only what these
events need (no stops, no holds, no rest, no dead letters, no versions of tables), so it does less than the intake does,
and leaves the same customers, journeys and touchpoints. Nothing in Boucle uses it.
"""

import calendar
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import psycopg
from psycopg.types.json import Jsonb

Step = tuple[str, str, str, int, int, int, str, str, str]
"""Touchpoint, trigger, rule, months, days, days until it is given up, if resting, reminder, template."""
PURCHASE_NOW: Step = ("purchase-now", "purchase", "J1", 0, 0, 7, "drop", "P4D", "ask-purchase")
DELIVERY: tuple[Step, ...] = (
    ("delivery-now", "delivery", "J2", 0, 0, 10, "defer", "P4D", "ask-delivery"),
    ("delivery-6w", "delivery", "J3", 0, 42, 18, "defer", "P5D", "ask-in-use"),
)
START: tuple[Step, ...] = (
    ("milestone-3m", "milestone", "J4", 3, 0, 21, "defer", "P5D", "ask-relationship"),
    ("milestone-6m", "milestone", "J5", 6, 0, 30, "defer", "P5D", "ask-relationship"),
    ("milestone-12m", "milestone", "J6", 12, 0, 30, "defer", "P5D", "ask-relationship"),
    ("loyal-2y", "loyal_2y", "J7", 24, 0, 30, "defer", "P5D", "ask-relationship"),
)
PROFILE = ("email", "name", "language", "time_zone", "segment")

KNOWN = """INSERT INTO inbox (source, event_id, customer, type, digest, door, occurred_at, received_at)
    VALUES (%s, %s, %s, %s, '', 'kafka', %s, %s) ON CONFLICT DO NOTHING"""
CUSTOMER = "SELECT changed_at, firsts FROM customer WHERE id = %s FOR UPDATE"
NEW_CUSTOMER = """INSERT INTO customer
    (id, crm_id, created_at, email, name, language, time_zone, segment, changed_at, firsts)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
CHANGED = """UPDATE customer SET email = %s, name = %s, language = %s, time_zone = %s, segment = %s, changed_at = %s,
    firsts = %s WHERE id = %s"""
JOURNEY = """INSERT INTO journey
    (id, customer, trigger, reference, label, details, anchor_at, event, state, plan_version, began)
    VALUES (%s, %s, %s, %s, %s, '{}', %s, %s, 'open', '', %s) ON CONFLICT DO NOTHING"""
TOUCHPOINT = """INSERT INTO touchpoint
    (journey, step, customer, trigger, reference, rule, plan_version, template, anchor_at, due_at, wake_at, give_up_at,
     if_resting, reminder, state, reason, detail, changed_at, planned_at)
    VALUES (%s, %s, %s, %s, %s, %s, '', %s, %s, %s, %s, %s, %s, %s, 'planned', '', '', %s, %s) ON CONFLICT DO NOTHING"""


def take(connection: psycopg.Connection, body: bytes, now: datetime) -> None:
    """Take one event in, in one transaction."""
    event = orjson.loads(body)
    at = datetime.fromisoformat(event["time"])
    name = event["type"].split(".")[2]
    data, crm_id = event["data"], event["subject"]
    customer = uuid.uuid5(uuid.NAMESPACE_OID, crm_id)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(KNOWN, (event["source"], event["id"], customer, event["type"], at, now))
        if cursor.rowcount == 0:
            return
        first = remember(cursor, customer, crm_id, name, data["customer"], at, now)
        for step, reference in steps_of(name, data, first):
            journey = uuid.uuid5(customer, f"{step[1]}/{reference}")
            told = f"{event['source']}/{event['id']}"
            cursor.execute(JOURNEY, (journey, customer, step[1], reference, data["label"], at, told, name))
            add(cursor, step, journey, customer, reference, at, data["customer"]["time_zone"], now)
        if name == "purchase" and data["delivery_expected"]:
            journey = uuid.uuid5(customer, f"purchase/{data['reference']}")
            told = f"{event['source']}/{event['id']}"
            cursor.execute(JOURNEY, (journey, customer, "purchase", data["reference"], data["label"], at, told, name))


def remember(
    cursor: psycopg.Cursor,
    customer: uuid.UUID,
    crm_id: str,
    name: str,
    card: dict[str, str],
    at: datetime,
    now: datetime,
) -> bool:
    """Write what is new of the customer, and tell whether this is the first event of its name."""
    moment = at.isoformat()
    values = [card[field] for field in PROFILE]
    row = cursor.execute(CUSTOMER, (customer,)).fetchone()
    if row is None:
        stamps = Jsonb(dict.fromkeys(PROFILE, moment))
        cursor.execute(NEW_CUSTOMER, (customer, crm_id, now, *values, stamps, Jsonb({name: moment})))
        return True
    stamps, firsts = row
    first = firsts.get(name, "~") >= moment
    if first:
        firsts[name] = moment
    if stamps["email"] <= moment:
        stamps = dict.fromkeys(PROFILE, moment)
    cursor.execute(CHANGED, (*values, Jsonb(stamps), Jsonb(firsts), customer))
    return first


def steps_of(name: str, data: dict[str, object], first: bool) -> Iterator[tuple[Step, str]]:
    """Give the touchpoints that an event plans, each with the reference of its journey."""
    reference = str(data["reference"])
    if name == "delivery":
        yield from ((step, reference) for step in DELIVERY)
        return
    if not data["delivery_expected"]:
        yield PURCHASE_NOW, reference
    if first:
        yield from ((step, "") for step in START)


def add(
    cursor: psycopg.Cursor,
    step: Step,
    journey: uuid.UUID,
    customer: uuid.UUID,
    reference: str,
    at: datetime,
    zone: str,
    now: datetime,
) -> None:
    """Plan one touchpoint."""
    touchpoint, trigger, rule, months, days, patience, resting, reminder, template = step
    due = later(at, months, days, zone)
    given_up = later(due, 0, patience, zone)
    columns = (journey, touchpoint, customer, trigger, reference, rule, template, at, due, due, given_up)
    cursor.execute(TOUCHPOINT, (*columns, resting, reminder, now, now))


def later(at: datetime, months: int, days: int, zone: str) -> datetime:
    """Return the instant so many calendar months and days later, at the same wall time."""
    local = at.astimezone(ZoneInfo(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day) + timedelta(days=days)
