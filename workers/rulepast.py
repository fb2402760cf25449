"""What an installation remembers of its rule tables: past responses, past events, decisions and live versions.

The `Stored` that `boucle rules` and the page of the tables ask (workers.ruletable.stored). Changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import cast

from workers.duetime import in_zone
from workers.ruletable import Inputs, Known, PastEvent, PastResponse, Table, from_content
from workers.ruletable.reading import ON
from workers.store import rulepast
from workers.store.engine import Store
from workers.store.rulepast import PastDecision, PastJourney, PastStop


class StoredRules:
    """Reads the past of the rule tables from the store."""

    def __init__(self, store: Store, known: Callable[[], Known | None], zone: Callable[[], str]) -> None:
        """Take the store, what names in a table may refer to, and the zone in which a rule's days begin and end."""
        self._store = store
        self._known = known
        self._zone = zone

    def known(self) -> Known | None:
        """Return the templates, triggers and actions that exist."""
        return self._known()

    def responses(self, since: datetime | None) -> Iterator[PastResponse]:
        """Give past responses with the inputs of their current decision, oldest first. Raises NotNow."""
        zone = self._zone()
        with self._store.reading() as connection:
            for one in rulepast.decisions(connection, since):
                yield PastResponse(one.response, one.customer, one.answered_at, inputs_of(one, zone))

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        """Return what is still known of journey and contrary events, oldest first. Raises NotNow."""
        with self._store.reading() as connection:
            found = [
                *journey_events(rulepast.journeys(connection, since)),
                *stop_events(rulepast.stops(connection, since)),
            ]
        return sorted(found, key=lambda one: (one.at, one.id))

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        """Return the inputs of a response's current decision and the content of the table that made it, or None."""
        with self._store.reading() as connection:
            decision = rulepast.decision_of(connection, response_id)
            content = rulepast.content_of(connection, decision.version) if decision else None
        return (inputs_of(decision, self._zone()), content) if decision and content is not None else None

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        """Return the versions of a table that have been live, latest first, with the time of each."""
        with self._store.reading() as connection:
            found = rulepast.live_versions(connection, name)
        return [(one.at, from_content(one.content)) for one in found]


def inputs_of(decision: PastDecision, zone: str) -> Inputs:
    """Return a decision's inputs as the engine takes them; tables with dated rows see the day of the answer."""
    given = dict(decision.inputs)
    day = given.get(ON)
    on = date.fromisoformat(day) if isinstance(day, str) else in_zone(decision.answered_at, zone).date()
    return cast("Inputs", {**given, ON: on})


def journey_events(journeys: Iterable[PastJourney]) -> Iterator[PastEvent]:
    """Give the events that began journeys: one event may have begun several, of which one bears its name."""
    by_event: dict[tuple[str, str, datetime], list[PastJourney]] = defaultdict(list)
    for one in journeys:
        by_event[one.customer, one.event, one.anchor_at].append(one)
    for (customer, event, at), begun in by_event.items():
        named = next((one for one in begun if one.reference), begun[0])
        yield PastEvent(event, customer, named.trigger, at, named.reference)


def stop_events(stops: Iterable[PastStop]) -> Iterator[PastEvent]:
    """Give contrary events, each once, whatever number of rows of the contrary table it met."""
    seen: set[tuple[str, str, str, datetime]] = set()
    for one in stops:
        key = (one.customer, one.event, one.cause, one.from_at)
        if key not in seen:
            seen.add(key)
            yield PastEvent(one.event, one.customer, one.cause, one.from_at, one.reference)
