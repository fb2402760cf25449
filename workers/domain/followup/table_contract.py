"""Whether a table that is sound by itself can be used in its place: Boucle gives its inputs, and reads its outputs.

Values in, faults out. What is wrong with a table as such is the engine's to say.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import cast

from workers.decision_table import HitPolicy, Inputs, Kind, Table, compile_table
from workers.decision_table.files.reader import ON
from workers.decision_table.model.table import MANY_HITS
from workers.errors import BadInput, Misconfigured

Given = Mapping[str, tuple[object, ...]]
YES_NO = ("yes", "no")
A_DAY = (date(2026, 1, 31),)
ANSWERS: Given = {
    "trigger": ("purchase", "delivery", "milestone", "recovery", "a_trigger_of_your_own"),
    "after": (0.0, 0.5, 400.0),
    "score": tuple(range(11)),
    "comment": YES_NO,
    "wants_contact": YES_NO,
    ON: A_DAY,
}
"""What an answer gives to the follow-up table; a number of `after` counts days."""
EVENTS: Given = {
    "event": ("purchase", "delivery", "milestone", "ticket_done", "an_event_of_your_own"),
    "first": YES_NO,
    "delivery_expected": (*YES_NO, None),
    "months": (None, 0, 3, 24),
    ON: A_DAY,
}
"""What an event gives to the journey plan."""
PLAN_OUTPUTS = {
    "touchpoint": Kind.TEXT,
    "trigger": Kind.TEXT,
    "anchor": Kind.TEXT,
    "due": Kind.WAIT,
    "give up after": Kind.WAIT,
    "if resting": Kind.TEXT,
    "once per": Kind.TEXT,
    "template": Kind.TEXT,
}
KEPT_APART = ("testimonial_request",)
"""Actions that a person is not asked for again before their time in `apart` is over."""
FOLLOW_UP_OUTPUTS = {"action 1": Kind.TEXT}


def fit_plan(table: Table) -> None:
    """See that a table can be the journey plan. Raises Misconfigured with every fault."""
    faults = [
        *missing(table, PLAN_OUTPUTS),
        *waits(table, "due", "give up after", "reminder", "rest"),
        *asked(table, EVENTS),
    ]
    if faults:
        raise Misconfigured(faults)


def fit_follow_up(table: Table) -> None:
    """See that a table can be the follow-up table. Raises Misconfigured with every fault."""
    timed = [column.name for column in table.outputs if column.name.startswith("wait ")]
    faults = [*missing(table, FOLLOW_UP_OUTPUTS), *waits(table, "ticket due", *timed), *asked(table, ANSWERS)]
    faults += unknown_actions(table)
    if table.hit_policy in MANY_HITS:
        faults.append(
            f"table.yaml: {table.hit_policy} gives several rows; an answer takes one: use {HitPolicy.UNIQUE}."
        )
    if faults:
        raise Misconfigured(faults)


def unknown_actions(table: Table) -> Iterator[str]:
    """Give a fault for each action of `apart` that no row could have: a slip there would change nothing, unseen."""
    actions = {value for column in table.outputs if column.name.startswith("action") for value in column.values}
    for name in table.apart if actions else ():
        if name not in actions:
            yield f"table.yaml: apart: {name} is no action; there are {', '.join(sorted(actions))}."
        elif name not in KEPT_APART:
            yield f"table.yaml: apart: nothing keeps {name} apart, only {', '.join(KEPT_APART)}: take it out."


JOURNEY_PLAN, FOLLOW_UP = "rules/journey-plan", "rules/follow-up"
CANDIDATE = "-candidate"
"""Ends the name of a folder beside a table's: what it holds decides too, and changes nothing."""
PLACES: Mapping[str, Callable[[Table], None]] = {JOURNEY_PLAN: fit_plan, FOLLOW_UP: fit_follow_up}
"""The place of each table, and what sees that one can be used there."""


def fit_named(folder: str) -> Callable[[Table], None] | None:
    """Return what sees that a table can be used in the place that its folder is called after, or None for another."""
    short = {place.rpartition("/")[2]: fit for place, fit in PLACES.items()}
    return short.get(folder.removesuffix(CANDIDATE))


def missing(table: Table, wanted: Mapping[str, Kind]) -> Iterator[str]:
    """Give a fault for each output that Boucle reads and the table does not have."""
    columns = {column.name for column in table.outputs}
    for name in wanted:
        if name not in columns:
            yield f"rules.csv: the column {name} is missing: without it no row can be carried out."


def waits(table: Table, *names: str) -> Iterator[str]:
    """Give a fault for each output that must be a time to wait and is not."""
    for column in table.outputs:
        if column.name in names and column.kind is not Kind.WAIT:
            yield f"table.yaml: {column.name} must be of type wait, not {column.kind}: no row would wait otherwise."


def asked(table: Table, given: Given) -> Iterator[str]:
    """Give a fault for each input that nobody gives, and for each value that will come and the table refuses."""
    strange = [column.name for column in table.inputs if column.name not in given]
    for name in strange:
        listed = ", ".join(input_name for input_name in given if input_name != ON)
        yield f"table.yaml: nothing gives the input {name}; there are {listed}: take it out."
    if strange:
        return
    compiled = compile_table(table)
    usual = {column.name: given[column.name][0] for column in table.inputs}
    for column in table.inputs:
        for value in given[column.name]:
            try:
                compiled.decide(cast("Inputs", {**usual, column.name: value}))
            except BadInput as fault:
                yield f"table.yaml: {column.name} will be {value}, and the table takes it for a fault: {fault}"
                break
