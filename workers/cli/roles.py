"""Verbs that start roles: run, stream, send, web; and what they need first: migrate, topics, services."""

import asyncio
import os
from contextlib import closing
from pathlib import Path

import click

from workers import app, roles
from workers import devservices as services_module
from workers.adapters import kafka
from workers.cli.shared import as_json, parts, settings, show, user_name
from workers.devservices.answering import see_that_they_answer
from workers.errors import Misconfigured
from workers.usecases.operation import migrate as migrating
from workers.usecases.operation.record_skips import Place, Skipping


@click.command()
def run() -> None:
    """Run all roles in one process, embedded by default."""
    roles.see_that_ports_are_free(settings())
    found = parts(role=True)
    wanted = [*roles.sending_roles(found), roles.web(found), roles.rules(found), roles.observer(found)]
    if found.settings.kafka_bootstrap:
        wanted.append(roles.stream(found))
    click.echo(f"Boucle runs: http://{found.settings.http_bind}", err=True)
    asyncio.run(roles.run_roles(wanted, found.settings.stall_seconds))


@click.group(invoke_without_command=True)
@click.pass_context
def stream(context: click.Context) -> None:
    """Take events from Kafka (a Faust worker)."""
    if context.invoked_subcommand is not None:
        return
    if not settings().kafka_bootstrap:
        raise Misconfigured(["The stream role needs BOUCLE_KAFKA_BOOTSTRAP."])
    found = parts(role=True)
    asyncio.run(
        roles.run_roles([roles.stream(found), roles.rules(found), roles.observer(found)], found.settings.stall_seconds)
    )


@stream.command()
@click.argument("topic")
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("offset", type=click.IntRange(min=0))
@click.option("--why", required=True, help="Why; it stands in the audit log and in the dead letter.")
@as_json
def skip(topic: str, partition: int, offset: int, why: str, form: str) -> None:
    """Step over one record that stops the stream, the last resort: it becomes a dead letter. Stop the stream first."""
    found = parts()
    cluster = app.kafka_of(found.settings)
    if cluster is None:
        raise Misconfigured(["Set BOUCLE_KAFKA_BOOTSTRAP first: only a broker's records can be skipped."])
    place = Place(topic, partition, offset)
    log_of_topics = roles.log_of(cluster, found.settings)
    Skipping(found.store, found.intake, log_of_topics, found.now).skip(place, why, user_name())
    text = f"Skipped {place}; it is a dead letter now (`boucle dead-letters list --reason skipped`). Start the stream."
    show({"topic": topic, "partition": partition, "offset": offset, "skipped": True}, text, form)


@click.command()
def web() -> None:
    """Serve the pages and the HTTP doors."""
    roles.see_that_ports_are_free(settings())
    found = parts(role=True)
    asyncio.run(
        roles.run_roles([roles.web(found), roles.rules(found), roles.observer(found)], found.settings.stall_seconds)
    )


@click.command()
def migrate() -> None:
    """Bring the database to the schema of this release."""
    with closing(app.Boucle(settings()).store) as store:
        number = migrating.migrate(store)
    click.echo(f"The database has schema {number}.")


@click.group(name="topics")
def topics_group() -> None:
    """Kafka's topics."""


@topics_group.command(name="create")
def topics_create() -> None:
    """Create the topics that are missing."""
    found = settings()
    cluster = app.kafka_of(found)
    if cluster is None:
        raise Misconfigured(["Set BOUCLE_KAFKA_BOOTSTRAP first."])
    made = kafka.create(cluster, found.topic_prefix, found.replication)
    click.echo("\n".join(f"created {name}" for name in made) or "Every topic is there already.")


@click.group()
def services() -> None:
    """Real Kafka, PostgreSQL and a mail server from ordinary packages, on this machine."""


@services.command(name="up")
@click.argument("names", nargs=-1)
def services_up(names: tuple[str, ...]) -> None:
    """Start them (all of kafka and postgres unless named) and print their addresses as settings, once they answer."""
    found = services_module.up(services_home(), names or services_module.DEFAULT_PARTS)
    see_that_they_answer(found)
    for line in services_module.shell_lines(found):
        click.echo(line)


@services.command(name="down")
@click.argument("names", nargs=-1)
def services_down(names: tuple[str, ...]) -> None:
    """Stop them; their data stays."""
    stopped = services_module.down(services_home(), names or tuple(part.value for part in services_module.Part))
    click.echo("\n".join(f"stopped {name}" for name in stopped) or "Nothing was running.")


@services.command(name="status")
@as_json
def services_status(form: str) -> None:
    """Show which of them run, and where."""
    found = services_module.status(services_home())
    value = [
        {"name": one.name, "state": one.state.value, "address": one.address, "setting": one.setting} for one in found
    ]
    show(value, "\n".join(f"{one.name:10} {one.state.value:8} {one.address}" for one in found), form)


def services_home() -> Path:
    """Return the folder in which the services keep their data, below `services`."""
    return Path(os.path.realpath(settings().home))


COMMANDS = (run, stream, web, migrate, topics_group, services)
