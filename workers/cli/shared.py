"""What the verbs share: settings and parts from the environment, and how a value is printed."""

import os
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

import click

from workers import settings as settings_module
from workers import wiring
from workers.logs import set_up_logs
from workers.migrating import require
from workers.plain_text import for_reader, json_text
from workers.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def as_json(function: F) -> F:
    """Add `--format json` to a verb, as the parameter `form`."""
    option = click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json prints one JSON value."
    )
    return option(function)


def show(value: object, text: str, form: str) -> None:
    """Print one JSON value, or its text."""
    click.echo(json_text(value) if form == "json" else for_reader(text))


def say_fault(fault: str) -> None:
    """Print one fault on standard error."""
    click.echo(for_reader(fault), err=True)


def settings() -> Settings:
    """Return the settings of the environment; unknown variables are named on standard error."""
    found = settings_module.read(os.environ)
    set_up_logs(found.log)
    for hint in settings_module.unknown(os.environ):
        say_fault(hint)
    return found


def parts(*, migrate_embedded: bool = True, role: bool = False) -> wiring.Boucle:
    """Return the parts of the installation, its database ready; raises Misconfigured with every fault.

    A `role` does not start on faulty rules; other verbs say so, and go on with those that were in use.
    """
    found = settings()
    with closing(wiring.Boucle(found).store) as store:
        require(store, found, may_migrate=migrate_embedded)
    started = wiring.start(found, lenient=not role)
    click.get_current_context().call_on_close(started.store.close)
    for name, refused in started.policies.refused().items():
        say_fault(
            f"{name}: the edit is refused, version {refused.live_version[:12]} goes on; `boucle status` says why."
        )
    return started


def user_name() -> str:
    """Return who runs the command, for the audit."""
    return os.environ.get("USER") or "operator"
