"""Reminders of a question: up to three, each a mail with a wait of its own from when the question left.

All are made with the question and leave one by one; whatever calls the question's mails back calls every one of them
back that has not left. Nothing here sends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from workers.calendar import Wait, add_wait, parse_wait

REMINDER = "reminder"
"""The template of every reminder."""
WHICH, MORE = "reminder", "more_reminders"
"""The facts of a reminder: which one it is (1, 2, 3; missing: the first), and whether another may follow."""


def waits_of(cell: str) -> tuple[Wait, ...]:
    """Return the waits of a touchpoint's reminders, which it keeps as ISO 8601 durations with a space between."""
    return tuple(parse_wait(word) for word in cell.split())


def key_of(number: int) -> str:
    """Return what stands for a reminder in its mail's effect key; the first has that of a plan with one."""
    return REMINDER if number == 1 else f"{REMINDER}/{number}"


def number_of(facts: Mapping[str, object]) -> int:
    """Return which reminder of its question a mail is."""
    number = facts.get(WHICH)
    return number if isinstance(number, int) and number > 0 else 1


def due_after(waits: Sequence[Wait], sent_at: datetime, reminded_at: datetime | None, zone: str) -> datetime | None:
    """Return when the reminder of the last wait is due; None while the reminder before it has not left.

    A mail server that was away lets several become due at once: each keeps its distance from the one before.
    """
    due = add_wait(sent_at, waits[-1], zone)
    if len(waits) == 1:
        return due
    if reminded_at is None:
        return None
    return max(due, reminded_at + (due - add_wait(sent_at, waits[-2], zone)))
