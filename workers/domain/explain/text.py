"""The explanation for a terminal: who it is, then one line through time, then when they can next be asked.

Comments come from outside: whatever a terminal could act upon is left out.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from workers.calendar import in_zone
from workers.domain.explain.names import inside, name_in
from workers.domain.explain.phrases import ENGLISH
from workers.domain.explain.view import Entry
from workers.domain.explain.words import event_name, say
from workers.domain.mail.translations import Catalog
from workers.domain.types import QuestionKind

LISTS = {
    "events": "event",
    "dead_letters": "dead letter",
    "stops": "stop",
    "touchpoints": "touchpoint",
    "survey_requests": "question",
    "responses": "answer",
    "decisions": "decision",
    "actions": "action",
    "tickets": "ticket",
    "mails": "mail",
    "sms": "sms",
    "testimonials": "testimonial",
    "history": "note",
}
"""The lists of an explanation, and what one entry of each is called."""
ORDER = {kind: n for n, kind in enumerate(LISTS.values())}
"""At one instant, causes stand before what they led to."""
SINGLE = {"event": "event", "response": "answer"}
PENDING = ("planned", "held")
WIDEST_KIND = max(len(kind) for kind in LISTS.values())


def as_text(explanation: Entry) -> str:
    """Return an explanation as text, oldest first, with a mark between what was and what is to come."""
    zone = str(explanation["zone"])
    lines = [*header(explanation), f"Times are in {zone}.", ""]
    now = datetime.fromisoformat(str(explanation["as_of"]))
    marked = False
    for at, kind, entry in sorted(
        entries(explanation), key=lambda line: (line[0] or now, ORDER[line[1]], str(line[2]["id"]))
    ):
        if not marked and at and at > now:
            lines.append(f"---------------- {'now':<{WIDEST_KIND}}  {'-' * 40}")
            marked = True
        lines.append(f"{local(at, zone)} {kind:<{WIDEST_KIND}}  {printable(subject(entry) + str(entry['reason']))}")
        lines += details(entry, zone)
    if "next_ask" in explanation:
        lines += ["", f"Next question: {printable(cast(Entry, explanation['next_ask'])['reason'])}"]
    return "\n".join(lines)


def header(story: Entry) -> Iterator[str]:
    """Give the lines above the story: whom it is about, and how they stand."""
    customer = cast("Entry | None", story.get("customer"))
    if customer is None:
        yield "This event belongs to no customer here."
        return
    profile = ", ".join(printable(customer[name]) for name in ("name", "email", "segment") if customer.get(name))
    yield f"Customer {printable(customer['id'])}" + (f" ({profile})" if profile else "")
    yield printable(customer["reason"])
    if attributes := cast(Entry, customer.get("attributes") or {}):
        yield "Attributes: " + ", ".join(f"{name} {printable(as_word(value))}" for name, value in attributes.items())


def entries(story: Entry, catalog: Catalog = ENGLISH) -> Iterator[tuple[datetime | None, str, Entry]]:
    """Give every entry with the instant at which it stands in the line: what is pending, when it is due.

    `catalog` is the one in which the story was told.
    """
    for name, kind in SINGLE.items():
        if name in story:
            yield place(cast(Entry, story[name])), kind, cast(Entry, story[name])
    for name, kind in LISTS.items():
        listed = cast("list[Entry]", story.get(name, []))
        if name == "history":
            listed = list(folded(news(listed, story), catalog))
        for entry in listed:
            if entry is not story.get("event"):
                yield place(entry), kind, entry


def place(entry: Entry) -> datetime | None:
    """Return the instant at which an entry stands: what is pending, when it will be looked at."""
    pending = entry["state"] in PENDING and "due_at" in entry
    return instant(entry.get("wake_at", entry["due_at"]) if pending else entry["at"])


def instant(at: object) -> datetime | None:
    """Return an entry's ISO 8601 instant as a datetime; None for one that has none."""
    return datetime.fromisoformat(str(at)) if at else None


def local(at: datetime | None, zone: str) -> str:
    """Return the wall time of an instant, or as much room."""
    return in_zone(at, zone).strftime("%Y-%m-%d %H:%M") if at else " " * 16


