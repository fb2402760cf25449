"""`boucle rules`: check, evaluate, explain, test, backtest, version, history, import and export decision tables.

Exit 0 good, 1 faults or not found, 2 unreadable or wrong use. What needs a database comes in through a `Stored`
object, which the composition root supplies as `ctx.obj` (or inside a mapping under the key "rules"); without one, the
commands that work on files alone still work. No logic here beyond reading options and printing.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import click

from workers.ruletable import (
    Fault,
    Inputs,
    Known,
    Severity,
    Table,
    Unreadable,
    check,
    compile_table,
    explain,
    fault_json,
)
from workers.ruletable.backtesting import Backtest, PastResponse, backtest
from workers.ruletable.cases import CASES, Case, parse_cases, run_cases
from workers.ruletable.defining import table_files, write_rules
from workers.ruletable.dmn_writing import write_dmn
from workers.ruletable.evaluating import evaluate, typed_inputs
from workers.ruletable.explaining import Explanation
from workers.ruletable.loading import load_path
from workers.ruletable.proposing import propose_cases
from workers.ruletable.records import read_events, read_responses, typed
from workers.ruletable.replaying import PastEvent, PlanBacktest, backtest_plan, is_plan
from workers.ruletable.sheets import write_xlsx
from workers.ruletable.sidefiles import load_contrary
from workers.words import BadInput

_T = TypeVar("_T")


class Stored(Protocol):
    """What the commands ask of a running installation; each answer may be empty."""

    def known(self) -> Known | None:
        """Return the templates, triggers and actions that exist, or None when that is not known."""

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        """Return stored responses with the inputs of the follow-up table, oldest first."""

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        """Return stored journey events, oldest first."""

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        """Return the inputs of a response's current decision and the content of the table that made it, or None."""

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        """Return the versions of a table that have been live, latest first, with the time of each."""


class Nothing:
    """A `Stored` without an installation behind it."""

    def known(self) -> Known | None:
        return None

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        return ()

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        return ()

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        return None

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        return ()


_format = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
_path = click.argument("path", type=click.Path(path_type=Path))
_decision = click.option("--decision", help="Which decision of a DMN file.")


@click.group("rules")
def rules() -> None:
    """Check, explain and try out decision tables."""


def _stored(context: click.Context) -> Stored:
    found = context.obj.get("rules") if isinstance(context.obj, dict) else context.obj
    return found if found is not None and hasattr(found, "decision_inputs") else Nothing()


def _readable(read: Callable[[], _T]) -> _T:
    """Run a reader; what cannot be read ends the command with exit 2 and the reason."""
    try:
        return read()
    except BadInput as fault:
        _stop(str(fault))
    except OSError as fault:
        _stop(f"{fault.filename}: {fault.strerror}")


