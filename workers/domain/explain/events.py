"""Tells of what came in: what an event planned, stopped or brought, or why it could not be accepted."""

import re
from enum import StrEnum

from workers.domain.explain.engine_words import foreign
from workers.domain.explain.names import word_in
from workers.domain.explain.phrases import ENGLISH
from workers.domain.explain.survey import rest_dates
from workers.domain.explain.view import Entry, View, iso
from workers.domain.explain.words import sentence
from workers.domain.records import DeadLetter, History, Inbox
from workers.domain.reporting.scales import briefly
from workers.domain.types import ActionState, DecisionOutcome, DispatchState, Reason, RequestState, TouchpointState

ERASED = "erased"
"""Stands for the id that a CRM gave an event of a person who was erased: it may say whose it was."""
MERGED = "boucle.customer.merged.v1"
UNDOING = frozenset({"boucle.journey.refund.v1", "boucle.journey.order_cancelled.v1"})
SUBJECTS: dict[str, type[StrEnum]] = {
    "touchpoint": TouchpointState,
    "action": ActionState,
    "response": DecisionOutcome,
    "survey_request": RequestState,
    "dispatch": DispatchState,
    "web_visit": TouchpointState,
    "account_news": ActionState,
}
"""Which states a line of history about a subject can name."""

MENDED = {
    "left out": "left-out",
    "taken as text": "text",
    "taken as one line": "line",
    "taken as true or false": "truth",
    "taken without the character NUL": "nul",
}
"""What was done about a field that was wrong, as the inbox keeps it, and its phrase."""
CUT = re.compile(r"cut to ([\d,]+) characters")


def event_entry(event: Inbox, view: View) -> Entry:
    """Return one accepted event and what it did; one that did nothing says so."""
    clauses = did(event.source, event.event_id, view) or [nothing(event, view)]
    clauses += [
        view.words.say("event.left-out", field=name_of(pointer), done=mended(done, view))
        for pointer, done in (event.left_out or {}).items()
    ]
    return {
        "id": view.private(event.event_id) or ERASED,
        "at": iso(event.occurred_at),
        "state": "accepted",
        "reason": sentence(view.words.say("event.accepted", what=view.words.together(clauses))),
        "left_out": [{"pointer": pointer, "detail": done} for pointer, done in (event.left_out or {}).items()],
        "source": event.source,
        "type": event.type,
        "door": event.door,
        "received_at": iso(event.received_at),
    }


def mended(done: str, view: View) -> str:
    """Return what was done about a field that was wrong, as it is stored, in the reader's words."""
    if done in MENDED:
        return view.words.say(f"mended.{MENDED[done]}")
    cut = CUT.fullmatch(done)
    return view.words.say("mended.cut", number=cut[1]) if cut else foreign(done, view.outlook.catalog)


def refused(letter: DeadLetter, view: View) -> str:
    """Return why an event was not accepted: the fault in English, in other languages behind its kind."""
    fault = view.private(letter.fault)
    if view.outlook.catalog.language == ENGLISH.language or not view.words.there_is(f"refusal.{letter.reason}"):
        return foreign(fault or letter.reason, view.outlook.catalog)
    why = view.words.say(f"refusal.{letter.reason}")
    return view.words.say("refusal.told", why=why, fault=foreign(fault, view.outlook.catalog)) if fault else why


def name_of(pointer: str) -> str:
    """Return a field as a sentence names it: customer.email for /data/customer/email."""
    return f"`{pointer.removeprefix('/data').strip('/').replace('/', '.') or 'data'}`"


def did(source: str, event: str, view: View) -> list[str]:
    """Return what an event did, as clauses; none where nothing is left of it."""
    story, name = view.story, f"{source}/{event}"
    planned = {journey.id for journey in story.journeys if journey.event == name}
    steps = sorted(
        view.words.name(touchpoint.step) for touchpoint in story.touchpoints if touchpoint.journey in planned
    )
    clauses = [view.words.say("event.planned", steps=", ".join(steps))] if steps else []
    clauses += [view.words.say(f"event.{stop.effect.value}") for stop in story.stops if stop.event == name]
    clauses += [
        view.words.say("event.score", score=briefly(response))
        for response in story.responses
        if (response.source, response.external_id) == (source, event)
    ]
    clauses += [
        view.words.say("event.counted-once")
        for line in story.history
        if line.reason == Reason.COUNTED_ONCE and line.detail == event
    ]
    clauses += [
        view.words.say("event.told", kind=word_in("staff.entry.", entry.kind, view.outlook.catalog))
        for entry in story.entries
        if (entry.source, entry.event_id) == (source, event)
    ]
    return clauses


def nothing(event: Inbox, view: View) -> str:
    """Return why an event left no trace of its own."""
    if event.type in UNDOING:
        return view.words.say("event.undid-nothing")
    if event.type == MERGED:
        return view.words.say("event.merged")
    if event.type.startswith("boucle.customer."):
        return view.words.say("event.of-customer")
    return view.words.say("event.nothing")


def letter_entry(letter: DeadLetter, view: View) -> Entry:
    """Return one event that could not be accepted, with where its bytes came from."""
    return {
        "id": view.private(letter.event_id or "") or letter.id,
        "at": iso(letter.received_at),
        "state": "dead_letter",
        "reason": view.words.why(view.words.lead(letter.state), refused(letter, view)),
        "code": letter.reason,
        "source": letter.source,
        "door": letter.door,
        "dead_letter": letter.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
    }


def history_entry(line: History, view: View) -> Entry:
    """Return one line of history; its reason is told as of then, because it may be otherwise today."""
    state = stated(line, view)
    name = view.words.name(line.subject_id.rpartition("/")[2])
    has_text = view.words.there_is(f"note.{line.subject}")
    what = view.words.say(f"note.{line.subject}", name=name) if has_text else line.subject.replace("_", " ")
    why = view.words.clause(line.reason, places_then(line, view), over=True)
    return {
        "id": line.id,
        "at": iso(line.at),
        "state": line.state,
        "reason": sentence(view.words.say("note", what=what, state=state, why=why)),
        "code": line.reason,
        "subject": line.subject,
        "subject_id": line.subject_id,
    }


def stated(line: History, view: View) -> str:
    """Return the state that a line of history names, in the middle of a sentence."""
    states: type[StrEnum] | None = SUBJECTS.get(line.subject)
    is_own_state = states is not None and line.state in set(states)
    said = view.words.lead(states(line.state)) if states is not None and is_own_state else line.state.replace("_", " ")
    return said[:1].lower() + said[1:]


def places_then(line: History, view: View) -> dict[str, str]:
    """Return what a reason may name that was recorded at an instant: a rest period names both its dates."""
    until, asked = rest_dates(line.detail, line.at, view)
    if until is None:
        return {"detail": line.detail}
    return {"until": view.words.day(until), "asked": view.words.day(asked) if asked else ""}
