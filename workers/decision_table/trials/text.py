"""Results in lines of text, for people at a terminal; the JSON forms stand with the results themselves.

Returns lines, prints nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from workers.decision_table.decisions.explanation import Explanation
from workers.decision_table.files.csv_writer import write_rules
from workers.decision_table.model.table import Fault, Severity, Table
from workers.decision_table.trials.backtest import Backtest
from workers.decision_table.trials.cases import CaseReport
from workers.decision_table.trials.replay import PlanBacktest


def tell_faults(table: Table, faults: Sequence[Fault]) -> Iterator[str]:
    """Yield one line per fault, and a last one that counts them."""
    for fault in faults:
        yield f"{fault.code} {fault.severity.value}: {fault.message}"
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    warnings = sum(fault.severity is Severity.WARNING for fault in faults)
    yield f"{table.name}: {len(table.rules)} rules, {errors} errors, {warnings} warnings."


def tell_explanation(explanation: Explanation) -> Iterator[str]:
    """Yield the answer, each cell, and the near misses."""
    yield explanation.message
    for cell in explanation.cells:
        yield f"  {'yes' if cell.matches else ' no'}  {cell.message}"
    if explanation.near_misses:
        yield "Near misses:"
    for miss in explanation.near_misses:
        yield f"  row {miss.row}: {miss.message}"
    yield f"Table version {explanation.version}"


def tell_cases(report: CaseReport) -> Iterator[str]:
    """Yield the cases that failed, and how many cases reach each rule."""
    for result in report.failed:
        yield f"row {result.case.row}: {result.message}"
    for rule, count in report.coverage.items():
        yield f"{rule}: {count} case{'' if count == 1 else 's'}"
    yield f"{len(report.results)} cases, {len(report.failed)} failed, {len(report.unreached)} rules without a case."


def tell_backtest(result: Backtest) -> Iterator[str]:
    """Yield what a new follow-up table would have changed."""
    yield f"{result.compared} responses compared, {result.unchanged} unchanged, {result.not_replayable} not replayable."
    for reason, count in result.reasons.items():
        yield f"  not replayable, {count}: {reason}"
    for change in result.changes:
        yield f"  {change.count}: {change.before}  ->  {change.after}"
    yield f"New tickets: {len(result.new_tickets)}. Tickets no longer opened: {len(result.lost_tickets)}."
    for load in result.per_day:
        tickets, mails = f"{load.old_tickets} -> {load.new_tickets}", f"{load.old_mails} -> {load.new_mails}"
        yield f"  {load.day}: tickets {tickets}, mails {mails}"


def tell_plan_backtest(result: PlanBacktest) -> Iterator[str]:
    """Yield what becomes of each touchpoint and how many questions customers get, before and after."""
    if result.empty:
        yield f"{len(result.new.steps)} touchpoints, no difference."
    old, new = result.old.fates(), result.new.fates()
    for name in sorted({*old, *new}):
        before, after = old.get(name, Counter()), new.get(name, Counter())
        fates = sorted({*before, *after})
        yield f"  {name}: " + ", ".join(f"{fate} {before[fate]} -> {after[fate]}" for fate in fates)
    for mails, customers in sorted(result.new.mails_per_customer().items()):
        yield f"  {customers} customers get {mails} questions ({result.old.mails_per_customer()[mails]} before)"
    if result.new.not_replayable:
        yield f"  {result.new.not_replayable} events cannot be replayed."


def changed_rules(table: Table, former: Table | None) -> dict[str, list[str]]:
    """Say which rules came, went and changed against the version before."""
    if former is None:
        return {}
    mine, theirs = _rows_by_id(table), _rows_by_id(former)
    changes = {
        "added": [name for name in mine if name not in theirs],
        "removed": [name for name in theirs if name not in mine],
        "changed": [name for name in mine if name in theirs and mine[name] != theirs[name]],
    }
    return {what: names for what, names in changes.items() if names}


def _rows_by_id(table: Table) -> dict[str, str]:
    return dict(zip([rule.id for rule in table.rules], write_rules(table).splitlines()[1:], strict=False))
