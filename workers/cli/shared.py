"""What the verbs share: settings and parts from the environment, and how a value is printed.

The parts are imported when a verb asks for them: the help of a verb needs none.
"""

import os
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workers.errors import Misconfigured
from workers.text.plain_text import for_reader, json_text

if TYPE_CHECKING:
    from workers import app
    from workers.adapters.home import Home
    from workers.settings import Settings
    from workers.store.engine import Store

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


def read_settings() -> "Settings":
    """Return the settings of the environment; unknown variables are named on standard error."""
    from workers import settings as settings_module
    from workers.adapters.logs import set_up_logs

    settings = settings_module.read(os.environ)
    set_up_logs(settings.log)
    for hint in settings_module.unknown(os.environ):
        say_fault(hint)
    return settings


HURRY = {
    "database_connect_seconds": 3.0,
    "database_statement_seconds": 10.0,
    "database_lock_seconds": 2.0,
    "database_silence_seconds": 4.0,
}
"""For a verb that says what is away: it must not wait for that as long as a role would."""


def open_boucle(*, migrate_embedded: bool = True, role: bool = False, hurried: bool = False) -> "app.Boucle":
    """Return the parts of the installation, its database ready. Raises Misconfigured.

    A `role` does not start on faulty rules, on weak settings or on a demo's home. Any other verb reads what it needs
    when it needs it, says what is faulty of that, and goes on with what was in use.
    """
    from workers import app
    from workers.adapters.home import Home
    from workers.usecases.operation.migrate import require

    settings = read_settings().model_copy(update=HURRY) if hurried else read_settings()
    home = Home(settings.home)
    home.make()
    with closing(app.Boucle(settings).store) as store:
        require(store, settings, may_migrate=migrate_embedded)
    tell_modes(home, settings)
    if role:
        return open_role(settings)
    boucle = app.start_for_verb(settings, tell=say_fault)
    click.get_current_context().call_on_close(boucle.store.close)
    return boucle


def open_role(settings: "Settings") -> "app.Boucle":
    """Return the parts for a role, all of them checked; raises Misconfigured with every fault."""
    from workers import app
    from workers.app.parts import refused_edits

    see_that_a_role_may_start(settings)
    boucle = app.start(settings)
    click.get_current_context().call_on_close(boucle.store.close)
    for sentence in refused_edits(boucle.policies):
        say_fault(sentence)
    return boucle


def store_alone() -> "Store":
    """Return the installation's database, brought up to date as by `open_boucle`, for a verb that needs no more."""
    from workers import app
    from workers.adapters.home import Home
    from workers.usecases.operation.migrate import require

    settings = read_settings()
    home = Home(settings.home)
    home.make()
    store = app.Boucle(settings).store
    click.get_current_context().call_on_close(store.close)
    require(store, settings, may_migrate=True)
    tell_modes(home, settings)
    return store


def tell_modes(home: "Home", settings: "Settings") -> None:
    """Close what others could read of the installation's own files, and say what was closed and what could not be."""
    for path in home.close_to_others(settings.database):
        say_fault(f"note: other accounts could read {path}; it is closed to them now.")
    for path in home.open_to_others(settings.database):
        say_fault(f"note: other accounts can read {path}; close it: chmod go-rwx {path}")


def see_that_a_role_may_start(settings: "Settings") -> None:
    """Raise Misconfigured with everything that forbids a role's start beside faulty files and parts that are away."""
    from workers import app

    installation = app.Boucle(settings)
    with closing(installation.store):
        faults = [fault.sentence for fault in installation.inspection.weaknesses()]
        faults += demo_faults(installation)
    if faults:
        raise Misconfigured(faults)


def demo_faults(installation: "app.Boucle") -> list[str]:
    """Return that an installation's database is a demo's: its people are made up, and its clock is its own."""
    if not installation.inspection.is_demo():
        return []
    embedded = not installation.settings.database_url.get_secret_value()
    named = "BOUCLE_HOME" if embedded else "BOUCLE_DATABASE_URL"
    place = installation.settings.home if embedded else installation.store.address
    fault = f"{place} holds the year of a demo: made-up customers, and a clock of its own. "
    return [f"{fault}Set {named} to another place for your own events; `boucle demo` shows a demo again."]


def user_name() -> str:
    """Return who runs the command, for the audit: the account's name, which nobody verified."""
    return os.environ.get("USER") or "operator"
