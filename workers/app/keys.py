"""Keys: what signs links and forms, and what ids derive from; given, kept in HOME, or made up at the first start."""

from contextlib import suppress
from datetime import datetime
from functools import cached_property

from workers.adapters.home import ID_SECRET, SIGNING_SECRET, Home
from workers.app.settings_values import given_keys, id_keys
from workers.domain.types import Ids
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store.engine import Store
from workers.usecases.operation.id_key import fitting_key, settle_id_key, settle_signing_key, signing_fingerprint


class Keys:
    """The keys that one machine has. While only `looking`, none is made up."""

    def __init__(self, settings: Settings, home: Home, *, looking: bool) -> None:
        self._settings = settings
        self._home = home
        self._looking = looking
        self._settled = ""

    @cached_property
    def signing(self) -> list[str]:
        """Return the keys that sign links and forms, the current one first; one is made up where none is set."""
        return given_keys(self._settings) or [self._made_up(SIGNING_SECRET)]

    @property
    def of_ids(self) -> str:
        """Return the key of ids: once settled, the one that the database says it is."""
        return self._settled or self._likely

    @cached_property
    def _likely(self) -> str:
        return next(iter(id_keys(self._settings)), "") or self._made_up(ID_SECRET)

    def _made_up(self, name: str) -> str:
        if self._looking:
            return self._home.secret(name) or "nothing is made while looking"
        return self._home.make_up_secret(name)

    def ids(self) -> Ids:
        """Return what derives ids: a key of its own, so that a new secret for links changes no id."""
        return Ids(self.of_ids.encode())

    def settle(self, store: Store, now: datetime) -> None:
        """Find the key of ids that the database began with, and keep it for the next start. Idempotent.

        Raises Misconfigured when this machine has another one, or would make up a key beside another machine's; NotNow.
        """
        candidates = id_keys(self._settings)
        if not candidates:
            with store.reading() as connection:
                fitting_key(connection, [])  # refuses before a key is made up
            candidates = [self._home.make_up_secret(ID_SECRET)]
        self._settled = settle_id_key(store, candidates, now)
        if not self._settings.id_secret.get_secret_value():
            with suppress(Misconfigured):  # a HOME that cannot be written keeps no secret
                self._home.keep_secret(ID_SECRET, self._settled)
        if not store.sqlite:
            settle_signing_key(store, self.signing[0], now, made_up=not given_keys(self._settings))

    def faults(self, store: Store) -> list[str]:
        """Return why this machine's keys do not fit a database, changing nothing. Raises NotNow."""
        try:
            with store.reading() as connection:
                fitting_key(connection, id_keys(self._settings))
                if not store.sqlite and not given_keys(self._settings):
                    signing_fingerprint(connection, self._home.secret(SIGNING_SECRET), made_up=True)
        except Misconfigured as error:
            return error.faults
        return []
