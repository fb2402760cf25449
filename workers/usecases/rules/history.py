"""What an installation remembers of its rule tables: past responses, past events, decisions and live versions.

The `Stored` that `boucle rules` and the page of the tables ask (workers.decision_table.trials.installation). Changes
nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import cast

from workers.calendar import in_zone
from workers.decision_table import Inputs, KnownNames, PastEvent, PastResponse, Table, from_content
from workers.decision_table.files.reader import ON
from workers.decision_table.model.table import Cell
from workers.decision_table.trials.installation import Disagreed, Sample
from workers.domain.compiled_tables.cells import yes_no
from workers.domain.types import DecisionState
from workers.errors import BadInput
from workers.store.counts import running_counts
from workers.store.engine import Store
from workers.store.rules import past
from workers.store.rules.past import PastDecision, PastJourney, PastStop, PastTouchpoint


class StoredRules:
    """Reads the past of the rule tables from the store."""

    def __init__(self, store: Store, names: Callable[[], KnownNames | None], zone: Callable[[], str]) -> None:
        """Take the store, what names in a table may refer to, and the zone in which a rule's days begin and end."""
        self._store = store
        self._names = names
        self._zone = zone

    def known_names(self) -> KnownNames | None:
        """Return the templates, triggers and actions that exist."""
        return self._names()

    def responses(self, since: datetime | None) -> Iterator[PastResponse]:
        """Give past responses with the inputs of their current decision, oldest first. Raises NotNow."""
        zone = self._zone()
        with self._store.reading(patient=True) as connection:
            for decision in past.decisions(connection, since):
                yield PastResponse(
                    decision.response, decision.customer, decision.answered_at, inputs_of(decision, zone)
                )

    def sample(self, most: int) -> Sample:
        """Return at most so many past responses, spread over their time, and how many there are. Raises NotNow."""
        zone = self._zone()
        with self._store.reading(patient=True) as connection:
            rows = past.sampled_decisions(connection, most)
            total = running_counts.by_state(connection, ["decisions"])["decisions"].get(DecisionState.CURRENT, 0)
        responses = [PastResponse(row.response, row.customer, row.answered_at, inputs_of(row, zone)) for row in rows]
        return Sample(responses, max(total, len(responses)))

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        """Return what is still known of journey and contrary events, oldest first. Raises NotNow.

        Of several events for one journey the first is known, and those that planned a touchpoint of their own.
        """
        with self._store.reading(patient=True) as connection:
            begun = list(journey_events(past.journeys(connection, since)))
            later = list(past.later_touchpoints(connection, since))
            stops = list(stop_events(past.stops(connection, since)))
            plans = {event.version: past.content_of(connection, event.version) for event in later}
        tables = {version: table for version, content in plans.items() if (table := readable(content)) is not None}
        events = [*begun, *stops]
        begun_at = {(event.customer, event.at) for event in begun}
        events += [event for event in later_events(later, tables) if (event.customer, event.at) not in begun_at]
        first_of_each = {(event.customer, event.event, event.at): event for event in reversed(events)}
        return sorted(first_of_each.values(), key=lambda event: (event.at, event.id))

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        """Return the inputs of a response's current decision and the content of the table that made it, or None."""
        with self._store.reading() as connection:
            decision = past.decision_of(connection, response_id)
            content = past.content_of(connection, decision.version) if decision else None
        return (inputs_of(decision, self._zone()), content) if decision and content is not None else None

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        """Return the versions of a table that have been live, latest first, with the time of each.

        What a release before wrote, and this one can no longer read, is left out.
        """
        with self._store.reading() as connection:
            stored = past.live_versions(connection, name)
        return [(version.at, table) for version in stored if (table := readable(version.content)) is not None]

    def disagreements(self, since: datetime | None) -> list[Disagreed]:
        """Return on what candidates beside the tables in use disagreed, by kind. Raises NotNow."""
        with self._store.reading() as connection:
            return past.disagreements(connection, since)


def readable(content: str | None) -> Table | None:
    """Return the table of a stored content, or None when there is none or this release cannot read it."""
    try:
        return from_content(content) if content is not None else None
    except (BadInput, KeyError):
        return None


def inputs_of(decision: PastDecision, zone: str) -> Inputs:
    """Return a decision's inputs as the engine takes them; tables with dated rows see the day of the answer."""
    given = dict(decision.inputs)
    day = given.get(ON)
    on = date.fromisoformat(day) if isinstance(day, str) else in_zone(decision.answered_at, zone).date()
    return cast("Inputs", {**given, ON: on})


def journey_events(journeys: Iterable[PastJourney]) -> Iterator[PastEvent]:
    """Give the events that began journeys, each once: one may have begun several, some without a reference."""
    by_event: dict[tuple[str, str, datetime], list[PastJourney]] = defaultdict(list)
    for journey in journeys:
        by_event[journey.customer, journey.began, journey.anchor_at].append(journey)
    for (customer, name, at), begun in by_event.items():
        named = next((journey for journey in begun if journey.reference), begun[0])
        expected = None if named.delivery_expected is None else yes_no(named.delivery_expected)
        yield PastEvent(named.event, customer, name, at, named.reference, expected, named.months)


def later_events(touchpoints: Iterable[PastTouchpoint], plans: Mapping[str, Table]) -> Iterator[PastEvent]:
    """Give the events that planned touchpoints into journeys that others began, by what the row asks for."""
    for touchpoint in touchpoints:
        table = plans.get(touchpoint.version)
        rule = next((rule for rule in table.rules if rule.id == touchpoint.rule), None) if table else None
        if table is None or rule is None:
            continue
        cells = {column.name: cell for column, cell in zip(table.inputs, rule.cells, strict=True)}
        events = sorted(cells["event"].values) if "event" in cells and not cells["event"].inverted else []
        if len(events) == 1:
            name = f"{touchpoint.journey}/{touchpoint.step}"
            yield PastEvent(
                name, touchpoint.customer, events[0], touchpoint.anchor_at, touchpoint.reference, None, months_of(cells)
            )


def months_of(cells: Mapping[str, Cell]) -> int | None:
    """Return the one number of months that a row asks for, or None."""
    text = cells["months"].text.strip() if "months" in cells else ""
    return int(text) if text.isdecimal() else None


def stop_events(stops: Iterable[PastStop]) -> Iterator[PastEvent]:
    """Give contrary events, each once, whatever number of rows of the contrary table it met."""
    seen: set[tuple[str, str, str, datetime]] = set()
    for stop in stops:
        key = (stop.customer, stop.event, stop.cause, stop.from_at)
        if key not in seen:
            seen.add(key)
            yield PastEvent(stop.event, stop.customer, stop.cause, stop.from_at, stop.reference)