def _stop(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


def _load(path: Path, decision: str | None = None) -> Table:
    return _readable(lambda: load_path(path, decision))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


@rules.command("check")
@_path
@_format
@_decision
@click.option("--all", "allowed", is_flag=True, help="Also list gaps and overlaps that the hit policy allows.")
@click.option("--responses", type=click.Path(path_type=Path), help="A CSV of past responses, to count what a gap hits.")
@click.pass_context
def check_command(
    context: click.Context, path: Path, form: str, decision: str | None, allowed: bool, responses: Path | None
) -> None:
    """List every fault of a table: a folder, an .xlsx workbook or a .dmn file."""
    stored = _stored(context)
    table = _load(path, decision)
    faults = check(
        table,
        known=stored.known() if path.is_dir() else None,
        responses=_past_inputs(stored, table, responses),
        cases=_cases(path, table),
        earlier=[version for _, version in stored.versions(table.name)] if path.is_dir() else (),
        today=datetime.now(UTC).date(),
        allowed=allowed,
    )
    shown = [fault if path.is_dir() else _in_file(fault, path.name) for fault in faults]
    if form == "json":
        _print_json([fault_json(fault) for fault in shown])
    else:
        _print_faults(table, shown)
    sys.exit(1 if any(fault.severity is Severity.ERROR for fault in faults) else 0)


def _in_file(fault: Fault, name: str) -> Fault:
    return replace(fault, file=name)


def _past_inputs(stored: Stored, table: Table, file: Path | None) -> list[Inputs] | None:
    if file is not None:
        past: Iterable[PastResponse] = _readable(lambda: read_responses(table, file.read_bytes(), file=file.name))
    elif is_plan(table) or not any(column.name == "score" for column in table.inputs):
        return None
    else:
        past = stored.responses(None)
    found = [response.inputs for response in past]
    return found or ([] if file is not None else None)


def _cases(path: Path, table: Table) -> tuple[Case, ...]:
    file = path / CASES
    return _readable(lambda: parse_cases(table, file.read_bytes())) if path.is_dir() and file.is_file() else ()


def _print_faults(table: Table, faults: Sequence[Fault]) -> None:
    for fault in faults:
        click.echo(f"{fault.code} {fault.severity.value}: {fault.message}")
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    warnings = sum(fault.severity is Severity.WARNING for fault in faults)
    click.echo(f"{table.name}: {len(table.rules)} rules, {errors} errors, {warnings} warnings.")


@rules.command("evaluate")
@_path
@_decision
@click.option("--input", "given", help="The inputs as one JSON object.")
@click.option("--inputs", "file", type=click.Path(path_type=Path), help="A file with one JSON object a line.")
def evaluate_command(path: Path, decision: str | None, given: str | None, file: Path | None) -> None:
    """Decide on inputs and print the result as JSON; a table with gaps is evaluated all the same."""
    if (given is None) == (file is None):
        _stop("Give either --input JSON or --inputs FILE.jsonl.")
    table = _load(path, decision)
    compiled = _readable(lambda: compile_table(table))
    if given is not None:
        answer = evaluate(compiled, _readable(lambda: _json_object(given)))
        _print_json(answer)
        sys.exit(1 if "error" in answer else 0)
    assert file is not None
    lines = _readable(lambda: file.read_text("utf-8-sig")).splitlines()
    objects = [_readable(lambda line=line: _json_object(line)) for line in lines if line.strip()]  # type: ignore[misc]  # a default binds the line
    _print_json([evaluate(compiled, one) for one in objects])


def _json_object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text, parse_float=Decimal)
    except ValueError as fault:
        raise Unreadable(f"{text[:60]!r} is not JSON: {fault}.") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{text[:60]!r} is not a JSON object of inputs.")
    return value


