"""Verbs that start and stop real parts on this machine, for trials and tests: services up, down, status.

Only a checkout of the source has the code that starts them; an installed Boucle has the verbs, and says so.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import click

from workers.cli.shared import as_json, read_settings, show
from workers.errors import Misconfigured

ONLY_IN_A_CHECKOUT = (
    "`boucle services` is part of a checkout of Boucle's source, not of the installed package: run `make services-up` "
    "there, or point BOUCLE_KAFKA_BOOTSTRAP, BOUCLE_DATABASE_URL and BOUCLE_SMTP_URL at servers of your own."
)


@click.group()
def services() -> None:
    """Real Kafka, PostgreSQL and a mail server on this machine, for trials; only in a checkout of the source."""


@services.command(name="up")
@click.argument("names", nargs=-1)
def services_up(names: tuple[str, ...]) -> None:
    """In a checkout: start them (kafka and postgres unless named), then print their addresses as settings."""
    require_checkout()
    from workers import devservices
    from workers.devservices.greetings import see_that_they_answer

    addresses = devservices.up(services_home(), names or devservices.DEFAULT_PARTS)
    see_that_they_answer(addresses)
    for line in devservices.shell_lines(addresses):
        click.echo(line)


@services.command(name="down")
@click.argument("names", nargs=-1)
def services_down(names: tuple[str, ...]) -> None:
    """Stop them; their data stays."""
    require_checkout()
    from workers import devservices

    stopped = devservices.down(services_home(), names or tuple(part.value for part in devservices.Part))
    click.echo("\n".join(f"stopped {name}" for name in stopped) or "Nothing was running.")


@services.command(name="status")
@as_json
def services_status(form: str) -> None:
    """Show which of them run, and where."""
    require_checkout()
    from workers import devservices

    rows = devservices.status(services_home())
    value = [
        {"name": row.name, "state": row.state.value, "address": row.address, "setting": row.setting} for row in rows
    ]
    show(value, "\n".join(f"{row.name:10} {row.state.value:8} {row.address}" for row in rows), form)


def require_checkout() -> None:
    """Raise Misconfigured where `workers.devservices` was left out: in what was installed from a wheel."""
    if find_spec("workers.devservices") is None:
        raise Misconfigured([ONLY_IN_A_CHECKOUT])


def services_home() -> Path:
    """Return the folder in which the services keep their data, below `services`."""
    return Path(os.path.realpath(read_settings().home))


COMMANDS = (services,)