def news(notes: list[Entry], story: Entry) -> list[Entry]:
    """Return the notes that say more than the line of their touchpoint or action says already."""
    lines = [*cast("list[Entry]", story.get("touchpoints", [])), *cast("list[Entry]", story.get("actions", []))]
    said = {(line["id"], line["at"], line["state"]) for line in lines if line["state"] not in PENDING}
    return [note for note in notes if (note["subject_id"], note["at"], note["state"]) not in said]


def folded(notes: list[Entry], catalog: Catalog = ENGLISH) -> Iterator[Entry]:
    """Give notes that say the same of several touchpoints at one instant as one that names them all."""
    alike: dict[tuple[object, object, str], list[Entry]] = {}
    for note in notes:
        why = str(note["reason"]).partition(": ")[2]
        alike.setdefault((note["at"], note["state"], why), []).append(note)
    for (_, _, why), alike_notes in alike.items():
        first = alike_notes[0]
        if len(alike_notes) == 1 or first["subject"] != "touchpoint":
            yield from alike_notes
            continue
        names = ", ".join(
            sorted(inside(name_in(str(note["subject_id"]).rpartition("/")[2], catalog)) for note in alike_notes)
        )
        state = say(f"touchpoint.{first['state']}", catalog).lower()
        yield {**first, "reason": say("note.many", catalog, names=names, state=state, why=why)}


def subject(entry: Entry, catalog: Catalog = ENGLISH, *, ids: bool = True) -> str:
    """Return what an entry is about, before its sentence; empty where the sentence says it.

    With `ids`, an event is named by its type and id, as who publishes it looks for it; else by what it is called.
    """
    what = what_about(entry, catalog, ids=ids)
    return say("subject", catalog, what=what) + " " if what else ""


def what_about(entry: Entry, catalog: Catalog, *, ids: bool) -> str:
    """Return the thing that an entry is about: a question with its reference and score, a ticket, an event."""
    if "touchpoint" in entry:
        asked = capitalised(name_in(str(entry["touchpoint"] or entry["trigger"]), catalog))
        about = f" ({entry['reference']})" if entry.get("reference") else ""
        kind = f" {str(entry['asks']).upper()}" if entry.get("asks", QuestionKind.NPS) != QuestionKind.NPS else ""
        return asked + about + kind + (f" {entry['score']}/{entry['highest']}" if "score" in entry else "")
    if "number" in entry:
        return say("about-ticket", catalog, number=entry["number"])
    if "dead_letter" in entry:
        return str(entry["id"])
    if "type" in entry:
        return f"{entry['type']} {entry['id']}" if ids else capitalised(event_name(str(entry["type"]), catalog))
    name = str(entry.get("name") or entry.get("template") or "")
    return capitalised(name_in(name, catalog)) if name else ""


def capitalised(text: str) -> str:
    """Return a text with a capital first, the rest as it is."""
    return text[:1].upper() + text[1:]


def details(entry: Entry, zone: str) -> Iterator[str]:
    """Give the lines below an entry: a comment, the reasons, earlier versions, a ticket's own history."""
    indent = " " * (18 + WIDEST_KIND)
    if entry.get("comment"):
        yield f"{indent}“{printable(entry['comment'])}”"
    if entry.get("driver_names"):
        yield f"{indent}because of: {printable(', '.join(cast('list[str]', entry['driver_names'])))}"
    if entry.get("competitor"):
        yield f"{indent}of another company: “{printable(entry['competitor'])}”"
    if entry.get("question"):
        yield f"{indent}wording {entry['wording']}: “{printable(entry['question'])}”"
    versions = cast("list[Entry]", entry.get("history") or [])
    for version in versions:
        if "kind" in version:
            who = f" by {version['by']}" if version["by"] else ""
            said = f": {printable(version['text'])}" if version["text"] else ""
            yield f"{indent}{local(instant(version['at']), zone)} {version['kind']}{who}{said}"
        elif len(versions) > 1:
            score, at = f"{version['score']}/{version['highest']}", local(instant(version["at"]), zone)
            yield f"{indent}version {version['n']}: {score} on {at}"


def as_word(value: object) -> object:
    """Return a truth value as tables write it, yes or no; anything else as it is."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def printable(value: object) -> str:
    """Return text without anything that a terminal would act upon, on one line."""
    return "".join(sign if sign.isprintable() else " " for sign in str(value)).strip()
