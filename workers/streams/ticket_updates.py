"""`boucle.ticket-updates`: what agents did to a ticket in a helpdesk of their own."""

from collections.abc import AsyncIterator
from typing import Any

import faust
from faust.types import EventT

from workers.adapters.kafka import Topic
from workers.streams.batches import RAW, Batching, process_batches
from workers.streams.positions import Positions
from workers.usecases.intake import Intake


def add_ticket_updates(app: faust.App, prefix: str, intake: Intake, positions: Positions, batching: Batching) -> None:
    """Give the app the processor of this topic; `prefix` is the installation's."""
    topic = app.topic(prefix + Topic.TICKET_UPDATES, **RAW)

    @app.agent(topic, name="ticket-updates", concurrency=1)  # type: ignore[untyped-decorator]  # Faust is skipped
    async def ticket_updates(stream: Any) -> AsyncIterator[EventT]:
        async for fetch in process_batches(stream, intake, positions, batching):
            yield fetch
