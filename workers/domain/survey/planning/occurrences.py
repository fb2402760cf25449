"""Occurrences of a question that comes round (the plan's column `every`): how each is named, and when it is due.

The first is a touchpoint like any other, in the customer's journey. Each later one has a journey of its own, because a
journey has one touchpoint of a name; it is about the customer, so that its touchpoint has no reference.
"""

from datetime import datetime, timedelta

from workers.calendar import Wait, add_wait
from workers.domain.compiled_tables.journey_plan import PlanStep
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Journey, Touchpoint
from workers.domain.survey.planning.sampling import PARTS, is_in_share, lot_of
from workers.domain.types import RECURRENCE
from workers.errors import BadInput

LOOKED_AHEAD = timedelta(days=20 * 366)
"""How far ahead a turn is looked for in which a customer is drawn; a smaller share asks them never."""


def occurrence_reference(trigger: str, touchpoint: str, number: int) -> str:
    """Return what the journey of an occurrence after the first is about: which question, and which time."""
    return f"{trigger}/{touchpoint}/{number}"


def is_occurrence(journey: Journey) -> bool:
    """Tell whether a journey is that of an occurrence after the first."""
    return journey.trigger == RECURRENCE and journey.began == RECURRENCE


def occurrence_of(case: CustomerCase, touchpoint: Touchpoint) -> int:
    """Return which time it is that a touchpoint asks; 1 where nothing comes round."""
    journey = case.get(Journey, touchpoint.journey)
    return number_of_occurrence(journey) if journey else 1


def number_of_occurrence(journey: Journey) -> int:
    """Return which time a journey is; 1 for one that no recurrence made."""
    number = journey.reference.rpartition("/")[2] if is_occurrence(journey) else ""
    return int(number) if number.isdecimal() else 1


def first_due(case: CustomerCase, step: PlanStep, anchor: datetime) -> datetime:
    """Return when a row is due for the first time; one that comes round is spread over its period by whole days.

    By hash, so that a base of many customers who begin on one day is not asked on one, and the same customer gets the
    same day in any order of events.
    """
    due = add_wait(anchor, step.due, case.zone)
    if step.every is None:
        return due
    days = (add_wait(due, step.every, case.zone) - due).days
    lot = lot_of(case, "every", step.trigger, step.touchpoint)
    return add_wait(due, Wait(days=lot * days // PARTS), case.zone)


def next_due(case: CustomerCase, step: PlanStep, since: datetime, as_of: datetime) -> datetime | None:
    """Return the first turn after an instant that can still be asked and that the row's share draws.

    Turns are counted from `since`, so that the last days of months do not wear off. None where none is drawn in
    many years, as with a share of 0.
    """
    assert step.every is not None  # only rows that come round have turns
    number = max(1, (as_of - since).days // (step.every.longest.days + 1))  # never past the turn that is looked for
    while True:
        try:
            due = add_wait(since, times(step.every, number), case.zone)
            gives_up = add_wait(due, step.give_up_after, case.zone)
        except BadInput:  # since before living memory, or past the calendar
            return None
        if gives_up >= as_of and is_in_share(case, step.share, step.touchpoint, str(due.year)):
            return due
        if due - as_of > LOOKED_AHEAD:
            return None
        number += 1


def times(wait: Wait, number: int) -> Wait:
    """Return a wait as many times over."""
    return Wait(wait.months * number, wait.days * number, wait.seconds * number)
