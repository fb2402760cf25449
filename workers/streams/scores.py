"""`boucle.scores`: scores that other tools collected, and what the carriers of other channels report."""

from collections.abc import AsyncIterator
from typing import Any

import faust
from faust.types import EventT

from workers.adapters.kafka import Topic
from workers.streams.batches import RAW, Batching, process_batches
from workers.streams.positions import Positions
from workers.usecases.intake import Intake


def add_scores(app: faust.App, prefix: str, intake: Intake, positions: Positions, batching: Batching) -> None:
    """Give the app the processor of this topic; `prefix` is the installation's."""
    topic = app.topic(prefix + Topic.SCORES, **RAW)

    @app.agent(topic, name="scores", concurrency=1)  # type: ignore[untyped-decorator]  # Faust is skipped
    async def scores(stream: Any) -> AsyncIterator[EventT]:
        async for fetch in process_batches(stream, intake, positions, batching):
            yield fetch
