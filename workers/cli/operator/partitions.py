"""The verb about dividing the tables of a PostgreSQL database: it prints a script and changes nothing."""

from collections.abc import Iterator

import click

from workers.cli.shared import as_json, show
from workers.store.operation import partitioning


@click.group("partitions")
def partitions() -> None:
    """Scripts for psql that divide the tables by customer, once one table or one machine is not enough."""


@partitions.command("hash")
@click.option(
    "--count",
    type=click.IntRange(2, partitioning.MOST),
    default=16,
    show_default=True,
    help="Into how many partitions; a power of two can be divided again.",
)
@as_json
def by_hash(count: int, form: str) -> None:
    """Print the script that divides them into PostgreSQL's own hash partitions; run it while no role runs."""
    show_script(partitioning.hash_partitions(count), form)


@partitions.command()
@as_json
def citus(form: str) -> None:
    """Print the script that divides them over the machines of a Citus cluster; run it on its coordinator."""
    show_script(partitioning.citus(), form)


def show_script(statements: Iterator[str], form: str) -> None:
    """Print statements as a script, or as a list for a program that runs them itself."""
    listed = list(statements)
    show({"statements": listed}, partitioning.as_script(listed).rstrip("\n"), form)


COMMANDS = (partitions,)
