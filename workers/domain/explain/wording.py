"""The words of one explanation: in which language it is told, in whose zone dates are said, and which year needs none.

Knows no story: what is said is handed in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers.domain.explain import words
from workers.domain.explain.engine_words import in_words_of
from workers.domain.explain.names import inside, name_in
from workers.domain.mail.translations import Catalog


@dataclass(frozen=True, slots=True)
class Wording:
    """The functions of `words` for one catalog, one zone (the brand's) and one instant from which dates are seen."""

    catalog: Catalog
    zone: str
    now: datetime

    def say(self, id: str, /, **values: object) -> str:
        """Return one text of explain; raises Never for an id that there is not."""
        return words.say(id, self.catalog, **values)

    def there_is(self, id: str) -> bool:
        """Tell whether explain has such a text: an operator's own names have none."""
        return words.there_is(id, self.catalog)

    def lead(self, state: StrEnum) -> str:
        """Return the first words of a sentence about a state."""
        return words.lead(state, self.catalog)

    def why(self, lead: str, why: str) -> str:
        """Return a sentence: where something stands, and why."""
        return words.sentence(self.say("why", lead=lead, why=why))

    def clause(self, reason: str, places: Mapping[str, str] | None = None, *, over: bool = False) -> str:
        """Return a reason as a clause, `over` as of when it was decided for good; a row without one says so."""
        if not reason:
            return self.say("no-reason")
        return words.clause(reason, places or {}, self.catalog, over=over)

    def cause(self, event: str) -> str:
        """Return a contrary event as the fact that it is: `churned` is that the customer left."""
        return words.cause(event, self.catalog)

    def held_by(self, event: str, *, ended: bool | None = None) -> str:
        """Return what a hold waits for: what lasts, or the days after its end; both where `ended` is None."""
        return words.held_by(event, self.catalog, ended=ended)

    def together(self, clauses: Iterable[str], id: str = "and-then") -> str:
        """Return clauses as one, in their order; there is at least one."""
        return words.together(clauses, self.catalog, id)

    def name(self, id: str) -> str:
        """Return what a touchpoint, a mail, a trigger or a next step is called."""
        return inside(name_in(id, self.catalog))

    def day(self, at: datetime) -> str:
        """Return a date as a person says it."""
        return words.day(at, self.zone, self.now, self.catalog)

    def moment(self, at: datetime) -> str:
        """Return date and time as a person says them."""
        return words.moment(at, self.zone, self.now, self.catalog)

    def translated(self, text: str) -> str:
        """Return a sentence of the engine in the reader's language; other people's words are marked."""
        return in_words_of(text, self.catalog).rstrip(".")
