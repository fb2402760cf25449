"""Tells of what came in: what an event planned, stopped or brought, or why it could not be accepted."""

from workers.explaining.asking import rest_dates
from workers.explaining.names import named
from workers.explaining.view import Entry, View, iso
from workers.explaining.words import LEADS, clause, lead, sentence
from workers.records import DeadLetter, History, Inbox
from workers.words import ActionState, DecisionOutcome, Reason, RequestState, TouchpointState

ERASED = "erased"
"""Stands for the id that a CRM gave an event of a person who was erased: it may say whose it was."""
MERGED = "boucle.customer.merged.v1"
UNDOING = frozenset({"boucle.journey.refund.v1", "boucle.journey.order_cancelled.v1"})
SUBJECTS = {
    "touchpoint": TouchpointState,
    "action": ActionState,
    "response": DecisionOutcome,
    "survey_request": RequestState,
}
"""Which states a line of history about a subject can name."""


def event_entry(event: Inbox, view: View) -> Entry:
    """Return one accepted event and what it did."""
    clauses = did(event.source, event.event_id, view) or [nothing(event)]
    clauses += [f"{name_of(pointer)} was wrong and was {done}" for pointer, done in (event.left_out or {}).items()]
    return {
        "id": view.private(event.event_id) or ERASED,
        "at": iso(event.occurred_at),
        "state": "accepted",
        "reason": sentence("Accepted: " + "; ".join(clauses)),
        "left_out": [{"pointer": pointer, "detail": done} for pointer, done in (event.left_out or {}).items()],
        "source": event.source,
        "type": event.type,
        "door": event.door,
        "received_at": iso(event.received_at),
    }


def name_of(pointer: str) -> str:
    """Return a field as a sentence names it: customer.email for /data/customer/email."""
    return f"`{pointer.removeprefix('/data').strip('/').replace('/', '.') or 'data'}`"


def did(source: str, event: str, view: View) -> list[str]:
    """Return what an event did, as clauses."""
    story, name = view.story, f"{source}/{event}"
    planned = {one.id for one in story.journeys if one.event == name}
    steps = sorted(named(one.step) for one in story.touchpoints if one.journey in planned)
    found = [f"it planned {', '.join(steps)}"] if steps else []
    found += [f"it {lead(one.effect).lower()}" for one in story.stops if one.event == name]
    found += [
        f"it brought the score {one.score}"
        for one in story.responses
        if (one.source, one.external_id) == (source, event)
    ]
    found += [
        "its score had come under another event id, and counts once"
        for line in story.history
        if line.reason == Reason.COUNTED_ONCE and line.detail == event
    ]
    found += [
        f"it told of a ticket: {one.kind}" for one in story.entries if (one.source, one.event_id) == (source, event)
    ]
    return found


def nothing(event: Inbox) -> str:
    """Return why an event left no trace of its own."""
    if event.type in UNDOING:
        return "it cancelled nothing: it was partial, or told what was known"
    if event.type == MERGED:
        return "it told that two customers are one person"
    if event.type.startswith("boucle.customer."):
        return "it told what is known of the customer"
    return "it planned nothing new, because no row of the journey plan applies or another event planned the same before"


def letter_entry(letter: DeadLetter, view: View) -> Entry:
    """Return one event that could not be accepted."""
    return {
        "id": view.private(letter.event_id or "") or letter.id,
        "at": iso(letter.received_at),
        "state": "dead_letter",
        "reason": sentence(f"{lead(letter.state)}: {view.private(letter.fault) or letter.reason}"),
        "code": letter.reason,
        "source": letter.source,
        "door": letter.door,
        "dead_letter": letter.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
    }


def history_entry(line: History, view: View) -> Entry:
    """Return one line of why something became what it is."""
    states = SUBJECTS.get(line.subject)
    start = LEADS[states].get(line.state) if states else None
    what = line.subject.replace("_", " ")
    if line.subject == "touchpoint":
        what += f" “{named(line.subject_id.rpartition('/')[2])}”"
    why = clause(line.reason, told_then(line, view), over=True) if line.reason else "no reason was recorded"
    return {
        "id": line.id,
        "at": iso(line.at),
        "state": line.state,
        "reason": sentence(f"{what} {(start or line.state).lower()}: {why}"),
        "code": line.reason,
        "subject": line.subject,
        "subject_id": line.subject_id,
    }


def told_then(line: History, view: View) -> dict[str, str]:
    """Return what a reason may name that was recorded at an instant: a rest period names both its dates."""
    until, asked = rest_dates(line.detail, line.at, view)
    if until is None:
        return {"detail": line.detail}
    return {"until": f" until {view.day(until)}", "asked": f" on {view.day(asked)}" if asked else " before"}
