"""What all roles and verbs share of one installation: its files, database, clock, keys and rules.

Each part is made when it is first asked for. What nobody may change while only looking is not made at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from workers.adapters.clock import Clock, StoredClock, SystemClock
from workers.adapters.home import SQLITE, Home, make_database_file
from workers.adapters.text_files import live_texts
from workers.app.files import Files
from workers.app.keys import Keys
from workers.app.settings_values import patience_of, sending_of
from workers.domain.mail.compose import Brand
from workers.domain.mail.links import Links
from workers.domain.types import Ids
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store.connection import ArgumentError
from workers.store.engine import Store
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.rules.active_policy import Policies
from workers.usecases.rules.summary import content_in_use


@dataclass(frozen=True)
class Parts:
    """The shared parts of one installation, made from its settings."""

    settings: Settings
    given_clock: Clock | None = None
    given_sending: Sending | None = None
    lenient: bool = False
    """Whether rules that were in use go on where their files are faulty now: for verbs, never for a role's start."""
    given_brand: Brand | None = None
    looking: bool = False
    """Whether nothing may be made, neither a database nor a secret: for `boucle check`."""

    @cached_property
    def files(self) -> Files:
        """What operators write: brand, mails, schemas."""
        return Files(self.settings, self.lenient, self.given_brand)

    @cached_property
    def store(self) -> Store:
        """Return the SQL store. Raises Misconfigured for an address that names no database we know."""
        address = self.settings.database
        if address.startswith(SQLITE) and not self.looking:
            make_database_file(Path(address.removeprefix(SQLITE)))
        try:
            return Store(address, patience_of(self.settings))
        except (ArgumentError, ImportError) as error:
            raise Misconfigured(
                ["BOUCLE_DATABASE_URL cannot be read: write postgresql://USER:PASSWORD@HOST:5432/NAME."]
            ) from error

    @property
    def has_database(self) -> bool:
        """Tell whether there is a database to ask; only an embedded one may be missing."""
        address = self.settings.database
        return not address.startswith(SQLITE) or Path(address.removeprefix(SQLITE)).is_file()

    @cached_property
    def clock(self) -> Clock:
        """Business time: the stored clock of a trial or a demo where one is set, else the machine's."""
        if self.given_clock is not None:
            return self.given_clock
        stored = StoredClock(self.store)
        wanted = self.settings.clock
        return stored if wanted == "stored" or (wanted == "auto" and stored.is_set()) else SystemClock()

    @property
    def now(self) -> Callable[[], datetime]:
        """What reads business time, to hand to a use case; the clock is asked at each call."""
        return self.clock.now

    @cached_property
    def home(self) -> Home:
        """Return the folder of the embedded database, the mailbox and the secrets that were made up."""
        return Home(self.settings.home)

    @cached_property
    def keys(self) -> Keys:
        """What signs links and forms, and what ids derive from."""
        return Keys(self.settings, self.home, looking=self.looking)

    @cached_property
    def ids(self) -> Ids:
        """Return what derives ids; first asked for after the key was settled."""
        return self.keys.ids()

    @cached_property
    def links(self) -> Links:
        """What makes and reads the signed links of mails and pages."""
        return Links(self.keys.signing, self.settings.base_url)

    @cached_property
    def policies(self) -> Policies:
        """The rules in use, which look at their files again when a role says so."""
        earlier = self._in_use_before if self.lenient else None
        files = self.files
        texts = live_texts(files.data, files.templates, files.codec, self._brand_now)
        return Policies(files.data, self.settings, files.templates, self.ids, self.links, earlier, texts)

    def _brand_now(self) -> Brand:
        """Read the brand again; one that became the sample shop's while mails leave raises Misconfigured."""
        brand = self.files.read_brand()
        samples = self.files.sample_values(brand)
        if self.settings.has_smtp and samples and not self.sending.blocked:
            raise Misconfigured([f"templates/brand.yaml holds the sample shop's {', '.join(samples)}: write your own"])
        return brand

    def _in_use_before(self, place: str) -> str | None:
        """Return the content that roles have in use in a place; None where none ever had."""
        with self.store.reading() as connection:
            return content_in_use(connection, place)

    @cached_property
    def sending(self) -> Sending:
        """Whether and how mails leave, as the settings say it; what an operator paused is not in it."""
        return self.given_sending or sending_of(self.settings, self.files.brand, self.files.data)
