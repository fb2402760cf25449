"""Whether a table that is sound by itself can be used in its place: Boucle gives its inputs, and reads its outputs.

Values in, faults out. What is wrong with a table as such is the engine's to say.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import cast

from workers.calendar import Wait
from workers.decision_table import HitPolicy, Inputs, Kind, Rule, Table, compile_table
from workers.decision_table.files.reader import ON
from workers.decision_table.model.cells import suggestion
from workers.decision_table.model.spans import common
from workers.decision_table.model.table import MANY_HITS, Column
from workers.decision_table.model.values import ORDERED
from workers.domain.compiled_tables.cells import REMINDERS, read_channel, read_question, text_of
from workers.domain.compiled_tables.follow_up import ONE_TICKET_PER
from workers.domain.compiled_tables.journey_plan import MAY_WAIT
from workers.domain.customer_inputs import customer_columns
from workers.domain.followup.patience_column import patience_faults
from workers.domain.followup.quota_column import quota_faults
from workers.domain.followup.recurrence_columns import recurrence_faults
from workers.domain.followup.reminder_columns import reminder_faults
from workers.domain.reporting.scales import QUESTION
from workers.domain.types import ACCOUNT, QuestionKind
from workers.errors import BadInput, Misconfigured

Given = Mapping[str, tuple[object, ...]]
Declared = Mapping[str, Column]
"""The columns of the declared attributes, by name."""
NOTHING: Declared = {}
CUSTOMER = "customer"
YES_NO = ("yes", "no")
A_DAY = (date(2026, 1, 31),)
ANSWERS: Given = {
    "trigger": ("purchase", "delivery", "milestone", "recovery", "a_trigger_of_your_own"),
    "after": (0.0, 0.5, 400.0),
    "score": tuple(range(11)),
    "comment": YES_NO,
    "wants_contact": YES_NO,
    QUESTION: tuple(QuestionKind),
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


def fit_plan(table: Table, declared: Declared = NOTHING) -> None:
    """See that a table can be the journey plan. Raises Misconfigured with every fault."""
    faults = [
        *missing(table, PLAN_OUTPUTS),
        *waits(table, "due", "give up after", *REMINDERS, "rest", MAY_WAIT),
        *reminder_faults(table),
        *recurrence_faults(table),
        *patience_faults(table),
        *quota_faults(table, declared),
        *channels(table),
        *questions(table),
        *asked(table, EVENTS, declared),
        *unclear_selection(table),
    ]
    if faults:
        raise Misconfigured(faults)


def unclear_selection(table: Table) -> Iterator[str]:
    """Give why columns about the customer would not do what they say in a journey plan.

    They are looked at when a question would be asked, row by row: rows cannot stand back behind one another then, and
    of two rows for one touchpoint only one is planned.
    """
    about = [place for place, column in enumerate(table.inputs) if column.name not in EVENTS]
    if not about:
        return
    names = ", ".join(table.inputs[place].name for place in about)
    if table.hit_policy is not HitPolicy.COLLECT:
        yield f"table.yaml: a plan that asks for {names} needs hit policy COLLECT, not {table.hit_policy}."
    first: dict[tuple[object, object], tuple[Rule, list[str]]] = {}
    for rule in table.rules:
        cells = [rule.cells[place].text for place in about]
        key = (rule.outputs.get("trigger"), rule.outputs.get("touchpoint"))
        earlier, others = first.setdefault(key, (rule, cells))
        if cells != others:
            yield (
                f"rules.csv: rows {earlier.row} ({earlier.id}) and {rule.row} ({rule.id}) plan the same touchpoint, "
                f"{rule.outputs.get('touchpoint')}, for customers told apart by {names}, and only one of both would be "
                f"planned: give each a touchpoint of its own, such as {rule.outputs.get('touchpoint')}_2."
            )


def fit_follow_up(table: Table, declared: Declared = NOTHING) -> None:
    """See that a table can be the follow-up table. Raises Misconfigured with every fault."""
    timed = [column.name for column in table.outputs if column.name.startswith("wait ")]
    faults = [*missing(table, FOLLOW_UP_OUTPUTS), *waits(table, "ticket due", *timed)]
    faults += asked(table, ANSWERS, declared)
    faults += [*unknown_actions(table), *tickets_per(table, declared)]
    if table.hit_policy in MANY_HITS:
        faults.append(
            f"table.yaml: {table.hit_policy} gives several rows; an answer takes one: use {HitPolicy.UNIQUE}."
        )
    if faults:
        raise Misconfigured(faults)


def tickets_per(table: Table, declared: Declared) -> Iterator[str]:
    """Give a fault for each row whose tickets are one per something that nobody can tell."""
    for rule in table.rules:
        cell = rule.outputs.get(ONE_TICKET_PER)
        if cell not in (None, "", CUSTOMER, ACCOUNT):
            yield f"rules.csv: {rule.id}: {ONE_TICKET_PER} {cell}: write {ACCOUNT}, or {CUSTOMER} as an empty cell."
        elif cell == ACCOUNT and ACCOUNT not in declared:
            yield (
                f"rules.csv: {rule.id}: nobody knows an account: declare `{ACCOUNT}: {{type: text, personal: no}}` in "
                f"rules/attributes.yaml, or leave {ONE_TICKET_PER} empty."
            )


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
Fit = Callable[[Table, Declared], None]
PLACES: Mapping[str, Fit] = {JOURNEY_PLAN: fit_plan, FOLLOW_UP: fit_follow_up}
"""The place of each table, and what sees that one can be used there."""


def fitting(fit: Fit | None, declared: Declared) -> Callable[[Table], None] | None:
    """Return what sees that a table can be used in a place where these attributes are declared; None for no place."""
    return None if fit is None else lambda table: fit(table, declared)


def fit_named(folder: str) -> Fit | None:
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


def channels(table: Table) -> Iterator[str]:
    """Give a fault for each channel that cannot be read, and for each mail that would come after its row gives up."""
    for rule in table.rules:
        try:
            _, mail_after = read_channel(text_of(rule.outputs.get("channel")))
        except BadInput as fault:
            yield f"rules.csv: {rule.id}: {fault}."
            continue
        gives_up = rule.outputs.get("give up after")
        if mail_after and isinstance(gives_up, Wait) and gives_up.shortest <= mail_after.shortest:
            yield (
                f"rules.csv: {rule.id}: the mail after {mail_after.iso()} would never leave, because the row gives up "
                f"after {gives_up.iso()}: write a shorter wait, or a later end."
            )


def questions(table: Table) -> Iterator[str]:
    """Give a fault for each question that there is not."""
    for rule in table.rules:
        try:
            read_question(text_of(rule.outputs.get(QUESTION)))
        except BadInput as fault:
            yield f"rules.csv: {rule.id}: {fault}."


def without_follow_up(
    plan: Table, follow_up: Table, places: Mapping[str, QuestionKind] = MappingProxyType({})
) -> Iterator[str]:
    """Give a fault for each row of a plan, and each place, whose answers the follow-up table has no row for.

    It asks for NPS alone. `places` has what is asked by the name of each place.
    """
    if any(column.name == QUESTION for column in follow_up.inputs):
        return
    kinds = ", ".join(QuestionKind)
    line = f"{QUESTION}: {{type: text, values: [{kinds}], if missing: nps, may be left out: yes}}"
    by_row = {f"{JOURNEY_PLAN}: {rule.id}": text_of(rule.outputs.get(QUESTION)).strip().lower() for rule in plan.rules}
    for where, cell in {**by_row, **places}.items():
        if cell not in ("", QuestionKind.NPS):
            yield (
                f"{where} asks {cell}, and {FOLLOW_UP} has no input {QUESTION}: its answers would "
                f"be parked. Add `{line}` to the inputs of its table.yaml, a last column {QUESTION} to rules.csv (an "
                f"empty cell is nps), and rows for {cell}, such as those of the shipped table."
            )


def asked(table: Table, given: Given, declared: Declared) -> Iterator[str]:
    """Give a fault for each input that nobody gives, and for each value that will come and the table refuses."""
    about = customer_columns(declared)
    strange = [column.name for column in table.inputs if column.name not in given and column.name not in about]
    for name in strange:
        yield strange_input(name, [*given, *about])
    for column in table.inputs:
        if column.name in about and column.name not in given:
            yield from unlike(column, about[column.name], column.name in declared)
    if not strange:
        yield from refused(table, given)


def refused(table: Table, given: Given) -> Iterator[str]:
    """Give a fault for each value that an answer or event will bring and the table refuses."""
    compiled = compile_table(table)
    own = [column for column in table.inputs if column.name in given]
    usual = {column.name: given[column.name][0] for column in own}
    usual |= {column.name: an_input_of(column) for column in table.inputs if column.name not in given}
    for column in own:
        for value in given[column.name]:
            try:
                compiled.decide(cast("Inputs", {**usual, column.name: value}))
            except BadInput as fault:
                if str(fault).startswith(column.name):  # that of another column is told by that column
                    yield f"table.yaml: {column.name} will be {value}, and the table takes it for a fault: {fault}"
                break


def an_input_of(column: Column) -> object:
    """Return a value that a column about the customer takes, so that the others can be tried."""
    if column.unknown or column.tolerant:
        return None
    return column.values[0] if column.values else 0


def strange_input(name: str, usable: list[str]) -> str:
    """Say that nobody gives an input, and what to do."""
    names = [input_name for input_name in usable if input_name != ON]
    return (
        f"table.yaml: nothing gives the input {name}; there are {', '.join(names)}.{suggestion(name, names)} "
        f"Declare it in rules/attributes.yaml, or take it out."
    )


def unlike(column: Column, given: Column, is_attribute: bool) -> Iterator[str]:
    """Give why a column does not take everything that may be known of a customer, with the line that does."""
    why = ""
    if column.kind is not given.kind:
        why = f"is of type {given.kind}, and stands here as {column.kind}"
    elif given.unknown and not (column.unknown or column.tolerant):
        why = "may be unknown, and cannot be here"
    elif lacking := [value for value in given.values if value not in column.values and not column.others]:
        why = f"may be {', '.join(lacking)}, and cannot be here"
    elif given.others and not column.others:
        why = "may be any word, and here only one of those listed"
    elif given.kind in ORDERED and common(given.spans, column.spans) != given.spans:
        why = "may be more than what is written here as its domain"
    if why:
        where = " (rules/attributes.yaml)" if is_attribute else ""
        yield f"table.yaml: {column.name}{where} {why}. Write `{line_of(column, given)}`."


def line_of(column: Column, given: Column) -> str:
    """Return a line of table.yaml for an input about the customer; listed words of the column stay."""
    keys = [f"type: {given.kind}"]
    if given.kind is Kind.TEXT:
        words = [*given.values, *(value for value in column.values if value not in given.values)]
        keys.append(f"values: [{', '.join(words) or 'your words'}]")
    if given.others:
        keys.append("other values: allowed")
    if given.unknown:
        keys.append("may be unknown: yes")
    return f"{column.name}: {{{', '.join(keys)}}}"
