"""`boucle rules`: check, evaluate, explain, test, backtest, version, history, shadow, import and export.

Exit 0 good, 1 faults or not found, 2 unreadable or wrong use. What needs a database comes in through a `Stored`
object (workers.ruletable.stored), which the composition root supplies as `ctx.obj`, or inside a mapping under the key
"rules"; without one, the commands work on files alone. No logic here beyond reading options and printing.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from workers.ruletable import (
    Fault,
    Inputs,
    Severity,
    Table,
    Unreadable,
    check,
    compile_table,
    explain,
    fault_json,
    from_content,
)
from workers.ruletable.backtesting import PastResponse, backtest
from workers.ruletable.cases import CASES, Case, parse_cases, run_cases
from workers.ruletable.defining import table_files, write_rules
from workers.ruletable.dmn_writing import write_dmn
from workers.ruletable.evaluating import evaluate, typed_inputs
from workers.ruletable.loading import load_path
from workers.ruletable.proposing import propose_cases
from workers.ruletable.records import read_events, read_responses, typed
from workers.ruletable.replaying import backtest_plan, is_plan
from workers.ruletable.sheets import write_xlsx
from workers.ruletable.sidefiles import load_contrary
from workers.ruletable.stored import Nothing, Stored
from workers.ruletable.telling import (
    changed_rules,
    tell_backtest,
    tell_cases,
    tell_explanation,
    tell_faults,
    tell_plan_backtest,
)
from workers.ruletable.trying import Brought, read_candidate
from workers.words import BadInput

_T = TypeVar("_T")


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


def _print(form: str, value: object, lines: Iterable[str]) -> None:
    if form == "json":
        _print_json(value)
    else:
        _print_lines(lines)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


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
    _print(form, [fault_json(fault) for fault in shown], tell_faults(table, shown))
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
@click.argument("path", type=click.Path(path_type=Path), required=False)
@_format
@_decision
@click.option("--response", help="The id of a stored response.")
@click.option("--input", "given", help="The inputs as one JSON object; or give each as --COLUMN VALUE.")
@click.pass_context
def explain_command(
    context: click.Context,
    path: Path | None,
    form: str,
    decision: str | None,
    response: str | None,
    given: str | None,
) -> None:
    """Say why a table answers as it does: the rule, cell by cell, and the near misses.

    Inputs are options named like the columns: --score 3 --trigger delivery --after P40D. With --response alone, the
    table is the one that decided, in the version that it had then.
    """
    if response is not None:
        found = _stored(context).decision_inputs(response)
        if found is None:
            click.echo(
                f"No decision is stored for response {response!r}: `boucle explain customer ID` has ids.", err=True
            )
            sys.exit(1)
        inputs, content = found
        table = _load(path, decision) if path else _readable(lambda: from_content(content))
        told = _readable(lambda: explain(compile_table(table), inputs))
        _print(form, told.as_json(), tell_explanation(told))
        return
    if path is None:
        _stop("Name a table's folder, or --response ID.")
    table = _load(path, decision)
    if given is not None:
        inputs = _readable(lambda: typed_inputs(table, _json_object(given)))
    else:
        inputs = _readable(lambda: _inputs_from_options(table, context.args))
    told = _readable(lambda: explain(compile_table(table), inputs))
    _print(form, told.as_json(), tell_explanation(told))


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
        _print_lines(tell_cases(report))
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
    live = _load(old)
    tables = live, _candidate(live, new)
    before, after = (_readable(lambda table=table: compile_table(table)) for table in tables)  # type: ignore[misc]  # bound
    stored = _stored(context)
    if is_plan(after.table):
        past_events = _readable(lambda: read_events(events.read_bytes())) if events else list(stored.events(start))
        kept = [event for event in past_events if start is None or event.at >= start]
        file = new / "contrary.csv"
        contrary = _readable(lambda: load_contrary(file.read_bytes())) if file.is_file() else ()
        replayed = backtest_plan(before, after, kept, contrary)
        _print(form, replayed.as_json(), tell_plan_backtest(replayed))
        return
    if responses is not None:
        past: Iterable[PastResponse] = _readable(lambda: read_responses(before.table, responses.read_bytes()))
    else:
        past = stored.responses(start)
    compared = backtest(before, after, (one for one in past if start is None or one.received_at >= start))
    _print(form, compared.as_json(), tell_backtest(compared))


def _candidate(live: Table, path: Path) -> Table:
    """Read the new table; of a single file, which knows no notes and waits, with the columns of the old one."""
    if path.is_dir():
        return _load(path)
    return _readable(lambda: read_candidate(live, Brought(path.name, path.read_bytes())))


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
        {
            "at": at.isoformat(),
            "version": table.version,
            "rules": len(table.rules),
            "changed": changed_rules(table, former),
        }
        for (at, table), former in zip(versions, [*(table for _, table in versions[1:]), None], strict=False)
    ]
    if form == "json":
        _print_json(entries)
    for entry in entries if form == "text" else ():
        click.echo(f"{entry['at']}  {str(entry['version'])[:12]}  {entry['rules']} rules  {entry['changed'] or ''}")
    if not entries:
        click.echo(f"No version of {name} has been live here.", err=True)
        sys.exit(1)


@rules.command("shadow")
@click.option("--since", type=click.DateTime(), help="Only what was decided since then (UTC).")
@_format
@click.pass_context
def shadow_command(context: click.Context, since: datetime | None, form: str) -> None:
    """List on what candidates disagree with the tables in use: a candidate decides too, and changes nothing.

    A candidate is a table's folder beside the one in use, such as rules/follow-up-candidate.
    """
    found = list(_stored(context).disagreements(since.replace(tzinfo=UTC) if since else None))
    lines = []
    for one in found:
        rules = f"{one.rules or 'no rule'} -> {one.candidate_rules or 'no rule'}"
        lines.append(f"{one.count:>6}  {one.name} {one.candidate[:12]}  {rules}")
        lines += [f"        from {one.outcome}", f"        to   {one.candidate_outcome}"]
    _print(form, [one.as_json() for one in found], lines or ["No candidate has disagreed."])


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
