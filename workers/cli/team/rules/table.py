"""The verbs around one table: rules check, evaluate, explain, test."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click

from workers.cli.team.rules.shared import (
    decision_option,
    form_option,
    load_table,
    past_if_there,
    path_argument,
    print_json,
    print_lines,
    readable,
    show,
    stop,
    stored_of,
)
from workers.decision_table import (
    Against,
    Fault,
    Inputs,
    KnownNames,
    Severity,
    Table,
    Unreadable,
    check,
    compile_table,
    explain,
    fault_json,
    from_content,
)
from workers.decision_table.decisions.evaluation import evaluate, typed_inputs
from workers.decision_table.files.loader import load, read_file, waves_beside
from workers.decision_table.files.side_files import load_contrary, load_waves
from workers.decision_table.live import faults_of
from workers.decision_table.model.table import Column
from workers.decision_table.trials.backtest import PastResponse, not_kept
from workers.decision_table.trials.cases import CASES, Case, parse_cases, run_cases
from workers.decision_table.trials.installation import MOST_SAMPLED, Stored
from workers.decision_table.trials.past_files import read_responses, typed
from workers.decision_table.trials.proposed_cases import propose_cases
from workers.decision_table.trials.replay import is_plan
from workers.decision_table.trials.rest_clashes import rest_clashes
from workers.decision_table.trials.text import tell_cases, tell_explanation, tell_faults
from workers.domain.attributes import FILE, columns_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.followup.table_contract import fit_named, fit_plan, fitting, without_follow_up
from workers.errors import BadInput, Misconfigured


@click.command("check")
@path_argument
@form_option
@decision_option
@click.option("--all", "allowed", is_flag=True, help="Also list gaps and overlaps that the hit policy allows.")
@click.option("--responses", type=click.Path(path_type=Path), help="A CSV of past responses, to count what a gap hits.")
@click.option(
    "--place",
    type=click.Choice(["follow-up", "journey-plan"]),
    help="Check that it can be used there; a folder of that name is checked for it anyway.",
)
@click.pass_context
def check_command(
    context: click.Context,
    path: Path,
    form: str,
    decision: str | None,
    allowed: bool,
    responses: Path | None,
    place: str | None,
) -> None:
    """List every fault of a table: a folder, an .xlsx workbook or a .dmn file."""
    stored = stored_of(context)
    table = load_table(path, decision)
    name = place or (path.resolve().name if path.is_dir() else "")
    today = datetime.now(UTC).date()
    versions = past_if_there(lambda: stored.versions(table.name)) if path.is_dir() else []
    known_names = stored.known_names()
    declared, attribute_faults = _declared(path, known_names)
    against = Against(
        known_names=known_names if path.is_dir() else None,
        responses=_past_inputs(stored, table, responses),
        cases=_cases(path, table),
        earlier=[version for _, version in versions],
        today=today,
        allowed=allowed,
        fit=fitting(fit_named(name), declared),
    )
    faults = check(table, against)
    faults += [*attribute_faults, *_beside_faults(path, name, table), *rest_clashes(table, waves_beside(path), today)]
    shown = [fault if path.is_dir() else _in_file(fault, path.name) for fault in faults]
    show(form, [fault_json(fault) for fault in shown], tell_faults(table, shown))
    sys.exit(1 if any(fault.severity is Severity.ERROR for fault in faults) else 0)


def _declared(path: Path, known_names: KnownNames | None) -> tuple[Mapping[str, Column], list[Fault]]:
    """Return the attributes that a table may ask for: of the file beside its folder, else of the installation.

    With the faults of that file, which nobody would see otherwise.
    """
    file = path.resolve().parent / Path(FILE).name
    if not path.is_dir() or not file.is_file():
        return (known_names.inputs if known_names else {}), []
    try:
        return columns_of(read_attributes(read_file(file))), []
    except (Misconfigured, BadInput, OSError) as fault:
        return {}, [Fault("E802", Severity.ERROR, reason, file=file.name) for reason in faults_of(fault)]


def _beside_faults(path: Path, place: str, table: Table) -> list[Fault]:
    """Return why what stands beside the journey plan, and is taken over with it, cannot be used with it."""
    if not path.is_dir() or fit_named(place) is not fit_plan:
        return []
    faults = []
    for name, read in (("contrary.csv", load_contrary), ("waves.csv", load_waves)):
        file = path / name
        try:
            if file.is_file():
                read(read_file(file))
        except Unreadable as fault:
            faults.append(Fault("E802", Severity.ERROR, str(fault), file=name))
    return [*faults, *_unrouted(path, table)]


def _unrouted(path: Path, plan: Table) -> list[Fault]:
    """Return which rows of a journey plan ask what the follow-up table beside it has no rows for."""
    try:
        unrouted = without_follow_up(plan, load(path.resolve().parent / "follow-up"))
        return [Fault("E802", Severity.ERROR, reason, file="rules.csv") for reason in unrouted]
    except (BadInput, OSError):  # no such folder, or told as its own fault
        return []


def _in_file(fault: Fault, name: str) -> Fault:
    return replace(fault, file=name)


def _past_inputs(stored: Stored, table: Table, file: Path | None) -> list[Inputs] | None:
    if file is not None:
        past: Iterable[PastResponse] = readable(lambda: read_responses(table, file.read_bytes(), file=file.name))
    elif is_plan(table) or not any(column.name == "score" for column in table.inputs):
        return None
    else:
        past = sampled(stored)
    past_inputs = [response.inputs for response in past]
    return past_inputs or ([] if file is not None else None)


def sampled(stored: Stored) -> Sequence[PastResponse]:
    """Return past responses to check by, and say on standard error which share of all they are."""
    samples = past_if_there(lambda: [stored.sample(MOST_SAMPLED)])
    if not samples:
        return ()
    sample = samples[0]
    if not sample.whole:
        share = f"note: {len(sample.responses)} of {sample.total} past answers are looked at ({sample.percent} %), "
        click.echo(share + "spread over their time; `boucle rules backtest` compares all of them.", err=True)
    return sample.responses


def _cases(path: Path, table: Table) -> tuple[Case, ...]:
    file = path / CASES
    return readable(lambda: parse_cases(table, read_file(file))) if path.is_dir() and file.is_file() else ()


@click.command("evaluate")
@path_argument
@decision_option
@click.option("--input", "given", help="The inputs as one JSON object.")
@click.option("--inputs", "file", type=click.Path(path_type=Path), help="A file with one JSON object a line.")
@click.option("--format", "form", type=click.Choice(["json"]), default="json", help="json, the only one there is.")
def evaluate_command(path: Path, decision: str | None, given: str | None, file: Path | None, form: str) -> None:
    """Decide on inputs and print the result as JSON; a table with gaps is evaluated all the same."""
    del form  # taken so that each verb that prints data is called alike
    if (given is None) == (file is None):
        stop("Give either --input JSON or --inputs FILE.jsonl.")
    table = load_table(path, decision)
    compiled = readable(lambda: compile_table(table))
    if given is not None:
        answer = evaluate(compiled, readable(lambda: _json_object(given)))
        print_json(answer)
        sys.exit(1 if "error" in answer else 0)
    assert file is not None
    lines = readable(lambda: file.read_text("utf-8-sig")).splitlines()
    objects = [readable(lambda line=line: _json_object(line)) for line in lines if line.strip()]  # type: ignore[misc]  # a default binds the line
    print_json([evaluate(compiled, inputs) for inputs in objects])


def _json_object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text, parse_float=Decimal)
    except ValueError as fault:
        raise Unreadable(f"{text[:60]!r} is not JSON: {fault}.") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{text[:60]!r} is not a JSON object of inputs.")
    return value


@click.command("explain", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("path", type=click.Path(path_type=Path), required=False)
@form_option
@decision_option
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
        stored_decision = stored_of(context).decision_inputs(response)
        if stored_decision is None:
            click.echo(
                f"No decision is stored for response {response!r}: `boucle explain customer ID` has ids.", err=True
            )
            sys.exit(1)
        inputs, content = stored_decision
        table = load_table(path, decision) if path else readable(lambda: from_content(content))
        unkept = not_kept(inputs, table)
        if unkept:
            stop(unkept)
        explanation = readable(lambda: explain(compile_table(table), inputs))
        show(form, explanation.as_json(), tell_explanation(explanation))
        return
    if path is None:
        stop("Name a table's folder, or --response ID.")
    table = load_table(path, decision)
    if given is not None:
        inputs = readable(lambda: typed_inputs(table, _json_object(given)))
    else:
        inputs = readable(lambda: _inputs_from_options(table, context.args))
    explanation = readable(lambda: explain(compile_table(table), inputs))
    show(form, explanation.as_json(), tell_explanation(explanation))


def _inputs_from_options(table: Table, args: Sequence[str]) -> Inputs:
    columns = {column.name.lower().replace("_", "-").replace(" ", "-"): column for column in table.inputs}
    inputs: dict[str, object] = {}
    rest = list(args)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        column = columns.get(name.removeprefix("--").lower().replace("_", "-"))
        if column is None or not name.startswith("--"):
            raise Unreadable(f"{name} is no option; the inputs are {', '.join(f'--{option}' for option in columns)}.")
        if not equals and not rest:
            raise Unreadable(f"{name} needs a value.")
        inputs[column.name] = typed(column, value if equals else rest.pop(0))
    return typed_inputs(table, {name: value for name, value in inputs.items() if value is not None}, plain=False)


@click.command("test")
@path_argument
@form_option
@click.option("--generate", is_flag=True, help="Print a small set of cases that covers every rule and boundary.")
def test_command(path: Path, form: str, generate: bool) -> None:
    """Run cases.csv beside a table, and say which rules no case reaches."""
    table = load_table(path)
    compiled = readable(lambda: compile_table(table))
    if generate:
        click.echo(propose_cases(compiled), nl=False)
        return
    cases = _cases(path, table)
    if not cases:
        click.echo(f"{path / CASES} has no cases: `boucle rules test {path} --generate` proposes some.", err=True)
        sys.exit(1)
    report = run_cases(compiled, cases)
    if form == "json":
        failed = [
            {"row": failure.case.row, "rules": list(failure.rules), "message": failure.message}
            for failure in report.failed
        ]
        print_json({"cases": len(cases), "failed": failed, "coverage": dict(report.coverage)})
    else:
        print_lines(tell_cases(report))
    sys.exit(1 if report.failed else 0)
