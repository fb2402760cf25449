"""The files of one installation that operators write: brand, mails, schemas and the event map, read once each.

What an operator has not written is the shipped file. The rule tables are read beside these, by what takes edits over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from zoneinfo import available_timezones

from workers.adapters.resources import Data
from workers.cloudevents import Codec, EventMap, read_schemas
from workers.domain.mail.compose import Brand, Templates
from workers.errors import Misconfigured
from workers.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Files:
    """Reads each file when it is first asked for; whoever reads a faulty one gets Misconfigured with every fault."""

    settings: Settings
    lenient: bool = False
    """Whether shipped files stand in for faulty ones: for verbs, never for a role's start."""
    given_brand: Brand | None = None
    passed_over: list[str] = field(default_factory=list)
    """Faults of files that were read in their shipped form instead, because of `lenient`."""

    @cached_property
    def data(self) -> Data:
        """Where templates, tables and schemas are read from."""
        return Data(self.settings.overrides)

    @cached_property
    def brand(self) -> Brand:
        """The company as its customers see it, as it was when first read."""
        return self.given_brand or self._readable(Brand.load)

    def read_brand(self) -> Brand:
        """Read the brand again, as it is now. Raises Misconfigured."""
        return self.given_brand or Brand.load(self.data)

    def sample_values(self, brand: Brand) -> list[str]:
        """Return which values of a brand were never changed from the sample shop's."""
        return brand.sample_values(Brand.sample(self.data.shipped()))

    @cached_property
    def templates(self) -> Templates:
        """Every kind of mail in every language, with the brand in it."""
        return self._readable(lambda data: Templates.load(data, self.brand))

    @cached_property
    def codec(self) -> Codec:
        """What reads events, by the schemas and the event map."""
        return self._readable(self._codec_of)

    def _codec_of(self, data: Data) -> Codec:
        """Return the codec of the schemas and event types in a place; raises Misconfigured with every fault."""
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
            self.passed_over.extend(fault for fault in error.faults if fault not in self.passed_over)
            return shipped
