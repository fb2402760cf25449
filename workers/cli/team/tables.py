"""What `boucle rules` learns of the installation around it: names that exist, and the past in its database.

Opened when first asked for: without a database, or with settings that are faulty, the commands work on files alone.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import click

from workers import app
from workers import settings as settings_module
from workers.adapters.logs import set_up_logs
from workers.cli.shared import say_fault
from workers.decision_table import Inputs, KnownNames, PastEvent, PastResponse, Stored, Table
from workers.decision_table.trials.installation import Disagreed, Nothing, Sample
from workers.errors import Misconfigured
from workers.usecases.operation.migrate import MINIMUM, schema_of
from workers.usecases.rules.active_policy import known_names

SQLITE = "sqlite:///"


class Installed:
    """The installation that the environment names, as `workers.decision_table.trials.installation.Stored`."""

    @cached_property
    def _parts(self) -> app.Boucle | None:
        """Return the parts, or None, said once, when the settings are faulty."""
        try:
            settings = settings_module.read(os.environ)
            parts = app.Boucle(settings)
            parts.files.data.list("templates")
        except Misconfigured as error:
            say_fault(f"Working on the files alone: {'; '.join(error.faults)}")
            return None
        set_up_logs(settings.log)
        return parts

    @cached_property
    def _past(self) -> Stored:
        """Return the database's past, or nothing when there is none; never makes a database. Raises NotNow."""
        parts = self._parts
        address = parts.settings.database if parts else ""
        if parts is None or (address.startswith(SQLITE) and not Path(address.removeprefix(SQLITE)).exists()):
            return Nothing()
        close: Callable[[], None] = parts.store.close
        click.get_current_context().find_root().call_on_close(close)
        return parts.rules if schema_of(parts.store) >= MINIMUM else Nothing()

    def known_names(self) -> KnownNames | None:
        """Return the templates and actions that exist; needs no database."""
        return known_names(self._parts.files.data) if self._parts else None

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        """Return stored responses with the inputs of the follow-up table, oldest first."""
        return self._past.responses(since)

    def sample(self, most: int) -> Sample:
        """Return at most so many stored responses, spread over their time, and how many there are."""
        return self._past.sample(most)

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        """Return stored journey events, oldest first."""
        return self._past.events(since)

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        """Return the inputs of a response's current decision and the content of the table that made it, or None."""
        return self._past.decision_inputs(response_id)

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        """Return the versions of a table that have been live, latest first, with the time of each."""
        return self._past.versions(name)

    def disagreements(self, since: datetime | None) -> Iterable[Disagreed]:
        """Return on what candidates beside the tables in use disagreed, by kind."""
        return self._past.disagreements(since)
