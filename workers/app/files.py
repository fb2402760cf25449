"""The files of one installation that operators write: brand, mails, schemas and the event map, read once each.

What an operator has not written is the shipped file. The rule tables are read beside these, by what takes edits over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from workers.adapters.resources import Data
from workers.errors import Misconfigured
from workers.settings import Settings

if TYPE_CHECKING:  # a command that looks reads few of these: each is imported where it is read
    from workers.cloudevents import Codec
    from workers.domain.mail.compose import Brand, Templates
    from workers.domain.mail.compose.kinds import MailKinds

T = TypeVar("T")


def tell_nobody(sentence: str) -> None:
    """Say nothing: a role's log says what it reads late."""


@dataclass(frozen=True)
class Files:
    """Reads each file when it is first asked for; whoever reads a faulty one gets Misconfigured with every fault."""

    settings: Settings
    lenient: bool = False
    """Whether shipped files stand in for faulty ones: for verbs, never for a role's start."""
    given_brand: "Brand | None" = None
    tell: Callable[[str], None] = tell_nobody
    """Hears of each fault that was passed over, when the file is read."""
    passed_over: list[str] = field(default_factory=list)
    """Faults of files that were read in their shipped form instead, because of `lenient`."""

    @cached_property
    def data(self) -> Data:
        """Where templates, tables and schemas are read from."""
        return Data(self.settings.overrides)

    @cached_property
    def brand(self) -> "Brand":
        """The company as its customers see it, as it was when first read."""
        from workers.domain.mail.compose import Brand

        return self.given_brand or self._readable(Brand.load)

    def read_brand(self) -> "Brand":
        """Read the brand again, as it is now. Raises Misconfigured."""
        from workers.domain.mail.compose import Brand

        return self.given_brand or Brand.load(self.data)

    def sample_values(self, brand: "Brand") -> list[str]:
        """Return which values of a brand were never changed from the sample shop's."""
        from workers.domain.mail.compose import Brand

        return brand.sample_values(Brand.sample(self.data.shipped()))

    @cached_property
    def templates(self) -> "Templates":
        """Every kind of mail in every language, with the brand in it; each is proved to render."""
        from workers.domain.mail.compose import Templates

        return self._readable(lambda data: Templates.load(data, self.brand))

    @cached_property
    def mail_kinds(self) -> "MailKinds":
        """Which kinds of mail there are, for who decides by the rules and writes none: no template is tried."""
        from workers.domain.mail.compose.kinds import MailKinds

        return self._readable(lambda data: MailKinds.load(data, self.brand))

    @cached_property
    def codec(self) -> "Codec":
        """What reads events, by the schemas and the event map."""
        return self._readable(self._codec_of)

    def _codec_of(self, data: Data) -> "Codec":
        """Return the codec of the schemas and event types in a place; raises Misconfigured with every fault."""
        from zoneinfo import available_timezones

        from workers.cloudevents import Codec, EventMap, read_schemas

        names = [name for name in data.list("schemas/in") if name.endswith(".json")]
        files = {f"in/{name}": data.read(f"schemas/in/{name}") for name in names}
        files["parts.json"] = data.read("schemas/parts.json")
        return Codec(
            read_schemas(files),
            EventMap.load(data.read("rules/events.csv")),
            self.settings.max_event_bytes,
            zones=available_timezones(),
        )

    def _readable(self, read: Callable[[Data], T]) -> T:
        """Read files of the operator's; where `lenient` passes faults over, the shipped ones stand in for faulty ones.

        An operator must be able to pause and to look while a file is faulty: what runs goes on with what it had.
        """
        try:
            return read(self.data)
        except Misconfigured as error:
            if not self.lenient or self.settings.overrides is None:
                raise
            shipped = read(Data(None))
            for fault in error.faults:
                if fault not in self.passed_over:
                    self.passed_over.append(fault)
                    self.tell(
                        f"{fault} What runs goes on with what it had; this command reads the shipped file instead."
                    )
            return shipped
