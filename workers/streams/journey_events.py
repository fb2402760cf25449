"""`boucle.events`: what happens to customers, as CRMs publish it: purchases, deliveries, changes, opt-outs."""

from collections.abc import AsyncIterator
from typing import Any

import faust
from faust.types import EventT

from workers.adapters.kafka import Topic
from workers.streams.batches import RAW, Batching, process_batches
from workers.streams.positions import Positions
from workers.usecases.intake import Intake


def add_journey_events(app: faust.App, prefix: str, intake: Intake, positions: Positions, batching: Batching) -> None:
    """Give the app the processor of this topic; `prefix` is the installation's."""
    topic = app.topic(prefix + Topic.EVENTS, **RAW)

    @app.agent(topic, name="journey-events", concurrency=1)  # type: ignore[untyped-decorator]  # Faust is skipped
    async def journey_events(stream: Any) -> AsyncIterator[EventT]:
        async for fetch in process_batches(stream, intake, positions, batching):
            yield fetch
