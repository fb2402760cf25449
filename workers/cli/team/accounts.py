"""Verbs for accounts: the companies that several customers answer for."""

import click

from workers.cli.shared import as_json, open_boucle, show


@click.group()
def accounts() -> None:
    """Accounts: the companies that customers answer for."""


@accounts.command()
@click.option("--owner", default="", help="Only those that this person owns, as the CRM says it.")
@as_json
def silent(owner: str, form: str) -> None:
    """List whom nobody hears of: the last two questions not answered, and no event since."""
    from workers.usecases.report import accounts as reporting
    from workers.usecases.report.written_figures import instant

    boucle = open_boucle()
    policy = boucle.policies.current()
    with boucle.store.reading(patient=True) as connection:
        listed = reporting.silent(connection, boucle.now(), policy.attributes, owner)
    values = [
        {
            "account": line.name,
            "owners": list(line.owners),
            "people": line.people,
            "asked_at": instant(line.asked_at),
            "heard_at": instant(line.heard_at),
        }
        for line in listed
    ]
    show(values, reporting.silent_as_text(listed, policy.zone), form)


COMMANDS = (accounts,)
