"""What `boucle check` and a start ask of an installation: every fault at once, and which settings are weak."""

import importlib.util
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial

from workers.app.outgoing import Outgoing
from workers.app.parts import Parts
from workers.app.settings_values import kafka_of
from workers.errors import Misconfigured, NotNow
from workers.settings.faults import SettingFault
from workers.store.connection import DBAPIError
from workers.store.controls import is_demo
from workers.usecases.operation.migrate import MINIMUM, schema_of
from workers.usecases.operation.weak_settings import Surroundings, weak_settings
from workers.usecases.sign_in.api_keys import ApiKeys, Outcome, state_of

WRITTEN = ("brand", "templates", "codec")
SHARED = ("policies", "links")
SENT = ("webhook_target", "mail_server")
"""Parts that raise Misconfigured with every fault of theirs when they are made."""


class Inspection:
    """Looks at an installation and changes nothing."""

    def __init__(self, parts: Parts, outgoing: Outgoing) -> None:
        self._parts = parts
        self._outgoing = outgoing

    def faults(self) -> list[str]:
        """Return every fault of data files at once: brand, templates, schemas, tables."""
        faults: list[str] = []
        made: list[tuple[object, str]] = [(self._parts.files, name) for name in WRITTEN]
        made += [(self._parts, name) for name in SHARED]
        made += [(self._outgoing, name) for name in SENT]
        parts: list[Callable[[], object]] = [partial(getattr, owner, name) for owner, name in made]
        beside = (self._rules_alone, lambda: self.identity_provider, self._outgoing.returned_mail, *self._texts)
        for make in (*parts, *beside):
            try:
                make()
            except Misconfigured as error:
                faults += [fault for fault in error.faults if fault not in faults]
        cluster = kafka_of(self._parts.settings)
        return faults + (cluster.faults() if cluster else [])

    def _rules_alone(self) -> None:
        """Read the rules where faulty texts kept the policy from being made; raises Misconfigured."""
        if "policies" in vars(self._parts):
            return
        from workers.usecases.rules.active_policy import check_rules

        check_rules(self._parts.files.data)

    @property
    def _texts(self) -> tuple[Callable[[], None], ...]:
        """What is asked of the texts that people read."""
        return self._catalogs, self._sms

    def _catalogs(self) -> None:
        """See that each catalog counts as its language does; raises Misconfigured."""
        from workers.domain.mail.catalog_faults import faults_of_catalogs

        if faults := faults_of_catalogs(self._parts.files.templates.catalogs):
            raise Misconfigured(faults)

    def _sms(self) -> None:
        """See that what sends SMS is set up, and that no text takes too many; raises Misconfigured."""
        if self._outgoing.text_carrier() is None:
            return
        from workers.usecases.sms.texts import faults_of_texts

        templates = self._parts.files.templates
        faults = faults_of_texts(templates.catalogs, templates.brand.name, self._parts.links)
        if faults:
            raise Misconfigured(faults)

    @cached_property
    def identity_provider(self) -> str:
        """Return the address of the identity provider, if any; raises Misconfigured without the library for it."""
        if self._parts.settings.oidc_issuer and importlib.util.find_spec("authlib") is None:
            raise Misconfigured(["BOUCLE_OIDC_ISSUER needs a library: pip install 'boucle[oidc]'"])
        return self._parts.settings.oidc_issuer

    def sample_values(self) -> list[str]:
        """Return which values of the brand are still the sample shop's. Raises Misconfigured."""
        return self._parts.files.sample_values(self._parts.files.brand)

    def weaknesses(self) -> list[SettingFault]:
        """Return which settings are weak for the address that the pages are bound to."""
        return weak_settings(self._parts.settings, self.surroundings())

    def surroundings(self) -> Surroundings:
        """Return what decides beside the settings whether they are weak; what cannot be read is no weakness."""
        sample, has_keys = list[str](), True
        with suppress(Misconfigured):  # told as a fault of the brand
            sample = self.sample_values()
        with suppress(NotNow, Misconfigured, DBAPIError):  # told as a fault of the database
            has_keys = self._has_api_keys()
        return Surroundings(has_keys, sample)

    def _has_api_keys(self) -> bool:
        if not self._parts.has_database or schema_of(self._parts.store) < MINIMUM:
            return False
        rows, now = ApiKeys(self._parts.store).list_all()
        return any(state_of(row, now) == Outcome.ALLOWED for row in rows)

    def is_demo(self) -> bool:
        """Tell whether the database holds the year of a demo. Raises NotNow."""
        if not self._parts.has_database or schema_of(self._parts.store) < MINIMUM:
            return False
        with self._parts.store.reading() as connection:
            return is_demo(connection)
