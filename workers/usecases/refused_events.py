"""Refused events: what a dead letter says of an event that was read and cannot be taken, and whose fault that is."""

import difflib

from workers.cloudevents import Event, Fault, Refusal, Rejected
from workers.errors import BadInput
from workers.store.connection import DBAPIError
from workers.store.engine import is_about_values

ERROR_LENGTH = 300
"""Characters of an error's own words in a dead letter: a database's repeat the whole event."""


def is_its_own(error: Exception) -> bool:
    """Tell whether an event that failed alone is at fault itself, and not the machine or the database."""
    if isinstance(error, DBAPIError):
        return is_about_values(error)
    return not isinstance(error, (OSError, MemoryError))


def in_our_words(error: Exception) -> str:
    """Return what may be told of an error: a database's own words may hold statements and values."""
    return type(error).__name__ if isinstance(error, DBAPIError) else f"{type(error).__name__}: {error}"[:ERROR_LENGTH]


def refusal_of(event: Event, detail: str) -> Rejected:
    """Return the refusal of a readable event whose data cannot be taken."""
    return Rejected(Refusal.SCHEMA, (Fault("/data", detail),), event.source, event.id, event.crm_id)


def failed_here(event: Event | Rejected, error: Exception) -> Rejected:
    """Return the refusal of an event that broke something here: no fault of its sender's."""
    fault = Fault("", f"Taking this event in failed here ({in_our_words(error)}). Tell the operator, then replay it.")
    if isinstance(event, Rejected):
        return Rejected(Refusal.SCHEMA, (fault,), event.source, event.id)
    return Rejected(Refusal.SCHEMA, (fault,), event.source, event.id, event.crm_id)


def conflicting(event: Event) -> Rejected:
    """Return the refusal of an event whose source and id are known with other content."""
    detail = (
        f"An event with source {event.source} and id {event.id} was accepted before with other content. "
        "Give the corrected event a new id."
    )
    fault = Fault("/id", detail, Refusal.CONFLICTING_DUPLICATE)
    return Rejected(Refusal.CONFLICTING_DUPLICATE, (fault,), event.source, event.id, event.crm_id)


def refuse_trigger(trigger: str, triggers: frozenset[str]) -> None:
    """Raise BadInput for a score about something that nothing is known of: likely the answer to another question."""
    if not trigger or trigger in triggers:
        return
    near = difflib.get_close_matches(trigger[:100], triggers, n=1, cutoff=0.75)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise BadInput(
        f'Nothing is known of the trigger "{trigger[:100]}".{guess} Only answers from 0 to 10 to "how likely '
        'are you to recommend us" are scores here, unless data.question says that it is an answer to another question '
        f"(csat, ces). Send one of {', '.join(sorted(triggers))}, or none."
    )