@rules.command("explain", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@_path
@_format
@_decision
@click.option("--response", help="The id of a stored response.")
@click.option("--input", "given", help="The inputs as one JSON object; or give each as --COLUMN VALUE.")
@click.pass_context
def explain_command(
    context: click.Context, path: Path, form: str, decision: str | None, response: str | None, given: str | None
) -> None:
    """Say why a table answers as it does: the rule, cell by cell, and the near misses.

    Inputs are options named like the columns: --score 3 --trigger delivery --after P40D.
    """
    table = _load(path, decision)
    if response is not None:
        found = _stored(context).decision_inputs(response)
        if found is None:
            click.echo(f"No decision is stored for response {response!r}: look it up with `boucle status`.", err=True)
            sys.exit(1)
        inputs, _ = found
    elif given is not None:
        inputs = _readable(lambda: typed_inputs(table, _json_object(given)))
    else:
        inputs = _readable(lambda: _inputs_from_options(table, context.args))
    told = _readable(lambda: explain(compile_table(table), inputs))
    if form == "json":
        _print_json(told.as_json())
    else:
        _print_explanation(told)


def _inputs_from_options(table: Table, args: Sequence[str]) -> Inputs:
    columns = {column.name.lower().replace("_", "-").replace(" ", "-"): column for column in table.inputs}
    inputs: dict[str, object] = {}
    rest = list(args)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        column = columns.get(name.removeprefix("--").lower().replace("_", "-"))
        if column is None or not name.startswith("--"):
            raise Unreadable(f"{name} is no option; the inputs are {', '.join(f'--{one}' for one in columns)}.")
        if not equals and not rest:
            raise Unreadable(f"{name} needs a value.")
        inputs[column.name] = typed(column, value if equals else rest.pop(0))
    return typed_inputs(table, {name: value for name, value in inputs.items() if value is not None}, plain=False)


def _print_explanation(told: Explanation) -> None:
    click.echo(told.message)
    for cell in told.cells:
        click.echo(f"  {'yes' if cell.matches else ' no'}  {cell.message}")
    if told.near_misses:
        click.echo("Near misses:")
    for miss in told.near_misses:
        click.echo(f"  row {miss.row}: {miss.message}")
    click.echo(f"Table version {told.version}")


@rules.command("test")
@_path
@_format
@click.option("--generate", is_flag=True, help="Print a small set of cases that covers every rule and boundary.")
def test_command(path: Path, form: str, generate: bool) -> None:
    """Run cases.csv beside a table, and say which rules no case reaches."""
    table = _load(path)
    compiled = _readable(lambda: compile_table(table))
    if generate:
        click.echo(propose_cases(compiled), nl=False)
        return
    cases = _cases(path, table)
    if not cases:
        click.echo(f"{path / CASES} has no cases: `boucle rules test {path} --generate` proposes some.", err=True)
        sys.exit(1)
    report = run_cases(compiled, cases)
    if form == "json":
        failed = [{"row": one.case.row, "rules": list(one.rules), "message": one.message} for one in report.failed]
        _print_json({"cases": len(cases), "failed": failed, "coverage": dict(report.coverage)})
    else:
        for result in report.failed:
            click.echo(f"row {result.case.row}: {result.message}")
        for rule, count in report.coverage.items():
            click.echo(f"{rule}: {count} case{'' if count == 1 else 's'}")
        click.echo(f"{len(cases)} cases, {len(report.failed)} failed, {len(report.unreached)} rules without a case.")
    sys.exit(1 if report.failed else 0)


@rules.command("backtest")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", type=click.DateTime(), help="Only what came in since then (UTC).")
@click.option(
    "--responses", type=click.Path(path_type=Path), help="A CSV: the input columns, id, customer, received_at."
)
@click.option("--events", type=click.Path(path_type=Path), help="A CSV: customer, event, at, reference, ... (plans).")
@_format
@click.pass_context
def backtest_command(
    context: click.Context,
    old: Path,
    new: Path,
    since: datetime | None,
    responses: Path | None,
    events: Path | None,
    form: str,
) -> None:
    """Say what a new table would have done to past responses, or a new journey plan to past events."""
    start = since.replace(tzinfo=UTC) if since else None
    tables = _load(old), _load(new)
    before, after = (_readable(lambda table=table: compile_table(table)) for table in tables)  # type: ignore[misc]  # bound
    stored = _stored(context)
    if is_plan(after.table):
        past_events = _readable(lambda: read_events(events.read_bytes())) if events else list(stored.events(start))
        kept = [event for event in past_events if start is None or event.at >= start]
        file = new / "contrary.csv"
        contrary = _readable(lambda: load_contrary(file.read_bytes())) if file.is_file() else ()
        _print_plan(backtest_plan(before, after, kept, contrary), form)
        return
    if responses is not None:
        past: Iterable[PastResponse] = _readable(lambda: read_responses(before.table, responses.read_bytes()))
    else:
        past = stored.responses(start)
    _print_backtest(backtest(before, after, (one for one in past if start is None or one.received_at >= start)), form)


def _print_backtest(result: Backtest, form: str) -> None:
    if form == "json":
        _print_json(result.as_json())
        return
    click.echo(
        f"{result.compared} responses compared, {result.unchanged} unchanged, {result.not_replayable} not replayable."
    )
    for reason, count in result.reasons.items():
        click.echo(f"  not replayable, {count}: {reason}")
    for change in result.changes:
        click.echo(f"  {change.count}: {change.before}  ->  {change.after}")
    click.echo(f"New tickets: {len(result.new_tickets)}. Tickets no longer opened: {len(result.lost_tickets)}.")
    for load in result.per_day:
        tickets, mails = f"{load.old_tickets} -> {load.new_tickets}", f"{load.old_mails} -> {load.new_mails}"
        click.echo(f"  {load.day}: tickets {tickets}, mails {mails}")


def _print_plan(result: PlanBacktest, form: str) -> None:
    if form == "json":
        _print_json(result.as_json())
        return
    if result.empty:
        click.echo(f"{len(result.new.steps)} touchpoints, no difference.")
    for name, counts in result.new.fates().items():
        before = result.old.fates().get(name, Counter[str]())
        said = ", ".join(f"{fate} {before[fate]} -> {count}" for fate, count in sorted(counts.items()))
        click.echo(f"  {name}: {said}")
    for mails, customers in sorted(result.new.mails_per_customer().items()):
        click.echo(f"  {customers} customers get {mails} questions ({result.old.mails_per_customer()[mails]} before)")
    if result.new.not_replayable:
        click.echo(f"  {result.new.not_replayable} events cannot be replayed.")


@rules.command("version")
@_path
@_format
@_decision
def version_command(path: Path, form: str, decision: str | None) -> None:
    """Print the version of a table: the SHA-256 of what it means."""
    table = _load(path, decision)
    if form == "json":
        _print_json({"name": table.name, "version": table.version})
    else:
        click.echo(table.version)


@rules.command("history")
@click.argument("path", type=click.Path(path_type=Path))
@_format
@click.pass_context
def history_command(context: click.Context, path: Path, form: str) -> None:
    """List the versions of a table that have been live, with what each changed. PATH is its folder or its name."""
    name = _load(path).name if path.exists() else str(path)
    versions = list(_stored(context).versions(name))
    entries = [
        {"at": at.isoformat(), "version": table.version, "rules": len(table.rules), "changed": _changed(table, former)}
        for (at, table), former in zip(versions, [*(table for _, table in versions[1:]), None], strict=False)
    ]
    if form == "json":
        _print_json(entries)
    for entry in entries if form == "text" else ():
        click.echo(f"{entry['at']}  {str(entry['version'])[:12]}  {entry['rules']} rules  {entry['changed'] or ''}")
    if not entries:
        click.echo(f"No version of {name} has been live here.", err=True)
        sys.exit(1)


def _changed(table: Table, former: Table | None) -> dict[str, list[str]]:
    """Say which rules came, went and changed against the version before."""
    if former is None:
        return {}
    mine = dict(zip([rule.id for rule in table.rules], write_rules(table).splitlines()[1:], strict=False))
    theirs = dict(zip([rule.id for rule in former.rules], write_rules(former).splitlines()[1:], strict=False))
    found = {
        "added": [name for name in mine if name not in theirs],
        "removed": [name for name in theirs if name not in mine],
        "changed": [name for name in mine if name in theirs and mine[name] != theirs[name]],
    }
    return {what: names for what, names in found.items() if names}


@rules.command("export")
@_path
@_decision
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="FILE.csv, FILE.xlsx or FILE.dmn.")
def export_command(path: Path, decision: str | None, target: Path) -> None:
    """Write a table's rows as CSV, as a workbook with drop-downs, or as DMN 1.3."""
    table = _load(path, decision)
    writers: dict[str, Callable[[Table], bytes]] = {
        ".csv": lambda one: write_rules(one).encode(),
        ".xlsx": write_xlsx,
        ".dmn": write_dmn,
    }
    write = writers.get(target.suffix.lower())
    if write is None:
        _stop(f"{target} must end in .csv, .xlsx or .dmn.")
    data = _readable(lambda: write(table))
    _readable(lambda: target.write_bytes(data))
    click.echo(f"{target}: {len(table.rules)} rules written.", err=True)


@rules.command("import")
@_path
@_decision
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--force", is_flag=True, help="Write over a table that is already there.")
def import_command(path: Path, decision: str | None, target: Path, force: bool) -> None:
    """Turn a .dmn file, a workbook or a folder into a table's folder, and say what `check` finds in it."""
    definition = target / "table.yaml"
    beside = definition.read_text("utf-8") if path.suffix.lower() == ".xlsx" and definition.is_file() else None
    table = _readable(lambda: load_path(path, decision, definition=beside))
    if (target / "rules.csv").exists() and not force:
        _stop(f"{target} already holds a table: choose another folder, or say --force to write over it.")
    files = _readable(lambda: table_files(table))
    _readable(lambda: target.mkdir(parents=True, exist_ok=True))
    for name, text in files.items():
        _readable(lambda name=name, text=text: (target / name).write_text(text, "utf-8"))  # type: ignore[misc]  # bound
    faults = check(table)
    click.echo(f"{target}: {len(table.rules)} rules written, {len(faults)} faults.", err=True)
    for fault in faults:
        click.echo(f"{fault.code} {fault.severity.value}: {fault.message}", err=True)
