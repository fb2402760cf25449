"""Verbs around personal data: privacy export and erase, retention, audit, export responses."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show, store_alone, user_name
from workers.text.plain_text import json_text

if TYPE_CHECKING:
    from workers.usecases.privacy.person import Privacy
    from workers.usecases.privacy.retention import Removed

NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
UNKNOWN = "No customer {} is known here, and no dead letter names them. Give the id that the CRM uses."
SEARCHING = (
    "Customer {} was erased at {:%Y-%m-%d %H:%M}Z. Dead letters are still to be looked through for them, which "
    "`boucle send` does; run `boucle privacy erase` with that id to have it done now."
)


@click.group()
def privacy() -> None:
    """What a person may ask: everything that is kept about them, or to be forgotten."""


def of_persons() -> "Privacy":
    from workers.usecases.privacy.person import Privacy

    boucle = open_boucle()
    return Privacy(boucle.store, boucle.policy, boucle.now)


@privacy.command(name="export")
@click.argument("customer")
@as_json
def export_person(customer: str, form: str) -> int:
    """Print every row about CUSTOMER (the CRM's id) as one JSON object, indented unless json is asked for."""
    persons = of_persons()
    personal_data = persons.export(customer, user_name())
    if personal_data is None:
        since = persons.searching_since(customer)
        say_fault(UNKNOWN.format(customer) if since is None else SEARCHING.format(customer, since))
        return 1
    show(personal_data, json_text(personal_data, indent=1), form)
    return 0


@privacy.command()
@click.argument("customer")
@as_json
def erase(customer: str, form: str) -> int:
    """Erase CUSTOMER (the CRM's id) for ever: planned mail is cancelled, and no replay brings the person back."""
    if not of_persons().erase(customer, user_name()):
        say_fault(UNKNOWN.format(customer))
        return 1
    said = "Erased. Score, date and segment stay, linked to nobody. Copies: backups, the CRM, other systems' topics."
    show({"erased": True}, said, form)
    return 0


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@as_json
def retention(dry_run: bool, form: str) -> None:
    """Delete what is older than its table keeps it. Run it once a day; it may be stopped at any time."""
    from workers.usecases.privacy.retention import Retention

    boucle = open_boucle()
    keeping = Retention(boucle.store, boucle.now)
    if not dry_run:
        boucle.letter_search().search_all()
    removed = keeping.plan() if dry_run else keeping.run(user_name())
    value = {
        "dry_run": dry_run,
        "tables": [
            {"table": table.keep.name, "days": table.keep.days, "before": table.before.isoformat(), "rows": table.rows}
            for table in removed
        ],
    }
    show(value, "\n".join(line_of(table, dry_run=dry_run) for table in removed), form)


def line_of(removed: "Removed", *, dry_run: bool) -> str:
    verb = "would go" if dry_run else "deleted"
    return f"{removed.keep.name:15} {removed.rows:>9} {verb}, older than {removed.keep.days} days ({removed.keep.why})"


@click.command()
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many, the newest first.")
@as_json
def audit(limit: int, form: str) -> None:
    """List who did what: exports, erasures, retention, keys, pauses."""
    from workers.store.sign_in.audit_log import list_acts

    with store_alone().reading() as connection:
        acts = list_acts(connection, limit=limit)
    values = [{**act, "at": act["at"].isoformat()} for act in acts]
    lines = [
        f"{act['at']:%Y-%m-%d %H:%M}Z  {act['by']:12} {act['act']:20} {act['subject']} {json_text(act['detail'])}"
        for act in acts
    ]
    show(values, "\n".join(lines) or "Nothing was done yet that leaves a row here.", form)


@click.group()
def export() -> None:
    """Files for other tools."""


@export.command()
@click.argument("file", type=NEW_FILE)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only answers of this day and later (UTC).")
@as_json
def responses(file: Path, since: datetime | None, form: str) -> None:
    """Write the responses to FILE (CSV); cells that look like formulas are made harmless."""
    from workers.usecases.privacy.response_export import export_responses

    if not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    boucle = open_boucle()
    start = since.replace(tzinfo=UTC) if since else None
    count = export_responses(boucle.store, file, boucle.now(), user_name(), since=start)
    show({"rows": count, "file": str(file)}, f"{count} responses in {file}; they hold personal data.", form)


COMMANDS = (privacy, retention, audit, export)
