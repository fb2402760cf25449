"""What all roles and verbs share of one installation: its files, database, clock, keys and rules.

Each part is made when it is first asked for. What nobody may change while only looking is not made at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workers.adapters.clock import Clock, StoredClock, SystemClock
from workers.adapters.home import SQLITE, Home, make_database_file
from workers.app.files import Files, tell_nobody
from workers.app.settings_values import patience_of, sending_of
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store.connection import ArgumentError
from workers.store.engine import Store

if TYPE_CHECKING:  # a command that looks needs few of these: each is imported where it is made
    from workers.app.keys import Keys
    from workers.domain.mail.compose import Brand
    from workers.domain.mail.links import Links
    from workers.domain.policy import Policy
    from workers.domain.types import Ids
    from workers.usecases.delivery.send_controls import Sending
    from workers.usecases.rules.active_policy import Policies


def refused_edits(policies: "Policies") -> list[str]:
    """Return a sentence for each edit of the rules that was not taken over."""
    return [
        f"{name}: the edit is refused, version {refused.live_version[:12]} goes on; `boucle status` says why."
        for name, refused in policies.refused().items()
    ]


@dataclass(frozen=True)
class Parts:
    """The shared parts of one installation, made from its settings."""

    settings: Settings
    given_clock: Clock | None = None
    given_sending: "Sending | None" = None
    lenient: bool = False
    """Whether rules that were in use go on where their files are faulty now: for verbs, never for a role's start."""
    given_brand: "Brand | None" = None
    tell: Callable[[str], None] = tell_nobody
    """Hears what a `lenient` start takes otherwise than it stands in the files, when it reads them."""
    looking: bool = False
    """Whether nothing may be made, neither a database nor a secret: for `boucle check`."""

    @cached_property
    def files(self) -> Files:
        """What operators write: brand, mails, schemas."""
        return Files(self.settings, self.lenient, self.given_brand, self.tell)

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
    def keys(self) -> "Keys":
        """What signs links and forms, and what ids derive from."""
        from workers.app.keys import Keys

        return Keys(self.settings, self.home, looking=self.looking)

    @cached_property
    def ids(self) -> "Ids":
        """Return what derives ids; first asked for after the key was settled."""
        return self.keys.ids()

    @cached_property
    def links(self) -> "Links":
        """What makes and reads the signed links of mails and pages."""
        from workers.domain.mail.links import Links

        return Links(self.keys.signing, self.settings.base_url)

    @cached_property
    def policies(self) -> "Policies":
        """The rules in use, which look at their files again when a role says so.

        A verb keeps them in the store by their versions when it reads them. What a verb decides names mails and writes
        none: it reads what kinds there are, and tries no template.
        """
        from workers.usecases.rules.active_policy import Policies

        files = self.files
        if not self.lenient:
            from workers.adapters.text_files import live_texts

            texts = live_texts(files.data, files.templates, files.codec, self._brand_now)
            return Policies(files.data, self.settings, files.templates, self.ids, self.links, None, texts)
        policies = Policies(files.data, self.settings, files.mail_kinds, self.ids, self.links, self._in_use_before)
        policies.remember(self.store, self.now())
        for sentence in refused_edits(policies):
            self.tell(sentence)
        return policies

    def policy(self) -> "Policy":
        """Return the policy in use; the rules are read when it is first asked for. Raises Misconfigured."""
        return self.policies.current()

    def _brand_now(self) -> "Brand":
        """Read the brand again; one that became the sample shop's while mails leave raises Misconfigured."""
        brand = self.files.read_brand()
        samples = self.files.sample_values(brand)
        if self.settings.has_smtp and samples and not self.sending.blocked:
            raise Misconfigured([f"templates/brand.yaml holds the sample shop's {', '.join(samples)}: write your own"])
        return brand

    def _in_use_before(self, place: str) -> str | None:
        """Return the content that roles have in use in a place; None where none ever had."""
        from workers.usecases.rules.summary import content_in_use

        with self.store.reading() as connection:
            return content_in_use(connection, place)

    @cached_property
    def sending(self) -> "Sending":
        """Whether and how mails leave, as the settings say it; what an operator paused is not in it."""
        return self.given_sending or sending_of(self.settings, self.files)
