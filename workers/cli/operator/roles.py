"""Verbs that start roles: run, stream, web; and what they need first: migrate, topics."""

import asyncio
from contextlib import closing

import click

from workers.cli.shared import as_json, open_boucle, read_settings, show, user_name
from workers.cli.trial.question import try_question
from workers.errors import Misconfigured


@click.command()
def run() -> None:
    """Run all roles in one process, embedded by default."""
    from workers import roles

    roles.see_that_ports_are_free(read_settings())
    boucle = open_boucle(role=True)
    wanted = [*roles.sending_roles(boucle), roles.web(boucle), roles.rules(boucle), roles.observer(boucle)]
    if boucle.settings.kafka_bootstrap:
        wanted.append(roles.stream(boucle))
    click.echo(f"Boucle runs: http://{boucle.settings.http_bind}", err=True)
    asyncio.run(roles.run_roles(wanted, boucle.settings.stall_seconds))


@click.group(invoke_without_command=True)
@click.pass_context
def stream(context: click.Context) -> None:
    """Take events from Kafka (a Faust worker)."""
    if context.invoked_subcommand is not None:
        return
    from workers import roles

    if not read_settings().kafka_bootstrap:
        raise Misconfigured(["The stream role needs BOUCLE_KAFKA_BOOTSTRAP."])
    boucle = open_boucle(role=True)
    asyncio.run(
        roles.run_roles(
            [roles.stream(boucle), roles.rules(boucle), roles.observer(boucle)], boucle.settings.stall_seconds
        )
    )


@stream.command()
@click.argument("topic")
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("offset", type=click.IntRange(min=0))
@click.option("--why", required=True, help="Why; it stands in the audit log and in the dead letter.")
@as_json
def skip(topic: str, partition: int, offset: int, why: str, form: str) -> None:
    """Step over one record that stops the stream, the last resort: it becomes a dead letter. Stop the stream first."""
    from workers import app, roles
    from workers.usecases.operation.record_skips import Place, RecordSkips

    boucle = open_boucle()
    cluster = app.kafka_of(boucle.settings)
    if cluster is None:
        raise Misconfigured(["Set BOUCLE_KAFKA_BOOTSTRAP first: only a broker's records can be skipped."])
    place = Place(topic, partition, offset)
    log_of_topics = roles.log_of(cluster, boucle.settings)
    RecordSkips(boucle.store, boucle.intake, log_of_topics, boucle.now).skip(place, why, user_name())
    text = f"Skipped {place}; it is a dead letter now (`boucle dead-letters list --reason skipped`). Start the stream."
    show({"topic": topic, "partition": partition, "offset": offset, "skipped": True}, text, form)


@click.group(invoke_without_command=True)
@click.pass_context
def web(context: click.Context) -> None:
    """Serve the pages and the HTTP doors."""
    if context.invoked_subcommand is not None:
        return
    from workers import roles

    roles.see_that_ports_are_free(read_settings())
    boucle = open_boucle(role=True)
    asyncio.run(
        roles.run_roles([roles.web(boucle), roles.rules(boucle), roles.observer(boucle)], boucle.settings.stall_seconds)
    )


@web.command()
@click.option("--customer", required=True, help="The CRM's id of the customer.")
@click.option("--site", help="The site's id in rules/sites.yaml; not needed where there is one.")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 1440), help="How long it is good for.")
def token(customer: str, site: str | None, minutes: int) -> None:
    """Print a visitor token for data-visitor of the script, to try the question on a page as a customer."""
    from workers.domain.web_sites import Visitor, sign_visitor

    boucle = open_boucle()
    sites, keys = boucle.policies.current().sites, boucle.web_questions.keys
    name = site or (next(iter(sites)) if len(sites) == 1 else "")
    if name not in sites:
        raise Misconfigured([f"Name a site of rules/sites.yaml with --site; there are: {', '.join(sites) or 'none'}."])
    if not keys.get(name):
        raise Misconfigured([f"The site {name} has no key: set BOUCLE_SITE_KEYS={name}:KEY (openssl rand -hex 32)."])
    click.echo(sign_visitor(keys[name][0], name, customer, int(boucle.now().timestamp()) + minutes * 60))
    if not sites[name].newcomers and not boucle.web_questions.knows(Visitor(customer)):
        click.echo(
            f"No event has named customer {customer} yet, so nothing will appear: send one, or write `newcomers: yes` "
            f"for {name} in rules/sites.yaml.",
            err=True,
        )


web.add_command(try_question)


@click.command()
def migrate() -> None:
    """Bring the database to the schema of this release."""
    from workers import app
    from workers.usecases.operation import migrate as migrating

    with closing(app.Boucle(read_settings()).store) as store:
        number = migrating.migrate(store)
    click.echo(f"The database has schema {number}.")


@click.group(name="topics")
def topics_group() -> None:
    """Kafka's topics."""


@topics_group.command(name="create")
def topics_create() -> None:
    """Create the topics that are missing."""
    from workers import app
    from workers.adapters import kafka

    settings = read_settings()
    cluster = app.kafka_of(settings)
    if cluster is None:
        raise Misconfigured(["Set BOUCLE_KAFKA_BOOTSTRAP first."])
    made = kafka.create(cluster, settings.topic_prefix, settings.replication)
    click.echo("\n".join(f"created {name}" for name in made) or "Every topic is there already.")


COMMANDS = (run, stream, web, migrate, topics_group)
