"""What waking is measured against: the loop a competent developer writes first, one due touchpoint, one transaction.

The due row is locked and skipped where another loop has it, the customer is locked, suppression and rest period are
looked at, and request, mails, message and the touchpoint's new state are written. It knows only what these touchpoints
need (no answers, actions, tickets or closings, no stops, no window, no shared mailboxes, no history, no day's maximum),
so it does less than the scheduler does, and leaves the same requests, mails and states. Nothing in Boucle uses it.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

CLOSES_AFTER, RESTS_FOR = timedelta(days=14), timedelta(days=30)
DUE = """SELECT * FROM touchpoint WHERE state IN ('planned', 'held') AND wake_at <= %s
    ORDER BY wake_at LIMIT 1 FOR UPDATE SKIP LOCKED"""
CUSTOMER = "SELECT crm_id, email, language, rest_until FROM customer WHERE id = %s FOR UPDATE"
SUPPRESSED = "SELECT 1 FROM suppression WHERE address = %s"
JOURNEY = "SELECT label, details FROM journey WHERE id = %s"
LEFT_OUT = """UPDATE touchpoint SET state = 'skipped', reason = 'resting', changed_at = %s
    WHERE journey = %s AND step = %s"""
REQUEST = """INSERT INTO survey_request (id, journey, step, customer, trigger, reference, label, details, channel,
    template, language, anchor_at, asked_at, closes_at, state, reason, changed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'mail', %s, %s, %s, %s, %s, 'open', '', %s)"""
MAIL = """INSERT INTO dispatch (id, customer, kind, mail_class, template, language, facts, request, state, not_before,
    created_at, reason, detail, recipient, message_id, attempt, copies)
    VALUES (%s, %s, 'mail', 'survey', %s, %s, %s, %s, 'ready', %s, %s, '', '', '', '', 0, 0)"""
MESSAGE = "INSERT INTO outbox (topic, key, value, at) VALUES ('boucle.survey-requests', %s, %s, clock_timestamp())"
ASKED = "UPDATE touchpoint SET state = 'asked', changed_at = %s WHERE journey = %s AND step = %s"
RESTS = "UPDATE customer SET rest_until = %s WHERE id = %s"


def wake_one(connection: psycopg.Connection, now: datetime) -> bool:
    """Take one due touchpoint up in one transaction; False when none is due that nobody else has."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(DUE, (now,)).fetchone()
        if due is None:
            return False
        who = cursor.execute(CUSTOMER, (due["customer"],)).fetchone()
        assert who is not None
        if who["rest_until"] is not None and who["rest_until"] > now:
            cursor.execute(LEFT_OUT, (now, due["journey"], due["step"]))
        elif not cursor.execute(SUPPRESSED, (who["email"],)).fetchone():
            ask(cursor, due, who, now)
        return True


def ask(cursor: psycopg.Cursor[dict[str, Any]], due: dict[str, Any], who: dict[str, Any], now: datetime) -> None:
    """Write the request, its mail and reminder, the message to other systems, and what they change."""
    journey = cursor.execute(JOURNEY, (due["journey"],)).fetchone()
    assert journey is not None
    request = uuid.uuid5(due["journey"], due["step"])
    about = (due["trigger"], due["reference"], journey["label"], Jsonb(journey["details"]))
    how = (due["template"], who["language"], due["anchor_at"], now, now + CLOSES_AFTER, now)
    cursor.execute(REQUEST, (request, due["journey"], due["step"], due["customer"], *about, *how))
    days = {"date": due["anchor_at"].date().isoformat(), "asked_on": now.date().isoformat()}
    facts = {"label": journey["label"], "reference": due["reference"], "survey": due["template"], **days}
    reminded = now + timedelta(days=int(due["reminder"].strip("PD")))
    for template, not_before in ((due["template"], now), ("reminder", reminded)):
        key, what = uuid.uuid5(request, template), (template, who["language"], Jsonb(facts))
        cursor.execute(MAIL, (key, due["customer"], *what, request, not_before, now))
    data = {"request": str(request), "customer": who["crm_id"], "trigger": due["trigger"], **facts}
    head = {"specversion": "1.0", "id": str(request), "source": "boucle", "subject": who["crm_id"]}
    cursor.execute(MESSAGE, (who["crm_id"], orjson.dumps({**head, "type": "created", "data": data})))
    cursor.execute(ASKED, (now, due["journey"], due["step"]))
    cursor.execute(RESTS, (now + RESTS_FOR, due["customer"]))
