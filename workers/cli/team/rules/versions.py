"""The verbs around two versions of a table: rules backtest, version, history, shadow."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from workers.cli.team.rules.shared import (
    decision_option,
    form_option,
    load_table,
    path_argument,
    print_json,
    readable,
    show,
    stored_of,
)
from workers.decision_table import Table, compile_table
from workers.decision_table.files.loader import read_file
from workers.decision_table.files.side_files import load_contrary
from workers.decision_table.trials.backtest import PastResponse, backtest
from workers.decision_table.trials.candidate import Brought, read_candidate
from workers.decision_table.trials.past_files import read_events, read_responses
from workers.decision_table.trials.replay import backtest_plan, is_plan
from workers.decision_table.trials.text import changed_rules, tell_backtest, tell_plan_backtest


@click.command("backtest")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", type=click.DateTime(), help="Only what came in since then (UTC).")
@click.option(
    "--responses", type=click.Path(path_type=Path), help="A CSV: the input columns, id, customer, received_at."
)
@click.option("--events", type=click.Path(path_type=Path), help="A CSV: customer, event, at, reference, ... (plans).")
@form_option
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
    live = load_table(old)
    tables = live, _candidate(live, new)
    before, after = (readable(lambda table=table: compile_table(table)) for table in tables)  # type: ignore[misc]  # bound
    stored = stored_of(context)
    if is_plan(after.table):
        past_events = readable(lambda: read_events(events.read_bytes())) if events else list(stored.events(start))
        kept = [event for event in past_events if start is None or event.at >= start]
        file = new / "contrary.csv"
        contrary = readable(lambda: load_contrary(read_file(file))) if file.is_file() else ()
        replayed = backtest_plan(before, after, kept, contrary)
        show(form, replayed.as_json(), tell_plan_backtest(replayed))
        return
    if responses is not None:
        past: Iterable[PastResponse] = readable(lambda: read_responses(before.table, responses.read_bytes()))
    else:
        past = stored.responses(start)
    compared = backtest(
        before, after, (past_response for past_response in past if start is None or past_response.received_at >= start)
    )
    show(form, compared.as_json(), tell_backtest(compared))


def _candidate(live: Table, path: Path) -> Table:
    """Read the new table; of a single file, which knows no notes and waits, with the columns of the old one."""
    if path.is_dir():
        return load_table(path)
    return readable(lambda: read_candidate(live, Brought(path.name, read_file(path))))


@click.command("version")
@path_argument
@form_option
@decision_option
def version_command(path: Path, form: str, decision: str | None) -> None:
    """Print the version of a table: the SHA-256 of what it means."""
    table = load_table(path, decision)
    if form == "json":
        print_json({"name": table.name, "version": table.version})
    else:
        click.echo(table.version)


@click.command("history")
@click.argument("path", type=click.Path(path_type=Path))
@form_option
@click.pass_context
def history_command(context: click.Context, path: Path, form: str) -> None:
    """List the versions of a table that have been live, with what each changed. PATH is its folder or its name."""
    name = load_table(path).name if path.exists() else str(path)
    versions = list(stored_of(context).versions(name))
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
        print_json(entries)
    for entry in entries if form == "text" else ():
        click.echo(f"{entry['at']}  {str(entry['version'])[:12]}  {entry['rules']} rules  {entry['changed'] or ''}")
    if not entries:
        click.echo(f"No version of {name} has been live here.", err=True)
        sys.exit(1)


@click.command("shadow")
@click.option("--since", type=click.DateTime(), help="Only what was decided since then (UTC).")
@form_option
@click.pass_context
def shadow_command(context: click.Context, since: datetime | None, form: str) -> None:
    """List on what candidates disagree with the tables in use: a candidate decides too, and changes nothing.

    A candidate is a table's folder beside the one in use, such as rules/follow-up-candidate.
    """
    disagreements = list(stored_of(context).disagreements(since.replace(tzinfo=UTC) if since else None))
    lines = []
    for disagreement in disagreements:
        rules = f"{disagreement.rules or 'no rule'} -> {disagreement.candidate_rules or 'no rule'}"
        lines.append(f"{disagreement.count:>6}  {disagreement.name} {disagreement.candidate[:12]}  {rules}")
        lines += [f"        from {disagreement.outcome}", f"        to   {disagreement.candidate_outcome}"]
    show(form, [disagreement.as_json() for disagreement in disagreements], lines or ["No candidate has disagreed."])
